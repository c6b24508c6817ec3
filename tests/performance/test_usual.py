"""Outcomes that tell nothing new are learned from several at a time, and nobody can see that from outside."""

from __future__ import annotations

import copy
import os
import pickle
import sys
import threading
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from langchain_scaffolding.outcomes import ErrorClass, Outcome
from langchain_scaffolding.performance import PerformanceTracker
from langchain_scaffolding.performance.evidence import latency_mean_s
from langchain_scaffolding.performance.tracker import _BATCH
from langchain_scaffolding.performance.usual import WELL_KNOWN
from langchain_scaffolding.testing import FakeClock
from tests.performance.records import FORKS, NOW, answer, pickled, query, unpickled

if TYPE_CHECKING:
    from collections.abc import Callable

    from langchain_scaffolding.performance import OutcomeStore


def known(tracker: PerformanceTracker, seconds: float = 0.5, **facts: object) -> PerformanceTracker:
    """A tracker that knows a pair well, with a few outcomes still to be learned from."""
    for _ in range(WELL_KNOWN + 3):
        tracker.record(answer(seconds, **facts))
    assert len(tracker._knowledge.pending) == 3
    return tracker


def calls(tracker: PerformanceTracker) -> int:
    return sum(row.calls for row in tracker.snapshot())


usual = st.builds(
    Outcome,
    task=st.just("title"),
    model=st.sampled_from(["tiny", "big"]),
    decision_id=st.uuids().map(str),
    total_s=st.floats(0.3, 1.0),
    first_token_s=st.none() | st.floats(0.1, 0.3),
    output_tokens=st.none() | st.integers(0, 100),
    measured=st.just(value=True),
)
other = st.builds(
    Outcome,
    task=st.sampled_from(["title", "summary"]),
    model=st.sampled_from(["tiny", "big"]),
    decision_id=st.uuids().map(str),
    error=st.none() | st.sampled_from([ErrorClass.TIMEOUT, ErrorClass.EMPTY, ErrorClass.OVERLOADED]),
    total_s=st.none() | st.floats(0.0, 10.0),
    measured=st.booleans(),
    pinned=st.booleans(),
)
gaps = st.sampled_from([0.0, 0.1, 10.0, 299.6, 301.0, 5_000.0, 1e6, 1e8, -50.0])
recorded = st.lists(st.tuples(usual | usual | usual | other, gaps), max_size=60)


def assert_alike(one: dict[str, object], two: dict[str, object]) -> None:
    for name, value in one.items():
        assert value == (pytest.approx(two[name], rel=1e-9) if isinstance(value, float) else two[name]), name


@settings(deadline=None, max_examples=100)
@given(recorded, st.sampled_from([4, 20, 200]))
def test_what_is_learned_together_is_what_is_learned_one_by_one(
    outcomes: list[tuple[Outcome, float]], memory: int
) -> None:
    def learned(*, together: bool) -> PerformanceTracker:
        tracker = PerformanceTracker(clock=FakeClock(NOW), memory=memory, half_life_s=100_000.0)
        tracker.subscribe(lambda _task, _model: None, patient=together)
        for number in range(2 * WELL_KNOWN):
            tracker.record(answer(0.4 + number % 5 / 10, model=("tiny", "big")[number % 2], decision_id=f"{number}"))
        at = NOW
        for outcome, gap in outcomes:
            at += gap
            tracker.record(replace(outcome, at=at))
        return tracker

    some, single = learned(together=True), learned(together=False)
    assert not single._knowledge.pending
    for one, two in zip(some.snapshot(), single.snapshot(), strict=True):
        assert_alike(dict(one), dict(two))
        assert_alike(asdict(some.stats(one.task, one.model)), asdict(single.stats(one.task, one.model)))
    assert dict(some._knowledge.book.decisions) == dict(single._knowledge.book.decisions)
    assert some._knowledge._last_use == single._knowledge._last_use


@settings(deadline=None, max_examples=100)
@given(recorded, st.sampled_from([4, 200]), st.sampled_from([1.0, 100_000.0, None]))
def test_means_that_are_kept_ready_are_those_worked_out_anew(
    outcomes: list[tuple[Outcome, float]], memory: int, half_life_s: float | None
) -> None:
    tracker = PerformanceTracker(clock=FakeClock(NOW), memory=memory, half_life_s=half_life_s)
    at = NOW
    for outcome, gap in outcomes:
        at += gap
        tracker.record(replace(outcome, at=at))
        knowledge = tracker._knowledge
        for pair in knowledge.sources.pairs():
            assert tracker.latency_mean_s(*pair) == latency_mean_s(knowledge.sources.parts(pair))


