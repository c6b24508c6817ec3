"""The task `summary`: what a text says, in less."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from langchain_scaffolding import rules
from langchain_scaffolding.tasks.checks import ANY_ANSWER, invents_no_name, invents_no_number, is_shorter
from langchain_scaffolding.tasks.cleaning import Cleaner, list_cleaner, prose_cleaner
from langchain_scaffolding.tasks.lists import parse_points
from langchain_scaffolding.tasks.options import Option
from langchain_scaffolding.tasks.prompts import prompt
from langchain_scaffolding.tasks.task import Task

_STYLES: Final = {
    "concise": ("Summarize the text in its essence.", "one to three sentences"),
    "detailed": ("Summarize the text with all that matters in it.", "one or two paragraphs"),
    "key_points": (
        "Name the key points of the text.",
        'three to five short points, one per line, each beginning with "- "',
    ),
    "contextual": ("Summarize the text: first what it is about, then what it says of that.", "two to four sentences"),
    "actionable": (
        "Name what is to be done according to the text, by whom and by when where it says so.",
        'the actions, one per line, each beginning with "- "',
    ),
    "conversational": ("Summarize the conversation or text as you would tell it to a friend.", "two to four sentences"),
}
_LISTS: Final = ("key_points", "actionable")


def _instruction(options: Mapping[str, Any]) -> str:
    instruction, _ = _STYLES[options["style"]]
    return f"{instruction} Be shorter than the text, and say only what it says: no number or name that is not in it."


def _form(options: Mapping[str, Any]) -> str:
    _, form = _STYLES[options["style"]]
    return form


def _cleaner(options: Mapping[str, Any]) -> Cleaner:
    if options["style"] in _LISTS:
        return list_cleaner("bullet")
    return prose_cleaner("Summary", "Concise summary", "TL;DR")


def _points(text: str) -> tuple[str, ...]:
    """The points, of the styles that are lists; the cleaner has written them as one."""
    return parse_points(text) if text.startswith("- ") else ()


SUMMARY: Final = Task(
    name="summary",
    prompt=prompt(_instruction, _form),
    parser=_points,
    checks=(*ANY_ANSWER, is_shorter, invents_no_number, invents_no_name),
    rule=rules.BUILT_IN["summary"],
    cleaner=_cleaner,
    options={"style": Option(default="concise", choices=tuple(_STYLES))},
    max_tokens=lambda options: 400 if options["style"] == "detailed" else 200,
)
"""A text in less: `style` "concise", "detailed", "key_points", "contextual", "actionable" or "conversational"."""
