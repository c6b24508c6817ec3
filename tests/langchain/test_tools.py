"""`bind_tools`: tools reach the chosen model as they were given, and what it calls comes back whole."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, ToolMessage
from langchain_core.runnables import ConfigurableField, Runnable, RunnableBinding
from langchain_core.tools import BaseTool, tool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import BaseModel

from langchain_scaffolding import Candidate, ModelTags, ScaffoldingConfig
from langchain_scaffolding.errors import NoCandidateError
from langchain_scaffolding.testing import Reply, ScriptedChatModel, obedient
from tests.langchain.models import add, down, get_weather, large, router_of, small
from tests.paths import PATHS, STREAMS, call, chunks, routing


@tool
def multiply(a: int, b: int) -> int:
    """Multiply two numbers."""
    return a * b


class Search(BaseModel):
    """Search the archive."""

    query: str


ADD_SPEC = convert_to_openai_tool(add)
WEB_SEARCH = {"type": "web_search_20250305", "name": "web_search", "max_uses": 2}
TOOLS = [add, multiply, Search, ADD_SPEC, WEB_SEARCH]
CALLS = (
    {"name": "add", "args": {"a": 1, "b": 2}, "id": "1"},
    {"name": "multiply", "args": {"a": 3, "b": 4}, "id": "2"},
)


@pytest.mark.parametrize("path", PATHS)
def test_the_models_own_bind_tools_gets_the_very_objects(path: str) -> None:
    model = small("ok")
    call(router_of(model).bind_tools(TOOLS), path)
    assert len(model.history[0].tools) == len(TOOLS)
    assert all(given is bound for given, bound in zip(TOOLS, model.history[0].tools, strict=True))


class AsksForAll(ScriptedChatModel):
    """Notes what its `bind_tools` is called with."""

    def bind_tools(self, tools: Any, **kwargs: Any) -> Runnable[Any, AIMessage]:
        self.script.bound = (tools, kwargs)
        return self.bind()


@pytest.mark.parametrize("path", PATHS)
def test_every_option_reaches_the_models_own_bind_tools(path: str) -> None:
    model = AsksForAll("ok", name="m")
    options = {
        "tool_choice": "any",
        "strict": True,
        "parallel_tool_calls": False,
        "cache_control": {"type": "ephemeral"},
    }
    call(router_of(model).bind_tools([add], **options), path)
    assert model.script.bound == ([add], options)
    call(router_of(model).bind_tools([add], tool_choice=None), path)
    assert model.script.bound == ([add], {})


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        ("any", "required"),
        ("auto", "auto"),
        ("none", "none"),
        (True, "required"),
        ("add", {"type": "function", "function": {"name": "add"}}),
    ],
)
def test_a_tool_choice_is_the_chosen_models_to_understand(path: str, choice: Any, sent: Any) -> None:
    model = small("ok")
    call(router_of(model).bind_tools([add], tool_choice=choice), path)
    assert model.history[0].kwargs["tool_choice"] == sent


class GoogleTool:
    """A tool object of one provider's SDK."""


@pytest.mark.parametrize("own", [{"google_search": {}}, {"type": "code_interpreter"}, GoogleTool()])
@pytest.mark.parametrize("path", PATHS)
def test_a_tool_that_only_its_provider_knows_reaches_it_as_it_is(path: str, own: Any) -> None:
    model = AsksForAll("ok", name="m")
    bound = router_of(model, cache=True).bind_tools([own, add])
    call(bound, path)
    assert model.script.bound[0][0] is own
    assert len(bound.kwargs["tools"]) == 2


def test_what_is_no_tool_is_refused_when_it_is_bound() -> None:
    with pytest.raises(ValueError, match="Unsupported function"):
        router_of().bind_tools(["add"])


@pytest.mark.parametrize("path", PATHS)
def test_parallel_tool_calls_come_back_whole(path: str) -> None:
    router = router_of(small(Reply("Let me see.", tool_calls=CALLS))).bind_tools([add, multiply])
    message = call(router, path)
    assert [(each["name"], each["args"], each["id"]) for each in message.tool_calls] == [
        ("add", {"a": 1, "b": 2}, "1"),
        ("multiply", {"a": 3, "b": 4}, "2"),
    ]
    assert message.content == "Let me see."
    assert routing(message)["model"] == "small"


@pytest.mark.parametrize("path", STREAMS)
def test_the_chunks_of_a_tool_call_are_passed_on_as_they_come(path: str) -> None:
    model = small(Reply(tool_calls=CALLS[:1], empty_first=True))
    parts = chunks(router_of(model).bind_tools([add]), path, "hi")
    bare = chunks(model.bind_tools([add]), path, "hi")
    assert [part.tool_call_chunks for part in parts] == [part.tool_call_chunks for part in bare]
    assert sum(bool(part.tool_call_chunks) for part in parts) > 1
    assert all(isinstance(part, AIMessageChunk) for part in parts)


