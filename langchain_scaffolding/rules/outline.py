"""The rule of the task `outline`: the text's own headings and lists, else its topics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from langchain_scaffolding.rules.answer import RuleAnswer, abstain
from langchain_scaffolding.rules.clauses import clauses
from langchain_scaffolding.rules.document import Document, read
from langchain_scaffolding.rules.lists import MARKERS, Point, listed, short_point
from langchain_scaffolding.rules.options import one_of, positive
from langchain_scaffolding.rules.ranking import choose
from langchain_scaffolding.rules.stopwords import light_words
from langchain_scaffolding.rules.topics import topics
from langchain_scaffolding.rules.words import words

_FEW_SENTENCES: Final = 3
_BREVITY: Final = 0.5
"""A list is limited in points and not in tokens, so length counts less than in a summary."""


def outline(text: str, *, style: str = "bullet", max_points: int = 5) -> RuleAnswer:
    r"""Return the outline of a text as a list of at most `max_points` lines.

    A text with headings or lists of its own is outlined by them, nested as they are. Otherwise the
    best sentence of each topic is a point and further good ones stand below it. Short texts are
    taken apart into clauses.

    Args:
        text: The text.
        style: "bullet", "numbered" or "roman".
        max_points: Most lines; more than the text has is no error.

    Raises:
        ConfigurationError: If an option has another value.

    >>> text = "# Water\nThe pump on the north side failed twice (in June).\n# Fees\nThey rise to 75 pounds."
    >>> print(outline(text, max_points=3).text)
    - Water
      - The pump on the north side failed twice
    - Fees
    """
    one_of("style", style, MARKERS)
    positive("max_points", max_points)
    document = read(text)
    if not document.body:
        return abstain("no_text", document.language)
    points = own_points(document, max_points) or topic_points(document, max_points)
    return listed(document, points, style, least=min(2, max_points))


def own_points(document: Document, most: int) -> list[Point]:
    """Return the headings and list items of a text as points, empty if it has too few."""
    entries = _entries(document)
    chosen: dict[int, int] = {}
    for level in sorted(set(entries.values())):
        at_level = [index for index, depth in entries.items() if depth == level]
        room = most - len(chosen)
        if len(at_level) > room:
            at_level = choose(document, among=at_level, limit=room, brevity=_BREVITY)
        chosen |= dict.fromkeys(at_level, level)
    if chosen and len(chosen) < most:
        chosen |= _below_headings(document, chosen, most - len(chosen))
    return [_point(document, index, chosen[index]) for index in sorted(chosen)]


def _below_headings(document: Document, chosen: Mapping[int, int], room: int) -> dict[int, int]:
    """Return the sentences that say most under the chosen headings, one level below them."""
    levels: dict[int, int] = {}
    heading: int | None = None
    for index, sentence in enumerate(document.sentences):
        if sentence.kind == "heading":
            heading = index if index in chosen else None
        elif heading is not None and index not in chosen and _is_under(document, heading, index):
            levels[index] = chosen[heading] + 1
    body = set(document.body)
    best = choose(document, among=[index for index in levels if index in body], limit=room, brevity=_BREVITY)
    return {index: levels[index] for index in best}


def _is_under(document: Document, heading: int, index: int) -> bool:
    """Tell whether a sentence after a heading is under it: one that opens its own paragraph heads no other."""
    own = document.sentences[heading].block
    return document.sentences[heading + 1].block != own or document.sentences[index].block == own


def _entries(document: Document) -> dict[int, int]:
    """Return the depth of each heading and item, empty where they are not the text's skeleton."""
    sentences = document.sentences
    headings = [index for index, sentence in enumerate(sentences) if sentence.kind == "heading"]
    items = [index for index in document.body if sentences[index].kind == "item" and document.opens_block(index)]
    if len(headings) > 1 and sentences[headings[0]].level < min(sentences[index].level for index in headings[1:]):
        headings = headings[1:]  # a lone heading above all others is the title
    if len(headings) < 2 and 3 * len(items) < len(document.body):
        return {}
    if len(headings) + len(items) < 2:
        return {}
    depths = sorted({sentences[index].level for index in headings})
    entries: dict[int, int] = {}
    below = 0
    for index in sorted({*headings, *items}):
        if sentences[index].kind == "heading":
            entries[index] = depths.index(sentences[index].level)
            below = entries[index] + 1
        else:
            entries[index] = below + sentences[index].level
    return entries


def topic_points(document: Document, most: int) -> list[Point]:
    """Return the best sentences of a text as points, one topic after the other."""
    if len(document.body) < _FEW_SENTENCES:
        return clause_points(document, most)
    count = min(most, (len(document.body) + 1) // 2)
    groups = topics(document, count if count < 4 else count // 2 + 1)
    heads = [choose(document, among=group, limit=1, brevity=_BREVITY) for group in groups]
    shown = [index for head in heads for index in head]
    rest = [index for index in document.body if index not in set(shown)]
    more = set(choose(document, among=rest, limit=max(0, count - len(shown)), brevity=_BREVITY))
    points: list[Point] = []
    for group, head in zip(groups, heads, strict=True):
        points += [_point(document, index, 0) for index in head]
        points += [_point(document, index, 1) for index in group if index in more]
    return points


def _point(document: Document, index: int, level: int) -> Point:
    text = short_point(document.sentences[index].text, document.language)
    return Point(text=text, level=level, sentence=index)


def clause_points(document: Document, most: int) -> list[Point]:
    """Return the clauses of a short text as points, mere words and courtesies left out."""
    parts = [
        Point(text=short_point(clause, document.language), sentence=index)
        for index in document.body
        for clause in _told(document.sentences[index].text)
        if says_something(clause, document.language)
    ]
    return parts[:most]


def says_something(clause: str, language: str | None) -> bool:
    """Tell whether a clause has two words, and one that is not light.

    >>> says_something("buy cake", "en"), says_something("please", "en")
    (True, False)
    """
    light = light_words(language)
    found = [word.casefold() for word in words(clause)]
    return len(found) > 1 and any(word not in light for word in found)


def _told(sentence: str) -> Sequence[str]:
    """Return the clauses of a sentence; those behind a colon stand for the one before it."""
    _, colon, rest = sentence.partition(": ")
    behind = clauses(rest) if colon else []
    return behind if len(behind) > 1 else clauses(sentence)
