"""What old statistics cost a fleet of routers that share them: `python -m benchmarks.staleness`.

A simulation, with numpy, of many routers that choose between six models. Each knows at once what it saw itself, and at
every refresh what all others have written since; both fade as they do in `PerformanceTracker`, by count. It chooses
with the probabilities of the adaptive policy for a text that says nothing about the models (Maillard sampling). What is
lost is the difference between the best model's chance of a good answer at that moment and the chosen one's.

Two worlds: in one the best model fails for five minutes of every fifteen. In the other every model serves well only up
to a part of the fleet's calls, so that whoever follows the crowd finds it already there.

`--refreshing` measures instead what a refresh costs with a real store, by the number of routers that wrote since.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from benchmarks.figures import Figure, show
from langchain_scaffolding.outcomes import Outcome
from langchain_scaffolding.performance import OutcomeStore, PerformanceTracker

World = Literal["faults", "crowding"]
Floats = np.ndarray[Any, np.dtype[np.float64]]

ROUTERS = (1, 10, 100, 1_000)
INTERVALS_S = (1.0, 5.0, 30.0, 120.0, 600.0, math.inf)
GOOD = np.array([0.92, 0.88, 0.85, 0.80, 0.75, 0.60])
"""Each model's chance of a good answer."""
FAILING = 0.2
PERIOD_S, FAULT_S = 900, 300
CAPACITY = np.array([0.5, 0.4, 0.3, 0.3, 0.3, 0.3])
"""The part of the fleet's calls that each model serves well in the crowded world; beyond it answers fail."""

MEMORY = 200.0
TEMPER = 0.35
_PRIOR_VARIANCE = 1.0
_LEAST = 0.02


@dataclass(frozen=True, kw_only=True, slots=True)
class Loss:
    """What a fleet loses.

    Attributes:
        world: What happens to the models.
        routers: How many share statistics.
        refresh_s: Seconds between two looks at what the others wrote; infinite: never.
        regret: Chance of a good answer lost, in points of 100, on average over all calls.
    """

    world: World
    routers: int
    refresh_s: float
    regret: float


class Evidence:
    """Means of good answers by router and model that remember so many observations, as the tracker's do."""

    def __init__(self, routers: int, memory: float = MEMORY) -> None:
        self.memory = memory
        self.weight = np.zeros((routers, len(GOOD)))
        self.mean = np.zeros((routers, len(GOOD)))

    def add(self, rows: Any, number: Floats, good: Floats) -> None:
        """Count observations, and how many of them were good, in no particular order."""
        weight, mean = self.weight[rows], self.mean[rows]
        fresh = np.divide(good, number, out=np.zeros_like(good), where=number > 0)
        room = np.minimum(number, self.memory - weight)
        plain = np.divide(mean * weight + fresh * room, weight + room, out=mean.copy(), where=weight + room > 0)
        # once it is full, the newest counts for 1/(memory + 1) and what was there for the rest
        kept = (self.memory / (self.memory + 1)) ** (number - room)
        self.mean[rows] = plain * kept + fresh * (1 - kept)
        self.weight[rows] = weight + room


def chances(own: Evidence, told: Evidence, rows: Any = slice(None)) -> Floats:
    """How likely each of some routers is to choose each model."""
    weight = own.weight[rows] + told.weight[rows]
    good = (own.mean[rows] * own.weight[rows] + told.mean[rows] * told.weight[rows] + 0.9) / (weight + 1.0)
    good = np.clip(good, _LEAST, 1 - _LEAST)
    worth = np.log(good / (1 - good))
    variance = 1 / (1 / _PRIOR_VARIANCE + weight * good * (1 - good))
    gap = (worth.max(axis=1, keepdims=True) - worth) / TEMPER
    odds = np.exp(-0.5 * gap**2 / variance)
    found: Floats = odds / odds.sum(axis=1, keepdims=True)
    return found


def good_now(world: World, second: int, shares: Floats) -> Floats:
    """Each model's chance of a good answer in this second, given its share of the calls."""
    if world == "faults":
        good = GOOD.copy()
        if second % PERIOD_S >= PERIOD_S - FAULT_S:
            good[0] = FAILING
        return good
    served: Floats = np.minimum(1.0, CAPACITY / np.maximum(shares, 1e-9))
    return GOOD * served


