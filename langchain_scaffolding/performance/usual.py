"""Outcomes that tell nothing new, which are learned from several at a time: one by one takes most of a call's learning.

Such an outcome is a success of a well-known pair, of a model that was surely in memory, in about the time that the pair
usually takes. What it adds is the same whether it is added at once or a few calls later.
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from langchain_scaffolding.performance.evidence import seconds_per_token
from langchain_scaffolding.performance.means import BLOCK, Mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from langchain_scaffolding.performance.evidence import Evidence
    from langchain_scaffolding.performance.means import Forgetting, Timing
    from langchain_scaffolding.performance.sources import Pair

WELL_KNOWN = 32
"""Calls from which on a pair is well known."""

# An answer that took so many times the mean is learned from at once, so that a model that has become slow is left soon.
_SLOW_FACTOR = 2.0


class Usual(NamedTuple):
    """What a success of a pair must keep to, to tell nothing new.

    Attributes:
        pair: The pair.
        below_s: It took less than this.
        before: It began before this time, when the model was surely still in memory.
    """

    pair: Pair
    below_s: float
    before: float


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


def usual_of(
    pair: Pair, evidence: Evidence | None, mean_s: float | None, last_use: float | None, idle_s: float
) -> Usual | None:
    """What is usual for a pair; `None` while it is not known well enough."""
    if mean_s is None or last_use is None or evidence is None:
        return None
    if evidence.calls < WELL_KNOWN or evidence.warm is None:
        return None
    return Usual(pair, _SLOW_FACTOR * mean_s, last_use + idle_s)


def learn_usual(evidence: Evidence, pending: Sequence[Pending], forgetting: Forgetting) -> bool:
    """Learn from some outcomes as `Evidence.learn` would from one after the other.

    Returns:
        False if it takes more than adding up, and nothing was learned.
    """
    _, ats, _, seconds, first_tokens, tokens = zip(*pending, strict=True)
    per_s, base, last = forgetting.per_s, BLOCK * evidence.block, max(ats)
    warm = evidence.warm
    if warm is None or last * per_s - base > 2 * BLOCK:
        return False
    weights = [2.0 ** (at * per_s - base) for at in ats]
    peaks = [*accumulate(weights, max, initial=evidence.peak)]
    caps = [forgetting.memory * peak for peak in peaks[1:]]
    evidence.peak = peaks[-1]
    evidence.last_at = max(evidence.last_at, last)
    evidence.calls += len(ats)
    evidence.measured += len(ats)
    held, kept = warm.seconds.weight, _add(warm.seconds, seconds, weights, caps)
    for mean in (evidence.success, evidence.acceptance):
        if mean.weight == held:
            # with the same weight it shrinks in the same steps, and what it lacks of a mean of 1 only shrinks
            mean.weight, mean.total = warm.seconds.weight, warm.seconds.weight - (held - mean.total) * kept
        else:
            _add(mean, [1.0] * len(ats), weights, caps)
    warm.totals.add_all(seconds, weights)
    if first_tokens.count(None) < len(ats):
        _add_first_tokens(warm, first_tokens, weights)
    if any(tokens):
        _add_tokens(evidence, pending, weights, caps)
    return True


def _add(mean: Mean, values: Iterable[float], weights: Iterable[float], caps: Iterable[float]) -> float:
    """Count values as `Mean.add` would; return how much of what was there before is kept."""
    held, total, kept = mean.weight, mean.total, 1.0
    for value, weight, cap in zip(values, weights, caps, strict=True):
        mass = held + weight
        if mass > cap:
            shrink = cap / mass
            held, total, kept = cap, (total + value * weight) * shrink, kept * shrink
        else:
            held, total = mass, total + value * weight
    mean.weight, mean.total = held, total
    return kept


def _add_first_tokens(warm: Timing, first_tokens: Iterable[float | None], weights: Iterable[float]) -> None:
    if warm.first_tokens is None:
        warm.first_tokens = type(warm.totals)()
    for first_token_s, weight in zip(first_tokens, weights, strict=True):
        if first_token_s is not None:
            warm.first_tokens.add(first_token_s, weight)


def _add_tokens(
    evidence: Evidence, pending: Iterable[Pending], weights: Iterable[float], caps: Iterable[float]
) -> None:
    if evidence.token_seconds is None:
        evidence.token_seconds = Mean()
    for one, weight, cap in zip(pending, weights, caps, strict=True):
        per_token = seconds_per_token(Success(*one))
        if per_token is not None:
            evidence.token_seconds.add(per_token, weight, cap)
