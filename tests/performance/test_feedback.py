"""S25: feedback, whenever it comes."""

from __future__ import annotations

import math
import sqlite3
import uuid
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import pytest
from langsmith.schemas import Feedback as LangSmithFeedback

from langchain_scaffolding.errors import ConfigurationError
from langchain_scaffolding.outcomes import ErrorClass
from langchain_scaffolding.performance import FeedbackImport, OutcomeStore, PerformanceTracker
from tests.performance.records import NOW, answer, query

if TYPE_CHECKING:
    from collections.abc import Callable

    from langchain_scaffolding.testing import FakeClock


def feedback(tracker: PerformanceTracker, model: str = "tiny") -> tuple[float | None, int]:
    found = next(row for row in tracker.snapshot() if row.model == model)
    return found.feedback_mean, found.feedback_count


def test_S25_feedback_belongs_to_the_model_that_answered(tracker: PerformanceTracker) -> None:
    tracker.record(answer(decision_id="d", model="first", error=ErrorClass.OVERLOADED, measured=False))
    tracker.record(answer(decision_id="d", model="second"))
    assert tracker.record_feedback("d", 0.8)
    assert feedback(tracker, "first") == (None, 0)
    assert feedback(tracker, "second") == (pytest.approx(0.8), 1)


def test_S25_feedback_given_twice_counts_once(tracker: PerformanceTracker) -> None:
    tracker.record(answer(decision_id="d"))
    assert [tracker.record_feedback("d", 0.8) for _ in range(3)] == [True] * 3
    assert feedback(tracker) == (pytest.approx(0.8), 1)


def test_S25_feedback_can_be_corrected(tracker: PerformanceTracker, clock: FakeClock) -> None:
    for decision_id in "ab":
        tracker.record(answer(decision_id=decision_id))
        tracker.record_feedback(decision_id, 1.0)
    clock.advance(60)
    tracker.record_feedback("a", 0.0)
    assert feedback(tracker) == (pytest.approx(0.5, abs=1e-3), 2)
    tracker.record_feedback("b", 0.0)
    assert feedback(tracker) == (pytest.approx(0.0, abs=1e-9), 2)


def test_S25_a_correction_takes_out_no_more_than_is_left(clock: FakeClock) -> None:
    tracker = PerformanceTracker(clock=clock, memory=5, half_life_s=1000.0)
    for number in range(100):
        clock.advance(1)
        tracker.record(answer(decision_id=str(number)))
        tracker.record_feedback(str(number), 1.0 if number == 0 else 0.0)
    tracker.record_feedback("0", 0.0)
    assert feedback(tracker) == (pytest.approx(0.0, abs=1e-6), 100)
    for number in range(1, 100):
        tracker.record_feedback(str(number), 1.0)
    mean, count = feedback(tracker)
    assert mean is not None
    assert 0.9 < mean <= 1.0
    assert count == 100


def test_S25_feedback_waits_for_its_outcome(tracker: PerformanceTracker) -> None:
    assert not tracker.record_feedback("later", "good")
    assert not tracker.record_feedback("later", "bad", reason="on second thoughts")
    assert tracker.feedback_waiting == 1
    tracker.record(answer(decision_id="later"))
    assert feedback(tracker) == (0.0, 1)
    assert tracker.feedback_waiting == 0


def test_feedback_that_waits_in_vain_expires_with_a_count(clock: FakeClock) -> None:
    tracker = PerformanceTracker(clock=clock, feedback_wait_s=3600.0, recent=5)
    for number in range(7):
        tracker.record_feedback(f"never-{number}", 1.0)
    assert (tracker.feedback_waiting, tracker.feedback_expired) == (6, 1), "five, and the one that has just come"
    clock.advance(3601)
    tracker.record_feedback("new", 1.0)
    assert (tracker.feedback_waiting, tracker.feedback_expired) == (1, 7)
    tracker.record(answer(decision_id="never-3"))
    assert feedback(tracker) == (None, 0)


