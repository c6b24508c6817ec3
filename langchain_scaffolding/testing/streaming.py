"""How providers cut a message into chunks, and when each chunk arrives."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from typing import Any

from langchain_core.exceptions import ModelConnectionError
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.tool import tool_call_chunk

from langchain_scaffolding.testing.replies import Reply
from langchain_scaffolding.testing.script import raisable

HANG = math.inf
"""The pause that only a release ends."""

_WORD = re.compile(r"\s*\S+|\s+\Z")
_PIECES_OF_ARGUMENTS = 3


def words(text: str) -> list[str]:
    r"""Split at the words and keep all spacing.

    Example:
        >>> words("Two  words.\n")
        ['Two', '  words.', '\n']
    """
    return _WORD.findall(text)


def steps(message: AIMessage, reply: Reply) -> Iterator[float | AIMessageChunk]:
    """What happens on the wire: pauses in seconds and the chunks of `message`.

    Raises:
        BaseException: The error of `reply`, after `break_after` chunks.
    """
    if reply.hang:
        yield HANG
    if reply.delay_s:
        yield reply.delay_s
    pause = reply.first_token_s
    for sent, chunk in enumerate(_chunks(message, reply)):
        if sent == reply.break_after:
            break
        if not (reply.empty_first and sent == 0):
            if pause and chunk.chunk_position != "last":
                yield pause
            pause = reply.token_s
        yield chunk
    if reply.break_after is not None:
        raise broken(reply)


def whole_pause(message: AIMessage, reply: Reply) -> float:
    """Seconds until the whole message is there, as `invoke` waits for it."""
    if reply.hang:
        return HANG
    seconds = reply.delay_s + reply.first_token_s
    if reply.token_s:
        seconds += reply.token_s * max(0, sum(1 for _ in _spoken(message, reply.chunks)) - 1)
    return seconds


def broken(reply: Reply) -> BaseException:
    """The error of a connection that breaks."""
    if reply.error is None:
        return ModelConnectionError(f"The connection broke after {reply.break_after} chunk(s).")
    return raisable(reply.error)


def _chunks(message: AIMessage, reply: Reply) -> Iterator[AIMessageChunk]:
    if reply.empty_first:
        yield AIMessageChunk(content=_nothing(message), id=message.id)
    for chunk in _spoken(message, reply.chunks):
        chunk.id = message.id
        yield chunk
    # Usage, model name and the reason of the end come once: strings of two chunks would be
    # concatenated, and unequal floats raise.
    rest = {k: v for k, v in message.additional_kwargs.items() if k != "reasoning_content"}
    yield AIMessageChunk(
        content=_nothing(message),
        id=message.id,
        additional_kwargs=rest,
        response_metadata=message.response_metadata,
        usage_metadata=message.usage_metadata,
        chunk_position="last",
    )


def _nothing(message: AIMessage) -> str | list[str | dict[str, Any]]:
    return "" if isinstance(message.content, str) else []


def _spoken(message: AIMessage, texts: Sequence[str] | None) -> Iterator[AIMessageChunk]:
    for piece in words(message.additional_kwargs.get("reasoning_content") or ""):
        yield AIMessageChunk(content=_nothing(message), additional_kwargs={"reasoning_content": piece})
    if isinstance(message.content, str):
        for text in words(message.content) if texts is None else texts:
            yield AIMessageChunk(content=text)
    else:
        for index, block in enumerate(message.content):
            yield from _block_chunks(block, index)
    yield from _tool_chunks(message)


def _block_chunks(block: str | dict[str, Any], index: int) -> Iterator[AIMessageChunk]:
    if isinstance(block, str):
        block = {"type": "text", "text": block}
    kind = block.get("type")
    if kind in ("tool_call", "invalid_tool_call"):
        return  # sent as tool call chunks
    if kind not in ("text", "reasoning") or not block.get(kind):
        yield AIMessageChunk(content=[{**block, "index": index}])
        return
    first, *others = words(block[kind])
    yield AIMessageChunk(content=[{**block, kind: first, "index": index}])
    for piece in others:
        yield AIMessageChunk(content=[{"type": kind, kind: piece, "index": index}])


def _tool_chunks(message: AIMessage) -> Iterator[AIMessageChunk]:
    calls: list[tuple[str | None, str, str | None]] = [
        (call["name"], json.dumps(call["args"]), call["id"]) for call in message.tool_calls
    ]
    calls += [(c["name"], c["args"] or "", c["id"]) for c in message.invalid_tool_calls]
    # Blocks are numbered through, as Anthropic does: a tool call that shared its number with a text would be merged
    # into it where LangChain makes standard content blocks of both.
    first = len(message.content) if isinstance(message.content, list) else bool(message.content)
    first += bool(message.additional_kwargs.get("reasoning_content"))
    for index, (name, args, call_id) in enumerate(calls, start=first):
        head = tool_call_chunk(name=name, args="", id=call_id, index=index)
        yield AIMessageChunk(content=_nothing(message), tool_call_chunks=[head])
        size = -(-len(args) // _PIECES_OF_ARGUMENTS) or 1
        for start in range(0, len(args), size):
            part = tool_call_chunk(name=None, args=args[start : start + size], id=None, index=index)
            yield AIMessageChunk(content=_nothing(message), tool_call_chunks=[part])
