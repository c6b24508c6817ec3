"""A task from outside: the terms of a text with their meaning in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain_core.messages import BaseMessage, HumanMessage

from langchain_scaffolding.rules import RuleAnswer
from langchain_scaffolding.tasks import Answer, Option, Task


def ask(text: str, options: Mapping[str, Any]) -> list[BaseMessage]:
    return [HumanMessage(f"Explain {options['terms']} terms of this text, as `term: meaning` lines.\n\n{text}")]


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if ":" in line]


def explains(answer: Answer) -> str | None:
    wanted = answer.options["terms"]
    return None if len(answer.points) == wanted else f"it explains {len(answer.points)} of {wanted} terms"


def quote(text: str, *, terms: int = 2) -> RuleAnswer:
    """The longest words, each with the sentence that it stands in."""
    sentences = [sentence.strip() for sentence in text.split(".") if sentence.strip()]
    words = sorted({word for sentence in sentences for word in sentence.split()}, key=lambda word: (-len(word), word))
    found = [f"{word}: {next(each for each in sentences if word in each)}" for word in words[:terms]]
    return RuleAnswer(text="\n".join(found), points=tuple(found), abstained=not found)


GLOSSARY = Task(
    name="glossary",
    prompt=ask,
    parser=lines,
    checks=(explains,),
    rule=quote,
    options={"terms": Option(default=2, least=1, most=9)},
    max_tokens=200,
)
