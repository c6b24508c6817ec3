"""What a tracker learns from attempts, in memory."""

from __future__ import annotations

import copy
import gc
import os
import pickle
import random
import subprocess
import sys
import threading
import tracemalloc

import pytest

from benchmarks.tracker import bytes_of_a_pair
from langchain_scaffolding.errors import ConfigurationError
from langchain_scaffolding.outcomes import ErrorClass
from langchain_scaffolding.performance import PerformanceRow, PerformanceTracker, shrunk
from langchain_scaffolding.testing import FakeClock
from tests.performance.records import FORKS, NOW, answer, pickled, unpickled


def row(tracker: PerformanceTracker, task: str = "title", model: str = "tiny") -> PerformanceRow:
    return next(row for row in tracker.snapshot() if (row.task, row.model) == (task, model))


def test_nothing_is_known_of_a_model_that_was_never_called(tracker: PerformanceTracker) -> None:
    assert tracker.latency_mean_s("title", "tiny") is None
    assert tracker.stats("title", "tiny") is None
    assert tracker.snapshot() == []


def test_S05_the_mean_latency_is_that_of_this_task_and_this_model(tracker: PerformanceTracker) -> None:
    for seconds in (0.2, 0.4, 0.6):
        tracker.record(answer(seconds))
    tracker.record(answer(3.0, task="summary"))
    tracker.record(answer(5.0, model="big"))
    assert tracker.latency_mean_s("title", "tiny") == pytest.approx(0.4)
    assert tracker.latency_mean_s("summary", "tiny") == pytest.approx(3.0)
    assert tracker.latency_mean_s("title", "big") == pytest.approx(5.0)
    assert tracker.latency_mean_s("summary", "big") is None


@pytest.mark.parametrize("seconds", [0.4, 1.0, 1.9, 2.0])
def test_S05_a_mean_of_equal_latencies_is_exactly_that_latency(seconds: float, clock: FakeClock) -> None:
    tracker = PerformanceTracker(clock=clock, memory=7)
    for _ in range(50):
        clock.advance(12_345.678)
        tracker.record(answer(seconds, at=clock()))
        assert tracker.latency_mean_s("title", "tiny") == seconds
    assert row(tracker).acceptance == 1.0


def test_S11_rows_are_keyed_by_task_and_model_and_sorted_by_both(tracker: PerformanceTracker) -> None:
    for task, model in (("title", "b"), ("outline", "b"), ("title", "a")):
        tracker.record(answer(task=task, model=model))
    assert [(row.task, row.model) for row in tracker.snapshot()] == [("outline", "b"), ("title", "a"), ("title", "b")]


def test_S11_a_row_counts_attempts_errors_and_measured_successes(tracker: PerformanceTracker) -> None:
    tracker.record(answer(0.5, first_token_s=0.1, output_tokens=9))
    tracker.record(answer(None, measured=False))
    tracker.record(answer(0.1, error=ErrorClass.RATE_LIMIT, measured=False))
    tracker.record(answer(2.0, error=ErrorClass.TIMEOUT, measured=False))
    tracker.record(answer(0.7, error=ErrorClass.TRUNCATED))
    found = row(tracker)
    assert (found.calls, found.errors, found.measured, found.deadline_misses) == (5, 3, 1, 1)
    assert found.first_token_p50_s == pytest.approx(0.1, rel=0.01)
    assert found.acceptance == pytest.approx(1 / 2), "one answer was accepted, one was truncated, two were none"
    assert found.success == pytest.approx(1 / 4), "a cache hit is no success of the model"
    assert found.last_error == "truncated"


def test_S21_a_row_reads_as_an_object_and_as_a_mapping(tracker: PerformanceTracker) -> None:
    tracker.record(answer())
    found = row(tracker)
    assert found.model == found["model"] == dict(found)["model"] == "tiny"
    assert list(dict(found))[:13] == [
        "task",
        "model",
        "calls",
        "errors",
        "measured",
        "latency_mean_s",
        "latency_p50_s",
        "latency_p95_s",
        "latency_p99_s",
        "first_token_p50_s",
        "acceptance",
        "feedback_mean",
        "feedback_count",
    ]
    with pytest.raises(KeyError):
        found["colour"]


