"""Sentences, blocks and the language of a text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from langchain_scaffolding.rules.blocks import blocks
from langchain_scaffolding.rules.document import MOST_SENTENCES, read
from langchain_scaffolding.rules.languages import guess_language
from langchain_scaffolding.rules.sentences import LONGEST, cut_sentences
from langchain_scaffolding.rules.words import words

TEXTS = Path(__file__).parents[2] / "benchmarks" / "data" / "texts.jsonl"
RECORDS = [json.loads(line) for line in TEXTS.read_text(encoding="utf-8").splitlines()]


def sentences(text: str) -> list[str]:
    return [sentence.text for sentence in read(text).sentences]


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Dr. Smith et al. paid $3.14."),
        ("en", "Ms. Duarte met J. R. R. Tolkien at 5 p.m. on Monday, approx. Nov. 3."),
        ("en", "See Figs. 3 and 4 of Vol. 2, e.g. the U.S. troops."),
        ("de", "Am 3. Oktober kam z. B. Dr. Müller, geb. Schmidt, mit ca. 5 Mio. Euro."),
        ("fr", "M. Petit et Mme. Blanc ont vu le Dr. Roux."),
        ("es", "La Sra. García y D. Pedro llegaron con aprox. 20 personas."),
        ("pt", "A Profa. Silva leu a pág. 12 do livro da Srta. Reis."),
        ("ru", "Приехал А. С. Пушкин, т. е. поэт, из г. Москва."),
        ("en", "“Why?” she asked."),
    ],
)
def test_an_abbreviation_ends_no_sentence(language: str, text: str) -> None:
    assert cut_sentences(text, language) == [text]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("今天天气很好。我们去公园吧！你觉得呢？", 3),
        ("今日は天気がいいです。公園に行きましょう。", 2),
        ("ذهبت إلى السوق. هل تأتي معي؟ نعم، سآتي.", 3),
        ("मैं घर जा रहा हूँ। तुम कहाँ हो?", 2),
        ("Он приехал. А ты?", 2),
        ("שלום לכולם. מה שלומכם?", 2),
    ],
)
def test_scripts_without_capitals_or_spaces_have_sentences(text: str, count: int) -> None:
    assert len(sentences(text)) == count


def test_lines_that_only_the_page_parted_are_one_sentence() -> None:
    text = (
        "The ferry that used to run from the old harbour twice\na day has stopped, and nobody knows when it\nreturns."
    )
    assert sentences(text) == [" ".join(text.split())]


def test_the_turns_of_a_dialogue_stay_apart() -> None:
    assert sentences("Anna: Are you coming\nBen: When it stops raining\nAnna: So never") == [
        "Anna: Are you coming",
        "Ben: When it stops raining",
        "Anna: So never",
    ]


def test_a_text_without_full_stops_is_cut_at_spaces_and_loses_nothing() -> None:
    text = "so and then we went on " * 400
    found = sentences(text)
    assert len(found) > 1
    assert max(map(len, found)) <= LONGEST
    assert words(" ".join(found)) == words(text)


def test_headings_items_and_paragraphs_are_told_apart() -> None:
    text = (
        "# Guide\n\nSetup\n=====\n\n- Linux\n  - Debian\n- Windows\n\n2.1 Results\n\nIt worked in all cases we tried."
    )
    assert [(block.kind, block.level, block.lines[0]) for block in blocks(text)] == [
        ("heading", 0, "Guide"),
        ("heading", 0, "Setup"),
        ("item", 0, "Linux"),
        ("item", 1, "Debian"),
        ("item", 0, "Windows"),
        ("heading", 2, "Results"),
        ("paragraph", 0, "It worked in all cases we tried."),
    ]


@pytest.mark.parametrize(
    "text", ["A. Smith called.", "1. place went to Ann.", "- he said.", "I. Newton was born in 1642."]
)
def test_one_marker_makes_no_list(text: str) -> None:
    assert [block.kind for block in blocks(text)] == ["paragraph"]


@pytest.mark.parametrize(
    "text", ["- 3D printing\n- 2024 budget", "1. 3D printing\n2. 2024 budget", "a) 3D printing\nb) 2024 budget"]
)
def test_a_marker_takes_no_content_with_it(text: str) -> None:
    assert [block.lines[0] for block in blocks(text)] == ["3D printing", "2024 budget"]


def test_fenced_code_is_not_read_but_an_open_fence_hides_nothing() -> None:
    assert sentences("Run this.\n```\nrm -rf x\n```\nDone.") == ["Run this.", "Done."]
    assert "rm -rf x" in sentences("Run this.\n```\nrm -rf x\n")[-1]


def test_run_in_headings_are_headings_if_the_text_has_several() -> None:
    document = read("Water. The pump failed twice.\n\nFees. They rise to 75 pounds.")
    assert [sentence.text for sentence in document.sentences if sentence.kind == "heading"] == ["Water.", "Fees."]
    assert [sentence.kind for sentence in read("Nothing. It stood still.").sentences] == ["paragraph", "paragraph"]


def test_salutations_and_signatures_are_not_what_a_letter_says() -> None:
    document = read("Dear Ms. Reyes,\n\nThe pump failed. We need a new one. It costs 900.\n\nBest wishes,\nClara")
    assert [document.sentences[index].text for index in document.body] == [
        "The pump failed.",
        "We need a new one.",
        "It costs 900.",
    ]


def test_what_cannot_be_encoded_or_printed_parts_words_and_is_replaced() -> None:
    assert sentences("a\ud800b\x00c\ufeff.") == ["a\ufffdb c ."]


def test_marks_of_emphasis_and_links_go_and_words_stay_apart() -> None:
    assert sentences("The **old pump** of [our club](http://club.example) is 2**3 years old.") == [
        "The old pump of our club is 2**3 years old."
    ]


def test_only_so_many_sentences_are_read() -> None:
    assert len(read("Yes. No.\n" * (MOST_SENTENCES // 2 + 1)).sentences) == MOST_SENTENCES


@pytest.mark.parametrize("record", RECORDS, ids=[record["id"] for record in RECORDS])
def test_the_language_of_a_text_is_told(record: dict[str, str]) -> None:
    assert guess_language(record["text"]) == record["language"]


@pytest.mark.parametrize(
    "text",
    ["", "12:30", "PostgreSQL 17.2", "Bonjour", "foo_bar(baz)", "😀😀", "Ok Berlin Paris", "مرحبا hello 你好 Привет"],
)
def test_a_language_that_cannot_be_told_is_none(text: str) -> None:
    assert guess_language(text) is None


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Hoe gaat het met je en wat doe je nu?", "nl"),
        ("Det är inte så lätt att säga vad som ska hända.", "sv"),
        ("Nie wiem, czy to jest dobry pomysł, ale tak.", "pl"),
        ("Що це таке і як воно працює?", "uk"),
        ("سلام، این کتاب برای من است و از آن خوشم می‌آید", "fa"),
        ("이것은 상자입니다", "ko"),
    ],
)
def test_neighbours_of_the_ten_languages_are_not_taken_for_them(text: str, language: str) -> None:
    assert guess_language(text) == language


MAIL = """From: Anna Schmidt <anna@example.com>
To: team@example.com
Subject: Re: AW: Launch moved to 3 June

