"""The rule of the task `structure`: what a text is about, topic by topic."""

from __future__ import annotations

from typing import Final

from langchain_scaffolding.rules.answer import RuleAnswer, abstain
from langchain_scaffolding.rules.cues import capitalized
from langchain_scaffolding.rules.document import Document, read
from langchain_scaffolding.rules.keyphrases import key_phrases
from langchain_scaffolding.rules.lists import Point, listed, short_point
from langchain_scaffolding.rules.options import positive
from langchain_scaffolding.rules.outline import own_points, topic_points
from langchain_scaffolding.rules.ranking import choose
from langchain_scaffolding.rules.topics import topics

_FEW_SENTENCES: Final = 4
_BREVITY: Final = 0.5


def structure(text: str, *, max_points: int = 6) -> RuleAnswer:
    """Return the structure of a text: numbered topics, each named, with what is said below it.

    Topics are the text's own headings or lists where it has them, else its paragraphs or runs of
    sentences that share terms, named by their key phrase.

    Args:
        text: The text.
        max_points: Most lines, topics included.

    Raises:
        ConfigurationError: If `max_points` is not a whole number above zero.

    >>> text = "The pump failed. A new pump costs 1,150. The ticket gets dearer. A day ticket will cost 75."
    >>> print(structure(text, max_points=4).text)
    1. Pump
       - A new pump costs 1,150
    2. Ticket
       - A day ticket will cost 75
    """
    positive("max_points", max_points)
    document = read(text)
    if not document.body:
        return abstain("no_text", document.language)
    points = own_points(document, max_points) or _named_topics(document, max_points)
    return listed(document, points, "numbered", least=min(2, max_points))


def _named_topics(document: Document, most: int) -> list[Point]:
    if len(document.body) < _FEW_SENTENCES or most < 2:
        return topic_points(document, most)
    groups = topics(document, max(1, min(most // 2, len(document.body) // 2)))
    names: list[str] = []
    for group in groups:
        names += [phrase for phrase in key_phrases(document, 5, group) if phrase not in names][:1]
    if len(names) < len(groups):
        return topic_points(document, most)
    room = min(most - len(groups), (len(document.body) + 1) // 2)
    below = max(1, room // len(groups))
    points: list[Point] = []
    for group, name in zip(groups, names, strict=True):
        points.append(Point(text=capitalized(name)))
        for index in sorted(choose(document, among=group, limit=below, brevity=_BREVITY)):
            line = short_point(document.sentences[index].text, document.language)
            points.append(Point(text=line, level=1, sentence=index))
    return points
