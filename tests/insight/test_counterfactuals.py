"""What would make another model win: each change is applied to a router, which is then asked."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from langchain_scaffolding import RoutingProfile, ScaffoldingConfig, ScaffoldingRouterLLM
from langchain_scaffolding.insight import Counterfactual, counterfactuals
from langchain_scaffolding.insight.thresholds import latency_bound
from langchain_scaffolding.outcomes import ErrorClass, Outcome
from langchain_scaffolding.performance import PerformanceTracker
from langchain_scaffolding.performance.breaker import CircuitBreakers
from langchain_scaffolding.scorers import default_scorers
from langchain_scaffolding.testing import FakeClock, Reply, ScriptedChatModel
from tests.insight.routers import Asked, answering, calls, past, routers

TITLE = Asked(task="title", tokens=20)


def found(router: ScaffoldingRouterLLM, asked: Asked = TITLE) -> dict[str, Counterfactual]:
    return {str(each): each for each in counterfactuals(router, asked.explained_by(router))}


def applied(change: Counterfactual, to: ScaffoldingRouterLLM) -> ScaffoldingRouterLLM:
    """The router with the change, which goes on learning by itself."""
    return to.model_copy(update={"performance": copy(to.performance), **change.options})


def who(facts: dict[str, Any]) -> str | None:
    return facts["model"] if facts["source"] == "llm" else None


def router(*models: ScriptedChatModel, **options: Any) -> ScaffoldingRouterLLM:
    return ScaffoldingRouterLLM(models=models, **options)


def test_S22_a_longer_or_shorter_input_goes_to_another_model() -> None:
    every = router(answering("small", size_gb=1, context_length=100), answering("big", size_gb=40, context_length=900))
    told = found(every)
    assert "`big` wins if the input has more than ~100 tokens (now ~20)" in told
    assert "the last resort answers if the input has more than ~900 tokens (now ~20)" in told
    for tokens, answers in ((100, "small"), (101, "big"), (900, "big"), (901, None)):
        assert who(replace(TITLE, tokens=tokens).answered_by(every)) == answers
    long = found(every, replace(TITLE, tokens=300))
    assert "`small` wins if the input has at most ~100 tokens (now ~300)" in long


def test_S22_a_winner_that_becomes_slow_loses_at_the_latency_that_is_told() -> None:
    tracker = PerformanceTracker()
    past(tracker, "title", "quick", 0.4)
    models = [answering("quick", size_gb=1), answering("packed", size_gb=1.5, quantization="Q8_0")]
    told = found(router(*models, performance=tracker))
    assert "`packed` wins if `quick` takes 2 s or more on average (now 0.4 s)" in told
    for seconds, wins in ((0.5, "quick"), (1.99, "quick"), (2.01, "packed")):
        other = PerformanceTracker()
        past(other, "title", "quick", seconds)
        assert who(TITLE.answered_by(router(*models, performance=other))) == wins


def test_S22_a_model_that_becomes_fast_wins_below_the_latency_that_is_told() -> None:
    tracker = PerformanceTracker()
    past(tracker, "title", "fast", 3.0)
    models = [answering("plain", size_gb=1), answering("fast", size_gb=6)]
    assert "`fast` wins if it answers in less than 1 s on average (now 3 s)" in found(
        router(*models, performance=tracker)
    )
    for seconds, wins in ((0.99, "fast"), (1.01, "plain")):
        other = PerformanceTracker()
        past(other, "title", "fast", seconds)
        assert who(TITLE.answered_by(router(*models, performance=other))) == wins


def test_S22_the_deadline_above_which_the_winner_answers_is_told() -> None:
    clock = FakeClock()
    tracker = PerformanceTracker(clock=clock)
    past(tracker, "title", "big", 2.4)
    slow = ScriptedChatModel(Reply("An answer", delay_s=2.4), name="big", clock=clock)
    every = router(slow, config=ScaffoldingConfig(max_response_time_ms=2000), performance=tracker, clock=clock)
    told = found(every)
    change = told["`big` wins if the deadline is above 2.4 s, its mean (now 2 s)"]
    assert change.options["config"].max_response_time_ms > 2400
    assert who(TITLE.answered_by(applied(change, every))) == "big"
    assert "deadline" not in " ".join(found(every.model_copy(update=change.options)))


def test_S22_other_preferences_and_profiles_choose_others() -> None:
    every = router(
        answering("small", size_gb=1),
        answering("coder", size_gb=1.9, capabilities=["CHAT", "CODE"]),
        answering("big", size_gb=40, local=True),
        profile=RoutingProfile(name="thrifty", max_size_gb=50),
        profiles=[RoutingProfile(name="private", local_only=True)],
    )
    told = found(every)
    for sentence, asked in (
        ("`big` wins if `preferred_model_size` is 'large' (now 'small')", TITLE),
        ("`coder` wins if CODE is preferred as well", TITLE),
        ("`big` wins if the call chooses profile 'private'", replace(TITLE, profile="private")),
    ):
        assert who(asked.answered_by(applied(told[sentence], every))) == told[sentence].winner
    narrow = every.model_copy(update={"routing_profile": RoutingProfile(name="thrifty", deny=("small", "coder"))})
    assert "`small` wins if the router has no profile 'thrifty'" in found(narrow)


def test_S22_the_fewest_points_that_change_the_winner_are_told() -> None:
    every = router(answering("small", size_gb=1), answering("big", size_gb=14), answering("alike", size_gb=0.9))
    # `alike` and `small` have the same points, and the smaller comes first
    told = found(every)
    assert "`big` wins if it earns over 2 points more" in told
    for points, wins in ((2.0, "alike"), (2.01, "big")):

        def bonus(_request: object, candidate: Any, _tracker: object, points: float = points) -> float:
            return points if candidate.name == "big" else 0.0

        scorers = (*default_scorers(every.config), bonus)
        assert (
            who(
                TITLE.answered_by(
                    applied(Counterfactual(winner=wins, condition="", options={"scorers": scorers}), every)
                )
            )
            == wins
        )


def test_S22_pins_tools_and_breakers_are_told() -> None:
    every = router(answering("small", size_gb=1), answering("big", size_gb=14, capabilities=["CHAT", "TOOLS"]))
    assert "`big` wins if the call has tools" in found(every)
    assert "`small` wins if the call does not pin 'big'" in found(every, replace(TITLE, pinned="big"))
    breakers = CircuitBreakers(clock=FakeClock())
    breakers.record(Outcome(task="title", model="small", decision_id="d", error=ErrorClass.RATE_LIMIT))
    every.breakers = breakers
    told = found(every)["`small` wins if no model is left alone after its failures"]
    assert who(TITLE.answered_by(every)) == "big"
    assert who(TITLE.answered_by(applied(told, every))) == "small"


def test_S22_without_the_winner_the_next_one_wins() -> None:
    every = router(answering("small", size_gb=1), answering("big", size_gb=14))
    told = found(every)["`big` wins if `small` is not there"]
    assert who(TITLE.answered_by(applied(told, every))) == "big"


def test_asking_changes_and_calls_nothing() -> None:
    models = [answering("small", size_gb=1), answering("big", size_gb=14)]
    every = router(*models, policy="adaptive")
    TITLE.answered_by(every)
    before = (every.performance.snapshot(), every.config, [each.calls for each in models], every.policy.decisions)
    ranking = TITLE.explained_by(every)
    assert counterfactuals(every, ranking) == counterfactuals(every, ranking)
    assert (
        every.performance.snapshot(),
        every.config,
        [each.calls for each in models],
        every.policy.decisions,
    ) == before
    assert TITLE.explained_by(every).names == ranking.names


def test_S22_an_explanation_shows_what_would_change_it() -> None:
    every = router(answering("small", size_gb=1), answering("<big>", size_gb=14))
    ranking = TITLE.explained_by(every)
    assert list(ranking.what_if(ranking)) == counterfactuals(every, ranking)
    assert "<code>&lt;big&gt;</code> wins if <code>small</code> is not there" in ranking._repr_html_()


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_S22_whatever_the_router_a_change_that_is_told_does_what_it_says(data: st.DataObject) -> None:
    every = data.draw(routers(policies=("greedy",)))
    asked = data.draw(calls(every))
    told = asked.explained_by(every)
    for each in counterfactuals(every, told):
        changed = every.model_copy(update=dict(each.options))
        request = told.request if each.request is None else each.request
        again = replace(
            asked,
            tokens=asked.tokens + request.input_tokens - told.request.input_tokens,
            tools=request.needs.tools,
            image=request.needs.images,
            pinned=request.pinned,
            profile=next(iter(request.profiles), None),
        )
        if request.needs.structured_output or (each.request is None and not each.options):
            continue  # a schema is not asked for by `invoke`; points and latencies have tests of their own
        if request.needs.images != told.request.needs.images:
            continue  # an image has a length of its own
        assert (again.explained_by(changed).names or [None])[0] == each.winner, str(each)


def test_a_latency_that_never_matters_has_no_bound() -> None:
    assert latency_bound(lambda _: True) is None
    assert latency_bound(lambda _: False) is None
    assert latency_bound(lambda seconds: seconds < 0.123456) == pytest.approx(0.123456, rel=0.003)
