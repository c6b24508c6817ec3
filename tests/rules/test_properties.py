"""What holds for every rule on every text."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from langchain_scaffolding.rules import BUILT_IN, RuleAnswer, RuleBasedChatModel, generic
from langchain_scaffolding.rules.document import read
from langchain_scaffolding.rules.labels import label, note
from langchain_scaffolding.rules.words import words
from tests.rules.strategies import ANY_TEXT, TEXT

_STYLES = {
    "outline": ["bullet", "numbered", "roman"],
    "summary": ["concise", "detailed", "key_points", "contextual", "actionable", "conversational"],
    "fill": ["continuation", "completion", "bridge", "elaboration"],
}
_POINTS = st.fixed_dictionaries({"max_points": st.integers(1, 12)})
CALLS = st.one_of(
    st.tuples(st.just("reasoning"), _POINTS),
    st.tuples(st.just("structure"), _POINTS),
    st.tuples(
        st.just("outline"),
        st.fixed_dictionaries({"max_points": st.integers(1, 12), "style": st.sampled_from(_STYLES["outline"])}),
    ),
    st.tuples(
        st.just("summary"),
        st.fixed_dictionaries({"max_tokens": st.integers(1, 200), "style": st.sampled_from(_STYLES["summary"])}),
    ),
    st.tuples(
        st.just("fill"),
        st.fixed_dictionaries(
            {
                "max_tokens": st.integers(1, 60),
                "style": st.sampled_from(_STYLES["fill"]),
                "prompt": st.one_of(st.sampled_from(["", "the pump", "The bridge and", "我觉得茶叶"]), ANY_TEXT),
            }
        ),
    ),
    st.tuples(st.just("title"), st.fixed_dictionaries({"max_words": st.integers(1, 12)})),
    st.tuples(st.just("query_rewrite"), st.just({})),
)
every_rule_on_every_text = given(text=TEXT, call=CALLS)
thorough = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def answer_of(text: str, call: tuple[str, dict[str, Any]]) -> RuleAnswer:
    task, options = call
    return BUILT_IN[task](text, **options)


def words_of_labels(language: str | None) -> set[str]:
    found = (label(name, language) for name in ("given", "question", "topic"))
    return {word.casefold() for text in found if text is not None for word in words(text)}


@thorough
@every_rule_on_every_text
def test_no_rule_has_a_word_that_is_not_in_its_source(text: str, call: tuple[str, dict[str, Any]]) -> None:
    answer = answer_of(text, call)
    known = {word.casefold() for word in words(text)} | words_of_labels(answer.language)
    shown = answer.points or (answer.text,)
    if not answer.abstained:
        assert {word.casefold() for part in shown for word in words(part)} <= known


@thorough
@every_rule_on_every_text
def test_an_answer_is_shorter_than_its_source_or_abstains(text: str, call: tuple[str, dict[str, Any]]) -> None:
    answer = answer_of(text, call)
    assert answer.text
    assert answer.abstained or len(answer.text) < len(text.strip()) + (call[0] == "title")


@thorough
@every_rule_on_every_text
def test_the_same_text_gives_the_same_answer(text: str, call: tuple[str, dict[str, Any]]) -> None:
    assert answer_of(text, call) == answer_of(text, call)


@thorough
@every_rule_on_every_text
def test_an_answer_can_be_encoded_and_cites_sentences_that_exist(text: str, call: tuple[str, dict[str, Any]]) -> None:
    answer = answer_of(text, call)
    answer.text.encode()
    count = len(read(text).sentences)
    assert list(answer.sentences) == sorted({index for index in answer.sentences if 0 <= index < count})
    assert answer.abstained or answer.sentences


@thorough
@given(text=TEXT, most=st.integers(1, 12), task=st.sampled_from(["reasoning", "structure", "outline"]))
def test_a_list_has_at_most_the_points_asked_for(text: str, most: int, task: str) -> None:
    answer = BUILT_IN[task](text, max_points=most)
    assert len(answer.points) <= most
    assert answer.abstained or len(answer.text.splitlines()) == len(answer.points) > 0


@thorough
@every_rule_on_every_text
def test_a_stream_joins_to_the_answer(text: str, call: tuple[str, dict[str, Any]]) -> None:
    model = RuleBasedChatModel()
    task, options = call
    streamed = "".join(str(chunk.content) for chunk in model.stream(text, task=task, **options))
    assert streamed == model.invoke(text, task=task, **options).content == answer_of(text, call).text


@thorough
@given(text=TEXT)
def test_the_generic_rule_abstains_on_everything(text: str) -> None:
    answer = generic(text)
    assert answer.abstained
    assert answer.text == note("no_model", answer.language)


@pytest.mark.parametrize("task", BUILT_IN)
@pytest.mark.parametrize(
    "text",
    [
        "a" * 10_000_000,
        "." * 1_000_000,
        "天" * 100_000,
        "“abc. " * 20_000,
        "- x\n" * 20_000,
        "\n" * 200_000,
        "word " * 50_000,
        "In 1999 it rained: " * 10_000 + ":",
        "| a" + " " * 200_000 + "b",
        "<p>a</p>" * 20_000,
        bytes(range(256)).decode("latin-1") * 200,
        "The fee rises to 75 pounds in 2024. " * 10_000,
    ],
    ids=[
        "10-MB-of-one-letter",
        "dots",
        "one-character",
        "open-quotes",
        "items",
        "empty-lines",
        "no-full-stop",
        "introduction-without-end",
        "row-without-end",
        "tags",
        "binary",
        "one-line",
    ],
)
def test_hostile_text_is_answered_within_bounds(task: str, text: str) -> None:
    """The answer is an answer; that these come back at all is what quadratic code would not do."""
    answer = BUILT_IN[task](text)
    assert answer.abstained or 0 < len(answer.text) < len(text)


@pytest.mark.parametrize("text", ["", "   ", "\n\n\t", "\x00\x01", "!!! ??? ...", "—", "\ud800"])
@pytest.mark.parametrize("task", BUILT_IN)
def test_a_text_without_a_word_is_answered_by_the_note_that_there_is_none(task: str, text: str) -> None:
    assert BUILT_IN[task](text) == RuleAnswer(text=note("no_text", None), abstained=True)
