"""A scaffold over a router: who answered is proven, on every path."""

from __future__ import annotations

import asyncio
import copy
import pickle
from operator import itemgetter
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.documents import Document
from langchain_core.load import dumps, loads
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompt_values import ChatPromptValue
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda, RunnablePassthrough

from langchain_scaffolding import RoutingProfile, ScaffoldingConfig, ScaffoldingRouterLLM
from langchain_scaffolding.errors import AllAttemptsFailedError, ConfigurationError, UnknownTaskError
from langchain_scaffolding.scaffolds import ScaffoldingResult, scaffold
from langchain_scaffolding.tasks import Task
from langchain_scaffolding.testing import RecordingHandler, Reply, ScriptedChatModel
from tests.paths import PATHS, STREAMS, call, chunks
from tests.scaffolds.texts import ANSWERS, BRIDGE, REFUSAL, options


def model(*script: Any, name: str, size_gb: float = 1.0, **fields: Any) -> ScriptedChatModel:
    return ScriptedChatModel(*script, name=name, metadata={"size_gb": size_gb}, **fields)


def router(*models: ScriptedChatModel, **fields: Any) -> ScaffoldingRouterLLM:
    return ScaffoldingRouterLLM(models=list(models), **fields)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("task", sorted(ANSWERS))
def test_S01_every_type_is_answered_by_the_best_model_on_every_path(task: str, path: str) -> None:
    small, large = model(ANSWERS[task], name="small"), model("wrong", name="large", size_gb=14)
    result = call(scaffold(task, router(large, small), **options(task)), path, BRIDGE)
    assert (result.content, result.model_used, result.model_type) == (ANSWERS[task], "small", "llm")
    assert (small.calls, large.calls) == (1, 0)
    assert isinstance(result, ScaffoldingResult)
    assert (result.task, result.input_length, result.cached, result.abstained) == (task, len(BRIDGE), False, False)
    assert result.output_tokens > 0
    assert result.processing_time > 0


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("text", ["", "  \n\t", "?!", "\x00\x01", "\u200b"])
def test_S01_a_text_without_a_word_is_answered_at_once_without_a_model(text: str, path: str) -> None:
    small = model("made up", name="small")
    result = call(scaffold("summary", router(small)), path, text)
    assert (result.content, result.model_type, result.abstained) == ("", "rule_based", True)
    assert small.calls == 0


@pytest.mark.parametrize("path", PATHS)
def test_S01_a_registered_type_is_done_like_any_other(path: str) -> None:
    haiku = Task(name="haiku", prompt=lambda text, options: [HumanMessage(f"A haiku on: {text}")])
    small = model("Sure! Here is the text:\n\nOld pond in the rain,\nfrogs jump in.", name="small")
    result = call(scaffold(haiku, router(small, tasks=[haiku])), path, "A pond full of frogs.")
    assert result.content == "Old pond in the rain,\nfrogs jump in."
    assert result.routing["task"] == "haiku"
    assert small.history[0].messages[0].content == "A haiku on: A pond full of frogs."


@pytest.mark.parametrize("path", PATHS)
def test_S10_an_unacceptable_answer_is_a_failed_attempt_and_the_next_model_answers(path: str) -> None:
    first, second = model(REFUSAL, name="first"), model("- same\n- same\n- same", name="second", size_gb=3)
    third = model(f"<think>Hm.</think>Sure!\n\n{ANSWERS['outline']}", name="third", size_gb=14)
    result = call(scaffold("outline", router(first, second, third)), path, BRIDGE)
    assert (result.content, result.model_used) == (ANSWERS["outline"], "third")
    assert [(each["model"], each["error"]) for each in result.routing["attempts"]] == [
        ("first", "invalid_output"),
        ("second", "invalid_output"),
        ("third", None),
    ]


