"""`LatencySketch`: quantiles of durations within one percent, in a few hundred bytes, mergeable."""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_left
from itertools import accumulate
from math import ceil, frexp, log
from typing import TYPE_CHECKING, Any

from ddsketch.mapping import LogarithmicMapping

if TYPE_CHECKING:
    from collections.abc import Sequence

RELATIVE_ERROR = 0.01

_MAPPING = LogarithmicMapping(RELATIVE_ERROR)
_PER_LOG = 1.0 / log(_MAPPING.gamma)

# Durations outside a microsecond to eleven days are counted at the border, so the number of bins has one too (1383).
_SHORTEST_S, _LONGEST_S = 1e-6, 1e6
# Bins that are allocated ahead when a duration falls beside those there are.
_SPARE = 4
# Durations that are worth more than counting one after the other.
_MANY = 4
# Units that a duration counts for, or half as many: four binary digits of its weight.
_UNITS = 16
# What is lighter by more doublings than this weighs nothing; more would not fit a float.
_NEGLIGIBLE = 900
# How counts are stored, by what they all stay below.
_STORES = ((1 << 8, "B"), (1 << 16, "H"), (1 << 32, "I"))


class LatencySketch:
    """Weighted quantiles of durations in seconds, each within 1 % of the true one.

    It is a DDSketch (Masson, Rim and Lee, VLDB 2019) with the library's mapping and one array as its store, since
    thousands of these may be alive at once; a decade of durations takes 116 bins. Weights are rounded to four binary
    digits, within 6 %, and counted in whole units. So a bin takes a byte or two until it has been hit some thousand
    times, where a float would take eight, and sums do not depend on the order in which they were made.

    Example:
        >>> sketch = LatencySketch()
        >>> for milliseconds in range(1, 1001):
        ...     sketch.add(milliseconds / 1000)
        >>> [round(sketch.quantile(q), 2) for q in (0.5, 0.95, 0.99)]
        [0.5, 0.95, 0.99]
    """

    __slots__ = ("_bins", "_exponent", "_first")

    def __init__(self) -> None:
        # a byte of which Python has one for all, while there is one bin; many pairs see a single cold start
        self._bins: bytes | array[Any] = b""
        # the key of the first bin
        self._first = 0
        # of the weights that count for eight units to sixteen
        self._exponent = 0

    def add(self, seconds: float, weight: float = 1.0) -> None:
        """Count one duration."""
        if not _SHORTEST_S < seconds < _LONGEST_S:
            seconds = min(max(seconds, _SHORTEST_S), _LONGEST_S)
        mantissa, exponent = frexp(weight)
        units = int(mantissa * _UNITS + 0.5)
        if exponent != self._exponent:
            if not weight or (self._bins and exponent < self._exponent - _NEGLIGIBLE):
                return
            units <<= self._shift_for(exponent)
        # `LogarithmicMapping.key` in one expression: half the time
        index = ceil(log(seconds) * _PER_LOG) - self._first
        if not 0 <= index < len(self._bins):
            index = self._make_room(index)
        try:
            self._bins[index] += units  # type: ignore[index]
        except (OverflowError, TypeError):
            self._widen(index, units)

    def add_all(self, seconds: Sequence[float], weights: Sequence[float]) -> None:
        """Count some durations; if they are many, in half the time."""
        if len(seconds) < _MANY:
            for one, weight in zip(seconds, weights, strict=True):
                self.add(one, weight)
            return
        (least, exponent), (most, highest) = frexp(min(weights)), frexp(max(weights))
        units = int(least * _UNITS + 0.5)
        is_usual = exponent == highest == self._exponent and units == int(most * _UNITS + 0.5)
        if not is_usual or not _SHORTEST_S < min(seconds) <= max(seconds) < _LONGEST_S:
            for one, weight in zip(seconds, weights, strict=True):
                self.add(one, weight)
            return
        keys = [ceil(log(one) * _PER_LOG) for one in seconds]
        first, last = min(keys), max(keys)
        if first < self._first or last >= self._first + len(self._bins):
            self._make_room(first - self._first, last - first + 1)
        bins, start = self._bins, self._first
        for key in keys:
            try:
                bins[key - start] += units  # type: ignore[index]
            except (OverflowError, TypeError):
                self._widen(key - start, units)
                bins = self._bins

    def _widen(self, index: int, units: int) -> None:
        """Count units that the store cannot hold in one that can."""
        counts = _whole(self._bins)
        counts[index] += units
        self._bins = _stored(counts)

    def _shift_for(self, exponent: int) -> int:
        """How many doublings a weight is above the unit, which is made smaller if it has to be."""
        shift = exponent - self._exponent
        if not self._bins or shift > _NEGLIGIBLE:
            self._bins, self._exponent = b"", exponent
            return 0
        if shift < 0:
            self._bins, self._exponent = _stored([count << -shift for count in _whole(self._bins)]), exponent
        return max(shift, 0)

    def _make_room(self, index: int, width: int = 1) -> int:
        """Extend the bins to hold `width` of them from `index` on; return where that index has moved."""
        bins = self._bins
        if not bins:
            self._first += index
            self._bins = _stored([0] * width)
            return 0
        if isinstance(bins, bytes):
            bins = self._bins = array("B", bins)
        beyond = index + width - len(bins)
        if beyond > 0:
            bins.extend([0] * (beyond + _SPARE))
        if index < 0:
            before = _SPARE - index
            self._bins = array(bins.typecode, [0] * before) + bins
            self._first -= before
            return index + before
        return index

    def quantile(self, q: float) -> float | None:
        """The smallest duration that at least a share `q` of the weight does not exceed; `None` if there is none."""
        sums = list(accumulate(self._bins))
        if not sums:
            return None
        # a hair below, so that rounding does not push an exact share out of its own bin; above zero for the first one
        rank = max(q * sums[-1] * (1 - 1e-12), sys.float_info.min)
        return float(_MAPPING.value(self._first + bisect_left(sums, rank)))

    def merge(self, other: LatencySketch, factor: float = 1.0) -> None:
        """Count everything that another sketch counted, with its weights times `factor`, a power of two or zero."""
        if not other._bins or not factor:
            return
        exponent = other._exponent + _doublings(factor)
        if exponent < self._exponent - _NEGLIGIBLE and self._bins:
            return
        shift = self._shift_for(exponent)
        start = other._first - self._first
        if start < 0 or start + len(other._bins) > len(self._bins):
            start = self._make_room(start, len(other._bins))
        counts = _whole(self._bins)
        for index, count in enumerate(_whole(other._bins), start=start):
            counts[index] += count << shift
        self._bins = _stored(counts)

    def scale(self, factor: float) -> None:
        """Multiply every weight by a power of two, or by zero."""
        if factor:
            self._exponent += _doublings(factor)
        else:
            self._bins, self._first = b"", 0


def _doublings(factor: float) -> int:
    return frexp(factor)[1] - 1


def _whole(bins: bytes | array[Any]) -> list[int]:
    return [*bins] if isinstance(bins, bytes) or bins.typecode != "d" else [int(count) for count in bins]


def _stored(counts: Sequence[int]) -> bytes | array[Any]:
    most = max(counts)
    if len(counts) == 1 and most < 1 << 8:
        return bytes(counts)
    return array(next((code for end, code in _STORES if most < end), "d"), counts)
