"""Graphs of LangGraph with a router in their nodes: tokens, messages, checkpoints, interrupts."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.runnables import RunnableLambda
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from langgraph.types import Command, interrupt

from langchain_scaffolding.testing import RecordingHandler, Reply, obedient
from tests.langchain.models import TEXT, WORDS, add, down, large, router_of, small
from tests.paths import PATHS, call, routing

beta = pytest.mark.filterwarnings("ignore:The v3 streaming protocol on Pregel is experimental")
HI = {"messages": [HumanMessage("hi")]}


def graph_of(router: Any, path: str = "invoke", **options: Any) -> Any:
    """A graph of one node that calls the router by a path."""

    def answer(state: MessagesState) -> dict[str, Any]:
        if path == "invoke":
            return {"messages": [router.invoke(state["messages"])]}
        chunks = list(router.stream(state["messages"]))
        return {"messages": [AIMessage(**sum_of(chunks))]}

    async def aanswer(state: MessagesState) -> dict[str, Any]:
        if path == "ainvoke":
            return {"messages": [await router.ainvoke(state["messages"])]}
        chunks = [chunk async for chunk in router.astream(state["messages"])]
        return {"messages": [AIMessage(**sum_of(chunks))]}

    node = answer if path in ("invoke", "stream") else aanswer
    return StateGraph(MessagesState).add_node("answer", node).add_edge(START, "answer").compile(**options)


def sum_of(chunks: list[AIMessageChunk]) -> dict[str, Any]:
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole = whole + chunk
    return whole.model_dump(include={"content", "id", "response_metadata", "usage_metadata"})


def streamed(graph: Any, path: str, input: Any = HI, config: Any = None, **options: Any) -> list[Any]:
    """What the graph streams; asynchronously if the node is asynchronous."""
    if path in ("invoke", "stream"):
        return list(graph.stream(input, config, **options))

    async def collect() -> list[Any]:
        return [each async for each in graph.astream(input, config, **options)]

    return asyncio.run(collect())


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("streams", [True, False])
def test_messages_mode_brings_each_token_once(path: str, streams: bool) -> None:
    router = router_of(small(streams=streams), large())
    heard = streamed(graph_of(router, path), path, stream_mode="messages")
    texts = [chunk.content for chunk, _ in heard if chunk.content]
    assert texts == (list(WORDS) if streams else [TEXT])
    assert {metadata["ls_model_name"] for _, metadata in heard} == {"small"}
    assert len({chunk.id for chunk, _ in heard}) == 1


@pytest.mark.parametrize("path", PATHS)
def test_messages_mode_shows_the_tokens_of_a_chain_in_a_node_once(path: str) -> None:
    chain = RunnableLambda(lambda messages: messages) | router_of() | StrOutputParser() | AIMessage
    if path in ("stream", "astream"):
        chain = router_of().bind(task="title")
    heard = streamed(graph_of(chain, path), path, stream_mode="messages")
    texts = [chunk.content for chunk, metadata in heard if chunk.content and "ls_model_name" in metadata]
    assert texts == list(WORDS)


def test_messages_mode_can_be_filtered_by_the_routers_tags() -> None:
    heard = streamed(graph_of(router_of(tags=["aux"])), "invoke", stream_mode="messages")
    assert all("aux" in metadata["tags"] for _, metadata in heard)
    silent = streamed(graph_of(router_of(tags=["nostream"])), "invoke", stream_mode="messages")
    assert [chunk.content for chunk, _ in silent if isinstance(chunk, AIMessageChunk)] == []


@pytest.mark.parametrize("path", PATHS)
def test_messages_mode_shows_the_rules_as_a_message_of_their_own(path: str) -> None:
    graph = graph_of(router_of(down()), path)
    texts = ["".join(chunk.content for chunk, _ in streamed(graph, path, stream_mode="messages")) for _ in range(2)]
    assert texts[0] == texts[1] != ""


@pytest.mark.parametrize("path", PATHS)
def test_updates_and_values_hold_the_answer_with_its_routing_facts(path: str) -> None:
    (update,) = streamed(graph_of(router_of(), path), path, stream_mode="updates")
    (message,) = update["answer"]["messages"]
    assert (message.content, routing(message)["model"]) == (TEXT, "small")


@beta
@pytest.mark.parametrize("path", ["invoke", "ainvoke"])
def test_version_3_of_a_graph_brings_each_token_once(path: str) -> None:
    graph = graph_of(router_of(), path)
    if path == "invoke":
        texts = [str(message.text) for message in graph.stream_events(HI, version="v3").messages]
    else:

        async def collect() -> list[str]:
            stream = await graph.astream_events(HI, version="v3")
            return [await message.text async for message in stream.messages]

        texts = asyncio.run(collect())
    assert texts == [TEXT]


@pytest.mark.parametrize("path", PATHS)
def test_a_thread_remembers_messages_and_their_routing_facts(path: str) -> None:
    model = small(obedient)
    graph = graph_of(router_of(model), path, checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "1"}}
    for text in ("one", "two"):
        streamed(graph, path, {"messages": [HumanMessage(text)]}, config)
    state = graph.get_state(config).values["messages"]
    assert [message.text for message in state] == ["one", "You said: one", "two", "You said: two"]
    assert [routing(message)["model"] for message in state if message.type == "ai"] == ["small", "small"]
    assert [len(each.messages) for each in model.history] == [1, 3]


@pytest.mark.parametrize("path", PATHS)
def test_two_answers_of_the_rules_in_one_thread_are_two_messages(path: str) -> None:
    graph = graph_of(router_of(down()), path, checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "1"}}
    for _ in range(2):
        streamed(graph, path, {"messages": [HumanMessage("hi")]}, config)
    assert len(graph.get_state(config).values["messages"]) == 4


@pytest.mark.parametrize("path", PATHS)
def test_two_servings_of_a_kept_answer_in_one_thread_are_two_messages(path: str) -> None:
    router = router_of(cache=True)
    router.invoke(HI["messages"])

    def ask(_: MessagesState) -> dict[str, Any]:
        return {"messages": [call(router, path, HI["messages"])]}

    builder = StateGraph(MessagesState).add_node("one", ask).add_node("two", ask)
    state = builder.add_edge(START, "one").add_edge("one", "two").compile().invoke(HI)
    assert [message.text for message in state["messages"]] == ["hi", TEXT, TEXT]


def test_a_tool_loop_built_by_hand_stays_with_its_model() -> None:
    flaky, steady = small(ConnectionError("once"), obedient), large(obedient)
    bound = router_of(flaky, steady).bind_tools([add])

    def answer(state: MessagesState) -> dict[str, Any]:
        return {"messages": [bound.invoke(state["messages"])]}

    builder = StateGraph(MessagesState).add_node("answer", answer).add_node("tools", ToolNode([add]))
    builder.add_edge(START, "answer").add_conditional_edges("answer", tools_condition).add_edge("tools", "answer")
    graph = builder.compile(checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "1"}}
    messages = graph.invoke({"messages": [HumanMessage("What is 2 and 3?")]}, config)["messages"]
    assert messages[-1].text == "The tool said: 5"
    assert [routing(message)["model"] for message in messages if message.type == "ai"] == ["large", "large"]


@pytest.mark.parametrize("path", PATHS)
def test_an_interrupt_asked_for_by_a_model_reaches_the_graph(path: str) -> None:
    """A human is asked in the middle of a call: that is no failure, and no other model may answer instead."""

    def approve(_messages: Any, _kwargs: Any) -> Reply:
        return Reply(f"approved: {interrupt('May I?')}")

    other = large()
    router = router_of(small(approve), other)
    graph = graph_of(router, path, checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "1"}}
    (stopped,) = streamed(graph, path, HI, config)
    assert stopped["__interrupt__"][0].value == "May I?"
    (row,) = router.performance.snapshot()
    assert (row.errors, row.measured) == (0, 0)
    (resumed,) = streamed(graph, path, Command(resume="yes"), config)
    assert resumed["answer"]["messages"][0].text == "approved: yes"
    assert other.calls == 0


@pytest.mark.parametrize("path", PATHS)
def test_runs_in_a_graph_hang_below_their_node(path: str) -> None:
    seen = RecordingHandler()
    streamed(graph_of(router_of(), path), path, config={"callbacks": [seen]})
    ((graph, ((node, (run,)),)),) = seen.tree()
    assert (graph, node, run) == ("LangGraph", "answer", ("ScaffoldingRouterLLM", (("small", ()),)))
    assert seen.pending() == ()
