"""Content as LangChain's version-1 blocks, for routers with `output_version="v1"`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage, AIMessageChunk

M = TypeVar("M", bound="AIMessage")


def as_v1(message: M) -> M:
    """The message with its content as blocks."""
    blocks: Any = message.content_blocks
    metadata = {**message.response_metadata, "output_version": "v1"}
    return message.model_copy(update={"content": blocks, "response_metadata": metadata})


class V1Chunks:
    """Gives the blocks of a stream's chunks stable indices, without which their texts would not merge."""

    def __init__(self) -> None:
        self._index = -1
        self._type = ""

    def __call__(self, chunk: AIMessageChunk) -> AIMessageChunk:
        """The next chunk, with its content as indexed blocks."""
        blocks: list[Any] = [dict(block) for block in chunk.content_blocks]
        for block in blocks:
            if block["type"] != self._type:
                self._type = block["type"]
                self._index += 1
            block.setdefault("index", self._index)
        metadata = {**chunk.response_metadata}
        if chunk.chunk_position == "last":
            metadata["output_version"] = "v1"
        return chunk.model_copy(update={"content": blocks, "response_metadata": metadata})
