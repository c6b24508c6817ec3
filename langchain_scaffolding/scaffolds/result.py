"""`ScaffoldingResult`: the message that a scaffold gives, with the facts of how it came about."""

# Annotations are evaluated: pydantic reads them.

from typing import Any, Final, Literal

from langchain_core.messages import AIMessage, AIMessageChunk

from langchain_scaffolding.rules import RuleAnswer

RULES: Final = "rules"
"""What the rules are called where a model's name would stand."""


class _Facts:
    """What a result and its chunks say about themselves, read from their metadata.

    The facts stand in `response_metadata`, so that they survive LangChain's caches, traces and checkpoints, where the
    message is a plain `AIMessage`.
    """

    content: Any
    response_metadata: dict[str, Any]

    @property
    def routing(self) -> dict[str, Any]:
        """Who answered and how: `model`, `task`, `source`, `attempts`, `decision_id`, `seconds` ..."""
        return self.response_metadata.get("routing") or {}

    @property
    def _scaffold(self) -> dict[str, Any]:
        return self.response_metadata.get("scaffold") or {}

    @property
    def task(self) -> str:
        """The task."""
        return str(self._scaffold.get("task", ""))

    @property
    def points(self) -> list[str]:
        """The points of a list, in order and without markers; empty for prose."""
        return list(self._scaffold.get("points", ()))

    @property
    def model_used(self) -> str | None:
        """The name of the model that answered, "rules" if none did; `None` before the end of a stream."""
        return self.routing.get("model")

    @property
    def model_type(self) -> Literal["llm", "rule_based"] | None:
        """Whether a model answered or the rules; `None` before the end of a stream."""
        return self.routing.get("source")

    @property
    def processing_time(self) -> float:
        """How long it took, in seconds."""
        return float(self._scaffold.get("seconds", 0.0))

    @property
    def input_length(self) -> int:
        """The length of the text, in characters."""
        return int(self._scaffold.get("input_length", 0))

    @property
    def output_tokens(self) -> int:
        """Tokens of the answer as the provider counted them, else a quarter of its UTF-8 bytes."""
        return int(self._scaffold.get("output_tokens", 0))

    @property
    def cached(self) -> bool:
        """Whether the answer was kept from an earlier call."""
        return bool(self.routing.get("cached", False))

    @property
    def abstained(self) -> bool:
        """Whether nobody could help, the rules included: the content is then empty, or a note that says so."""
        return bool(self.response_metadata.get("abstained", False))

    @property
    def fault(self) -> str | None:
        """What was found wrong at the end of a stream that had been handed out already; else `None`."""
        attempts = self.routing.get("attempts") or [{}]
        if self.model_type != "llm" or attempts[-1].get("error") is None:
            return None
        return str(attempts[-1].get("detail"))

    def __str__(self) -> str:
        """The answer itself, so that a prompt template can take the result as it is."""
        return self.content if isinstance(self.content, str) else ""


class ScaffoldingResult(_Facts, AIMessage):
    r"""The answer of a scaffold: an `AIMessage` whose text is its `content`.

    Example:
        >>> from langchain_scaffolding.scaffolds import scaffold
        >>> from langchain_scaffolding.testing import ScriptedChatModel
        >>> result = scaffold("outline", ScriptedChatModel("1. Rain\n2. Sun", name="tiny")).invoke(
        ...     "It rained, then sun."
        ... )
        >>> result.points, result.model_used, result.model_type
        (['Rain', 'Sun'], 'tiny', 'llm')
        >>> print(f"Plan:\n{result}")
        Plan:
        - Rain
        - Sun
    """

    @classmethod
    def lc_id(cls) -> list[str]:
        """Serialised as the message it is, so that LangChain can load it anywhere."""
        return AIMessage.lc_id()


class ScaffoldingResultChunk(ScaffoldingResult, AIMessageChunk):
    """A piece of a scaffold's answer; the last one carries the facts."""

    @classmethod
    def lc_id(cls) -> list[str]:
        """Serialised as the chunk it is, so that LangChain can load it anywhere."""
        return AIMessageChunk.lc_id()


def rule_metadata(answer: RuleAnswer) -> dict[str, Any]:
    """The metadata of an answer by a rule, as `RuleBasedChatModel` writes them."""
    return {
        "abstained": answer.abstained,
        "sentences": list(answer.sentences),
        "language": answer.language,
    }
