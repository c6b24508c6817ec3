"""The task `fill`: a short piece of text that goes on, ends, joins or unfolds what is there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from langchain_scaffolding import rules
from langchain_scaffolding.tasks.checks import ANY_ANSWER, adds_to_the_text
from langchain_scaffolding.tasks.cleaning import prose_cleaner
from langchain_scaffolding.tasks.options import Option
from langchain_scaffolding.tasks.prompts import text_messages
from langchain_scaffolding.tasks.task import Task

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

_STYLES: Final = {
    "continuation": (
        "Continue the text from where it ends, in its own tone.",
        "Continue what stands in <beginning>, which follows on the text, in the tone of the text.",
    ),
    "completion": (
        "Complete the last, unfinished sentence of the text. Do not repeat what is there.",
        "Complete the unfinished sentence in <beginning> with what the text says. Do not repeat what is there.",
    ),
    "bridge": (
        "Write the passage that links the first part of the text to the last.",
        "Write the passage that leads from the text to what stands in <beginning>.",
    ),
    "elaboration": (
        "Elaborate on the last point of the text.",
        "Elaborate on what stands in <beginning>, by what the text says.",
    ),
}


def _messages(text: str, options: Mapping[str, Any]) -> list[BaseMessage]:
    alone, with_beginning = _STYLES[options["style"]]
    beginning = options["prompt"]
    return text_messages(
        text,
        options,
        instruction=with_beginning if beginning else alone,
        form="that passage alone, one to three sentences",
        beginning=beginning,
    )


FILL: Final = Task(
    name="fill",
    prompt=_messages,
    checks=(*ANY_ANSWER, adds_to_the_text),
    rule=rules.BUILT_IN["fill"],
    cleaner=lambda _options: prose_cleaner("Continuation", "Completion", "Bridge", "Elaboration", "Passage"),
    options={"style": Option(default="continuation", choices=tuple(_STYLES)), "prompt": Option(default="")},
    max_tokens=120,
    temperature=0.4,
)
"""A short piece of text that goes on from `prompt`; `style` "continuation", "completion", "bridge" or "elaboration"."""
