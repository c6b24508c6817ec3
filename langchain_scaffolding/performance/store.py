"""`OutcomeStore`: outcomes and feedback in a database, shared by processes and surviving them."""

from __future__ import annotations

import contextlib
import functools
import logging
import math
import time
from typing import TYPE_CHECKING, Any

from langchain_scaffolding.errors import ConfigurationError
from langchain_scaffolding.performance.events import Given, Recorded
from langchain_scaffolding.performance.forking import Members
from langchain_scaffolding.performance.health import StoreError, StoreHealth
from langchain_scaffolding.performance.options import check_positive
from langchain_scaffolding.performance.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from langchain_scaffolding.outcomes import Outcome
    from langchain_scaffolding.performance.events import Event, Told
    from langchain_scaffolding.performance.feedback import Feedback
    from langchain_scaffolding.performance.tracker import PerformanceTracker
    from langchain_scaffolding.performance.writer import WhenFull

logger = logging.getLogger(__name__)

# How often old outcomes are looked for.
_RETENTION_EVERY_S = 3_600.0


class OutcomeStore:
    """Keeps outcomes and feedback in a database: SQLite for one machine, PostgreSQL for many.

    Give it to a `PerformanceTracker`. Writing happens in one background thread and never fails a call: if the database
    cannot be written, events wait in a bounded queue and are tried again, learning goes on in memory, and `health` says
    so. What `flush` has reported as written survives the end of the process, however it comes. What other processes
    write is learned exactly once, in the background, while attempts are recorded. No prompt or answer is stored.

    Args:
        url: "sqlite:///file.db" or "postgresql://user:password@host/database" (needs `psycopg`).
        retention_s: Seconds after which outcomes are deleted; `None`: never.
        refresh_s: Seconds between looking for what other processes have written.
        queue_size: Events that may wait to be written.
        when_full: What happens when they are too many: "drop" drops the new one, "block" makes the caller wait up to
            `block_s` seconds (never in an event loop) before it does. What is dropped is counted and logged.
        block_s: See `when_full`; in seconds.
        timeout_s: Seconds to wait for a lock or a connection.
        clock: Wall-clock time in seconds since the epoch.

    Raises:
        ConfigurationError: The URL cannot be read or opened, the database is of a newer version, or a value is out of
            range.

    Example:
        >>> import tempfile
        >>> from langchain_scaffolding.outcomes import Outcome
        >>> from langchain_scaffolding.performance import PerformanceTracker
        >>> folder = tempfile.TemporaryDirectory()
        >>> store = OutcomeStore(f"sqlite:///{folder.name}/outcomes.db")
        >>> tracker = PerformanceTracker(store=store)
        >>> tracker.record(Outcome(task="title", model="tiny", decision_id="d1", total_s=0.4, measured=True))
        >>> tracker.close()
        >>> PerformanceTracker(store=store).latency_mean_s("title", "tiny")
        0.4
        >>> folder.cleanup()
    """

    def __init__(
        self,
        url: str = "sqlite:///scaffolding-outcomes.db",
        *,
        retention_s: float | None = 90 * 86_400.0,
        refresh_s: float = 5.0,
        queue_size: int = 10_000,
        when_full: WhenFull = "drop",
        block_s: float = 5.0,
        timeout_s: float = 10.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        # SQLAlchemy takes a quarter of a second to import, so only whoever keeps a store imports it
        from langchain_scaffolding.performance.database import Database

        check_positive(retention_s=retention_s, queue_size=queue_size, block_s=block_s, timeout_s=timeout_s)
        if when_full not in {"drop", "block"}:
            msg = f'`when_full` must be "drop" or "block", not {when_full!r}.'
            raise ConfigurationError(msg)
        self._options: dict[str, Any] = {
            "retention_s": retention_s,
            "refresh_s": refresh_s,
            "queue_size": queue_size,
            "when_full": when_full,
            "block_s": block_s,
            "timeout_s": timeout_s,
            "clock": clock,
        }
        self._clock = clock
        self._retention_s = retention_s
        self._refresh_s = refresh_s
        self._timeout_s = timeout_s
        self._database = Database(url, timeout_s=timeout_s)
        self._writer = Writer(
            self._write, self._look_around, queue_size=queue_size, when_full=when_full, block_s=block_s
        )
        self._trackers = Members["PerformanceTracker"]()
        self._reading_error: str | None = None
        self._refreshed_at = clock()
        self._swept_at = -math.inf

    # ---------------------------------------------------------------- for trackers

    def attach(self, tracker: PerformanceTracker) -> None:
        """Refresh a tracker in the background from now on; it is held weakly."""
        self._trackers.add(tracker)

    def append(self, source: str, sequence: int, at: float, outcome: Outcome, *, cold: bool) -> None:
        """Take an attempt to be written soon."""
        self._writer.append(Recorded(source, sequence, at, cold, outcome))

    def append_feedback(self, decision_id: str, feedback: Feedback) -> None:
        """Take feedback to be written soon."""
        self._writer.append(
            Given(feedback.source, feedback.sequence, feedback.at, decision_id, feedback.score, feedback.reason)
        )

    def tell(self, known: Mapping[str, int]) -> Iterator[Told]:
        """Everything beyond what is known of each source, oldest first.

        Raises:
            StoreError: It cannot be read now; `health` says so too.
        """
        with self._reading():
            yield from self._database.tell(known)

    def pairs_of(self, decision_ids: Sequence[str]) -> dict[str, tuple[str, str]]:
        """The task and the model of those decisions that were answered, as far as the database can tell now."""
        if self._reading_error is not None or self._writer.error is not None:
            # whoever gives feedback need not wait for a server that is gone; `refresh` looks again
            return {}
        try:
            with self._reading():
                return self._database.pairs_of(decision_ids)
        except StoreError:
            return {}

    @contextlib.contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except StoreError as error:
            if self._reading_error is None:
                logger.warning("The store cannot be read, what is known stays as it is: %s", error)
            self._reading_error = str(error)
            raise
        self._reading_error = None

    # ---------------------------------------------------------------- for people

    @property
    def url(self) -> str:
        """Where it is, without the password."""
        return str(self._database)

    def is_same_as(self, other: OutcomeStore) -> bool:
        """Whether both lead to one database."""
        return self._database.identity == other._database.identity

    @property
    def health(self) -> StoreHealth:
        """How it is doing."""
        writer = self._writer
        return StoreHealth(
            ok=writer.error is None and self._reading_error is None and not writer.dropped and not writer.refused,
            error=writer.error or self._reading_error,
            queued=writer.queued,
            written=writer.settled - writer.refused,
            dropped=writer.dropped,
            refused=writer.refused,
        )

    def flush(self, timeout_s: float = 10.0) -> bool:
        """Write everything recorded so far; return whether that came about in time.

        It waits, so in an event loop call it by `asyncio.to_thread`.
        """
        return self._writer.flush(timeout_s)

    def close(self, timeout_s: float = 10.0) -> bool:
        """Write everything, end the thread and the connections; return whether everything was written in time.

        What is recorded afterwards opens them again.
        """
        done = self._writer.close(timeout_s)
        self._database.close()
        return done

    def history(
        self, *, task: str | None = None, model: str | None = None, since: float | None = None
    ) -> Iterator[dict[str, Any]]:
        """Outcomes as they are stored, oldest first, for evaluation.

        Each is a dictionary with the fields of `Outcome` that hold no text, `source` and `sequence` of who recorded it,
        and `feedback`, the last score for its decision or `None`.

        Raises:
            StoreError: The database cannot be read now.
        """
        return self._database.history(task, model, since)

    def purge(self, task: str | None = None, model: str | None = None, before: float | None = None) -> int:
        """Delete outcomes, and the feedback for them, for good; return how many.

        Trackers that have learned from them know it until they are reset or end.

        Args:
            task: Only of this task.
            model: Only of this model.
            before: Only from before this time, in seconds since the epoch.

        Raises:
            StoreError: The database cannot be written now.
        """
        self.flush(self._timeout_s)
        return self._database.purge(task, model, before)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r})"

    def __reduce__(self) -> tuple[Callable[..., OutcomeStore], tuple[Any, ...]]:
        """Open the same database again, where it is unpickled."""
        return functools.partial(OutcomeStore, **self._options), (
            self._database.url.render_as_string(hide_password=False),
        )

    def __deepcopy__(self, _memo: object) -> OutcomeStore:
        """Itself: it stands for a database, of which there is one."""
        return self

    # ---------------------------------------------------------------- in the writer's thread

    def _write(self, events: Sequence[Event]) -> int:
        return self._database.write(events, self._clock())

    def _look_around(self) -> None:
        """Learn what others have written and delete what is too old, each when it is time."""
        now = self._clock()
        if now - self._refreshed_at >= self._refresh_s:
            self._refreshed_at = now
            for tracker in self._trackers:
                tracker.refresh()
        if self._retention_s is not None and now - self._swept_at >= _RETENTION_EVERY_S:
            self._swept_at = now
            try:
                self._database.purge(None, None, now - self._retention_s)
            except StoreError as error:
                logger.warning("Old outcomes could not be deleted, which is tried again in an hour: %s", error)
