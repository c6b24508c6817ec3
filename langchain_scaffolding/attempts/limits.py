"""Limits in time: what is left for an attempt, and threads that can be left behind.

Python cannot stop a thread. A call that must return in time therefore waits for a daemon thread and leaves it behind
when time is up; how many are left behind is counted per model, and capped.
"""

from __future__ import annotations

import math
import os
import queue
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from langchain_scaffolding.errors import AttemptTimeoutError, UnacceptableAnswerError
from langchain_scaffolding.outcomes import ErrorClass

T = TypeVar("T")

# The slowest rule reads 1 MB in about four seconds on one core of a small machine.
_CHARACTERS_PER_S = 200_000
_LEAST_CHARACTERS = 2_500


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """How long a call may take, in seconds; `None` is no limit.

    Attributes:
        response_s: The whole call: all attempts, retries and waiting.
        attempt_s: One attempt.
        first_token_s: From an attempt's start to its first content, when streaming.
        stall_s: The longest silence of a stream after its first content.
        tokens_per_s: The slowest pace of a stream that is no silence, on average over `stall_s`.
    """

    response_s: float | None = None
    attempt_s: float | None = None
    first_token_s: float | None = None
    stall_s: float | None = None
    tokens_per_s: float | None = None


class Deadline:
    """What is left of a call's limits, by one clock."""

    __slots__ = ("_attempt_started", "_clock", "_limits", "_started")

    def __init__(self, limits: Limits, clock: Callable[[], float], started: float) -> None:
        self._limits = limits
        self._clock = clock
        self._started = started
        self._attempt_started = started

    def begin_attempt(self, *, after_s: float = 0.0) -> None:
        """Start the attempt's own limits, now or after a pause."""
        self._attempt_started = self._clock() + after_s

    @property
    def over(self) -> bool:
        """Whether the whole call's limit has passed."""
        return self.response_left_s <= 0

    @property
    def response_left_s(self) -> float:
        """Seconds left of the whole call's limit; infinite without one."""
        limit = self._limits.response_s
        return math.inf if limit is None else limit - (self._clock() - self._started)

    @property
    def readable(self) -> int | None:
        """Characters that the rules can read in what is left of the whole call's limit; `None` without one.

        A limit that has passed leaves them the little that takes a few milliseconds.
        """
        if self._limits.response_s is None:
            return None
        return max(_LEAST_CHARACTERS, int(self.response_left_s * _CHARACTERS_PER_S))

    def left(self, *, waiting_for_content: bool = False) -> tuple[float, str] | None:
        """Seconds left and the name of the limit that comes first; `None` without a limit."""
        limits, now = self._limits, self._clock()
        passed_s = now - self._attempt_started
        bounds = []
        if limits.response_s is not None:
            bounds.append((limits.response_s - (now - self._started), "response"))
        if limits.attempt_s is not None:
            bounds.append((limits.attempt_s - passed_s, "attempt"))
        if waiting_for_content and limits.first_token_s is not None:
            bounds.append((limits.first_token_s - passed_s, "first token"))
        return min(bounds) if bounds else None


class Pace:
    """How long the next content of a stream may be waited for, so that it neither stalls nor trickles.

    It is a bucket of seconds that waiting empties and content fills: each token by the time it may take, or, where no
    pace is asked for, wholly. Only time spent waiting counts, so a slow reader makes no stream late.

    Args:
        stall_s: The longest silence, in seconds; what the bucket holds.
        tokens_per_s: The slowest pace, in tokens per second; `None`: any.

    Example:
        >>> pace = Pace(stall_s=2.0, tokens_per_s=1.0)
        >>> for _ in range(3):
        ...     pace.heard(tokens=1, waited_s=1.5)
        >>> pace.left_s
        0.5
    """

    __slots__ = ("_seconds_per_token", "_stall_s", "left_s")

    def __init__(self, stall_s: float, tokens_per_s: float | None = None) -> None:
        self._stall_s = self.left_s = stall_s
        self._seconds_per_token = math.inf if tokens_per_s is None else 1 / tokens_per_s

    def heard(self, *, tokens: float, waited_s: float) -> None:
        """Note what came after a wait."""
        gained_s = tokens * self._seconds_per_token if tokens else 0.0
        self.left_s = min(self.left_s - waited_s + gained_s, self._stall_s)


