"""`create_agent` with a router as its model, and with every middleware that is given a model."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import (
    LLMToolEmulator,
    LLMToolSelectorMiddleware,
    ModelCallLimitMiddleware,
    ModelFallbackMiddleware,
    ModelRetryMiddleware,
    SummarizationMiddleware,
)
from langchain.agents.structured_output import ProviderStrategy, ToolStrategy
from langchain_core.callbacks import get_usage_metadata_callback
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.runnables import ConfigurableField
from langgraph.checkpoint.memory import InMemorySaver
from pydantic import BaseModel

from langchain_scaffolding import Candidate, ModelTags, ScaffoldingConfig
from langchain_scaffolding.testing import RecordingHandler, Reply, ScriptedChatModel, obedient
from tests.langchain.models import add, down, get_weather, large, router_of, small
from tests.paths import routing

NO_RULES = ScaffoldingConfig(fallback_to_rule_based=False)
QUESTION = {"messages": [HumanMessage("What is 2 and 3?")]}


def run(agent: Any, path: str, question: Any = QUESTION, config: Any = None) -> dict[str, Any]:
    """The agent's last state, by one of four paths."""
    if path == "invoke":
        return dict(agent.invoke(question, config))
    if path == "ainvoke":
        return dict(asyncio.run(agent.ainvoke(question, config)))
    if path == "stream":
        return dict(list(agent.stream(question, config, stream_mode="values"))[-1])

    async def collect() -> Any:
        return [state async for state in agent.astream(question, config, stream_mode="values")][-1]

    return dict(asyncio.run(collect()))


PATHS = ("invoke", "ainvoke", "stream", "astream")


@pytest.mark.parametrize("path", PATHS)
def test_an_agent_calls_its_tool_and_answers(path: str) -> None:
    seen, model = RecordingHandler(), small(obedient)
    agent = create_agent(model=router_of(model, large()), tools=[add, get_weather])
    with get_usage_metadata_callback() as usage:
        messages = run(agent, path, config={"callbacks": [seen]})["messages"]
    assert messages[-1].text == "The tool said: 5"
    assert [routing(message)["model"] for message in messages if isinstance(message, AIMessage)] == ["small", "small"]
    assert [run.name for run in seen.runs("llm")] == ["small", "small"]
    assert seen.pending() == ()
    spent = [message.usage_metadata["total_tokens"] for message in messages if isinstance(message, AIMessage)]
    assert usage.usage_metadata["small"]["total_tokens"] == sum(spent)
    assert {each.name for call in model.history for each in call.tools} == {"add", "get_weather"}


@pytest.mark.parametrize("path", PATHS)
def test_an_agents_tool_loop_stays_with_the_model_that_took_over(path: str) -> None:
    flaky, steady = small(ConnectionError("once"), obedient), large(obedient)
    messages = run(create_agent(model=router_of(flaky, steady), tools=[add]), path)["messages"]
    assert [routing(message)["model"] for message in messages if isinstance(message, AIMessage)] == ["large", "large"]
    assert (flaky.calls, steady.calls) == (1, 2)


@pytest.mark.parametrize("path", PATHS)
def test_an_agent_survives_the_failure_of_every_model(path: str) -> None:
    messages = run(create_agent(model=router_of(down()), tools=[add]), path)["messages"]
    assert routing(messages[-1])["source"] == "rule_based"


class Weather(BaseModel):
    """The weather."""

    city: str
    degrees: int


ASKED = {"messages": [HumanMessage("It is 21 degrees in 'Oslo'.")]}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("strategy", [ToolStrategy, ProviderStrategy, None])
def test_an_agent_gets_its_response_format(path: str, strategy: Any) -> None:
    response_format = Weather if strategy is None else strategy(Weather)
    agent = create_agent(model=router_of(small(obedient)), tools=[], response_format=response_format)
    assert run(agent, path, ASKED)["structured_response"] == Weather(city="Oslo", degrees=21)


def test_an_agent_uses_native_structured_output_only_if_every_model_has_it() -> None:
    def able(name: str, *capabilities: str) -> Candidate:
        tags = ModelTags(capabilities={"CHAT", *capabilities})
        return Candidate(name=name, model=ScriptedChatModel(obedient, name=name), tags=tags)

    one, two = able("one", "STRUCTURED_OUTPUT", "TOOLS"), able("two", "STRUCTURED_OUTPUT", "TOOLS")
    for models, native in (((one, two), True), ((one, able("three", "TOOLS")), False)):
        create_agent(model=router_of(*models), tools=[], response_format=Weather).invoke(ASKED)
        sent = models[0].chat_model.history[-1].kwargs
        assert ("response_format" in sent) is native


@pytest.mark.parametrize("path", PATHS)
def test_model_fallback_middleware_goes_from_one_router_to_another(path: str) -> None:
    first = router_of(down(), config=NO_RULES)
    second = router_of(large(obedient), config=NO_RULES)
    agent = create_agent(model=first, tools=[add], middleware=[ModelFallbackMiddleware(second)])
    messages = run(agent, path)["messages"]
    assert messages[-1].text == "The tool said: 5"
    assert routing(messages[-1])["model"] == "large"


