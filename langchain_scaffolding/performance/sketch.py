"""Sketches: quantiles of durations within one percent, in a few hundred bytes, mergeable.

A sketch is a DDSketch (Masson, Rim and Lee, VLDB 2019) with the library's mapping and an array as its store; a decade
of durations takes 116 bins. Weights are rounded to four binary digits, within 6 %, and counted in whole units. So a bin
takes a byte or two until it has been hit some thousand times, where a float would take eight, and sums do not depend on
the order in which they were made. Thousands of sketches may be alive at once, so each is a bare array of bytes: an
object around it would take half as much as what it holds of a hundred durations.

Example:
    >>> sketch = Sketch()
    >>> for milliseconds in range(1, 1001):
    ...     sketch = count(sketch, milliseconds / 1000)
    >>> [round(quantile(sketch, q), 2) for q in (0.5, 0.95, 0.99)]
    [0.5, 0.95, 0.99]
"""

from __future__ import annotations

import sys
from bisect import bisect_left
from functools import cache
from itertools import accumulate
from math import ceil, frexp, log, log1p
from struct import Struct
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ddsketch.mapping import LogarithmicMapping

Sketch: TypeAlias = bytearray
"""Weighted quantiles of durations in seconds, each within 1 % of the true one; empty at the beginning."""

RELATIVE_ERROR = 0.01

_PER_LOG = 1.0 / log1p(2 * RELATIVE_ERROR / (1 - RELATIVE_ERROR))

# Durations outside a microsecond to eleven days are counted at the border, so the number of bins has one too (1383).
_SHORTEST_S, _LONGEST_S = 1e-6, 1e6
# Bins that are allocated ahead when a duration falls beside those there are.
_SPARE = 2
# Durations that are worth more than counting one after the other.
_MANY = 4
# Units that a duration counts for, or half as many: four binary digits of its weight.
_UNITS = 16
# Binary digits of the largest count: what is too light to show in them weighs nothing; more would not fit a float.
_DIGITS = 900
# A sketch begins with the key of its first bin, the exponent of weights of 8 to 16 units, and the bytes of a bin.
_HEAD = Struct("<hiB")
_START = _HEAD.size
# How the count of a bin is written, by its bytes: as a whole number, or as a float if that takes too many.
_BYTE, _WIDE = 256, 8
_CODES = {1: "B", 2: "H", 4: "I", _WIDE: "d"}
_FLOAT = Struct("<d")


def count(sketch: Sketch | None, seconds: float, weight: float = 1.0) -> Sketch:
    """Count one duration in a sketch, or in a new one; return it."""
    if not _SHORTEST_S < seconds < _LONGEST_S:
        seconds = min(max(seconds, _SHORTEST_S), _LONGEST_S)
    mantissa, exponent = frexp(weight)
    units = int(mantissa * _UNITS + 0.5)
    # `LogarithmicMapping.key` in one expression: half the time
    key = ceil(log(seconds) * _PER_LOG)
    if sketch:
        first, own_exponent, width = _HEAD.unpack_from(sketch)
        place = _START + (key - first) * width
        if _START <= place < len(sketch) and 0 <= exponent - own_exponent < _DIGITS:
            if exponent != own_exponent:
                units, exponent = units << (exponent - own_exponent), own_exponent
            lowest = sketch[place] + units
            if lowest < _BYTE and width != _WIDE:
                sketch[place] = lowest  # mostly, a byte is all that changes
                return sketch
            if _carry(sketch, place, width, units):
                return sketch
    elif sketch is None:
        sketch = Sketch()
    _absorb(sketch, key, exponent, [units])
    return sketch