class Abandoned:
    """Counts the calls per model that were left behind and still run.

    Args:
        cap: How many a model may have before it gets no further call with a limit.
    """

    def __init__(self, cap: int = 8) -> None:
        self.cap = cap
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def __getitem__(self, model: str) -> int:
        """How many calls of this model were left behind and still run."""
        return self._counts[model]

    def add(self, model: str, number: int) -> None:
        """Count one more, or one less."""
        with self._lock:
            self._counts[model] += number

    def admit(self, model: str) -> None:
        """Refuse a model whose calls pile up.

        Raises:
            UnacceptableAnswerError: The cap is reached (class overloaded).
        """
        if self._counts[model] >= self.cap:
            raise UnacceptableAnswerError(
                ErrorClass.OVERLOADED, f"{self._counts[model]} earlier calls of this model still hang"
            )


class Handover:
    """Whether a thread's result is still wanted; decided once, whoever comes first."""

    __slots__ = ("_abandoned", "_lock", "_model", "_state")

    def __init__(self, abandoned: Abandoned, model: str) -> None:
        self._abandoned = abandoned
        self._model = model
        self._lock = threading.Lock()
        self._state = "running"

    def leave(self) -> None:
        """The caller goes without the result."""
        with self._lock:
            if self._state == "running":
                self._state = "left"
                self._abandoned.add(self._model, 1)

    def finish(self) -> None:
        """The thread is done."""
        with self._lock:
            if self._state == "left":
                self._abandoned.add(self._model, -1)
            self._state = "done"

    @property
    def wanted(self) -> bool:
        """Whether the caller still waits."""
        return self._state == "running"


class _Worker(threading.Thread):
    """A daemon thread that waits a moment for more work: waking it takes a fraction of what starting one does."""

    def __init__(self, work: Callable[[], None], name: str) -> None:
        super().__init__(name=name, daemon=True)
        self._inbox: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._inbox.put(work)

    def take(self, work: Callable[[], None], name: str) -> None:
        """Do this next; only for whoever took the thread out of `_idle`."""
        self.name = name
        self._inbox.put(work)

    def run(self) -> None:
        """Work until none has come for a while."""
        while True:
            try:
                work = self._inbox.get(timeout=_PATIENCE_S)
            except queue.Empty:
                try:
                    _idle.remove(self)
                except ValueError:
                    continue  # somebody has just taken it out, and brings work
                return
            work()
            del work  # what it holds should not wait as well
            _idle.append(self)


_PATIENCE_S = 1.0
_idle: list[_Worker] = []
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_idle.clear)  # the threads stay with the parent


def start_thread(work: Callable[[], None], abandoned: Abandoned, model: str) -> Handover:
    """Run work in a daemon thread, in a copy of the caller's context."""
    handover = Handover(abandoned, model)
    context = copy_context()

    def run() -> None:
        try:
            context.run(work)
        finally:
            handover.finish()

    name = f"langchain-scaffolding {model}"
    try:
        _idle.pop().take(run, name)
    except IndexError:
        _Worker(run, name).start()
    return handover


