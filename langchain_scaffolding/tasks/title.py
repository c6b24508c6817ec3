"""The task `title`: a few words to call a text by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from langchain_scaffolding import rules
from langchain_scaffolding.tasks.checks import ANY_ANSWER, has_at_most, invents_no_number
from langchain_scaffolding.tasks.cleaning import line_cleaner
from langchain_scaffolding.tasks.options import Option
from langchain_scaffolding.tasks.prompts import prompt
from langchain_scaffolding.tasks.task import Task


def _instruction(options: Mapping[str, Any]) -> str:
    return f"Give the text a title of at most {options['max_words']} words that says what it is about."


def _form(options: Mapping[str, Any]) -> str:
    return f"the title alone, at most {options['max_words']} words on one line, without quotes or full stop"


_LABELS: Final = ("Title", "Titel", "Titre", "Título", "Titolo", "标题", "タイトル", "Заголовок")

TITLE: Final = Task(
    name="title",
    prompt=prompt(_instruction, _form),
    checks=(*ANY_ANSWER, has_at_most("max_words"), invents_no_number),
    rule=rules.BUILT_IN["title"],
    cleaner=lambda _options: line_cleaner(*_LABELS),
    options={"max_words": Option(default=8, least=1, most=30)},
    max_tokens=lambda options: 24 + 6 * int(options["max_words"]),
)
"""A few words to call a text by."""
