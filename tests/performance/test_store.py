"""A store keeps what trackers learn, for other processes and for later."""
# ruff: noqa: S608 - the statements are put together from constants of this file

from __future__ import annotations

import asyncio
import copy
import math
import os
import sqlite3
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from langchain_scaffolding.errors import ConfigurationError
from langchain_scaffolding.outcomes import ErrorClass, Outcome
from langchain_scaffolding.performance import OutcomeStore, PerformanceTracker
from tests.performance.records import FORKS, NOW, answer, pickled, query

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from langchain_scaffolding.performance.events import Told
    from langchain_scaffolding.testing import FakeClock


def calls(tracker: PerformanceTracker) -> int:
    return sum(row.calls for row in tracker.snapshot())


def test_S11_what_was_learned_survives_a_restart(
    url: str, open_store: Callable[..., OutcomeStore], clock: FakeClock
) -> None:
    before = PerformanceTracker(clock=clock, store=open_store(url))
    before.record(answer(9.0))
    for number in range(30):
        clock.advance(1)
        before.record(answer(0.1 * (1 + number % 5), first_token_s=0.05, output_tokens=7))
        before.record(answer(3.0, error=ErrorClass.TIMEOUT, measured=False))
        before.record(answer(0.2, model="big", pinned=number % 2 == 0))
    before.close()
    after = PerformanceTracker(clock=clock, store=open_store(url))
    for one, two in zip(before.snapshot(), after.snapshot(), strict=True):
        assert dict(two) == pytest.approx(dict(one))
    assert after.latency_mean_s("title", "tiny") == pytest.approx(before.latency_mean_s("title", "tiny"))


def test_a_refresh_after_many_others_wrote_reads_what_is_new_and_not_the_table(
    url: str, open_store: Callable[..., OutcomeStore], clock: FakeClock
) -> None:
    """A database does not plan a condition on a thousand sources, so it is asked several times."""
    shared, asked = open_store(url), list[str]()
    others = [PerformanceTracker(clock=clock, store=shared) for _ in range(230)]
    reader = PerformanceTracker(clock=clock, store=open_store(url))
    for turn in range(2):
        for number, other in enumerate(others):
            clock.advance(1)
            one = answer(0.1 + number / 1000, decision_id=f"{turn}-{number}")
            other.record(one)
            other.record_feedback(one.decision_id, 0.5)
        assert shared.flush(60.0)
        with _statements(asked):
            assert reader.refresh() == 2 * len(others)
        if turn == 0:
            asked.clear()
    read = [each for each in asked if "FROM scaffolding_outcomes" in each]
    assert len(read) == 3
    assert all("sequence >" in each for each in read)
    told = PerformanceTracker(clock=clock, store=open_store(url))
    assert dict(reader.snapshot()[0]) == pytest.approx(dict(told.snapshot()[0]))
    assert (calls(reader), reader.snapshot()[0].feedback_count) == (460, 460)


@contextmanager
def _statements(asked: list[str]) -> Iterator[None]:
    """Collect what any database is asked meanwhile."""

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        yield
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)


def test_several_trackers_hear_of_each_other_exactly_once(
    url: str, open_store: Callable[..., OutcomeStore], clock: FakeClock
) -> None:
    shared = open_store(url)
    trackers = [PerformanceTracker(clock=clock, store=store) for store in (shared, shared, open_store(url))]
    for turn in range(3):
        for tracker in trackers:
            tracker.record(answer(0.5))
            tracker.close()
            for listener in trackers:
                listener.refresh()
                listener.refresh()
        assert [calls(tracker) for tracker in trackers] == [3 * (turn + 1)] * 3
    assert [tracker.latency_mean_s("title", "tiny") for tracker in trackers] == [pytest.approx(0.5)] * 3


def test_listeners_are_told_what_other_processes_have_changed(
    url: str, open_store: Callable[..., OutcomeStore], clock: FakeClock
) -> None:
    one, two = (PerformanceTracker(clock=clock, store=open_store(url)) for _ in range(2))
    heard: list[tuple[str, str]] = []
    two.subscribe(lambda task, model: heard.append((task, model)))
    one.record(answer(model="big"))
    one.close()
    two.refresh()
    assert heard == [("title", "big")]


