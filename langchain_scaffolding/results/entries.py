"""Entries: an answer as it is kept, as it comes back, and as a stream."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.ai import add_ai_message_chunks
from langchain_core.outputs import ChatGeneration
from pydantic import BaseModel, ValidationError

from langchain_scaffolding.attempts import as_chunk, is_cut

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from langchain_scaffolding.attempts import Schema

_FILLED = "filled"


def as_entry(answer: Any, schema: Schema | None) -> list[Any] | None:
    """An answer as it is kept, or `None` if it must not be: of the rules, failed, cut off."""
    message: AIMessage = answer if schema is None else answer["raw"]
    routing = message.response_metadata.get("routing", {})
    attempts = routing.get("attempts") or [{}]
    if routing.get("source") != "llm" or attempts[-1].get("error") is not None or is_cut(message):
        return None
    # a copy: what the caller does to the answer must not change what is kept
    entry = ChatGeneration(message=message.model_copy(deep=True))
    if schema is not None:
        filled = answer["parsed"]
        if not isinstance(filled, (BaseModel, dict)):
            return None  # nothing that can be told apart and made again, such as a model of pydantic 1
        values = filled.model_dump(mode="json", by_alias=True) if isinstance(filled, BaseModel) else filled
        entry.generation_info = {_FILLED: json.dumps(values)}
    return [entry]


def as_answer(entry: Sequence[Any] | None, schema: Schema | None) -> Any:
    """An answer as it was kept, marked as such; `None` if there is none."""
    message = getattr(entry[0], "message", None) if entry else None
    if entry is None or not isinstance(message, AIMessage):
        return None
    message = message.model_copy(deep=True)
    routing = message.response_metadata.get("routing", {})
    message.response_metadata["routing"] = {**routing, "cached": True, "seconds": 0.0}
    message.id = f"lc_run--{uuid4()}"  # an id of its own: graphs take two messages of one id for one
    if message.usage_metadata is not None:
        # the mark that langchain-core itself puts on an answer that cost nothing
        message.usage_metadata = cast("Any", {**message.usage_metadata, "total_cost": 0})
    if schema is None:
        return message
    return _filled(message, (entry[0].generation_info or {}).get(_FILLED), schema.schema)


def _filled(message: AIMessage, text: str | None, schema: Any) -> dict[str, Any] | None:
    """An answer that fills a schema, as it was kept; `None` if it does not fill it any more."""
    if text is None:
        return None
    values = json.loads(text)
    if isinstance(schema, type) and issubclass(schema, BaseModel):
        try:
            values = schema.model_validate(values)
        except ValidationError:
            return None
    return {"raw": message, "parsed": values, "parsing_error": None}


def replay(message: AIMessage) -> Iterator[AIMessageChunk]:
    """A whole answer as a stream of a few words at a time; the last chunk carries all that is no text."""
    last = as_chunk(message)
    content = message.content
    if isinstance(content, str):
        *pieces, end = re.findall(r"(?:\S+\s*){1,4}|\s+", content) or [""]
        for piece in pieces:
            yield AIMessageChunk(content=piece, id=message.id)
        last = last.model_copy(update={"content": end})
    yield last


def whole(chunks: list[AIMessageChunk]) -> AIMessage:
    """What a stream said, as a message."""
    fields = add_ai_message_chunks(*chunks).model_dump(exclude={"type", "tool_call_chunks", "chunk_position"})
    return AIMessage(**fields)
