"""The rule for a task that has none: say so."""

from __future__ import annotations

from langchain_scaffolding.rules.answer import RuleAnswer, abstain
from langchain_scaffolding.rules.document import printable
from langchain_scaffolding.rules.languages import guess_language


def generic(text: str) -> RuleAnswer:
    """Return the note that no model could answer, in the language of `text` if it is known.

    >>> generic("Wie wird das Wetter morgen?").text
    '[Automatischer Hinweis] Kein Modell konnte antworten.'
    """
    return abstain("no_model", guess_language(printable(text)))
