"""A model that is late gets company: the first acceptable answer counts, and nothing is counted twice."""

from __future__ import annotations

import threading

import pytest

from benchmarks.hedging import measure
from langchain_scaffolding import ScaffoldingConfig, ScaffoldingRouterLLM
from langchain_scaffolding.attempts import Hedging
from langchain_scaffolding.errors import AllAttemptsFailedError, ConfigurationError
from langchain_scaffolding.records import RouteRecord
from langchain_scaffolding.testing import RecordingHandler, Reply, ScriptedChatModel
from tests.paths import PATHS, STREAMS, call, routing

WHOLE = [path for path in PATHS if path not in STREAMS]


def small(*script: object, **options: object) -> ScriptedChatModel:
    return ScriptedChatModel(*script, name="small", metadata={"size_gb": 1.0}, **options)


def large(*script: object, **options: object) -> ScriptedChatModel:
    return ScriptedChatModel(*(script or ("from large",)), name="large", metadata={"size_gb": 9.0}, **options)


def router(*models: ScriptedChatModel, after: object = 20, budget: float = 1.0, **options: object) -> object:
    observers = options.pop("observers", ())
    config = ScaffoldingConfig(hedge_after_ms=after, hedge_budget=budget, **options)
    return ScaffoldingRouterLLM(models=list(models), config=config, observers=observers)


def attempts(message: object) -> list[tuple[str, str | None, str | None]]:
    return [(each["model"], each["error"], each["detail"]) for each in routing(message)["attempts"]]


@pytest.mark.parametrize("path", WHOLE)
@pytest.mark.parametrize("options", [{}, {"native_async": False}, {"ignores_cancellation": True}])
def test_the_runner_up_answers_when_the_winner_is_late(path: str, options: dict[str, bool]) -> None:
    late = small(Reply("too late", hang=True), **options)
    hedged = router(late, large())
    message = call(hedged, path)
    late.release()
    assert message.content == "from large"
    assert attempts(message) == [("small", None, "left before its end"), ("large", None, None)]


@pytest.mark.parametrize("path", WHOLE)
def test_a_winner_in_time_is_called_alone(path: str) -> None:
    other = large()
    assert call(router(small("from small"), other, after=60_000), path).content == "from small"
    assert other.calls == 0


@pytest.mark.parametrize("path", WHOLE)
def test_both_attempts_are_booked_and_the_loser_teaches_nothing_wrong(path: str) -> None:
    records: list[RouteRecord] = []
    late = small(Reply("too late", hang=True))
    hedged = router(late, large(), observers=[records.append])
    call(hedged, path)
    late.release()
    rows = {row.model: row for row in hedged.performance.snapshot()}
    assert {name: (row.calls, row.errors, row.measured) for name, row in rows.items()} == {
        "small": (1, 0, 0),
        "large": (1, 0, 1),
    }
    assert rows["small"].latency_mean_s is None
    (record,) = records
    assert (record.chosen, [outcome.model for outcome in record.outcomes]) == ("large", ["small", "large"])
    assert {model.model: model.state for model in hedged.health()} == {"small": "closed", "large": "closed"}


@pytest.mark.parametrize("path", WHOLE)
def test_an_unacceptable_answer_of_the_runner_up_leaves_the_winner_its_time(path: str) -> None:
    late = small(Reply("from small", delay_s=0.15))
    message = call(router(late, large("")), path)
    assert message.content == "from small"
    assert attempts(message)[0][:2] == ("large", "empty")


@pytest.mark.parametrize("path", WHOLE)
def test_a_winner_that_fails_while_the_runner_up_works_does_not_end_the_call(path: str) -> None:
    failing = small(Reply("", delay_s=0.08, break_after=0, error=ConnectionError("gone")))
    message = call(router(failing, large(Reply("from large", delay_s=0.3))), path)
    assert message.content == "from large"
    assert [each[:2] for each in attempts(message)] == [("small", "connection"), ("large", None)]


@pytest.mark.parametrize("path", WHOLE)
def test_when_both_fail_the_next_model_is_called_and_none_twice(path: str) -> None:
    last = ScriptedChatModel("from last", name="last", metadata={"size_gb": 20.0})
    first, second = small(Reply("", delay_s=0.08)), large(Reply("", delay_s=0.08))
    message = call(router(first, second, last), path)
    assert message.content == "from last"
    assert (first.calls, second.calls, last.calls) == (1, 1, 1)


@pytest.mark.parametrize("path", WHOLE)
def test_the_limits_hold_for_both(path: str) -> None:
    models = [small(Reply("x", hang=True)), large(Reply("x", hang=True))]
    hedged = router(*models, max_response_time_ms=80, fallback_to_rule_based=False)
    with pytest.raises(AllAttemptsFailedError) as caught:
        call(hedged, path)
    for model in models:
        model.release()
    assert sorted((each.model, each.error_class) for each in caught.value.attempts) == [
        ("large", "timeout"),
        ("small", "timeout"),
    ]


