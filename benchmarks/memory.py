"""What learning keeps in memory: `python -m benchmarks.memory`, and `--minutes 10` for a soak.

Bytes of a pair of task and model; how much larger the process is after a million outcomes with a store; and whether a
process that makes calls without end grows. Sizes of the process are those it has resident, as Linux counts them.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from benchmarks.contenders import TEXT, bare, broken, router_over
from benchmarks.figures import Figure, show
from benchmarks.tracker import bytes_of_a_pair, outcomes
from langchain_scaffolding import ScaffoldingRouterLLM
from langchain_scaffolding.outcomes import Outcome
from langchain_scaffolding.performance import OutcomeStore, PerformanceTracker

PAIR_BYTES = 1_000
GROWTH_MB = 20.0
SOAK_MB = 1.0
"""Growth from the second quarter of a soak to its last that is still called none: an allocator's pages come and go."""

TASKS = ("title", "outline", "summary", "reasoning", "fill")


def resident_mb() -> float:
    """Megabytes (10^6 bytes) of this process that are in memory."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) * 1024 / 1e6


def endless(seed: int = 1) -> Iterator[Outcome]:
    """Outcomes of ten models at five tasks, each of a decision of its own."""
    made = outcomes(streamed=True, number=1_000, seed=seed)
    rng = random.Random(seed)
    for number in itertools.count():
        yield replace(made[number % 1_000], task=rng.choice(TASKS), decision_id=f"{seed}-{number}", at=0.0)


def pairs(kinds: Sequence[tuple[int, int]] = ((1, 1_000), (100, 200), (10_000, 10))) -> Iterator[Figure]:
    """Bytes of a pair, after few and after many outcomes: so many of each of so many pairs."""
    for calls, number in kinds:
        for streamed in (False, True):
            used = bytes_of_a_pair(calls, number, streamed=streamed)
            name = f"pair with {calls:,} {'streamed' if streamed else 'plain'} outcomes"
            yield Figure(name=name, value=used, unit="bytes", at_most=PAIR_BYTES)


def recorded(number: int) -> Iterator[Figure]:
    """How much larger the process is after so many outcomes, with a store that writes them all."""
    with tempfile.TemporaryDirectory() as folder:
        store = OutcomeStore(f"sqlite:///{folder}/outcomes.db", when_full="block", block_s=600.0, retention_s=None)
        tracker = PerformanceTracker(store=store)
        made = endless()
        gc.collect()
        before = resident_mb()
        most = 0.0
        for place in range(number):
            tracker.record(next(made))
            if place % (number // 50) == 0:
                most = max(most, resident_mb() - before)
        assert store.flush(600.0)
        gc.collect()
        after = resident_mb()
        health = store.health
        assert (health.written, health.dropped, health.refused) == (number, 0, 0), health
        tracker.close()
    yield Figure(name=f"growth after {number:,} outcomes", value=after - before, unit="MB", at_most=GROWTH_MB)
    yield Figure(name="  at most on the way", value=most, unit="MB")


def growth_mb(sizes: Sequence[float]) -> float:
    """What the last quarter is larger by than the second: the first warms up."""
    quarter = len(sizes) // 4
    return statistics.median(sizes[-quarter:]) - statistics.median(sizes[quarter : 2 * quarter])


def fill(tracker: PerformanceTracker, decisions: int = 10_000) -> None:
    """Let what is remembered of decisions reach its bound, lest that looks like growth without end."""
    answered = (each for each in endless() if each.error is None)
    for outcome in itertools.islice(answered, decisions):
        tracker.record(outcome)
        tracker.record_feedback(outcome.decision_id, 1.0)


def soak(seconds: float, clock: Callable[[], float] = time.monotonic, samples: int = 120) -> Iterator[Figure]:
    """Calls one after the other: texts that change, tasks in turn, a model that fails, feedback, a store."""
    with tempfile.TemporaryDirectory() as folder:
        store = OutcomeStore(f"sqlite:///{folder}/outcomes.db", when_full="block", refresh_s=1.0)
        router = router_over(broken(), bare(), bare())
        router = ScaffoldingRouterLLM(models=router.models, performance=PerformanceTracker(store=store))
        fill(router.performance)
        sizes, calls, start = list[float](), 0, clock()
        while (passed := clock() - start) < seconds:
            message = router.invoke(f"{TEXT} {calls}", task=TASKS[calls % len(TASKS)])
            if calls % 10 == 0:
                router.record_feedback(message, score=calls % 20 / 10)
            calls += 1
            if len(sizes) < samples * passed / seconds:
                sizes.append(resident_mb())
        assert store.flush(60.0)
        router.performance.close()
    yield Figure(name=f"soak of {seconds / 60:g} minutes, {calls:,} calls", value=sizes[-1], unit="MB")
    yield Figure(name="  growth, last quarter beside the second", value=growth_mb(sizes), unit="MB", at_most=SOAK_MB)


def figures(*, number: int, minutes: float) -> Iterator[Figure]:
    """All of them, as they are measured."""
    if minutes:
        yield from soak(minutes * 60)
        return
    yield from recorded(number)  # first, while the process is as small as a user's
    yield from pairs()


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=0.0, help="soak for so long, and nothing else")
    parser.add_argument("--outcomes", type=int, default=1_000_000, help="outcomes to record (default 1,000,000)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write JSON")
    parser.add_argument("--markdown", action="store_true", help="print a table in Markdown")
    given = parser.parse_args(arguments)
    shown = show(figures(number=given.outcomes, minutes=given.minutes), markdown=given.markdown)
    if given.json:
        given.json.write_text(json.dumps([asdict(each) for each in shown], indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
