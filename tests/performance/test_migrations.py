"""A database of any earlier version becomes one of the newest, with everything in it."""
# ruff: noqa: S608 - the statements are put together from constants of this file

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from langchain_scaffolding.errors import ConfigurationError
from langchain_scaffolding.performance import OutcomeStore, PerformanceTracker
from langchain_scaffolding.performance.engine import opened, parsed
from langchain_scaffolding.performance.migrations import MIGRATIONS, migrate
from langchain_scaffolding.performance.schema import metadata
from tests.performance.records import NOW, query

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from langchain_scaffolding.testing import FakeClock

_ATTEMPT = (
    "INSERT INTO scaffolding_outcomes "
    "(source, sequence, at, cold, task, model, decision_id, error, total_s, measured, pinned) VALUES "
)
# What a database of each version may hold, in the words of that version.
_ROWS: dict[int, Sequence[str]] = {
    0: (),
    1: (
        f"INSERT INTO scaffolding_sources VALUES ('old', 3, {NOW})",
        f"{_ATTEMPT} ('old', 1, {NOW}, FALSE, 'title', 'tiny', 'd1', NULL, 0.5, TRUE, FALSE)",
        f"{_ATTEMPT} ('old', 2, {NOW}, FALSE, 'title', 'tiny', 'd2', 'timeout', 2.0, FALSE, FALSE)",
        f"INSERT INTO scaffolding_feedback VALUES ('old', 3, {NOW}, 'd1', 0.75, NULL)",
    ),
}


def database_of_version(url: str, version: int, extra: Sequence[str] = ()) -> None:
    engine = opened(parsed(url), 10.0)
    with engine.begin() as connection:
        migrate(connection, version)
        for statement in (*_ROWS[version], *extra):
            connection.execute(sa.text(statement))
    engine.dispose()


def test_rows_of_every_released_version_are_tested() -> None:
    assert sorted(_ROWS) == list(range(len(MIGRATIONS)))


@pytest.mark.parametrize("version", sorted(_ROWS))
def test_a_database_of_an_earlier_version_is_brought_up_with_everything_in_it(
    url: str, version: int, open_store: Callable[..., OutcomeStore], clock: FakeClock
) -> None:
    database_of_version(url, version)
    tracker = PerformanceTracker(clock=clock, store=open_store(url))
    assert query(url, "SELECT version FROM scaffolding_schema") == [(len(MIGRATIONS),)]
    if _ROWS[version]:
        (row,) = tracker.snapshot()
        assert (row.calls, row.errors, row.feedback_mean) == (2, 1, 0.75)
    else:
        assert tracker.snapshot() == []
    assert tracker.refresh() == 0


def test_migrating_makes_exactly_the_tables_that_are_used(url: str, open_store: Callable[..., OutcomeStore]) -> None:
    open_store(url)
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    found = sa.inspect(engine)
    assert set(found.get_table_names()) == set(metadata.tables)
    for name, table in metadata.tables.items():
        columns = {column["name"]: column["nullable"] for column in found.get_columns(name)}
        keys = set(found.get_pk_constraint(name)["constrained_columns"])
        assert columns.keys() == set(table.columns.keys())
        assert keys == set(table.primary_key.columns.keys())
        # SQLite calls a text key nullable; whether it can be null is decided by the key
        assert {key for key, nullable in columns.items() if not nullable} | keys == {
            column.name for column in table.columns if not column.nullable
        }
        assert {index["name"] for index in found.get_indexes(name)} == {index.name for index in table.indexes}
    engine.dispose()


def test_a_database_of_a_newer_version_is_refused_and_left_alone(url: str) -> None:
    newer = len(MIGRATIONS) + 1
    database_of_version(url, 1, [f"UPDATE scaffolding_schema SET version = {newer}"])
    with pytest.raises(ConfigurationError, match=rf"schema version {newer}.*Upgrade langchain-scaffolding"):
        OutcomeStore(url)
    assert query(url, "SELECT version FROM scaffolding_schema") == [(newer,)]
    assert len(query(url, "SELECT * FROM scaffolding_outcomes")) == 2


def test_a_migration_that_fails_leaves_the_old_version(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(connection: sa.Connection) -> None:
        connection.execute(sa.text("ALTER TABLE scaffolding_outcomes ADD COLUMN half_done TEXT"))
        connection.execute(sa.text("ALTER TABLE no_such_table ADD COLUMN never TEXT"))

    database_of_version(url, 1)
    monkeypatch.setattr(
        "langchain_scaffolding.performance.migrations.MIGRATIONS", (MIGRATIONS[0], broken, *MIGRATIONS[2:])
    )
    with pytest.raises(ConfigurationError, match="cannot be opened"):
        OutcomeStore(url)
    assert query(url, "SELECT version FROM scaffolding_schema") == [(1,)]
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    assert "half_done" not in {column["name"] for column in sa.inspect(engine).get_columns("scaffolding_outcomes")}
    engine.dispose()
