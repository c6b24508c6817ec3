"""Marks of chat templates: small models write them around their answers, or run on into a turn that is not theirs."""

from __future__ import annotations

import re
from typing import Final

_ENDS: Final = (
    "<|im_end|>", "<|im_start|>", "<|eot_id|>", "<|eom_id|>", "<|end_of_text|>", "<|endoftext|>", "<|end|>",
    "<|end_of_turn|>", "<end_of_turn>", "<start_of_turn>", "<|start_header_id|>", "<|user|>", "<|system|>",
    "<|assistant|>", "<|return|>", "<|start|>", "</s>", "[INST]", "[/INST]",
)  # fmt: skip
_END: Final = re.compile("|".join(map(re.escape, _ENDS)))
_HEAD: Final = re.compile(
    r"\s*(?:(?:<s>|<\|im_start\|>|<\|start_header_id\|>|<start_of_turn>|<\|start\|>|<\|assistant\|>|\[/?INST\])"
    r"(?:assistant|model)?(?:<\|channel\|>final)?(?:<\|end_header_id\|>|<\|message\|>)?\s{0,4})+"
)
_HEAD_STARTS: Final = ("<s>", "<|im_start|>", "<|start_header_id|>", "<start_of_turn>", "<|start|>", "<|assistant|>",
                       "[INST]", "[/INST]")  # fmt: skip
_LONGEST_HEAD: Final = 80
_LONGEST_END: Final = max(map(len, _ENDS))


class Turn:
    """Takes off the mark that opens a model's turn, and all that follows on the first mark that ends it.

    Attributes:
        is_off: Whether marks are text: a text about chat templates may be told with them.
    """

    def __init__(self) -> None:
        self.is_off = False
        self._held = ""
        self._begun = False
        self._ended = False

    def feed(self, text: str) -> str:
        """Take a piece; what may be handed out now."""
        if self.is_off:
            return text
        self._held += text
        if not self._begun:
            start = self._held.lstrip()
            if len(start) < _LONGEST_HEAD and any(
                start.startswith(each) or each.startswith(start) for each in _HEAD_STARTS
            ):
                return ""
            self._begin()
        return self._ready(self._may_be_mark())

    def end(self) -> str:
        """The answer has ended; what is still to be handed out."""
        if not self._begun:
            self._begin()
        return self._ready(0)

    def _begin(self) -> None:
        self._begun = True
        match = _HEAD.match(self._held[:_LONGEST_HEAD])
        if match is not None:
            self._held = self._held[match.end() :]

    def _ready(self, kept_back: int) -> str:
        if self._ended:
            return ""
        match = _END.search(self._held)
        if match is not None:
            self._ended = True
            return self._held[: match.start()]
        ready = self._held[: len(self._held) - kept_back]
        self._held = self._held[len(ready) :]
        return ready

    def _may_be_mark(self) -> int:
        """How many of the last characters may be the beginning of a mark."""
        last = self._held[1 - _LONGEST_END :]
        start = max(last.rfind("<"), last.rfind("["))
        if start < 0 or not any(mark.startswith(last[start:]) for mark in _ENDS):
            return 0
        return len(last) - start


def has_turn_marks(text: str) -> bool:
    """Whether a mark of a chat template stands in a text.

    Example:
        >>> has_turn_marks("<|im_end|>"), has_turn_marks("a < b")
        (True, False)
    """
    return _END.search(text) is not None
