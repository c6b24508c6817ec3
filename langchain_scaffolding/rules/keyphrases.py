"""The phrases a text is about, each a stretch of the text itself."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from math import log2, sqrt
from typing import Final

from langchain_scaffolding.rules.document import Document
from langchain_scaffolding.rules.stopwords import STOP_WORDS
from langchain_scaffolding.rules.words import MARKS, UNSPACED, WORD, terms

_MOST_SENTENCES: Final = 500
"""A topic shows within these; counting the phrases of a whole book would take seconds."""
_MOST_WORDS: Final = 4
_SHORTEST: Final = 4
_MOST_CHARACTERS: Final = 8
_BREAK: Final = re.compile(rf"[^\w{MARKS}\s'’.\-%]+|[.](?=\s|$)")
_APOSTROPHE: Final = re.compile("['’]")
_UNSPACED_RUN: Final = re.compile(rf"[{UNSPACED}]+")
# Where a run of Chinese or Japanese characters falls into words: function characters, and in
# Japanese every change to hiragana.
_FUNCTION_CHARACTERS: Final = re.compile(
    "[的了是在和与及也就都而但把被对这那有没不会我你他她它们之以其从到说着很更最已还又再让给向于为后]|[\u3041-\u3096]+"
)
_NO_WORDS: Final[frozenset[str]] = frozenset()


def key_phrases(document: Document, count: int, among: Sequence[int] | None = None) -> list[str]:
    """Return at most `count` phrases, the weightiest first, none sharing a word with another.

    A phrase is a run of content words (S. Rose et al., 2010, "Automatic keyword extraction from
    individual documents") or a part of one that the text repeats. It weighs more the more often
    it occurs, the longer it is, and the more sentences hold its terms.

    >>> from langchain_scaffolding.rules.document import read
    >>> text = "The harbour bridge is closed. Trams cross the harbour bridge. Shops complain."
    >>> key_phrases(read(text), 2)
    ['harbour bridge', 'Trams cross']
    """
    indices = document.body if among is None else among
    counts: Counter[str] = Counter()
    whole: set[str] = set()
    first: dict[str, str] = {}
    for index in islice(indices, _MOST_SENTENCES):
        for run, glue in phrases(document.said(index), document.language):
            whole.add(glue.join(run).casefold())
            for phrase in _parts(run, glue):
                key = phrase.casefold()
                counts[key] += 1
                first.setdefault(key, phrase)
    order = list(first)
    scores = {key: _score(key, counts[key], document) for key in order if counts[key] > 1 or key in whole}
    return _apart([first[key] for key in sorted(scores, key=lambda key: -scores[key])], count)


def _parts(run: Sequence[str], glue: str) -> Iterator[str]:
    """Yield the whole run, and each shorter stretch of it that can be a phrase."""
    least = 1 if glue else 2
    for start in range(len(run)):
        for stop in range(start + least, len(run) + 1):
            yield glue.join(run[start:stop])


def _score(phrase: str, count: int, document: Document) -> float:
    found = terms(phrase, document.language)
    if not found or (
        len(found) == 1 and len(phrase) < _SHORTEST and phrase[0].isalpha() and _UNSPACED_RUN.match(phrase) is None
    ):
        return 0.0
    weight = sum(document.term_weights[term] for term in found) / len(found)
    return count * log2(1 + len(found)) * sqrt(weight)


def _apart(found: Sequence[str], count: int) -> list[str]:
    kept: list[str] = []
    used: set[str] = set()
    for phrase in found:
        words = set(WORD.findall(phrase.casefold()))
        inside = any(phrase in other or other in phrase for other in kept)
        if not inside and not words & used:
            kept.append(phrase)
            used |= words
        if len(kept) == count:
            break
    return kept


def phrases(sentence: str, language: str | None) -> Iterator[tuple[list[str], str]]:
    """Yield the runs of content words of a sentence in order, and what glues their words.

    >>> [glue.join(run) for run, glue in phrases("The council of Halden closed the bridge.", "en")]
    ['council', 'Halden closed', 'bridge']
    >>> [glue.join(run) for run, glue in phrases("茶叶的寿命", "zh")]
    ['茶叶', '寿命']
    """
    stop = STOP_WORDS.get(language or "", _NO_WORDS)
    for stretch in _BREAK.split(sentence):
        if _UNSPACED_RUN.search(stretch) is None:
            yield from ((run, " ") for run in _spaced(stretch, stop))
        else:
            yield from ((list(run), "") for run in _unspaced(stretch))


def _spaced(stretch: str, stop: frozenset[str]) -> Iterator[list[str]]:
    """Yield the runs of words between function words; a number and its unit are no topic."""
    run: list[str] = []
    counted = False
    for token in (*stretch.split(), ""):
        bare = token.strip("'’.-%")
        is_number = bare[:1].isdigit()
        parts = _APOSTROPHE.split(bare.casefold())
        if bare and not is_number and not all(part in stop for part in parts) and len(run) < _MOST_WORDS:
            run.append(bare)
            continue
        if run and not counted:
            yield run
        run, counted = [], is_number


def _unspaced(stretch: str) -> Iterator[str]:
    for run in _UNSPACED_RUN.findall(stretch):
        for part in _FUNCTION_CHARACTERS.split(run):
            if 2 <= len(part) <= _MOST_CHARACTERS:
                yield part