def test_feedback_for_a_decision_long_ago_waits_without_a_store(clock: FakeClock) -> None:
    tracker = PerformanceTracker(clock=clock, recent=3)
    for number in range(5):
        tracker.record(answer(decision_id=str(number)))
    assert [tracker.record_feedback(str(number), 1.0) for number in range(5)] == [False, False, True, True, True]


def test_failures_are_no_answers_to_give_feedback_on(tracker: PerformanceTracker) -> None:
    tracker.record(answer(decision_id="d", error=ErrorClass.EMPTY))
    assert not tracker.record_feedback("d", 0.0)


@pytest.mark.parametrize(
    ("given", "score"),
    [
        (0, 0.0),
        (1, 1.0),
        (0.25, 0.25),
        (True, 1.0),
        (False, 0.0),
        (np.float32(0.5), 0.5),
        (Decimal("0.5"), 0.5),
        ("good", 1.0),
        (" Bad ", 0.0),
        ("thumbs up", 1.0),
        ("thumbs-down", 0.0),
        ("\N{THUMBS UP SIGN}", 1.0),
        ("\N{THUMBS DOWN SIGN}\N{VARIATION SELECTOR-16}", 0.0),
        ("neutral", 0.5),
    ],
)
def test_numbers_truth_values_and_labels_are_scores(tracker: PerformanceTracker, given: object, score: float) -> None:
    tracker.record(answer(decision_id="d"))
    assert tracker.record_feedback("d", given)  # type: ignore[arg-type]
    assert feedback(tracker) == (pytest.approx(score), 1)


@pytest.mark.parametrize("given", [-0.1, 1.1, math.nan, math.inf, "so-so", "", None, [1], 10**400, Decimal("NaN")])
def test_what_is_no_score_is_one_clear_error(tracker: PerformanceTracker, given: object) -> None:
    tracker.record(answer(decision_id="d"))
    with pytest.raises(ConfigurationError, match="number from 0 .* to 1 .*, or one of the labels .*good"):
        tracker.record_feedback("d", given)  # type: ignore[arg-type]
    assert feedback(tracker) == (None, 0)
    assert tracker.feedback_waiting == 0


def test_langsmith_feedback_is_imported_as_objects_and_as_dictionaries(tracker: PerformanceTracker) -> None:
    runs = [uuid.uuid4() for _ in range(4)]
    for run in runs[:3]:
        tracker.record(answer(decision_id=str(run)))
    about = {
        "created_at": "2026-01-01T00:00:00Z",
        "modified_at": "2026-01-01T00:00:00Z",
        "key": "quality",
        "trace_id": None,
    }
    items = [
        LangSmithFeedback(id=uuid.uuid4(), run_id=runs[0], score=1.0, comment="good", **about),
        LangSmithFeedback(id=uuid.uuid4(), run_id=runs[1], score=None, value="thumbs_down", **about),
        {"run_id": str(runs[2]), "key": "quality", "score": False},
        {"run_id": str(runs[3]), "score": 0.5},
        {"run_id": str(runs[0]), "score": 5},
        {"run_id": None, "score": 1.0},
        {"run_id": str(runs[0]), "score": None, "value": {"text": "nice"}},
    ]
    assert tracker.import_langsmith_feedback(items) == FeedbackImport(counted=3, waiting=1, skipped=3)
    assert feedback(tracker) == (pytest.approx(1 / 3), 3)


# ---------------------------------------------------------------- through a store


def test_S25_feedback_comes_late_after_a_restart(
    url: str, open_store: Callable[..., OutcomeStore], clock: FakeClock
) -> None:
    before = PerformanceTracker(clock=clock, store=open_store(url))
    for number in range(10):
        before.record(answer(decision_id=f"d{number}"))
    before.record_feedback("d1", 1.0)
    before.close()
    after = PerformanceTracker(clock=clock, store=open_store(url))
    assert feedback(after) == (1.0, 1)
    clock.advance(1)
    assert after.record_feedback("d1", 1.0), "said twice, in two processes"
    assert after.record_feedback("d2", 0.0)
    assert feedback(after) == (pytest.approx(0.5), 2)


