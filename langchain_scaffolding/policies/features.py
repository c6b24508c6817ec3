"""What a policy sees of a text: eight cheap measures and the stems of its words, as numbers without the text."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from operator import itemgetter
from typing import Self
from zlib import crc32

MEASURES = ("length", "digits", "lines", "sentences", "code", "mathematics", "word_length", "capitals")
"""Measures of a text, in the order of `TextFeatures.measures`."""

BUCKETS = 4096
"""Stems are hashed into this many buckets, a power of two, so that no word can be read back."""

_CHARACTERS = 2000
_HEAD, _TAIL = 480, 160
_STEM = 5
_BUCKET = BUCKETS - 1  # what is left of a hash
_stem_of = itemgetter(slice(_STEM))
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W\d_]+|\d+")  # of Chinese and Japanese, each character
# of ASCII: small letters and digits as they are, capitals as small letters, a space for all else
_WORDS = bytes(ord(chr(code).lower()) if code < 128 and chr(code).isalnum() else 32 for code in range(256))
_COUNTED = (b"0123456789", b"{}();=<>[]_`", b"$^\\+*/%", b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", b" ", b"\n", b"?!")
_KINDS = bytes(next((kind for kind, each in enumerate(_COUNTED) if code in each), 255) for code in range(256))
_UNCOUNTED = bytes(code for code, kind in enumerate(_KINDS) if kind == 255)
_DIGITS, _CODE, _MATHEMATICS, _CAPITALS, _SPACES, _LINES, _CALLS = range(len(_COUNTED))


class TextFeatures(Mapping[str, float]):
    """What a policy sees of one text; as a mapping, its measures by name.

    Attributes:
        measures: The measures, in the order of `MEASURES`: logarithms of counts, the mean length of words in
            characters, and tenths of capital letters.
        stems: The distinct buckets of its words' first five letters.

    Example:
        >>> features = TextFeatures.of("Name three steps to make tea.")
        >>> round(features["length"], 2), features["digits"], len(features.stems)
        (3.4, 0.0, 6)
    """

    __slots__ = ("measures", "stems")

    def __init__(self, measures: tuple[float, ...], stems: tuple[int, ...]) -> None:
        self.measures = measures
        self.stems = stems

    @classmethod
    def of(cls, text: str) -> Self:
        """The features of a text, of which the first 2,000 characters are measured, and the two ends read for words."""
        if not text:
            return cls((0.0,) * len(MEASURES), ())
        start = text[:_CHARACTERS]
        ends = start if len(start) <= _HEAD + _TAIL else f"{start[:_HEAD]} {start[-_TAIL:]}"
        return cls(_measures(start, len(text)), tuple({code & _BUCKET for code in map(crc32, _stems(ends))}))

    def __getitem__(self, name: str) -> float:
        if name not in MEASURES:
            raise KeyError(name)
        return self.measures[MEASURES.index(name)]

    def __iter__(self) -> Iterator[str]:
        return iter(MEASURES)

    def __len__(self) -> int:
        return len(MEASURES)

    def __reduce__(self) -> tuple[type[TextFeatures], tuple[tuple[float, ...], tuple[int, ...]]]:
        return type(self), (self.measures, self.stems)


def _stems(text: str) -> set[bytes]:
    if text.isascii():  # four times as fast as a regular expression
        return set(map(_stem_of, text.encode().translate(_WORDS).split()))
    return {word[:_STEM].encode("utf-8", "replace") for word in _WORD.findall(text.lower())}


def _measures(start: str, length: int) -> tuple[float, ...]:
    raw = start.encode("utf-8", "replace")
    log, count = math.log1p, raw.translate(_KINDS, _UNCOUNTED).count  # ten times as fast as a regular expression
    sentences = raw.count(b". ") + 1
    if count(_CALLS):  # counting two bytes takes as long as half of all this
        sentences += raw.count(b"? ") + raw.count(b"! ")
    return (
        log(length),
        log(count(_DIGITS)),
        log(count(_LINES)),
        log(sentences),
        log(count(_CODE)),
        log(count(_MATHEMATICS)),
        min(len(start) / (count(_SPACES) + 1), 12.0),
        10.0 * count(_CAPITALS) / len(start),
    )
