"""The task `reasoning`: how to think a question through, step by step, before answering it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from langchain_scaffolding import rules
from langchain_scaffolding.tasks.checks import ANY_ANSWER, has_points
from langchain_scaffolding.tasks.cleaning import list_cleaner
from langchain_scaffolding.tasks.lists import parse_points
from langchain_scaffolding.tasks.options import MAX_POINTS
from langchain_scaffolding.tasks.prompts import prompt
from langchain_scaffolding.tasks.task import Task


def _instruction(options: Mapping[str, Any]) -> str:
    return (
        "Lay out how to think through the question or problem in the text: the steps from what is given to a "
        f"conclusion, {options['max_points']} at most. Each step says what to work out and from what. Do not "
        "give the final answer."
    )


def _form(options: Mapping[str, Any]) -> str:
    return f'at most {options["max_points"]} short steps, one per line, each line beginning with "1.", "2.", …'


REASONING: Final = Task(
    name="reasoning",
    prompt=prompt(_instruction, _form),
    parser=parse_points,
    checks=(*ANY_ANSWER, has_points(2, of_a_short_text=2)),
    rule=rules.BUILT_IN["reasoning"],
    cleaner=lambda _options: list_cleaner("numbered"),
    options={"max_points": MAX_POINTS},
    max_tokens=lambda options: 60 + 50 * int(options["max_points"]),
    preferred_capabilities=frozenset({"REASONING"}),
)
"""The steps by which to think a question through."""
