"""With `local_only`, no hosted model is ever called: by no fallback, retry, hedge, scaffold, cache or last resort."""

from __future__ import annotations

import contextlib
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.runnables import RunnableLambda
from pydantic import BaseModel

from langchain_scaffolding import Candidate, RoutingProfile, ScaffoldingConfig, ScaffoldingRouterLLM
from langchain_scaffolding.discovery import LiveDiscovery
from langchain_scaffolding.errors import NoPermittedModelError, RoutingError, UnknownModelError
from langchain_scaffolding.results import LocalCache
from langchain_scaffolding.rules import RuleBasedChatModel
from langchain_scaffolding.scaffolds import draft_refine, ensemble, race
from langchain_scaffolding.testing import Reply, ScriptedChatModel, provider_error
from tests.paths import PATHS, STREAMS, call, routing
from tests.plugins.shelf_source import ShelfSource

PRIVATE = RoutingProfile(name="private", local_only=True)
CHOSEN = {"configurable": {"routing_profile": "private"}}
TEXT = "Tea is made of leaves. First the water is boiled. Then it is poured over the leaves, and they steep."


class Impatient:
    """Real time, but nobody waits before a retry."""

    def __call__(self) -> float:
        return time.perf_counter()

    def sleep(self, seconds: float) -> None:
        """Go on at once."""

    async def asleep(self, seconds: float) -> None:
        """Go on at once."""


class Title(BaseModel):
    """A title."""

    title: str


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


TOOL_LOOP = [
    HumanMessage("Add 1 and 2."),
    AIMessage(
        "",
        tool_calls=[{"name": "add", "args": {"a": 1, "b": 2}, "id": "1"}],
        response_metadata={"routing": {"model": "hosted0"}},
    ),
    ToolMessage("3", tool_call_id="1"),
]

answers = st.one_of(
    st.just("1. Boil the water\n2. Steep the leaves"),
    st.sampled_from(["", "I cannot help with that.", "<think>hm", Reply("Boil", finish_reason="length")]),
    st.sampled_from(
        [
            provider_error("openai", status=401),
            provider_error("openai", status=429),
            provider_error("openai", status="timeout"),
            provider_error("anthropic", status=529),
            provider_error("httpx", status="connection"),
            RuntimeError("down"),
        ]
    ),
    st.sampled_from([Reply("Boil the water", delay_s=0.004), Reply("Boil the water", break_after=1)]),
)
scripts = st.lists(answers, min_size=1, max_size=3)
hosts = st.lists(st.tuples(st.sampled_from([False, None]), scripts), min_size=1, max_size=3)
configs = st.builds(
    ScaffoldingConfig,
    max_retries=st.sampled_from([0, 1]),
    hedge_after_ms=st.sampled_from([None, 1]),
    hedge_budget=st.just(1.0),
    attempt_timeout_ms=st.sampled_from([None, 50]),
    breaker_threshold=st.sampled_from([1, 3]),
    fallback_to_rule_based=st.booleans(),
)
ways = st.sampled_from(["plain", "pinned", "tools", "loop", "schema", "scaffold", "race", "ensemble", "refine"])
calls = st.lists(st.tuples(ways, st.sampled_from(PATHS)), min_size=1, max_size=4)


def hosted_models(given: list[tuple[bool | None, list[Any]]]) -> list[ScriptedChatModel]:
    """Models that earn more points than any local one."""
    return [
        ScriptedChatModel(
            *script,
            name=f"hosted{number}",
            metadata={
                "size_gb": 0.5,
                "capabilities": ["CHAT", "REASONING", "TOOLS", "STRUCTURED_OUTPUT"],
                **({} if local is None else {"local": local}),
            },
        )
        for number, (local, script) in enumerate(given)
    ]


def local_models(given: list[list[Any]]) -> list[ScriptedChatModel]:
    return [
        ScriptedChatModel(*script, name=f"local{number}", metadata={"size_gb": 20, "local": True})
        for number, script in enumerate(given)
    ]


def runnable_of(router: ScaffoldingRouterLLM, way: str) -> Any:
    if way == "tools":
        return router.bind_tools([add])
    if way == "schema":
        return router.with_structured_output(Title)
    if way == "scaffold":
        return router.scaffold("outline")
    if way in {"race", "ensemble", "refine"}:
        return {"race": race, "ensemble": ensemble, "refine": draft_refine}[way]("outline", router)
    return router


def use(router: ScaffoldingRouterLLM, way: str, path: str, config: Any) -> None:
    """Call the router in one way; that nobody answers, or the pinned model is not found yet, is no matter here."""
    options = {"model": "hosted0"} if way == "pinned" else {}
    with contextlib.suppress(RoutingError, UnknownModelError):
        call(runnable_of(router, way), path, TOOL_LOOP if way == "loop" else TEXT, config, **options)


class Shelf:
    name = "shelf"

    def __init__(self, *candidates: Candidate) -> None:
        self.discover = lambda: candidates


def registered(models: list[ScriptedChatModel], found: str | None) -> dict[str, Any]:
    """The models as options of a router: given, or found by live discovery before the first call or after it."""
    if found is None:
        return {"models": models}
    discovery = LiveDiscovery([Shelf(*map(Candidate.of, models))])
    if found == "before":
        discovery.refresh()
    return {"discovery": discovery}


