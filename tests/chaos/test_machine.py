"""Whatever the models do, a call ends in an answer or a documented error, and the books are right."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.chaos.world import (
    ENOUGH_S,
    FAULTS,
    KINDS,
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


def ends(work: Callable[[], Any]) -> Any:
    """What `work` gives, run where it may hang without taking the tests along."""
    future: Future[Any] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is raised where the end is awaited
            future.set_exception(error)

    threading.Thread(target=run, daemon=True, name="chaos caller").start()
    return future.result(timeout=ENOUGH_S)


class Chaos(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.threads_before = set(threading.enumerate())
        self.world = World()
        self.runner = self.world.runner()

    @rule(name=st.sampled_from(sorted(SIZES)), fault=st.sampled_from(sorted(FAULTS)))
    def breaks(self, name: str, fault: str) -> None:
        self.world.faults[name] = fault

    @rule(fault=st.sampled_from(sorted(FAULTS)))
    def all_break(self, fault: str) -> None:
        self.world.faults = dict.fromkeys(SIZES, fault)

    @rule(name=st.sampled_from(sorted(SIZES)))
    def mends(self, name: str) -> None:
        self.world.faults.pop(name, None)

    @rule(seconds=st.sampled_from([1.0, 12.0, 400.0]))
    def time_passes(self, seconds: float) -> None:
        self.world.clock.sleep(seconds)

    @rule(
        router=st.sampled_from(["rules", "no rules", "retries", "first token", "hedged", "profile"]),
        path=st.sampled_from(PATHS),
        kind=st.sampled_from(KINDS),
        task=st.sampled_from(TASKS),
        pin=st.sampled_from(sorted(set(SIZES) - {"small"})),
        stop_after=st.sampled_from([None, None, 1, 2]),
    )
    def call(self, router: str, path: str, kind: str, task: str, pin: str, stop_after: int | None) -> None:
        target, arguments = runnable(self.world.routers[router], kind, pin)
        arguments["task"] = task
        if path in ("invoke", "stream"):
            end = ends(lambda: make_call(target, path, arguments, stop_after))
        else:
            end = ends(lambda: self.runner.run(amake_call(target, path, arguments, stop_after)))
        check_end(end, router=router, kind=kind)

    @rule(steps=st.integers(1, 6), path=st.sampled_from(["ainvoke", "astream"]), task=st.sampled_from(TASKS))
    def is_cancelled(self, steps: int, path: str, task: str) -> None:
        target = self.world.routers["rules"]

        async def cancelled() -> None:
            calling = asyncio.ensure_future(amake_call(target, path, {"task": task}))
            for _ in range(steps):
                await asyncio.sleep(0)
            calling.cancel()
            await asyncio.wait({calling})
            assert calling.cancelled() or calling.exception() is None

        ends(lambda: self.runner.run(cancelled()))

    @rule(path=st.sampled_from(PATHS), task=st.sampled_from(TASKS), router=st.sampled_from(["rules", "profile"]))
    def recovers(self, path: str, task: str, router: str) -> None:
        self.world.recover()
        self.world.drain(self.runner)
        target = self.world.calm(router)
        expected = self.world.best(task, denied=["small"] if router == "profile" else [])
        if path in ("invoke", "stream"):
            end = make_call(target, path, {"task": task})
        else:
            end = self.runner.run(amake_call(target, path, {"task": task}))
        message = end[-1] if isinstance(end, list) else end
        assert winner(message) == expected

    @invariant()
    def the_books_are_right(self) -> None:
        self.world.check_statistics()

    def teardown(self) -> None:
        self.world.gate.open()
        try:
            self.world.drain(self.runner)
        finally:
            self.runner.close()
        for thread in set(threading.enumerate()) - self.threads_before:
            thread.join(ENOUGH_S)
            assert not thread.is_alive(), f"{thread.name} is left"


TestChaos = Chaos.TestCase
TestChaos.settings = settings(
    max_examples=15, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)