def test_what_is_recorded_while_others_are_heard_counts_once(
    sqlite_url: str, open_store: Callable[..., OutcomeStore], clock: FakeClock
) -> None:
    store, other = open_store(sqlite_url), open_store(sqlite_url)
    tracker = PerformanceTracker(clock=clock, store=store)
    tracker.record(answer(0.5))
    PerformanceTracker(clock=clock, store=other).record(answer(0.5))
    assert other.flush()
    tell = store.tell

    def tell_late(known: Mapping[str, int]) -> Iterator[Told]:
        outcome = answer(0.5)
        tracker.record(outcome)
        tracker.record_feedback(outcome.decision_id, 1.0)
        assert store.flush()
        return tell(known)

    store.tell = tell_late  # type: ignore[method-assign]
    assert tracker.refresh() == 1
    (row,) = tracker.snapshot()
    assert (row.calls, row.feedback_count) == (3, 1)


def test_a_tracker_learns_from_others_in_the_background_while_it_records(
    sqlite_url: str, open_store: Callable[..., OutcomeStore], clock: FakeClock
) -> None:
    one = PerformanceTracker(clock=clock, store=open_store(sqlite_url))
    two = PerformanceTracker(clock=clock, store=open_store(sqlite_url, refresh_s=60.0))
    one.record(answer(model="big"))
    one.close()
    heard = threading.Event()
    two.subscribe(lambda _task, model: heard.set() if model == "big" else None)
    clock.advance(61)
    two.record(answer())
    assert heard.wait(30)
    assert calls(two) == 2


