"""What a rule refuses, and how."""

from __future__ import annotations

from typing import Any

import pytest

from langchain_scaffolding.rules import BUILT_IN


@pytest.mark.parametrize(
    ("task", "option"),
    [
        ("reasoning", "max_points"),
        ("structure", "max_points"),
        ("outline", "max_points"),
        ("summary", "max_tokens"),
        ("fill", "max_tokens"),
        ("title", "max_words"),
    ],
)
@pytest.mark.parametrize("value", [0, -1, 2.0, "5", True, None])
def test_a_number_that_is_none_is_refused_with_its_name_and_value(task: str, option: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"{option} is .*whole number of at least 1") as error:
        BUILT_IN[task]("It rained. We stayed.", **{option: value})
    assert repr(value) in str(error.value)


@pytest.mark.parametrize("task", ["outline", "summary", "fill"])
@pytest.mark.parametrize("value", ["haiku", "", None, 3, ["bullet"]])
def test_an_unknown_style_is_refused_with_those_there_are(task: str, value: Any) -> None:
    known = {"outline": "roman", "summary": "key_points", "fill": "bridge"}[task]
    with pytest.raises(ValueError, match=f"style is .*'{known}'"):
        BUILT_IN[task]("It rained. We stayed.", style=value)


@pytest.mark.parametrize("text", ["", "It rained."])
def test_options_are_checked_before_the_text(text: str) -> None:
    with pytest.raises(ValueError, match="max_points is 0"):
        BUILT_IN["outline"](text, max_points=0)
