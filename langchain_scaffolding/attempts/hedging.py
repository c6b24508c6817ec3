"""Hedging: when the winner is late, the runner-up is asked too, and the first acceptable answer counts.

J. Dean and L. A. Barroso, "The Tail at Scale", CACM 56(2), 2013.
"""

from __future__ import annotations

import asyncio
import math
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from langchain_scaffolding.attempts.calling import leave, start_call, work_of
from langchain_scaffolding.attempts.limits import start_thread
from langchain_scaffolding.attempts.probe import Probe
from langchain_scaffolding.attempts.run import RouterRun, close_dangling
from langchain_scaffolding.errors import AttemptTimeoutError, UnacceptableAnswerError

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

    from langchain_scaffolding.attempts.call import Call
    from langchain_scaffolding.attempts.step import Step

_REMEMBERED: Final = 200
_ENOUGH: Final = 20
"""Durations from which a percentile says something."""


class Hedging:
    """When a call is worth a second attempt at the same time, and how many calls may have one.

    Args:
        after_s: Seconds after which the winner is late; `None`: by its own durations.
        percentile: The percentile of the winner's own durations at the task after which it is late, from 1 to 99; used
            without `after_s`, once 20 durations are known.
        budget: The share of calls that may have a second attempt.

    Example:
        >>> hedging = Hedging(after_s=0.2, budget=0.5)
        >>> [hedging.count() or hedging.admit() for _ in range(4)]
        [False, True, False, True]
    """

    def __init__(self, *, after_s: float | None = None, percentile: int = 95, budget: float) -> None:
        self._after_s = after_s
        self._share = percentile / 100
        self._budget = budget
        self._calls = 0
        self._hedged = 0
        self._durations: dict[tuple[str, str], deque[float]] = {}
        self._lock = threading.Lock()

    def count(self) -> None:
        """Count a call that may have a second attempt."""
        with self._lock:
            self._calls += 1

    def admit(self) -> bool:
        """Whether the budget has room for a second attempt, which is then taken."""
        with self._lock:
            if self._hedged + 1 > self._budget * self._calls:
                return False
            self._hedged += 1
            return True

    def observe(self, task: str, model: str, seconds: float) -> None:
        """Learn how long an answer took; of an attempt that was left, how long it had taken by then.

        Without the latter the slowest answers would be missing, and the percentile would fall with every hedge.
        """
        with self._lock:
            self._durations.setdefault((task, model), deque(maxlen=_REMEMBERED)).append(seconds)

    def patience_s(self, task: str, model: str) -> float | None:
        """Seconds after which a model is late; `None` while too little is known to say."""
        if self._after_s is not None:
            return self._after_s
        with self._lock:
            known = sorted(self._durations.get((task, model), ()))
        return known[math.ceil(self._share * len(known)) - 1] if len(known) >= _ENOUGH else None


@dataclass(slots=True, eq=False)
class _Flight:
    """One of the attempts that are under way at the same time."""

    step: Step
    probe: Probe
    until: float
    limit: str
    given_s: float
    was_late: bool = False
    leave: Callable[[], None] = lambda: None


class Race:
    """The winner's attempt, and the runner-up's when the winner is late. It decides; two drivers wait.

    Args:
        call: The call.
        step: The winner's step, which is about to be called.
        probe: Its probe.
        others: The steps that may be called beside it, best first.
        patience_s: Seconds after which the winner is late.
    """

    def __init__(self, call: Call, step: Step, probe: Probe, others: Iterator[Step], patience_s: float) -> None:
        self.call = call
        self.flights: list[_Flight] = []
        self.answer: Any = None
        self.winner = step
        self._clock = call.settings.clock
        self._others = others
        self._late_at: float | None = self._clock() + patience_s
        self.take_off(step, probe)

    def take_off(self, step: Step, probe: Probe) -> _Flight:
        """Note an attempt that starts now."""
        seconds, limit = self.call.deadline.left() or (math.inf, "")
        flight = _Flight(step=step, probe=probe, until=self._clock() + seconds, limit=limit, given_s=seconds)
        self.flights.append(flight)
        return flight

    @property
    def is_over(self) -> bool:
        """Whether there is an answer, or nobody left who might give one."""
        return self.answer is not None or not self.flights

    def wait_s(self) -> float | None:
        """Seconds until something is to be decided even if nobody answers; `None` if nothing is."""
        next_at = min([flight.until for flight in self.flights] + ([] if self._late_at is None else [self._late_at]))
        return None if next_at == math.inf else max(next_at - self._clock(), 0.0)

    def nobody_came(self) -> _Flight | None:
        """The wait is over: the attempt to start beside the one under way, or `None`."""
        now = self._clock()
        if self._late_at is not None and self._late_at <= min(flight.until for flight in self.flights):
            self._late_at = None
            self.flights[0].was_late = True
            return self._runner_up()
        for flight in [each for each in self.flights if each.until <= now] or [min(self.flights, key=_until)]:
            self.fail(flight, AttemptTimeoutError(flight.limit, flight.given_s))
        return None

    def _runner_up(self) -> _Flight | None:
        hedging, call = self.call.settings.hedging, self.call
        step = call.runner_up(each for each in self._others if each.name != self.winner.name)
        if step is None or hedging is None or not hedging.admit():
            return None
        call.call_beside(step)
        return self.take_off(step, Probe(self._clock))

    def fail(self, flight: _Flight, error: Exception) -> None:
        """Note that an attempt failed, and leave it if it still runs."""
        self.flights.remove(flight)
        flight.leave()
        self._late_at = None  # what is not late but lost is followed by the next model as in any call
        self.call.failed(flight.step, flight.probe, error)

    def landed(self, flight: _Flight, output: object) -> None:
        """Take an answer, if it is acceptable, and leave the other attempt."""
        self.flights.remove(flight)
        self._late_at = None
        losers = [(loser.step, loser.probe) for loser in self.flights]
        answer = self.call.answered(flight.step, flight.probe, output, losers)
        if answer is None:
            return
        self.answer, self.winner = answer, flight.step
        hedging, task = self.call.settings.hedging, self.call.request.task
        for loser in self.flights:
            loser.leave()
            seconds = loser.probe.seconds
            if hedging is not None and loser.was_late and seconds is not None:
                hedging.observe(task, loser.step.name or "", seconds)
        self.flights.clear()

    def interrupted(self) -> None:
        """The caller goes: leave everything."""
        for flight in self.flights:
            flight.leave()
            self.call.interrupted(flight.step, flight.probe)
        self.flights.clear()