def test_what_was_never_seen_is_none_and_not_zero(tracker: PerformanceTracker) -> None:
    tracker.record(answer(0.01, error=ErrorClass.AUTH, measured=False))
    found = row(tracker)
    unknown = {name for name, value in dict(found).items() if value is None}
    assert unknown == {
        "latency_mean_s",
        "latency_p50_s",
        "latency_p95_s",
        "latency_p99_s",
        "first_token_p50_s",
        "acceptance",
        "feedback_mean",
        "cold_start_p50_s",
        "seconds_per_token",
    }


def test_a_deadline_that_is_missed_makes_a_model_look_slower(tracker: PerformanceTracker) -> None:
    tracker.record(answer(0.5))
    tracker.record(answer(2.0, error=ErrorClass.TIMEOUT, measured=False))
    assert tracker.latency_mean_s("title", "tiny") == pytest.approx(1.25)
    assert row(tracker).latency_p99_s == pytest.approx(2.0, rel=0.01)
    assert row(tracker).measured == 1


@pytest.mark.parametrize("first", ["failures", "successes"])
def test_a_failure_that_is_quick_makes_no_model_look_fast(tracker: PerformanceTracker, first: str) -> None:
    failures = [answer(0.001, error=ErrorClass.AUTH, measured=False)] * 20
    successes = [answer(1.5)] * 2
    for outcome in failures + successes if first == "failures" else successes + failures:
        tracker.record(outcome)
    assert tracker.latency_mean_s("title", "tiny") == pytest.approx(1.5)
    assert row(tracker).latency_p50_s == pytest.approx(1.5, rel=0.01)


def test_deadlines_missed_before_the_first_answer_are_not_forgotten_by_it(tracker: PerformanceTracker) -> None:
    for _ in range(3):
        tracker.record(answer(4.0, error=ErrorClass.TIMEOUT, measured=False))
    assert tracker.latency_mean_s("title", "tiny") is None, "there is no answer to have a latency"
    tracker.record(answer(0.8))
    assert tracker.latency_mean_s("title", "tiny") == pytest.approx((3 * 4.0 + 0.8) / 4)


def test_a_cache_hit_teaches_neither_latency_nor_choice(tracker: PerformanceTracker) -> None:
    tracker.record(answer(0.001, measured=False))
    found = row(tracker)
    assert (found.calls, found.measured, found.latency_mean_s, found.acceptance) == (1, 0, None, None)


def test_a_pinned_call_teaches_latency_but_nothing_about_the_choice(tracker: PerformanceTracker) -> None:
    tracker.record(answer(0.3, pinned=True))
    tracker.record(answer(0.3, pinned=True, error=ErrorClass.REFUSAL))
    assert tracker.latency_mean_s("title", "tiny") == pytest.approx(0.3)
    assert row(tracker).acceptance is None
    assert (row(tracker).calls, row(tracker).errors) == (2, 1)


def test_a_cold_start_stands_apart_when_it_loads_the_model(tracker: PerformanceTracker, clock: FakeClock) -> None:
    tracker.record(answer(12.0))
    assert tracker.latency_mean_s("title", "tiny") == pytest.approx(12.0), "it is all there is so far"
    for _ in range(3):
        clock.advance(10)
        tracker.record(answer(0.5))
    assert tracker.latency_mean_s("title", "tiny") == pytest.approx(0.5)
    assert row(tracker).latency_p99_s == pytest.approx(0.5, rel=0.01)
    assert row(tracker).cold_start_p50_s == pytest.approx(12.0, rel=0.01)
    clock.advance(3600)
    tracker.record(answer(14.0))
    assert tracker.latency_mean_s("title", "tiny") == pytest.approx(0.5), "an hour later it was unloaded again"
    assert row(tracker).measured == 5


def test_a_first_call_as_fast_as_the_others_is_counted_with_them(tracker: PerformanceTracker) -> None:
    for seconds in (0.2, 0.4, 0.6):
        tracker.record(answer(seconds))
    assert tracker.latency_mean_s("title", "tiny") == pytest.approx(0.4)
    assert row(tracker).latency_p50_s == pytest.approx(0.4, rel=0.01)


def test_a_model_that_another_task_has_warmed_starts_warm(tracker: PerformanceTracker) -> None:
    tracker.record(answer(9.0, task="summary"))
    tracker.record(answer(0.5))
    assert row(tracker).cold_start_p50_s is None
    assert row(tracker, task="summary").cold_start_p50_s == pytest.approx(9.0, rel=0.01)


