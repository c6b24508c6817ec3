"""What learning costs: time per call, memory per pair of task and model, the store's reading and writing.

Run `python benchmarks/tracker.py`. Times are processor time of the calling thread, the best of many short runs, so that
other programs disturb them little; what happens in the background counts the processor time of the whole process.
"""

from __future__ import annotations

import gc
import math
import pickle
import random
import tempfile
import time
import timeit
import tracemalloc
from typing import TYPE_CHECKING

from langchain_scaffolding.outcomes import ErrorClass, Outcome
from langchain_scaffolding.performance import OutcomeStore, PerformanceTracker

if TYPE_CHECKING:
    from collections.abc import Callable

CALLS = 20_000
MODELS = 10


def outcomes(*, streamed: bool, number: int = CALLS, models: int = MODELS, seed: int = 1) -> list[Outcome]:
    """Log-normal latencies around a second, one failure in ten."""
    rng = random.Random(seed)
    now = time.time()
    made = []
    for index in range(number):
        seconds = rng.lognormvariate(0.0, 0.5)
        made.append(
            Outcome(
                task="title",
                model=f"model-{index % models}",
                decision_id=f"{seed}-{index}",
                error=ErrorClass.RATE_LIMIT if index % 10 == 9 else None,
                total_s=seconds,
                first_token_s=seconds / 4 if streamed else None,
                output_tokens=60 if streamed else None,
                measured=index % 10 != 9,
                at=now + index / 1000,
            )
        )
    return made


def microseconds(function: Callable[[], object], calls: int = 1, number: int = 1, repeat: int = 20) -> float:
    """The best of some runs, per call."""
    return min(timeit.repeat(function, timer=time.thread_time, number=number, repeat=repeat)) / calls / number * 1e6


def per_outcome(tracker: PerformanceTracker, made: list[Outcome], part: int = 1_000) -> float:
    """Microseconds per recorded outcome, in the best thousand of them."""
    best = math.inf
    for start in range(0, len(made), part):
        few = made[start : start + part]
        began = time.thread_time()
        for outcome in few:
            tracker.record(outcome)
        best = min(best, time.thread_time() - began)
        if tracker.store is not None:
            tracker.store.flush(60.0)
    return best / part * 1e6


def line(what: str, value: float, unit: str) -> None:
    """One line of the table."""
    print(f"{what:58s} {value:10.2f} {unit}")


def recording() -> None:
    for streamed in (False, True):
        kind = "streamed" if streamed else "plain"
        line(f"record, {kind}, in memory", per_outcome(PerformanceTracker(), outcomes(streamed=streamed)), "us")
        with tempfile.TemporaryDirectory() as folder:
            store = OutcomeStore(f"sqlite:///{folder}/outcomes.db", refresh_s=1e9)
            tracker = PerformanceTracker(store=store)
            line(f"record, {kind}, with a store", per_outcome(tracker, outcomes(streamed=streamed)), "us")
            store.close()


def reading() -> None:
    tracker = PerformanceTracker()
    for outcome in outcomes(streamed=True):
        tracker.record(outcome)
    tracker.record_feedback("1-0", 1.0)
    line("latency_mean_s", microseconds(lambda: tracker.latency_mean_s("title", "model-1"), number=20_000), "us")
    line("stats, nothing new", microseconds(lambda: tracker.stats("title", "model-1"), number=20_000), "us")
    one = outcomes(streamed=True, number=1, models=1)[0]

    def after_a_call() -> None:
        tracker.record(one)
        tracker.stats("title", "model-0")

    alone = microseconds(lambda: tracker.record(one), number=2_000)
    line("stats, after a call", microseconds(after_a_call, number=2_000) - alone, "us")
    line("snapshot, per row", microseconds(tracker.snapshot, MODELS, 20), "us")
    scores = iter(range(10**9))
    line("record_feedback", microseconds(lambda: tracker.record_feedback("1-0", next(scores) % 2), number=500), "us")
    other = PerformanceTracker()
    for outcome in outcomes(streamed=True, seed=2):
        other.record(outcome)
    merging = microseconds(lambda: PerformanceTracker().merge(other), repeat=5)
    line(f"merge {MODELS} pairs and 10,000 remembered decisions", merging / 1_000, "ms")
    line("pickle of the same", len(pickle.dumps(other)) / 1_000, "kB")


def bytes_of_a_pair(calls: int, pairs: int, *, streamed: bool) -> float:
    """What a pair of task and model takes after so many calls, without what an empty tracker does."""
    made = outcomes(streamed=streamed, number=calls * pairs, models=pairs)
    gc.collect()
    tracemalloc.start()
    tracker = PerformanceTracker(recent=1)
    empty, _ = tracemalloc.get_traced_memory()
    for outcome in made:
        tracker.record(outcome)
    tracker.settle()
    gc.collect()
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return (used - empty) / pairs


def memory() -> None:
    for calls in (1, 10, 100, 10_000):
        pairs = 100 if calls < 1_000 else 10
        for streamed in (False, True):
            used = bytes_of_a_pair(calls, pairs, streamed=streamed)
            line(f"memory per pair, {calls} {'streamed' if streamed else 'plain'} calls", used, "bytes")


def storing() -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = OutcomeStore(f"sqlite:///{folder}/outcomes.db", queue_size=10**7, refresh_s=1e9, retention_s=None)
        tracker = PerformanceTracker(store=store)
        made = outcomes(streamed=True)
        start = time.process_time()
        for outcome in made:
            tracker.record(outcome)
        recorded = time.process_time()
        store.flush(600.0)
        line("write, processor time per outcome", (time.process_time() - recorded) / CALLS * 1e6, "us")
        line("record and write, processor time per outcome", (time.process_time() - start) / CALLS * 1e6, "us")
        start = time.process_time()
        again = PerformanceTracker(store=store)
        line("learn anew from the store, per outcome", (time.process_time() - start) / CALLS * 1e6, "us")
        assert sum(row.calls for row in again.snapshot()) == CALLS
        start = time.process_time()
        again.refresh()
        line("refresh with nothing new", (time.process_time() - start) * 1e6, "us")
        store.close()


if __name__ == "__main__":
    recording()
    reading()
    memory()
    storing()
