"""Cleaners: what takes thinking, preambles and closings off an answer, whole or while it streams.

A cleaner is fed the pieces of one answer and gives back what may be handed out. However an answer is cut into pieces,
what is given back joins to the same text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, Protocol

from langchain_scaffolding.rules.lists import Point, formatted
from langchain_scaffolding.tasks.lists import ListReader, add_to, plain_points
from langchain_scaffolding.tasks.phrases import LONGEST_PREAMBLE, PREAMBLES, is_closing, may_be_closing, may_be_preamble
from langchain_scaffolding.tasks.thinking import Thinking
from langchain_scaffolding.tasks.turns import Turn

_TAGS = "text|answer|output|response|result|summary|outline|title|query"
_FENCE: Final = re.compile(r"```[\w-]{0,20}[ \t]{0,8}\n\s{0,8}")
_TAG: Final = re.compile(rf"<(?:{_TAGS})>\s{{0,8}}", re.IGNORECASE)
_END_OF_WRAPPING: Final = re.compile(rf"\s*(?:```|</(?:{_TAGS})>)\s*\Z", re.IGNORECASE)
_MAY_END_WRAPPING: Final = re.compile(r"\s*(?:`{1,3}|</?[a-z]{0,8}>?)?\s*\Z", re.IGNORECASE)
_LONGEST_END = 40
_SENTENCE_START: Final = re.compile(r"\n\s*|(?<=[.!?…])\s+|(?<=[。！？])\s*")
_MAY_LEAD: Final = re.compile(r"[#*_>\-•\s]*\d{0,3}[.)]?\s*[*_\s]*[\"'“”„«「『‘]?[*_]{0,2}")
_LEAD: Final = re.compile(
    r"[#>\s]*(?:[-•*]\s+|\d{1,3}[.)]\s+)?[*_]{0,3}\s*(?P<quote>[\"'“”„«「『‘](?=\S))?[*_]{0,2}",
)
_QUOTES: Final = {'"': '"', "'": "'", "“": "”", "”": "”", "„": "“", "«": "»", "「": "」", "『": "』", "‘": "’"}
_TRAILING: Final = re.compile(r"[\s*_\"'”“’»」』.。]*\Z")


class Stage(Protocol):
    """One step of cleaning."""

    def feed(self, text: str) -> str:
        """Take a piece; what may be handed out now."""
        ...

    def end(self) -> str:
        """The answer has ended; what is still to be handed out."""
        ...


class Cleaner:
    r"""Cleans one answer: takes off thinking and the marks of chat templates, then what the further stages take off.

    Args:
        *stages: What follows these.

    Attributes:
        thinking: What was seen of the model's thinking.
        turn: What takes off the marks of chat templates.

    Example:
        >>> cleaner = prose_cleaner("Summary")
        >>> cleaner.feed("<thi"), cleaner.feed("nk>Hm.</think>Sure! Here is a"), cleaner.feed(" summary:\n\nIt rai")
        ('', '', 'It rai')
        >>> cleaner.feed("ned.\n\nLet me know if"), cleaner.end()
        ('ned.', '')
    """

    def __init__(self, *stages: Stage) -> None:
        self.thinking = Thinking()
        self.turn = Turn()
        self._stages: tuple[Stage, ...] = (self.thinking, self.turn, *stages)

    def feed(self, text: str) -> str:
        """Take a piece; what may be handed out now."""
        for stage in self._stages:
            if not text:
                break
            text = stage.feed(text)
        return text

    def end(self) -> str:
        """The answer has ended; what is still to be handed out."""
        text = ""
        for stage in self._stages:
            text = (stage.feed(text) if text else "") + stage.end()
        return text


def prose_cleaner(*labels: str) -> Cleaner:
    """A cleaner for an answer in prose; `labels` are words like "Summary" that a model may put before it."""
    opening = Opening(labels)
    return Cleaner(opening, Ending(opening))


def line_cleaner(*labels: str) -> Cleaner:
    """A cleaner for an answer of one line: the first line, without quotes, emphasis and full stop around it."""
    opening = Opening(labels)
    return Cleaner(opening, FirstLine(opening))


def list_cleaner(style: str) -> Cleaner:
    """A cleaner for a list: its points in one style, without what stands before and after the list."""
    return Cleaner(Points(style))


class Opening:
    """Takes off what stands before the answer: politeness, a fence or tag around it, a label.

    Args:
        labels: Words that a model may put before the answer, such as "Summary".

    Attributes:
        is_wrapped: Whether a fence or tag was taken off, whose other half stands at the end.
    """

    def __init__(self, labels: tuple[str, ...] = ()) -> None:
        self.is_wrapped = False
        self._held: str | None = ""
        self._labels = tuple(label.lower() for label in labels)
        names = "|".join(map(re.escape, sorted(labels, key=len, reverse=True))) or r"(?!)"
        label = re.compile(
            rf"(?:#{{1,6}}[ \t]{{0,4}})?(?:\*\*|__)?(?:{names})(?:\*\*|__)?"
            r"(?:[:：](?:\*\*|__)?\s{0,8}|(?<=[*_])\s{1,8}|[ \t]{0,8}\n\s{0,8})",
            re.IGNORECASE,
        )
        self._patterns = [*PREAMBLES, _FENCE, _TAG, label]

    def feed(self, text: str) -> str:
        """Take a piece; what may be handed out now."""
        if self._held is None:
            return text
        self._held = (self._held + text).lstrip()
        while (match := self._match()) is not None:
            if match.end() == len(self._held):
                return ""  # the space that follows may go on
            self._take_off(match)
        if len(self._held) < LONGEST_PREAMBLE and "\n" not in self._held and self._may_match(self._held.lower()):
            return ""
        return self._release()

    def end(self) -> str:
        """The answer has ended; what is still to be handed out."""
        while self._held and (match := self._match()) is not None:
            self._take_off(match)
        return self._release()

    def _match(self) -> re.Match[str] | None:
        matches = (pattern.match(self._held or "") for pattern in self._patterns)
        return next(filter(None, matches), None)

    def _take_off(self, match: re.Match[str]) -> None:
        self._patterns.remove(match.re)
        self.is_wrapped = self.is_wrapped or match.re in {_FENCE, _TAG}
        self._held = (self._held or "")[match.end() :].lstrip()

    def _may_match(self, start: str) -> bool:
        bare = start.lstrip("#*_ \t")
        return (
            may_be_preamble(start)
            or start.startswith("```"[: len(start)])
            or (start.startswith("<") and start.removeprefix("<").isalpha())
            or start == "<"
            or any(bare.startswith(label) or label.startswith(bare) for label in self._labels)
        )

    def _release(self) -> str:
        held, self._held = self._held or "", None
        return held


class Ending:
    """Takes off what stands after prose: space, the end of what was wrapped around it, offers of more help.

    Args:
        opening: What was taken off before the answer.
    """

    def __init__(self, opening: Opening) -> None:
        self._opening = opening
        self._held = ""
        self._last = ""

    def feed(self, text: str) -> str:
        """Take a piece; what may be handed out now."""
        self._held += text
        ready = self._answer(may_be_closing, _MAY_END_WRAPPING)
        self._held = self._held[len(ready) :]
        self._last = ready[-1:] or self._last
        return ready

    def end(self) -> str:
        """The answer has ended; what is still to be handed out."""
        return self._answer(is_closing, _END_OF_WRAPPING)

    def _answer(self, is_last_closing: Callable[[str], bool], end_of_wrapping: re.Pattern[str]) -> str:
        """What of the text held is the answer, its last sentence judged by `is_last_closing`."""
        # the character that was handed out last tells whether a sentence begins
        text = self._last + self._held
        kept, judge = len(text), is_last_closing
        for start in reversed([match.end() for match in _SENTENCE_START.finditer(text)]):
            if text[start:kept].strip() and not judge(text[start:kept]):
                break
            kept, judge = start, is_closing
        answer = text[:kept].rstrip()
        if self._opening.is_wrapped:
            match = end_of_wrapping.search(answer, max(0, len(answer) - _LONGEST_END))
            answer = answer if match is None else answer[: match.start()]
        return answer[len(self._last) :]


class FirstLine:
    """Takes the first line, without the marker, emphasis, quotes and full stop around it.

    Args:
        opening: What was taken off before the answer.
    """

    def __init__(self, opening: Opening) -> None:
        self._opening = opening
        self._held = ""
        self._begun = False
        self._ended = False
        self._quote = ""
        self._last = ""

    def feed(self, text: str) -> str:
        """Take a piece; what may be handed out now."""
        if self._ended:
            return ""
        self._held += text
        if not self._begun:
            self._held = self._held.lstrip()
            if _MAY_LEAD.fullmatch(self._held):
                return ""
            self._begin()
        line, newline, _ = self._held.partition("\n")
        if newline:
            return self._finish(line)
        ready = _TRAILING.sub("", line.partition("<")[0] if self._opening.is_wrapped else line, count=1)
        self._held = line[len(ready) :]
        self._last = ready[-1:] or self._last
        return ready

    def end(self) -> str:
        """The answer has ended; what is still to be handed out."""
        if self._ended:
            return ""
        if not self._begun:
            self._begin()
        return self._finish(self._held.partition("\n")[0])

    def _begin(self) -> None:
        self._begun = True
        match = _LEAD.match(self._held)
        if match is None:
            return
        self._quote = _QUOTES.get(match["quote"] or "", "")
        self._held = self._held[match.end() :]

    def _finish(self, line: str) -> str:
        self._ended = True
        if self._opening.is_wrapped:
            line = line.partition("</")[0]
        line = line.rstrip().rstrip("*_").rstrip()
        for _ in range(2):
            if self._quote and line.endswith(self._quote):
                line, self._quote = line[: -len(self._quote)], ""
            elif line.endswith((".", "。")) and not self._is_abbreviated(line):
                line = line[:-1]
        return line.rstrip()

    def _is_abbreviated(self, line: str) -> bool:
        """Whether the last stop belongs to the word before it, as in "U.S." or "and so on..."."""
        return (self._last + line)[-2:-1] == "." or (self._last + line)[-2:-1].isupper()


class Points:
    """Takes the points of a list, each when its line is complete, and writes them in one style.

    Args:
        style: "bullet", "numbered" or "roman".
    """

    def __init__(self, style: str) -> None:
        self._style = style
        self._reader = ListReader()
        self._points: list[Point] = []
        self._unmarked: list[str] = []
        self._line = ""
        self._given = 0

    def feed(self, text: str) -> str:
        """Take a piece; what may be handed out now."""
        *lines, self._line = (self._line + text).split("\n")
        for line in lines:
            self._take(line)
        return self._new()

    def end(self) -> str:
        """The answer has ended; what is still to be handed out."""
        self._take(self._line)
        if not self._points:
            opening = Opening()
            text = opening.feed("\n".join(self._unmarked)) + opening.end()
            self._points += plain_points(text.split("\n"))
        return self._new()

    def _take(self, line: str) -> None:
        found = self._reader.take(line)
        if isinstance(found, str) and is_closing(found):
            return
        add_to(self._points, found)
        if not self._points and not is_closing(line):
            self._unmarked.append(line)

    def _new(self) -> str:
        """What was not handed out yet: points are only ever added, or go on at their end."""
        text = formatted(self._points, self._style)
        new, self._given = text[self._given :], len(text)
        return new
