"""The rule of the task `summary`: the sentences that say most, in six styles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from langchain_scaffolding.rules.answer import RuleAnswer, abstain
from langchain_scaffolding.rules.blocks import NAMED
from langchain_scaffolding.rules.clauses import clipped, clipped_to
from langchain_scaffolding.rules.cues import asks_to_act
from langchain_scaffolding.rules.document import Document, read
from langchain_scaffolding.rules.keyphrases import key_phrases
from langchain_scaffolding.rules.labels import labelled
from langchain_scaffolding.rules.lists import Point, formatted
from langchain_scaffolding.rules.options import one_of, positive
from langchain_scaffolding.rules.ranking import choose
from langchain_scaffolding.rules.sentences import ENDED, joined
from langchain_scaffolding.rules.words import is_unspaced, tokens, words

_TOPICS: Final = 3
_SHORT_SENTENCE: Final = 120
"""Characters below which a sentence that is the whole text is not worth cutting."""
_FEWEST_WORDS: Final = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class _Style:
    """At most `share` of the source's tokens, in at most `sentences`, written by `shown`."""

    shown: Callable[[Document, Sequence[int]], str]
    share: float
    sentences: int | None = None
    among: Callable[[Document], Sequence[int]] = lambda document: document.body


def summary(text: str, *, style: str = "concise", max_tokens: int = 120) -> RuleAnswer:
    """Return a summary of a text made of its own sentences, in their order.

    Args:
        text: The text.
        style: "concise" (at most three sentences), "detailed" (all that `max_tokens` holds),
            "key_points" (a list), "contextual" (what it is about, then what it says),
            "actionable" (duties, requests and dates as a list, or key points if it finds none) or
            "conversational" (few sentences, the turns of a dialogue on lines of their own).
        max_tokens: Most tokens, as `langchain_scaffolding.rules.words.tokens` estimates them.

    Raises:
        ConfigurationError: If an option has another value.

    >>> text = "Hello all. The pump failed twice. A new pump costs 1,150 pounds. Bye, and thanks."
    >>> summary(text, max_tokens=10).text
    'A new pump costs 1,150 pounds.'
    """
    form = _STYLES[one_of("style", style, _STYLES)]
    positive("max_tokens", max_tokens)
    document = read(text)
    if not document.body:
        return abstain("no_text", document.language)
    whole = sum(tokens(document.sentences[index].text + " ") for index in document.body)
    best = choose(
        document,
        limit=form.sentences,
        budget=min(max_tokens, int(whole * form.share)),
        among=form.among(document),
    )
    for count in range(len(best), 0, -1):
        indices = sorted(best[:count])
        shown = form.shown(document, indices)
        if tokens(shown) <= max_tokens and len(shown) < len(document.source.strip()):
            lines = tuple(shown.splitlines()) if form.shown is _listed else ()
            return RuleAnswer(
                text=shown,
                points=tuple(line.removeprefix("- ") for line in lines),
                sentences=tuple(indices),
                language=document.language,
            )
    return _part_of_one(document, max_tokens)


def _part_of_one(document: Document, max_tokens: int) -> RuleAnswer:
    """Return the beginning of the best sentence, where not even one fits whole."""
    index = next(iter(choose(document, limit=1, brevity=0.0)), document.body[0])
    sentence = document.sentences[index].text
    most = len(document.source.strip()) * 3 // 5
    part = clipped_to(clipped(sentence, most), max_tokens)
    whole_text = len(document.body) == 1 and len(sentence) < _SHORT_SENTENCE
    if whole_text or len(words(part)) < _FEWEST_WORDS:
        return abstain("too_short", document.language)
    return RuleAnswer(text=part, sentences=(index,), language=document.language)


def _running(document: Document, indices: Sequence[int]) -> str:
    parts = [document.sentences[index].text for index in indices]
    comma = "；" if is_unspaced(document.source) else ";"
    for place, index in enumerate(indices[:-1]):
        stands_alone = document.is_dialogue or document.sentences[index].kind == "item"
        if stands_alone and ENDED.search(parts[place]) is None:
            parts[place] += comma
    return joined(parts)


def _listed(document: Document, indices: Sequence[int]) -> str:
    points = [Point(text=document.sentences[index].text) for index in indices]
    return formatted(points, "bullet")


def _with_topic(document: Document, indices: Sequence[int]) -> str:
    glue = "、" if document.language in {"zh", "ja"} else ", "
    about = glue.join(key_phrases(document, _TOPICS))
    lines = [labelled("topic", about, document.language)] if about else []
    return "\n".join([*lines, _running(document, indices)])


def _turns(document: Document, indices: Sequence[int]) -> str:
    if not document.is_dialogue:
        return _running(document, indices)
    return "\n".join(document.sentences[index].text for index in indices)


def _turn_starts(document: Document) -> Sequence[int]:
    """Return the sentences that name their speaker, so that none stands without."""
    if not document.is_dialogue:
        return document.body
    return [index for index in document.body if NAMED.match(document.sentences[index].text) is not None]


def _actions(document: Document) -> Sequence[int]:
    found = [index for index in document.body if asks_to_act(document.sentences[index].text, document.language)]
    return found or document.body


_STYLES: Final = {
    "concise": _Style(shown=_running, share=0.4, sentences=3),
    "detailed": _Style(shown=_running, share=0.6),
    "key_points": _Style(shown=_listed, share=0.5, sentences=7),
    "contextual": _Style(shown=_with_topic, share=0.5),
    "actionable": _Style(shown=_listed, share=0.5, sentences=7, among=_actions),
    "conversational": _Style(shown=_turns, share=0.4, sentences=4, among=_turn_starts),
}