def test_no_more_decisions_are_remembered_than_is_said(clock: FakeClock) -> None:
    tracker = known(PerformanceTracker(clock=clock, recent=5))
    outcomes = [answer(0.5) for _ in range(5 * _BATCH)]
    for outcome in outcomes:
        tracker.record(outcome)
    assert [tracker.record_feedback(each.decision_id, 1.0) for each in outcomes] == [False] * (5 * _BATCH - 5) + [
        True
    ] * 5


def test_first_tokens_and_tokens_are_learned_together_too(tracker: PerformanceTracker) -> None:
    known(tracker, first_token_s=0.1, output_tokens=9)
    (row,) = tracker.snapshot()
    assert row.first_token_p50_s == pytest.approx(0.1, rel=0.01)
    assert row.seconds_per_token == pytest.approx(0.05)


def merged(tracker: PerformanceTracker) -> int:
    other = PerformanceTracker(clock=FakeClock(NOW))
    other.merge(tracker)
    return calls(other)


def merging(tracker: PerformanceTracker) -> int:
    tracker.merge(PerformanceTracker(clock=FakeClock(NOW)))
    return calls(tracker)


@pytest.mark.parametrize(
    "read",
    [
        calls,
        merged,
        merging,
        lambda tracker: tracker.stats("title", "tiny").calls,
        lambda tracker: calls(copy.copy(tracker)),
        lambda tracker: calls(pickled(tracker)),
    ],
    ids=["snapshot", "merged", "merging", "stats", "copy", "pickle"],
)
def test_whoever_reads_sees_every_outcome(
    tracker: PerformanceTracker, read: Callable[[PerformanceTracker], int]
) -> None:
    known(tracker)
    for number in range(20):
        assert read(tracker) == WELL_KNOWN + 3 + number
        tracker.record(answer(0.5))


def test_the_mean_is_that_of_every_outcome(tracker: PerformanceTracker) -> None:
    seconds = [0.5] * WELL_KNOWN + [0.6, 0.9, 0.7]
    for each in seconds:
        tracker.record(answer(each))
    assert len(tracker._knowledge.pending) == 3
    assert tracker.latency_mean_s("title", "tiny") == pytest.approx(sum(seconds) / len(seconds))


def test_what_was_pending_is_forgotten_too(tracker: PerformanceTracker) -> None:
    known(tracker).reset()
    assert tracker.snapshot() == []
    tracker.record(answer(0.3))
    assert (calls(tracker), tracker.latency_mean_s("title", "tiny")) == (1, 0.3)


def test_feedback_finds_an_answer_that_was_pending(tracker: PerformanceTracker) -> None:
    outcome = answer(0.5)
    known(tracker).record(outcome)
    assert tracker.record_feedback(outcome.decision_id, 1.0)
    assert tracker.feedback_waiting == 0


def test_an_answer_that_is_pending_finds_its_feedback(tracker: PerformanceTracker) -> None:
    known(tracker)
    outcome = answer(0.5)
    assert not tracker.record_feedback(outcome.decision_id, 1.0)
    tracker.record(outcome)
    assert tracker.feedback_waiting == 0
    assert tracker.snapshot()[0].feedback_count == 1


# ---------------------------------------------------------------- who is told, and when


def heard_by(tracker: PerformanceTracker, *, patient: bool) -> tuple[list[str], Callable[[], None]]:
    heard: list[str] = []
    return heard, tracker.subscribe(lambda _task, model: heard.append(model), patient=patient)


def test_a_patient_listener_is_told_a_few_calls_late_and_an_impatient_one_at_once(tracker: PerformanceTracker) -> None:
    known(tracker)
    patient, _ = heard_by(tracker, patient=True)
    for _ in range(10 * _BATCH):
        tracker.record(answer(0.5))
        assert len(tracker._knowledge.pending) < _BATCH
    assert len(patient) in {10, 11}
    impatient, leave = heard_by(tracker, patient=False)
    for number in range(20):
        tracker.record(answer(0.5))
        assert len(impatient) == number + 1
    leave()
    patient.clear()
    for _ in range(10 * _BATCH):
        tracker.record(answer(0.5))
    assert len(patient) < 20
    assert len(impatient) == 20


