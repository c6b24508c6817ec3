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
    grows" is text.
    """

    def __init__(self) -> None:
        self._open: list[_OpenList] = []
        self._is_apart = False

    def take(self, line: str) -> Point | str | None:
        """What a line is: a new point, the text by which the last point goes on, or `None` for neither."""
        text = line.strip()
        if not text or _NO_ITEM.match(text):
            self._is_apart = True
            return None
        indent = _indent_of(line)
        marker = self._reading(text, indent)
        if marker is not None:
            self._is_apart = False
            return Point(text=marker.content, level=self._level(marker, indent))
        if not self._open or (self._is_apart and indent == 0):
            self._is_apart = True
            return None
        self._is_apart = False
        return text

    def _reading(self, text: str, indent: int) -> Marker | None:
        """The marker of a line: one that goes on with a list, else one that may begin any."""
        found = readings(text)
        for marker in found:
            if any(each.holds(marker, indent) and each.ordinal == marker.ordinal - 1 for each in self._open):
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
    """The lines of a list without markers."""
    stripped = (line.strip() for line in lines)
    return tuple(Point(text=line) for line in stripped if line and not _NO_ITEM.match(line))


def parse_points(text: str) -> tuple[str, ...]:
    """The texts of a list's points in order, whatever their depth."""
    return tuple(point.text for point in parse_list(text))
