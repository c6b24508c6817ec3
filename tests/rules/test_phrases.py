"""Titles, queries and fills."""

from __future__ import annotations

import pytest

from langchain_scaffolding.rules.fill import fill
from langchain_scaffolding.rules.query_rewrite import query_rewrite
from langchain_scaffolding.rules.title import title

STEEL = (
    "Zinc protects steel. It dissolves first, because it gives up its electrons more easily than iron. Paint keeps "
    "water off the steel. A single scratch in the paint lets water reach the steel again. Shipbuilders bolt blocks of "
    "zinc to the hull. The blocks are replaced every two or three years."
)


def test_a_text_with_a_heading_has_its_title() -> None:
    assert title("# Rust and zinc\n\n" + STEEL).text == "Rust and zinc"


def test_a_text_shorter_than_a_title_is_its_own() -> None:
    assert title("  ibuprofen side effects. ").text == "Ibuprofen side effects"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("How do I reset my password on the company laptop? It is locked.", "Reset my password on the company laptop"),
        ("Plan a birthday party: buy cake, invite friends, book venue, bake bread", "Plan a birthday party"),
        ("这是关于如何在北京办理居住证的问题，请问需要哪些材料？我住在朝阳区。", None),
    ],
)
def test_a_title_is_a_stretch_of_the_text(text: str, found: str | None) -> None:
    answer = title(text)
    assert answer.text.casefold() in text.casefold()
    assert found is None or answer.text == found


@pytest.mark.parametrize("most", [1, 2, 5, 8])
def test_a_title_has_at_most_so_many_words(most: int) -> None:
    assert 1 <= len(title(STEEL, max_words=most).text.split()) <= most


def test_a_title_has_no_full_stop() -> None:
    assert not title("The council votes.").text.endswith(".")


@pytest.mark.parametrize(
    ("question", "query"),
    [
        (
            "Hi, could you please tell me what the side effects of ibuprofen 400 mg are for a 5-year-old?",
            "side effects ibuprofen 400 mg 5-year-old",
        ),
        ("Wie kann ich mein Passwort ohne E-Mail zurücksetzen?", "Passwort ohne E-Mail zurücksetzen"),
        ("Пожалуйста, подскажите, как восстановить пароль от почты Яндекс?", "восстановить пароль от почты Яндекс"),
        ("東京で一番おいしいラーメン屋を教えてください", "東京で一番おいしいラーメン屋"),
        ("请问如何在北京办理居住证？谢谢", "如何在北京办理居住证"),
        ('What does "out of memory" mean in PostgreSQL 17.2?', '"out of memory" mean PostgreSQL 17.2'),
    ],
)
def test_a_query_keeps_names_numbers_quotes_and_negations(question: str, query: str) -> None:
    answer = query_rewrite(question)
    assert (answer.text, answer.abstained) == (query, False)


def test_the_question_of_a_longer_text_is_the_query() -> None:
    answer = query_rewrite("My server crashed at 3 am. I have old backups. Should I restore the PostgreSQL dump first?")
    assert answer.text == "restore PostgreSQL dump first"
    assert answer.sentences == (2,)


def test_a_query_already_is_handed_back_for_the_search_to_go_on() -> None:
    answer = query_rewrite("ibuprofen side effects")
    assert (answer.text, answer.abstained) == ("ibuprofen side effects", True)


def test_a_completion_ends_as_the_text_does() -> None:
    assert fill(STEEL, prompt="In short, paint keeps", style="completion").text == "water off the steel."


def test_the_unfinished_end_of_the_text_is_completed_without_a_prompt() -> None:
    assert fill(f"{STEEL} Later, shipbuilders bolt blocks").text == "of zinc to the hull."


def test_a_finished_prompt_is_not_completed() -> None:
    assert fill(STEEL, prompt="Paint keeps.", style="completion").abstained


def test_a_continuation_is_what_shares_most_with_the_beginning() -> None:
    answer = fill(STEEL, prompt="What about the scratch in the paint?")
    assert answer.text == "A single scratch in the paint lets water reach the steel again."
    assert answer.sentences == (3,)


def test_a_bridge_shares_with_both_sides_of_the_gap() -> None:
    text = (
        "The pump is old and loud. ___ So a new pump must be paid from the fees. "
        "The fee for the pump rises because the pump is old. Summer was fine."
    )
    assert fill(text, style="bridge").text == "The fee for the pump rises because the pump is old."


def test_an_elaboration_is_about_the_prompt() -> None:
    answer = fill(STEEL, prompt="scratch", style="elaboration")
    assert answer.text == "A single scratch in the paint lets water reach the steel again."


@pytest.mark.parametrize("style", ["continuation", "completion", "bridge", "elaboration"])
def test_what_the_text_does_not_hold_is_not_filled_in(style: str) -> None:
    assert fill(STEEL, prompt="Bananas are yellow and", style=style).abstained


def test_a_fill_keeps_to_its_tokens_and_shows_the_cut() -> None:
    assert fill(STEEL, prompt="the paint lets", max_tokens=4).text == "water reach…"


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("Could you please find flights to Lisbon on 12 May?", "flights Lisbon 12 May"),
        ("What does the WHO say about the US?", "WHO US"),
        ("What Is The Meaning Of It All In The Book?", "Meaning Book"),
        ("Was kostet es, wenn Sie mir die Pumpe liefern?", "kostet Pumpe liefern"),
    ],
)
def test_a_query_keeps_names_that_are_spelled_like_function_words(text: str, query: str) -> None:
    assert query_rewrite(text).text == query


def test_a_title_leaves_the_spelling_of_names_alone() -> None:
    assert title("iPhone 13 without watch history").text == "iPhone 13 without watch history"
