"""Sentences of any language, cut by `sentencex` and guarded against what it cannot take."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import sentencex

from langchain_scaffolding.rules.blocks import NAMED
from langchain_scaffolding.rules.clauses import CLAUSE_END, pieces
from langchain_scaffolding.rules.words import UNSPACED

_PIECE: Final = 2_000
"""Characters handed to `sentencex` at once: on long Chinese or quoted text its time is squared."""
LONGEST: Final = 700
"""A sentence longer than this is cut at a clause: transcripts and logs have no full stops."""
_PIECE_END: Final = re.compile(r"[.!?…]+[\"'”’»)\]]*\s+|[。！？؟।．][”」』）]*\s*|\n")
_UNSPACED_END: Final = re.compile(rf"[{UNSPACED}，。、！？；：」』）]$")
ENDED: Final = re.compile(r"[.!?…。！？؟।．:：][\"'”’»)\]」』）]*$")
_NARROWEST_WRAP: Final = 20
# Abbreviations that stand before a name or number and that `sentencex` 1.0 takes for an end.
_NO_END: Final[dict[str, tuple[str, ...]]] = {
    "en": ("Ms.", "Mx.", "Messrs.", "Figs.", "Eq.", "Vol.", "approx.", "est.", "avg.", "Ch."),
    "de": ("Frl.", "inkl.", "Tel.", "Abb.", "Abs.", "Bd.", "Dipl.-Ing.", "geb.", "gest.", "Hrsg."),
    "fr": ("M.", "MM.", "Mme.", "Mlle.", "Dr.", "Pr.", "Me.", "Mgr.", "St.", "Ste.", "bd.", "no."),
    "es": ("D.", "Dña.", "aprox."),
    "it": ("pag.", "pagg.", "n.", "S."),
    "pt": ("Srta.", "Profa.", "Av.", "R.", "p.", "pág.", "cap.", "nº.", "tel.", "aprox."),
    "ru": ("т. е.", "им.", "рис.", "доц.", "инж.", "ст.", "напр.", "обл."),
    "nl": ("mevr.", "o.a.", "d.w.z."),
    "pl": ("dr.", "mgr.", "inż.", "tj.", "m.in.", "nr.", "str.", "ok.", "św."),
}


def cut_sentences(text: str, language: str | None) -> list[str]:
    """Return the sentences of a text that is one paragraph, without the space around them.

    >>> cut_sentences("Dr. Smith et al. paid $3.14. He left.", "en")
    ['Dr. Smith et al. paid $3.14.', 'He left.']
    """
    language = language or "en"
    cut = (sentence for piece in pieces(text, _PIECE_END, _PIECE) for sentence in sentencex.segment(language, piece))
    found = _rejoined(cut, _NO_END.get(language, ()))
    parts = (" ".join(part.split()) for one in found for part in pieces(one, CLAUSE_END, LONGEST))
    return [part for part in parts if part]


def _rejoined(sentences: Iterable[str], abbreviations: tuple[str, ...]) -> Iterator[str]:
    """Yield the sentences, one that ends in an abbreviation together with the next."""
    begun = ""
    for sentence in sentences:
        begun += sentence
        if not _ends_in(begun.rstrip(), abbreviations):
            yield begun
            begun = ""
    if begun:
        yield begun


def _ends_in(sentence: str, abbreviations: tuple[str, ...]) -> bool:
    return any(sentence.endswith(short) and not sentence[: -len(short)][-1:].isalnum() for short in abbreviations)


def joined(parts: Iterable[str]) -> str:
    """Return parts as one running text, with a space between them where their script has spaces.

    >>> joined(["It rains.", "We stay."]), joined(["下雨了。", "我们在家。"])
    ('It rains. We stay.', '下雨了。我们在家。')
    """
    glued: list[str] = []
    for part in parts:
        if glued and _UNSPACED_END.search(glued[-1]) is None:
            glued.append(" ")
        glued.append(part)
    return "".join(glued)


def unwrapped(lines: Sequence[str]) -> list[str]:
    """Return the lines of a paragraph with those joined that only the page's width had parted.

    >>> unwrapped(["The ferry that used to run twice a day", "stopped.", "Anna: Why?", "Ben: Ice."])
    ['The ferry that used to run twice a day stopped.', 'Anna: Why?', 'Ben: Ice.']
    """
    width = max(map(len, lines))
    found: list[list[str]] = []
    for line in lines:
        if found and _goes_on(found[-1][-1], line, width):
            found[-1].append(line)
        else:
            found.append([line])
    return [joined(parts) for parts in found]


def _goes_on(line: str, following: str, width: int) -> bool:
    if NAMED.match(following):
        return False
    if following[0].islower():
        return True
    return width >= _NARROWEST_WRAP and 3 * len(line) >= 2 * width and ENDED.search(line) is None
