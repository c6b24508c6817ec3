"""Lists as models write them, read into points."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from langchain_scaffolding.rules.lists import Point
from langchain_scaffolding.tasks.markers import Marker, MarkerKind, readings

_TAB = 4
_NO_ITEM: Final = re.compile(r"#{1,6}\s|```|~~~|[-*_=]{3,}$|\|.*\|$")
_BARE_NUMBER: Final = re.compile(r"[\W_]*(?:[^\W\d_]{2,12}\s*)?\d{1,2}[\W_]*")
"""As in "### Step 1:", where the step itself stands below."""
_HEADING: Final = re.compile(r"(?P<marks>#{1,6})\s+(?P<text>\S.*?)\s*#*")


@dataclass(slots=True, eq=False)
class _OpenList:
    """A list that points may still be added to, with the number of its last one."""

    indent: int
    kind: MarkerKind
    parts: int
    ordinal: int

    def holds(self, marker: Marker, indent: int) -> bool:
        return (self.indent, self.kind, self.parts) == (indent, marker.kind, marker.parts)


class ListReader:
    """Reads a list line by line.

    Points nest by indentation; at one indentation by a change of marker, as in "1." with "-" below it, and by numbers
    such as "1.2.". A letter or roman number counts as a marker only where it begins or continues a sequence: "E. coli
    grows" is text. So does any number of a heading: "### Step 1: Compare".
    """

    def __init__(self) -> None:
        self._open: list[_OpenList] = []
        self._is_apart = False

    def take(self, line: str) -> Point | str | None:
        """What a line is: a new point, the text by which the last point goes on, or `None` for neither."""
        text = line.strip()
        indent = _indent_of(line)
        heading = _HEADING.fullmatch(text)
        marker = None if heading is None else self._reading(heading["text"], indent)
        if marker is not None and (marker.ordinal == 1 or self._goes_on(marker, indent)):
            self._is_apart = True  # what follows on a heading is its text, and no part of it
            return Point(text=marker.content, level=self._level(marker, indent))
        if not text or _NO_ITEM.match(text):
            self._is_apart = True
            return None
        marker = self._reading(text, indent)
        if marker is not None:
            self._is_apart = False
            return Point(text=marker.content, level=self._level(marker, indent))
        if not self._open or (self._is_apart and indent == 0):
            self._is_apart = True
            return None
        self._is_apart = False
        return text

    def _goes_on(self, marker: Marker, indent: int) -> bool:
        return any(each.holds(marker, indent) and each.ordinal == marker.ordinal - 1 for each in self._open)

    def _reading(self, text: str, indent: int) -> Marker | None:
        """The marker of a line: one that goes on with a list, else one that may begin any."""
        found = readings(text)
        for marker in found:
            if self._goes_on(marker, indent):
                return marker
        return next((each for each in found if each.ordinal == 1 or each.kind not in {"letter", "roman"}), None)

    def _level(self, marker: Marker, indent: int) -> int:
        """The depth of the point that a marker begins."""
        lists = [each for each in self._open if each.indent <= indent]
        alike = [each for each in lists if each.holds(marker, indent)]
        if alike:
            del lists[lists.index(alike[-1]) + 1 :]
            alike[-1].ordinal = marker.ordinal
        else:
            lists.append(_OpenList(indent, marker.kind, marker.parts, marker.ordinal))
        self._open = lists
        return len(lists) - 1


def _indent_of(line: str) -> int:
    blank = line[: len(line) - len(line.lstrip())]
    return len(blank.replace("\t", " " * _TAB))


def parse_list(text: str) -> tuple[Point, ...]:
    r"""The points of a list in a text, with their depth; what stands before and after the list is left out.

    A text without any marker is a list of its lines. For points whose texts are single lines without space around them
    it gives back what `langchain_scaffolding.rules.lists.formatted` was given.

    Example:
        >>> [(point.level, point.text) for point in parse_list("Here:\n\n1. Rain\n   - wet\n2. Sun")]
        [(0, 'Rain'), (1, 'wet'), (0, 'Sun')]
        >>> [point.text for point in parse_list("12. 2024 budget\n13. 3D printing")]
        ['2024 budget', '3D printing']
    """
    reader = ListReader()
    points: list[Point] = []
    lines = text.replace("\r\n", "\n").split("\n")
    for line in lines:
        add_to(points, reader.take(line))
    return tuple(points) or plain_points(lines)


def add_to(points: list[Point], found: Point | str | None) -> None:
    """Add what a `ListReader` found in a line."""
    if isinstance(found, Point):
        points.append(found)
    elif found is not None:
        points[-1] = replace(points[-1], text=f"{points[-1].text} {found}")


def plain_points(lines: Iterable[str]) -> tuple[Point, ...]:
    """The points of a list without markers: its headings, if it has several, else its lines.

    Example:
        >>> [(point.level, point.text) for point in plain_points(["# Rain", "## Cold", "# Sun"])]
        [(0, 'Rain'), (1, 'Cold'), (0, 'Sun')]
    """
    stripped = [line.strip() for line in lines]
    headings = [match for match in map(_HEADING.fullmatch, stripped) if match is not None]
    if len(headings) < 2 or any(_BARE_NUMBER.fullmatch(match["text"]) for match in headings):
        return tuple(Point(text=line) for line in stripped if line and not _NO_ITEM.match(line))
    depths = sorted({len(match["marks"]) for match in headings})
    return tuple(Point(text=match["text"], level=depths.index(len(match["marks"]))) for match in headings)


def parse_points(text: str) -> tuple[str, ...]:
    """The texts of a list's points in order, whatever their depth."""
    return tuple(point.text for point in parse_list(text))
