"""`RuleAnswer`, what every rule returns, and `Rule`, the shape of a rule."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from langchain_scaffolding.rules.labels import Reason, note


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleAnswer:
    """What a rule made of a text, and from which sentences of it.

    Attributes:
        text: The formatted answer. Apart from the labels of `langchain_scaffolding.rules.labels`
            it holds only words of the source, and it is shorter than the source unless the rule
            abstained.
        abstained: Whether the rule could not help; `text` then says so.
        points: The lines of a list, without bullet, number or indentation.
        sentences: Indices of the sentences used, as
            `langchain_scaffolding.rules.document.read(source).sentences` counts them.
        language: ISO 639-1 code of the source, `None` if it cannot be told.

    >>> RuleAnswer(text="- Rain.", points=("Rain.",), sentences=(3,)).abstained
    False
    """

    text: str
    abstained: bool = False
    points: tuple[str, ...] = ()
    sentences: tuple[int, ...] = ()
    language: str | None = None


_PIECE: Final = re.compile(r"\s*\S{1,40}\s*")


def spoken(text: str) -> list[str]:
    r"""Return a text in the pieces of a stream: words with their spaces; where no spaces are, clauses.

    >>> spoken("- Rain.\n- Sun.")
    ['- ', 'Rain.\n', '- ', 'Sun.']
    """
    return _PIECE.findall(text) or [text]


Rule: TypeAlias = Callable[..., RuleAnswer]
"""Called as `rule(text, **options)`; the options are the rule's own keyword-only parameters."""


def abstain(reason: Reason, language: str | None = None) -> RuleAnswer:
    """Return the answer of a rule that cannot help: a labelled note in the language of the text.

    >>> abstain("too_short", "fr").text
    '[Note automatique] Le texte est trop court pour être condensé.'
    """
    return RuleAnswer(text=note(reason, language), abstained=True, language=language)