@pytest.mark.parametrize("path", PATHS)
def test_S10_when_every_answer_is_unacceptable_the_rule_answers_from_the_text_itself(path: str) -> None:
    small = model(REFUSAL, name="small")
    result = call(scaffold("outline", router(small), style="roman", max_points=1), path, BRIDGE)
    assert (result.model_used, result.model_type, len(result.points)) == ("rules", "rule_based", 1)
    assert result.content.startswith("I. ")
    assert result.points[0].rstrip("…") in BRIDGE
    assert small.calls == 1


@pytest.mark.parametrize("path", PATHS)
def test_S10_without_the_rules_an_unacceptable_answer_is_an_error_that_names_every_attempt(path: str) -> None:
    chain = router(model(REFUSAL, name="small"), config=ScaffoldingConfig(fallback_to_rule_based=False))
    with pytest.raises(AllAttemptsFailedError, match="small: invalid_output") as raised:
        call(scaffold("outline", chain), path, BRIDGE)
    assert "refuses" in raised.value.attempts[0].message
    assert BRIDGE not in str(raised.value)


@pytest.mark.parametrize("path", PATHS)
def test_a_model_that_spends_its_tokens_thinking_is_asked_once_more_with_more_and_remembered(path: str) -> None:
    thinking = Reply("<think>So many words to think about", finish_reason="length")
    small = model(thinking, f"<think>ok</think>{ANSWERS['summary']}", name="small")
    scaffolding = scaffold("summary", router(small))
    assert call(scaffolding, path, BRIDGE).content == ANSWERS["summary"]
    assert call(scaffolding, path, BRIDGE).content == ANSWERS["summary"]
    first, second, third = (each.kwargs["max_tokens"] for each in small.history)
    assert second == third > 4 * first


@pytest.mark.parametrize("path", PATHS)
def test_an_answer_that_was_cut_off_is_not_taken(path: str) -> None:
    cut, whole = Reply("The bridge over the", finish_reason="length"), ANSWERS["summary"]
    result = call(scaffold("summary", router(model(cut, name="a"), model(whole, name="b", size_gb=3))), path, BRIDGE)
    assert (result.model_used, result.content) == ("b", whole)


@pytest.mark.parametrize("path", STREAMS)
def test_S27_prose_streams_by_tokens_and_is_cleaned_across_chunk_borders(path: str) -> None:
    said = ["<thi", "nk>Hm", "</think>Su", "re! Here is the", " summary:\n", "\n", *ANSWERS["summary"].split(" ")]
    said = [
        *said[:6],
        *(f" {piece}" if number else piece for number, piece in enumerate(said[6:])),
        "\n\nLet me",
        " know!",
    ]
    parts = chunks(scaffold("summary", router(model(Reply(chunks=said), name="small"))), path, BRIDGE)
    assert "".join(str(part) for part in parts) == ANSWERS["summary"]
    assert sum(bool(part.content) for part in parts) > 5
    assert parts[-1].chunk_position == "last"
    assert [part.model_used for part in parts[:-1]] == [None] * (len(parts) - 1)
    assert parts[-1].model_used == "small"


@pytest.mark.parametrize("path", STREAMS)
def test_S27_lists_stream_by_points_in_the_style_asked_for(path: str) -> None:
    said = Reply(
        chunks=[
            "Here you go:\n* The old bridge was closed in March\n",
            "* Repairs cost 1.2 million\n",
            "* Buses detour",
        ]
    )
    parts = chunks(scaffold("outline", router(model(said, name="small")), style="numbered"), path, BRIDGE)
    assert [part.content for part in parts if part.content] == [
        "1. The old bridge was closed in March\n2. Repairs cost 1.2 million",
        "\n3. Buses detour",
    ]
    assert parts[-1].points == ["The old bridge was closed in March", "Repairs cost 1.2 million", "Buses detour"]


