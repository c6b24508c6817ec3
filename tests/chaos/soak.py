"""A long storm of calls over models that fail in every way: `python -m tests.chaos.soak --calls 100000 --seed 1`."""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.world import (
    ENOUGH_S,
    FAULTS,
    KINDS,
    LIMIT_MS,
    PATHS,
    SIZES,
    TASKS,
    World,
    amake_call,
    check_end,
    make_call,
    runnable,
    winner,
)

_THREADS = 6
_TASKS = 12
_CALM = 200
"""Calls between two recoveries, at each of which the books are compared and the right winner must answer."""


@dataclass(kw_only=True, slots=True)
class Report:
    """What a soak has seen.

    Attributes:
        calls: Calls made.
        ends: How they ended: the class of the error, or who answered.
        over_s: Seconds beyond the limit, of each call that hit one.
        recoveries: How often all models were well again.
    """

    calls: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    over_s: list[float] = field(default_factory=list)
    recoveries: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """One call of the storm."""

    router: str
    path: str
    kind: str
    task: str
    pin: str
    stop_after: int | None
    cancel_after_s: float | None


class Soak:
    """Calls in one thread, in several and in many tasks at once, while the models change their behaviour.

    Args:
        seed: Seed of everything that is drawn; threads and tasks still meet as they like.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._mood: dict[str, float] = {}
        self._faults = sorted(FAULTS)
        self.world = World(self._behave)
        self.report = Report()

    def _behave(self, name: str) -> str:
        with self._lock:
            if self._random.random() >= self._mood.get(name, 0.0):
                return "answer"
            fault = self._random.choice(self._faults)
            # calls that hang cost real time: as many as needed, and no more
            is_rare = fault in {"hang", "stall", "late first token", "slow"} and self._random.random() < 0.8
            return "raise" if is_rare else fault

    def _plan(self) -> Plan:
        draw = self._random
        return Plan(
            router=draw.choice(sorted(self.world.routers)),
            path=draw.choice(PATHS),
            kind=draw.choice(KINDS),
            task=draw.choice(TASKS),
            pin=draw.choice(sorted(set(SIZES) - {"small"})),
            stop_after=draw.choice([None, None, None, 1, 2]),
            cancel_after_s=draw.choice([None] * 12 + [0.0, 0.001, 0.01]),
        )

    def _target(self, plan: Plan) -> tuple[Any, dict[str, Any]]:
        target, arguments = runnable(self.world.routers[plan.router], plan.kind, plan.pin)
        return target, {**arguments, "task": plan.task}

    def _call(self, plan: Plan) -> None:
        target, arguments = self._target(plan)
        started = time.perf_counter()
        end = make_call(target, plan.path, arguments, plan.stop_after)
        self._note(plan, end, time.perf_counter() - started)

    async def _acall(self, plan: Plan) -> None:
        target, arguments = self._target(plan)
        started = time.perf_counter()
        calling = asyncio.ensure_future(amake_call(target, plan.path, arguments, plan.stop_after))
        if plan.cancel_after_s is not None:
            await asyncio.wait({calling}, timeout=plan.cancel_after_s)
            calling.cancel()
        await asyncio.wait({calling}, timeout=ENOUGH_S)
        assert calling.done(), f"no end: {plan}"
        end = "cancelled" if calling.cancelled() else calling.result()
        self._note(plan, end, time.perf_counter() - started)

    def _note(self, plan: Plan, end: Any, seconds: float) -> None:
        if end != "cancelled":
            check_end(end, router=plan.router, kind=plan.kind)
        with self._lock:
            self.report.calls += 1
            self.report.ends[_name_of(end)] += 1
            limit = (2 if plan.router == "first token" else 1) * LIMIT_MS / 1000
            if plan.router != "profile" and seconds > limit:
                self.report.over_s.append(seconds - limit)

    def run(self, calls: int, progress: Callable[[Report], None] = lambda _report: None) -> Report:
        """Make about so many calls, and check the books on the way.

        Raises:
            AssertionError: A call has not ended as it may, the books are wrong, the wrong model won after a recovery,
                or something is left behind.
        """
        before = set(threading.enumerate())
        with self.world.runner() as runner, ThreadPoolExecutor(_THREADS) as pool:
            while self.report.calls < calls:
                for name in SIZES:
                    self._mood[name] = self._random.choice([0.0, 0.1, 0.5, 0.9])
                for _ in range(max(_CALM // (_THREADS + _TASKS + 1), 1)):
                    self._round(runner, pool)
                self._recover(runner)
                progress(self.report)
        for thread in set(threading.enumerate()) - before:
            thread.join(ENOUGH_S)
            assert not thread.is_alive(), f"{thread.name} is left"
        return self.report

    def _round(self, runner: asyncio.Runner, pool: ThreadPoolExecutor) -> None:
        plans = [self._plan() for _ in range(_THREADS + _TASKS + 1)]
        own, *others = [plan for plan in plans if plan.path in ("invoke", "stream")] or [None]
        if own is not None:
            self._call(own)
        waiting = [pool.submit(self._call, plan) for plan in others if plan is not None]

        async def at_once() -> None:
            await asyncio.gather(*[self._acall(plan) for plan in plans if plan.path in ("ainvoke", "astream")])

        runner.run(at_once())
        for each in waiting:
            each.result(timeout=ENOUGH_S)

    def _recover(self, runner: asyncio.Runner) -> None:
        self._mood.clear()
        self.world.recover()
        self.world.drain(runner)
        self.world.check_statistics()
        task = self._random.choice(TASKS)
        best = self.world.best(task)
        message = self.world.calm("rules").invoke("Tea?", task=task)
        assert winner(message) == best, message.response_metadata["routing"]
        self.report.recoveries += 1


def _name_of(end: Any) -> str:
    if isinstance(end, (str, Exception)):
        return end if isinstance(end, str) else type(end).__name__
    if isinstance(end, list):
        return "stream"
    return "structured" if isinstance(end, dict) else str(end.response_metadata["routing"]["source"])


def show(line: str) -> None:
    """Write a line at once, so that whoever waits sees how far it is."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    """Run a soak from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=100_000, help="how many calls to make")
    parser.add_argument("--seed", type=int, default=1, help="seed of everything that is drawn")
    parser.add_argument("--over", type=float, default=5.0, help="seconds beyond its limit that no call may take")
    asked = parser.parse_args()
    started = time.monotonic()
    shown = [started]

    def progress(report: Report) -> None:
        if time.monotonic() - shown[0] >= 2 or report.calls >= asked.calls:
            shown[0] = time.monotonic()
            worst = max(report.over_s, default=0.0)
            show(
                f"{shown[0] - started:6.0f} s  {report.calls:>8,} of {asked.calls:,} calls  "
                f"{report.recoveries} recoveries  worst overshoot {worst * 1000:.0f} ms"
            )

    report = Soak(asked.seed).run(asked.calls, progress)
    for name, count in report.ends.most_common():
        show(f"  {count:>8,}  {name}")
    over = sorted(report.over_s)
    if over:
        show(f"  {len(over):,} calls beyond their limit, by {over[len(over) // 2] * 1000:.1f} ms in the median")
    if over and over[-1] > asked.over:
        show(f"One call took {over[-1]:.2f} s more than its limit; at most {asked.over:g} s are allowed.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
