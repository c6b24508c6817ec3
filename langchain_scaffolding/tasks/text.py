"""The text that a scaffold works on: read from a call's input, made fit to be sent, and bounded."""

from __future__ import annotations

import re
from typing import Final

from langchain_scaffolding.errors import ConfigurationError
from langchain_scaffolding.rules.document import MOST_CHARACTERS

_CONTROL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")
_WORD: Final = re.compile(r"\w")


def readable(text: object, name: str = "text") -> str:
    r"""The text without what cannot be encoded or printed.

    Halves of a surrogate pair are joined, a lone one becomes a replacement character, control characters become spaces.

    Args:
        text: The text.
        name: What it is called in an error.

    Raises:
        ConfigurationError: It is no text, or longer than two million characters.

    Example:
        >>> readable("A\x00B \ud83d\ude00 \ud83d")
        'A B 😀 \ufffd'
    """
    if isinstance(text, (bytes, bytearray, memoryview)):
        raise ConfigurationError(f'{name} is bytes; decode it first, for example `{name}.decode("utf-8")`.')
    if not isinstance(text, str):
        msg = f"{name} is of type {type(text).__name__}; give a text, or messages or documents that hold one."
        raise ConfigurationError(msg if name == "text" else f"{name} is of type {type(text).__name__}; give a text.")
    if len(text) > MOST_CHARACTERS:
        msg = (
            f"{name} has {len(text):,} characters; {MOST_CHARACTERS:,} at most are read. Split it, and take each part."
        )
        raise ConfigurationError(msg)
    if not text.isascii():
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return _CONTROL.sub(" ", text)


def has_words(text: str) -> bool:
    """Whether there is anything to work on: a letter or digit of any script."""
    return _WORD.search(text) is not None
