"""What a scripted model says, fails with, or decides at call time, and how fast it says it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from langchain_core.messages import AIMessage, BaseMessage

Content: TypeAlias = str | list[str | dict[str, Any]]
ErrorLike: TypeAlias = BaseException | type[BaseException]


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """One answer of a `ScriptedChatModel` with everything a provider may add to it.

    Attributes:
        content: The text, or a list of content blocks.
        tool_calls: Tool calls as `{"name": ..., "args": {...}}`, `id` optional. Arguments given
            as a string are sent as they are, so broken JSON becomes an invalid tool call.
        usage: Input and output tokens. `None` leaves it to the model's `usage` option.
        reasoning: Thinking before the answer: a reasoning block first if `content` is a list,
            else `additional_kwargs["reasoning_content"]`.
        finish_reason: Goes to `response_metadata`; "stop" becomes "tool_calls" where tools are
            called.
        delay_s: Seconds before anything is sent.
        first_token_s: Seconds between that and the first chunk that says something.
        token_s: Seconds before each later chunk. `invoke` takes the sum of all three.
        chunks: The texts to stream, instead of splitting at the words.
        empty_first: A chunk that says nothing is streamed first, as most providers do.
        break_after: The connection breaks after this many chunks; `invoke` breaks as well. With 0 and
            `delay_s` that is an error that takes its time.
        error: What is raised then, an exception or its class; default `ModelConnectionError`.
        hang: Nothing is sent before `ScriptedChatModel.release` is called.
        response_metadata: Added to what the model reports about itself.
        cached: The answer is marked as LangChain marks one from its cache (`total_cost` 0).

    Raises:
        ValueError: If `chunks` do not add up to `content`, a number is negative, or an `error`
            comes without `break_after`.

    Example:
        >>> Reply("All is well.", usage=(12, 4), first_token_s=0.3).finish_reason
        'stop'
    """

    content: Content = field(default="", kw_only=False)
    tool_calls: Sequence[Mapping[str, Any]] = ()
    usage: tuple[int, int] | None = None
    reasoning: str | None = None
    finish_reason: str = "stop"
    delay_s: float = 0.0
    first_token_s: float = 0.0
    token_s: float = 0.0
    chunks: Sequence[str] | None = None
    empty_first: bool = False
    break_after: int | None = None
    error: ErrorLike | None = None
    hang: bool = False
    response_metadata: Mapping[str, Any] = field(default_factory=dict)
    cached: bool = False

    def __post_init__(self) -> None:
        if self.chunks is not None:
            text = "".join(self.chunks)
            if self.content not in ("", text):
                raise ValueError(
                    f"The chunks add up to {text!r}, the content is {self.content!r}:"
                    " give one of the two, or the same text."
                )
            object.__setattr__(self, "content", text)
        for name in ("delay_s", "first_token_s", "token_s"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} is {getattr(self, name)!r}: give 0 or more seconds.")
        if self.break_after is not None and self.break_after < 0:
            raise ValueError(f"break_after is {self.break_after}: give 0 or more chunks.")
        if self.error is not None and self.break_after is None:
            raise ValueError("error is raised after break_after chunks: give break_after, too.")


PlainItem: TypeAlias = str | AIMessage | Reply | ErrorLike
AnswerFunction: TypeAlias = Callable[[Sequence[BaseMessage], Mapping[str, Any]], PlainItem]
ScriptItem: TypeAlias = PlainItem | AnswerFunction


def structured_reply(**values: Any) -> AnswerFunction:
    """A script item that answers `values` in the way the caller asked for.

    Where a tool choice is forced (`with_structured_output` by function calling) it is a call of
    that tool, else JSON text.

    Example:
        >>> structured_reply(title="Notes")((), {}).content
        '{"title": "Notes"}'
    """

    def answer(messages: Sequence[BaseMessage], kwargs: Mapping[str, Any]) -> Reply:
        del messages
        tools = kwargs.get("tools")
        if tools and kwargs.get("tool_choice") not in (None, "none", "auto"):
            return Reply(tool_calls=({"name": tools[0]["function"]["name"], "args": values},))
        return Reply(json.dumps(values, ensure_ascii=False))

    return answer