@pytest.mark.parametrize("path", STREAMS)
@pytest.mark.parametrize("task", sorted(ANSWERS))
def test_S27_the_floor_streams_too(task: str, path: str) -> None:
    parts = chunks(scaffold(task, router(model(RuntimeError("down"), name="small"))), path, BRIDGE)
    whole = call(scaffold(task, router(model(RuntimeError("down"), name="small"))), "invoke", BRIDGE)
    assert "".join(map(str, parts)) == whole.content
    assert (parts[-1].model_used, parts[-1].points) == ("rules", whole.points)


@pytest.mark.parametrize("path", STREAMS)
def test_a_stream_that_was_handed_out_reports_what_only_its_end_shows(path: str) -> None:
    said = "The bridge over the Wupper was closed because of cracks in two arches. It costs 987654 euros."
    store = InMemoryCache()
    routing = router(model(said, name="small"), cache=store)
    last = chunks(scaffold("summary", routing), path, BRIDGE)[-1]
    assert "number" in last.fault
    assert last.routing["attempts"][-1]["error"] == "invalid_output"
    assert chunks(scaffold("summary", routing), path, BRIDGE)[-1].cached is False


@pytest.mark.parametrize("path", PATHS)
def test_S13_results_are_kept_and_given_again_on_every_path(path: str) -> None:
    small = model(ANSWERS["outline"], name="small")
    scaffolding = scaffold("outline", router(small, cache=InMemoryCache()))
    first, second = call(scaffolding, path, BRIDGE), call(scaffolding, path, BRIDGE)
    assert (first.cached, second.cached, small.calls) == (False, True, 1)
    assert (second.content, second.points, second.model_used) == (first.content, first.points, "small")


@pytest.mark.parametrize(
    "changed",
    [
        {"max_points": 4}, {"style": "numbered"}, {"max_tokens": 99}, {"temperature": 0.9}, {"audience": "novice"},
        {"background": "More of it."},
    ],
)  # fmt: skip
def test_S13_whatever_changes_the_answer_changes_the_key(changed: dict[str, Any]) -> None:
    small = model(ANSWERS["outline"], name="small")
    scaffolding = scaffold("outline", router(small, cache=InMemoryCache()))
    scaffolding.invoke(BRIDGE)
    assert scaffolding.invoke(BRIDGE, **changed).cached is False
    assert scaffolding.invoke(f"{BRIDGE} Later.").cached is False
    assert small.calls == 3


@pytest.mark.parametrize("path", PATHS)
def test_S13_an_answer_of_the_rules_is_never_kept(path: str) -> None:
    small = model(RuntimeError("down"), ANSWERS["outline"], name="small")
    scaffolding = scaffold("outline", router(small, cache=InMemoryCache()))
    assert call(scaffolding, path, BRIDGE).model_type == "rule_based"
    assert call(scaffolding, path, BRIDGE).model_used == "small"


def test_options_come_from_the_input_before_what_is_bound_before_the_config_before_the_scaffold() -> None:
    small = model("- a\n- b\n- c\n- d", name="small")
    given = {"configurable": {"max_points": 12}}
    scaffolding = scaffold("outline", router(small), max_points=11)

    def asked(runnable: Any, input: Any = BRIDGE, config: Any = None) -> bool:
        runnable.invoke(input, config)
        return str(small.history[-1].messages[0].text).split("its ")[1].split(" ")[0]

    assert asked(scaffolding) == "11"
    assert asked(scaffolding, config=given) == "12"
    assert asked(scaffolding.with_config(given)) == "12"
    assert asked(scaffolding, config={"configurable": {"max_points": 12, "outline.max_points": 13}}) == "13"
    assert asked(scaffolding.bind(max_points=14), config=given) == "14"
    assert asked(scaffolding.bind(max_points=14), {"text": BRIDGE, "max_points": 15}, given) == "15"
    assert asked(scaffolding, {"input": BRIDGE}) == "11"


