"""Merging trackers: commutative, associative, idempotent, whatever they have recorded."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from langchain_scaffolding.errors import ConfigurationError
from langchain_scaffolding.outcomes import ErrorClass, Outcome
from langchain_scaffolding.performance import PerformanceRow, PerformanceTracker
from langchain_scaffolding.testing import FakeClock
from tests.performance.records import NOW, answer, pickled

# No deadline: the first example of a process imports things, and machines are busy.
PROPERTY = settings(deadline=None, max_examples=60)

outcomes = st.builds(
    Outcome,
    task=st.sampled_from(["title", "summary"]),
    model=st.sampled_from(["tiny", "big"]),
    decision_id=st.sampled_from("abcdefgh"),
    error=st.none() | st.sampled_from(list(ErrorClass)),
    total_s=st.none() | st.floats(0.0, 100.0),
    first_token_s=st.none() | st.floats(0.0, 10.0),
    output_tokens=st.none() | st.integers(0, 1000),
    measured=st.booleans(),
    pinned=st.booleans(),
    at=st.floats(NOW, NOW + 1e8),
)
steps = st.lists(outcomes | st.tuples(st.sampled_from("abcdefgh"), st.sampled_from([0.0, 0.5, 1.0])), max_size=12)


def tracker_of(recorded: list[Outcome | tuple[str, float]]) -> PerformanceTracker:
    clock = FakeClock(NOW)
    tracker = PerformanceTracker(clock=clock, memory=4, half_life_s=100_000.0)
    for step in recorded:
        clock.advance(1.0)
        if isinstance(step, Outcome):
            tracker.record(step)
        elif step[0] in tracker._knowledge.book.decisions:
            tracker.record_feedback(*step)
    return tracker


def merged(*trackers: PerformanceTracker) -> PerformanceTracker:
    first, *others = map(copy.deepcopy, trackers)
    for other in others:
        first.merge(other)
    return first


def rows(tracker: PerformanceTracker) -> list[PerformanceRow]:
    return tracker.snapshot()


@PROPERTY
@given(steps, steps)
def test_the_order_of_two_does_not_matter(one: list[Outcome], two: list[Outcome]) -> None:
    first, second = tracker_of(one), tracker_of(two)
    assert rows(merged(first, second)) == rows(merged(second, first))


@PROPERTY
@given(steps, steps, steps)
def test_the_grouping_of_three_does_not_matter(one: list[Outcome], two: list[Outcome], three: list[Outcome]) -> None:
    first, second, third = tracker_of(one), tracker_of(two), tracker_of(three)
    left = merged(merged(first, second), third)
    right = merged(first, merged(second, third))
    assert rows(left) == rows(right)


@PROPERTY
@given(steps, steps)
def test_what_is_told_twice_counts_once(one: list[Outcome], two: list[Outcome]) -> None:
    first, second = tracker_of(one), tracker_of(two)
    once = merged(first, second)
    assert rows(merged(once, second, first, once)) == rows(once)


@PROPERTY
@given(steps, steps, steps)
def test_an_older_state_adds_nothing_to_a_newer_one(
    one: list[Outcome], two: list[Outcome], later: list[Outcome]
) -> None:
    first, second = tracker_of(one), tracker_of(two)
    old = copy.deepcopy(second)
    for step in later:
        if isinstance(step, Outcome):
            second.record(step)
    assert rows(merged(first, old, second)) == rows(merged(first, second)) == rows(merged(first, second, old))


@PROPERTY
@given(steps)
def test_a_pickle_says_the_same(one: list[Outcome]) -> None:
    tracker = tracker_of(one)
    assert rows(pickled(tracker)) == rows(tracker)


@PROPERTY
@given(st.lists(outcomes, max_size=30), st.integers(0, 30))
def test_counters_and_quantiles_do_not_depend_on_who_recorded_what(recorded: list[Outcome], cut: int) -> None:
    def of(part: list[Outcome]) -> PerformanceTracker:
        # a model's first call in each process may be a cold start, which is not what this is about
        tracker = PerformanceTracker(clock=FakeClock(NOW), idle_s=1e12)
        for model in ("tiny", "big"):
            tracker._knowledge._last_use[model] = NOW
        for outcome in part:
            tracker.record(outcome)
        return tracker

    # of two errors at the same moment, nobody can say which was the last
    recorded = [replace(outcome, at=outcome.at + number) for number, outcome in enumerate(recorded)]
    whole, parts = of(recorded), merged(of(recorded[:cut]), of(recorded[cut:]))
    for one, two in zip(rows(whole), rows(parts), strict=True):
        assert (one.task, one.model) == (two.task, two.model)
        assert (one.calls, one.errors, one.measured) == (two.calls, two.errors, two.measured)
        assert (one.first_token_p50_s, one.last_error) == (two.first_token_p50_s, two.last_error)
        assert (one.acceptance, one.success) == (pytest.approx(two.acceptance), pytest.approx(two.success))


def test_feedback_given_to_a_copy_corrects_the_original_after_merging() -> None:
    tracker = PerformanceTracker(clock=FakeClock(NOW))
    outcome, other = answer(), answer()
    for one in (outcome, other):
        tracker.record(one)
        tracker.record_feedback(one.decision_id, 1.0)
    twin = pickled(tracker)
    twin._clock.advance(1.0)
    assert twin.record_feedback(outcome.decision_id, 0.0)
    tracker.merge(twin)
    (found,) = tracker.snapshot()
    assert (found.feedback_mean, found.feedback_count) == (pytest.approx(0.5), 2)


def test_waiting_feedback_finds_its_outcome_in_a_merged_tracker() -> None:
    told, asked = (PerformanceTracker(clock=FakeClock(NOW)) for _ in range(2))
    outcome = answer()
    told.record(outcome)
    assert not asked.record_feedback(outcome.decision_id, 0.5)
    asked.merge(told)
    asked.merge(told)
    (found,) = asked.snapshot()
    assert (found.feedback_mean, found.feedback_count, asked.feedback_waiting) == (0.5, 1, 0)


def test_trackers_that_have_run_for_more_than_a_thousand_half_lives_are_merged() -> None:
    first, second = (PerformanceTracker(clock=FakeClock(NOW), half_life_s=1.0) for _ in range(2))
    for number in range(80):
        first.record(answer(1.0, at=NOW + 10.0 * number))
        second.record(answer(3.0, at=NOW + 800.0 + 10.0 * number))
    first.merge(second)
    (found,) = first.snapshot()
    assert (found.calls, found.latency_p50_s) == (160, pytest.approx(3.0, rel=0.01))


def test_trackers_that_forget_at_different_speeds_are_not_merged() -> None:
    with pytest.raises(ConfigurationError, match="half-lives of 10.0 and 20.0"):
        PerformanceTracker(half_life_s=10.0).merge(PerformanceTracker(half_life_s=20.0))


def test_merging_with_itself_changes_nothing(tracker: PerformanceTracker) -> None:
    tracker.record(answer())
    tracker.merge(tracker)
    assert tracker.snapshot()[0].calls == 1


def test_a_merge_tells_listeners_what_has_changed(tracker: PerformanceTracker) -> None:
    other = PerformanceTracker(clock=FakeClock(NOW))
    other.record(answer(model="big"))
    heard: list[tuple[str, str]] = []
    tracker.subscribe(lambda task, model: heard.append((task, model)))
    tracker.merge(other)
    tracker.merge(other)
    assert heard == [("title", "big")]
