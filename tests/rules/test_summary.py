"""Summaries in six styles."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from langchain_scaffolding.rules.document import read
from langchain_scaffolding.rules.summary import summary
from langchain_scaffolding.rules.words import tokens

TEXTS = Path(__file__).parents[2] / "benchmarks" / "data" / "texts.jsonl"
RECORDS = {record["id"]: record for record in map(json.loads, TEXTS.read_text(encoding="utf-8").splitlines())}
STYLES = ["concise", "detailed", "key_points", "contextual", "actionable", "conversational"]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("name", RECORDS)
def test_a_summary_is_sentences_of_the_text_in_their_order(name: str, style: str) -> None:
    text = RECORDS[name]["text"]
    answer = summary(text, style=style)
    sentences = [read(text).sentences[index].text for index in answer.sentences]
    body = answer.text.partition("\n")[2] if style == "contextual" else answer.text
    places = [body.find(sentence) for sentence in sentences]
    assert not answer.abstained
    assert -1 not in places
    assert places == sorted(places)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("limit", [15, 40, 120])
def test_a_summary_keeps_to_its_tokens(style: str, limit: int) -> None:
    for record in RECORDS.values():
        answer = summary(record["text"], style=style, max_tokens=limit)
        assert answer.abstained or tokens(answer.text) <= limit


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
def test_the_answer_says_the_language(record: dict[str, str]) -> None:
    assert summary(record["text"]).language == record["language"]


def test_a_concise_summary_has_at_most_three_sentences_and_a_detailed_one_more() -> None:
    text = RECORDS["en-01"]["text"]
    assert len(summary(text).sentences) <= 3 < len(summary(text, style="detailed").sentences)


def test_key_points_are_a_list() -> None:
    answer = summary(RECORDS["en-02"]["text"], style="key_points")
    assert answer.text.splitlines() == [f"- {point}" for point in answer.points]


def test_a_contextual_summary_says_what_it_is_about_in_the_language_of_the_text() -> None:
    assert summary(RECORDS["de-02"]["text"], style="contextual").text.startswith("Thema: Mehl")


def test_an_actionable_summary_is_what_someone_must_do() -> None:
    text = (
        "The pump failed twice this summer. It was built in 1990 by a firm from York. Mr. Abel must order a new pump "
        "before Friday. The garden looked lovely in June. Please send the invoice to Ms. Reyes. Cats slept."
    )
    assert summary(text, style="actionable").points == (
        "Mr. Abel must order a new pump before Friday.",
        "Please send the invoice to Ms. Reyes.",
    )


def test_a_summary_of_a_dialogue_keeps_who_said_it() -> None:
    text = (
        "Anna: Are we still going hiking on Saturday?\nBen: The forecast says rain until noon.\n"
        "Anna: Then let's start at one o'clock from the north car park.\nCara: I can bring soup for everyone.\n"
        "Ben: Great, I'll drive. Be at my place at twelve."
    )
    lines = summary(text, style="conversational").text.splitlines()
    assert lines
    assert all(line.startswith(("Anna: ", "Ben: ", "Cara: ")) for line in lines)


def test_a_long_sentence_that_is_all_there_is_is_cut_at_a_clause() -> None:
    text = (
        "After a long debate about the costs of the old harbour bridge, the council of Halden voted to close it to "
        "cars, although the shop owners on the south bank had warned that they would lose half of their customers."
    )
    assert summary(text).text == f"{text[: text.index(', although')]}…"


@pytest.mark.parametrize("text", ["It rained.", "Dr. Smith et al. paid $3.14.", "短い文です。"])
def test_a_short_text_is_not_summarized(text: str) -> None:
    assert summary(text).abstained


def test_items_of_a_list_that_are_joined_are_told_apart() -> None:
    text = (
        "- buy milk\n- call the plumber about the leaking sink\n- book flights to Lisbon for 12 May\n- renew passport\n"
        "- send the contract to Dr. Meyer"
    )
    assert summary(text).text == "buy milk; book flights to Lisbon for 12 May"
