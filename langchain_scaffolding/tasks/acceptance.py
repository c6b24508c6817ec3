"""`Acceptance`: how the answers to one scaffold are cleaned and judged, and who answers if no model does."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from langchain_scaffolding.errors import UnacceptableAnswerError
from langchain_scaffolding.tasks.task import Answer
from langchain_scaffolding.tasks.thinking import after_loose_end, has_marks
from langchain_scaffolding.tasks.turns import has_turn_marks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from langchain_scaffolding.rules import RuleAnswer
    from langchain_scaffolding.tasks.cleaning import Cleaner
    from langchain_scaffolding.tasks.task import Task

# As `langchain_scaffolding.outcomes.ErrorClass` names them; that module stands beside this one.
_EMPTY = "empty"
_INVALID = "invalid_output"
_TRUNCATED = "truncated"

_PREFIX: Final = 48
"""Characters of an answer that are read before the first is handed out: they tell a refusal and a language."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Acceptance:
    r"""How the answers to one scaffold are cleaned and judged, and who answers if no model does.

    Whoever calls models for a scaffold hands each answer to `accepted`, or the pieces of a stream to an `AnswerStream`.

    Attributes:
        task: The task.
        source: The text that is worked on.
        options: The values of the task's options.
        parameters: The task's own model parameters; what the caller or the user's profile sets goes before them.

    Example:
        >>> from langchain_scaffolding.tasks import task_of
        >>> title = task_of("title")
        >>> acceptance = Acceptance(task=title, source="The river rose.", options=title.values({}), parameters={})
        >>> acceptance.accepted('<think>Short.</think>Sure! Here is a title:\n\n"A Rising River."')
        'A Rising River'
    """

    task: Task
    source: str = field(repr=False)
    options: Mapping[str, Any] = field(repr=False)
    parameters: Mapping[str, Any]

    def clean(self, text: str) -> str:
        """The answer without thinking, preamble and closing; empty if nothing else is there."""
        return self._cleaned(self._cleaner(), text)

    def fault(self, text: str) -> str | None:
        """Why a cleaned answer cannot be used, or `None` if it can."""
        answer = self._answer(text)
        return next(filter(None, (check(answer) for check in self.task.checks)), None)

    def accepted(self, text: str, *, is_cut: bool = False) -> str:
        """The cleaned answer.

        Args:
            text: The answer as the model gave it.
            is_cut: Whether it ran into its token limit.

        Raises:
            UnacceptableAnswerError: It cannot be used, see `require`.
        """
        cleaner = self._cleaner()
        cleaned = self._cleaned(cleaner, text)
        self.require(cleaned, thought=cleaner.thinking.seen, is_cut=is_cut)
        return cleaned

    def require(self, cleaned: str, *, thought: bool, is_cut: bool = False) -> None:
        """Accept a cleaned answer or say why not.

        Args:
            cleaned: The answer.
            thought: Whether the model thought aloud before it.
            is_cut: Whether it ran into its token limit.

        Raises:
            UnacceptableAnswerError: It cannot be used. The class is "empty" if the model thought until it was cut off,
                so that a higher limit may help; "truncated" if it was cut off otherwise; else "invalid_output".
        """
        if is_cut and (thought or not cleaned.strip()):
            raise UnacceptableAnswerError(_EMPTY, "the model spent its token limit thinking")
        if is_cut:
            raise UnacceptableAnswerError(_TRUNCATED, "the answer was cut off at its token limit")
        fault = self.fault(cleaned)
        if fault is not None:
            raise UnacceptableAnswerError(_INVALID, f"{self.task.name}: {fault}")

    def prefix_fault(self, text: str) -> str | None:
        """Why an answer that begins like this cannot be used, or `None` if it may be usable."""
        answer = self._answer(text)
        return next(filter(None, (check(answer) for check in self.task.prefix_checks)), None)

    def stream(self) -> AnswerStream:
        """A fresh cleaner for the stream of one answer."""
        return AnswerStream(self, self._cleaner())

    def rule_options(self) -> dict[str, Any]:
        """The values that the task's rule may take."""
        return {**self.parameters, **_set(self.options)}

    def last_resort(self) -> RuleAnswer:
        """What the task's rule makes of the text."""
        return self.task.by_rule(self.source, self.rule_options())

    def _cleaner(self) -> Cleaner:
        cleaner = self.task.cleaner(self.options)
        cleaner.turn.is_off = has_turn_marks(self.source)
        return cleaner

    def _cleaned(self, cleaner: Cleaner, text: str) -> str:
        # a text about thinking marks may be told with them
        bare = text if has_marks(self.source) else after_loose_end(text)
        return cleaner.feed(bare) + cleaner.end()

    def _answer(self, text: str) -> Answer:
        points = tuple(self.task.parser(text)) if self.task.parser is not None and text.strip() else ()
        return Answer(text=text, points=points, source=self.source, options=self.options)


class AnswerStream:
    """Cleans the stream of one answer, and holds its beginning back until it can be judged.

    Args:
        acceptance: What judges it.
        cleaner: What cleans it.

    Attributes:
        text: What was handed out so far; after `end` the whole answer.
        fault: Why the answer cannot be used, found before anything was handed out; nothing is handed out from then on.
    """

    def __init__(self, acceptance: Acceptance, cleaner: Cleaner) -> None:
        self.text = ""
        self.fault: str | None = None
        self._acceptance = acceptance
        self._cleaner = cleaner
        self._held = ""

    @property
    def thought(self) -> bool:
        """Whether the model thought aloud."""
        return self._cleaner.thinking.seen

    def feed(self, text: str) -> str:
        """Take a piece; what may be handed out now."""
        return self._judged(self._cleaner.feed(text), is_end=False)

    def end(self) -> str:
        """The answer has ended; what is still to be handed out.

        The whole is not judged here: `Acceptance.require` does that, of `text`.
        """
        return self._judged(self._cleaner.end(), is_end=True)

    def _judged(self, piece: str, *, is_end: bool) -> str:
        if self.fault is not None:
            return ""
        if not self.text:
            self._held += piece
            if len(self._held) < _PREFIX and not is_end:
                return ""
            self.fault = self._acceptance.prefix_fault(self._held)
            if self.fault is not None:
                return ""
            piece, self._held = self._held, ""
        self.text += piece
        return piece


def _set(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}