def test_long_answers_do_not_make_a_model_look_slow_per_token(tracker: PerformanceTracker) -> None:
    tracker.record(answer(0.1, model="short"))
    tracker.record(answer(0.1, model="long"))
    for _ in range(5):
        tracker.record(answer(0.3, model="short", first_token_s=0.1, output_tokens=11))
        tracker.record(answer(2.1, model="long", first_token_s=0.1, output_tokens=101))
    assert row(tracker, model="short").seconds_per_token == pytest.approx(0.02)
    assert row(tracker, model="long").seconds_per_token == pytest.approx(0.02)


@pytest.mark.parametrize("spread", [0.1, 1.0, 2.0])
def test_quantiles_are_within_one_percent(tracker: PerformanceTracker, spread: float) -> None:
    rng = random.Random(7)
    seconds = [rng.lognormvariate(0.0, spread) for _ in range(5_000)]
    firsts = [value * rng.uniform(0.1, 0.9) for value in seconds]
    for total, first in zip(seconds, firsts, strict=True):
        tracker.record(answer(total, first_token_s=first))
    found = row(tracker)
    for share, value in ((0.5, found.latency_p50_s), (0.95, found.latency_p95_s), (0.99, found.latency_p99_s)):
        assert value == pytest.approx(sorted(seconds)[int(share * len(seconds)) - 1], rel=0.0101)
    assert found.first_token_p50_s == pytest.approx(sorted(firsts)[len(firsts) // 2 - 1], rel=0.0101)


@pytest.mark.parametrize("seconds", [0.0, 1e-9, 1e7])
def test_durations_beyond_reason_are_counted_at_the_border(tracker: PerformanceTracker, seconds: float) -> None:
    tracker.record(answer(seconds))
    assert row(tracker).latency_p50_s == pytest.approx(min(max(seconds, 1e-6), 1e6), rel=0.01)


@pytest.mark.parametrize("seconds", [-0.1, float("nan"), float("inf")])
def test_a_duration_that_is_none_is_refused_and_changes_nothing(tracker: PerformanceTracker, seconds: float) -> None:
    with pytest.raises(ConfigurationError, match="seconds from 0"):
        tracker.record(answer(seconds))
    assert tracker.snapshot() == []


@pytest.mark.parametrize("option", ["half_life_s", "memory", "idle_s", "recent", "feedback_wait_s"])
def test_an_option_out_of_range_is_named(option: str) -> None:
    with pytest.raises(ConfigurationError, match=option):
        PerformanceTracker(**{option: 0})


def test_the_latest_calls_weigh_more_once_there_are_many(clock: FakeClock) -> None:
    tracker = PerformanceTracker(clock=clock, memory=50)
    for _ in range(500):
        tracker.record(answer(2.0))
    for _ in range(200):
        tracker.record(answer(0.4))
    assert tracker.latency_mean_s("title", "tiny") == pytest.approx(0.4, abs=0.05)
    assert row(tracker).calls == 700, "counters forget nothing"


def test_evidence_fades_with_time(clock: FakeClock) -> None:
    tracker = PerformanceTracker(clock=clock, half_life_s=3600.0)
    for _ in range(8):
        tracker.record(answer(3.0))
    clock.advance(3 * 3600)
    tracker.record(answer(1.0, model="other"))
    tracker.record(answer(1.0))
    assert tracker.latency_mean_s("title", "tiny") == pytest.approx((8 / 8 * 3.0 + 1.0) / 2)
    for _ in range(2):
        tracker.record(answer(1.0))
    assert row(tracker).latency_p50_s == pytest.approx(1.0, rel=0.01), "three fresh calls outweigh eight old ones"
    assert row(tracker).calls == 11


def test_evidence_fades_beyond_any_range_of_numbers(clock: FakeClock) -> None:
    tracker = PerformanceTracker(clock=clock, half_life_s=1.0)
    tracker.record(answer(5.0))
    clock.advance(10_000_000)
    tracker.record(answer(0.5))
    tracker.record(answer(0.5, at=NOW))
    assert tracker.latency_mean_s("title", "tiny") == pytest.approx(0.5)
    assert row(tracker).latency_p99_s == pytest.approx(0.5, rel=0.01)


def test_nothing_is_left_of_what_was_seen_ages_ago(clock: FakeClock) -> None:
    tracker = PerformanceTracker(clock=clock, half_life_s=1.0)
    for _ in range(3):
        tracker.record(answer(0.5))
    clock.advance(10_000)
    tracker.record(answer(None, measured=False))
    assert tracker.latency_mean_s("title", "tiny") is None
    tracker.record(answer(0.3))
    assert tracker.latency_mean_s("title", "tiny") == 0.3


def test_the_statistics_of_several_models_are_those_of_each_with_the_last_outcome(tracker: PerformanceTracker) -> None:
    for calls in range(1, 60):
        for model in ("tiny", "big"):
            tracker.record(answer(0.5, model=model))
        found = tracker.stats_of("title", ("big", "tiny", "never called"))
        assert [stats and stats.calls for stats in found] == [calls, calls, None]
        assert found == [tracker.stats("title", model) for model in ("big", "tiny", "never called")]


def test_time_alone_forgets_nothing_if_that_is_wanted(clock: FakeClock) -> None:
    tracker = PerformanceTracker(clock=clock, half_life_s=None, idle_s=1e12)
    tracker.record(answer(1.0))
    clock.advance(1e9)
    tracker.record(answer(2.0))
    assert tracker.latency_mean_s("title", "tiny") == pytest.approx(1.5)


def test_stats_say_how_much_evidence_there_is(tracker: PerformanceTracker) -> None:
    for accepted in (True, True, True, False):
        tracker.record(answer(0.5, error=None if accepted else ErrorClass.INVALID_OUTPUT))
    found = tracker.stats("title", "tiny")
    assert found is not None
    assert (found.acceptance, found.acceptance_weight) == (pytest.approx(0.75), pytest.approx(4.0))
    assert (found.latency_mean_s, found.latency_weight) == (pytest.approx(0.5), pytest.approx(3.0))
    assert found.at == NOW


def test_a_prior_is_the_readers_and_is_never_mixed_with_evidence(tracker: PerformanceTracker) -> None:
    def expected(tracker: PerformanceTracker) -> float:
        found = tracker.stats("title", "tiny")
        assert found is not None
        return shrunk(found.acceptance, found.acceptance_weight, prior=0.5, prior_weight=2)

    for _ in range(6):
        tracker.record(answer())
    before = expected(tracker)
    assert before == pytest.approx((6 + 0.5 * 2) / 8)
    restarted = PerformanceTracker(clock=FakeClock(NOW))
    restarted.merge(pickled(tracker))
    assert expected(restarted) == before
    assert shrunk(None, 0.0, prior=0.3, prior_weight=2) == 0.3


# ---------------------------------------------------------------- listeners


class Listener:
    def __init__(self) -> None:
        self.heard: list[tuple[str, str]] = []

    def hear(self, task: str, model: str) -> None:
        self.heard.append((task, model))


def test_a_listener_hears_of_every_change_until_it_leaves(tracker: PerformanceTracker) -> None:
    heard: list[tuple[str, str]] = []
    leave = tracker.subscribe(lambda task, model: heard.append((task, model)))
    outcome = answer()
    tracker.record(outcome)
    tracker.record_feedback(outcome.decision_id, 1.0)
    tracker.reset()
    assert heard == [("title", "tiny")] * 3
    leave()
    tracker.record(answer())
    assert len(heard) == 3


def test_a_listener_can_read_the_tracker(tracker: PerformanceTracker) -> None:
    seen: list[object] = []
    tracker.subscribe(lambda task, model: seen.append((tracker.stats(task, model), tracker.snapshot())))
    tracker.record(answer())
    assert len(seen) == 1


def test_a_bound_method_is_not_kept_alive_by_listening(tracker: PerformanceTracker) -> None:
    listener = Listener()
    heard = listener.heard
    tracker.subscribe(listener.hear)
    tracker.record(answer())
    del listener
    gc.collect()
    tracker.record(answer())
    assert heard == [("title", "tiny")]


def test_a_method_of_a_builtin_can_listen(tracker: PerformanceTracker) -> None:
    heard: dict[str, str] = {}
    tracker.subscribe(heard.setdefault)
    tracker.record(answer())
    assert heard == {"title": "tiny"}


def test_copies_and_pickles_have_no_listeners(tracker: PerformanceTracker) -> None:
    heard: list[str] = []
    tracker.subscribe(lambda _task, model: heard.append(model))
    for twin in (copy.deepcopy(tracker), pickled(tracker)):
        twin.record(answer())
    assert heard == []


# ---------------------------------------------------------------- reset, copies, threads, forks


def test_reset_forgets_what_it_is_told_to(tracker: PerformanceTracker) -> None:
    for task in ("title", "summary"):
        for model in ("tiny", "big"):
            tracker.record(answer(task=task, model=model))
    tracker.reset("title", "tiny")
    tracker.reset(model="big")
    assert [(row.task, row.model) for row in tracker.snapshot()] == [("summary", "tiny")]
    assert tracker.latency_mean_s("title", "big") is None
    tracker.reset()
    assert tracker.snapshot() == []
    tracker.record(answer(0.3))
    assert tracker.latency_mean_s("title", "tiny") == pytest.approx(0.3)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, copy.copy, pickled])
