"""`Writer`: a bounded queue and the one thread that empties it, so that no call waits for a disk."""

from __future__ import annotations

import asyncio
import atexit
import logging
import threading
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Literal, TypeAlias

from langchain_scaffolding.performance.forking import Members, after_fork
from langchain_scaffolding.performance.health import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from langchain_scaffolding.performance.events import Event

logger = logging.getLogger(__name__)

WhenFull: TypeAlias = Literal["drop", "block"]

# Events are written together that come within this time; nobody waits for it but readers in other processes.
_LINGER_S = 0.05
_BATCH = 1_000
# After an error the same events are tried again, with pauses that double.
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 10.0
# A thread without work ends, so that a forgotten store can be collected; the next event starts another.
_IDLE_S = 5.0


class Writer:
    """Takes events at once and writes them in the background, in order, in batches, until the database has them.

    Args:
        write: Writes a batch; returns how many events were refused; raises `StoreError` if it must be tried again.
        afterwards: Is called in the writer's thread after a batch and when there is nothing to do.
        queue_size: Events that may wait.
        when_full: What happens to an event for which there is no room: it is dropped, counted and logged, or the caller
            waits, at most `block_s` seconds and never in an event loop, and then it is dropped.
        block_s: How long a caller waits at most, in seconds.
    """

    def __init__(
        self,
        write: Callable[[Sequence[Event]], int],
        afterwards: Callable[[], None],
        *,
        queue_size: int,
        when_full: WhenFull,
        block_s: float,
    ) -> None:
        self._write = write
        self._afterwards = afterwards
        self._queue_size = queue_size
        self._when_full = when_full
        self._block_s = block_s
        self._start_anew()
        _alive.add(self)

    def _start_anew(self) -> None:
        self._changed = threading.Condition()
        self._queue: deque[Event] = deque()
        self._thread: threading.Thread | None = None
        self._waits_for_events = False
        self._hurried = self._flushes = 0
        self._stopping = False
        self._taken = 0
        self._failures = 0
        self.settled = self.dropped = self.refused = 0
        self.error: str | None = None

    @property
    def queued(self) -> int:
        """Events that are not written yet."""
        return len(self._queue)

    def append(self, event: Event) -> None:
        """Take an event; it is written soon."""
        with self._changed:
            if len(self._queue) >= self._queue_size and not self._room():
                self._drop(1)
                return
            self._queue.append(event)
            self._taken += 1
            if self._waits_for_events:
                self._waits_for_events = False
                self._changed.notify_all()
            elif self._thread is None:
                self._start()

    def _start(self) -> None:
        # imported here, since only a process that writes needs to pay 10 ms for it
        from multiprocessing import parent_process, util

        # processes of multiprocessing leave without running `atexit`
        if parent_process() is not None:
            util.Finalize(None, _close_all, exitpriority=1)
        self._thread = threading.Thread(target=self._work, name="scaffolding-store", daemon=True)
        self._thread.start()

    def _room(self) -> bool:
        """Wait for room in the queue, if that is wanted and harmless; return whether there is."""
        if self._when_full == "drop" or threading.current_thread() is self._thread or _in_event_loop():
            return False
        return self._changed.wait_for(lambda: len(self._queue) < self._queue_size, self._block_s)

    def _drop(self, number: int) -> None:
        if not self.dropped:
            logger.warning(
                "The queue of the store is full (%d events wait; %s); events are dropped and counted in `health`.",
                len(self._queue),
                self.error or "the database is slower than the calls",
            )
        self.dropped += number

    def flush(self, timeout_s: float) -> bool:
        """Write everything taken so far; return whether that came about in time."""
        with self._changed:
            target = self._taken
            if self.settled >= target or threading.current_thread() is self._thread:
                return self.settled >= target
            if self._thread is None:
                self._start()
            self._hurried += 1
            self._flushes += 1
            self._changed.notify_all()
            try:
                return self._changed.wait_for(lambda: self.settled >= target, timeout_s)
            finally:
                self._hurried -= 1

    def close(self, timeout_s: float) -> bool:
        """Write everything and end the thread; return whether everything was written."""
        done = self.flush(timeout_s)
        with self._changed:
            thread, self._stopping = self._thread, True
            self._changed.notify_all()
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout_s)
        with self._changed:
            self._stopping = False
        return done

    # ---------------------------------------------------------------- in the thread

    def _work(self) -> None:
        try:
            while batch := self._next_batch():
                self._settle(batch)
        finally:
            # also after an error that is a bug: the next event finds that it has to start another
            self._leave()

    def _leave(self) -> None:
        with self._changed:
            # once it has left, another thread may have taken its place
            if self._thread is threading.current_thread():
                self._thread = None

    def _settle(self, batch: list[Event]) -> None:
        try:
            refused = self._write(batch)
        except StoreError as error:
            self._pause(error)
            return
        with self._changed:
            if self.error is not None:
                logger.warning("The store can be written again; %d events were dropped meanwhile.", self.dropped)
            self.error, self._failures = None, 0
            for _ in batch:
                self._queue.popleft()
            self.settled += len(batch)
            self.refused += refused
            self._changed.notify_all()
        self._afterwards()

    def _next_batch(self) -> list[Event]:
        """The events to write next; none if the thread is to end."""
        with self._changed:
            if not self._queue:
                self._waits_for_events = True
                self._changed.wait_for(lambda: self._queue or self._stopping, _IDLE_S)
                self._waits_for_events = False
            if not self._queue or (self._stopping and self.error is not None):
                # under the same lock as the look at the queue: no event may come in between and wait for this thread
                self._leave()
                return []
            self._changed.wait_for(lambda: len(self._queue) >= _BATCH or self._hurried or self._stopping, _LINGER_S)
            return list(islice(self._queue, _BATCH))

    def _pause(self, error: StoreError) -> None:
        with self._changed:
            if self.error is None:
                logger.warning("The store cannot be written, learning goes on in memory: %s", error)
            self.error = str(error)
            pause_s = min(_FIRST_PAUSE_S * 2**self._failures, _LONGEST_PAUSE_S)
            self._failures = min(self._failures + 1, 10)
            flushes = self._flushes
            # somebody who asks for a flush has a reason to believe that it works again
            self._changed.wait_for(lambda: self._stopping or self._flushes > flushes, pause_s)


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


_alive = Members["Writer"]()

# A process that ends waits for its last batch, but not for a database that is gone.
_LAST_WAIT_S = 5.0


def _close_all() -> None:
    for writer in _alive:
        if not writer.close(_LAST_WAIT_S):
            logger.error("%d events of the store could not be written and are lost.", writer.queued)


def _after_fork() -> None:
    # the parent writes what it took; the child has neither its thread nor its connections
    for writer in _alive:
        writer._start_anew()  # noqa: SLF001


atexit.register(_close_all)
after_fork(_after_fork)
