"""What hedging does to the tail, and what it costs: `python -m benchmarks.hedging`.

Both models take log-normal times whose 99th percentile is ten times the median. The calls are those of a router and
its hedging is the real one; only time is simulated, so that the figures are those of the seed and of no machine.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import random
import selectors
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
    ("p90", 0.15),
    ("p85", 0.2),
    ("p80", 0.25),
    ("p75", 0.3),
    ("p50", 0.6),
    (MEDIAN_S * 2000, 0.3),
)
"""`hedge_after_ms` and `hedge_budget`: never; the default budget; the frontier; a fixed time of two medians."""


class _Skipping(selectors.DefaultSelector):
    """Waits in no time, and counts it."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.now += timeout or 0.0
        return super().select(None if timeout is None else 0)


class SimulatedLoop(asyncio.SelectorEventLoop):
    """An event loop whose time passes only while nothing is to be done, and then at once."""

    def __init__(self) -> None:
        self._skipping = _Skipping()
        super().__init__(self._skipping)

    def time(self) -> float:
        """Simulated seconds."""
        return self._skipping.now


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


def measure(after_ms: float | str | None, budget: float, *, calls: int, seed: int) -> Tail:
    """The times of so many calls, one after the other."""
    models = [model("first", 1.0, seed), model("second", 5.0, seed + 1_000_000)]
    config = ScaffoldingConfig(hedge_after_ms=after_ms, hedge_budget=budget)

    async def all_calls() -> list[float]:
        clock = asyncio.get_running_loop().time
        router = ScaffoldingRouterLLM(models=models, config=config, clock=clock)
        times = []
        for _ in range(calls):
            started = clock()
            await router.ainvoke("x")
            times.append(clock() - started)
        return sorted(times)

    with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
        times = runner.run(all_calls())
    return Tail(
        after_ms=after_ms,
        budget=budget,
        extra=sum(each.calls for each in models) / calls - 1,
        p50=times[calls // 2],
        p99=times[int(0.99 * calls)],
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=20_000, help="calls for each setting")
    parser.add_argument("--seed", type=int, default=1, help="seed of the times")
    asked = parser.parse_args()
    print(f"{'after':>8} {'budget':>7} {'extra calls':>12} {'p50':>6} {'p99':>6} {'p99 / unhedged':>15}   (in medians)")
    unhedged: float | None = None
    for after_ms, budget in SETTINGS:
        tail = measure(after_ms, budget, calls=asked.calls, seed=asked.seed)
        unhedged = tail.p99 if unhedged is None else unhedged
        after = "never" if after_ms is None else after_ms if isinstance(after_ms, str) else f"{after_ms:.0f} ms"
        print(
            f"{after:>8} {budget:7.0%} {tail.extra:12.1%} {tail.p50 / MEDIAN_S:6.2f} {tail.p99 / MEDIAN_S:6.2f}"
            f" {tail.p99 / unhedged:15.2f}"
        )


if __name__ == "__main__":
    main()