@pytest.mark.parametrize("path", PATHS)
def test_model_retry_middleware_repeats_what_may_pass(path: str) -> None:
    model = small(ConnectionError("once"), obedient)
    retry = ModelRetryMiddleware(max_retries=1, initial_delay=0.0, jitter=False)
    agent = create_agent(model=router_of(model, config=NO_RULES), tools=[add], middleware=[retry])
    assert run(agent, path)["messages"][-1].text == "The tool said: 5"
    assert model.calls == 3


@pytest.mark.parametrize("path", PATHS)
def test_summarization_middleware_summarizes_with_a_router(path: str) -> None:
    writer = small("They talked of tea.", name="writer")
    middleware = SummarizationMiddleware(
        model=router_of(writer).bind(task="summary").bound, trigger=("messages", 4), keep=("messages", 1)
    )
    agent = create_agent(model=router_of(small("Good.")), tools=[], middleware=[middleware])
    talk = [HumanMessage("Tea?"), AIMessage("Yes."), HumanMessage("Green?"), AIMessage("Black."), HumanMessage("Good!")]
    messages = run(agent, path, {"messages": talk})["messages"]
    assert writer.calls == 1
    assert "They talked of tea." in messages[0].text
    assert messages[-1].text == "Good."


@pytest.mark.parametrize("path", PATHS)
def test_summarization_middleware_reads_the_context_length_off_the_router(path: str) -> None:
    writer = small("They talked of tea.", name="writer")
    talker = Candidate(name="talker", model=small("Good."), tags=ModelTags(context_length=4000))
    middleware = SummarizationMiddleware(
        model=router_of(Candidate(name="writer", model=writer, tags=ModelTags(context_length=4000))),
        trigger=("fraction", 0.5),
        keep=("messages", 1),
    )
    agent = create_agent(model=router_of(talker), tools=[], middleware=[middleware])
    run(agent, path, {"messages": [HumanMessage("Tea?")]})
    assert writer.calls == 0
    run(agent, path, {"messages": [HumanMessage("Tea? " * 1700), AIMessage("Yes."), HumanMessage("Green?")]})
    assert writer.calls == 1


@pytest.mark.parametrize("path", PATHS)
def test_tool_selector_middleware_selects_with_a_router(path: str) -> None:
    model = small(obedient)
    chooser = small(lambda _messages, _kwargs: Reply('{"tools": ["add"]}'), structured="native", name="chooser")
    selector = LLMToolSelectorMiddleware(model=router_of(chooser), max_tools=1)
    agent = create_agent(model=router_of(model), tools=[get_weather, add], middleware=[selector])
    assert run(agent, path)["messages"][-1].text == "The tool said: 5"
    assert [tool.name for tool in model.history[0].tools] == ["add"]


@pytest.mark.parametrize("path", PATHS)
def test_tool_emulator_middleware_emulates_with_a_router(path: str) -> None:
    emulator = LLMToolEmulator(tools=["add"], model=router_of(small("about five", name="emulator")))
    agent = create_agent(model=router_of(small(obedient)), tools=[add], middleware=[emulator])
    assert run(agent, path)["messages"][-1].text == "The tool said: about five"


@pytest.mark.parametrize("path", PATHS)
def test_every_middleware_may_stand_in_one_agent(path: str) -> None:
    router = router_of(small(obedient), config=NO_RULES)
    middleware = [
        ModelCallLimitMiddleware(run_limit=5),
        ModelFallbackMiddleware(router),
        ModelRetryMiddleware(max_retries=1, initial_delay=0.0, jitter=False),
        SummarizationMiddleware(model=router, trigger=("messages", 50)),
    ]
    agent = create_agent(model=router, tools=[add], middleware=middleware)
    assert run(agent, path)["messages"][-1].text == "The tool said: 5"


def test_an_agent_takes_a_router_that_was_decorated_after_binding() -> None:
    router = router_of(small(obedient)).with_config(tags=["agent"])
    assert create_agent(model=router, tools=[add]).invoke(QUESTION)["messages"][-1].text == "The tool said: 5"
    configurable = router_of(small(obedient)).configurable_fields(temperature=ConfigurableField(id="heat"))
    assert create_agent(model=configurable, tools=[add]).invoke(QUESTION)["messages"][-1].text == "The tool said: 5"


@pytest.mark.parametrize("path", PATHS)
def test_an_agent_remembers_its_thread(path: str) -> None:
    agent = create_agent(model=router_of(small(obedient)), tools=[add], checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "1"}}
    run(agent, path, config=config)
    messages = run(agent, path, {"messages": [HumanMessage("What is 4 and 5?")]}, config)["messages"]
    assert [message.text for message in messages if message.type == "tool"] == ["5", "9"]
    assert len({message.id for message in messages}) == len(messages)