Hi everyone,

after talking to the vendor this morning we have to move the launch to 3 June. The payment module fails about 2% of all
transactions, and the fix needs another week of testing. Please update your plans until Friday.

--
Anna Schmidt
Head of Product, Example GmbH

> On Fri, 3 May 2024, Tom Weber wrote:
> Are we still on for 27 May?
"""


def test_of_a_mail_only_what_its_writer_says_is_read_below_its_subject() -> None:
    found = read(MAIL)
    assert (found.sentences[0].kind, found.sentences[0].text) == ("heading", "Launch moved to 3 June")
    everything = " ".join(sentences(MAIL))
    assert "another week of testing" in everything
    assert not any(part in everything for part in ("example.com", "Head of Product", "Tom Weber", "27 May"))


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("> It rained.\n> The sun came.", "It rained. The sun came."),
        ("He said this.\n\n> It rains.\n\nThen he left.", "He said this. It rains. Then he left."),
        ("At noon.\n\nAm 3.5.2024 um 10:00 schrieb Tom:\n> Wann?", "At noon."),
        ("At noon.\n\n-----Original Message-----\nFrom: Tom\nWhen?", "At noon."),
        ("From: here\nto there it is far.", "From: here to there it is far."),
        ("First half.\n--\nThe second half is longer than the first half is, and it is no signature.",
         "First half. -- The second half is longer than the first half is, and it is no signature."),
        ("From: a\nTo: b\nSubject: c\n\n> Only a quotation.", "c Only a quotation."),
    ],
)  # fmt: skip
def test_quotations_and_dashes_that_are_no_mail_stay(text: str, kept: str) -> None:
    assert " ".join(sentences(text)) == kept


def test_html_is_read_as_its_text() -> None:
    page = (
        "<html><head><title>Shop</title><style>p {color: red}</style></head><body><h1>Spring sale</h1>"
        "<p>All <b>lamps</b> are 20% off.</p><ul><li>Free delivery</li><li>Returns &amp; refunds</li></ul>"
        "<script>var a = 1;</script></body>"
    )
    assert [(each.kind, each.text) for each in read(page).sentences] == [
        ("heading", "Spring sale"),
        ("paragraph", "All lamps are 20% off."),
        ("item", "Free delivery"),
        ("item", "Returns & refunds"),
    ]


@pytest.mark.parametrize("text", ["A List<String> holds names.", "If a < b and c > d, stop.", "Close it with </p>."])
def test_angle_brackets_alone_are_no_html(text: str) -> None:
    assert sentences(text) == [text]


def test_a_table_is_its_rows_below_its_head() -> None:
    table = "| Region | Q1 |\n|---|---|\n| North | 1,200 |\n| South | 980 |"
    assert [(each.kind, each.text) for each in read(table).sentences] == [
        ("heading", "Region | Q1"),
        ("item", "North | 1,200"),
        ("item", "South | 980"),
    ]


@pytest.mark.parametrize("text", ['{"a": {"b": ["It rains. We stay."]}}', "[1, 2, 3]"])
def test_json_has_no_sentences(text: str) -> None:
    assert read(text).sentences == ()


def test_json_too_deep_to_be_read_is_no_error() -> None:
    assert read("[" * 100_000 + "]" * 100_000).language is None


def test_turns_of_a_dialogue_are_neither_headings_nor_salutations_and_names_are_no_topic() -> None:
    chat = "User: my internet is down\n\nAgent: Sorry. Restarted?\n\nUser: yes twice\n\nAgent: An outage until 6 pm."
    document = read(chat)
    assert {sentence.kind for sentence in document.sentences} == {"paragraph"}
    assert document.body == [0, 1, 2, 3, 4]
    assert not {"agent", "user"} & set(document.term_weights)


@pytest.mark.parametrize("text", ["hi", "def f(n):\n    return n + m(n)", "x = y * d / n"])
def test_the_language_of_a_greeting_or_of_code_is_not_guessed(text: str) -> None:
    assert guess_language(text) is None


@pytest.mark.parametrize(
    "text",
    ["<p></p>" * 50_000, "<script>" * 50_000 + "</p></p>", "> a\n" * 50_000, "--\n" * 50_000, "From: x\n" * 50_000],
)
def test_hostile_mails_and_pages_are_read_within_bounds(text: str) -> None:
    assert len(read(text).sentences) <= MOST_SENTENCES