def call_within(
    work: Callable[[], T], left: Callable[[], tuple[float, str] | None], abandoned: Abandoned, model: str
) -> T:
    """The result of `work`, or a time-out once no time is left.

    Raises:
        AttemptTimeoutError: Time is up; the thread is left behind.
    """
    abandoned.admit(model)
    results: queue.SimpleQueue[tuple[T | None, BaseException | None]] = queue.SimpleQueue()

    def run() -> None:
        try:
            results.put((work(), None))
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is raised in the caller's thread
            results.put((None, error))

    seconds, limit = left() or (None, "")
    if seconds is not None and seconds <= 0:
        raise AttemptTimeoutError(limit, 0.0)
    handover = start_thread(run, abandoned, model)
    if seconds is not None:
        seconds = max((left() or (0.0, ""))[0], 0.0)  # on a busy machine the start of a thread took some of it
    try:
        result, error = results.get(timeout=seconds)
    except BaseException as interruption:
        handover.leave()
        if isinstance(interruption, queue.Empty):
            raise AttemptTimeoutError(limit, seconds or 0.0) from None
        raise
    if error is not None:
        try:
            raise error
        finally:
            del error  # its traceback holds this frame
    return result  # type: ignore[return-value]


_END: Final = object()


def close_iterator(iterator: object) -> None:
    """Close an iterator that can be closed."""
    close = getattr(iterator, "close", None)
    if close is not None:
        close()


async def aclose_iterator(iterator: object) -> None:
    """Close an asynchronous iterator that can be closed."""
    aclose = getattr(iterator, "aclose", None)
    if aclose is not None:
        await aclose()


class LimitedStream(Iterator[T]):
    """The items of an iterator that runs in a thread of its own, each awaited within what time is left.

    Args:
        source: Makes the iterator; called in the thread, so that one context serves all of its steps.
        left: What time is left, asked before each item.
        heard: Told of each item as it comes.
        abandoned: Where a thread that is left behind is counted.
        model: The name it is counted under.
    """

    def __init__(
        self,
        source: Callable[[], Iterator[T]],
        left: Callable[[], tuple[float, str] | None],
        heard: Callable[[T], None],
        abandoned: Abandoned,
        model: str,
    ) -> None:
        abandoned.admit(model)
        self._left = left
        self._heard = heard
        # One item of slack: the model computes while the reader reads, and a reader that stops is noticed.
        self._items: queue.Queue[tuple[Any, BaseException | None]] = queue.Queue(maxsize=64)
        self._source = source
        self._stop = threading.Event()
        self._is_complete = False
        self._handover = start_thread(self._pump, abandoned, model)

    def _pump(self) -> None:
        error: BaseException | None = None
        iterator: Iterator[T] | None = None
        try:
            iterator = self._source()
            for item in iterator:
                if not self._put((item, None)):
                    break
        except BaseException as failure:  # noqa: BLE001 - whatever it is, it is raised in the reader's thread
            error = failure
        try:
            close_iterator(iterator)
        except BaseException as failure:  # noqa: BLE001 - so is what closing it raises
            error = error or failure
        self._is_complete = True
        self._put((_END, error))
        del error  # its traceback holds this frame

    def _put(self, item: tuple[Any, BaseException | None]) -> bool:
        while not self._stop.is_set():
            try:
                self._items.put(item, timeout=0.05)
            except queue.Full:
                continue
            return True
        return False

    def __next__(self) -> T:
        """The next item.

        Raises:
            AttemptTimeoutError: Time is up.
        """
        # an answer that was complete in time is not late, however slow its reader is
        seconds, limit = (None if self._is_complete else self._left()) or (None, "")
        if seconds is not None and seconds <= 0:
            self.close()
            raise AttemptTimeoutError(limit, 0.0)
        try:
            item, error = self._items.get(timeout=seconds)
        except queue.Empty:
            self.close()
            raise AttemptTimeoutError(limit, seconds or 0.0) from None
        if error is not None:
            try:
                raise error
            finally:
                del error  # its traceback holds this frame
        if item is _END:
            raise StopIteration
        self._heard(item)
        return item  # type: ignore[no-any-return]

    def close(self) -> None:
        """Stop reading; the thread closes the iterator at its next step."""
        self._stop.set()
        self._handover.leave()
