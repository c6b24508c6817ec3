"""The message that a provider makes of an answer: tool calls, usage, and who answered."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, InvalidToolCall, ToolCall
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import invalid_tool_call, tool_call

from langchain_scaffolding.testing.replies import Reply

_CHARACTERS_PER_TOKEN = 4
_TOKENS_PER_MESSAGE = 3


def message_of(
    item: Reply | AIMessage,
    *,
    number: int,
    prompt: Sequence[BaseMessage],
    model_name: str,
    provider: str,
    usage: bool,
) -> AIMessage:
    """A fresh message with what `item` says, as call `number` of the model answers it."""
    message = _message(item, number, model_name) if isinstance(item, Reply) else item.model_copy(deep=True)
    metadata = message.response_metadata
    metadata.setdefault("finish_reason", "tool_calls" if message.tool_calls else "stop")
    metadata.setdefault("model_name", model_name)
    metadata.setdefault("model_provider", provider)
    if usage and message.usage_metadata is None:
        message.usage_metadata = _usage(count_tokens(prompt), max(1, _output_tokens(message)))
    if isinstance(item, Reply) and item.cached:
        # The mark that langchain-core itself leaves on what came from its cache.
        counts: Any = message.usage_metadata or {}
        message = message.model_copy(update={"usage_metadata": {**counts, "total_cost": 0}})
    return message


def count_tokens(messages: Sequence[BaseMessage]) -> int:
    """About how many tokens `messages` are: a quarter of the characters, and three each."""
    characters = sum(_characters(message.content) for message in messages)
    return characters // _CHARACTERS_PER_TOKEN + _TOKENS_PER_MESSAGE * len(messages)


def holds_image(messages: Sequence[BaseMessage]) -> bool:
    """Whether a content block of any message is an image."""
    return any(
        isinstance(block, dict) and block.get("type") in ("image", "image_url", "input_image")
        for message in messages
        if not isinstance(message.content, str)
        for block in message.content
    )


def _message(reply: Reply, number: int, model_name: str) -> AIMessage:
    metadata: dict[str, Any] = {"finish_reason": reply.finish_reason, **reply.response_metadata}
    parts: dict[str, Any] = {"response_metadata": metadata}  # only what is there: validation is slow
    content = reply.content if isinstance(reply.content, str) else list(reply.content)
    if reply.reasoning is not None:
        if isinstance(content, str):
            parts["additional_kwargs"] = {"reasoning_content": reply.reasoning}
        else:
            content = [{"type": "reasoning", "reasoning": reply.reasoning}, *content]
    if reply.tool_calls:
        if metadata["finish_reason"] == "stop":
            metadata["finish_reason"] = "tool_calls"
        parts["tool_calls"], parts["invalid_tool_calls"] = _calls(reply, number, model_name)
    if reply.usage is not None:
        parts["usage_metadata"] = _usage(*reply.usage)
    return AIMessage(content=content, **parts)


def _calls(reply: Reply, number: int, model_name: str) -> tuple[list[ToolCall], list[InvalidToolCall]]:
    calls: list[ToolCall] = []
    invalid: list[InvalidToolCall] = []
    for index, asked in enumerate(reply.tool_calls):
        name = asked["name"]
        call_id = asked.get("id") or f"call_{model_name}_{number}_{index}"
        args = asked.get("args", {})
        parsed = _parsed(args) if isinstance(args, str) else args
        if isinstance(parsed, Mapping):
            calls.append(tool_call(name=name, args=dict(parsed), id=call_id))
        else:
            error = f"Function {name} arguments are not valid JSON: {args}"
            invalid.append(invalid_tool_call(name=name, args=args, id=call_id, error=error))
    return calls, invalid


def _parsed(args: str) -> Any:
    try:
        return json.loads(args)
    except json.JSONDecodeError:
        return None


def _usage(input_tokens: int, output_tokens: int) -> UsageMetadata:
    return UsageMetadata(
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        total_tokens=input_tokens + output_tokens,
    )


def _output_tokens(message: AIMessage) -> int:
    characters = _characters(message.content)
    characters += len(message.additional_kwargs.get("reasoning_content") or "")
    characters += sum(len(str(call["args"])) for call in message.tool_calls)
    return -(-characters // _CHARACTERS_PER_TOKEN)


def _characters(content: str | list[str | dict[str, Any]]) -> int:
    if isinstance(content, str):
        return len(content)
    return sum(len(block) if isinstance(block, str) else len(str(block.get("text", ""))) for block in content)
