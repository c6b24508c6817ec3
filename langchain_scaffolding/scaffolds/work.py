"""`Work`: one call of a scaffold, as values: what is sent, and what its answer becomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from langchain_core.messages import AIMessage, AIMessageChunk

from langchain_scaffolding.errors import ConfigurationError
from langchain_scaffolding.rules.words import tokens
from langchain_scaffolding.scaffolds.result import RULES, ScaffoldingResult, ScaffoldingResultChunk
from langchain_scaffolding.tasks import Acceptance, Task
from langchain_scaffolding.tasks.text import has_words, readable

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

_PARAMETERS = ("max_tokens", "temperature")
_TEXTS = ("prompt", "background")


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """One call of a scaffold.

    Attributes:
        acceptance: How its answers are judged; holds the task, the text and the options.
        parameters: The model parameters that the caller set.
        clock: Seconds from any start, never running backwards.
        started: When the call began.
    """

    acceptance: Acceptance
    parameters: Mapping[str, Any]
    clock: Callable[[], float]
    started: float

    @classmethod
    def on(cls, task: Task, text: str, given: Mapping[str, Any], clock: Callable[[], float]) -> Work:
        """The work that a task with these options makes of a text.

        Raises:
            ConfigurationError: An option is unknown, or its value is not allowed.
        """
        values = task.values(given)
        for name in _TEXTS:
            if values.get(name):
                values[name] = readable(values[name], name)
        explicit = {name: values[name] for name in _PARAMETERS if values[name] is not None}
        defaults = task.parameters({**values, **dict.fromkeys(_PARAMETERS)})
        acceptance = Acceptance(task=task, source=text, options=values, parameters=defaults)
        return cls(acceptance=acceptance, parameters=explicit, clock=clock, started=clock())

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to work on."""
        return not has_words(self.acceptance.source) and not has_words(self.acceptance.options.get("prompt") or "")

    def messages(self) -> list[BaseMessage]:
        """The prompt.

        Raises:
            ConfigurationError: The task is a label without a prompt.
        """
        task = self.acceptance.task
        if task.prompt is None:
            msg = (
                f"Task {task.name!r} is a label without a prompt, so there is nothing to scaffold. Call the router "
                f"with your own messages and `task={task.name!r}`, or give the task a prompt."
            )
            raise ConfigurationError(msg)
        return task.prompt(self.acceptance.source, self.acceptance.options)

    def nothing(self) -> AIMessage:
        """The answer where there is nothing to work on: empty, at once, without a model."""
        routing: dict[str, Any] = {
            "model": RULES,
            "task": self.acceptance.task.name,
            "source": "rule_based",
            "decision_id": str(uuid4()),
            "score": None,
            "attempts": [],
            "seconds": 0.0,
        }
        return AIMessage(content="", response_metadata={"abstained": True, "routing": routing})

    def result(self, message: AIMessage) -> ScaffoldingResult:
        """The answer as the scaffold's result."""
        fields = message.model_dump(exclude={"type", "content", "response_metadata"})
        text = str(message.text)
        return ScaffoldingResult(**fields, content=text, response_metadata=self.metadata(message, text))

    def metadata(self, message: AIMessage, text: str) -> dict[str, Any]:
        """The metadata of a message, with the facts about the whole answer."""
        task, usage = self.acceptance.task, message.usage_metadata
        helped = text.strip() and not message.response_metadata.get("abstained")
        scaffold = {
            "task": task.name,
            "points": list(task.parser(text)) if helped and task.parser is not None else [],
            "seconds": self.clock() - self.started,
            "input_length": len(self.acceptance.source),
            "output_tokens": usage["output_tokens"] if usage is not None else tokens(text),
        }
        return {**message.response_metadata, "scaffold": scaffold}


class Pieces:
    """The chunks of an answer as chunks of the scaffold's result."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._texts: list[str] = []

    def of(self, chunk: AIMessageChunk) -> ScaffoldingResultChunk:
        """The same chunk; the one that tells who answered also tells what the whole answer is."""
        self._texts.append(str(chunk.text))
        metadata = chunk.response_metadata
        if "routing" in metadata:
            metadata = self._work.metadata(chunk, "".join(self._texts))
        return ScaffoldingResultChunk(
            content=self._texts[-1],
            id=chunk.id,
            response_metadata=metadata,
            usage_metadata=chunk.usage_metadata,
            chunk_position=chunk.chunk_position,
        )

    def nothing(self) -> ScaffoldingResultChunk:
        """The only chunk where there is nothing to work on."""
        message = self._work.nothing()
        return self.of(AIMessageChunk(content="", response_metadata=message.response_metadata, chunk_position="last"))
