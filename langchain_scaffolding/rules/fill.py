"""The rule of the task `fill`: the passage of the text that belongs at a place in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeAlias

from langchain_scaffolding.rules.answer import RuleAnswer, abstain
from langchain_scaffolding.rules.clauses import clipped_to
from langchain_scaffolding.rules.document import Document, printable, read
from langchain_scaffolding.rules.keyphrases import key_phrases
from langchain_scaffolding.rules.options import one_of, positive
from langchain_scaffolding.rules.ranking import choose
from langchain_scaffolding.rules.sentences import ENDED, joined
from langchain_scaffolding.rules.words import MARKS, is_unspaced, terms, tokens, words

_GAP: Final = re.compile(r"_{3,}|\[\s*(?:\.\.\.|…|_+)\s*\]")
_LONGEST_MATCH: Final = 6
_SHORTEST_MATCH: Final = 2
_FEWEST_CHARACTERS: Final = 3
_LETTER: Final = rf"[\w{MARKS}]"

_Passage: TypeAlias = tuple[list[int], str]
"""The indices of the sentences a passage is from, and the passage."""
_NOTHING: Final[_Passage] = ([], "")


def fill(text: str, *, prompt: str = "", style: str = "continuation", max_tokens: int = 50) -> RuleAnswer:
    """Return a passage of `text` that fits behind, between or below what is already written.

    Nothing is invented: what the text does not hold cannot be filled in, and the rule abstains.

    Args:
        text: The text to take the passage from.
        prompt: What was begun; without it, the text's own unfinished end.
        style: "completion" ends the sentence that was begun, as the text itself ends those words
            elsewhere; "continuation" does so too, or goes on with the sentence that shares most
            with the beginning; "bridge" is the sentence that shares most with both sides of a gap
            ("___" or "[...]", else the text and the prompt); "elaboration" is what the text says
            about the prompt, or about its main topic.
        max_tokens: Most tokens.

    Raises:
        ConfigurationError: If an option has another value.

    >>> text = "Zinc protects steel. It dissolves first. Paint keeps water off the steel."
    >>> fill(text, prompt="In short, paint keeps", style="completion").text
    'water off the steel.'
    """
    write = _STYLES[one_of("style", style, _STYLES)]
    positive("max_tokens", max_tokens)
    document = read(text)
    if not document.body:
        return abstain("no_text", document.language)
    indices, found = write(document, printable(prompt).strip(), max_tokens)
    shown = clipped_to(found, max_tokens)
    if not shown or len(shown) >= len(document.source.strip()):
        return abstain("nothing_found", document.language)
    return RuleAnswer(text=shown, sentences=tuple(indices), language=document.language)


def _completion(document: Document, prompt: str, _max_tokens: int) -> _Passage:
    """Return how the text goes on elsewhere behind the last words of the beginning."""
    begun, among = _begun(document, prompt)
    if not begun or ENDED.search(begun) is not None:
        return _NOTHING
    last = words(begun)[-_LONGEST_MATCH:]
    for start in range(len(last) - _SHORTEST_MATCH + 1):
        if not terms(" ".join(last[start:]), document.language):
            continue
        pattern = _sequence(last[start:])
        for index in among:
            match = pattern.search(document.sentences[index].text)
            rest = "" if match is None else document.sentences[index].text[match.end() :].lstrip()
            if len(rest) >= _FEWEST_CHARACTERS and any(map(str.isalnum, rest)):
                return [index], rest
    return _NOTHING


def _begun(document: Document, prompt: str) -> tuple[str, list[int]]:
    """Return the beginning that is to go on, and the sentences to look for it in."""
    if prompt:
        return prompt, document.body
    last = len(document.sentences) - 1
    return document.sentences[last].text, [index for index in document.body if index != last]


def _sequence(parts: list[str]) -> re.Pattern[str]:
    found = [re.escape(part) for part in parts]
    if is_unspaced("".join(parts)):
        return re.compile(r"\W*".join(found), re.IGNORECASE)
    return re.compile(f"(?<!{_LETTER})" + r"\W+".join(found) + f"(?!{_LETTER})", re.IGNORECASE)


def _continuation(document: Document, prompt: str, _max_tokens: int) -> _Passage:
    completed = _completion(document, prompt, _max_tokens)
    if completed[1] or not prompt:
        return completed
    return _closest(document, [prompt], _others(document, [prompt]))


def _bridge(document: Document, prompt: str, _max_tokens: int) -> _Passage:
    gap = _GAP.search(document.source)
    if gap is not None:
        before, after = document.source[: gap.start()], document.source[gap.end() :]
        sides = [_last_line(before), _first_line(after)]
    elif prompt:
        sides = [document.sentences[document.body[-1]].text, prompt]
    else:
        sides = [document.sentences[document.body[place]].text for place in (0, -1)]
    others = [index for index in _others(document, sides) if _GAP.search(document.sentences[index].text) is None]
    return _closest(document, sides, others)


def _last_line(text: str) -> str:
    sentences = read(text[-2_000:]).sentences
    return sentences[-1].text if sentences else ""


def _first_line(text: str) -> str:
    sentences = read(text[:2_000]).sentences
    return sentences[0].text if sentences else ""


def _others(document: Document, sides: Iterable[str]) -> list[int]:
    """Return the sentences that are not part of the sides themselves."""
    return [index for index in document.body if not any(document.sentences[index].text in side for side in sides)]


def _closest(document: Document, sides: Iterable[str], among: Iterable[int]) -> _Passage:
    """Return the sentence whose terms are shared with every side, rare terms counting most."""
    wanted = [set(terms(side, document.language)) for side in sides]
    weights = document.term_weights

    def shared(index: int) -> float:
        own = set(document.terms[index])
        return min(sum(1 / weights[term] for term in own & side) for side in wanted)

    best = max(among, key=shared, default=None)
    if best is None or shared(best) == 0:
        return _NOTHING
    return [best], document.sentences[best].text


def _elaboration(document: Document, prompt: str, max_tokens: int) -> _Passage:
    about = prompt or " ".join(key_phrases(document, 1))
    wanted = set(terms(about, document.language))
    related = [index for index in _others(document, [prompt]) if not wanted.isdisjoint(document.terms[index])]
    share = sum(tokens(document.sentences[index].text) for index in document.body) // 2
    indices = sorted(choose(document, among=related, budget=min(max_tokens, share)))
    if not indices:
        return _closest(document, [about], related)
    return indices, joined(document.sentences[index].text for index in indices)


_STYLES: Final[Mapping[str, Callable[[Document, str, int], _Passage]]] = {
    "continuation": _continuation,
    "completion": _completion,
    "bridge": _bridge,
    "elaboration": _elaboration,
}
