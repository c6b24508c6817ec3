"""How a database gets from each version of the schema to the next.

A new database takes the same steps as an old one, so every version there ever was is built in every test run. A step is
never changed once released; a change of the schema is a new step.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from sqlalchemy import inspect, text

from langchain_scaffolding.errors import ConfigurationError

if TYPE_CHECKING:
    from sqlalchemy import Connection

Migration: TypeAlias = Callable[["Connection"], None]


def _observations(connection: Connection) -> None:
    """Version 1: what a tracker learns from."""
    _run(
        connection,
        "CREATE TABLE scaffolding_sources "
        "(id TEXT PRIMARY KEY, position BIGINT NOT NULL, updated_at DOUBLE PRECISION NOT NULL)",
        "CREATE TABLE scaffolding_outcomes (source TEXT NOT NULL, sequence BIGINT NOT NULL, "
        "at DOUBLE PRECISION NOT NULL, cold BOOLEAN NOT NULL, task TEXT NOT NULL, model TEXT NOT NULL, "
        "decision_id TEXT NOT NULL, error TEXT, total_s DOUBLE PRECISION, first_token_s DOUBLE PRECISION, "
        "output_tokens BIGINT, measured BOOLEAN NOT NULL, pinned BOOLEAN NOT NULL, PRIMARY KEY (source, sequence))",
        "CREATE TABLE scaffolding_feedback (source TEXT NOT NULL, sequence BIGINT NOT NULL, "
        "at DOUBLE PRECISION NOT NULL, decision_id TEXT NOT NULL, score DOUBLE PRECISION NOT NULL, reason TEXT, "
        "PRIMARY KEY (source, sequence))",
        "CREATE INDEX scaffolding_outcomes_decision ON scaffolding_outcomes (decision_id)",
        "CREATE INDEX scaffolding_feedback_decision ON scaffolding_feedback (decision_id)",
    )


def _decisions(connection: Connection) -> None:
    """Version 2: what a policy is evaluated by, and an index for reading in order and for retention."""
    _run(
        connection,
        *(
            f"ALTER TABLE scaffolding_outcomes ADD COLUMN {column}"
            for column in (
                "run_id TEXT",
                "policy TEXT",
                "propensity DOUBLE PRECISION",
                "features TEXT",
                "points TEXT",
                "checks TEXT",
            )
        ),
        "CREATE INDEX scaffolding_outcomes_at ON scaffolding_outcomes (at)",
    )


def _run(connection: Connection, *statements: str) -> None:
    for statement in statements:
        connection.execute(text(statement))


MIGRATIONS: tuple[Migration, ...] = (_observations, _decisions)

# Any number that no other program is likely to lock on.
_ADVISORY_LOCK = 0x5CAFF01D


def up_to_date(connection: Connection) -> str | None:
    """The identity of a database that is of the newest version; `None` if `migrate` has something to do or to say."""
    if not inspect(connection).has_table("scaffolding_schema"):
        return None
    version, identity = connection.execute(text("SELECT version, identity FROM scaffolding_schema")).one()
    return str(identity) if version == len(MIGRATIONS) else None


def migrate(connection: Connection, version: int = len(MIGRATIONS)) -> str:
    """Bring a database up to a version, in the transaction that is open; return the database's identity.

    Raises:
        ConfigurationError: It is of a newer version than this library knows.
    """
    if connection.dialect.name == "postgresql":
        # several processes may start at once; SQLite's transaction has locked the whole file already
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
    if not inspect(connection).has_table("scaffolding_schema"):
        _run(connection, "CREATE TABLE scaffolding_schema (version INTEGER NOT NULL, identity TEXT NOT NULL)")
        connection.execute(
            text("INSERT INTO scaffolding_schema (version, identity) VALUES (0, :identity)"),
            {"identity": uuid.uuid4().hex},
        )
    current, identity = connection.execute(text("SELECT version, identity FROM scaffolding_schema")).one()
    if current > len(MIGRATIONS):
        msg = (
            f"The store has schema version {current}, this library knows versions up to {len(MIGRATIONS)}. "
            "Upgrade langchain-scaffolding here, or give another store."
        )
        raise ConfigurationError(msg)
    for step in MIGRATIONS[current:version]:
        step(connection)
    if version > current:
        connection.execute(text("UPDATE scaffolding_schema SET version = :version"), {"version": version})
    return str(identity)
