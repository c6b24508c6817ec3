"""`Database`: what a store does on SQLite or PostgreSQL. An error of the database leaves as a `StoreError`."""

from __future__ import annotations

import contextlib
import json
import logging
import math
import sqlite3
import threading
import weakref
from typing import TYPE_CHECKING, Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from langchain_scaffolding.errors import ConfigurationError
from langchain_scaffolding.performance import queries, schema
from langchain_scaffolding.performance.engine import READS, enable_wal, opened, parsed
from langchain_scaffolding.performance.events import Recorded, Told
from langchain_scaffolding.performance.forking import Members, guard
from langchain_scaffolding.performance.health import RefusedError, StoreError
from langchain_scaffolding.performance.migrations import migrate, up_to_date

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from sqlalchemy import Connection

    from langchain_scaffolding.performance.events import Attempted, Event, Given


logger = logging.getLogger(__name__)


_open: Members[Database] = Members()


class Database:
    """An open database of the newest schema.

    Raises:
        ConfigurationError: It cannot be opened, or is of a newer version.
    """

    def __init__(self, url: str, *, timeout_s: float) -> None:
        self.url = parsed(url)
        self._engine = opened(self.url, timeout_s)
        # whoever forgets to close a store does not leave connections behind
        weakref.finalize(self, self._engine.dispose)
        self.is_file = self._engine.dialect.name == "sqlite"
        # held while a file is open, so that a fork can wait until it is not
        self.turn = threading.Lock()
        _open.add(self)
        try:
            with self.turn:
                self.identity = self._prepare(timeout_s)
        except (DBAPIError, sqlite3.Error) as error:
            msg = (
                f"The store {self} cannot be opened ({_reason(error)}). "
                "Check the path or the server and its rights, or leave the store out to learn in memory only."
            )
            raise ConfigurationError(msg) from None

    def _prepare(self, timeout_s: float) -> str:
        """Bring the database to the newest version; return its identity."""
        if self.is_file:
            enable_wal(self._engine, timeout_s)
        # looking first needs no lock, and nearly always nothing is to be done
        with self._engine.execution_options(**{READS: True}).begin() as connection:
            identity = up_to_date(connection)
        if identity is None:
            with self._engine.begin() as connection:
                identity = migrate(connection)
        return identity

    def __str__(self) -> str:
        return self.url.render_as_string(hide_password=True)

    @contextlib.contextmanager
    def _transaction(self, *, reads: bool = False) -> Iterator[Connection]:
        engine = self._engine
        if reads:
            # one snapshot for all statements, so that positions and rows belong together
            options: dict[str, Any] = {} if self.is_file else {"isolation_level": "REPEATABLE READ"}
            engine = engine.execution_options(**{READS: True}, **options)
        turn: AbstractContextManager[Any] = self.turn if self.is_file else contextlib.nullcontext()
        try:
            with turn, engine.begin() as connection:
                yield connection
        except (DataError, IntegrityError) as error:
            raise RefusedError(f"{self}: {_reason(error)}") from None
        except (DBAPIError, PoolTimeoutError) as error:
            raise StoreError(f"{self}: {_reason(error)}") from None

    # ---------------------------------------------------------------- writing

    def write(self, events: Sequence[Event], now: float) -> int:
        """Write events in one transaction; return how many the database refused.

        Writing the same event again changes nothing, so after an error nobody needs to know how far it came.

        Raises:
            StoreError: It cannot be written now.
        """
        try:
            self._insert(events, now)
        except RefusedError as error:
            if len(events) == 1:
                logger.warning("The store refuses an event: %s", error)
                return 1
            # one value of one event is to blame, the others need not suffer
            middle = len(events) // 2
            return self.write(events[:middle], now) + self.write(events[middle:], now)
        return 0

    def _insert(self, events: Sequence[Event], now: float) -> None:
        attempts = [_outcome_row(event) for event in events if isinstance(event, Recorded)]
        given = [_feedback_row(event) for event in events if not isinstance(event, Recorded)]
        reached: dict[str, int] = {}
        for event in events:
            reached[event.source] = max(event.sequence, reached.get(event.source, 0))
        dialect = sqlite if self.is_file else postgresql
        with self._transaction() as connection:
            for table, rows in ((schema.outcomes, attempts), (schema.feedback, given)):
                if rows:
                    connection.execute(dialect.insert(table).on_conflict_do_nothing(), rows)
            upsert = dialect.insert(schema.sources)
            connection.execute(
                upsert.on_conflict_do_update(
                    index_elements=["id"],
                    set_={"position": upsert.excluded.position, "updated_at": upsert.excluded.updated_at},
                ),
                [{"id": name, "position": position, "updated_at": now} for name, position in sorted(reached.items())],
            )

    def purge(self, task: str | None, model: str | None, before: float | None) -> int:
        """Delete outcomes with the feedback for them; return how many outcomes.

        Raises:
            StoreError: It cannot be done now.
        """
        with self._transaction() as connection:
            return queries.purge(connection, task, model, before)

    # ---------------------------------------------------------------- reading

    def tell(self, known: Mapping[str, int]) -> Iterator[Told]:
        """Everything beyond what is known of each source, oldest first.

        If nothing has been told before, it comes in several pieces; otherwise in one, after which nothing can fail.

        Raises:
            StoreError: It cannot be read now.
        """
        first = not known
        attempts: list[Attempted] = []
        with self._transaction(reads=True) as connection:
            positions = queries.positions(connection)
            grown = {name: known.get(name, 0) for name, position in positions.items() if position > known.get(name, 0)}
            if not grown:
                return
            for piece in queries.attempts_since(connection, grown):
                if first:
                    yield Told(piece, [], {})
                else:
                    attempts += piece
            judgements = queries.judgements_since(connection, grown)
        yield Told(attempts, judgements, {name: positions[name] for name in grown})

    def pairs_of(self, decision_ids: Sequence[str]) -> dict[str, tuple[str, str]]:
        """The task and the model of those decisions that were answered.

        Raises:
            StoreError: It cannot be read now.
        """
        with self._transaction(reads=True) as connection:
            return queries.pairs_of(connection, decision_ids)

    def history(self, task: str | None, model: str | None, since: float | None) -> Iterator[dict[str, Any]]:
        """Outcomes as they are stored, oldest first, each with the last feedback for its decision.

        Raises:
            StoreError: It cannot be read now.
        """
        after: tuple[float, str, int] | None = None if since is None else (since, "", 0)
        while True:
            # a transaction of its own for each page, since nobody knows how long the reader takes over it
            with self._transaction(reads=True) as connection:
                page = queries.history(connection, task, model, after)
            yield from page
            if not page:
                return
            after = (page[-1]["at"], page[-1]["source"], page[-1]["sequence"])

    def close(self) -> None:
        """Give up connections that are kept ready; the next statement opens new ones."""
        self._engine.dispose()

    def after_fork(self) -> None:
        """Start anew in a child process, leaving the parent's connections alone."""
        self.turn = threading.Lock()
        self._engine.dispose(close=False)


