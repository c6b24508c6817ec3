"""`with_structured_output`: every kind of schema in every way a model offers, and the next model when one fails."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.callbacks import get_usage_metadata_callback
from langchain_core.messages import AIMessage
from langchain_core.prompts import ChatPromptTemplate
from pydantic import BaseModel, Field

from langchain_scaffolding import Candidate, ScaffoldingConfig
from langchain_scaffolding.errors import AllAttemptsFailedError, NoCandidateError
from langchain_scaffolding.testing import RecordingHandler, Reply, ScriptedChatModel, structured_reply
from tests.langchain.models import down, large, router_of, small
from tests.paths import PATHS, call, routing


class Joke(BaseModel):
    """A joke."""

    setup: str = Field(description="The question.")
    punchline: str


class JokeDict(TypedDict):
    """A joke."""

    setup: Annotated[str, ..., "The question."]
    punchline: str


JOKE_SCHEMA = {"title": "joke", "description": "A joke.", **Joke.model_json_schema()}
SCHEMAS = {"pydantic": Joke, "typeddict": JokeDict, "json_schema": JOKE_SCHEMA}
VALUES = {"setup": "Why?", "punchline": "Because."}
FILLS = structured_reply(**VALUES)
WAYS = [
    ("function_calling", None),
    ("function_calling", True),
    ("function_calling", False),
    ("json_schema", None),
    ("json_schema", True),
    ("json_mode", None),
]


def as_values(parsed: Any) -> Any:
    return parsed.model_dump() if isinstance(parsed, BaseModel) else parsed


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(("method", "strict"), WAYS)
@pytest.mark.parametrize("kind", SCHEMAS)
def test_a_schema_is_filled_in_the_way_asked_for(path: str, kind: str, method: str, strict: bool | None) -> None:
    model, schema = small(FILLS), SCHEMAS[kind]
    router = router_of(model)
    options = {"method": method} | ({} if strict is None else {"strict": strict})
    parsed = call(router.with_structured_output(schema, **options), path)
    whole = call(router.with_structured_output(schema, include_raw=True, **options), path)
    assert as_values(parsed) == VALUES
    assert isinstance(parsed, Joke if kind == "pydantic" else dict)
    assert whole == {"raw": whole["raw"], "parsed": parsed, "parsing_error": None}
    assert routing(whole["raw"])["model"] == "small"
    for asked in model.history:
        if method == "function_calling":
            assert asked.kwargs["tools"][0]["function"].get("strict") is strict
        else:
            form = asked.kwargs["response_format"]
            assert form["type"] == ("json_object" if method == "json_mode" else "json_schema")
            assert form.get("json_schema", {}).get("strict") is strict


FAILURES = {
    "no JSON": Reply("Here is a joke: why?"),
    "a field is missing": structured_reply(setup="Why?"),
    "no tool was called": Reply("I would rather not."),
    "a connection that broke": ConnectionError("down"),
    "cut off": Reply('{"setup": "Wh', finish_reason="length"),
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["function_calling", "json_schema"])
@pytest.mark.parametrize("fault", FAILURES)
def test_an_answer_that_does_not_fill_the_schema_goes_to_the_next_model(path: str, method: str, fault: str) -> None:
    router = router_of(small(FAILURES[fault]), large(FILLS))
    answer = call(router.with_structured_output(Joke, method=method, include_raw=True), path)
    assert answer["parsed"] == Joke(**VALUES)
    facts = routing(answer["raw"])
    expected = "connection" if "connection" in fault else "invalid_output"
    assert [(each["model"], each["error"]) for each in facts["attempts"]] == [("small", expected), ("large", None)]
    row = {each.model: each for each in router.performance.snapshot()}["small"]
    assert (row.calls, row.errors) == (1, 1)


@pytest.mark.parametrize("path", PATHS)
def test_a_parser_that_gives_nothing_has_failed(path: str) -> None:
    """LangChain's own parser of tool calls gives `None`, and no error, if no tool was called."""
    router = router_of(small(AIMessage("no tool call")), large(FILLS))
    assert call(router.with_structured_output(JokeDict, method="function_calling"), path) == VALUES


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("rules", [True, False])
def test_if_no_model_fills_the_schema_the_error_lists_all(path: str, rules: bool) -> None:
    config = ScaffoldingConfig(fallback_to_rule_based=rules)
    router = router_of(down(), large("no joke"), config=config).with_structured_output(Joke)
    with pytest.raises(AllAttemptsFailedError) as caught:
        call(router, path)
    expected = [("small", "connection"), ("large", "invalid_output")]
    assert [(each.model, each.error_class) for each in caught.value.attempts][:2] == expected


