"""How candidates are filtered, scored and ordered."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from langchain_scaffolding import Candidate, ModelTags, RoutingProfile, ScaffoldingConfig, ScaffoldingRouterLLM
from langchain_scaffolding.candidates import base_model
from langchain_scaffolding.errors import ConfigurationError, NoPermittedModelError
from langchain_scaffolding.filters import DEFAULT_FILTERS, cacheable
from langchain_scaffolding.outcomes import Outcome
from langchain_scaffolding.performance import PerformanceTracker
from langchain_scaffolding.policies import GreedyPolicy
from langchain_scaffolding.ranking import Ranking
from langchain_scaffolding.request import RouteRequest, conversation_model, measure
from langchain_scaffolding.scorers import LatencyScorer, SizeScorer
from langchain_scaffolding.tasks import Task
from langchain_scaffolding.testing import FakeClock, Reply, ScriptedChatModel, provider_error
from tests.paths import PATHS, call, routing


def candidate(name: str, **tags: object) -> Candidate:
    return Candidate(name=name, model=ScriptedChatModel(f"from {name}", name=name), tags=ModelTags(**tags))


def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"sunny in {city}"


# --- tags ---------------------------------------------------------------------------------------------------------


def test_tags_come_from_the_candidate_then_metadata_then_profile() -> None:
    model = ScriptedChatModel(
        name="m",
        metadata={"size_gb": 3, "quantization": "Q8_0", "price": 7},
        profile={"max_input_tokens": 1000, "tool_calling": True, "reasoning_output": True},
    )
    tags = Candidate(name="m", model=model, tags=ModelTags(size_gb=1)).tags
    assert (tags.size_gb, tags.quantization, tags.context_length) == (1, "Q8_0", 1000)
    assert tags.capabilities == {"CHAT", "TOOLS", "REASONING"}
    assert tags.extra == {"price": 7}


def test_explicit_capabilities_win_over_those_of_the_profile() -> None:
    model = ScriptedChatModel(name="m", metadata={"capabilities": ["chat"]}, profile={"reasoning_output": True})
    assert Candidate.of(model).tags.capabilities == {"CHAT"}


def test_zero_is_a_number_and_none_is_unknown() -> None:
    model = ScriptedChatModel(name="m", metadata={"size_gb": 5})
    assert Candidate(name="m", model=model, tags=ModelTags(size_gb=0)).tags.size_gb == 0
    assert Candidate(name="m", model=model, tags=ModelTags(size_gb=None)).tags.size_gb == 5


def test_a_model_that_says_nothing_about_itself_has_chat() -> None:
    assert Candidate.of(ScriptedChatModel()).tags.capabilities == {"CHAT"}


def test_a_bare_model_is_named_by_metadata_then_model_name_then_class() -> None:
    assert Candidate.of(ScriptedChatModel(name="m", metadata={"name": "mine"})).name == "mine"
    assert Candidate.of(ScriptedChatModel(name="m")).name == "m"
    assert Candidate.of(FakeListChatModel(responses=["ok"])).name == "FakeListChatModel"


@pytest.mark.parametrize("wrap", ["bind", "with_config", "with_retry"])
def test_a_wrapped_model_keeps_its_tags(wrap: str) -> None:
    model = ScriptedChatModel(name="m", metadata={"size_gb": 2.5})
    wrapped = {
        "bind": lambda: model.bind(temperature=0),
        "with_config": lambda: model.with_config(metadata={"size_gb": 4}),
        "with_retry": model.with_retry,
    }[wrap]()
    subject = Candidate.of(wrapped)
    assert subject.chat_model is base_model(wrapped) is model
    assert subject.tags.size_gb == (4 if wrap == "with_config" else 2.5)


# --- filters ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PATHS)
def test_an_input_that_does_not_fit_goes_to_a_model_that_takes_it(path: str) -> None:
    short = candidate("short", size_gb=1, context_length=100)
    router = ScaffoldingRouterLLM(models=[short, candidate("long", size_gb=9, context_length=100_000)])
    assert routing(call(router, path, "word " * 500))["model"] == "long"
    assert routing(call(router, path, "word"))["model"] == "short"
    rejected = router.explain("word " * 500).rejected
    assert [(each.name, each.reason) for each in rejected] == [("short", "needs ~629 tokens, takes 100")]


def test_the_order_of_calls_does_not_change_what_is_rejected() -> None:
    router = ScaffoldingRouterLLM(models=[candidate("a", size_gb=1, context_length=100), candidate("b", size_gb=9)])
    texts = ["word", "word " * 79, "word " * 80, "word " * 500]
    expected = {text: "a" if measure([HumanMessage(text)])[0] <= 100 else "b" for text in texts}
    for order in itertools.permutations(texts):
        assert {text: routing(router.invoke(text))["model"] for text in order} == expected


def test_a_model_that_cannot_call_tools_is_rejected_with_the_reason() -> None:
    models = [ScriptedChatModel(name="plain", tools=False), ScriptedChatModel(name="tooled")]
    models.append(ScriptedChatModel(name="told", profile={"tool_calling": False}))
    ranking = ScaffoldingRouterLLM(models=models).explain("x", tools=[get_weather])
    assert ranking.names == ["tooled"]
    reasons = {each.name: each.reason for each in ranking.rejected}
    assert reasons["plain"].startswith("cannot call tools (")
    assert reasons["told"] == "cannot call tools (its profile says so)"


def test_a_stated_ability_comes_before_an_unstated_one_whatever_the_points() -> None:
    unstated = candidate("unstated", size_gb=1, quantization="Q4_0")
    stated = candidate("stated", size_gb=30, capabilities={"CHAT", "TOOLS"})
    router = ScaffoldingRouterLLM(models=[unstated, stated])
    assert router.explain("x").names == ["unstated", "stated"]
    assert router.explain("x", tools=[get_weather]).names == ["stated", "unstated"]


def test_an_image_goes_to_a_model_that_is_not_known_to_be_blind() -> None:
    image = HumanMessage([{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}])
    blind = candidate("blind", capabilities={"CHAT"})
    told = Candidate.of(ScriptedChatModel(name="told", profile={"image_inputs": False}))
    sighted = candidate("sighted", size_gb=90, capabilities={"CHAT", "VISION"})
    ranking = ScaffoldingRouterLLM(models=[blind, told, sighted, candidate("unknown")]).explain([image])
    assert ranking.names == ["sighted", "unknown"]
    assert {each.name for each in ranking.rejected} == {"blind", "told"}


def test_max_context_length_keeps_long_inputs_from_every_model() -> None:
    router = ScaffoldingRouterLLM(models=[candidate("a")], config=ScaffoldingConfig(max_context_length=50))
    assert router.explain("word").names == ["a"]
    (rejected,) = router.explain("word " * 500).rejected
    assert rejected.reason == "input has ~629 tokens, max_context_length is 50"


# --- S14: every field of the configuration changes behaviour ---------------------------------------------------------


@pytest.mark.parametrize(("size", "winner"), [("small", "a"), ("medium", "b"), ("large", "c")])
def test_S14_preferred_model_size(size: str, winner: str) -> None:
    models = [candidate("a", size_gb=1), candidate("b", size_gb=7), candidate("c", size_gb=70)]
    config = ScaffoldingConfig(preferred_model_size=size)
    assert routing(ScaffoldingRouterLLM(models=models, config=config).invoke("x"))["model"] == winner


def test_S14_preferred_capabilities() -> None:
    models = [candidate("chat", capabilities={"CHAT"}), candidate("code", capabilities={"CODE"})]
    config = ScaffoldingConfig(preferred_capabilities=["code"])
    ranking = ScaffoldingRouterLLM(models=models, config=config).explain("x")
    assert ranking.names == ["code"]
    assert ranking.rejected[0].reason == "has CHAT, needs CODE"
    everyone = ScaffoldingConfig(preferred_capabilities=[])
    assert len(ScaffoldingRouterLLM(models=models, config=everyone).explain("x").names) == 2


def test_S14_the_snippet_of_the_migration_guide() -> None:
    config = ScaffoldingConfig(
        preferred_model_size="small",
        max_response_time_ms=2000,
        fallback_to_rule_based=True,
        preferred_capabilities=["CHAT", "REASONING"],
    )
    assert config.preferred_capabilities == ["CHAT", "REASONING"]
    assert config.max_response_time_ms == 2000


# --- profiles: hard constraints that fail closed ---------------------------------------------------------------------

MODELS = {
    "tiny": {"size_gb": 1, "local": True},
    "big": {"size_gb": 40, "local": True},
    "cloud": {"local": False},
    "unknown": {},
}


@pytest.mark.parametrize(
    ("rules", "permitted"),
    [
        ({"allow": ["big", "cloud"]}, {"big", "cloud"}),
        ({"allow": []}, set()),
        ({"deny": ["tiny"]}, {"big", "cloud", "unknown"}),
        ({"pin": "big"}, {"big"}),
        ({"local_only": True}, {"tiny", "big"}),
        ({"max_size_gb": 10}, {"tiny"}),
        ({"tasks": {"title": {"pin": "big"}}}, {"big"}),
        ({"tasks": {"title": {"capabilities": ["code"]}}}, set()),
        ({"tasks": {"summary": {"pin": "big"}}}, set(MODELS)),
    ],
)
def test_S19_a_profile_permits_only_what_it_says(rules: dict[str, object], permitted: set[str]) -> None:
    models = [candidate(name, **tags) for name, tags in MODELS.items()]
    router = ScaffoldingRouterLLM(models=models, profile=RoutingProfile(name="p", **rules))
    assert set(router.explain("x", task="title").names) == permitted
    for _ in range(2):
        router.invoke("x", task="title")
    assert {each.name for each in models if each.model.calls} <= permitted


def test_S19_a_profile_is_not_overruled_by_a_pin_of_the_call() -> None:
    models = [candidate(name, **tags) for name, tags in MODELS.items()]
    profile = RoutingProfile(name="private", local_only=True)
    config = ScaffoldingConfig(fallback_to_rule_based=False)
    router = ScaffoldingRouterLLM(models=models, profile=profile, config=config)
    with pytest.raises(NoPermittedModelError, match="cloud: profile 'private' allows local models only"):
        router.invoke("x", model="cloud")
    assert models[2].model.calls == 0


@given(st.sets(st.sampled_from(sorted(MODELS))), st.booleans())
def test_S19_with_local_only_no_hosted_model_is_called_whatever_fails(broken: set[str], stream: bool) -> None:
    models = [
        Candidate(
            name=name,
            model=ScriptedChatModel(provider_error("openai", status=500) if name in broken else "ok", name=name),
            tags=ModelTags(**tags),
        )
        for name, tags in MODELS.items()
    ]
    router = ScaffoldingRouterLLM(models=models, profile=RoutingProfile(name="private", local_only=True))
    message = call(router, "stream" if stream else "invoke")
    assert [each.model.calls for each in models[2:]] == [0, 0]
    assert routing(message)["source"] == ("rule_based" if {"tiny", "big"} <= broken else "llm")


def test_S19_preferred_models_are_tried_first_and_the_others_follow() -> None:
    models = [candidate("a", size_gb=1), candidate("b", size_gb=20), candidate("c", size_gb=3)]
    profile = RoutingProfile(name="p", prefer=["b"], tasks={"title": {"prefer": ["c"]}})
    router = ScaffoldingRouterLLM(models=models, profile=profile)
    assert router.explain("x").names == ["b", "a", "c"]
    assert router.explain("x", task="title").names == ["c", "b", "a"]


# --- selection ----------------------------------------------------------------------------------------------------


def test_S12_a_choice_is_kept_until_its_points_change() -> None:
    asked: list[str] = []

    @cacheable
    def counting(_request: RouteRequest, subject: Candidate) -> str | None:
        asked.append(subject.name)
        return None

    models = [candidate("a", size_gb=1), candidate("b", size_gb=9)]
    router = ScaffoldingRouterLLM(models=models, filters=[*DEFAULT_FILTERS, counting])
    router.invoke("x")
    router.invoke("y")
    before = len(asked)
    for text in ("x", "y", "z"):
        router.invoke(text)
    assert len(asked) - before <= 3  # one re-scoring of the model that was called, and no ranking of all
    assert router.attempt_chain("x") is router.attempt_chain("y")


def test_S12_a_filter_that_reads_the_text_is_asked_on_every_call() -> None:
    def no_secrets(request: RouteRequest, subject: Candidate) -> str | None:
        return "may not read secrets" if "secret" in request.text and subject.name == "a" else None

    models = [candidate("a", size_gb=1), candidate("b", size_gb=9)]
    router = ScaffoldingRouterLLM(models=models, filters=[*DEFAULT_FILTERS, no_secrets])
    assert [routing(router.invoke(text))["model"] for text in ("x", "a secret", "x")] == ["a", "b", "a"]


def test_S12_small_leads_do_not_make_choices_alternate_and_a_failure_ends_the_advantage() -> None:
    lead = {"a": 0.0, "b": 0.0}

    @cacheable
    def mood(_request: RouteRequest, subject: Candidate, _tracker: object) -> float:
        return lead[subject.name]

    router = ScaffoldingRouterLLM(models=[candidate("a"), candidate("b")], scorers=[mood])
    assert routing(router.invoke("x"))["model"] == "a"
    lead["b"] = 0.4
    router.routing.selector._choices.clear()
    assert routing(router.invoke("x"))["model"] == "a"
    router.routing.selector.update(Outcome(task="chat", model="a", decision_id="1", error="timeout"))
    assert routing(router.invoke("x"))["model"] == "b"


def test_names_that_a_policy_makes_up_are_passed_over_also_beside_the_model_chosen_before() -> None:
    class Inventive:
        name, cacheable = "inventive", True

        def order(self, _ranking: Ranking) -> list[str]:
            return ["nobody", "b"]

        def update(self, outcome: Outcome) -> None:
            """Nothing to learn."""

    router = ScaffoldingRouterLLM(models=[candidate("a"), candidate("b")], policy=Inventive())
    for _ in range(2):
        assert routing(router.invoke("hi"))["model"] == "b"
        router.performance.record(Outcome(task="chat", model="a", decision_id="d", total_s=0.5, measured=True))


def test_S12_a_failure_asks_the_policy_anew_and_the_chain_stays_while_the_order_does() -> None:
    ranked, orders = [], []

    @cacheable
    def mood(_request: RouteRequest, subject: Candidate, _tracker: object) -> float:
        ranked.append(subject.name)
        return 0.0

    class Moody(GreedyPolicy):
        turn = False

        def order(self, ranking: Ranking) -> list[str]:
            orders.append(ranking.names)
            return ranking.names[::-1] if self.turn else ranking.names

    policy = Moody()
    router = ScaffoldingRouterLLM(models=[candidate("a"), candidate("b")], scorers=[mood], policy=policy)
    kept = router.attempt_chain("x")
    ranked.clear()
    for failures in (1, 2):
        router.routing.selector.update(Outcome(task="chat", model="a", decision_id="1", error="timeout"))
        assert router.attempt_chain("x") is router.attempt_chain("y") is kept
        assert len(orders) == 1 + failures
    assert ranked == [], "no points have changed"
    router.routing.selector.update(Outcome(task="chat", model="b", decision_id="1", error="timeout"))
    assert router.attempt_chain("x") is kept
    assert len(orders) == 3, "the choice did not fall on b"
    policy.turn = True
    router.routing.selector.update(Outcome(task="chat", model="a", decision_id="1", error="timeout"))
    assert router.attempt_chain("x").ranking.names == ["b", "a"]


def test_S12_points_that_change_with_a_failure_count_at_once() -> None:
    @cacheable
    def reliability(_request: RouteRequest, subject: Candidate, tracker: PerformanceTracker) -> float:
        stats = tracker.stats("chat", subject.name)
        return 0.0 if stats is None or not stats.errors else -stats.errors

    failing = Candidate(name="a", model=ScriptedChatModel(ConnectionError("gone"), "from a"))
    router = ScaffoldingRouterLLM(models=[failing, candidate("b")], scorers=[reliability])
    assert routing(router.invoke("x"))["attempts"][0]["model"] == "a"
    assert [attempt["model"] for attempt in routing(router.invoke("x"))["attempts"]] == ["b"]


def test_S12_usual_answers_move_a_kept_choice_at_most_sixteen_calls_later() -> None:
    router = ScaffoldingRouterLLM(models=[candidate("a"), candidate("b")], scorers=[LatencyScorer()])
    tracker = router.performance

    def answer(model: str, seconds: float) -> None:
        tracker.record(Outcome(task="chat", model=model, decision_id="1", total_s=seconds, measured=True))

    for _ in range(48):
        answer("a", 0.9)
    points = [router.attempt_chain("x").ranking.score_of("a")]
    for _ in range(7 + 16):
        answer("a", 1.6)
        points.append(router.attempt_chain("x").ranking.score_of("a"))
    # with the eighth the mean is above a second
    assert points[:8] == [2.0] * 8
    assert points[-1] == 1.0


def test_S12_a_choice_is_dropped_after_its_time() -> None:
    clock = FakeClock()
    router = ScaffoldingRouterLLM(models=[candidate("a")], clock=clock)
    kept = router.attempt_chain("x")
    clock.advance(1799)
    assert router.attempt_chain("x") is kept
    clock.advance(2)
    assert router.attempt_chain("x") is not kept


@pytest.mark.parametrize("order", list(itertools.permutations("abc")))
def test_S12_what_is_chosen_and_kept_does_not_depend_on_the_order_of_registration(order: tuple[str, ...]) -> None:
    sizes = {"a": 9.0, "b": 1.0, "c": 1.0}
    router = ScaffoldingRouterLLM(models=[candidate(name, size_gb=sizes[name]) for name in order])
    chosen = [routing(router.invoke(text, task=task))["model"] for text in ("x", "y") for task in ("chat", "title")]
    assert (chosen, router.explain("x").names) == (["b"] * 4, ["b", "c", "a"])


def test_S12_no_more_choices_are_kept_than_there_is_room_for() -> None:
    router = ScaffoldingRouterLLM(models=[candidate("a")], tasks=[f"task-{number}" for number in range(1100)])
    chains = [router.attempt_chain("x", task=f"task-{number}") for number in range(1100)]
    assert router.attempt_chain("x", task="task-1099") is chains[-1]
    assert router.attempt_chain("x", task="task-0") is not chains[0]


def test_explain_and_the_call_act_on_one_decision() -> None:
    models = [candidate("a", size_gb=1), candidate("b", size_gb=9, context_length=50), candidate("c")]
    router = ScaffoldingRouterLLM(models=models)
    for text, task in itertools.product(("x", "word " * 100), ("chat", "title")):
        explained = router.explain(text, task=task)
        assert explained.names == router.attempt_chain(text, task=task).ranking.names
        assert routing(router.invoke(text, task=task))["model"] == explained.chosen.name


def test_S22_one_debug_line_tells_a_decision_without_the_prompt(caplog: pytest.LogCaptureFixture) -> None:
    models = [candidate("a", size_gb=1), candidate("painter", capabilities={"IMAGE"})]
    router = ScaffoldingRouterLLM(models=models)
    with caplog.at_level(logging.DEBUG, logger="langchain_scaffolding"):
        router.invoke("a secret prompt", task="title")
    (line,) = [record.getMessage() for record in caplog.records if "ranked" in record.getMessage()]
    assert line == (
        "task 'title' -> a | ranked a=4 (size 3 capability 1 latency 0 quantization 0) | "
        "rejected painter: has IMAGE, needs CHAT or REASONING"
    )
    assert "secret" not in caplog.text


# --- requests -----------------------------------------------------------------------------------------------------


def test_a_tool_loop_stays_with_the_model_that_started_it() -> None:
    call_id = {"name": "get_weather", "args": {"city": "Bern"}, "id": "1", "type": "tool_call"}
    models = [candidate("a", size_gb=1), candidate("b", size_gb=9)]
    router = ScaffoldingRouterLLM(models=models)
    asked = AIMessage("", tool_calls=[call_id], response_metadata={"routing": {"model": "b"}})
    history = [HumanMessage("Weather?"), asked, ToolMessage("sunny", tool_call_id="1")]
    assert conversation_model(history) == "b"
    assert routing(router.invoke(history))["model"] == "b"
    assert routing(router.invoke([*history, HumanMessage("Thanks")]))["model"] == "a"


def test_points_of_scorers_that_share_a_name_are_told_apart_and_all_count() -> None:
    def points(number: float) -> Callable[..., float]:
        return lambda _request, candidate, _tracker: number if candidate.name == "b" else 0.0

    scorers = [points(1.0), SizeScorer("small"), points(5.0), SizeScorer("large")]
    ranking = ScaffoldingRouterLLM(
        models=[candidate("a", size_gb=1), candidate("b", size_gb=9)], scorers=scorers
    ).explain("hi")
    best = ranking.ranked[0]
    assert (best.name, best.score) == ("b", sum(best.parts.values()))
    assert best.parts == {"<lambda>": 1.0, "size": 1.0, "<lambda> #2": 5.0, "size #2": 2.0}
    assert ranking.ranked[1].parts == {"<lambda>": 0.0, "size": 3.0, "<lambda> #2": 0.0, "size #2": 0.0}


@given(
    st.lists(
        st.tuples(
            st.sampled_from([None, 1.0, 9.0]),
            st.booleans(),
            st.sampled_from([None, -1.0, 0.0, 0.5, float("inf"), float("-inf")]),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_proven_abilities_then_points_then_size_then_name_decide(
    models: list[tuple[float | None, bool, float]],
) -> None:
    candidates = [
        candidate(f"m{place}", size_gb=size, **({"capabilities": {"CHAT", "TOOLS"}} if tools else {}))
        for place, (size, tools, _) in enumerate(models)
    ]
    points = {f"m{place}": learned for place, (_, _, learned) in enumerate(models)}
    router = ScaffoldingRouterLLM(
        models=candidates, scorers=[SizeScorer(), lambda _request, each, _tracker: points[each.name]]
    )
    ranking = router.explain("hi", tools=[get_weather])
    size_points = {None: 0.0, 1.0: 3.0, 9.0: 1.0}

    def key(place: int) -> tuple[object, ...]:
        size, tools, learned = models[place]
        return (not tools, -size_points[size] - (learned or 0.0), size or float("inf"), f"m{place}")

    assert ranking.names == [f"m{place}" for place in sorted(range(len(models)), key=key)]
    assert [each.parts.get("<lambda>") for each in ranking.ranked] == [points[name] for name in ranking.names]


def test_points_that_are_no_number_and_what_is_no_scorer_are_told() -> None:
    models = [candidate("a")]
    with pytest.raises(ConfigurationError, match=r"A scorer gave 'a' points that are no number \(NaN\)"):
        ScaffoldingRouterLLM(models=models, scorers=[lambda *_: float("nan")]).explain("hi")
    with pytest.raises(
        ConfigurationError, match="A scorer is a function of a request, a candidate and a tracker, not 5"
    ):
        ScaffoldingRouterLLM(models=models, scorers=[5]).explain("hi")


def test_a_filter_is_shown_under_its_own_name() -> None:
    class Region:
        name = "region"

        def __call__(self, _request: RouteRequest, _candidate: Candidate) -> str:
            return "not in the EU"

    (rejected,) = ScaffoldingRouterLLM(models=[candidate("a")], filters=[Region()]).explain("hi").rejected
    assert (rejected.by, rejected.reason) == ("region", "not in the EU")


@pytest.mark.parametrize("content", ["茶" * 300, ["茶" * 300], [{"type": "text", "text": "茶" * 300}]])
def test_text_in_blocks_is_as_long_as_text(content: Any) -> None:
    assert measure([HumanMessage(content)]) == (229, False)


def test_an_ascii_token_is_four_characters_and_a_chinese_one_about_one() -> None:
    assert measure([HumanMessage("a" * 400)]) == (104, False)
    assert measure([HumanMessage("茶" * 400)]) == (304, False)
    assert measure([HumanMessage([{"type": "image", "base64": "A" * 99_999}])]) == (604, True)


def test_the_task_comes_from_the_call_or_from_the_config_around_it() -> None:
    router = ScaffoldingRouterLLM(models=[candidate("a")], tasks=["poem"])
    config = {"configurable": {"scaffold_task": "title"}}
    assert routing(router.invoke("x", config))["task"] == "title"
    assert routing(router.invoke("x", config, task="poem"))["task"] == "poem"
    assert routing(router.bind(task="outline").invoke("x"))["task"] == "outline"
    assert routing((router | (lambda message: message)).invoke("x", config))["task"] == "title"


# --- preferences by task ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PATHS)
def test_S24_a_profile_sets_parameters_and_the_deadline_of_a_task(path: str) -> None:
    model = ScriptedChatModel("ok", Reply(content="late", delay_s=30), name="m")
    rules = {"title": {"parameters": {"temperature": 0.1, "max_tokens": 20}}, "summary": {"max_response_time_ms": 30}}
    router = ScaffoldingRouterLLM(models=[model], profile=RoutingProfile(name="p", tasks=rules))
    assert call(router, path, "x", None, task="title", max_tokens=9).content == "ok"
    assert (model.history[0].kwargs["temperature"], model.history[0].kwargs["max_tokens"]) == (0.1, 9)
    message = call(router, path, "Tea is good. Tea is hot. It is drunk all day.", None, task="summary")
    assert [attempt["error"] for attempt in routing(message)["attempts"]] == ["timeout"]
    model.release()


def test_S24_a_task_may_require_capabilities() -> None:
    models = [candidate("chat", size_gb=1), candidate("coder", size_gb=30, capabilities={"CHAT", "CODE"})]
    router = ScaffoldingRouterLLM(models=models, tasks=[Task(name="patch", required_capabilities=frozenset({"code"}))])
    ranking = router.explain("x", task="patch")
    assert ranking.names == ["coder"]
    assert ranking.rejected[0].reason == "lacks CODE, which task 'patch' requires"
    assert router.explain("x").names == ["chat", "coder"]
