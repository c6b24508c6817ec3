"""The task `outline`: the main points of a text as a list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from langchain_scaffolding import rules
from langchain_scaffolding.tasks.checks import ANY_ANSWER, condenses, has_points, invents_no_number
from langchain_scaffolding.tasks.cleaning import list_cleaner
from langchain_scaffolding.tasks.lists import parse_points
from langchain_scaffolding.tasks.options import MAX_POINTS, Option
from langchain_scaffolding.tasks.prompts import prompt
from langchain_scaffolding.tasks.task import Task

_MARKED: Final = {
    "bullet": 'beginning with "- "',
    "numbered": 'beginning with "1.", "2.", …',
    "roman": 'beginning with "I.", "II.", …',
}


def _instruction(options: Mapping[str, Any]) -> str:
    return f"Write an outline of the text: its {options['max_points']} main points at most, in the order of the text."


def _form(options: Mapping[str, Any]) -> str:
    return (
        f"at most {options['max_points']} short points, one per line, each line {_MARKED[options['style']]}, without "
        "sub-points"
    )


OUTLINE: Final = Task(
    name="outline",
    prompt=prompt(_instruction, _form),
    parser=parse_points,
    checks=(*ANY_ANSWER, has_points(2, of_a_short_text=1), condenses, invents_no_number),
    rule=rules.BUILT_IN["outline"],
    cleaner=lambda options: list_cleaner(options["style"]),
    options={"style": Option(default="bullet", choices=tuple(_MARKED)), "max_points": MAX_POINTS},
    max_tokens=lambda options: 60 + 40 * int(options["max_points"]),
)
"""The main points of a text as a list, in style "bullet", "numbered" or "roman"."""