@pytest.mark.parametrize("chosen_by", ["router", "call"])
@given(
    hosted=hosts,
    local=st.lists(scripts, max_size=3),
    config=configs,
    calls=calls,
    cached=st.booleans(),
    last=st.booleans(),
    found=st.sampled_from([None, "before", "later"]),
)
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_S19_with_local_only_no_hosted_model_is_ever_called(
    chosen_by: str, hosted: Any, local: Any, config: ScaffoldingConfig, calls: Any, cached: bool, last: bool, found: Any
) -> None:
    models = [*hosted_models(hosted), *local_models(local)]
    if len(models) == 1:
        config = config.model_copy(update={"hedge_after_ms": None})
    resort = ScriptedChatModel("from the hosted last resort", name="resort") if last else None
    by_call = {"profiles": [PRIVATE]} if chosen_by == "call" else {"profile": PRIVATE}
    options = {"config": config, "cache": LocalCache() if cached else False, "last_resort": resort}
    router = ScaffoldingRouterLLM(**registered(models, found), **by_call, **options, clock=Impatient())
    for way, path in calls:
        use(router, way, path, CHOSEN if chosen_by == "call" else None)
        if found == "later":
            router.discovery.refresh()
    assert {each.name: each.calls for each in models if each.name.startswith("hosted")} == {
        f"hosted{number}": 0 for number in range(len(hosted))
    }
    assert resort is None or resort.calls == 0


@pytest.mark.parametrize("path", PATHS)
def test_S19_the_property_can_fail_without_the_profile_the_hosted_model_is_called(path: str) -> None:
    hosted, local = hosted_models([(False, ["from hosted"])]), local_models([["from local"]])
    call(ScaffoldingRouterLLM(models=[*hosted, *local], profiles=[PRIVATE]), path, TEXT)
    assert (hosted[0].calls, local[0].calls) == (1, 0)


@pytest.mark.parametrize("path", PATHS)
def test_S19_an_answer_that_a_hosted_model_gave_is_not_served_from_a_shared_cache(path: str) -> None:
    shared = LocalCache()
    hosted, local = hosted_models([(False, ["from hosted"])]), local_models([["from local"]])
    everyone = ScaffoldingRouterLLM(models=[*hosted, *local], cache=shared, profiles=[PRIVATE])
    private = ScaffoldingRouterLLM(models=[*hosted, *local], cache=shared, profile=PRIVATE)
    for _ in range(2):
        assert call(everyone, path, TEXT).content == "from hosted"
        assert call(everyone, path, TEXT, CHOSEN).content == "from local"
        assert call(private, path, TEXT).content == "from local"
    assert hosted[0].calls == 1


@pytest.mark.parametrize("path", PATHS)
def test_S19_a_pin_does_not_open_what_the_profile_closes(path: str) -> None:
    hosted = hosted_models([(False, ["from hosted"])])
    strict = ScaffoldingConfig(fallback_to_rule_based=False)
    router = ScaffoldingRouterLLM(models=[*hosted, *local_models([["ok"]])], profile=PRIVATE, config=strict)
    with pytest.raises(NoPermittedModelError, match="hosted0: profile 'private' allows local models only"):
        call(router, path, TEXT, model="hosted0")
    assert hosted[0].calls == 0


@pytest.mark.parametrize("path", PATHS)
def test_S19_what_discovery_finds_is_held_to_the_profile(path: str) -> None:
    router = ScaffoldingRouterLLM.from_discovery([ShelfSource("a", "b")], profile=PRIVATE)
    message = call(router, path, TEXT)
    assert routing(message)["source"] == "rule_based"
    assert [each.chat_model.calls for each in router.models] == [0, 0]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("tags", [{}, {"local": False}, {"local": True}])
def test_S19_a_last_resort_that_is_a_model_is_called_only_if_the_profile_permits_it(path: str, tags: Any) -> None:
    resort = ScriptedChatModel("queued", name="resort", metadata=tags)
    for runnable in (resort, resort.bind(stop=["x"]), RunnableLambda(lambda messages: messages) | resort):
        router = ScaffoldingRouterLLM(
            models=local_models([[RuntimeError("down")]]), profile=PRIVATE, last_resort=runnable
        )
        if tags.get("local"):
            assert call(router, path, TEXT).content == "queued"
        else:
            with pytest.raises(RoutingError):
                call(router, path, TEXT)
    assert (resort.calls > 0) is bool(tags.get("local"))


@pytest.mark.parametrize("path", PATHS)
def test_S19_the_rules_and_functions_are_permitted_as_last_resort(path: str) -> None:
    down = local_models([[RuntimeError("down")]])
    for runnable in (None, RuleBasedChatModel(), RunnableLambda(lambda _messages: AIMessage("come back later"))):
        router = ScaffoldingRouterLLM(models=down, profile=PRIVATE, last_resort=runnable)
        assert call(router, path, TEXT).content


@pytest.mark.parametrize("path", STREAMS)
def test_S19_a_stream_that_breaks_goes_to_no_hosted_model(path: str) -> None:
    hosted = hosted_models([(None, ["from hosted"])])
    local = local_models([[Reply("Boil the water", break_after=2)]])
    router = ScaffoldingRouterLLM(models=[*hosted, *local], profile=PRIVATE)
    with pytest.raises(RoutingError):
        call(router, path, TEXT)
    assert (hosted[0].calls, local[0].calls) == (0, 1)
