"""Points, and the lists they are written as."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from langchain_scaffolding.rules.answer import RuleAnswer, abstain
from langchain_scaffolding.rules.clauses import clipped, without_parentheses
from langchain_scaffolding.rules.cues import without_connective
from langchain_scaffolding.rules.document import Document
from langchain_scaffolding.rules.words import is_unspaced

WIDEST: Final = 90
"""Characters of a point; half as many where each carries about twice as much."""
_ROMAN: Final = (
    (100, "C"), (90, "XC"), (50, "L"), (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """One line of a list; `sentence` is the index of the sentence it comes from, if one."""

    text: str
    level: int = 0
    sentence: int | None = None


def roman(number: int) -> str:
    """Return a number from 1 as a Roman numeral.

    >>> [roman(number) for number in (1, 4, 9, 14, 40)]
    ['I', 'IV', 'IX', 'XIV', 'XL']
    """
    letters = ""
    for value, sign in _ROMAN:
        count, number = divmod(number, value)
        letters += sign * count
    return letters


MARKERS: Final[dict[str, Callable[[int], str]]] = {
    "bullet": lambda _number: "-",
    "numbered": lambda number: f"{number}.",
    "roman": lambda number: f"{roman(number)}.",
}
"""Marker of the n-th point by style; nested points have a dash in every style."""


def formatted(points: Sequence[Point], style: str) -> str:
    """Return the points as one list, nested ones indented below theirs.

    >>> print(formatted([Point(text="Water"), Point(text="pump", level=1), Point(text="Fees")], "roman"))
    I. Water
       - pump
    II. Fees
    """
    lines: list[str] = []
    number = 0
    for point in points:
        if point.level == 0:
            number += 1
            lines.append(f"{MARKERS[style](number)} {point.text}")
        else:
            indent = " " * (len(MARKERS[style](1)) + 1) * point.level
            lines.append(f"{indent}- {point.text}")
    return "\n".join(lines)


def short_point(sentence: str, language: str | None) -> str:
    """Return a sentence as a point: no tie to the one before, no aside, no full stop, one line.

    >>> short_point("However, the pump (of 1990) failed.", "en")
    'The pump failed'
    """
    bare = without_connective(without_parentheses(sentence), language)
    bare = bare[:-1] if bare.endswith((".", "。")) and not bare.endswith("..") else bare
    return clipped(bare or sentence, WIDEST // 2 if is_unspaced(bare) else WIDEST)


def listed(
    document: Document,
    points: Sequence[Point],
    style: str,
    *,
    least: int = 2,
    order: Sequence[int] | None = None,
) -> RuleAnswer:
    """Return the answer that lists as many of the points as stay shorter than the source.

    Args:
        document: The source.
        points: The points as they are to be listed.
        style: A key of `MARKERS`.
        least: Fewest points that are a list; with fewer left the answer abstains.
        order: The places of the points, those that must stay first; by default shallow ones stay
            before deep ones and early before late ones.
    """
    longest = len(document.source.strip())
    ranked = order or sorted(range(len(points)), key=lambda place: (points[place].level, place))

    def first(count: int) -> list[Point]:
        return [points[place] for place in sorted(ranked[:count])]

    kept = bisect_left(range(1, len(points) + 1), longest, key=lambda n: len(formatted(first(n), style)))
    if kept < least:
        return abstain("too_short", document.language)
    shown = first(kept)
    used = {point.sentence for point in shown if point.sentence is not None}
    return RuleAnswer(
        text=formatted(shown, style),
        points=tuple(point.text for point in shown),
        sentences=tuple(sorted(used)),
        language=document.language,
    )
