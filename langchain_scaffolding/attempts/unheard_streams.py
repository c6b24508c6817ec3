"""Streaming from a chat model where nobody but the attempt's probe listens, as `unheard` asks one for an answer.

LangChain's `stream` keeps every chunk, to put all of them together for listeners at the end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from langchain_core.language_models import BaseChatModel, chat_models
from langchain_core.messages import AIMessageChunk
from langchain_core.messages.ai import UsageMetadata, add_usage
from langchain_core.utils.utils import LC_ID_PREFIX
from langchain_core.utils.uuid import uuid7

from langchain_scaffolding.attempts.hearing import own
from langchain_scaffolding.attempts.limits import aclose_iterator
from langchain_scaffolding.attempts.unheard import is_quiet

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

    from langchain_core.messages import BaseMessage
    from langchain_core.outputs import ChatGenerationChunk

    from langchain_scaffolding.attempts.probe import Probe

_STREAM, _ASTREAM = own(BaseChatModel.stream, chat_models), own(BaseChatModel.astream, chat_models)
_metadata_of = own(getattr(chat_models, "_gen_info_and_msg_metadata", None), chat_models)


def streams_unheard(
    model: BaseChatModel, messages: list[BaseMessage], arguments: dict[str, Any], *, is_async: bool = False
) -> bool:
    """Whether nobody listens to a model's stream, if nobody listens to the call around it.

    And whether it streams as LangChain's models do; content of LangChain's output version 1 is put together by
    LangChain alone.
    """
    cls = type(model)
    return (
        (cls.astream is _ASTREAM if is_async else cls.stream is _STREAM)
        and _metadata_of is not None
        and is_quiet(model, messages, arguments)
        and model.output_version != "v1"
        and model._should_stream(async_api=is_async, **{**arguments, "stream": True})  # noqa: SLF001 - what LangChain's `stream` asks
    )


class _Chunks:
    """What becomes of the chunks of one stream."""

    def __init__(self, probe: Probe, messages: list[BaseMessage]) -> None:
        self._probe = probe
        self._run_id = uuid7()
        self._id = f"{LC_ID_PREFIX}-{self._run_id}"
        self._last: BaseMessage | None = None
        self._usage: UsageMetadata | None = None
        probe.on_chat_model_start({}, [messages], run_id=self._run_id)

    def handed_on(self, chunk: ChatGenerationChunk) -> AIMessageChunk:
        """A chunk with the id and the metadata that LangChain gives it."""
        message = cast("AIMessageChunk", chunk.message)
        if message.id is None:
            message.id = self._id
        if chunk.generation_info:
            message.response_metadata = _metadata_of(chunk)
        if self._last is None:
            self._probe.on_llm_new_token("", run_id=self._run_id)
        usage = getattr(message, "usage_metadata", None)
        if usage:
            self._usage = add_usage(self._usage, usage)
        self._last = message
        return message

    def end(self) -> list[AIMessageChunk]:
        """What is to be added at the end: a chunk that says it is the last, unless one has said so.

        Raises:
            ValueError: There was no chunk.
        """
        last = self._last
        if last is None:
            raise ValueError("No generation chunks were returned")
        self._probe.end(())
        if self._usage is not None:
            self._probe.count(self._usage)
        if not isinstance(last, AIMessageChunk) or last.chunk_position:
            return []
        content: str | list[str | dict[Any, Any]] = "" if isinstance(last.content, str) else []
        return [AIMessageChunk(content=content, chunk_position="last", id=self._id)]

    def fail(self, error: BaseException) -> None:
        self._probe.on_llm_error(error, run_id=self._run_id)


def stream(
    model: BaseChatModel, messages: list[BaseMessage], probe: Probe, arguments: dict[str, Any]
) -> Generator[AIMessageChunk, None, None]:
    """The chunks of a model that `streams_unheard`."""
    chunks = _Chunks(probe, messages)
    try:
        if model.rate_limiter:
            model.rate_limiter.acquire(blocking=True)
        for chunk in model._stream([*messages], **{"stop": None, **arguments}):  # noqa: SLF001 - what LangChain's `stream` calls
            yield chunks.handed_on(chunk)
        rest = chunks.end()
    except BaseException as error:
        chunks.fail(error)
        raise
    yield from rest


async def astream(
    model: BaseChatModel, messages: list[BaseMessage], probe: Probe, arguments: dict[str, Any]
) -> AsyncGenerator[AIMessageChunk, None]:
    """The chunks, as `stream` gives them."""
    chunks = _Chunks(probe, messages)
    try:
        if model.rate_limiter:
            await model.rate_limiter.aacquire(blocking=True)
        source = model._astream([*messages], **{"stop": None, **arguments})  # noqa: SLF001 - what LangChain's `astream` calls
        try:
            async for chunk in source:
                yield chunks.handed_on(chunk)
        finally:
            await aclose_iterator(source)
        rest = chunks.end()
    except BaseException as error:
        chunks.fail(error)
        raise
    for last in rest:
        yield last
