"""Opening a database: SQLite in WAL mode, or PostgreSQL."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from langchain_scaffolding.errors import ConfigurationError

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, Engine

_DRIVERS = {"sqlite": "sqlite+pysqlite", "postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
_EXAMPLES = '"sqlite:///outcomes.db" or "postgresql://user:password@host/database"'

READS = "scaffolding_reads"
"""Execution option of a transaction that only reads."""


def parsed(url: str) -> URL:
    """The URL with its driver and, for a file, its absolute path.

    Raises:
        ConfigurationError: It is none, or not one of SQLite or PostgreSQL, or of a database in memory.
    """
    try:
        found = sa.make_url(url)
    except ArgumentError:
        msg = f"The store's URL cannot be read. Give one such as {_EXAMPLES}."
        raise ConfigurationError(msg) from None
    backend = found.get_backend_name() if "+" in found.drivername else found.drivername
    if backend not in _DRIVERS:
        msg = f"A store on {backend!r} is not supported. Give a URL such as {_EXAMPLES}."
        raise ConfigurationError(msg)
    if found.drivername in _DRIVERS:
        found = found.set(drivername=_DRIVERS[found.drivername])
    if backend == "sqlite":
        if not found.database or found.database == ":memory:" or found.database.startswith("file:"):
            msg = (
                "A store needs a file: a database in memory keeps nothing. "
                'Give "sqlite:///outcomes.db", or leave the store out to learn in memory only.'
            )
            raise ConfigurationError(msg)
        # a relative path would change its meaning with the working directory of another process
        found = found.set(database=str(Path(found.database).expanduser().absolute()))
    return found


def opened(url: URL, timeout_s: float) -> Engine:
    """An engine for the URL; nothing is connected yet.

    Raises:
        ConfigurationError: The driver is not installed.
    """
    try:
        if url.get_backend_name() == "sqlite":
            return _sqlite(url, timeout_s)
        return sa.create_engine(
            url,
            hide_parameters=True,
            pool_size=2,
            pool_pre_ping=True,
            pool_timeout=timeout_s,
            # a server that vanished without a word would otherwise be waited for for a quarter of an hour
            connect_args={"connect_timeout": max(int(timeout_s), 2), "tcp_user_timeout": int(timeout_s * 1000)},
        )
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        msg = f'The driver for {url.drivername!r} is not installed ({error}). Run: pip install "psycopg[binary]"'
        raise ConfigurationError(msg) from None


def _sqlite(url: URL, timeout_s: float) -> Engine:
    engine = sa.create_engine(
        url,
        hide_parameters=True,
        # Connections live for a transaction only: SQLite forbids carrying an open one across a fork.
        poolclass=sa.NullPool,
        connect_args={"timeout": timeout_s, "check_same_thread": False},
    )

    @sa.event.listens_for(engine, "connect")
    def _configure(connection: sqlite3.Connection, _record: object) -> None:
        # transactions are begun below, so that those that change the schema are transactions too
        connection.isolation_level = None
        # what is committed survives the machine as well as the process
        connection.execute("PRAGMA synchronous=FULL")

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # a writer that starts as a reader may find the file changed below it; one that locks first waits its turn
        reads = connection.get_execution_options().get(READS, False)
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

    return engine


def enable_wal(engine: Engine, timeout_s: float) -> None:
    """Let readers and the writer of an SQLite file work at the same time."""
    give_up = time.monotonic() + timeout_s
    while True:
        connection: Any = engine.raw_connection()
        try:
            connection.cursor().execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            # changing the mode does not wait for another process that does the same
            if "locked" not in str(error) or time.monotonic() > give_up:
                raise
            time.sleep(0.01)
        else:
            return
        finally:
            connection.close()
