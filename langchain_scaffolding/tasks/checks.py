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
from langchain_scaffolding.tasks.refusals import refuses
from langchain_scaffolding.tasks.thinking import has_marks

if TYPE_CHECKING:
    from langchain_scaffolding.tasks.task import Answer

_ECHO: Final = re.compile(r"</?(?:text|background|beginning)>", re.IGNORECASE)
_DATA: Final = re.compile(r"\{\s*\"|\[\s*[{\"]")
_PLACEHOLDER: Final = re.compile(
    r"\[(?:insert|your|main point|point|title|heading|name|date|topic)\b[^\]\n]{0,40}\]", re.IGNORECASE
)
_SENTENCE: Final = re.compile(r"[^.!?。！？\n]{12,}")
_TOO_OFTEN: Final = 3
_LONGEST_RUN: Final = 12
_RUN_OF_A_WORD: Final = 6
_RUN_OF_WORDS: Final = 4
_MOST_WORDS: Final = 4_000
_LONG: Final = 500
"""Characters from which a text is more than a list of its points."""
_ROOM: Final = 40
"""Characters that a query may gain by being spelled out."""
_SHORT: Final = 200
"""Characters below which a text may have one point only."""


def says_something(answer: Answer) -> str | None:
    """The answer holds at least one word."""
    return None if words(answer.text) else "it says nothing"


def does_the_task(answer: Answer) -> str | None:
    """The answer is no refusal and no data, shows no thinking, no marks of the prompt, and is no form to fill in."""
    beginning = answer.points[0] if answer.points else answer.text
    if refuses(beginning):
        return "it refuses the task"
    if _DATA.match(beginning) and not _DATA.search(answer.source):
        return "it is JSON, and a text was asked for"
    if _PLACEHOLDER.search(answer.text) and not _PLACEHOLDER.search(answer.source):
        return "it holds a placeholder"
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
    """No sentence or point comes three times, and no few words come again and again, unless the text does so itself."""
    parts = answer.points or _SENTENCE.findall(answer.text)
    counts = Counter(" ".join(part.casefold().split()) for part in parts)
    most = max(counts.values(), default=0)
    if most >= _TOO_OFTEN:
        return f"it repeats itself {most} times"
    return "it goes round in circles" if _circles(answer.text) and not _circles(answer.source) else None


def _circles(text: str) -> bool:
    """Whether a word comes six times in a row, or a stretch of a few words four times."""
    found = words(text.casefold()[: _LONGEST_RUN * _MOST_WORDS])[:_MOST_WORDS]
    for period in range(1, _LONGEST_RUN + 1):
        wanted = period * ((_RUN_OF_A_WORD if period == 1 else _RUN_OF_WORDS) - 1)
        run = 0
        for word, earlier in zip(found[period:], found, strict=False):
            run = run + 1 if word == earlier else 0
            if run >= wanted:
                return True
    return False


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


def condenses(answer: Answer) -> str | None:
    """A list of a long text is clearly shorter than the text; of a few words it may be longer."""
    most = len(answer.source.strip()) * 3 // 4
    if len(answer.source) < _LONG or len(answer.text) <= most:
        return None
    return f"it condenses nothing: it has {len(answer.text)} characters, the text has {len(answer.source.strip())}"


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


def is_a_query(answer: Answer) -> str | None:
    """A rewritten query is hardly longer than what was asked: it asks, and does not answer."""
    most = len(answer.source.strip()) + len(answer.options.get("background") or "") + _ROOM
    return (
        None
        if len(answer.text) <= most
        else f"it has {len(answer.text)} characters, a query of {most} at most was asked for"
    )


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