def test_the_configured_option_of_another_task_is_left_alone() -> None:
    small = model(ANSWERS["summary"], name="small")
    config = {"configurable": {"outline.style": "roman", "thread_id": "7"}}
    assert scaffold("summary", router(small)).invoke(BRIDGE, config).content == ANSWERS["summary"]


def test_a_pinned_model_answers() -> None:
    small, large = model("wrong", name="small"), model(ANSWERS["outline"], name="large", size_gb=14)
    assert scaffold("outline", router(small, large)).invoke(BRIDGE, model="large").model_used == "large"


def test_what_the_owner_of_the_router_set_goes_before_the_defaults_of_the_task() -> None:
    small = model(ANSWERS["outline"], name="small")
    scaffold("outline", router(small, temperature=0.9)).invoke(BRIDGE)
    assert small.history[0].kwargs["temperature"] == 0.9
    scaffold("outline", router(small, temperature=0.9)).invoke(BRIDGE, temperature=0.1)
    assert small.history[1].kwargs["temperature"] == 0.1


def test_S24_the_parameters_of_a_profile_go_before_the_defaults_of_the_task() -> None:
    small = model(ANSWERS["outline"], name="small")
    profile = RoutingProfile(name="warm", tasks={"outline": {"parameters": {"temperature": 1.5, "max_tokens": 99}}})
    scaffold("outline", router(small, profile=profile)).invoke(BRIDGE)
    assert small.history[0].kwargs == {"temperature": 1.5, "max_tokens": 99}


def test_it_is_a_step_of_a_chain_and_its_result_is_text_in_a_prompt() -> None:
    small, big = model(ANSWERS["reasoning"], name="small"), model("Yes.", name="big")
    prompt = ChatPromptTemplate.from_template("{question}\n\n{plan}")
    chain = {"plan": scaffold("reasoning", router(small)), "question": RunnablePassthrough()} | prompt | big
    assert chain.invoke(BRIDGE).content == "Yes."
    assert "".join(chunk.content for chunk in chain.stream(BRIDGE)) == "Yes."
    for each in big.history:
        assert each.messages[0].content == f"{BRIDGE}\n\n{ANSWERS['reasoning']}"


def test_it_takes_what_other_steps_give() -> None:
    small = model("A Closed Bridge", name="small")
    title = scaffold("title", router(small))
    before = RunnableLambda(lambda _: AIMessage(BRIDGE))
    for chain in (before | title, ChatPromptTemplate.from_template("{input}") | title, itemgetter("input") | title):
        assert (chain | StrOutputParser()).invoke({"input": BRIDGE}) == "A Closed Bridge"


@pytest.mark.parametrize("path", PATHS)
def test_a_conversation_is_what_people_and_models_said(path: str) -> None:
    small = model("A Closed Bridge", name="small")
    messages = [
        SystemMessage("You are a helpful clerk."),
        HumanMessage("Is the bridge open?"),
        AIMessage("", tool_calls=[{"name": "look", "args": {}, "id": "1"}]),
        ToolMessage('{"open": false}', tool_call_id="1"),
        AIMessage("No, it is closed until autumn."),
    ]
    for given in (messages, {"messages": messages}, ChatPromptValue(messages=messages)):
        assert call(scaffold("title", router(small)), path, given).content == "A Closed Bridge"
        asked = small.history[-1].messages[-1].text
        assert "<text>\nUser: Is the bridge open?\nAssistant: No, it is closed until autumn.\n</text>" in asked


@pytest.mark.parametrize(
    "given",
    [[HumanMessage(BRIDGE)], [SystemMessage(BRIDGE)], Document(BRIDGE), [Document(BRIDGE)], {"text": Document(BRIDGE)}],
    ids=["message", "system", "document", "documents", "under-text"],
)
def test_a_single_message_or_document_is_its_text(given: Any) -> None:
    small = model("A Closed Bridge", name="small")
    result = scaffold("title", router(small)).invoke(given)
    assert (result.model_used, result.input_length) == ("small", len(BRIDGE))