def test_a_first_reading_comes_in_pieces_and_in_order_of_time(
    url: str, open_store: Callable[..., OutcomeStore], clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("langchain_scaffolding.performance.queries._PIECE", 7)
    old, new = (PerformanceTracker(clock=clock, store=open_store(url), memory=10) for _ in range(2))
    for number in range(50):
        new.record(answer(0.4, at=NOW + 1000 + number))
        old.record(answer(2.0, at=NOW + number))
    new.close()
    old.close()
    reader = PerformanceTracker(clock=clock, store=open_store(url), memory=10)
    assert calls(reader) == 100
    assert reader.latency_mean_s("title", "tiny") == pytest.approx(0.4, abs=0.02)


def test_a_reading_of_many_sources_takes_in_each(
    sqlite_url: str, open_store: Callable[..., OutcomeStore], clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("langchain_scaffolding.performance.queries._MANY", 3)
    reader = PerformanceTracker(clock=clock, store=open_store(sqlite_url))
    store = open_store(sqlite_url)
    trackers = [PerformanceTracker(clock=clock, store=store) for _ in range(8)]
    for turn in range(2):
        for tracker in trackers:
            tracker.record(answer(decision_id="d"))
            tracker.record_feedback("d", 1.0)
        store.flush()
        assert reader.refresh() == 16
        assert calls(reader) == 8 * (turn + 1)


def test_no_text_but_names_and_reasons_reaches_the_database(
    url: str, open_store: Callable[..., OutcomeStore], clock: FakeClock
) -> None:
    tracker = PerformanceTracker(clock=clock, store=open_store(url))
    tracker.record(answer(0.1, error=ErrorClass.INVALID_REQUEST, detail="ValueError: SECRET PROMPT"))
    tracker.close()
    (stored,) = query(url, "SELECT * FROM scaffolding_outcomes")
    assert "SECRET" not in repr(stored)


def test_names_that_a_database_cannot_hold_do_not_stop_the_others(
    url: str, open_store: Callable[..., OutcomeStore], clock: FakeClock
) -> None:
    store = open_store(url)
    tracker = PerformanceTracker(clock=clock, store=store)
    for name in ("nul\x00byte", "lone\ud800surrogate", "plain"):
        tracker.record(answer(model=name))
    assert store.flush()
    assert store.health.ok
    assert [row[0] for row in query(url, "SELECT model FROM scaffolding_outcomes ORDER BY sequence")] == [
        "nul\ufffdbyte",
        "lone?surrogate",
        "plain",
    ]


def test_a_value_the_database_refuses_is_counted_and_the_others_are_written(
    new_postgres: str, open_store: Callable[..., OutcomeStore], clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    store = open_store(new_postgres)
    tracker = PerformanceTracker(clock=clock, store=store)
    for tokens in (1, 10**30, 3):
        tracker.record(answer(output_tokens=tokens))
    assert store.flush()
    health = store.health
    assert (health.ok, health.written, health.refused) == (False, 2, 1)
    assert "refuses" in caplog.text
    assert query(new_postgres, "SELECT output_tokens FROM scaffolding_outcomes ORDER BY sequence") == [(1,), (3,)]


def test_history_gives_what_a_policy_is_evaluated_by(
    url: str, open_store: Callable[..., OutcomeStore], clock: FakeClock
) -> None:
    store = open_store(url)
    tracker = PerformanceTracker(clock=clock, store=store)
    for number in range(4):
        clock.advance(1)
        outcome = answer(0.5, decision_id=f"d{number}", task="title" if number % 2 else "summary", at=clock())
        tracker.record(outcome)
        tracker.record_feedback(outcome.decision_id, 0.0)
        clock.advance(1)
        tracker.record_feedback(outcome.decision_id, number / 4)
    tracker.record(answer(0.1, decision_id="d3", error=ErrorClass.OVERLOADED, measured=False))
    store.flush()
    assert [(row["decision_id"], row["feedback"]) for row in store.history(task="title")] == [
        ("d1", 0.25),
        ("d3", 0.75),
        ("d3", None),
    ]
    (last,) = store.history(since=NOW + 8)
    assert last["error"] == "overloaded"
    assert {"features", "propensity", "policy", "points", "checks", "run_id"} <= last.keys()


@dataclass(frozen=True, kw_only=True, slots=True)
class Decided(Outcome):
    """An outcome that knows how its decision was made."""

    run_id: str
    policy: str
    propensity: float
    features: dict[str, object]
    points: dict[str, float]
    checks: dict[str, bool]


def test_history_says_how_a_decision_was_made_but_not_about_what(
    url: str, open_store: Callable[..., OutcomeStore], clock: FakeClock
) -> None:
    store = open_store(url)
    tracker = PerformanceTracker(clock=clock, store=store)
    decided = Decided(
        task="title",
        model="tiny",
        decision_id="d",
        run_id="r",
        policy="adaptive/3",
        propensity=0.125,
        features={"words": 12, "ratio": 0.5, "text": "SECRET PROMPT", "strange": math.nan},
        points={"size": 3.0},
        checks={"not_empty": True},
    )
    tracker.record(decided)
    store.flush()
    (stored,) = store.history()
    assert (stored["run_id"], stored["policy"], stored["propensity"]) == ("r", "adaptive/3", 0.125)
    assert stored["features"] == {"words": 12, "ratio": 0.5}
    assert (stored["points"], stored["checks"]) == ({"size": 3.0}, {"not_empty": True})


def test_purging_deletes_what_is_asked_and_the_feedback_for_it(
    url: str, open_store: Callable[..., OutcomeStore], clock: FakeClock
) -> None:
    store = open_store(url)
    tracker = PerformanceTracker(clock=clock, store=store)
    for number in range(12):
        outcome = answer(
            task=("title", "summary")[number % 2],
            model=("tiny", "big", "huge")[number % 3],
            at=NOW + number,
            decision_id=f"d{number}",
        )
        tracker.record(outcome)
        tracker.record_feedback(outcome.decision_id, 1.0)
    assert store.purge(task="title", model="tiny") == 2
    assert store.purge(model="huge", before=NOW + 6) == 2
    assert store.purge(before=NOW + 4) == 2
    assert len(query(url, "SELECT * FROM scaffolding_outcomes")) == 6
    left = query(url, "SELECT decision_id FROM scaffolding_outcomes ORDER BY decision_id")
    assert query(url, "SELECT decision_id FROM scaffolding_feedback ORDER BY decision_id") == left
    assert store.purge() == 6
    for table in ("outcomes", "feedback", "sources"):
        assert query(url, f"SELECT * FROM scaffolding_{table}") == []
    assert calls(tracker) == 12, "what is known is forgotten by `reset`"
    tracker.record(answer())
    tracker.close()
    assert calls(PerformanceTracker(clock=clock, store=store)) == 1


def test_old_outcomes_are_deleted_in_the_background(
    sqlite_url: str, open_store: Callable[..., OutcomeStore], clock: FakeClock
) -> None:
    store = open_store(sqlite_url, retention_s=3600.0)
    tracker = PerformanceTracker(clock=clock, store=store)
    tracker.record(answer(at=NOW - 7200))
    tracker.record(answer(at=NOW - 1800))
    tracker.close()
    assert query(sqlite_url, "SELECT at FROM scaffolding_outcomes") == [(NOW - 1800,)]


def test_a_pickled_tracker_goes_on_in_the_same_store(
    url: str, open_store: Callable[..., OutcomeStore], clock: FakeClock
) -> None:
    tracker = PerformanceTracker(clock=clock, store=open_store(url))
    tracker.record(answer())
    twin = pickled(tracker)
    deep = copy.deepcopy(tracker)
    assert deep.store is tracker.store
    tracker.record(answer())
    twin.record(answer())
    deep.record(answer())
    for one in (tracker, twin, deep):
        one.close()
    for one in (tracker, twin, deep):
        one.refresh()
        one.refresh()
        assert calls(one) == 4
    assert len(query(url, "SELECT * FROM scaffolding_outcomes")) == 4


def test_trackers_of_one_store_merge_through_it(
    url: str, open_store: Callable[..., OutcomeStore], clock: FakeClock
) -> None:
    one, two = (PerformanceTracker(clock=clock, store=open_store(url)) for _ in range(2))
    one.record(answer())
    two.record(answer())
    one.merge(two)
    one.merge(two)
    assert calls(one) == 2


def test_merging_what_has_come_through_a_store_twice_is_an_error(
    url: str, open_store: Callable[..., OutcomeStore], clock: FakeClock
) -> None:
    one, two = (PerformanceTracker(clock=clock, store=open_store(url)) for _ in range(2))
    one.record(answer())
    one.close()
    two.refresh()
    memory = PerformanceTracker(clock=clock)
    memory.merge(two)
    with pytest.raises(ConfigurationError, match="learned from one store"):
        memory.merge(one)
    assert calls(memory) == 1


@FORKS
def test_a_forked_process_writes_its_own_outcomes_and_none_of_its_parents(
    url: str, open_store: Callable[..., OutcomeStore], clock: FakeClock
) -> None:
    store = open_store(url)
    tracker = PerformanceTracker(clock=clock, store=store)
    for number in range(20):
        tracker.record(answer(decision_id=f"parent-{number}"))
    child = os.fork()
    if child == 0:
        status = 1
        try:
            for number in range(10):
                tracker.record(answer(decision_id=f"child-{number}"))
            status = 0 if store.flush(60) and calls(tracker) == 30 else 2
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    assert store.flush(60)
    tracker.refresh()
    assert calls(tracker) == 30
    assert len(query(url, "SELECT * FROM scaffolding_outcomes")) == 30
    assert len(query(url, "SELECT * FROM scaffolding_sources")) == 2


def test_recording_in_an_event_loop_never_waits_for_room(
    sqlite_url: str, open_store: Callable[..., OutcomeStore], clock: FakeClock
) -> None:
    store = open_store(sqlite_url, queue_size=1, when_full="block", block_s=3600.0, timeout_s=0.01)
    tracker = PerformanceTracker(clock=clock, store=store)
    lock = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")

    async def record() -> None:
        for _ in range(5):
            tracker.record(answer())

    asyncio.run(record())
    lock.execute("ROLLBACK")
    lock.close()
    assert store.flush()
    assert (store.health.written, store.health.dropped, calls(tracker)) == (1, 4, 5)


def test_a_caller_waits_for_room_if_that_is_wanted(
    sqlite_url: str, open_store: Callable[..., OutcomeStore], clock: FakeClock
) -> None:
    store = open_store(sqlite_url, queue_size=3, when_full="block", block_s=60.0)
    tracker = PerformanceTracker(clock=clock, store=store)
    for _ in range(200):
        tracker.record(answer())
    assert store.flush()
    assert (store.health.written, store.health.dropped) == (200, 0)


def test_a_store_can_be_closed_twice_and_used_again(
    url: str, open_store: Callable[..., OutcomeStore], clock: FakeClock
) -> None:
    store = open_store(url)
    tracker = PerformanceTracker(clock=clock, store=store)
    tracker.record(answer())
    tracker.close()
    tracker.close()
    tracker.record(answer())
    tracker.close()
    assert len(query(url, "SELECT * FROM scaffolding_outcomes")) == 2


def test_a_relative_path_means_the_same_from_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = OutcomeStore("sqlite:///here.db")
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    tracker = PerformanceTracker(store=pickled(store))
    tracker.record(answer())
    tracker.close()
    assert [path.name for path in (tmp_path / "below").iterdir()] == []
    assert calls(PerformanceTracker(store=store)) == 1


def test_the_password_is_shown_nowhere(new_postgres: str, open_store: Callable[..., OutcomeStore]) -> None:
    store = open_store(new_postgres.replace("postgres:@", "postgres:hunter2@"))
    tracker = PerformanceTracker(store=store)
    assert "hunter2" not in f"{store!r}{store.url}{store.health}{tracker!r}"


# ---------------------------------------------------------------- opening


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("not a url", "cannot be read"),
        ("mysql://host/db", "'mysql' is not supported"),
        ("sqlite://", "in memory keeps nothing"),
        ("sqlite:///:memory:", "in memory keeps nothing"),
        ("sqlite:////nonexistent/folder/file.db", "cannot be opened .*unable to open database file"),
        ("postgresql://postgres@/db?host=/nonexistent", "cannot be opened .*nonexistent"),
    ],
)
def test_a_url_that_leads_nowhere_is_one_clear_error(url: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        OutcomeStore(url)


def test_a_file_that_is_no_database_is_one_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "letter.db"
    path.write_text("Dear Sir or Madam, " * 300)
    with pytest.raises(ConfigurationError, match="cannot be opened .*not a database"):
        OutcomeStore(f"sqlite:///{path}")
    assert path.read_text().startswith("Dear Sir"), "it is left as it was"


def test_a_missing_driver_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ConfigurationError, match=r'pip install "psycopg\[binary\]"'):
        OutcomeStore("postgresql://postgres@/db")


def test_a_history_that_is_read_slowly_keeps_nobody_waiting(
    url: str, open_store: Callable[..., OutcomeStore], clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("langchain_scaffolding.performance.queries._PIECE", 3)
    store = open_store(url)
    tracker = PerformanceTracker(clock=clock, store=store)
    for number in range(10):
        tracker.record(answer(decision_id=f"d{number}", at=NOW + number // 4))
    assert store.flush()
    found = []
    for row in store.history():
        found.append(row["decision_id"])
        if len(found) <= 10:
            tracker.record(answer(decision_id=f"new-{len(found)}", at=NOW + 100))
            assert store.flush()
    assert found == [f"d{number}" for number in range(10)] + [f"new-{number}" for number in range(1, 11)]


def test_a_wrong_password_is_not_repeated_in_the_error() -> None:
    with pytest.raises(ConfigurationError) as caught:
        OutcomeStore("postgresql://postgres:hunter2@/db?host=/nonexistent")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "options",
    [{"retention_s": 0}, {"queue_size": 0}, {"timeout_s": -1.0}, {"block_s": 0}, {"when_full": "shrug"}],
)
def test_an_option_out_of_range_is_named(sqlite_url: str, options: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(options))):
        OutcomeStore(sqlite_url, **options)  # type: ignore[arg-type]
