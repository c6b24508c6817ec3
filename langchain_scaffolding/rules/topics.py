"""Where a text turns to another topic: its paragraphs, or runs of sentences that share terms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from math import sqrt
from typing import Final

from langchain_scaffolding.rules.document import Document

_MOST_SEGMENTS: Final = 64
"""Segments that are compared; a longer text is first put together to this many."""


def topics(document: Document, most: int) -> list[list[int]]:
    """Return the body's sentence indices in at most `most` runs, each about one topic.

    Neighbours that share most terms are merged first (after M. Hearst, 1997, "TextTiling", and
    F. Choi, 2000, "Advances in domain independent linear text segmentation"), small ones sooner
    than large ones.

    >>> from langchain_scaffolding.rules.document import read
    >>> text = "The pump failed. The pump is old. The fee rises. Members pay the fee in May."
    >>> topics(read(text), 2)
    [[0, 1], [2, 3]]
    """
    by_block = [list(run) for _, run in groupby(document.body, key=lambda i: document.sentences[i].block)]
    segments = by_block if len(by_block) > 1 else [[index] for index in document.body]
    segments = _evenly(segments, _MOST_SEGMENTS)
    counts = [_count(document, segment) for segment in segments]
    distances = [_distance(segments, counts, at, len(document.body)) for at in range(len(segments) - 1)]
    while len(segments) > most:
        at = min(range(len(distances)), key=distances.__getitem__)
        segments[at] += segments.pop(at + 1)
        counts[at] += counts.pop(at + 1)
        distances.pop(at)
        for beside in (at - 1, at):
            if 0 <= beside < len(distances):
                distances[beside] = _distance(segments, counts, beside, len(document.body))
    return segments


def _evenly(segments: list[list[int]], most: int) -> list[list[int]]:
    size = -(-len(segments) // most)
    if size <= 1:
        return [list(segment) for segment in segments]
    return [
        [index for segment in segments[start : start + size] for index in segment]
        for start in range(0, len(segments), size)
    ]


def _count(document: Document, segment: Sequence[int]) -> Counter[str]:
    return Counter(term for index in segment for term in document.terms[index])


def _distance(segments: list[list[int]], counts: list[Counter[str]], at: int, total: int) -> float:
    """Return how far apart a segment and the next are; large ones are further."""
    size = len(segments[at]) + len(segments[at + 1])
    return size / total - _cosine(counts[at], counts[at + 1])


def _cosine(one: Counter[str], other: Counter[str]) -> float:
    shared = sum(count * other[term] for term, count in one.items() if term in other)
    if shared == 0:
        return 0.0
    return shared / sqrt(sum(count**2 for count in one.values()) * sum(count**2 for count in other.values()))
