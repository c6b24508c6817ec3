"""By how much calls overshoot their limit: `python -m benchmarks.deadlines`.

The models hang. One is like any provider's, one ignores cancellation, one has no native async and so needs threads.
Every call is limited to 100 ms and ends in the rules; several calls are under way at once, and a process on each other
core keeps the machine busy. What is measured is the time beyond the limit, as the caller sees it; the p99 of bare
timers that wait as long between the calls says how late this machine wakes anybody, and the last column is the longest
pause for garbage collection, during which Python runs nothing else. `--freeze` spares it what was imported.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import itertools
import multiprocessing
import os
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from typing import Any, NamedTuple

from langchain_scaffolding import ScaffoldingConfig, ScaffoldingRouterLLM
from langchain_scaffolding.testing import Reply, ScriptedChatModel

LIMIT_S = 0.1
GOAL_S = 0.05

SHORT = "Tea is made of leaves. First the water is boiled. Then it is poured over the leaves. It steeps for minutes."
LONG = " ".join(f"{SHORT} The kettle of {number} litres costs {number} pounds." for number in range(7000))
"""About 1 MB, of which the rules can read only the beginning once the limit has passed."""

MODELS: dict[str, dict[str, Any]] = {
    "hangs": {},
    "ignores cancellation": {"ignores_cancellation": True},
    "no native async": {"native_async": False},
}
PATHS = ("invoke", "ainvoke", "stream", "astream")


class Overshoots(NamedTuple):
    """Seconds beyond the limit, of calls and of bare timers that waited as long between them."""

    calls: list[float]
    timers: list[float]


def overshoots(path: str, model: str, *, calls: int, at_once: int, text: str = SHORT) -> Overshoots:
    """How late each call came, and how late the machine woke who only waited."""
    hanging = ScriptedChatModel(Reply("never", hang=True), name="hanging", **MODELS[model])
    # the breaker and the cap on threads would spare the model the calls that are to be measured
    config = ScaffoldingConfig(max_response_time_ms=LIMIT_S * 1000, breaker_threshold=10**9)
    router = ScaffoldingRouterLLM(models=[hanging], config=config)
    router.attempt_chain("x").settings.abandoned.cap = 10**9
    measure = _asynchronous if path.startswith("a") else _synchronous
    try:
        return measure(router, path, calls // at_once, at_once, text)
    finally:
        hanging.release()


def _synchronous(router: ScaffoldingRouterLLM, path: str, rounds: int, at_once: int, text: str) -> Overshoots:
    def call(_number: int) -> float:
        started = time.perf_counter()
        if path == "invoke":
            router.invoke(text, task="summary")
        else:
            for _ in router.stream(text, task="summary"):
                pass
        return time.perf_counter() - started - LIMIT_S

    def timer(_number: int) -> float:
        started = time.perf_counter()
        Event().wait(LIMIT_S)
        return time.perf_counter() - started - LIMIT_S

    found = Overshoots([], [])
    with ThreadPoolExecutor(at_once) as pool:
        for _ in range(rounds):
            found.calls.extend(pool.map(call, range(at_once)))
            found.timers.extend(pool.map(timer, range(at_once)))
    return found


def _asynchronous(router: ScaffoldingRouterLLM, path: str, rounds: int, at_once: int, text: str) -> Overshoots:
    async def call() -> float:
        started = time.perf_counter()
        if path == "ainvoke":
            await router.ainvoke(text, task="summary")
        else:
            async for _ in router.astream(text, task="summary"):
                pass
        return time.perf_counter() - started - LIMIT_S

    async def timer() -> float:
        started = time.perf_counter()
        await asyncio.sleep(LIMIT_S)
        return time.perf_counter() - started - LIMIT_S

    async def all_rounds() -> Overshoots:
        found = Overshoots([], [])
        for _ in range(rounds):
            found.calls.extend(await asyncio.gather(*[call() for _ in range(at_once)]))
            found.timers.extend(await asyncio.gather(*[timer() for _ in range(at_once)]))
        for model in router.models:
            model.chat_model.release()  # asyncio waits for a task that ignores its cancellation
        return found

    return asyncio.run(all_rounds())


@contextmanager
def pauses() -> Iterator[list[float]]:
    """Seconds of each garbage collection meanwhile."""
    found: list[float] = []

    def hear(phase: str, _info: dict[str, int]) -> None:
        found.append(time.perf_counter() if phase == "start" else time.perf_counter() - found.pop())

    gc.callbacks.append(hear)
    try:
        yield found
    finally:
        gc.callbacks.remove(hear)


@contextmanager
def busy(processes: int) -> Iterator[None]:
    """Keep so many cores busy."""
    context = multiprocessing.get_context("spawn")
    started = [context.Process(target=_spin, daemon=True) for _ in range(processes)]
    for process in started:
        process.start()
    try:
        yield
    finally:
        for process in started:
            process.terminate()
            process.join()


def _spin() -> None:
    for _ in itertools.repeat(None):
        pass


def quantile(values: list[float], share: float) -> float:
    """The value that this share of all does not exceed."""
    return sorted(values)[min(int(share * len(values)), len(values) - 1)]


def run(calls: int, at_once: int, *, show: Callable[[str], None] = print) -> float:
    """Measure every path and model, and give the worst 99th percentile in seconds."""
    worst = 0.0
    show(f"{'path':8} {'model':22} {'text':>6} {'p50':>10} {'p99':>10} {'bare timer':>10} {'longest gc':>10}")
    cases = [(path, model, SHORT) for path in PATHS for model in MODELS]
    cases += [(path, "hangs", LONG) for path in PATHS]
    for path, model, text in cases:
        with pauses() as collections:
            over = overshoots(path, model, calls=calls, at_once=at_once, text=text)
        p50, p99, timer = statistics.median(over.calls), quantile(over.calls, 0.99), quantile(over.timers, 0.99)
        worst = max(worst, p99)
        size = "1 MB" if text is LONG else "short"
        times = (p50, p99, timer, max(collections, default=0.0))
        show(f"{path:8} {model:22} {size:>6} " + " ".join(f"{seconds * 1000:7.1f} ms" for seconds in times))
    return worst


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=200, help="calls for each path and model")
    parser.add_argument("--at-once", type=int, default=4, help="calls under way at the same time")
    parser.add_argument("--idle", action="store_true", help="leave the other cores alone")
    parser.add_argument("--freeze", action="store_true", help="keep what was imported out of garbage collection")
    asked = parser.parse_args()
    if asked.freeze:
        overshoots("ainvoke", "hangs", calls=1, at_once=1)
        gc.collect()
        gc.freeze()
    cores = os.cpu_count() or 2
    print(f"Limit {LIMIT_S * 1000:.0f} ms, {asked.calls} calls each, {asked.at_once} at once, on {cores} cores.")
    with busy(0 if asked.idle else max(cores - 1, 1)):
        worst = run(asked.calls, asked.at_once)
    verdict = "holds" if worst <= GOAL_S else "is missed"
    print(f"The goal of {GOAL_S * 1000:.0f} ms at p99 {verdict}: the worst is {worst * 1000:.1f} ms.")


if __name__ == "__main__":
    main()