@pytest.mark.parametrize(
    "outcome",
    [
        answer(0.1, error=ErrorClass.OVERLOADED, measured=False),
        answer(1.1),
        answer(0.5, pinned=True),
        answer(None, measured=False),
        answer(0.5, model="new"),
        answer(0.5, at=NOW + 400.0),
    ],
    ids=["error", "slow", "pinned", "cached", "new", "cold"],
)
def test_what_tells_something_new_is_told_at_once(tracker: PerformanceTracker, outcome: Outcome) -> None:
    known(tracker)
    heard, _ = heard_by(tracker, patient=True)
    tracker.record(answer(0.5))
    assert heard == []
    tracker.record(outcome)
    assert heard == [outcome.model]
    assert calls(tracker) == WELL_KNOWN + 5


def test_what_a_reader_has_seen_is_told_with_the_next_outcome(tracker: PerformanceTracker) -> None:
    known(tracker)
    heard, _ = heard_by(tracker, patient=True)
    tracker.record(answer(0.5))
    tracker.snapshot()
    assert heard == [], "whoever reads may hold a lock that a listener wants"
    tracker.record(answer(0.5))
    assert heard == ["tiny"]


# ---------------------------------------------------------------- threads, forks, stores


def test_counts_are_exact_under_threads_that_record_and_read(tracker: PerformanceTracker) -> None:
    for model in ("m0", "m1", "m2"):
        for _ in range(WELL_KNOWN):
            tracker.record(answer(0.5, model=model))

    def record() -> None:
        for number in range(1_000):
            outcome = answer(0.5, model=f"m{number % 3}", error=None if number % 50 else ErrorClass.EMPTY)
            tracker.record(outcome)
            if number % 10 == 3:
                assert tracker.record_feedback(outcome.decision_id, 1.0)
            if number % 7 == 3:
                tracker.stats("title", "m0")

    threads = [threading.Thread(target=record) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = tracker.snapshot()
    assert sum(row.calls for row in rows) == 8_000 + 3 * WELL_KNOWN
    assert sum(row.errors for row in rows) == 160
    assert sum(row.feedback_count for row in rows) == 800


def test_a_thread_sees_what_it_has_recorded_whatever_others_do(tracker: PerformanceTracker) -> None:
    interval = sys.getswitchinterval()
    missed: list[tuple[int, int]] = []

    def record(model: str) -> None:
        for number in range(400):
            tracker.record(answer(0.5, model=model))
            found = tracker.stats("title", model)
            if found is None or found.calls != number + 1:
                missed.append((number + 1, 0 if found is None else found.calls))

    threads = [threading.Thread(target=record, args=(f"m{number}",)) for number in range(8)]
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert missed == []


@FORKS
def test_what_was_pending_at_a_fork_counts_once(tracker: PerformanceTracker) -> None:
    known(tracker)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            found = calls(tracker)
            for _ in range(5):
                tracker.record(answer(0.5))
            with os.fdopen(writing, "wb") as pipe:
                pickle.dump((found, tracker), pipe)
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        found, told = unpickled(pipe.read(), tuple)
    os.waitpid(child, 0)
    assert found == WELL_KNOWN + 3, "the child knows what its parent had recorded"
    assert len(tracker._knowledge.pending) == 3
    for _ in range(2):
        tracker.record(answer(0.5))
        tracker.merge(told)
    assert calls(tracker) == WELL_KNOWN + 3 + 5 + 2
    told.merge(tracker)
    assert calls(told) == calls(tracker)


def test_a_store_has_every_outcome_at_once_and_in_order(
    url: str, open_store: Callable[..., OutcomeStore], clock: FakeClock
) -> None:
    store = open_store(url)
    tracker = known(PerformanceTracker(clock=clock, store=store))
    for error in (None, None, ErrorClass.EMPTY, None):
        tracker.record(answer(0.5, error=error))
    assert store.flush()
    rows = query(url, "SELECT sequence, cold FROM scaffolding_outcomes ORDER BY sequence")
    assert [sequence for sequence, _ in rows] == list(range(1, WELL_KNOWN + 8))
    assert sum(bool(cold) for _, cold in rows) == 1
    assert len(tracker._knowledge.pending) == 1
    assert tracker.refresh() == 0, "a recorder is not told what it has written itself"
    reader = PerformanceTracker(clock=clock, store=open_store(url))
    assert dict(reader.snapshot()[0]) == pytest.approx(dict(tracker.snapshot()[0]))
    assert tracker.record_feedback(answer().decision_id, 1.0) is False
    assert store.flush()
    assert query(url, "SELECT sequence FROM scaffolding_feedback") == [(WELL_KNOWN + 8,)]
