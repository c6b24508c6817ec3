"""`LatencySketch`: quantiles of durations within one percent, in about a kilobyte, mergeable."""

from __future__ import annotations

import math
import sys
from array import array
from bisect import bisect_left
from itertools import accumulate
from typing import TYPE_CHECKING

from ddsketch.mapping import LogarithmicMapping

if TYPE_CHECKING:
    from collections.abc import Sequence

RELATIVE_ERROR = 0.01

_MAPPING = LogarithmicMapping(RELATIVE_ERROR)
_PER_LOG = 1.0 / math.log(_MAPPING.gamma)

# Durations outside a microsecond to eleven days are counted at the border, so the number of bins has one too (1383).
_SHORTEST_S, _LONGEST_S = 1e-6, 1e6
# Bins that are allocated ahead when a duration falls beside those there are.
_SPARE = 4


class LatencySketch:
    """Weighted quantiles of durations in seconds, each within 1 % of the true one.

    It is a DDSketch (Masson, Rim and Lee, VLDB 2019) with the library's mapping and one array as its store: 8 bytes per
    bin instead of 32, since thousands of these may be alive at once; a decade of durations takes 116 bins.

    Example:
        >>> sketch = LatencySketch()
        >>> for milliseconds in range(1, 1001):
        ...     sketch.add(milliseconds / 1000)
        >>> [round(sketch.quantile(q), 2) for q in (0.5, 0.95, 0.99)]
        [0.5, 0.95, 0.99]
    """

    __slots__ = ("_bins", "_first")

    def __init__(self) -> None:
        self._bins = array("d")
        # the key of the first bin
        self._first = 0

    def add(self, seconds: float, weight: float = 1.0) -> None:
        """Count one duration."""
        if not _SHORTEST_S < seconds < _LONGEST_S:
            seconds = min(max(seconds, _SHORTEST_S), _LONGEST_S)
        # `LogarithmicMapping.key` in one expression: half the time
        index = math.ceil(math.log(seconds) * _PER_LOG) - self._first
        if not 0 <= index < len(self._bins):
            index = self._make_room(index)
        self._bins[index] += weight

    def add_all(self, seconds: Sequence[float], weights: Sequence[float]) -> None:
        """Count some durations, in half the time."""
        if not _SHORTEST_S < min(seconds) <= max(seconds) < _LONGEST_S:
            for one, weight in zip(seconds, weights, strict=True):
                self.add(one, weight)
            return
        log, per_log = math.log, _PER_LOG
        keys = [math.ceil(log(one) * per_log) for one in seconds]
        first, last = min(keys), max(keys)
        if first < self._first or last >= self._first + len(self._bins):
            self._make_room(first - self._first, last - first + 1)
        bins, start = self._bins, self._first
        for key, weight in zip(keys, weights, strict=True):
            bins[key - start] += weight

    def _make_room(self, index: int, width: int = 1) -> int:
        """Extend the bins to hold `width` of them from `index` on; return where that index has moved."""
        bins = self._bins
        if not bins:
            self._first += index
            bins.extend([0.0] * width)
            return 0
        beyond = index + width - len(bins)
        if beyond > 0:
            bins.extend([0.0] * (beyond + _SPARE))
        if index < 0:
            before = _SPARE - index
            self._bins = array("d", [0.0] * before) + bins
            self._first -= before
            return index + before
        return index

    def quantile(self, q: float) -> float | None:
        """The smallest duration that at least a share `q` of the weight does not exceed; `None` if there is none."""
        sums = list(accumulate(self._bins))
        if not sums or sums[-1] <= 0:
            return None
        # a hair below, so that rounding does not push an exact share out of its own bin; above zero for the first one
        rank = max(q * sums[-1] * (1 - 1e-12), sys.float_info.min)
        return float(_MAPPING.value(self._first + bisect_left(sums, rank)))

    def merge(self, other: LatencySketch, factor: float = 1.0) -> None:
        """Count everything that another sketch counted, with its weights times `factor`."""
        if not other._bins:
            return
        start = other._first - self._first
        if start < 0 or start + len(other._bins) > len(self._bins):
            start = self._make_room(start, len(other._bins))
        bins = self._bins
        for index, weight in enumerate(other._bins, start=start):
            bins[index] += weight * factor

    def scale(self, factor: float) -> None:
        """Multiply every weight; exact if `factor` is a power of two."""
        self._bins = array("d", [weight * factor for weight in self._bins])
