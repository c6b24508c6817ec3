"""Outcomes that tell nothing new, which are learned from several at a time: one by one takes most of a call's learning.

Such an outcome is a success of a well-known pair, of a model that was surely in memory, in about the time that the pair
usually takes. What it adds is the same whether it is added at once or a few calls later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from langchain_scaffolding.performance.evidence import seconds_per_token
from langchain_scaffolding.performance.means import BLOCK, Mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_scaffolding.performance.evidence import Evidence
    from langchain_scaffolding.performance.means import Forgetting, Timing
    from langchain_scaffolding.performance.sources import Pair

WELL_KNOWN = 40
"""Calls from which on a pair is well known."""

SLOW_FACTOR = 2.0
"""An answer that took so many times the mean is learned from at once: a model that has become slow is left soon."""


Pending: TypeAlias = "tuple[Pair, float, str, float, float | None, int | None]"
"""What counts of an outcome that is still to be learned from: the first values of a `Success`."""


class Success(NamedTuple):
    """An outcome that tells nothing new."""

    pair: Pair
    at: float
    decision_id: str
    total_s: float
    first_token_s: float | None
    output_tokens: int | None
    error: str | None = None
    measured: bool = True
    pinned: bool = False


def learn_usual(evidence: Evidence, pending: Sequence[Pending], forgetting: Forgetting) -> bool:
    """Learn from some outcomes as `Evidence.learn` would from one after the other.

    Returns:
        False if it takes more than adding up, and nothing was learned.
    """
    warm, most = evidence.warm, 2 * BLOCK
    if warm is None:
        return False
    per_s, base, memory, peak = forgetting.per_s, BLOCK * evidence.block, forgetting.memory, evidence.peak
    seconds, weights, caps, has_tokens = [], [], [], False
    for _, at, _, total_s, first_token_s, tokens in pending:
        half_lives = at * per_s - base
        if half_lives > most:
            return False
        weight = 2.0**half_lives
        if weight > peak:  # noqa: PLR1730 - a call takes longer than all of this
            peak = weight
        seconds.append(total_s)
        weights.append(weight)
        caps.append(memory * peak)
        if tokens or first_token_s is not None:
            has_tokens = True
    evidence.peak = peak
    evidence.last_at = max([evidence.last_at, *[one[1] for one in pending]])
    evidence.calls += len(seconds)
    evidence.measured += len(seconds)
    _add_successes(evidence, warm, seconds, weights, caps)
    warm.totals.add_all(seconds, weights)
    if has_tokens:
        _add_tokens(evidence, warm, pending, weights, caps)
    return True


def _add_successes(
    evidence: Evidence, warm: Timing, seconds: Sequence[float], weights: Sequence[float], caps: Sequence[float]
) -> None:
    mean = warm.seconds
    before, held, total, kept = mean.weight, mean.weight, mean.total, 1.0
    # as `Mean.add` does it, of which a call takes longer
    for value, weight, cap in zip(seconds, weights, caps, strict=True):
        mass = held + weight
        if mass > cap:
            shrink = cap / mass
            held, total, kept = cap, (total + value * weight) * shrink, kept * shrink
        else:
            held, total = mass, total + value * weight
    mean.weight, mean.total = held, total
    for share in (evidence.success, evidence.acceptance):
        if share.weight == before:
            # with the same weight it shrinks in the same steps, and what it lacks of a mean of 1 only shrinks
            share.weight, share.total = held, held - (before - share.total) * kept
        else:
            for weight, cap in zip(weights, caps, strict=True):
                share.add(1.0, weight, cap)


def _add_tokens(
    evidence: Evidence, warm: Timing, pending: Sequence[Pending], weights: Sequence[float], caps: Sequence[float]
) -> None:
    for (*_, total_s, first_token_s, tokens), weight, cap in zip(pending, weights, caps, strict=True):
        if first_token_s is not None:
            if warm.first_tokens is None:
                warm.first_tokens = type(warm.totals)()
            warm.first_tokens.add(first_token_s, weight)
        per_token = seconds_per_token(total_s, first_token_s, tokens)
        if per_token is not None:
            if evidence.token_seconds is None:
                evidence.token_seconds = Mean()
            evidence.token_seconds.add(per_token, weight, cap)
