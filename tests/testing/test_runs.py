"""The fake inside LangChain's and LangGraph's own machinery."""

from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.structured_output import ProviderStrategy, ToolStrategy
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import get_usage_metadata_callback
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.rate_limiters import InMemoryRateLimiter
from langgraph.graph import START, MessagesState, StateGraph
from pydantic import BaseModel

from langchain_scaffolding.testing import RecordingHandler, Reply, ScriptedChatModel, obedient

TEXT = "three small words"
WORDS = ["three", " small", " words"]


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def graph_of(model: ScriptedChatModel) -> Any:
    def answer(state: MessagesState) -> dict[str, Any]:
        return {"messages": [model.invoke(state["messages"])]}

    return StateGraph(MessagesState).add_node("answer", answer).add_edge(START, "answer").compile()


def test_usage_is_counted_once_whole_and_streamed() -> None:
    model = ScriptedChatModel(Reply("a b c", usage=(10, 5)), name="tiny")
    for run in (lambda: model.invoke("hi"), lambda: list(model.stream("hi"))):
        with get_usage_metadata_callback() as usage:
            run()
        assert usage.usage_metadata["tiny"]["total_tokens"] == 15


async def test_events_v2_name_the_model_and_bring_each_token_once() -> None:
    model = ScriptedChatModel(TEXT, name="tiny")
    chain = ChatPromptTemplate.from_template("{x}") | model | StrOutputParser()
    events = [event async for event in chain.astream_events({"x": "hi"}, version="v2")]
    mine = [event for event in events if event["event"].startswith("on_chat_model")]
    assert {event["name"] for event in mine} == {"tiny"}
    assert mine[0]["metadata"]["ls_model_name"] == "tiny"
    tokens = [e["data"]["chunk"].content for e in mine if e["event"] == "on_chat_model_stream"]
    assert [token for token in tokens if token] == WORDS
    assert [e["event"] for e in mine].count("on_chat_model_end") == 1


@pytest.mark.filterwarnings("ignore:.*is in beta:langchain_core._api.beta_decorator.LangChainBetaWarning")
@pytest.mark.parametrize("native_async", [True, False])
async def test_events_v3_bring_the_text(native_async: bool) -> None:
    model = ScriptedChatModel(TEXT, native_async=native_async)
    assert str(model.stream_events("hi", version="v3").text) == TEXT
    stream = await model.astream_events("hi", version="v3")
    assert await stream.text == TEXT


@pytest.mark.parametrize("streams", [True, False])
def test_langgraph_streams_messages_from_an_invoke_in_a_node(streams: bool) -> None:
    model = ScriptedChatModel(TEXT, streams=streams)
    heard = list(graph_of(model).stream({"messages": ["hi"]}, stream_mode="messages"))
    texts = [chunk.content for chunk, _ in heard if chunk.content]
    assert texts == (WORDS if streams else [TEXT])
    assert [call.run_kind for call in model.history] == ["stream" if streams else "invoke"]


async def test_an_agent_calls_its_tool_and_reports() -> None:
    model = ScriptedChatModel(obedient)
    agent = create_agent(model=model, tools=[add])
    result = await agent.ainvoke({"messages": [("human", "What is 2 and 3?")]})
    assert result["messages"][-1].content == "The tool said: 5"
    assert model.calls == 2


class Weather(BaseModel):
    """The weather."""

    city: str
    degrees: int


@pytest.mark.parametrize("strategy", [ToolStrategy, ProviderStrategy])
def test_an_agent_gets_its_response_format(strategy: type) -> None:
    model = ScriptedChatModel(obedient)
    agent = create_agent(model=model, tools=[], response_format=strategy(Weather))
    result = agent.invoke({"messages": [("human", "It is 21 degrees in 'Oslo'.")]})
    assert result["structured_response"] == Weather(city="Oslo", degrees=21)


def test_langchains_cache_answers_the_second_call() -> None:
    model = ScriptedChatModel("one", "two", cache=InMemoryCache())
    assert [model.invoke("hi").content for _ in range(2)] == ["one", "one"]
    assert model.calls == 1
    other = ScriptedChatModel("other", name="other", cache=model.cache)
    assert other.invoke("hi").content == "other"


class CountingLimiter(InMemoryRateLimiter):
    def __init__(self) -> None:
        super().__init__(requests_per_second=1e9)
        self.asked = 0

    def acquire(self, *, blocking: bool = True) -> bool:
        self.asked += 1
        return True

    async def aacquire(self, *, blocking: bool = True) -> bool:
        return self.acquire()


async def test_a_rate_limiter_is_asked_once_for_each_call() -> None:
    limiter = CountingLimiter()
    model = ScriptedChatModel("one", rate_limiter=limiter)
    model.invoke("hi")
    list(model.stream("hi"))
    await model.ainvoke("hi")
    assert limiter.asked == model.calls == 3


async def test_batches_answer_every_input() -> None:
    model = ScriptedChatModel(lambda messages, kwargs: messages[-1].text)
    inputs = [str(number) for number in range(50)]
    assert [m.content for m in model.batch(inputs, {"max_concurrency": 8})] == inputs
    assert [m.content for m in await model.abatch(inputs)] == inputs
    assert model.calls == 100


def test_an_error_in_a_stream_is_seen_by_handlers_with_what_came_before() -> None:
    seen = RecordingHandler()
    model = ScriptedChatModel(Reply("a b c", break_after=2))
    with pytest.raises(Exception, match="broke after 2"):
        list(model.stream("hi", {"callbacks": [seen]}))
    (run,) = seen.runs("llm")
    assert run.state == "error"
    assert seen.tokens() == ("a", " b")
