"""Parts of sentences: cut at clauses and word borders, never inside a word."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from langchain_scaffolding.rules.words import UNSPACED, characters, tokens

CLAUSE_END: Final = re.compile(rf"[,;:–—]\s+|(?<=\s)-\s+|[，；：、،؛](?!\d)\s*|[,;:](?=[{UNSPACED}])")
_SPACE: Final = re.compile(r"\s+")
_UNSPACED_PAIR: Final = re.compile(rf"[{UNSPACED}](?=[{UNSPACED}])")
_PARENTHESIS: Final = re.compile(r"\s*[(（][^()（）]{1,200}[)）](?=[\s.,;:!?，。；：]|$)")
_LOOSE_END: Final = " \t\n,;:–—-，；：、،؛"


def clauses(sentence: str) -> list[str]:
    """Return the parts of a sentence between commas, colons, semicolons and dashes.

    >>> clauses("If it rains, we stay; otherwise we go.")
    ['If it rains', 'we stay', 'otherwise we go.']
    """
    parts = (part.strip(_LOOSE_END) for part in CLAUSE_END.split(sentence))
    return [part for part in parts if part]


def border(text: str, stop: int, *, start: int = 0) -> int | None:
    """Return the last place in `text[start:stop]` where a clause ends, else where a word ends.

    `None` means that the stretch lies within one word.
    """
    for pattern in (CLAUSE_END, _SPACE, _UNSPACED_PAIR):
        last = _last_end(pattern, text, start, stop)
        if last is not None:
            return last
    return None


def _last_end(pattern: re.Pattern[str], text: str, start: int, stop: int) -> int | None:
    last = None
    for match in pattern.finditer(text, start, stop):
        last = match.end()
    return last


def clipped(text: str, limit: int) -> str:
    """Return `text` cut to at most `limit` characters, the cut shown by an ellipsis.

    Empty if not even its first word fits.

    >>> clipped("When the ferry stopped running, only three families stayed.", 40)
    'When the ferry stopped running…'
    """
    if len(text) <= limit:
        return text
    place = border(text, limit, start=limit * 2 // 5) or border(text, limit)
    kept = "" if place is None else text[:place].rstrip(_LOOSE_END)
    return f"{kept}…" if kept else ""


def clipped_to(text: str, most: int) -> str:
    """Return `text` cut to at most `most` tokens, the cut shown by an ellipsis.

    >>> clipped_to("When the ferry stopped running, only three families stayed.", 9)
    'When the ferry stopped running…'
    """
    limit = characters(text, most)
    part = clipped(text, limit)
    while part and tokens(part) > most:
        limit = limit * 9 // 10
        part = clipped(text, limit)
    return part


def without_parentheses(sentence: str) -> str:
    """Return a sentence without its bracketed asides.

    >>> without_parentheses("The bridge (built in 1931) is closed.")
    'The bridge is closed.'
    """
    return _PARENTHESIS.sub("", sentence)


def pieces(text: str, end: re.Pattern[str], limit: int) -> Iterator[str]:
    """Yield `text` in pieces of at most `limit` characters that do not break a word.

    A piece ends at the last `end` in it, else at a space, else between characters that form words
    without spaces; a single word longer than `limit` stays whole.
    """
    start = 0
    while len(text) - start > limit:
        least, stop = start + limit // 4, start + limit
        cut = _last_end(end, text, least, stop) or border(text, stop, start=least)
        if cut is None:
            space = _SPACE.search(text, stop)
            cut = len(text) if space is None else space.end()
        yield text[start:cut]
        start = cut
    yield text[start:]