@pytest.mark.parametrize("path", PATHS)
def test_broken_arguments_are_the_callers_to_see(path: str) -> None:
    model = small(Reply(tool_calls=[{"name": "add", "args": "a=1, b=2", "id": "1"}]))
    (invalid,) = call(router_of(model).bind_tools([add]), path).invalid_tool_calls
    assert (invalid["name"], invalid["args"]) == ("add", "a=1, b=2")


def test_graphs_and_traces_read_specs_off_the_binding() -> None:
    bound = router_of().bind_tools(TOOLS)
    assert isinstance(bound, RunnableBinding)
    specs = bound.kwargs["tools"]
    assert [spec.get("function", spec)["name"] for spec in specs] == [
        "add",
        "multiply",
        "Search",
        "add",
        "web_search",
    ]
    json.dumps(specs)
    assert "0x" not in repr(bound.kwargs)


@pytest.mark.parametrize("path", PATHS)
def test_models_that_cannot_bind_tools_are_no_candidates(path: str) -> None:
    plain = small("no tools here", tools=False)
    router = router_of(plain, large(obedient))
    message = call(router.bind_tools([add]), path, "Add 1 and 2.")
    assert routing(message)["model"] == "large"
    assert plain.calls == 0
    (rejected,) = router.explain("x", tools=[add]).rejected
    assert rejected.reason == "cannot call tools (ScriptedChatModel has no bind_tools)"


@pytest.mark.parametrize("path", PATHS)
def test_if_no_model_can_bind_tools_the_error_says_why(path: str) -> None:
    config = ScaffoldingConfig(fallback_to_rule_based=False)
    router = router_of(small(tools=False), config=config).bind_tools([add])
    with pytest.raises(NoCandidateError, match="small: cannot call tools"):
        call(router, path)


@pytest.mark.parametrize("path", PATHS)
def test_the_next_model_gets_the_tools_when_the_first_fails(path: str) -> None:
    second = large(obedient)
    message = call(router_of(down(), second).bind_tools([add]), path, "Add 1 and 2.")
    assert message.tool_calls[0]["args"] == {"a": 1, "b": 2}
    assert second.history[0].tools == (add,)


@pytest.mark.parametrize("path", PATHS)
def test_the_rules_call_no_tools(path: str) -> None:
    message = call(router_of(down()).bind_tools([add]), path, "Add one and two. That is all.")
    assert routing(message)["source"] == "rule_based"
    assert message.tool_calls == []


class RefusesTools(ScriptedChatModel):
    """Says only when asked that it cannot bind tools, as base classes of some packages do."""

    def bind_tools(self, tools: Any, **kwargs: Any) -> Runnable[Any, AIMessage]:
        raise NotImplementedError


@pytest.mark.parametrize("path", PATHS)
def test_a_model_that_refuses_tools_when_asked_is_passed_over(path: str) -> None:
    refusing = RefusesTools(name="refusing", metadata={"size_gb": 1.0})
    message = call(router_of(refusing, large(obedient)).bind_tools([add]), path, "Add 1 and 2.")
    assert routing(message)["model"] == "large"
    assert refusing.calls == 0


# --- candidates that hold something already ---------------------------------------------------------------------------


def layers(model: ScriptedChatModel) -> dict[str, Runnable[Any, Any]]:
    return {
        "bind": model.bind(temperature=0.5),
        "with_config": model.with_config(tags=["mine"]),
        "with_retry": model.with_retry(stop_after_attempt=2),
        "bind_and_retry": model.bind(temperature=0.5).with_retry(stop_after_attempt=2),
        "configurable": model.configurable_fields(temperature=ConfigurableField(id="t")),
    }


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("layer", layers(small()))
def test_a_candidate_keeps_what_is_bound_on_it_when_tools_are_bound(path: str, layer: str) -> None:
    model = small(obedient)
    router = router_of(Candidate(name="small", model=layers(model)[layer]))
    message = call(router.bind_tools([add], tool_choice="add"), path, "Add 1 and 2.")
    assert message.tool_calls[0]["args"] == {"a": 1, "b": 2}
    assert model.history[0].tools == (add,)
    assert model.history[0].kwargs["tool_choice"] == {"type": "function", "function": {"name": "add"}}
    if layer.startswith("bind"):
        assert model.history[0].kwargs["temperature"] == 0.5


