"""Outlines, structures and reasoning steps."""

from __future__ import annotations

import pytest

from langchain_scaffolding.rules import BUILT_IN
from langchain_scaffolding.rules.outline import outline
from langchain_scaffolding.rules.reasoning import reasoning
from langchain_scaffolding.rules.structure import structure

GUIDE = """# Guide

Intro text here for all of you who read this.

## Install

Run pip install foo. It needs Python 3.11 and nothing else.

- Linux works out of the box
  - Debian needs one package
- Windows needs WSL

## Usage

Import foo and call bar. The result is a list of values that you can print or store.

## License

MIT applies to all the code here and to the docs.
"""
PROSE = """The pump on the north side has failed twice this summer. A repair would only last another year. A new pump
costs 1,150 pounds including fitting.

The association will end the year with a loss of 400 pounds. Rising insurance is the main reason. The yearly fee rises
from 60 to 75 pounds.

Several members complained about plastic in the compost heap. Ms. Duarte offered to check the heap once a week.
"""


def test_an_outline_follows_the_headings_and_lists_of_the_text() -> None:
    assert outline(GUIDE, max_points=6).text.splitlines() == [
        "- Install",
        "  - Linux works out of the box",
        "    - Debian needs one package",
        "  - Windows needs WSL",
        "- Usage",
        "- License",
    ]


def test_headings_come_before_what_is_below_them() -> None:
    assert outline(GUIDE, max_points=3).points == ("Install", "Usage", "License")


def test_a_lone_heading_above_all_others_is_the_title_and_no_point() -> None:
    assert "Guide" not in outline(GUIDE, max_points=20).points


def test_prose_is_outlined_by_its_paragraphs() -> None:
    answer = outline(PROSE, max_points=3)
    assert answer.text == (
        "- A new pump costs 1,150 pounds including fitting\n"
        "- The association will end the year with a loss of 400 pounds\n"
        "- Several members complained about plastic in the compost heap"
    )
    assert answer.sentences == (2, 3, 6)


@pytest.mark.parametrize(
    ("style", "markers"), [("bullet", ["-", "-"]), ("numbered", ["1.", "2."]), ("roman", ["I.", "II."])]
)
def test_each_style_has_its_markers(style: str, markers: list[str]) -> None:
    lines = outline(PROSE, style=style, max_points=2).text.splitlines()
    assert [line.split()[0] for line in lines] == markers


@pytest.mark.parametrize("task", ["outline", "structure", "reasoning"])
def test_more_points_than_the_text_has_is_no_error(task: str) -> None:
    answer = BUILT_IN[task](PROSE, max_points=10_000)
    assert 0 < len(answer.points) <= 10


@pytest.mark.parametrize("task", ["outline", "structure", "reasoning"])
def test_one_point_can_be_asked_for(task: str) -> None:
    assert len(BUILT_IN[task](PROSE, max_points=1).points) == 1


def test_a_sentence_of_parts_is_taken_apart() -> None:
    assert outline("Plan a birthday party: buy cake, invite friends, book venue").points == (
        "buy cake",
        "invite friends",
        "book venue",
    )


@pytest.mark.parametrize("text", ["Artificial intelligence in healthcare", "Dr. Smith et al. paid $3.14.", "好。"])
def test_a_text_of_one_part_is_not_outlined(text: str) -> None:
    assert outline(text).abstained


def test_points_tie_to_nothing_before_them() -> None:
    text = "However, the pump (of 1990) is loud and old. In addition, the roof leaks when it rains. " * 2
    assert outline(text, max_points=2).points == ("The pump is loud and old", "The roof leaks when it rains")


def test_a_cut_point_shows_that_it_is_cut() -> None:
    long = "The council decided to close the bridge to cars from May because " + "its piers are rotting " * 6
    points = outline(f"{long.strip()}. The fee rises. It rains. Cats sleep here.", max_points=2).points
    assert any(point.endswith("…") for point in points)


def test_a_structure_names_its_topics_by_their_phrases() -> None:
    assert structure(PROSE, max_points=6).text.splitlines() == [
        "1. Pump",
        "   - A new pump costs 1,150 pounds including fitting",
        "2. Yearly fee rises",
        "   - The association will end the year with a loss of 400 pounds",
        "3. Heap",
        "   - Several members complained about plastic in the compost heap",
    ]


def test_reasoning_puts_what_is_given_before_the_question() -> None:
    text = (
        "Given that our lease ends in May, we look for a new office. But the team does not want to move far. "
        "If we find nothing by March, we must extend the lease. Which options do we have?"
    )
    assert reasoning(text).text == (
        "1. Given that our lease ends in May, we look for a new office\n"
        "2. But the team does not want to move far\n"
        "3. Question: Which options do we have?"
    )


def test_the_labels_are_in_the_language_of_the_text() -> None:
    text = (
        "Unser Mietvertrag endet im Mai, und die Miete steigt um zwanzig Prozent. Das Team möchte nicht weit umziehen. "
        "Das Büro am Markt ist frei, aber es hat weder einen Aufzug noch eine Küche, und der Makler ruft erst am "
        "Freitag wieder an. Ein Umzug kostet uns (ohne die Möbel) drei Wochen Arbeit. Was sollen wir tun?"
    )
    assert reasoning(text).points[-1] == "Frage: Was sollen wir tun?"


def test_a_question_keeps_its_negation_when_it_is_shortened() -> None:
    text = "Wie kann ich mein Passwort zurücksetzen, wenn ich keinen Zugriff auf meine E-Mail habe?"
    assert "keinen Zugriff auf meine E-Mail habe" in " ".join(reasoning(text).points)


def test_the_question_is_the_last_to_be_left_out() -> None:
    text = (
        "My server crashed at 3 am, as the disk was full. I have backups but they are old. Should I restore them now?"
    )
    for most in (1, 2, 3):
        assert "restore them now" in reasoning(text, max_points=most).points[-1]