def _until(flight: _Flight) -> float:
    return flight.until


def hedge(call: Call, step: Step, probe: Probe, others: Callable[[], Iterator[Step]]) -> Race | None:
    """The race to run for a step, or `None` if it is to be called alone: only a call's first attempt is hedged.

    Args:
        call: The call.
        step: The step, which is about to be called.
        probe: Its probe.
        others: Gives the steps that may be called beside it, best first.
    """
    hedging = call.settings.hedging
    if hedging is None or not step.is_model or call.outcomes:
        return None
    hedging.count()
    patience_s = hedging.patience_s(call.request.task, step.name or "")
    return None if patience_s is None else Race(call, step, probe, others(), patience_s)


def run_race(race: Race, prompt: str | list[BaseMessage], run: RouterRun) -> None:
    """Run a race in threads."""
    call, results = race.call, queue.SimpleQueue[tuple[_Flight, Any, BaseException | None]]()

    def start(flight: _Flight) -> None:
        step, abandoned, name = flight.step, call.settings.abandoned, flight.step.name or ""
        work = work_of(call, step, flight.probe, prompt, run)

        def fly() -> None:
            try:
                results.put((flight, work(), None))
            except BaseException as error:  # noqa: BLE001 - whatever it is, it is raised in the caller's thread
                results.put((flight, None, error))

        try:
            abandoned.admit(name)
        except UnacceptableAnswerError as error:
            race.fail(flight, error)
            return
        flight.leave = start_thread(fly, abandoned, name).leave

    try:
        start(race.flights[0])
        while not race.is_over:
            try:
                flight, output, error = results.get(timeout=race.wait_s())
            except queue.Empty:
                beside = race.nobody_came()
                if beside is not None:
                    start(beside)
                continue
            if flight in race.flights:  # and not failed by its limit meanwhile
                _settle(race, flight, output, error)
    except BaseException:
        race.interrupted()
        raise


async def arun_race(race: Race, prompt: str | list[BaseMessage], run: RouterRun) -> None:
    """Run a race in tasks."""
    call = race.call
    waiting: dict[asyncio.Future[Any], _Flight] = {}

    def start(flight: _Flight) -> None:
        try:
            future = start_call(call, flight.step, flight.probe, prompt, run)
        except UnacceptableAnswerError as error:
            race.fail(flight, error)
            return
        waiting[future] = flight
        flight.leave = partial(leave, future, call.settings.abandoned, flight.step.name or "")

    try:
        start(race.flights[0])
        while not race.is_over:
            under_way = [future for future, flight in waiting.items() if flight in race.flights]
            done, _ = await asyncio.wait(under_way, timeout=race.wait_s(), return_when=asyncio.FIRST_COMPLETED)
            if not done:
                beside = race.nobody_came()
                if beside is not None:
                    start(beside)
            for future in done:
                if not race.is_over:
                    _settle(race, waiting[future], *_end_of(future))
    except BaseException:
        race.interrupted()
        raise
    finally:
        for flight in waiting.values():
            await close_dangling(run, flight.probe, TimeoutError("left before its end"))


def _end_of(future: asyncio.Future[Any]) -> tuple[Any, BaseException | None]:
    if future.cancelled():
        return None, asyncio.CancelledError()
    error = future.exception()
    return (None, error) if error is not None else (future.result(), None)


def _settle(race: Race, flight: _Flight, output: Any, error: BaseException | None) -> None:
    if error is None:
        race.landed(flight, output)
    elif isinstance(error, Exception):
        race.fail(flight, error)
    else:
        raise error
