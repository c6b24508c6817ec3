"""Outcomes that tell nothing new, which are learned from several at a time: one by one takes most of a call's learning.

Such an outcome is a success of a well-known pair, of a model that was surely in memory, in about the time that the pair
usually takes. What it adds is the same whether it is added at once or a few calls later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from langchain_scaffolding.performance.evidence import seconds_per_token
from langchain_scaffolding.performance.means import BLOCK, plus
from langchain_scaffolding.performance.sketch import count, count_all

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_scaffolding.performance.evidence import Evidence
    from langchain_scaffolding.performance.means import Forgetting, Mean
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


def learn_usual(evidence: Evidence, pending: Sequence[Pending], forgetting: Forgetting) -> float | None:
    """Learn from some outcomes as `Evidence.learn` would from one after the other.

    Returns:
        The time of the last one; `None` if it takes more than adding up, and nothing was learned.
    """
    totals, most, latest = evidence.totals, 2 * BLOCK, 0.0
    if totals is None:
        return None
    per_s, base, memory = forgetting.per_s, BLOCK * evidence.block, forgetting.memory
    peak = evidence.peak(forgetting)
    seconds, weights, caps, has_tokens = [], [], [], False
    for _, at, _, total_s, first_token_s, tokens in pending:
        half_lives = at * per_s - base
        if half_lives > most:
            return None
        weight = 2.0**half_lives
        if weight > peak:  # noqa: PLR1730 - a call takes longer than all of this
            peak = weight
        if at > latest:  # noqa: PLR1730
            latest = at
        seconds.append(total_s)
        weights.append(weight)
        caps.append(memory * peak)
        if tokens or first_token_s is not None:
            has_tokens = True
    evidence.last_at = max(evidence.last_at, latest)
    evidence.calls += len(seconds)
    _add_successes(evidence, seconds, weights, caps)
    count_all(totals, seconds, weights)
    if has_tokens:
        _add_tokens(evidence, pending, weights, caps)
    return latest


def _add_successes(
    evidence: Evidence, seconds: Sequence[float], weights: Sequence[float], caps: Sequence[float]
) -> None:
    before, total, kept = evidence.warm.real, evidence.warm.imag, 1.0
    held = before
    # as `plus` does it, of which a call takes longer
    for value, weight, cap in zip(seconds, weights, caps, strict=True):
        mass = held + weight
        if mass > cap:
            shrink = cap / mass
            held, total, kept = cap, (total + value * weight) * shrink, kept * shrink
        else:
            held, total = mass, total + value * weight
    evidence.warm = complex(held, total)
    success, acceptance = evidence.success, evidence.acceptance
    evidence.success = _with_ones(success, before, held, kept, weights, caps)
    same = acceptance == success
    evidence.acceptance = evidence.success if same else _with_ones(acceptance, before, held, kept, weights, caps)


def _with_ones(
    share: Mean, before: float, held: float, kept: float, weights: Sequence[float], caps: Sequence[float]
) -> Mean:
    """A share with as many successes, where a mean had one weight before them and another after them."""
    if share.real == before:
        # with the same weight it shrinks in the same steps, and what it lacks of a mean of 1 only shrinks
        return complex(held, held - (before - share.imag) * kept)
    for weight, cap in zip(weights, caps, strict=True):
        share = plus(share, 1.0, weight, cap)
    return share


def _add_tokens(
    evidence: Evidence, pending: Sequence[Pending], weights: Sequence[float], caps: Sequence[float]
) -> None:
    first_tokens = evidence.first_tokens
    held, total = evidence.token_seconds.real, evidence.token_seconds.imag
    for (_, _, _, total_s, first_token_s, tokens), weight, cap in zip(pending, weights, caps, strict=True):
        if first_token_s is not None:
            first_tokens = count(first_tokens, first_token_s, weight)
        value = seconds_per_token(total_s, first_token_s, tokens)
        if value is not None:
            # again as `plus` does it
            mass, total = held + weight, total + value * weight
            if mass > cap:
                mass, total = cap, total * (cap / mass)
            held = mass
    evidence.first_tokens = first_tokens
    evidence.token_seconds = complex(held, total)
