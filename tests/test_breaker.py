"""Models that fail are left alone for a while, and tried again."""

from __future__ import annotations

import pickle
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_scaffolding import ScaffoldingConfig, ScaffoldingRouterLLM
from langchain_scaffolding.errors import AllAttemptsFailedError, ConfigurationError
from langchain_scaffolding.outcomes import ErrorClass, Outcome
from langchain_scaffolding.performance.breaker import COOL_DOWNS, CircuitBreakers
from langchain_scaffolding.testing import FakeClock, ScriptedChatModel, provider_error
from tests.paths import PATHS, call, routing


def outcome(error: ErrorClass | None, *, retry_after_s: float | None = None) -> Outcome:
    return Outcome(task="title", model="m", decision_id="d", error=error, retry_after_s=retry_after_s)


def opened(clock: FakeClock, error: ErrorClass = ErrorClass.TIMEOUT, **options: float) -> CircuitBreakers:
    breakers = CircuitBreakers(clock=clock, **options)
    while breakers.admit("m"):
        breakers.record(outcome(error))
    return breakers


@pytest.mark.parametrize("error", sorted(COOL_DOWNS))
def test_each_class_has_its_own_cool_down(error: ErrorClass) -> None:
    clock = FakeClock()
    breakers = opened(clock, error)
    clock.advance(COOL_DOWNS[error] - 0.1)
    assert not breakers.admit("m")
    clock.advance(0.2)
    assert breakers.admit("m")


@pytest.mark.parametrize("error", sorted(set(ErrorClass) - set(COOL_DOWNS)))
def test_a_failure_of_the_request_or_the_answer_says_nothing_against_the_model(error: ErrorClass) -> None:
    breakers = CircuitBreakers(threshold=1)
    for _ in range(10):
        breakers.record(outcome(error))
    assert breakers.admit("m")
    assert breakers.health("m").state == "closed"


def test_it_opens_after_so_many_failures_in_a_row_and_a_success_forgets_them() -> None:
    breakers = CircuitBreakers(threshold=3, clock=FakeClock())
    for error in (ErrorClass.TIMEOUT, ErrorClass.TIMEOUT, None, ErrorClass.TIMEOUT, ErrorClass.TIMEOUT):
        breakers.record(outcome(error))
    assert breakers.admit("m")
    breakers.record(outcome(ErrorClass.TIMEOUT))
    assert not breakers.admit("m")


def test_the_provider_says_how_long() -> None:
    clock = FakeClock()
    breakers = CircuitBreakers(clock=clock)
    breakers.record(outcome(ErrorClass.RATE_LIMIT, retry_after_s=42))
    assert breakers.why_not("m") == "left alone for 42 s more after 1 failures (rate_limit)"
    clock.advance(42)
    assert breakers.admit("m")


def test_one_call_tries_and_each_failed_try_doubles_the_time_up_to_the_longest() -> None:
    clock = FakeClock()
    breakers = opened(clock, longest_s=60)
    waits = []
    for _ in range(5):
        waits.append(breakers.open_for_s("m"))
        clock.advance(waits[-1])
        assert breakers.health("m").state == "half-open"
        assert [breakers.admit("m") for _ in range(3)] == [True, False, False]
        assert breakers.why_not("m") == "being tried by another call"
        breakers.record(outcome(ErrorClass.TIMEOUT))
    assert waits == [10, 20, 40, 60, 60]
    clock.advance(60)
    assert breakers.admit("m")
    breakers.record(outcome(None))
    assert breakers.health("m").failures == 0
    assert breakers.all_closed


def test_a_try_that_never_reports_does_not_block_the_next() -> None:
    clock = FakeClock()
    breakers = opened(clock)
    clock.advance(10)
    assert breakers.admit("m")
    clock.advance(10)
    assert breakers.admit("m")


def test_a_try_that_fails_by_its_answer_lets_another_try() -> None:
    clock = FakeClock()
    breakers = opened(clock)
    clock.advance(10)
    assert breakers.admit("m")
    breakers.record(outcome(ErrorClass.INVALID_OUTPUT))
    assert breakers.admit("m")


@given(st.lists(st.sampled_from([None, *ErrorClass]), max_size=40), st.integers(1, 5))
def test_a_model_is_never_left_alone_for_ever(errors: list[ErrorClass | None], threshold: int) -> None:
    clock = FakeClock()
    breakers = CircuitBreakers(threshold=threshold, clock=clock)
    for error in errors:
        if breakers.admit("m"):
            breakers.record(outcome(error))
        clock.advance(3)
    clock.advance(900)
    assert breakers.admit("m")