@pytest.mark.parametrize("path", PATHS)
def test_a_configurable_candidate_is_configured_by_the_call_with_and_without_tools(path: str) -> None:
    model = small(obedient).configurable_fields(name=ConfigurableField(id="which"))
    router = router_of(Candidate(name="small", model=model))
    config = {"configurable": {"which": "other"}}
    for subject in (router, router.bind_tools([add]), router.bind_tools([add]).with_config(tags=["x"])):
        assert call(subject, path, "Add 1 and 2.", config).response_metadata["model_name"] == "other"
        assert call(subject, path, "Add 1 and 2.").response_metadata["model_name"] == "small"


@pytest.mark.parametrize("path", PATHS)
def test_the_calls_tools_go_before_those_bound_on_a_candidate(path: str) -> None:
    model = small(obedient)
    candidate = Candidate(name="small", model=model.bind_tools([get_weather], tool_choice="get_weather"))
    call(router_of(candidate).bind_tools([add]), path, "Add 1 and 2.")
    assert model.history[0].tools == (add,)
    assert "tool_choice" not in model.history[0].kwargs
    call(router_of(candidate), path, "What is the weather?")
    assert model.history[1].tools == (get_weather,)


# --- tool loops -------------------------------------------------------------------------------------------------------


def loop(router: Any, path: str, question: str, functions: dict[str, Any]) -> list[BaseMessage]:
    """The messages of a tool loop, as an agent runs it."""
    messages: list[BaseMessage] = [HumanMessage(question)]
    while True:
        answer = call(router, path, messages)
        messages.append(answer)
        if not answer.tool_calls:
            return messages
        messages += [
            ToolMessage(str(functions[each["name"]](**each["args"])), tool_call_id=each["id"])
            for each in answer.tool_calls
        ]


def talker(name: str, size_gb: float) -> Candidate:
    return Candidate(name=name, model=ScriptedChatModel(obedient, name=name), tags=ModelTags(size_gb=size_gb))


@pytest.mark.parametrize("path", PATHS)
def test_a_tool_loop_stays_with_the_model_that_started_it(path: str) -> None:
    flaky = small(ConnectionError("once"), obedient, metadata={"name": "flaky"})
    steady = large(obedient)
    router = router_of(flaky, steady).bind_tools([add])
    messages = loop(router, path, "Add 1 and 2.", {"add": add})
    assert messages[-1].text == "The tool said: 3"
    assert [routing(message)["model"] for message in messages if isinstance(message, AIMessage)] == ["large", "large"]
    assert (flaky.calls, steady.calls) == (1, 2)


@pytest.mark.parametrize("path", PATHS)
def test_a_tool_loop_moves_on_when_its_model_fails(path: str) -> None:
    first = small(Reply(tool_calls=[{"name": "add", "args": {"a": 1, "b": 2}}]), ConnectionError("gone"))
    messages = loop(router_of(first, large(obedient)).bind_tools([add]), path, "Add 1 and 2.", {"add": add})
    assert [routing(message)["model"] for message in messages if isinstance(message, AIMessage)] == ["small", "large"]
    assert messages[-1].text == "The tool said: 3"


@pytest.mark.parametrize("path", PATHS)
def test_a_pin_goes_before_the_loop(path: str) -> None:
    router = router_of(talker("one", 1.0), talker("two", 9.0)).bind_tools([add])
    messages = loop(router, path, "Add 1 and 2.", {"add": add})[:-1]
    assert routing(call(router, path, messages, model="two"))["model"] == "two"


def test_tools_may_come_with_the_call_itself() -> None:
    model = small(obedient)
    message = router_of(model).invoke("Add 1 and 2.", tools=[add], tool_choice="add")
    assert message.tool_calls[0]["args"] == {"a": 1, "b": 2}
    assert model.history[0].tools == (add,)
    router_of(model).invoke("hi", tools=[])
    assert "tools" not in model.history[1].kwargs


def test_bound_tools_are_told_apart_from_the_tools_of_another_binding() -> None:
    router = router_of(small(obedient))
    adding, looking = router.bind_tools([add]), router.bind_tools([get_weather])
    assert adding.invoke("Add 1 and 2.").tool_calls[0]["name"] == "add"
    assert looking.invoke("It is 'Bern'.").tool_calls[0]["args"] == {"city": "Bern"}


async def test_tools_of_concurrent_calls_do_not_mix() -> None:
    router = router_of(small(obedient))
    tools: list[BaseTool] = [tool(f"tool_{number}", description="It does.")(add) for number in range(20)]
    answers = await asyncio.gather(*(router.bind_tools([each]).ainvoke("Do 1 and 2.") for each in tools))
    assert [answer.tool_calls[0]["name"] for answer in answers] == [each.name for each in tools]
