"""Event streams: `astream_events` of all versions, `astream_log`, and what a chain of several steps shows of them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langchain_core.callbacks import get_usage_metadata_callback
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda
from langchain_core.tracers.context import collect_runs

from langchain_scaffolding import ScaffoldingConfig, ScaffoldingRouterLLM
from langchain_scaffolding.testing import RecordingHandler, obedient
from tests.langchain.models import ANSWER_TOKENS, PROMPT_TOKENS, TEXT, WORDS, add, down, large, router_of, small
from tests.paths import routing

beta = pytest.mark.filterwarnings("ignore:.*is in beta:langchain_core._api.beta_decorator.LangChainBetaWarning")


deprecated = pytest.mark.filterwarnings(
    "ignore:.*is deprecated:langchain_core._api.deprecation.LangChainDeprecationWarning"
)


async def events_of(runnable: Any, input: Any = "hi", version: str = "v2", **options: Any) -> list[Any]:
    return [event async for event in runnable.astream_events(input, version=version, **options)]


def of_models(events: list[Any]) -> list[Any]:
    return [event for event in events if event["event"].startswith("on_chat_model")]


def tokens(events: list[Any]) -> tuple[str, ...]:
    chunks = (event["data"]["chunk"] for event in events if event["event"] == "on_chat_model_stream")
    return tuple(chunk.content for chunk in chunks if chunk.content)


@deprecated
@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("streams", [True, False])
async def test_events_of_a_router_bring_each_token_once(version: str, streams: bool) -> None:
    events = await events_of(router_of(small(streams=streams), large()), version=version)
    mine = of_models(events)
    assert {event["name"] for event in mine} == {"small"}
    kinds = [event["event"] for event in mine]
    assert (kinds.count("on_chat_model_start"), kinds.count("on_chat_model_end")) == (1, 1)
    assert tokens(mine) == (WORDS if streams else ())
    assert mine[0]["metadata"]["ls_model_name"] == "small"
    chains = [event["event"] for event in events if event["name"] == "ScaffoldingRouterLLM"]
    assert (chains[0], chains[-1]) == ("on_chain_start", "on_chain_end")


@deprecated
@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_events_of_a_chain_bring_each_token_once(version: str) -> None:
    chain = ChatPromptTemplate.from_template("{x}") | router_of() | StrOutputParser()
    events = await events_of(chain, {"x": "hi"}, version)
    assert tokens(events) == WORDS
    parsed = [event["data"]["chunk"] for event in events if event["event"] == "on_parser_stream"]
    assert "".join(parsed) == TEXT
    assert next(event for event in events if event["event"] == "on_chain_start")["name"] == "RunnableSequence"


@pytest.mark.parametrize("method", ["invoke", "ainvoke"])
async def test_an_invoke_below_an_event_stream_brings_tokens_too(method: str) -> None:
    router = router_of()

    async def work(text: str) -> Any:
        return await router.ainvoke(text)

    function = RunnableLambda(router.invoke if method == "invoke" else work)
    assert tokens(await events_of(function)) == WORDS


async def test_events_know_their_parents() -> None:
    events = await events_of(router_of().with_config(run_name="aux"))
    root = next(event["run_id"] for event in events if event["event"] == "on_chain_start")
    assert all(event["parent_ids"] == [root] for event in of_models(events))


async def test_events_can_be_filtered_by_the_routers_tags() -> None:
    chain = ChatPromptTemplate.from_template("{x}") | router_of(tags=["aux"]) | StrOutputParser()
    events = await events_of(chain, {"x": "hi"}, include_tags=["aux"])
    assert tokens(events) == WORDS
    assert {event["name"] for event in events} == {"small", "ScaffoldingRouterLLM"}


async def test_events_tell_of_a_failed_attempt_and_of_the_one_that_served() -> None:
    events = of_models(await events_of(router_of(down(), small(name="third"))))
    starts = [event["name"] for event in events if event["event"] == "on_chat_model_start"]
    assert starts == ["small", "third"]
    assert tokens(events) == WORDS


@deprecated
async def test_the_log_brings_each_token_once() -> None:
    chain = ChatPromptTemplate.from_template("{x}") | router_of()
    tokens = [
        operation["value"]
        async for patch in chain.astream_log({"x": "hi"})
        for operation in patch.ops
        if operation["path"].endswith("streamed_output_str/-")
    ]
    assert [token for token in tokens if token] == list(WORDS)


def v3(router: Any, path: str, config: Any = None) -> Any:
    if path == "stream_events":
        return router.stream_events("Add 1 and 2.", config, version="v3").output

    async def collect() -> Any:
        stream = await router.astream_events("Add 1 and 2.", config, version="v3")
        return await stream

    return asyncio.run(collect())


@beta
@pytest.mark.parametrize("limit_ms", [None, 60_000])
@pytest.mark.parametrize("path", ["stream_events", "astream_events"])
def test_events_of_version_3_bring_text_usage_and_routing_once(path: str, limit_ms: int | None) -> None:
    seen = RecordingHandler()
    router = router_of(down(name="first"), small(), config=ScaffoldingConfig(max_response_time_ms=limit_ms))
    with get_usage_metadata_callback() as usage:
        message = v3(router, path, {"callbacks": [seen]})
    assert message.text == TEXT
    assert message.usage_metadata["output_tokens"] == ANSWER_TOKENS
    assert routing(message)["model"] == "small"
    assert [attempt["model"] for attempt in routing(message)["attempts"]] == ["first", "small"]
    assert usage.usage_metadata["small"]["total_tokens"] == PROMPT_TOKENS + ANSWER_TOKENS
    assert [(run.type, run.name, run.state) for run in seen.runs()] == [("llm", "ScaffoldingRouterLLM", "end")]


@beta
@pytest.mark.parametrize("path", ["stream_events", "astream_events"])
def test_events_of_version_3_show_tracers_the_attempts_below_the_router(path: str) -> None:
    with collect_runs() as collected:
        v3(router_of(), path)
    (root,) = collected.traced_runs
    assert (root.run_type, root.name) == ("llm", "ScaffoldingRouterLLM")
    assert [(run.run_type, run.name) for run in root.child_runs] == [("llm", "small")]


@beta
@pytest.mark.parametrize("path", ["stream_events", "astream_events"])
def test_events_of_version_3_bring_tool_calls(path: str) -> None:
    (tool_call,) = v3(router_of(small(obedient)).bind_tools([add]), path).tool_calls
    assert (tool_call["name"], tool_call["args"]) == ("add", {"a": 1, "b": 2})


@beta
@pytest.mark.parametrize("path", ["stream_events", "astream_events"])
def test_events_of_version_3_end_in_the_error_of_the_router(path: str) -> None:
    config = ScaffoldingConfig(fallback_to_rule_based=False)
    with pytest.raises(Exception, match="Every attempt failed"):
        v3(ScaffoldingRouterLLM(models=[down()], config=config), path)