@pytest.mark.parametrize(
    "options", [{"threshold": 0}, {"threshold": -1}, {"longest_s": 0}, {"longest_s": float("nan")}]
)
def test_values_out_of_range_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError, match="must be"):
        CircuitBreakers(**options)


def test_a_copy_starts_without_a_grudge() -> None:
    breakers = CircuitBreakers()
    breakers.record(outcome(ErrorClass.AUTH))
    assert pickle.loads(pickle.dumps(breakers)).all_closed


# --- in the router ------------------------------------------------------------------------------------------------


def models(broken: Callable[[], Exception]) -> tuple[ScriptedChatModel, ScriptedChatModel]:
    small = ScriptedChatModel(broken(), name="small", metadata={"size_gb": 1})
    return small, ScriptedChatModel("from large", name="large", metadata={"size_gb": 9})


@pytest.mark.parametrize("path", PATHS)
def test_a_model_that_keeps_failing_is_not_called_until_its_time_is_over(path: str) -> None:
    clock = FakeClock()
    small, large = models(lambda: provider_error("openai", status="connection"))
    router = ScaffoldingRouterLLM(models=[small, large], clock=clock)
    for _ in range(10):
        assert routing(call(router, path))["model"] == "large"
    assert small.calls == 3
    clock.advance(10)
    call(router, path)
    assert small.calls == 4


@pytest.mark.parametrize("path", PATHS)
def test_the_winner_after_recovery_is_the_right_one(path: str) -> None:
    clock = FakeClock()
    script = [provider_error("openai", status=401), "from small"]
    small = ScriptedChatModel(*script, name="small", metadata={"size_gb": 1})
    large = ScriptedChatModel("from large", name="large", metadata={"size_gb": 9})
    router = ScaffoldingRouterLLM(models=[small, large], clock=clock)
    assert [routing(call(router, path))["model"] for _ in range(3)] == ["large"] * 3
    clock.advance(300)
    assert [routing(call(router, path))["model"] for _ in range(3)] == ["small"] * 3


@pytest.mark.parametrize("path", PATHS)
def test_where_all_are_to_be_left_alone_the_least_bad_is_tried_and_then_the_rules(path: str) -> None:
    clock = FakeClock()
    small = ScriptedChatModel(provider_error("openai", status=401), name="small", metadata={"size_gb": 1})
    large = ScriptedChatModel(provider_error("openai", status=429), name="large", metadata={"size_gb": 9})
    router = ScaffoldingRouterLLM(models=[small, large], clock=clock)
    call(router, path)
    assert (small.calls, large.calls) == (1, 1)
    message = call(router, path)
    assert (small.calls, large.calls) == (1, 2)
    assert routing(message)["source"] == "rule_based"


def test_explain_tells_what_the_call_would_do() -> None:
    clock = FakeClock()
    small, large = models(lambda: provider_error("openai", status=401))
    router = ScaffoldingRouterLLM(models=[small, large], clock=clock)
    router.invoke("x")
    ranking = router.explain("x")
    assert ranking.names == ["large"]
    assert ranking.rejected[0].reason == "left alone for 300 s more after 1 failures (auth)"
    assert [(each.model, each.state) for each in router.health()] == [("small", "open"), ("large", "closed")]


def test_a_pinned_call_tries_a_model_that_is_left_alone() -> None:
    small, large = models(lambda: provider_error("openai", status=401))
    router = ScaffoldingRouterLLM(models=[small, large], clock=FakeClock())
    router.invoke("x")
    router.invoke("x", model="small")
    assert small.calls == 2


def test_the_error_names_models_that_were_left_alone() -> None:
    small, large = models(lambda: provider_error("openai", status=401))
    config = ScaffoldingConfig(fallback_to_rule_based=False)
    router = ScaffoldingRouterLLM(models=[small, large], clock=FakeClock(), config=config)
    router.invoke("x")
    large.script = ScriptedChatModel(ValueError("down")).script
    with pytest.raises(AllAttemptsFailedError) as caught:
        router.invoke("x")
    assert caught.value.rejections == (("small", "left alone for 300 s more after 1 failures (auth)"),)


def test_what_speaks_against_a_model_is_shared_by_configured_versions_of_the_router() -> None:
    small, large = models(lambda: provider_error("openai", status=401))
    router = ScaffoldingRouterLLM(models=[small, large], clock=FakeClock())
    router.model_copy(update={"max_tokens": 10}).invoke("x")
    assert router.health()[0].state == "open"
