"""The list parser keeps content, whatever stands before it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from langchain_scaffolding.rules.lists import MARKERS, Point, formatted
from langchain_scaffolding.tasks.lists import parse_list, parse_points

TRICKY = (
    "- x", "* x", "1. x", "12) x", "a) x", "II. x", "Step 2: x", "**b** x", "2024 budget", "3D printing", "# h", "```",
    "---", "|a|b|", "Let me know", "*", "-", "1.", "E. coli", "**1. x**", "[ ] x", "1.2. x", "①x", "一、x", "(a) b",
)  # fmt: skip
single_lines = (
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), min_size=1, max_size=30)
    .map(str.strip)
    .filter(bool)
)


@st.composite
def lists(draw: Any) -> list[Point]:
    points: list[Point] = []
    for number in range(draw(st.integers(1, 12))):
        level = 0 if number == 0 else draw(st.integers(0, min(points[-1].level + 1, 4)))
        points.append(Point(text=draw(st.one_of(single_lines, st.sampled_from(TRICKY))), level=level))
    return points


@settings(max_examples=400, deadline=None)
@given(lists(), st.sampled_from(sorted(MARKERS)))
def test_what_is_formatted_is_parsed_back(points: list[Point], style: str) -> None:
    assert list(parse_list(formatted(points, style))) == points


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=300))
def test_no_text_breaks_the_parser_and_every_point_stands_in_it(text: str) -> None:
    for point in parse_list(text):
        for word in point.text.split():
            assert word.replace("**", "").replace("__", "") in text.replace("**", "").replace("__", "")


@pytest.mark.parametrize(
    ("line", "content"),
    [
        ("- 3D printing", "3D printing"),
        ("12. 2024 budget", "2024 budget"),
        ("123456. long lists", "long lists"),
        ("* starred", "starred"),
        ("• dotted", "dotted"),
        ("→ pointed", "pointed"),
        ("(3) braced", "braced"),
        ("7) braced", "braced"),
        ("a) lettered", "lettered"),
        ("A. lettered", "lettered"),
        ("I. roman", "roman"),
        ("i) roman", "roman"),
        ("Step 4: mix", "mix"),
        ("**Step 4:** mix", "mix"),
        ("**Step 4**: mix", "mix"),
        ("Schritt 2. rühren", "rühren"),
        ("步骤1：混合", "混合"),
        ("一、开始", "开始"),
        ("③ circled", "circled"),
        ("3、テスト", "テスト"),
        ("**1. Bold title**", "Bold title"),
        ("1. **Bold** word", "**Bold** word"),
        ("1.2. section", "section"),
        ("- [ ] box", "[ ] box"),
    ],
)
def test_a_marker_is_taken_off_and_nothing_else(line: str, content: str) -> None:
    assert parse_points(f"{line}\n") == (content,)


@pytest.mark.parametrize(
    "line", ["3D printing", "3.14 is pi", "2024 budget", "E. coli grows", "D. Smith called", "-1 degree"]
)
def test_what_only_looks_like_a_marker_is_content(line: str) -> None:
    assert parse_points(f"- before\n{line}") == (f"before {line}",)


def levels(text: str) -> list[tuple[int, str]]:
    return [(point.level, point.text) for point in parse_list(text)]


def test_points_nest_by_indentation_by_marker_and_by_number() -> None:
    nested = [(0, "a"), (1, "b"), (1, "c"), (0, "d")]
    assert levels("1. a\n   - b\n   - c\n2. d") == nested
    assert levels("1. a\n- b\n- c\n2. d") == nested
    assert levels("1. a\n1.1. b\n1.2. c\n2. d") == nested
    assert levels("\t- a\n\t\t- b\n\t\t- c\n\t- d") == nested
    assert levels("I. a\n  A. b\n  B. c\nII. d") == nested


def test_letters_and_romans_of_one_list_are_told_apart_by_their_order() -> None:
    letters = "\n".join(f"{letter}. {letter.lower()}" for letter in "ABCDEFGHIJ")
    assert levels(letters) == [(0, letter) for letter in "abcdefghij"]
    romans = "\n".join(f"{number} {number}" for number in ("I.", "II.", "III.", "IV.", "V.", "VI."))
    assert [level for level, _ in levels(romans)] == [0] * 6


def test_what_stands_around_a_list_is_left_out_and_wrapped_lines_are_joined() -> None:
    text = "# Plan\n\nHere is the plan:\n\n1. Mix the\n   flour\n\n2. Bake\n\nEnjoy your meal!"
    assert parse_points(text) == ("Mix the flour", "Bake")


def test_a_list_without_markers_is_its_lines() -> None:
    assert parse_points("Mix\n\nBake\nEat") == ("Mix", "Bake", "Eat")


def test_headings_with_numbers_are_points_and_their_texts_are_not() -> None:
    steps = "### Step 1: Read\nThe bridge is closed.\n\n### Step 2: Compare\n- costs\n- time\n\n### Step 3: Decide"
    assert levels(steps) == [(0, "Read"), (0, "Compare"), (1, "costs"), (1, "time"), (0, "Decide")]
    assert levels("## Plan\n\n## 1. Mix\nFlour and water.\n\n## 2. Bake") == [(0, "Mix"), (0, "Bake")]


def test_headings_alone_are_points() -> None:
    assert levels("# Rain\n## Cold rain\n# Sun") == [(0, "Rain"), (1, "Cold rain"), (0, "Sun")]
    assert levels("# Weather\nRain\nSun") == [(0, "Rain"), (0, "Sun")]
    assert levels("### Step 1\nMix\n\n### Step 2\nBake") == [(0, "Mix"), (0, "Bake")]
