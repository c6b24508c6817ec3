"""The rule of the task `title`: the text's own heading, else its weightiest phrase."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import sqrt
from typing import Final

from langchain_scaffolding.rules.answer import RuleAnswer, abstain
from langchain_scaffolding.rules.clauses import clauses, clipped, without_parentheses
from langchain_scaffolding.rules.cues import capitalized, opens_with_cue, split_at_cues, without_connective
from langchain_scaffolding.rules.document import Document, read
from langchain_scaffolding.rules.options import positive
from langchain_scaffolding.rules.ranking import choose
from langchain_scaffolding.rules.stopwords import heavy_words
from langchain_scaffolding.rules.words import is_unspaced, terms

_CANDIDATES: Final = 4
_UNSPACED_CHARACTERS: Final = 2.5
"""Characters that stand for a word where no spaces are."""
_FIRST_SENTENCE_BONUS: Final = 1.5
_CLAUSE_BORDER_BONUS: Final = 1.15
_SUBORDINATE_MALUS: Final = 0.5
_LEADING_NUMBER_MALUS: Final = 0.6
_FEW_WORDS: Final = 3
_FEW_WORDS_MALUS: Final = 0.6
_END: Final = " .,;:!?？¿¡…。，、；：！-–—\"'“”‘’«»„"


def title(text: str, *, max_words: int = 8) -> RuleAnswer:
    """Return a title of at most `max_words` words, all of them one stretch of the text.

    Args:
        text: The text.
        max_words: Most words; in scripts without spaces two and a half characters count as one.

    Raises:
        ConfigurationError: If `max_words` is not a whole number above zero.

    >>> title("How do I reset my password on the company laptop? It is locked.").text
    'Reset my password on the company laptop'
    """
    positive("max_words", max_words)
    document = read(text)
    if not document.body:
        return abstain("no_text", document.language)
    index, found = _own(document, max_words) or _best(document, max_words)
    if not found:
        return abstain("nothing_found", document.language)
    return RuleAnswer(text=capitalized(found), sentences=(index,), language=document.language)


def _own(document: Document, most: int) -> tuple[int, str] | None:
    """Return the heading that the text begins with, or a text that is no longer than a title."""
    opening = document.sentences[0]
    is_all = len(document.sentences) == 1
    if opening.kind != "heading" and not is_all:
        return None
    own = opening.text.strip(_END)
    return (0, own) if own and _length(own) <= most else None


def _length(text: str) -> int:
    if is_unspaced(text):
        return int(len(text) / _UNSPACED_CHARACTERS)
    return len(text.split())


def _best(document: Document, most: int) -> tuple[int, str]:
    first = document.body[0]
    tried = dict.fromkeys([first, *choose(document, limit=_CANDIDATES, brevity=0.5)])
    scored = [
        (_worth(document, stretch) * factor * (_FIRST_SENTENCE_BONUS if index == first else 1.0), -index, stretch)
        for index in tried
        for stretch, factor in _stretches(document, document.said(index), most)
        if stretch
    ]
    if not scored:
        return first, ""
    _, place, stretch = max(scored)
    return -place, stretch


def _worth(document: Document, stretch: str) -> float:
    found = set(terms(stretch, document.language))
    weight = float(sum(document.term_weights[term] for term in found)) + len(found) / 2
    length = _length(stretch)
    if length < _FEW_WORDS:
        weight *= _FEW_WORDS_MALUS
    if stretch[:1].isdigit():
        weight *= _LEADING_NUMBER_MALUS
    return weight / sqrt(length + 4)


def _stretches(document: Document, sentence: str, most: int) -> Iterator[tuple[str, float]]:
    """Yield the stretches of a sentence's clauses that can stand alone, each with a factor on its worth."""
    language = document.language
    bare = without_connective(without_parentheses(sentence), language)
    for clause in (part for whole in clauses(bare) for part in split_at_cues(whole, language)):
        factor = _SUBORDINATE_MALUS if opens_with_cue(clause, language) else 1.0
        clean = clause.strip(_END)
        if is_unspaced(clean):
            yield clipped(clean, int(most * _UNSPACED_CHARACTERS)).rstrip("…"), factor
        else:
            for stretch, bonus in _between_light_words(clean.split(), most, language):
                yield stretch, factor * bonus


def _between_light_words(tokens: Sequence[str], most: int, language: str | None) -> Iterator[tuple[str, float]]:
    """Yield the stretches that begin and end at a border of the clause or beside a light word."""
    heavy = heavy_words([token.strip(_END) for token in tokens], language)
    places = [place for place, is_heavy in enumerate(heavy) if is_heavy]
    if not places:
        return
    starts = [place for place in places if place == places[0] or not heavy[place - 1]]
    ends = [place for place in places if place == places[-1] or not heavy[place + 1]]
    found = [(start, end) for start in starts for end in ends if start <= end < start + most]
    for start, end in found or [(places[0], min(places[0] + most, len(tokens)) - 1)]:
        borders = (start == places[0]) + (end == places[-1])
        yield " ".join(tokens[start : end + 1]).strip(_END), _CLAUSE_BORDER_BONUS**borders