def test_S25_the_store_remembers_decisions_that_memory_has_forgotten(
    url: str, open_store: Callable[..., OutcomeStore], clock: FakeClock
) -> None:
    tracker = PerformanceTracker(clock=clock, store=open_store(url), recent=2)
    for number in range(6):
        tracker.record(answer(decision_id=f"d{number}"))
    assert tracker.store is not None
    tracker.store.flush()
    assert tracker.record_feedback("d0", 0.4)
    assert feedback(tracker) == (pytest.approx(0.4), 1)


def test_S25_feedback_comes_from_another_process_before_and_after_its_outcome(
    url: str, open_store: Callable[..., OutcomeStore], clock: FakeClock
) -> None:
    calls, judges, third = (PerformanceTracker(clock=clock, store=open_store(url)) for _ in range(3))
    assert not judges.record_feedback("early", 0.2)
    judges.close()
    assert calls.refresh() == 1
    assert calls.feedback_waiting == 1
    calls.record(answer(decision_id="early"))
    calls.record(answer(decision_id="late"))
    calls.close()
    assert judges.refresh() == 2
    assert judges.record_feedback("late", 0.6)
    judges.close()
    calls.refresh()
    third.refresh()
    for tracker in (calls, judges, third):
        assert feedback(tracker) == (pytest.approx(0.4), 2)
        assert tracker.feedback_waiting == 0


def test_S25_the_last_word_counts_in_whichever_order_it_is_heard(
    url: str, open_store: Callable[..., OutcomeStore], clock: FakeClock
) -> None:
    one, two = (PerformanceTracker(clock=clock, store=open_store(url)) for _ in range(2))
    one.record(answer(decision_id="d"))
    one.close()
    two.refresh()
    one.record_feedback("d", 1.0)
    clock.advance(1)
    two.record_feedback("d", 0.0)
    clock.advance(1)
    one.record_feedback("d", 1.0)
    for tracker in (one, two):
        tracker.close()
    reader = PerformanceTracker(clock=clock, store=open_store(url))
    for tracker in (one, two, reader):
        tracker.refresh()
        mean, count = feedback(tracker)
        assert (mean, count) == (pytest.approx(1.0), 1)
    assert len(query(url, "SELECT * FROM scaffolding_feedback")) == 3, "the store appends and overwrites nothing"


def test_feedback_given_while_the_store_is_away_is_joined_when_it_is_back(
    sqlite_url: str, open_store: Callable[..., OutcomeStore], clock: FakeClock
) -> None:
    path = sqlite_url.removeprefix("sqlite:///")
    tracker = PerformanceTracker(clock=clock, store=open_store(sqlite_url, timeout_s=0.01), recent=1)
    for number in range(3):
        tracker.record(answer(decision_id=f"d{number}"))
    tracker.close()
    moved = sqlite3.connect(path)
    moved.execute("ALTER TABLE scaffolding_outcomes RENAME TO elsewhere")
    assert not tracker.record_feedback("d0", 1.0)
    moved.execute("ALTER TABLE elsewhere RENAME TO scaffolding_outcomes")
    moved.close()
    tracker.refresh()
    assert feedback(tracker) == (1.0, 1)
    assert tracker.feedback_waiting == 0


def test_the_reason_is_kept_with_the_score(url: str, open_store: Callable[..., OutcomeStore], clock: FakeClock) -> None:
    tracker = PerformanceTracker(clock=clock, store=open_store(url))
    tracker.record_feedback("d", "bad", reason="wrong year")
    tracker.close()
    assert query(url, "SELECT decision_id, score, reason, at FROM scaffolding_feedback") == [
        ("d", 0.0, "wrong year", NOW)
    ]
