"""The four ways to call a chat model, as one function, so that a promise is tested once for all of them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessageChunk
from langchain_core.messages.ai import add_ai_message_chunks

if TYPE_CHECKING:
    from langchain_core.runnables import Runnable

PATHS = ("invoke", "ainvoke", "stream", "astream")
STREAMS = ("stream", "astream")


def chunks(runnable: Runnable[Any, Any], path: str, input: Any, config: Any = None, /, **kwargs: Any) -> list[Any]:
    """All chunks of a stream."""

    async def collect() -> list[Any]:
        return [chunk async for chunk in runnable.astream(input, config, **kwargs)]

    return list(runnable.stream(input, config, **kwargs)) if path == "stream" else asyncio.run(collect())


def call(
    runnable: Runnable[Any, Any], path: str, input: Any = "Say something.", config: Any = None, /, **kwargs: Any
) -> Any:
    """The whole answer, whichever way it was called."""
    if path == "invoke":
        return runnable.invoke(input, config, **kwargs)
    if path == "ainvoke":
        return asyncio.run(runnable.ainvoke(input, config, **kwargs))
    parts = chunks(runnable, path, input, config, **kwargs)
    return add_ai_message_chunks(*parts) if isinstance(parts[0], AIMessageChunk) else parts[-1]


def routing(message: Any) -> dict[str, Any]:
    """The routing facts of an answer."""
    facts: dict[str, Any] = message.response_metadata["routing"]
    return facts
