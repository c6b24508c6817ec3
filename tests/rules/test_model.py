"""The rules as a chat model."""

from __future__ import annotations

import asyncio
import copy
import pickle
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, SystemMessage
from langchain_tests.unit_tests import ChatModelUnitTests

from langchain_scaffolding.rules import BUILT_IN, RuleAnswer, RuleBasedChatModel
from langchain_scaffolding.rules.labels import note

TEXT = (
    "The pump on the north side has failed twice this summer. A new pump costs 1,150 pounds including fitting. "
    "The yearly fee rises from 60 to 75 pounds. Several members complained about plastic in the compost heap."
)


class TestUnitSuite(ChatModelUnitTests):
    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return RuleBasedChatModel


def test_the_task_names_the_rule_and_its_options_reach_it() -> None:
    answer = RuleBasedChatModel().invoke(TEXT, task="outline", style="roman", max_points=2)
    assert answer.content == BUILT_IN["outline"](TEXT, style="roman", max_points=2).text
    assert answer.response_metadata["rule"] == "outline"


def test_the_metadata_say_what_was_done_from_what() -> None:
    expected = BUILT_IN["summary"](TEXT)
    answer = RuleBasedChatModel().invoke(TEXT, task="summary")
    assert {
        key: answer.response_metadata[key] for key in ("model_name", "rule", "abstained", "sentences", "language")
    } == {
        "model_name": "rules",
        "rule": "summary",
        "abstained": False,
        "sentences": list(expected.sentences),
        "language": "en",
    }
    assert answer.usage_metadata is None
    assert answer.tool_calls == []


@pytest.mark.parametrize("task", [None, "chat", "haiku", "", 7, ["outline"]])
def test_without_a_rule_it_says_that_no_model_answered(task: Any) -> None:
    answer = RuleBasedChatModel().invoke("Wie wird das Wetter morgen?", task=task)
    assert answer.content == note("no_model", "de")
    assert answer.response_metadata["abstained"] is True
    assert answer.response_metadata["rule"] is None


def test_it_reads_the_last_human_message() -> None:
    messages = [
        SystemMessage("Be brief."),
        HumanMessage("Old."),
        AIMessage("Yes."),
        HumanMessage(TEXT),
        AIMessage("Well,"),
    ]
    assert RuleBasedChatModel().invoke(messages, task="title").content == BUILT_IN["title"](TEXT).text


def test_text_blocks_are_read_and_images_are_not() -> None:
    content = [
        {"type": "text", "text": TEXT},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
    ]
    assert RuleBasedChatModel().invoke([HumanMessage(content)], task="title").content == BUILT_IN["title"](TEXT).text


def test_without_a_human_message_there_is_no_text() -> None:
    assert RuleBasedChatModel().invoke([SystemMessage("Outline.")], task="outline").content == note("no_text", None)


def test_what_other_models_take_is_ignored() -> None:
    plain = RuleBasedChatModel().invoke(TEXT, task="outline")
    loaded = RuleBasedChatModel().invoke(
        TEXT, task="outline", stop=["pump"], temperature=2, tools=[{"type": "function"}], max_tokens=1, style=None
    )
    assert loaded.content == plain.content


def test_a_bad_option_is_refused_and_not_answered() -> None:
    with pytest.raises(ValueError, match="style is 'haiku'"):
        RuleBasedChatModel().invoke(TEXT, task="outline", style="haiku")


def test_each_call_has_a_message_of_its_own() -> None:
    model = RuleBasedChatModel()
    first, second = model.invoke(TEXT), model.invoke(TEXT)
    assert first is not second
    assert first.id != second.id


@pytest.mark.parametrize("task", [*BUILT_IN, None])
async def test_all_four_ways_to_call_give_one_answer(task: str | None) -> None:
    model = RuleBasedChatModel()
    invoked = model.invoke(TEXT, task=task)
    streamed = [chunk async for chunk in model.astream(TEXT, task=task)]
    whole: AIMessageChunk = sum(streamed[1:], start=streamed[0])
    answers = [
        await model.ainvoke(TEXT, task=task),
        whole,
        sum(list(model.stream(TEXT, task=task))[1:], start=streamed[0]),
    ]
    assert answers[0].content == answers[1].content == answers[2].content == invoked.content
    assert whole.response_metadata["sentences"] == invoked.response_metadata["sentences"]


def test_a_stream_comes_in_words_and_says_which_is_the_last() -> None:
    chunks = list(RuleBasedChatModel().stream(TEXT, task="summary"))
    assert len(chunks) > 5
    assert [chunk.chunk_position for chunk in chunks] == [None] * (len(chunks) - 1) + ["last"]
    assert [bool(chunk.response_metadata.get("model_name")) for chunk in chunks] == [False] * (len(chunks) - 1) + [True]


def test_a_text_without_spaces_streams_in_pieces_too() -> None:
    text = (
        "北浜市は来年四月から給食を無料にすると発表した。費用は年間九億二千万円と見込まれている。条例案は十二月の議会で採決される予定だ。"
        * 2
    )
    chunks = list(RuleBasedChatModel().stream(text, task="summary"))
    assert max(len(str(chunk.content)) for chunk in chunks) <= 45


async def test_a_long_text_does_not_hold_up_the_event_loop() -> None:
    """Another task gets its turn before the answer to a long text is there."""
    order: list[str] = []

    async def answer() -> None:
        await RuleBasedChatModel().ainvoke(TEXT * 1_000, task="summary")
        order.append("answer")

    async def other() -> None:
        await asyncio.sleep(0)
        order.append("other")

    await asyncio.gather(answer(), other())
    assert order == ["other", "answer"]


def test_own_rules_take_the_place_of_the_built_in_ones() -> None:
    def shout(text: str, *, times: int = 1) -> RuleAnswer:
        return RuleAnswer(text=text.upper() + "!" * times)

    model = RuleBasedChatModel(rules={"shout": shout})
    assert model.invoke("hey", task="shout", times=3, style="loud").content == "HEY!!!"
    assert model.invoke("hey", task="outline").response_metadata["abstained"] is True


def test_it_is_copied_and_pickled() -> None:
    model = RuleBasedChatModel()
    for twin in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model), model.model_copy()):
        assert twin.invoke(TEXT, task="title").content == model.invoke(TEXT, task="title").content


def test_it_is_never_cached() -> None:
    assert RuleBasedChatModel().cache is False
