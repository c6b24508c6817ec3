"""Interleaved blocks, paired ratios: what a machine does meanwhile hits every contender alike."""

from __future__ import annotations

import gc
import random
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Ratio:
    """How a contender compares with the baseline, block by block.

    Attributes:
        name: The contender.
        median: The median of the paired ratios.
        low: The first quartile.
        high: The third quartile.
        micros: The contender's median time for one call, in microseconds.
    """

    name: str
    median: float
    low: float
    high: float
    micros: float


def compare(
    contenders: dict[str, Callable[[int], None]], *, calls: int, blocks: int, seed: int = 0
) -> dict[str, Ratio]:
    """Time every contender in each block, in random order, and give ratios to the first one.

    Args:
        contenders: Functions that make the given number of calls; the first is the baseline.
        calls: Calls in a block.
        blocks: Number of blocks.
        seed: Seed of the order within the blocks.
    """
    rng = random.Random(seed)
    names = list(contenders)
    times: dict[str, list[float]] = {name: [] for name in names}
    for run in contenders.values():
        run(max(calls // 4, 1))
    gc.collect()
    gc.disable()
    try:
        for _ in range(blocks):
            for name in rng.sample(names, len(names)):
                start = time.perf_counter()
                contenders[name](calls)
                times[name].append((time.perf_counter() - start) / calls)
            gc.collect()
    finally:
        gc.enable()
    return {name: _ratio(name, times[name], times[names[0]]) for name in names}


def _ratio(name: str, times: list[float], baseline: list[float]) -> Ratio:
    ratios = [time_ / base for time_, base in zip(times, baseline, strict=True)]
    low, _, high = statistics.quantiles(ratios, n=4)
    return Ratio(
        name=name,
        median=statistics.median(ratios),
        low=low,
        high=high,
        micros=statistics.median(times) * 1e6,
    )


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
