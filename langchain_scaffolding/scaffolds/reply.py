"""`Reply`: the stream of one model's answer, cleaned and judged."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from langchain_core.messages import AIMessageChunk

from langchain_scaffolding.attempts import is_cut
from langchain_scaffolding.errors import UnacceptableAnswerError
from langchain_scaffolding.outcomes import ErrorClass

if TYPE_CHECKING:
    from langchain_scaffolding.tasks import Acceptance, AnswerStream


class Reply:
    """The stream of one answer: cleaned, judged, and its facts kept for the last chunk.

    Attributes:
        error: Why the answer cannot be used.
        has_spoken: Whether a part of it was handed out.
        is_accepted: Whether it has ended, and either can be used or was handed out.
    """

    def __init__(self, acceptance: Acceptance) -> None:
        self.error: UnacceptableAnswerError | None = None
        self.has_spoken = False
        self.is_accepted = False
        self._acceptance = acceptance
        self._stream: AnswerStream = acceptance.stream()
        self._facts = AIMessageChunk(content="")

    @property
    def is_open(self) -> bool:
        """Whether more of it is to be heard."""
        return not self.is_accepted and self.error is None

    @property
    def text(self) -> str:
        """What was handed out."""
        return self._stream.text

    def feed(self, chunk: AIMessageChunk) -> Iterator[AIMessageChunk]:
        """Take a chunk; what may be handed out now."""
        self._facts += AIMessageChunk(
            content="", id=chunk.id, response_metadata=chunk.response_metadata, usage_metadata=chunk.usage_metadata
        )
        piece = self._stream.feed(str(chunk.text))
        if self._stream.fault is not None:
            self.error = UnacceptableAnswerError(ErrorClass.INVALID_OUTPUT, self._stream.fault)
        elif piece:
            self.has_spoken = True
            yield AIMessageChunk(content=piece, id=chunk.id)

    def end(self) -> AIMessageChunk:
        """The stream has ended: its last chunk, and the answer judged as a whole."""
        piece = self._stream.end()
        try:
            if self._stream.fault is not None:
                raise UnacceptableAnswerError(ErrorClass.INVALID_OUTPUT, self._stream.fault)
            self._acceptance.require(self.text, thought=self._stream.thought, is_cut=is_cut(self._facts))
        except UnacceptableAnswerError as error:
            self.error = error
        self.is_accepted = self.error is None or self.has_spoken
        return self._facts.model_copy(update={"content": piece, "chunk_position": "last"})
