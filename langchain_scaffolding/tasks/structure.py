"""The task `structure`: the sections that a text has, or should be given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from langchain_scaffolding import rules
from langchain_scaffolding.tasks.checks import ANY_ANSWER, condenses, has_points, invents_no_number
from langchain_scaffolding.tasks.cleaning import list_cleaner
from langchain_scaffolding.tasks.lists import parse_points
from langchain_scaffolding.tasks.options import MAX_POINTS
from langchain_scaffolding.tasks.prompts import prompt
from langchain_scaffolding.tasks.task import Task


def _instruction(options: Mapping[str, Any]) -> str:
    return (
        "Show the structure of the text: its sections in order, each by a short heading that says what it is about, "
        f"with sub-sections indented below theirs. {options['max_points']} headings at most, sub-sections included."
    )


def _form(options: Mapping[str, Any]) -> str:
    return (
        f'at most {options["max_points"]} headings, one per line, each beginning with "- ", indented if below another'
    )


STRUCTURE: Final = Task(
    name="structure",
    prompt=prompt(_instruction, _form),
    parser=parse_points,
    checks=(*ANY_ANSWER, has_points(2, of_a_short_text=1), condenses, invents_no_number),
    rule=rules.BUILT_IN["structure"],
    cleaner=lambda _options: list_cleaner("bullet"),
    options={"max_points": replace(MAX_POINTS, default=6)},
    max_tokens=lambda options: 60 + 30 * int(options["max_points"]),
)
"""The sections of a text, sub-sections indented below theirs."""