def test_no_messages_are_no_text() -> None:
    small = model("made up", name="small")
    assert scaffold("title", router(small)).invoke([]).content == ""
    assert small.calls == 0


@pytest.mark.parametrize("over", ["router", "model", "rules"])
def test_it_can_be_pickled_and_copied(over: str) -> None:
    small = model(ANSWERS["outline"], name="small")
    made = scaffold("outline", {"router": router(small), "model": small, "rules": None}[over], max_points=4)
    for other in (pickle.loads(pickle.dumps(made)), copy.deepcopy(made)):
        assert other.invoke(BRIDGE).model_used == ("rules" if over == "rules" else "small")
        assert (other.task is made.task, other.options) == (True, {"max_points": 4})


@pytest.mark.parametrize(
    "over", [None, ScriptedChatModel(ConnectionError("refused"), name="down")], ids=["none", "down"]
)
def test_S27_the_rules_stream_word_by_word_without_a_router_too(over: Any) -> None:
    pieces = list(scaffold("summary", over).stream(BRIDGE))
    assert len(pieces) > 5
    assert "".join(piece.content for piece in pieces) == scaffold("summary").invoke(BRIDGE).content
    assert [piece.model_type for piece in pieces if piece.routing] == ["rule_based"]


def test_it_shows_its_task() -> None:
    assert repr(scaffold("outline", max_points=3)) == "Scaffold(task='outline', options={'max_points': 3})"


def test_it_batches() -> None:
    small = model(lambda messages, _: messages[-1].text.split("\n")[1].title(), name="small")
    title = scaffold("title", router(small))
    texts = ["a rising river", "a closed bridge", "a long detour"]
    assert [result.content for result in title.batch(texts)] == ["A Rising River", "A Closed Bridge", "A Long Detour"]
    results = asyncio.run(title.abatch(texts, {"max_concurrency": 2}))
    assert [result.content for result in results] == ["A Rising River", "A Closed Bridge", "A Long Detour"]


@pytest.mark.parametrize("path", PATHS)
def test_its_run_is_one_chain_run_with_the_routers_run_and_the_models_below(path: str) -> None:
    seen = RecordingHandler()
    down, small = model(RuntimeError("down"), name="down", size_gb=0.5), model(ANSWERS["outline"], name="small")
    call(scaffold("outline", router(small, down)), path, BRIDGE, {"callbacks": [seen]})
    ((name, ((routers_name, models),)),) = seen.tree()
    assert (name, routers_name) == ("scaffold_outline", "ScaffoldingRouterLLM")
    assert {each[0] for each in models} == {"down", "small"}
    assert [run.type for run in seen.runs()] == ["chain", "chain", "llm", "llm"]
    assert seen.pending() == ()


@pytest.mark.parametrize("path", PATHS)
def test_a_run_that_fails_is_closed_with_its_error(path: str) -> None:
    seen = RecordingHandler()
    strict = router(model(REFUSAL, name="small"), config=ScaffoldingConfig(fallback_to_rule_based=False))
    with pytest.raises(AllAttemptsFailedError):
        call(scaffold("outline", strict), path, BRIDGE, {"callbacks": [seen]})
    assert seen.pending() == ()
    assert seen.runs()[0].state == "error"


def test_a_reader_who_stops_leaves_no_run_open() -> None:
    seen = RecordingHandler()
    small = model(ANSWERS["summary"], name="small")
    stream = scaffold("summary", router(small)).stream(BRIDGE, {"callbacks": [seen]})
    next(stream)
    stream.close()
    assert seen.pending() == ()


def test_tokens_and_usage_are_counted_once() -> None:
    seen = RecordingHandler()
    small = model(Reply(ANSWERS["summary"], usage=(50, 20)), name="small")
    result = scaffold("summary", router(small)).invoke(BRIDGE, {"callbacks": [seen]})
    assert result.usage_metadata["output_tokens"] == result.output_tokens == 20
    assert len([run for run in seen.runs() if run.type == "llm"]) == 1