def _reason(error: Exception) -> str:
    """What the driver says, in one line; SQLAlchemy would add the statement."""
    lines = str(getattr(error, "orig", None) or error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _clean(text: str) -> str:
    """A text that both databases can hold."""
    return text.encode("utf-8", "replace").decode().replace("\x00", "\ufffd")


# What an outcome may carry besides; an attribute that it does not have is stored as unknown.
_PLAIN = ("run_id", "policy", "propensity")


def _outcome_row(event: Recorded) -> dict[str, Any]:
    outcome = event.outcome
    return {
        "source": event.source,
        "sequence": event.sequence,
        "at": event.at,
        "cold": event.cold,
        "task": _clean(outcome.task),
        "model": _clean(outcome.model),
        "decision_id": _clean(outcome.decision_id),
        "error": None if outcome.error is None else str(outcome.error),
        "total_s": outcome.total_s,
        "first_token_s": outcome.first_token_s,
        "output_tokens": outcome.output_tokens,
        "measured": outcome.measured,
        "pinned": outcome.pinned,
        **{name: getattr(outcome, name, None) for name in _PLAIN},
        **{name: _numbers(getattr(outcome, name, None)) for name in queries.AS_JSON},
    }


def _numbers(found: Mapping[str, Any] | None) -> str | None:
    """Named numbers as JSON. Anything else is left out: a text might be part of a prompt."""
    if found is None:
        return None
    kept = {
        str(name): value
        for name, value in found.items()
        if value is None or (isinstance(value, (int, float)) and math.isfinite(value))
    }
    return json.dumps(kept)


def _feedback_row(event: Given) -> dict[str, Any]:
    row = event._asdict()
    row["decision_id"] = _clean(event.decision_id)
    row["reason"] = None if event.reason is None else _clean(event.reason)
    return row


# A file that is open during a fork must not be opened again in the child: its locks are not inherited, but SQLite's
# belief to hold them is (sqlite.org/howtocorrupt.html, section 2.6).
guard(_open, lambda database: database.turn, Database.after_fork)