def test_a_copy_knows_the_same_and_goes_on_by_itself(tracker: PerformanceTracker, duplicate: object) -> None:
    outcome = answer(0.5)
    tracker.record(outcome)
    twin = duplicate(tracker)  # type: ignore[operator]
    assert twin.snapshot() == tracker.snapshot()
    assert twin.latency_mean_s("title", "tiny") == pytest.approx(0.5)
    twin.record(answer(1.5))
    assert twin.record_feedback(outcome.decision_id, 1.0)
    assert (row(twin).calls, row(tracker).calls) == (2, 1)
    assert row(tracker).feedback_mean is None


def test_counts_are_exact_under_threads(tracker: PerformanceTracker) -> None:
    heard: list[object] = []
    tracker.subscribe(lambda *pair: heard.append(pair))

    def record() -> None:
        for number in range(500):
            outcome = answer(0.5, model=f"m{number % 3}", error=None if number % 4 else ErrorClass.EMPTY)
            tracker.record(outcome)
            tracker.record_feedback(outcome.decision_id, 1.0)
            tracker.stats("title", "m0")

    threads = [threading.Thread(target=record) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = tracker.snapshot()
    assert sum(row.calls for row in rows) == 4_000
    assert sum(row.errors for row in rows) == 1_000
    assert sum(row.feedback_count for row in rows) == 3_000
    assert len(heard) == 7_000


@FORKS
def test_a_forked_process_goes_on_by_itself_and_can_be_merged_back(tracker: PerformanceTracker) -> None:
    tracker.record(answer(0.5))
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            tracker.record(answer(1.5))
            with os.fdopen(writing, "wb") as pipe:
                pickle.dump(tracker, pipe)
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        told = pipe.read()
    os.waitpid(child, 0)
    tracker.record(answer(1.0))
    tracker.merge(unpickled(told, PerformanceTracker))
    tracker.merge(unpickled(told, PerformanceTracker))
    assert row(tracker).calls == 3
    assert tracker.latency_mean_s("title", "tiny") == pytest.approx(1.0)


def test_memory_per_pair_does_not_grow_with_calls(clock: FakeClock) -> None:
    rng = random.Random(3)
    tracker = PerformanceTracker(clock=clock, recent=10)

    def record(number: int) -> None:
        for _ in range(number):
            total = rng.uniform(0.2, 2.0)
            tracker.record(answer(total, first_token_s=total / 2, output_tokens=50))

    record(2_000)
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    record(5_000)
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < 4_096


@pytest.mark.parametrize(("calls", "pairs", "streamed"), [(100, 100, False), (100, 100, True), (10_000, 10, False)])
def test_a_pair_takes_at_most_a_kilobyte(calls: int, pairs: int, *, streamed: bool) -> None:
    """Of streamed calls a pair keeps two sketches, which grow to half a kilobyte each in ten thousand calls."""
    assert bytes_of_a_pair(calls, pairs, streamed=streamed) <= 1_000


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = (
        "import sys, langchain_scaffolding.performance;"
        "print([name for name in ('ddsketch', 'sqlalchemy', 'psycopg') if name in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_attempt_that_was_left_counts_as_the_time_it_had_taken_at_least(tracker: PerformanceTracker) -> None:
    """A hedged call leaves its slow model: forgetting that would make the model look as quick as its lucky answers."""
    for _ in range(10):
        tracker.record(answer(1.0))
    before = tracker.stats("title", "tiny")
    assert before is not None
    for _ in range(10):
        tracker.record(answer(9.0, measured=False))
        tracker.record(answer(0.001, measured=False))
    after = tracker.stats("title", "tiny")
    assert after is not None
    assert before.latency_mean_s == pytest.approx(1.0, rel=0.01)
    assert 2.0 < after.latency_mean_s < 9.0
    assert (after.measured, after.errors) == (10, 0)
