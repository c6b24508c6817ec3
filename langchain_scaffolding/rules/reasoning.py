"""The rule of the task `reasoning`: what is given, what follows from it, and what is asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from langchain_scaffolding.rules.answer import RuleAnswer, abstain
from langchain_scaffolding.rules.clauses import clauses
from langchain_scaffolding.rules.cues import opens_with_cue, split_at_cues
from langchain_scaffolding.rules.document import Document, read
from langchain_scaffolding.rules.labels import Label, labelled
from langchain_scaffolding.rules.lists import Point, listed, short_point
from langchain_scaffolding.rules.options import positive
from langchain_scaffolding.rules.ranking import choose, is_question
from langchain_scaffolding.rules.stopwords import light_words
from langchain_scaffolding.rules.words import words

_FEW_SENTENCES: Final = 4
_FEWEST_WORDS: Final = 3
_BREVITY: Final = 0.5
_QUESTION_FAVOUR: Final = 20.0
_CUE_FAVOUR: Final = 1.5


@dataclass(frozen=True, kw_only=True, slots=True)
class _Part:
    """A step; without a label where its own first words say what it does."""

    text: str
    label: Label | None
    sentence: int


def reasoning(text: str, *, max_points: int = 5) -> RuleAnswer:
    """Return the parts of a question or text as numbered steps: first what is given, last the question.

    The steps are the text's own clauses or sentences. Where there is room and the language has them, labels tell what
    is given and what is asked; a step that opens with "because", "if" or "but" tells so itself.

    Args:
        text: The text.
        max_points: Most steps.

    Raises:
        ConfigurationError: If `max_points` is not a whole number above zero.

    >>> print(reasoning("Should we move to the new office, given that rents rise and the lease ends?").text)
    1. given that rents rise and the lease ends
    2. move to the new office
    """
    positive("max_points", max_points)
    document = read(text)
    if not document.body:
        return abstain("no_text", document.language)
    parts = sorted(_parts(document, max_points), key=_is_asked)
    # The question must stay; of the rest what comes first, which others build on.
    order = sorted(range(len(parts)), key=lambda place: not _is_asked(parts[place]))
    # Without a question everything is given, and a label that costs a step costs too much.
    writings = [_bare, _trimmed] if not any(map(_is_asked, parts)) else [_labelled, _bare, _trimmed]
    answers = [
        listed(
            document,
            [Point(text=write(part, document.language), sentence=part.sentence) for part in parts],
            "numbered",
            least=min(2, max_points),
            order=order,
        )
        for write in writings
    ]
    return max(answers, key=lambda answer: len(answer.points))


def _is_asked(part: _Part) -> bool:
    return part.label == "question"


def _labelled(part: _Part, language: str | None) -> str:
    return part.text if part.label is None else labelled(part.label, part.text, language)


def _bare(part: _Part, _language: str | None) -> str:
    return part.text


def _trimmed(part: _Part, language: str | None) -> str:
    """Return a part from its first word that is not light."""
    light = light_words(language)
    tokens = part.text.split()
    while len(tokens) > 1 and tokens[0].casefold() in light:
        tokens = tokens[1:]
    return " ".join(tokens).rstrip("?")


def _parts(document: Document, most: int) -> list[_Part]:
    if len(document.body) < _FEW_SENTENCES:
        found = _clauses(document)
        ranked = sorted(range(len(found)), key=lambda place: not _is_asked(found[place]))
        return [found[place] for place in sorted(ranked[:most])]
    favour = {}
    for index in document.body:
        sentence = document.sentences[index].text
        if is_question(sentence):
            favour[index] = _QUESTION_FAVOUR
        elif opens_with_cue(sentence, document.language):
            favour[index] = _CUE_FAVOUR
    limit = min(most, (2 * len(document.body) + 2) // 3)
    return [
        _part(document, index, short_point(document.sentences[index].text, document.language))
        for index in sorted(choose(document, limit=limit, favour=favour, brevity=_BREVITY))
    ]


def _clauses(document: Document) -> list[_Part]:
    return [
        _part(document, index, clause.rstrip(".。"))
        for index in document.body
        for clause in _long_clauses(document.sentences[index].text, document.language)
    ]


def _long_clauses(sentence: str, language: str | None) -> list[str]:
    """Return the clauses of a sentence, one of a word or two together with the one before."""
    parts = [part for clause in clauses(sentence) for part in split_at_cues(clause, language)]
    if any(len(words(part)) < _FEWEST_WORDS for part in parts):
        parts = split_at_cues(sentence, language)
    return parts


def _part(document: Document, index: int, text: str) -> _Part:
    sentence = document.sentences[index].text
    has_cue = opens_with_cue(text, document.language)
    if is_question(sentence) and (not has_cue or sentence.startswith(text)):
        return _Part(text=text, label="question", sentence=index)
    return _Part(text=text, label=None if has_cue else "given", sentence=index)
