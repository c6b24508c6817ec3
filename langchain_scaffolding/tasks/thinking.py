"""Thinking aloud: what reasoning models write before their answer, between marks of their own."""

from __future__ import annotations

import re
from typing import Final

_PAIRS: Final = (
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<thoughts>", "</thoughts>"),
    ("<reasoning>", "</reasoning>"),
    ("<reflection>", "</reflection>"),
    ("<analysis>", "</analysis>"),
    ("<scratchpad>", "</scratchpad>"),
    ("<seed:think>", "</seed:think>"),
    ("[think]", "[/think]"),
    ("◁think▷", "◁/think▷"),
    ("<|start_thinking|>", "<|end_thinking|>"),
    ("<|channel|>analysis<|message|>", "<|channel|>final<|message|>"),
)
_STARTS: Final = tuple((start, re.compile(re.escape(end), re.IGNORECASE), len(end)) for start, end in _PAIRS)
_ANY_END: Final = re.compile("|".join(re.escape(end) for _, end in _PAIRS), re.IGNORECASE)
_ANY_MARK: Final = re.compile("|".join(re.escape(mark) for pair in _PAIRS for mark in pair), re.IGNORECASE)
_LONGEST_MARK: Final = max(len(start) for start, _ in _PAIRS)


class Thinking:
    """Takes leading thinking off an answer; thinking that never ends takes everything with it.

    Attributes:
        seen: Whether the answer thought aloud.
        unended: Whether it has not stopped thinking yet.
    """

    def __init__(self) -> None:
        self.seen = False
        self.unended = False
        self._held: str | None = ""
        self._end = _ANY_END
        self._end_length = 0

    def feed(self, text: str) -> str:
        """Take a piece; what may be handed out now."""
        if self._held is None:
            return text
        self._held += text
        while not self.unended or self._passed_end():
            start = self._held.lstrip()[:_LONGEST_MARK].lower()
            mark = next((each for each in _STARTS if start.startswith(each[0])), None)
            if mark is None:
                return "" if any(each[0].startswith(start) for each in _STARTS) else self.end()
            name, self._end, self._end_length = mark
            self.seen = self.unended = True
            self._held = self._held.lstrip()[len(name) :]
        return ""

    def end(self) -> str:
        """The answer has ended; what is still to be handed out."""
        held, self._held = self._held, None
        if held is None or self.unended:
            return ""
        return held.lstrip() if self.seen else held

    def _passed_end(self) -> bool:
        """Skip to behind the end of the thinking, if it has come."""
        held = self._held or ""
        match = self._end.search(held)
        if match is None:
            self._held = held[-self._end_length :]
            return False
        self._held = held[match.end() :]
        self.unended = False
        return True


def after_loose_end(text: str) -> str:
    """The text after thinking whose beginning is missing: some chat templates write that mark themselves.

    Example:
        >>> after_loose_end("The user wants a title.</think>Rain at last")
        'Rain at last'
    """
    end = _ANY_END.search(text)
    if end is None or _ANY_MARK.search(text, 0, end.start()) is not None:
        return text
    return text[end.end() :]


def has_marks(text: str) -> bool:
    """Whether a mark of thinking stands anywhere in a text."""
    return _ANY_MARK.search(text) is not None
