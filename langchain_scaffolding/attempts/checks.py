"""The checks that any answer must pass: it says something, all of it, and does not think aloud."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage

from langchain_scaffolding.errors import UnacceptableAnswerError
from langchain_scaffolding.outcomes import ErrorClass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from langchain_core.messages import BaseMessage

_THINKING_TAGS = ("think", "thinking", "thought", "reasoning", "reflection")
_THINKING_START = re.compile(rf"\s*<({'|'.join(_THINKING_TAGS)})\b[^>]*>", re.IGNORECASE)
_THINKING_END = re.compile(rf"</({'|'.join(_THINKING_TAGS)})\s*>", re.IGNORECASE)

_THINKING_BLOCKS = frozenset({"reasoning", "thinking", "redacted_thinking"})
_TRUNCATED = frozenset({"length", "max_tokens", "max_output_tokens", "model_length"})
_REFUSED = frozenset({"refusal", "content_filter", "safety", "prohibited_content", "blocklist", "recitation"})


def has_content(message: BaseMessage) -> bool:
    """Whether a message or chunk says anything: text, a block, a tool call, reasoning in the clear."""
    content = message.content
    if content and (not isinstance(content, str) or not content.isspace()) and any(map(_says_something, content)):
        return True
    calls = getattr(message, "tool_call_chunks", None) or getattr(message, "tool_calls", None)
    return bool(calls or getattr(message, "invalid_tool_calls", None) or message.additional_kwargs)


def _says_something(part: str | dict[str, Any]) -> bool:
    if isinstance(part, str):
        return bool(part)
    return any(value for key, value in part.items() if key not in {"type", "index", "id"})


def may_think_aloud(text: str) -> bool:
    """Whether the beginning of an answer is, or may still turn out to be, a thinking tag."""
    start = text.lstrip().lower()
    if not start:
        return True
    if not start.startswith("<"):
        return False
    return any(f"<{tag}".startswith(start) or start.startswith(f"<{tag}") for tag in _THINKING_TAGS)


def check(text: str, message: BaseMessage, *, cut_is_asked_for: bool) -> None:
    """Accept an answer or say why not.

    Args:
        text: The whole text of the answer.
        message: The message, or the last chunk of its stream with the metadata of all.
        cut_is_asked_for: Whether the caller set a token limit, so that an answer that reached it is what was wanted.

    Raises:
        UnacceptableAnswerError: With the class empty, refusal, truncated or invalid output.
    """
    if message.response_metadata or message.additional_kwargs:
        refuse(message, cut_is_asked_for=cut_is_asked_for)
    if not text or "<" in text or text.isspace():  # nearly every answer is none of these
        fault = _fault(text, message)
        if fault is not None:
            raise UnacceptableAnswerError(*fault)


def thinks(message: object) -> bool:
    """Whether a model thought before or instead of an answer, as tags, reasoning blocks or token counts show."""
    if not isinstance(message, AIMessage):
        return False
    usage = message.usage_metadata
    details = usage.get("output_token_details", {}) if usage is not None else {}
    return bool(
        message.additional_kwargs.get("reasoning_content")
        or details.get("reasoning")
        or _THINKING_START.match(str(message.text))
        or any(isinstance(block, dict) and block.get("type") in _THINKING_BLOCKS for block in message.content)
    )


def refuse(message: BaseMessage, *, cut_is_asked_for: bool) -> None:
    """Refuse an answer that the model itself says is none, or not the whole.

    Raises:
        UnacceptableAnswerError: With the class refusal or truncated.
    """
    reason = finish_reason(message.response_metadata)
    if reason in _REFUSED or (message.additional_kwargs.get("refusal") and not message.content):
        why = f"the model refused to answer (finish reason {reason or 'refusal'!r})"
        raise UnacceptableAnswerError(ErrorClass.REFUSAL, why)
    if reason in _TRUNCATED and not cut_is_asked_for:
        why = f"the answer was cut off (finish reason {reason!r}); raise the model's token limit"
        raise UnacceptableAnswerError(ErrorClass.TRUNCATED, why)


def _fault(text: str, message: BaseMessage) -> tuple[ErrorClass, str] | None:
    calls = getattr(message, "tool_calls", None) or getattr(message, "invalid_tool_calls", None)
    if not calls and not text.strip() and not _has_blocks(message.content):
        return ErrorClass.EMPTY, "the answer is empty"
    if "<" in text and (_THINKING_START.match(text) or _THINKING_END.search(text)):
        return ErrorClass.INVALID_OUTPUT, "the answer leaks the model's thinking"
    return None


def _has_blocks(content: str | list[str | dict[str, Any]]) -> bool:
    """Whether a content list holds anything to see beside text and reasoning, such as an image."""
    if isinstance(content, str):
        return False
    unseen = {"text", "reasoning", "thinking", "redacted_thinking", "tool_use", "tool_call"}
    return any(not isinstance(block, str) and block.get("type") not in unseen for block in content)


def is_cut(message: BaseMessage) -> bool:
    """Whether the model says that it stopped at a token limit."""
    return finish_reason(message.response_metadata) in _TRUNCATED


def finish_reason(metadata: Mapping[str, Any]) -> str | None:
    """Why the model stopped, in lower case, from wherever its provider puts it; `None` if unknown."""
    if not metadata:
        return None
    for name in ("finish_reason", "stop_reason", "done_reason"):
        value = metadata.get(name)
        if isinstance(value, str):
            return value.lower()
    return None