@pytest.mark.parametrize("path", WHOLE)
def test_what_passes_through_leaves_the_other_attempt(path: str) -> None:
    class GraphInterrupt(Exception):
        """Named as LangGraph's, which is looked up by name."""

    late = small(Reply("x", hang=True))
    hedged = router(late, large(GraphInterrupt()))
    with pytest.raises(GraphInterrupt):
        call(hedged, path)
    late.release()
    rows = {row.model: (row.calls, row.errors) for row in hedged.performance.snapshot()}
    assert rows == {"small": (1, 0), "large": (1, 0)}


@pytest.mark.parametrize("path", WHOLE)
def test_no_second_model_is_asked_beyond_the_budget(path: str) -> None:
    late = small(Reply("from small", delay_s=0.04))
    other = large()
    hedged = router(late, other, after=5, budget=0.25)
    for _ in range(8):
        call(hedged, path)
    assert other.calls == 2


@pytest.mark.parametrize("path", WHOLE)
def test_a_pinned_model_is_not_hedged(path: str) -> None:
    other = large()
    assert call(router(small(Reply("from small", delay_s=0.06)), other), path, model="small").content == "from small"
    assert other.calls == 0


@pytest.mark.parametrize("path", STREAMS)
def test_streams_are_not_hedged(path: str) -> None:
    other = large()
    assert call(router(small(Reply("from small", delay_s=0.06)), other), path).content == "from small"
    assert other.calls == 0


async def test_the_run_of_a_model_that_was_left_is_closed() -> None:
    seen = RecordingHandler()
    late = small(Reply("x", hang=True))
    await router(late, large()).ainvoke("x", {"callbacks": [seen]})
    assert seen.pending() == ()
    assert [run.state for run in seen.runs("llm")] == ["error", "end"]


def test_without_hedging_no_thread_is_started() -> None:
    seen: list[int] = []
    model = small(lambda _messages, _kwargs: seen.append(threading.active_count()) or "ok")
    before = threading.active_count()
    ScaffoldingRouterLLM(models=[model, large()]).invoke("x")
    assert seen == [before]


def test_a_percentile_needs_history_and_counts_what_was_left() -> None:
    hedging = Hedging(percentile=95, budget=1.0)
    for _ in range(19):
        hedging.observe("title", "m", 1.0)
    assert hedging.patience_s("title", "m") is None
    hedging.observe("title", "m", 8.0)
    assert hedging.patience_s("title", "m") == 1.0
    for _ in range(2):
        hedging.observe("title", "m", 8.0)
    assert hedging.patience_s("title", "m") == 8.0
    assert hedging.patience_s("summary", "m") is None


def test_by_its_own_percentile_a_late_winner_is_hedged() -> None:
    late = small(*["quick"] * 20, Reply("too late", hang=True))
    hedged = router(late, large(), after="p95")
    contents = [hedged.invoke("x").content for _ in range(21)]
    late.release()
    assert contents[-1] == "from large"


@pytest.mark.parametrize("path", WHOLE)
def test_what_was_asked_beside_another_teaches_no_percentile(path: str) -> None:
    """Of such answers only the quick ones are heard to their end."""
    late = small(Reply("too late", hang=True))
    hedged = router(late, large())
    call(hedged, path)
    late.release()
    known = hedged.attempt_chain("x").settings.hedging._durations
    assert [model for _, model in known] == ["small"]


def test_the_default_budget_takes_a_third_off_the_tail_and_a_larger_one_more_than_half() -> None:
    """Log-normal times whose p99 is ten medians, of both models; the calls are real, and only time is simulated."""
    never = measure(None, 1.0, calls=5000, seed=1)
    default = measure("p95", ScaffoldingConfig().hedge_budget, calls=5000, seed=1)
    larger = measure("p75", 0.3, calls=5000, seed=1)
    assert never.extra == 0
    assert default.extra <= 0.05
    assert default.p99 <= 0.75 * never.p99
    assert larger.extra <= 0.3
    assert larger.p99 <= 0.5 * never.p99


def test_hedging_without_a_second_model_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="only 'small' is registered. Register another model, or leave it out"):
        router(small("x"))


@pytest.mark.parametrize(
    "bad", [{"hedge_budget": 0}, {"hedge_budget": 1.1}, {"hedge_budget": float("nan")}, {"hedge_after_ms": 0}]
)
def test_a_budget_or_a_time_out_of_range_is_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(bad))):
        ScaffoldingConfig(**{"hedge_after_ms": 10, **bad})


@pytest.mark.parametrize("after", ["p0", "p100", "p", "p9.5", "soon"])
def test_a_time_that_is_no_number_and_no_percentile_is_refused(after: str) -> None:
    with pytest.raises(ValueError, match="hedge_after_ms"):
        ScaffoldingConfig(hedge_after_ms=after)