@pytest.mark.parametrize("path", PATHS)
def test_a_model_without_tools_or_structured_output_is_no_candidate(path: str) -> None:
    plain = small("plain", tools=False, structured=None)
    assert call(router_of(plain, large(FILLS)).with_structured_output(Joke), path) == Joke(**VALUES)
    assert plain.calls == 0
    config = ScaffoldingConfig(fallback_to_rule_based=False)
    with pytest.raises(NoCandidateError, match="cannot give structured output"):
        call(router_of(plain, config=config).with_structured_output(Joke), path)


@pytest.mark.parametrize("path", PATHS)
def test_a_model_with_tools_alone_fills_schemas_by_langchains_own_method(path: str) -> None:
    model = small(Reply(tool_calls=[{"name": "Joke", "args": VALUES}]), structured=None)
    assert call(router_of(model).with_structured_output(Joke), path) == Joke(**VALUES)


@pytest.mark.parametrize("path", PATHS)
def test_one_model_start_tells_of_the_schema_and_usage_is_counted_once(path: str) -> None:
    seen = RecordingHandler()
    model = small(FILLS)
    with get_usage_metadata_callback() as usage:
        call(router_of(model).with_structured_output(Joke), path, "hi", {"callbacks": [seen]})
    starts = [event for event in seen.events if event.kind == "chat_model_start"]
    assert len(starts) == 1
    traced = starts[0].extra["options"]["ls_structured_output_format"]
    assert traced["kwargs"] == {"method": "function_calling"}
    assert traced["schema"]["title"] == "Joke"
    reported = seen.runs("llm")[0].value.generations[0][0].message.usage_metadata
    assert usage.usage_metadata["small"]["output_tokens"] == reported["output_tokens"]
    assert seen.pending() == ()
    (root,) = seen.tree()
    assert root[0] == "ScaffoldingRouterLLM"


@pytest.mark.parametrize("path", PATHS)
def test_bindings_pins_and_tasks_stay(path: str) -> None:
    cold = Candidate(name="cold", model=(model := ScriptedChatModel(FILLS, name="cold")).bind(temperature=0.0))
    router = router_of(cold, small(FILLS))
    answer = call(
        router.with_structured_output(Joke, include_raw=True), path, "A joke, please.", model="cold", task="title"
    )
    assert (routing(answer["raw"])["model"], routing(answer["raw"])["task"]) == ("cold", "title")
    assert model.history[0].kwargs["temperature"] == 0.0


@pytest.mark.parametrize("path", PATHS)
def test_it_composes_like_any_runnable(path: str) -> None:
    joker = router_of(small(FILLS)).with_structured_output(Joke)
    prompt = ChatPromptTemplate.from_template("A joke about {x}")
    chain = prompt | joker.with_config(tags=["x"]) | (lambda joke: joke.setup)
    seen = RecordingHandler()
    if path in ("invoke", "ainvoke"):
        assert call(chain, path, {"x": "tea"}, {"callbacks": [seen]}) == "Why?"
    else:
        assert next(iter(chain.stream({"x": "tea"}, {"callbacks": [seen]}))) == "Why?"
    assert seen.pending() == ()
    assert joker.with_retry().with_fallbacks([joker]).invoke("hi") == Joke(**VALUES)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("structured", ["tool", "native", None])
def test_arguments_of_the_router_and_of_the_call_reach_the_model(path: str, structured: Any) -> None:
    """A map, with which LangChain's own structured output begins, drops the arguments of a call."""
    model = small(FILLS, structured=structured)
    joker = router_of(model, temperature=0.25, max_tokens=900).with_structured_output(Joke)
    assert call(joker, path, "A joke.", stop=["END"], max_tokens=500) == Joke(**VALUES)
    sent = model.history[0].kwargs
    assert (sent["temperature"], sent["max_tokens"], sent["stop"]) == (0.25, 500, ["END"])


def test_batches_are_filled() -> None:
    joker = router_of(small(FILLS)).with_structured_output(Joke)
    assert joker.batch(["a", "b", "c"]) == [Joke(**VALUES)] * 3
    assert asyncio.run(joker.abatch(["a", "b"])) == [Joke(**VALUES)] * 2


def test_an_unknown_option_is_the_models_to_refuse() -> None:
    config = ScaffoldingConfig(fallback_to_rule_based=False)
    router = router_of(small(FILLS), config=config)
    with pytest.raises(AllAttemptsFailedError, match="with_structured_output does not take"):
        router.with_structured_output(Joke, colour="red").invoke("hi")
