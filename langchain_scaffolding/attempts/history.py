"""Histories that another model has had a part in, as a model can take them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage

if TYPE_CHECKING:
    from collections.abc import Callable

    from langchain_core.messages import BaseMessage

_BLOCKS = frozenset({"thinking", "redacted_thinking", "reasoning", "reasoning_content"})
_EXTRAS = frozenset({"reasoning", "__gemini_function_call_thought_signatures__"})


def without_foreign_reasoning(
    messages: list[BaseMessage], name: str, provider: Callable[[], str | None]
) -> list[BaseMessage]:
    """The messages without reasoning that another provider's model has signed.

    Providers reject such reasoning: Anthropic for its signature, OpenAI for an item id it does not know, Google for its
    thought signature. A model's own stays, since without it the same providers reject a tool loop.

    Args:
        messages: The messages.
        name: The candidate that is to read them.
        provider: Gives its provider, as LangChain's traces name it; `None` if unknown.
    """
    if len(messages) == 1:
        return messages  # nothing came before it

    def is_foreign(message: BaseMessage) -> bool:
        return isinstance(message, AIMessage) and _holds_reasoning(message) and _is_foreign(message, name, provider)

    if not any(map(is_foreign, messages)):
        return messages
    return [_stripped(message) if is_foreign(message) else message for message in messages]


def _holds_reasoning(message: AIMessage) -> bool:
    content = message.content
    if not isinstance(content, str) and any(isinstance(each, dict) and each.get("type") in _BLOCKS for each in content):
        return True
    return bool(message.additional_kwargs) and not _EXTRAS.isdisjoint(message.additional_kwargs)


def _is_foreign(message: AIMessage, name: str, provider: Callable[[], str | None]) -> bool:
    metadata = message.response_metadata
    routing: Any = metadata.get("routing")
    author = routing.get("model") if isinstance(routing, dict) else None
    if author == name:
        return False
    theirs, ours = metadata.get("model_provider"), provider()
    if theirs is not None and ours is not None:
        return bool(theirs != ours)
    return author is not None  # another candidate, and nothing says that it is of the same provider


def _stripped(message: BaseMessage) -> BaseMessage:
    content = message.content
    if not isinstance(content, str):
        content = [each for each in content if isinstance(each, str) or each.get("type") not in _BLOCKS]
    extras = {key: value for key, value in message.additional_kwargs.items() if key not in _EXTRAS}
    return message.model_copy(update={"content": content, "additional_kwargs": extras})
