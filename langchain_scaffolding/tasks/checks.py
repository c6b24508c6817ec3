"""Checks: each says what is wrong with an answer, or `None`; deterministic, and rather blind than a false alarm.

A check never quotes the answer or its source: what it says stands in errors, records and logs.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from langchain_scaffolding.rules.words import words
from langchain_scaffolding.tasks.faithfulness import invented_names, invented_numbers, lost_terms
from langchain_scaffolding.tasks.language import another_language
from langchain_scaffolding.tasks.thinking import has_marks

if TYPE_CHECKING:
    from langchain_scaffolding.tasks.task import Answer

_REFUSAL: Final = re.compile(
    r"(?:i(?:['’]m| am) (?:very |really |so )?sorry|sorry|i apologi[sz]e|unfortunately)?[ ,.]*(?:but )?"
    r"(?:i (?:can(?:no|['’])t|am (?:not able|unable) to|['’]m (?:not able|unable) to|won['’]t|am not able to) "
    r"(?:assist|help|provide|fulfil|comply|create|generate|summari[sz]e|complete|continue|process|produce|do that)"
    r"|as an? (?:ai|artificial intelligence|(?:large )?language model)\b)",
    re.IGNORECASE,
)
_ECHO: Final = re.compile(r"</?(?:text|background|beginning)>", re.IGNORECASE)
_SENTENCE: Final = re.compile(r"[^.!?。！？\n]{12,}")
_TOO_OFTEN: Final = 3
_SHORT: Final = 200
"""Characters below which a text may have one point only."""


def says_something(answer: Answer) -> str | None:
    """The answer holds at least one word."""
    return None if words(answer.text) else "it says nothing"


def does_the_task(answer: Answer) -> str | None:
    """The answer is no refusal, shows no thinking, and does not repeat the marks of the prompt."""
    if _REFUSAL.match(answer.points[0] if answer.points else answer.text):
        return "it refuses the task"
    if has_marks(answer.text) and not has_marks(answer.source):
        return "it leaks the model's thinking"
    if _ECHO.search(answer.text) and not _ECHO.search(answer.source):
        return "it repeats the marks of the prompt"
    return None


def keeps_the_language(answer: Answer) -> str | None:
    """The answer is written in the language of its source, as far as that can be told."""
    language = another_language(answer.text, answer.source)
    return None if language is None else f"it is in {language}, the text is not"


def does_not_loop(answer: Answer) -> str | None:
    """No sentence or point comes three times."""
    parts = answer.points or _SENTENCE.findall(answer.text)
    counts = Counter(" ".join(part.casefold().split()) for part in parts)
    most = max(counts.values(), default=0)
    return f"it repeats itself {most} times" if most >= _TOO_OFTEN else None


def has_points(least: int, *, of_a_short_text: int) -> Callable[[Answer], str | None]:
    """A check that a list has at most `max_points` points, and as many as its text must have.

    Args:
        least: Points of any text of some sentences.
        of_a_short_text: Points of a shorter one.
    """

    def number_of_points(answer: Answer) -> str | None:
        most: int = answer.options["max_points"]
        wanted = min(most, least if len(answer.source) >= _SHORT else of_a_short_text)
        found = len(answer.points)
        if found > most:
            return f"it has {found} points, {most} at most were asked for"
        return f"it has {found} of at least {wanted} points" if found < wanted else None

    return number_of_points


def is_shorter(answer: Answer) -> str | None:
    """The answer is shorter than its source."""
    if len(answer.text) < len(answer.source.strip()):
        return None
    return f"it has {len(answer.text)} characters, the text has {len(answer.source.strip())}"


def has_at_most(words_option: str) -> Callable[[Answer], str | None]:
    """A check that the answer has at most as many words as the option says."""

    def number_of_words(answer: Answer) -> str | None:
        most: int = answer.options[words_option]
        found = len(answer.text.split()) if " " in answer.text.strip() else len(words(answer.text)) // 2
        return f"it has {found} words, {most} at most were asked for" if found > most else None

    return number_of_words


def invents_no_number(answer: Answer) -> str | None:
    """Every number of the answer stands in the source, or rounds one that does."""
    material = f"{answer.source}\n{answer.options.get('background') or ''}"
    found = invented_numbers("\n".join(answer.points) or answer.text, material)
    return f"it holds {len(found)} number(s) that the text does not" if found else None


def invents_no_name(answer: Answer) -> str | None:
    """Hardly a name of the answer is missing from the source; a single one may be told in another way."""
    material = f"{answer.source}\n{answer.options.get('background') or ''}"
    found = invented_names(answer.text, material)
    return f"it holds {len(found)} names that the text does not" if len(found) > 1 else None


def keeps_terms(answer: Answer) -> str | None:
    """A rewritten query keeps the numbers, quoted phrases and names of the query."""
    lost = lost_terms(answer.text, answer.source)
    return f"it loses {len(lost)} of the query's numbers, quotations or names" if lost else None


def adds_to_the_text(answer: Answer) -> str | None:
    """The answer is not a piece of its source."""
    said = " ".join(answer.text.casefold().split())
    return "it repeats the text" if said and said in " ".join(answer.source.casefold().split()) else None


ANY_ANSWER: Final = (says_something, does_the_task, keeps_the_language, does_not_loop)
"""What every answer must pass."""

PREFIX_OF_ANY_ANSWER: Final = (does_the_task, keeps_the_language)
"""What the beginning of every answer must pass."""
