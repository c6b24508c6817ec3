"""Interleaved blocks, paired ratios: what a machine does meanwhile hits every contender alike."""

from __future__ import annotations

import gc
import math
import random
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Contender = Callable[[int], float | None]
"""Makes so many calls; gives the seconds that count, or nothing if all of them do."""

CONFIDENCE = 0.99


@dataclass(frozen=True, kw_only=True, slots=True)
class Ratio:
    """How a contender compares with the baseline, block by block.

    Attributes:
        name: The contender.
        median: The median of the paired ratios.
        low: The first quartile.
        high: The third quartile.
        least: Where the interval begins that holds the true median with 99 % confidence.
        most: Where it ends.
        micros: The contender's median time for one call, in microseconds.
    """

    name: str
    median: float
    low: float
    high: float
    least: float
    most: float
    micros: float

    @classmethod
    def of(cls, name: str, times: Sequence[float], baseline: Sequence[float]) -> Ratio:
        """The ratios of times in seconds to those of the baseline in the same blocks."""
        ratios = [time_ / base for time_, base in zip(times, baseline, strict=True)]
        low, median, high = statistics.quantiles(ratios, n=4, method="inclusive")
        least, most = median_interval(ratios)
        micros = statistics.median(times) * 1e6
        return cls(name=name, median=median, low=low, high=high, least=least, most=most, micros=micros)


@dataclass(frozen=True, kw_only=True, slots=True)
class Bound:
    """What a ratio may be.

    Attributes:
        must: The goal; `None` where there is none.
        aim: What would be better still.
        measured: A ratio that was measured, with room for what runs of one machine differ by. It catches what becomes
            worse.
    """

    must: float | None = None
    aim: float | None = None
    measured: float | None = None

    @property
    def limit(self) -> float | None:
        """What a check holds a ratio against."""
        return self.must if self.measured is None else self.measured

    def held(self, ratio: Ratio) -> Literal["aim", "yes", "no", "-"]:
        """Whether the median keeps the goal."""
        if self.aim is not None and ratio.median <= self.aim:
            return "aim"
        if self.must is None:
            return "-"
        return "yes" if ratio.median <= self.must else "no"

    def is_passed(self, ratio: Ratio) -> bool:
        """Whether a ratio is above its limit by more than the noise of its run."""
        return self.limit is not None and ratio.least > self.limit


def median_interval(values: Iterable[float], confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Where the median of what the values were drawn from lies, whatever their distribution.

    The ends are order statistics: the number of values below the median is binomial. With too few values for the
    confidence they are the least and the largest.

    >>> median_interval([3.0, 1.0, 2.0])
    (1.0, 3.0)
    >>> median_interval(range(41))
    (11, 29)
    """
    ordered = sorted(values)
    number = len(ordered)
    outside, place = 0.5**number, 0
    while 2 * (outside + math.comb(number, place + 1) * 0.5**number) <= 1 - confidence:
        place += 1
        outside += math.comb(number, place) * 0.5**number
    return ordered[place], ordered[-1 - place]


def block_times(
    contenders: Mapping[str, Contender], *, calls: int, blocks: int, seed: int = 0
) -> dict[str, list[float]]:
    """The seconds that a call takes each contender in each block, all of them in every block, in random order.

    Garbage is collected between the blocks and not in them, since a collection falls on whoever happens to run.

    Args:
        contenders: Functions that make the given number of calls.
        calls: Calls in a block.
        blocks: Number of blocks.
        seed: Seed of the order within the blocks.
    """
    rng = random.Random(seed)
    names = list(contenders)
    times: dict[str, list[float]] = {name: [] for name in names}
    for run in contenders.values():
        run(max(calls // 4, 3))  # a router decides at its first call, and again at the second, having learned
    gc.collect()
    gc.disable()
    try:
        for _ in range(blocks):
            for name in rng.sample(names, len(names)):
                start = time.perf_counter()
                counted = contenders[name](calls)
                passed = time.perf_counter() - start
                times[name].append((passed if counted is None else counted) / calls)
            gc.collect()
    finally:
        gc.enable()
    return times


def compare(contenders: Mapping[str, Contender], *, calls: int, blocks: int, seed: int = 0) -> dict[str, Ratio]:
    """The ratios of all contenders to the first one, in interleaved blocks.

    Args:
        contenders: Functions that make the given number of calls; the first is the baseline.
        calls: Calls in a block.
        blocks: Number of blocks.
        seed: Seed of the order within the blocks.
    """
    times = block_times(contenders, calls=calls, blocks=blocks, seed=seed)
    baseline = times[next(iter(contenders))]
    return {name: Ratio.of(name, each, baseline) for name, each in times.items()}


def micros_per_call(work: Callable[[], object], *, calls: int, blocks: int = 15) -> float:
    """The fastest block's time for one call, in microseconds: what the code costs when nothing else runs."""
    work()
    best = float("inf")
    for _ in range(blocks):
        start = time.perf_counter()
        for _ in range(calls):
            work()
        best = min(best, (time.perf_counter() - start) / calls)
    return best * 1e6