@pytest.mark.filterwarnings("ignore::langchain_core._api.beta_decorator.LangChainBetaWarning")
def test_a_result_is_loaded_as_the_message_it_is() -> None:
    result = scaffold("outline", router(model(ANSWERS["outline"], name="small"))).invoke(BRIDGE)
    loaded = loads(dumps(result), allowed_objects="messages")
    assert type(loaded) is AIMessage
    assert loaded.content == result.content
    assert loaded.response_metadata == result.response_metadata


def test_feedback_on_a_result_reaches_the_model_that_gave_it() -> None:
    routing = router(model(ANSWERS["outline"], name="small"))
    result = scaffold("outline", routing).invoke(BRIDGE)
    assert routing.record_feedback(result, 1.0)
    (row,) = routing.performance.snapshot()
    assert (row["task"], row["model"], row["feedback_mean"]) == ("outline", "small", 1.0)


@pytest.mark.parametrize(
    ("input", "given", "said"),
    [
        (b"bytes", {}, "text is bytes; decode it first"),
        (None, {}, "text is of type NoneType"),
        (7, {}, "text is of type int"),
        ({"question": BRIDGE}, {}, "one text under the key `text`, `input` or `messages`; this input has `question`"),
        ({}, {}, "this input has no key"),
        ({"text": BRIDGE, "input": BRIDGE}, {}, "one text"),
        ({"text": BRIDGE, "question": "why"}, {}, "no option 'question'.*itemgetter"),
        ({"text": b"bytes"}, {}, "text is bytes"),
        ("x" * 10_000_000, {}, "text has 10,000,000 characters; 2,000,000 at most"),
        (BRIDGE, {"max_points": 0}, "max_points is 0"),
        (BRIDGE, {"max_points": 10_000}, "max_points is 10000"),
        (BRIDGE, {"max_tokens": -1}, "max_tokens is -1"),
        (BRIDGE, {"style": "haiku"}, "style is 'haiku'"),
        (BRIDGE, {"points": 3}, "no option 'points'"),
        (BRIDGE, {"background": b"x"}, "background is b'x'; give a text"),
    ],
)
@pytest.mark.parametrize("path", PATHS)
def test_bad_input_gets_one_clear_error_before_anything_is_called(
    input: Any, given: dict[str, Any], said: str, path: str
) -> None:
    small = model("made up", name="small")
    with pytest.raises(ConfigurationError, match=said):
        call(scaffold("outline", router(small)), path, input, None, **given)
    assert small.calls == 0


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "text", ["A lone \ud800 surrogate in it.", "Nul \x00 and bell \x07 in it.", "Two \ud83d\ude00 halves."]
)
def test_what_cannot_be_sent_is_replaced_and_the_model_answers(text: str, path: str) -> None:
    small = model("A Title", name="small")
    assert call(scaffold("title", router(small)), path, text).model_used == "small"
    small.history[0].messages[-1].text.encode("utf-8")
    assert "\x00" not in small.history[0].messages[-1].text


def test_a_scaffold_that_cannot_be_is_refused_when_it_is_made() -> None:
    routing = router(model("ok", name="small"))
    with pytest.raises(UnknownTaskError, match="'outlin'"):
        scaffold("outlin", routing)
    with pytest.raises(ConfigurationError, match="no option 'max_point'"):
        scaffold("outline", routing, max_point=3)
    with pytest.raises(ConfigurationError, match="router or a chat model, not a str"):
        scaffold("outline", "gpt")
    with pytest.raises(ConfigurationError, match="not a chat model"):
        scaffold("outline", RunnableLambda(str))


def test_a_label_has_nothing_to_scaffold() -> None:
    with pytest.raises(ConfigurationError, match="'chat' is a label without a prompt"):
        scaffold("chat", router(model("ok", name="small"))).invoke("Hello there.")
