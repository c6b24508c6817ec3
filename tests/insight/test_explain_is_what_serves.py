"""`explain` is the function that serves: over random routers and calls the two never differ."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from langchain_scaffolding import ScaffoldingRouterLLM
from langchain_scaffolding.performance import PerformanceTracker
from langchain_scaffolding.testing import FakeClock
from tests.insight.routers import Asked, answering, calls, nuance, past, routers


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_S22_what_explain_tells_is_what_the_next_call_does(data: st.DataObject) -> None:
    router = data.draw(routers())
    clock = router.clock
    assert isinstance(clock, FakeClock)
    asked = data.draw(calls(router))
    for _ in range(data.draw(st.integers(1, 8))):
        if data.draw(st.integers(0, 3)) == 0:
            asked = data.draw(calls(router))
        clock.advance(data.draw(st.sampled_from([0.0, 1.0, 12.0, 2000.0])))
        told = asked.explained_by(router)
        done = asked.answered_by(router)
        attempted = [attempt["model"] for attempt in done["attempts"]]
        assert attempted == told.names[: len(attempted)]
        if done["source"] == "llm":
            assert done["model"] == attempted[-1]
            assert done["score"] == told.score_of(done["model"])
        else:
            assert attempted == told.names
            assert done["rejected"] == {each.name: each.reason for each in told.rejected if each.by != "breaker"}


def test_S22_a_choice_that_prevails_by_less_than_the_margin_is_explained_as_it_is_served() -> None:
    clock = FakeClock(1000.0)
    tracker = PerformanceTracker(clock=clock)
    past(tracker, "title", "b", 2.4, calls=1)
    router = ScaffoldingRouterLLM(
        models=[answering("a"), answering("b")], scorers=[nuance], performance=tracker, clock=clock
    )
    asked = Asked(task="title")
    for _ in range(3):
        assert asked.explained_by(router).names == ["b", "a"]
        assert asked.answered_by(router)["model"] == "b"
    scores = asked.explained_by(router).scores
    assert scores["a"] > scores["b"]
