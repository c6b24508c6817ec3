"""What hedging does to the tail: `python -m benchmarks.hedging`.

Both models take log-normal times whose 99th percentile is ten times the median. Calls go through a router, in tasks, in
real time on a scale of milliseconds; a small share of extra calls buys the early part of the tail, more of them more.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import random
import time
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import BaseMessage

from langchain_scaffolding import ScaffoldingConfig, ScaffoldingRouterLLM
from langchain_scaffolding.testing import Reply, ScriptedChatModel
from langchain_scaffolding.testing.script import Script

MEDIAN_S = 0.1
SIGMA = math.log(10) / 2.3263
"""Of the logarithm, so that the 99th percentile of a normal distribution is ten medians."""

SETTINGS: tuple[tuple[float | str | None, float], ...] = (
    (None, 1.0),
    ("p95", 0.05),
    (MEDIAN_S * 2200, 0.25),
    (MEDIAN_S * 1500, 0.4),
)
"""`hedge_after_ms` and `hedge_budget`: off, the defaults, after 2.2 medians, after 1.5 medians."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tail:
    """The times of all calls with one setting, in seconds.

    Attributes:
        after_ms: When the runner-up was asked.
        budget: The share of calls that might ask it.
        extra: The share that did.
        p50: The median.
        p99: The 99th percentile.
    """

    after_ms: float | str | None
    budget: float
    extra: float
    p50: float
    p99: float


def model(name: str, size_gb: float, seed: int) -> ScriptedChatModel:
    """A model with log-normal times."""
    draw = random.Random(seed)

    def item(_messages: list[BaseMessage], _kwargs: dict[str, Any]) -> Reply:
        return Reply("ok", delay_s=MEDIAN_S * draw.lognormvariate(0.0, SIGMA))

    return ScriptedChatModel(script=Script([item], record=False), name=name, metadata={"size_gb": size_gb})


def measure(after_ms: float | str | None, budget: float, *, calls: int, at_once: int, seed: int) -> Tail:
    """The times of so many calls."""
    models = [model("first", 1.0, seed), model("second", 5.0, seed + 1)]
    config = ScaffoldingConfig(hedge_after_ms=after_ms, hedge_budget=budget)
    router = ScaffoldingRouterLLM(models=models, config=config)

    async def some(number: int) -> list[float]:
        times = []
        for _ in range(number):
            started = time.perf_counter()
            await router.ainvoke("x")
            times.append(time.perf_counter() - started)
        return times

    async def everything() -> list[list[float]]:
        return await asyncio.gather(*[some(calls // at_once) for _ in range(at_once)])

    times = sorted(seconds for each in asyncio.run(everything()) for seconds in each)
    return Tail(
        after_ms=after_ms,
        budget=budget,
        extra=sum(each.calls for each in models) / len(times) - 1,
        p50=times[len(times) // 2],
        p99=times[int(0.99 * len(times))],
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=2000, help="calls for each setting")
    parser.add_argument("--at-once", type=int, default=20, help="calls under way at the same time")
    parser.add_argument("--seed", type=int, default=1, help="seed of the times")
    asked = parser.parse_args()
    print(f"{'after':>8} {'budget':>7} {'extra calls':>12} {'p50':>9} {'p99':>9} {'p99 / unhedged':>15}")
    unhedged: float | None = None
    for after_ms, budget in SETTINGS:
        tail = measure(after_ms, budget, calls=asked.calls, at_once=asked.at_once, seed=asked.seed)
        unhedged = tail.p99 if unhedged is None else unhedged
        after = "never" if after_ms is None else after_ms if isinstance(after_ms, str) else f"{after_ms:.0f} ms"
        print(
            f"{after:>8} {budget:7.0%} {tail.extra:12.1%} {tail.p50 * 1000:6.0f} ms {tail.p99 * 1000:6.0f} ms"
            f" {tail.p99 / unhedged:15.2f}"
        )


if __name__ == "__main__":
    main()
