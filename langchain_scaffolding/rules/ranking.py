"""Which sentences say most of a text in the least words.

A sentence is worth the content terms it adds to those already chosen, each weighted by the number
of sentences that hold it, per token of its length: greedy maximum coverage, whose choice is at
least (1 - 1/e) of the best for a limit of sentences (D. Gillick, B. Favre, 2009, "A scalable global
model for summarization"; H. Lin, J. Bilmes, 2010, "Multi-document summarization via budgeted
maximization of submodular functions"). What is said already counts for nothing, so no further
guard against repetition is needed, and time grows with the text and not with its square.
`docs/rules.md` has the numbers against LexRank, TextRank and MMR.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable, Mapping
from typing import Final

from langchain_scaffolding.rules.document import Document
from langchain_scaffolding.rules.words import tokens

# Tuned on one half of benchmarks/data, measured on the other.
_NUMBER_BONUS: Final = 1.3
_FIRST_OF_BLOCK_BONUS: Final = 1.2
_QUESTION_MALUS: Final = 0.5
_FEW_TERMS: Final = 4
_FEW_TERMS_MALUS: Final = 0.5

_NUMBER: Final = re.compile(r"\d|[〇零一二三四五六七八九十百千万亿億]{2}")
_QUESTION: Final = re.compile(r"[?？؟]\W*$")


def is_question(sentence: str) -> bool:
    """Tell whether a sentence ends in a question mark of any script.

    >>> is_question("Why?"), is_question("「なぜ？」"), is_question("Because.")
    (True, True, False)
    """
    return _QUESTION.search(sentence) is not None


def choose(
    document: Document,
    *,
    limit: int | None = None,
    budget: int | None = None,
    among: Iterable[int] | None = None,
    favour: Mapping[int, float] | None = None,
    brevity: float = 1.0,
) -> list[int]:
    """Return the indices of the sentences that say most, best first.

    Args:
        document: The text.
        limit: Most sentences to choose; `None` for as many as add something.
        budget: Most tokens they may have together; a sentence that does not fit is passed over.
        among: Indices to choose from; the whole body if not given.
        favour: Factors on the worth of single sentences.
        brevity: 1 weighs what a sentence adds by its length in tokens, 0 ignores the length.

    >>> from langchain_scaffolding.rules.document import read
    >>> text = "Rust eats iron. Rust eats iron quickly near the sea. Paint keeps water off the iron."
    >>> choose(read(text), limit=2, brevity=0.0)
    [1, 2]
    """
    indices = list(document.body if among is None else among)
    weights = document.term_weights
    lengths = {index: tokens(document.sentences[index].text + " ") for index in indices}
    favour = favour or {}
    factors = {index: factor(document, index) * favour.get(index, 1.0) / lengths[index] ** brevity for index in indices}
    new = {index: set(document.terms[index]) for index in indices}
    # What a sentence adds only ever shrinks, so an entry is weighed anew only when it is on top.
    heap = [(-factors[index] * sum(weights[term] for term in new[index]), index) for index in indices]
    heapq.heapify(heap)
    chosen: list[int] = []
    said: set[str] = set()
    left = budget
    while heap and (limit is None or len(chosen) < limit):
        old, index = heapq.heappop(heap)
        new[index] -= said
        worth = -factors[index] * sum(weights[term] for term in new[index])
        if worth == 0 or (left is not None and lengths[index] > left):
            continue
        if worth > old and heap and (worth, index) > heap[0]:
            heapq.heappush(heap, (worth, index))
            continue
        chosen.append(index)
        said |= new[index]
        left = None if left is None else left - lengths[index]
    return chosen


def factor(document: Document, index: int) -> float:
    """Return by how much the kind and place of a sentence raise or lower its worth.

    >>> from langchain_scaffolding.rules.document import read
    >>> factor(read("The pump of the club failed in June 1990. Must we pay for a new garden pump?"), 1)
    0.5
    """
    text = document.sentences[index].text
    found = 1.0
    if _NUMBER.search(text) is not None:
        found *= _NUMBER_BONUS
    if document.opens_block(index):
        found *= _FIRST_OF_BLOCK_BONUS
    if is_question(text):
        found *= _QUESTION_MALUS
    if len(set(document.terms[index])) < _FEW_TERMS:
        found *= _FEW_TERMS_MALUS
    return found