def simulate(
    world: World, routers: int, refresh_s: float, *, seconds: int = 3_600, per_s: float = 0.2, seed: int = 0
) -> Loss:
    """Let a fleet run, after a first period that does not count.

    Args:
        world: What happens to the models.
        routers: How many.
        refresh_s: Seconds between looking at what others wrote.
        seconds: How long.
        per_s: Calls of each router in a second.
        seed: Of everything random.
    """
    rng = np.random.default_rng(seed)
    own, told = Evidence(routers), Evidence(routers)
    unheard = np.zeros((2, routers, len(GOOD)))  # of one's own since one's last refresh: number, good
    written, heard = np.zeros((2, len(GOOD))), np.zeros((2, routers, len(GOOD)))
    # whole seconds; no two processes start together, so neither do their refreshes
    every = None if math.isinf(refresh_s) else max(int(refresh_s), 1)
    phase = rng.integers(0, every, routers) if every else np.zeros(routers, dtype=int)
    shares = np.zeros(len(GOOD))
    lost, calls = 0.0, 0
    for second in range(seconds):
        callers = np.flatnonzero(rng.random(routers) < per_s)
        chosen = _choose(chances(own, told, callers), rng)
        number = np.zeros((len(callers), len(GOOD)))
        number[np.arange(len(callers)), chosen] = 1.0
        if len(callers):
            # what a model serves shows over some seconds, not from one to the next
            shares += 0.2 * (number.mean(axis=0) - shares)
        now = good_now(world, second, shares)
        good = number * (rng.random(number.shape) < now)
        own.add(callers, number, good)
        fresh = np.stack([number, good])
        unheard[:, callers] += fresh
        written += fresh.sum(axis=1)
        if every:
            rows = np.flatnonzero(second % every == phase)
            news = written[:, None, :] - heard[:, rows] - unheard[:, rows]
            told.add(rows, news[0], news[1])
            heard[:, rows], unheard[:, rows] = written[:, None, :], 0.0
        if second >= PERIOD_S:
            lost += float((now.max() - now[chosen]).sum())
            calls += len(callers)
    return Loss(world=world, routers=routers, refresh_s=refresh_s, regret=100 * lost / max(calls, 1))


def _choose(probabilities: Floats, rng: np.random.Generator) -> Any:
    """One place of each row, with its probabilities."""
    return (probabilities.cumsum(axis=1) < rng.random((len(probabilities), 1))).sum(axis=1).clip(max=len(GOOD) - 1)


def table(worlds: Sequence[World], routers: Sequence[int], *, seconds: int, seeds: int) -> Iterator[Loss]:
    """Means over seeds, for each world, number of routers and interval."""
    for world in worlds:
        for number in routers:
            for interval in INTERVALS_S:
                if number == 1 and (world == "crowding" or not math.isinf(interval)):
                    continue  # there are no others
                runs = max(seeds // (1 + number // 500), 1)  # a large fleet is many samples by itself
                found = [simulate(world, number, interval, seconds=seconds, seed=seed) for seed in range(runs)]
                regret = sum(each.regret for each in found) / runs
                yield Loss(world=world, routers=number, refresh_s=interval, regret=regret)


def as_markdown(losses: Sequence[Loss], world: World) -> str:
    """One table, routers down and intervals across."""
    head = [f"{each:g} s" if math.isfinite(each) else "never" for each in INTERVALS_S]
    lines = [f"| routers | {' | '.join(head)} |", f"| --: | {' | '.join(['--:'] * len(head))} |"]
    found = {(each.routers, each.refresh_s): each.regret for each in losses if each.world == world}
    for number in sorted({routers for routers, _ in found}):
        cells = [f"{found[number, each]:.1f}" if (number, each) in found else "-" for each in INTERVALS_S]
        lines.append(f"| {number:,} | {' | '.join(cells)} |")
    return "\n".join(lines)


def refreshing(rows: int, writers: Sequence[int]) -> Iterator[Figure]:
    """What a refresh costs when so many others wrote one outcome each since the last one."""
    for number in writers:
        with tempfile.TemporaryDirectory() as folder:
            store = OutcomeStore(f"sqlite:///{folder}/x.db", refresh_s=1e9, retention_s=None, when_full="block")
            others = [PerformanceTracker(store=store) for _ in range(number)]

            def write(each: int, others: Sequence[PerformanceTracker] = others) -> None:
                decision = f"{id(others)}-{each}-{time.monotonic_ns()}"
                outcome = Outcome(task="title", model="m", decision_id=decision, total_s=0.5, measured=True)
                others[each % len(others)].record(outcome)

            for each in range(rows):
                write(each)
            assert store.flush(600.0)
            reader = PerformanceTracker(store=store)
            times = []
            for _ in range(5):
                for each in range(number):
                    write(each)
                assert store.flush(60.0)
                start = time.process_time()
                assert reader.refresh() == number
                times.append(time.process_time() - start)
            store.close()
        name = f"refresh after {number:,} others wrote, {rows:,} outcomes kept"
        yield Figure(name=name, value=min(times) * 1e3, unit="ms")


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small fleets for less time: a first look, not a result")
    parser.add_argument("--refreshing", action="store_true", help="measure what a refresh costs instead")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write JSON")
    given = parser.parse_args(arguments)
    results: Sequence[Loss | Figure]
    if given.refreshing:
        results = show(refreshing(2_000 if given.quick else 50_000, (10, 100, 110, 1_000)))
    else:
        routers = ROUTERS[:2] if given.quick else ROUTERS
        worlds: tuple[World, ...] = ("faults", "crowding")
        results = list(table(worlds, routers, seconds=1_800 if given.quick else 3_600, seeds=1 if given.quick else 8))
        for world in worlds:
            print(f"{world}: chance of a good answer lost, in points, by refresh interval\n")
            print(as_markdown(results, world) + "\n")
    if given.json:
        given.json.write_text(json.dumps([asdict(each) for each in results], indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