def count_all(sketch: Sketch, seconds: Sequence[float], weights: Sequence[float]) -> None:
    """Count some durations; if they are many, in half the time."""
    if len(seconds) >= _MANY and sketch and _SHORTEST_S < min(seconds) <= max(seconds) < _LONGEST_S:
        first, own_exponent, width = _HEAD.unpack_from(sketch)
        (least, exponent), (most, highest) = frexp(min(weights)), frexp(max(weights))
        units = int(least * _UNITS + 0.5)
        places = [_START + (ceil(log(one) * _PER_LOG) - first) * width for one in seconds]
        if (
            exponent == highest == own_exponent
            and units == int(most * _UNITS + 0.5)
            and width != _WIDE
            and _START <= min(places) <= max(places) < len(sketch)
        ):
            left = []
            for place in places:
                lowest = sketch[place] + units
                if lowest < _BYTE:
                    sketch[place] = lowest
                elif not _carry(sketch, place, width, units):
                    left.append(first + (place - _START) // width)
            for key in left:
                _absorb(sketch, key, exponent, [units])
            return
    for one, weight in zip(seconds, weights, strict=True):
        count(sketch, one, weight)


def quantile(sketch: Sketch, q: float) -> float | None:
    """The smallest duration that at least a share `q` of the weight does not exceed; `None` if there is none."""
    if not sketch:
        return None
    first, _, counts = _counts(sketch)
    sums = list(accumulate(counts))
    # a hair below, so that rounding does not push an exact share out of its own bin; above zero for the first one
    rank = max(q * sums[-1] * (1 - 1e-12), sys.float_info.min)
    return float(_mapping().value(first + bisect_left(sums, rank)))


def merge(sketch: Sketch, other: Sketch, factor: float = 1.0) -> None:
    """Count everything that another sketch counted, with its weights times `factor`, a power of two or zero."""
    if other and factor:
        first, exponent, counts = _counts(other)
        _absorb(sketch, first, exponent + _doublings(factor), counts)


def scale(sketch: Sketch, factor: float) -> None:
    """Multiply every weight by a power of two, or by zero."""
    if not factor:
        sketch.clear()
    elif sketch:
        first, exponent, width = _HEAD.unpack_from(sketch)
        _HEAD.pack_into(sketch, 0, first, exponent + _doublings(factor), width)


def _carry(sketch: Sketch, place: int, width: int, units: int) -> bool:
    """Count units in a bin that takes more than a byte; `False` if it cannot hold so many."""
    if width == _WIDE:
        _FLOAT.pack_into(sketch, place, _FLOAT.unpack_from(sketch, place)[0] + units)
        return True
    end = place + width
    held = int.from_bytes(sketch[place:end], "little") + units
    if held >= _BYTE**width:
        return False
    sketch[place:end] = held.to_bytes(width, "little")
    return True


def _absorb(sketch: Sketch, first: int, exponent: int, counts: Sequence[int]) -> None:
    """Count what was counted elsewhere, in bins from a first one on and in units of its own."""
    own_first, own_exponent, own = _counts(sketch) if sketch else (first, exponent, [])
    bits, own_bits = max(counts).bit_length(), max(own, default=0).bit_length()
    lightest = max(exponent + bits, own_exponent + own_bits) - _DIGITS
    if not bits or exponent + bits <= lightest:
        return
    if not own or own_exponent + own_bits <= lightest:
        _write(sketch, first, exponent, counts)
        return
    end, own_end = first + len(counts), own_first + len(own)
    start = own_first if first >= own_first else first - _SPARE
    stop = own_end if end <= own_end else end + _SPARE
    unit = max(min(exponent, own_exponent), lightest)
    total = [0] * (stop - start)
    total[own_first - start : own_end - start] = _in_units(own, own_exponent - unit)
    for place, more in enumerate(_in_units(counts, exponent - unit), first - start):
        total[place] += more
    _write(sketch, start, unit, total)


def _counts(sketch: Sketch) -> tuple[int, int, Sequence[int]]:
    """The key of the first bin, the exponent of the units, and how many of these each bin has."""
    first, exponent, width = _HEAD.unpack_from(sketch)
    counts = _bins((len(sketch) - _START) // width, width).unpack_from(sketch, _START)
    return first, exponent, [*map(int, counts)] if width == _WIDE else counts


def _write(sketch: Sketch, first: int, exponent: int, counts: Sequence[int]) -> None:
    most = max(counts)
    width = next((width for width in _CODES if most < _BYTE**width), _WIDE)
    sketch.clear()  # lest it grows by more than it has to
    sketch.extend(_HEAD.pack(first, exponent, width) + _bins(len(counts), width).pack(*counts))


@cache
def _mapping() -> LogarithmicMapping:
    # it takes 40 ms to import, and only those who ask for quantiles need it
    from ddsketch.mapping import LogarithmicMapping

    return LogarithmicMapping(RELATIVE_ERROR)


def _bins(number: int, width: int) -> Struct:
    return Struct(f"<{number}{_CODES[width]}")  # functions of `struct` would keep a hundred of them


def _doublings(factor: float) -> int:
    return frexp(factor)[1] - 1


def _in_units(counts: Sequence[int], doublings: int) -> list[int]:
    """Counts in smaller units, or in larger ones, in which light ones no longer show."""
    return [each << doublings if doublings >= 0 else each >> -doublings for each in counts]
