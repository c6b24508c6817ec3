"""What users report of fallbacks, routing and wrapped models, one test for each report that a router can cure.

A test is named for the report: `lc` is langchain-ai/langchain, `lg` langchain-ai/langgraph, `sup`
langchain-ai/langgraph-supervisor-py, `ls` langchain-ai/langsmith-sdk. `docs/why-not-with-fallbacks.md` tells what each
is about.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import ModelFallbackMiddleware, ModelRetryMiddleware, SummarizationMiddleware
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import get_usage_metadata_callback
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.runnables import ConfigurableField, Runnable
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import interrupt
from pydantic import BaseModel

from langchain_scaffolding import Candidate, ModelTags, ScaffoldingConfig
from langchain_scaffolding.errors import AllAttemptsFailedError
from langchain_scaffolding.testing import RecordingHandler, Reply, ScriptedChatModel, obedient, structured_reply
from tests.langchain.models import ANSWER_TOKENS, PROMPT_TOKENS, TEXT, WORDS, add, down, large, router_of, small
from tests.langchain.test_events import events_of, tokens
from tests.paths import PATHS, STREAMS, call, chunks, routing

if TYPE_CHECKING:  # as the packages have it whose annotations do not resolve at run time
    from collections.abc import Sequence as Unresolvable

NO_RULES = ScaffoldingConfig(fallback_to_rule_based=False)
QUESTION = {"messages": [HumanMessage("What is 2 and 3?")]}


class Title(BaseModel):
    """A title."""

    text: str


class Mistral(ScriptedChatModel):
    """A model whose annotations do not resolve at run time."""

    def bind_tools(self, tools: Unresolvable[Any], **kwargs: Any) -> Unresolvable[Any]:
        return super().bind_tools(tools, **kwargs)


class Unannotated(ScriptedChatModel):
    """A model whose `bind_tools` says nothing of what it returns."""

    def bind_tools(self, tools, **kwargs):  # type: ignore[no-untyped-def]
        return super().bind_tools(tools, **kwargs)


# --- tools lost, agents rejecting it ----------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:`langchain-community` is being sunset:DeprecationWarning")
@pytest.mark.parametrize("path", PATHS)
def test_lc20499_fallbacks_are_rejected_by_a_tool_calling_agent(path: str) -> None:
    from langchain_classic.agents import AgentExecutor, create_tool_calling_agent
    from langchain_core.prompts import ChatPromptTemplate

    prompt = ChatPromptTemplate.from_messages([("human", "{input}"), ("placeholder", "{agent_scratchpad}")])
    tools = [tool(add)]
    agent = create_tool_calling_agent(router_of(down(), large(obedient)), tools, prompt)
    executor = AgentExecutor(agent=agent, tools=tools)
    question = {"input": "What is 2 and 3?"}
    if path in STREAMS:
        steps = chunks(executor, path, question)
        assert steps[-1]["output"] == "The tool said: 5"
    else:
        assert call(executor, path, question)["output"] == "The tool said: 5"


@pytest.mark.parametrize("model", [Mistral, Unannotated])
@pytest.mark.parametrize("path", PATHS)
def test_lc35170_bind_tools_of_models_with_annotations_that_do_not_resolve(path: str, model: type[Any]) -> None:
    """`RunnableWithFallbacks` raises NameError, or silently binds the first model alone."""
    first = model(ConnectionError("down"), name="first", metadata={"size_gb": 1.0})
    second = model(obedient, name="second", metadata={"size_gb": 9.0})
    message = call(router_of(first, second).bind_tools([add]), path, "Add 1 and 2.")
    assert (message.tool_calls[0]["name"], routing(message)["model"]) == ("add", "second")
    routers = router_of(first, config=NO_RULES).with_fallbacks([router_of(second)])
    assert call(routers.bind_tools([add]), path, "Add 1 and 2.").tool_calls[0]["name"] == "add"


@pytest.mark.parametrize("path", PATHS)
def test_lc36579_structured_output_of_models_with_fallbacks(path: str) -> None:
    second = large(structured_reply(text="Tea"))
    assert call(router_of(down(), second).with_structured_output(Title), path) == Title(text="Tea")
    routers = router_of(down(), config=NO_RULES).with_fallbacks([router_of(second)])
    assert call(routers.with_structured_output(Title), path) == Title(text="Tea")


def test_lc33129_agents_with_middleware_reject_a_model_with_fallbacks() -> None:
    router = router_of(down(), large(obedient))
    middleware = [SummarizationMiddleware(model=router, trigger=("messages", 50)), ModelFallbackMiddleware(router)]
    agent = create_agent(model=router, tools=[add], middleware=middleware)
    assert agent.invoke(QUESTION)["messages"][-1].text == "The tool said: 5"


def test_lc33082_agents_lost_the_failover_of_their_model() -> None:
    agent = create_agent(model=router_of(down(), large(obedient)), tools=[add])
    assert routing(agent.invoke(QUESTION)["messages"][-1])["model"] == "large"
    heard = list(agent.stream(QUESTION, stream_mode="messages"))
    assert "".join(chunk.text for chunk, _ in heard if chunk.type == "AIMessageChunk") == "The tool said: 5"


REACT = pytest.mark.filterwarnings("ignore:create_react_agent has been moved")


@REACT
def test_lg4754_the_react_agent_fails_with_a_chain_as_its_model() -> None:
    from langgraph.prebuilt import create_react_agent

    agent = create_react_agent(router_of(down(), large(obedient)), [add], response_format=None)
    assert agent.invoke(QUESTION)["messages"][-1].text == "The tool said: 5"


@REACT
def test_sup212_supervisors_cannot_bind_their_handoff_tools() -> None:
    """A supervisor binds its tools itself, without parallel calls, and hands the binding to the agent."""
    from langgraph.prebuilt import create_react_agent

    model = large(obedient)
    handoff = tool("transfer_to_adder", description="Ask the adder.")(add)
    bound = router_of(down(), model).bind_tools([handoff])
    agent = create_react_agent(bound, [handoff])
    assert agent.invoke(QUESTION)["messages"][-1].text == "The tool said: 5"
    assert [each.name for each in model.history[0].tools] == ["transfer_to_adder"]
    assert isinstance(router_of(), BaseChatModel)


@pytest.mark.parametrize("path", PATHS)
def test_lg4469_agents_lose_the_configuration_of_a_configurable_model(path: str) -> None:
    configurable = small(obedient).configurable_fields(name=ConfigurableField(id="which"))
    router = router_of(Candidate(name="small", model=configurable))
    agent = create_agent(model=router, tools=[add])
    config = {"configurable": {"which": "other"}}
    last = call(agent, path, QUESTION, config) if path in ("invoke", "ainvoke") else None
    if last is None:
        last = chunks(agent, path, QUESTION, config)[-1]["model"]
    assert last["messages"][-1].response_metadata["model_name"] == "other"


@pytest.mark.parametrize("path", PATHS)
def test_lc24341_configurable_fields_are_lost_when_tools_are_bound(path: str) -> None:
    configurable = small(obedient).configurable_fields(name=ConfigurableField(id="which")).bind(temperature=0)
    bound = router_of(Candidate(name="small", model=configurable)).bind_tools([add])
    config = {"configurable": {"which": "other"}}
    assert call(bound, path, "Add 1 and 2.", config).response_metadata["model_name"] == "other"


@pytest.mark.parametrize("path", PATHS)
def test_lc31261_structured_output_of_a_configurable_model(path: str) -> None:
    model = small(structured_reply(text="Tea"))
    configurable = model.configurable_fields(name=ConfigurableField(id="which"))
    titled = router_of(Candidate(name="small", model=configurable)).with_structured_output(Title, include_raw=True)
    answer = call(titled, path, "hi", {"configurable": {"which": "other"}})
    assert (answer["parsed"], answer["raw"].response_metadata["model_name"]) == (Title(text="Tea"), "other")


@pytest.mark.parametrize("path", PATHS)
def test_lc30531_tags_are_lost_when_structured_output_is_asked_for(path: str) -> None:
    seen = RecordingHandler()
    tagged = small(structured_reply(text="Tea")).with_config(tags=["mine"])
    router = router_of(Candidate(name="small", model=tagged), tags=["ours"])
    call(router.with_structured_output(Title), path, "hi", {"callbacks": [seen]})
    assert {"mine", "ours"} <= set(seen.runs("llm")[0].tags)


# --- streaming --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", STREAMS)
def test_lc15191_fallbacks_do_not_stream(path: str) -> None:
    parts = chunks(router_of(down(), small(name="third")), path, "hi")
    assert [part.content for part in parts if part.content] == list(WORDS)


@pytest.mark.parametrize("path", STREAMS)
@pytest.mark.parametrize("empty", [Reply(TEXT, empty_first=True, break_after=1), Reply("", empty_first=True)])
def test_lc16055_an_empty_first_chunk_rules_out_the_fallback(path: str, empty: Reply) -> None:
    """`RunnableWithFallbacks` falls back only before the first chunk, and providers send an empty one first."""
    message = call(router_of(small(empty), large()), path)
    assert (message.content, routing(message)["model"]) == ("from large", "large")


async def test_lc24816_fallbacks_are_not_used_by_event_streams() -> None:
    events = await events_of(router_of(down(), small(name="third")))
    assert tokens(events) == WORDS


@pytest.mark.parametrize("path", STREAMS)
def test_lc38886_an_empty_stream_is_a_failure(path: str) -> None:
    message = call(router_of(small(Reply("")), large()), path)
    assert [(each["model"], each["error"]) for each in routing(message)["attempts"]] == [
        ("small", "empty"),
        ("large", None),
    ]


async def test_lc22227_event_streams_bring_tokens_twice() -> None:
    router = router_of()

    async def node(text: str) -> Any:
        return await router.ainvoke(text)

    from langchain_core.runnables import RunnableLambda

    for runnable in (router, RunnableLambda(node), RunnableLambda(lambda text: text) | router):
        assert tokens(await events_of(runnable)) == WORDS


@pytest.mark.parametrize("path", STREAMS)
def test_lc21327_a_streaming_wrapper_does_not_know_its_own_run(path: str) -> None:
    seen = RecordingHandler()
    call(router_of(), path, "hi", {"callbacks": [seen]})
    chain, model = seen.runs()
    assert (model.parent_run_id, chain.parent_run_id) == (chain.run_id, None)


@pytest.mark.parametrize("wrap", ["tags", "with_config"])
def test_lg7509_a_nostream_tag_silences_the_model(wrap: str) -> None:
    quiet = router_of(tags=["nostream"]) if wrap == "tags" else router_of().with_config(tags=["nostream"])

    def node(state: MessagesState) -> dict[str, Any]:
        return {"messages": [quiet.invoke(state["messages"])]}

    graph = StateGraph(MessagesState).add_node("node", node).add_edge(START, "node").compile()
    heard = list(graph.stream(QUESTION, stream_mode="messages"))
    assert [message.content for message, _ in heard] == [TEXT]  # the state's own message, whole


def test_lg3324_disable_streaming_holds_inside_a_graph() -> None:
    def node(state: MessagesState) -> dict[str, Any]:
        return {"messages": [router.invoke(state["messages"])]}

    router = router_of(disable_streaming=True)
    graph = StateGraph(MessagesState).add_node("node", node).add_edge(START, "node").compile()
    assert [message.content for message, _ in graph.stream(QUESTION, stream_mode="messages")] == [TEXT]


# --- traces, cancellation ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PATHS)
def test_lc36072_runs_lose_their_parent_with_explicit_callbacks(path: str) -> None:
    seen = RecordingHandler()
    call(router_of(down(), large().bind(temperature=0)), path, "hi", {"callbacks": [seen]})
    chain, first, second = seen.runs()
    assert (first.parent_run_id, second.parent_run_id) == (chain.run_id, chain.run_id)


@pytest.mark.parametrize("limit_ms", [None, 60_000])
async def test_lc38469_a_model_that_raises_cancelled_by_itself_has_failed(limit_ms: int | None) -> None:
    """LangChain masks it as an AttributeError; nobody cancelled the call."""
    config = ScaffoldingConfig(max_response_time_ms=limit_ms)
    message = await router_of(small(asyncio.CancelledError()), large(), config=config).ainvoke("hi")
    assert routing(message)["model"] == "large"


@pytest.mark.parametrize("path", ["ainvoke", "astream"])
async def test_lc39163_runs_stay_pending_after_a_cancellation(path: str) -> None:
    seen, model = RecordingHandler(), small(Reply(hang=True))

    async def work() -> None:
        if path == "ainvoke":
            await router_of(model).ainvoke("hi", {"callbacks": [seen]})
        async for _ in router_of(model).astream("hi", {"callbacks": [seen]}):
            pass

    task = asyncio.create_task(work())
    while not model.calls:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [run.state for run in seen.runs()] == ["error", "error"]


@pytest.mark.parametrize("path", PATHS)
def test_ls1825_wrapper_runs_count_tokens_twice(path: str) -> None:
    seen = RecordingHandler()
    with get_usage_metadata_callback() as usage:
        call(router_of(), path, "hi", {"callbacks": [seen]})
    assert usage.usage_metadata["small"]["total_tokens"] == PROMPT_TOKENS + ANSWER_TOKENS
    assert [run.type for run in seen.runs()] == ["chain", "llm"]


# --- answers that are none --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PATHS)
def test_tradingagents160_a_parser_that_gives_none_counts_as_a_success(path: str) -> None:
    router = router_of(small("no tool call"), large(structured_reply(text="Tea")))
    assert call(router.with_structured_output(Title, method="function_calling"), path) == Title(text="Tea")


@pytest.mark.parametrize("path", PATHS)
def test_the_error_at_the_end_names_every_model(path: str) -> None:
    """`RunnableWithFallbacks` raises the first error and drops the others."""
    router = router_of(down(), large(ValueError("bad request")), config=NO_RULES)
    with pytest.raises(AllAttemptsFailedError, match="small: connection.*large: unknown"):
        call(router, path)


@pytest.mark.parametrize("path", STREAMS)
def test_hermes42776_a_silent_hang_never_falls_back(path: str) -> None:
    hanging = small(Reply(hang=True))
    router = router_of(hanging, large(), config=ScaffoldingConfig(first_token_timeout_ms=30))
    message = call(router, path)
    assert [(each["model"], each["error"]) for each in routing(message)["attempts"]] == [
        ("small", "timeout"),
        ("large", None),
    ]
    hanging.release()


@pytest.mark.parametrize("path", PATHS)
def test_lc38836_an_interrupt_of_the_graph_is_swallowed(path: str) -> None:
    other = large()
    router = router_of(small(lambda _messages, _kwargs: str(interrupt("May I?"))), other, config=NO_RULES)
    retry = ModelRetryMiddleware(max_retries=2, initial_delay=0.0)
    agent = create_agent(
        model=router,
        tools=[],
        middleware=[ModelFallbackMiddleware(router_of(other)), retry],
        checkpointer=InMemorySaver(),
    )
    config = {"configurable": {"thread_id": "1"}}
    if path in STREAMS:
        assert "__interrupt__" in chunks(agent, path, QUESTION, config)[-1]
    else:
        assert call(agent, path, QUESTION, config)["__interrupt__"][0].value == "May I?"
    assert other.calls == 0


# --- histories of several providers -----------------------------------------------------------------------------------

SIGNED = {"type": "thinking", "thinking": "Add them.", "signature": "c2lnbmVk"}
ASKED = {"name": "add", "args": {"a": 1, "b": 2}, "id": "1", "type": "tool_call"}


class RefusesForeignReasoning(ScriptedChatModel):
    """A provider that checks the signature of each thinking block it is sent."""

    def _answer(self, run_kind: Any, messages: Any, *rest: Any) -> Any:
        for message in messages:
            signed = [each for each in message.content if isinstance(each, dict) and "signature" in each]
            if signed and message.response_metadata.get("model_provider") != self.provider:
                raise ValueError("messages.1.content.0: Invalid `signature` in `thinking` block")
        return super()._answer(run_kind, messages, *rest)


@pytest.mark.parametrize("path", PATHS)
def test_uncommonroute24_another_provider_rejects_the_signed_thinking_of_the_first(path: str) -> None:
    thinker = small(Reply([SIGNED], tool_calls=[ASKED]), ConnectionError("gone"), provider="anthropic")
    other = RefusesForeignReasoning(obedient, name="other", provider="openai", metadata={"size_gb": 9.0})
    router = router_of(thinker, other).bind_tools([add])
    history = [HumanMessage("Add 1 and 2."), call(router, path, "Add 1 and 2."), ToolMessage("3", tool_call_id="1")]
    message = call(router, path, history)
    assert (message.text, routing(message)["model"]) == ("The tool said: 3", "other")
    sent = other.history[0].messages[1]
    assert (sent.content, sent.tool_calls) == ([], history[1].tool_calls)
    assert any(block.get("signature") for block in history[1].content)


@pytest.mark.parametrize("path", PATHS)
def test_uncommonroute24_a_models_own_thinking_is_sent_back_to_it(path: str) -> None:
    thinker = small(Reply([SIGNED], tool_calls=[ASKED]), "three", provider="anthropic")
    router = router_of(thinker).bind_tools([add])
    history = [HumanMessage("Add 1 and 2."), call(router, path, "Add 1 and 2."), ToolMessage("3", tool_call_id="1")]
    assert call(router, path, history).text == "three"
    (block,) = [each for each in thinker.history[1].messages[1].content if each["type"] == "thinking"]
    assert (block["thinking"], block["signature"]) == (SIGNED["thinking"], SIGNED["signature"])


def foreign(provider: str | None, **extra: Any) -> AIMessage:
    metadata = {} if provider is None else {"model_provider": provider}
    return AIMessage([SIGNED, {"type": "text", "text": "3"}], response_metadata=metadata, additional_kwargs=extra)


@pytest.mark.parametrize(
    ("message", "kept"),
    [
        (foreign("anthropic"), False),
        (foreign("openai"), True),
        (foreign(None), True),
        (foreign("google_genai", __gemini_function_call_thought_signatures__={"1": "x"}), False),
    ],
)
def test_uncommonroute24_thinking_of_a_history_from_elsewhere_is_told_by_its_provider(
    message: AIMessage, kept: bool
) -> None:
    model = small("ok", provider="openai")
    router_of(model).invoke([HumanMessage("1 and 2?"), message, HumanMessage("Sure?")])
    sent = model.history[0].messages[1]
    assert (SIGNED in sent.content) is kept
    assert ("__gemini_function_call_thought_signatures__" in sent.additional_kwargs) is False
    assert sent.text == "3"


@pytest.mark.parametrize("path", PATHS)
def test_lc33709_options_of_one_provider_break_the_fallback_to_another(path: str) -> None:
    """What only one provider understands is bound on its candidate, and goes nowhere else."""
    first, second = small(ConnectionError("down")), large()
    cached = Candidate(name="small", model=first.bind(cache_control={"type": "ephemeral"}))
    call(router_of(cached, second).bind_tools([add]), path)
    assert "cache_control" in first.history[0].kwargs
    assert "cache_control" not in second.history[0].kwargs


@pytest.mark.parametrize("messages", [[SystemMessage("Begin.")], [AIMessage("Hello.")], "text"])
@pytest.mark.parametrize("path", PATHS)
def test_lc40543_a_router_crashes_without_a_human_message(path: str, messages: Any) -> None:
    assert call(router_of(), path, messages, task="title").content == TEXT
    assert routing(call(router_of(down()), path, messages))["source"] == "rule_based"


# --- caches -----------------------------------------------------------------------------------------------------------


class Tuned(ScriptedChatModel):
    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"temperature": self.temperature}


@pytest.mark.parametrize("path", PATHS)
def test_lc39598_a_cache_key_goes_stale_when_a_field_is_changed(path: str) -> None:
    model = Tuned("cold", "warm", name="m", temperature=0.0)
    router = router_of(model, cache=True)
    assert call(router, path).content == "cold"
    model.temperature = 1.0
    assert call(router, path).content == "warm"


@pytest.mark.parametrize("path", PATHS)
def test_pydantic11428_a_copy_with_another_field_answers_from_the_old_key(path: str) -> None:
    router = router_of(Tuned("cold", "warm", name="m"), cache=True, temperature=0.0)
    assert call(router, path).content == "cold"
    assert call(router.model_copy(update={"temperature": 1.0}), path).content == "warm"
    assert call(router, path).content == "cold"


@pytest.mark.parametrize("path", PATHS)
def test_lc14590_a_cache_does_not_tell_models_apart(path: str) -> None:
    shared = InMemoryCache()
    routers = [router_of(ScriptedChatModel(f"from {name}", name=name), cache=shared) for name in ("a", "b")]
    assert [call(router, path).content for router in routers * 2] == ["from a", "from b"] * 2


@pytest.mark.parametrize("path", PATHS)
def test_lc23257_a_cache_never_hits_because_its_key_holds_an_address(path: str) -> None:
    model = small(obedient)
    for _ in range(2):
        router = router_of(model, cache=(shared := InMemoryCache()) if not model.calls else shared)

        def subtract(a: int, b: int) -> int:
            """Subtract two numbers."""
            return a - b

        call(router.bind_tools([subtract]), path, "Take 1 from 2.")
    assert model.calls == 1


@pytest.mark.parametrize("path", PATHS)
def test_lc40403_a_cache_ignores_the_options_of_the_call(path: str) -> None:
    model = small("one", "two")
    router = router_of(model, cache=True)
    assert [call(router, path, temperature=heat).content for heat in (0.0, 1.0, 0.0)] == ["one", "two", "one"]


# --- a model of models ------------------------------------------------------------------------------------------------


def test_lc35062_a_model_that_selects_the_model() -> None:
    def model(name: str, size_gb: float, *capabilities: str) -> Candidate:
        tags = ModelTags(size_gb=size_gb, capabilities={"CHAT", *capabilities}, context_length=int(1000 * size_gb))
        return Candidate(name=name, model=ScriptedChatModel(obedient, name=name), tags=tags)

    router = router_of(model("tiny", 1), model("tooled", 4, "TOOLS"), model("seeing", 12, "VISION"))
    image = HumanMessage([{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}])
    assert routing(router.invoke("hi"))["model"] == "tiny"
    assert routing(router.bind_tools([add]).invoke("Add 1 and 2."))["model"] == "tooled"
    assert routing(router.invoke([image]))["model"] == "seeing"
    assert routing(router.invoke("long " * 2000))["model"] == "tooled"
    assert isinstance(router, Runnable)
