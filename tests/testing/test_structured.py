from typing import Any, TypedDict, get_type_hints

import pytest
from langchain_core.exceptions import OutputParserException
from langchain_core.runnables import RunnableBinding
from langchain_core.tools import tool
from pydantic import BaseModel, ValidationError

from langchain_scaffolding.testing import RecordingHandler, Reply, ScriptedChatModel, obedient, structured_reply


class Person(BaseModel):
    """A person."""

    name: str
    age: int


class PersonDict(TypedDict):
    """A person."""

    name: str
    age: int


JSON_SCHEMA = Person.model_json_schema()
EVE = {"name": "Eve", "age": 3}
METHODS = ["function_calling", "json_schema", "json_mode"]


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def by(method: str, text: str) -> Reply:
    """What a provider sends for `text` as JSON by that method."""
    return Reply(tool_calls=({"name": "Person", "args": text},)) if method == "function_calling" else Reply(text)


def plain(value: Any) -> Any:
    return value.model_dump() if isinstance(value, BaseModel) else value


@pytest.mark.parametrize("schema", [Person, PersonDict, JSON_SCHEMA], ids=["pydantic", "typeddict", "json"])
@pytest.mark.parametrize("structured", ["tool", "native", None])
@pytest.mark.parametrize("include_raw", [False, True])
async def test_every_schema_is_answered(schema, structured, include_raw) -> None:
    expected_name = "PersonDict" if schema is PersonDict else "Person"
    model = ScriptedChatModel(structured_reply(**EVE), structured=structured)
    chain = model.with_structured_output(schema, include_raw=include_raw)
    parts = list(chain.stream("hi"))
    streamed = {key: value for part in parts for key, value in part.items()} if include_raw else parts[-1]
    for answer in (chain.invoke("hi"), await chain.ainvoke("hi"), streamed):
        parsed = answer["parsed"] if include_raw else answer
        assert plain(parsed) == EVE
        assert isinstance(parsed, Person) == (schema is Person)
    asked = model.history[0].kwargs
    if structured == "native":
        assert asked["response_format"]["json_schema"]["name"] == expected_name
        assert "tools" not in asked
    else:
        assert [spec["function"]["name"] for spec in asked["tools"]] == [expected_name]
        assert model.history[0].tools == (schema,)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_asks_in_its_own_way(method) -> None:
    model = ScriptedChatModel(by(method, '{"name": "Eve", "age": 3}'))
    assert model.with_structured_output(Person, method=method).invoke("hi") == Person(name="Eve", age=3)
    asked = model.history[0].kwargs
    if method == "function_calling":
        assert asked["tool_choice"] == {"type": "function", "function": {"name": "Person"}}
    else:
        assert asked["response_format"]["type"] == {"json_schema": "json_schema", "json_mode": "json_object"}[method]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("text", ['{"name": "Eve', '{"name": "Eve", "age": "old"}'], ids=["broken JSON", "wrong type"])
def test_an_unusable_answer_is_a_parsing_error(method, text) -> None:
    model = ScriptedChatModel(by(method, text))
    raw = model.with_structured_output(Person, method=method, include_raw=True).invoke("hi")
    if method == "function_calling" and text.endswith("Eve"):
        # The parser of langchain-core looks at valid tool calls only.
        assert (raw["parsed"], raw["parsing_error"]) == (None, None)
        assert raw["raw"].invalid_tool_calls
        return
    assert isinstance(raw["parsing_error"], (OutputParserException, ValidationError))
    assert raw["parsed"] is None
    with pytest.raises((OutputParserException, ValidationError)):
        model.with_structured_output(Person, method=method).invoke("hi")


def test_no_tool_call_parses_to_none_silently() -> None:
    model = ScriptedChatModel("I would rather talk.")
    assert model.with_structured_output(Person).invoke("hi") is None
    raw = model.with_structured_output(Person, include_raw=True).invoke("hi")
    assert (raw["parsed"], raw["parsing_error"], raw["raw"].content) == (None, None, "I would rather talk.")


