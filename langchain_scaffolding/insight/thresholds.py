"""Where a winner changes: lengths of input, and mean latencies."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from langchain_scaffolding.insight.worlds import Router

_FASTEST_S, _SLOWEST_S = 0.001, 600.0
_CLOSE = 1.002


def context_bounds(router: Router) -> set[int]:
    """The lengths in tokens beyond which fewer models take an input."""
    lengths = {model.tags.context_length for model in router.models} | {router.config.max_context_length}
    return {length for length in lengths if length is not None}


def latency_bound(wins: Callable[[float], bool]) -> float | None:
    """The mean latency in seconds below which a model wins and from which it does not; `None` if there is none.

    A model that wins at one latency is taken to win at any lower one. The bound is found within 0.2 %, and told as the
    round number near it if that is a bound as well.

    Example:
        >>> latency_bound(lambda seconds: seconds < 2.0)
        2.0
    """
    low, high = _FASTEST_S, _SLOWEST_S
    if not wins(low) or wins(high):
        return None
    while high / low > _CLOSE:
        middle = (low * high) ** 0.5
        low, high = (middle, high) if wins(middle) else (low, middle)
    for digits in (1, 2, 3):
        bound = float(f"{high:.{digits}g}")
        if wins(bound / _CLOSE) and not wins(bound):
            return bound
    return high
