"""By how much calls overshoot their limit: `python -m benchmarks.deadlines`.

The models hang. One is like any provider's, one ignores cancellation, one has no native async and so needs threads.
Every call is limited to 100 ms and ends in the rules; several calls are under way at once, and a process on each core
keeps the machine busy. Measured is the time beyond the limit as the caller sees it, and between the calls, as many at
once, what no code of ours can beat: bare timers (`Event.wait`, `asyncio.wait_for`), and bare timers after which the
rules answer. Python's garbage collection stops all of them; the last column is the longest pause for it. `--freeze`
spares it what was imported.

On a machine that others use as well, give it precedence, so that the load is its own: `nice -n -20 python -m ...`.
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
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from threading import Event
from typing import Any, NamedTuple

from langchain_core.messages import HumanMessage

from langchain_scaffolding import ScaffoldingConfig, ScaffoldingRouterLLM
from langchain_scaffolding.rules import RuleBasedChatModel
from langchain_scaffolding.testing import Reply, ScriptedChatModel
from langchain_scaffolding.testing.script import Script

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
    """Seconds beyond the limit: of calls, and of what waited as long between them.

    Attributes:
        calls: Calls of a router.
        timers: Bare timers.
        answers: Bare timers after which the rules answered as they answer a call.
    """

    calls: list[float]
    timers: list[float]
    answers: list[float]


def overshoots(path: str, model: str, *, calls: int, at_once: int, text: str = SHORT) -> Overshoots:
    """How late each call came, and how late who only waited."""
    measure = _asynchronous if path.startswith("a") else _synchronous
    hanging = ScriptedChatModel(name="hanging", **MODELS[model])
    # the breaker would spare the model the calls that are to be measured
    config = ScaffoldingConfig(max_response_time_ms=LIMIT_S * 1000, breaker_threshold=10**9)
    router = ScaffoldingRouterLLM(models=[hanging], config=config)
    found = Overshoots([], [], [])
    for _ in range(calls // at_once):
        script = hanging.script = Script([Reply("never", hang=True)], record=False)
        try:
            measure(router, path, at_once, text, found)
        finally:
            script.release()
        while router.health()[0].abandoned:  # what was left behind ends now, and does not pile up
            time.sleep(0.001)
    return found


_RULES = RuleBasedChatModel()
_READ = 2_500
"""Characters that the rules read of a long text once the limit has passed."""


def _synchronous(router: ScaffoldingRouterLLM, path: str, at_once: int, text: str, found: Overshoots) -> None:
    def call() -> None:
        if path == "invoke":
            router.invoke(text, task="summary")
        else:
            for _ in router.stream(text, task="summary"):
                pass

    def timer() -> None:
        Event().wait(LIMIT_S)

    def answer() -> None:
        Event().wait(LIMIT_S)
        _RULES.invoke([HumanMessage(text[:_READ])], task="summary")

    def timed(work: Callable[[], None]) -> float:
        started = time.perf_counter()
        work()
        return time.perf_counter() - started - LIMIT_S

    with ThreadPoolExecutor(at_once) as pool:
        for work, times in zip((call, timer, answer), found, strict=True):
            times.extend(pool.map(timed, [work] * at_once))


def _asynchronous(router: ScaffoldingRouterLLM, path: str, at_once: int, text: str, found: Overshoots) -> None:
    async def call() -> None:
        if path == "ainvoke":
            await router.ainvoke(text, task="summary")
        else:
            async for _ in router.astream(text, task="summary"):
                pass

    async def timer() -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), LIMIT_S)

    async def answer() -> None:
        await timer()
        await _RULES.ainvoke([HumanMessage(text[:_READ])], task="summary")

    async def timed(work: Callable[[], Awaitable[None]]) -> float:
        started = time.perf_counter()
        await work()
        return time.perf_counter() - started - LIMIT_S

    async def all_three() -> None:
        for work, times in zip((call, timer, answer), found, strict=True):
            times.extend(await asyncio.gather(*[timed(work) for _ in range(at_once)]))
        for model in router.models:
            model.chat_model.release()  # asyncio waits for a task that ignores its cancellation

    asyncio.run(all_three())


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
    """Keep so many processes busy."""
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
    titles = ("p50", "p99", "timer p99", "+rules p50", "+rules p99", "longest gc")
    show(f"{'path':8} {'model':20} {'text':>5} " + " ".join(f"{title:>10}" for title in titles))
    cases = [(path, model, SHORT) for path in PATHS for model in MODELS]
    cases += [(path, "hangs", LONG) for path in PATHS]
    for path, model, text in cases:
        with pauses() as collections:
            over = overshoots(path, model, calls=calls, at_once=at_once, text=text)
        p99 = quantile(over.calls, 0.99)
        worst = max(worst, p99)
        times = (
            *(statistics.median(over.calls), p99, quantile(over.timers, 0.99)),
            *(statistics.median(over.answers), quantile(over.answers, 0.99), max(collections, default=0.0)),
        )
        size = "1 MB" if text is LONG else "short"
        show(f"{path:8} {model:20} {size:>5} " + " ".join(f"{seconds * 1000:7.1f} ms" for seconds in times))
    return worst


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=200, help="calls for each path and model")
    parser.add_argument("--at-once", type=int, default=4, help="calls under way at the same time")
    parser.add_argument("--idle", action="store_true", help="leave the cores alone")
    parser.add_argument("--freeze", action="store_true", help="keep what was imported out of garbage collection")
    asked = parser.parse_args()
    overshoots("ainvoke", "hangs", calls=1, at_once=1)  # what is imported late is imported here
    if asked.freeze:
        gc.collect()
        gc.freeze()
    cores = os.cpu_count() or 2
    print(f"Limit {LIMIT_S * 1000:.0f} ms, {asked.calls} calls each, {asked.at_once} at once, on {cores} cores.")
    with busy(0 if asked.idle else cores):
        worst = run(asked.calls, asked.at_once)
    verdict = "holds" if worst <= GOAL_S else "is missed"
    print(f"The goal of {GOAL_S * 1000:.0f} ms at p99 {verdict}: the worst is {worst * 1000:.1f} ms.")


if __name__ == "__main__":
    main()