def test_the_schema_is_traced_with_one_start() -> None:
    seen = RecordingHandler()
    model = ScriptedChatModel(structured_reply(**EVE))
    model.with_structured_output(Person).invoke("hi", {"callbacks": [seen]})
    (start,) = [event for event in seen.events if event.kind == "chat_model_start"]
    assert start.extra["options"]["ls_structured_output_format"]["kwargs"] == {"method": "function_calling"}
    assert "ls_structured_output_format" not in model.history[0].kwargs


def test_strict_and_unknown_requests() -> None:
    model = ScriptedChatModel()
    with pytest.raises(ValueError, match="json_mode"):
        model.with_structured_output(Person, method="json_mode", strict=True)
    with pytest.raises(ValueError, match="'magic' is unknown"):
        model.with_structured_output(Person, method="magic")
    with pytest.raises(ValueError, match="does not take"):
        model.with_structured_output(Person, colour="red")


def test_a_model_without_tools_has_no_structured_output_but_by_its_own_schema() -> None:
    with pytest.raises(NotImplementedError):
        ScriptedChatModel(tools=False).with_structured_output(Person)
    with pytest.raises(NotImplementedError):
        ScriptedChatModel(tools=False, structured=None).with_structured_output(Person)
    model = ScriptedChatModel(structured_reply(**EVE), tools=False, structured="native")
    assert model.with_structured_output(Person).invoke("hi") == Person(**EVE)


def test_tools_are_converted_for_the_provider_and_recorded_raw() -> None:
    model = ScriptedChatModel("ok")
    bound = model.bind_tools([add, Person, JSON_SCHEMA], strict=True, parallel_tool_calls=False)
    assert isinstance(bound, RunnableBinding)
    bound.invoke("hi")
    (call,) = model.history
    assert call.tools == (add, Person, JSON_SCHEMA)
    assert [spec["function"]["name"] for spec in call.kwargs["tools"]] == ["add", "Person", "Person"]
    assert all(spec["function"]["strict"] for spec in call.kwargs["tools"])
    assert call.kwargs["parallel_tool_calls"] is False
    assert "tool_choice" not in call.kwargs


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        ("any", "required"),
        (True, "required"),
        ("required", "required"),
        ("auto", "auto"),
        ("none", "none"),
        ("add", {"type": "function", "function": {"name": "add"}}),
        ({"type": "function", "function": {"name": "add"}}, {"type": "function", "function": {"name": "add"}}),
    ],
)
def test_a_tool_choice_is_sent_in_the_providers_terms(choice, sent) -> None:
    model = ScriptedChatModel("ok")
    model.bind_tools([add], tool_choice=choice).invoke("hi")
    assert model.history[0].kwargs["tool_choice"] == sent


@pytest.mark.parametrize("choice", ["subtract", {"type": "function", "function": {"name": "subtract"}}])
def test_a_tool_choice_that_names_no_tool_is_an_error(choice) -> None:
    with pytest.raises(ValueError, match=r"none of the bound tools \['add'\]"):
        ScriptedChatModel().bind_tools([add], tool_choice=choice)


@pytest.mark.parametrize("choice", [None, False])
def test_no_tool_choice_is_not_sent(choice) -> None:
    model = ScriptedChatModel("ok")
    model.bind_tools([add], tool_choice=choice).invoke("hi")
    assert "tool_choice" not in model.history[0].kwargs


def test_the_annotations_resolve_at_run_time() -> None:
    """`RunnableWithFallbacks` looks them up to find out which methods to forward to all its models."""
    for method in (ScriptedChatModel.bind_tools, ScriptedChatModel.with_structured_output):
        assert "return" in get_type_hints(method)
    chain = ScriptedChatModel(ValueError("down")).with_fallbacks([ScriptedChatModel(obedient, name="second")])
    answer = chain.bind_tools([add]).invoke("What is 2 and 3?")
    assert answer.tool_calls[0]["args"] == {"a": 2, "b": 3}
    assert answer.response_metadata["model_name"] == "second"
