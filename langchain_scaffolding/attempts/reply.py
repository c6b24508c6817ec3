"""`StreamedReply`: holds a stream back until it says something, and hands it out from then on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage

from langchain_scaffolding.attempts.checks import check, has_content, may_think_aloud, refuse, thinks
from langchain_scaffolding.errors import UnacceptableAnswerError
from langchain_scaffolding.outcomes import ErrorClass

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from langchain_scaffolding.tasks.acceptance import Acceptance


def as_message(output: object) -> BaseMessage:
    """What a runnable gave, as a message.

    Raises:
        UnacceptableAnswerError: It is neither text nor a message.
    """
    if isinstance(output, BaseMessage):
        return output
    if isinstance(output, str):
        return AIMessage(content=output)
    raise UnacceptableAnswerError(
        ErrorClass.INVALID_OUTPUT, f"it gave a {type(output).__name__} where a message or text was expected"
    )


def as_chunk(output: object) -> AIMessageChunk:
    """What a stream gave as a chunk: a piece of text, or a whole message, which is the only chunk of its stream."""
    if isinstance(output, AIMessageChunk):
        return output
    if isinstance(output, str):
        return AIMessageChunk(content=output)
    message = as_message(output)
    fields = message.model_dump(exclude={"type"})
    if isinstance(message, AIMessage):
        return AIMessageChunk(**{**fields, "chunk_position": "last"})
    return AIMessageChunk(content=message.content, id=message.id, chunk_position="last")


_set = object.__setattr__


def labelled(message: BaseMessage, routing: dict[str, Any]) -> Any:
    """A copy with the routing facts in its metadata; the original may live in a model's cache."""
    # what pydantic's own `__copy__` sets, in a quarter of the time of `model_copy(update=...)`
    extra, private = message.__pydantic_extra__, message.__pydantic_private__
    copy = object.__new__(type(message))
    metadata = {**message.response_metadata, "routing": routing}
    _set(copy, "__dict__", {**message.__dict__, "response_metadata": metadata})
    _set(copy, "__pydantic_fields_set__", {*message.__pydantic_fields_set__, "response_metadata"})
    _set(copy, "__pydantic_extra__", extra and dict(extra))
    _set(copy, "__pydantic_private__", private and dict(private))
    return copy


class StreamedReply:
    """The chunks of one attempt.

    The first chunk with real content is the commit point: the chunks before it are held back, so that another model may
    still take over; from it on they are handed out as they come. The last chunk is held until the stream has ended,
    since it carries what is only known then.

    Args:
        cut_is_asked_for: Whether the caller set a token limit, so that an answer that reached it is what was wanted.
        at_last: Called when the last chunk has come, before the stream has ended.

    Attributes:
        committed: Whether content has been handed out.
        accepted: Whether the stream has ended and was not given up for another model.
        fault: Why the answer cannot be used, found before anything was handed out.
        thought: Whether the model of a scaffold thought before its answer.
    """

    def __init__(self, *, cut_is_asked_for: bool, at_last: Callable[[], None]) -> None:
        self._at_last = at_last
        self.committed = False
        self.accepted = False
        self.fault: UnacceptableAnswerError | None = None
        self._cut_is_asked_for = cut_is_asked_for
        self._held: list[AIMessageChunk] = []
        self._texts: list[str] = []
        self._metadata: dict[str, Any] = {}
        self._saw_call = False
        self.thought = False
        self._id: str | None = None

    @property
    def text(self) -> str:
        """The text so far."""
        return "".join(self._texts)

    def passes(self, chunk: AIMessageChunk) -> bool:
        """Note what a chunk says; whether it may be handed out as it is, as nearly all may."""
        self._id = chunk.id
        content = chunk.content
        if content:
            self._texts.append(content if isinstance(content, str) else chunk.text)
        if chunk.response_metadata:
            self._metadata.update(chunk.response_metadata)
        return self.committed and not self._held and chunk.chunk_position != "last"

    def feed(self, chunk: AIMessageChunk) -> Sequence[AIMessageChunk]:
        """Take a chunk that does not pass; the chunks that may be handed out now."""
        is_last = chunk.chunk_position == "last"
        if is_last:
            self._at_last()
        if not self.committed:
            self._held.append(chunk)
            self._saw_call = self._saw_call or bool(chunk.tool_call_chunks or chunk.tool_calls)
            if not self._says_something(chunk):
                return ()
            self.committed = True
            ready, self._held = self._held, []
            if is_last:
                self._held.append(ready.pop())
            return ready
        if is_last:
            ready, self._held = self._held, [chunk]
            return ready
        ready, self._held = [*self._held, chunk], []
        return ready

    def _says_something(self, chunk: AIMessageChunk) -> bool:
        return has_content(chunk) and not may_think_aloud(self.text)

    def end(self) -> None:
        """The stream has ended: check what only the whole answer shows.

        Raises:
            UnacceptableAnswerError: The answer is not acceptable. If nothing was handed out, another model may answer.
        """
        last = AIMessage(content=self.text, response_metadata=self._metadata)
        if self._saw_call or (self.committed and not self.text):
            return
        check(self.text, last, cut_is_asked_for=self._cut_is_asked_for)

    def rest(self, routing: dict[str, Any]) -> list[AIMessageChunk]:
        """The chunks still held, the last of which carries the routing facts."""
        *before, last = self._held or [AIMessageChunk(content="", id=self._id, chunk_position="last")]
        if last.chunk_position != "last":
            before, last = [*before, last], AIMessageChunk(content="", id=self._id, chunk_position="last")
        return [*before, labelled(last, routing)]


class CleanedReply(StreamedReply):
    """The chunks of one attempt at a scaffold: cleaned as they come, and held back until their beginning will do.

    Args:
        acceptance: What cleans and judges them.
        at_last: Called when the last chunk has come, before the stream has ended.
    """

    def __init__(self, acceptance: Acceptance, *, at_last: Callable[[], None]) -> None:
        super().__init__(cut_is_asked_for=False, at_last=at_last)
        self._acceptance = acceptance
        self._stream = acceptance.stream()
        self._tail = ""

    def passes(self, chunk: AIMessageChunk) -> bool:  # noqa: ARG002
        """None may be handed out as it is: each is cleaned first."""
        return False

    def feed(self, chunk: AIMessageChunk) -> Sequence[AIMessageChunk]:
        """Take a chunk; the cleaned chunks that may be handed out now."""
        piece = self._stream.feed(chunk.text) if chunk.content else ""
        self.thought = self.thought or self._stream.thought or thinks(chunk)
        if self._stream.fault is not None:
            self.fault = UnacceptableAnswerError(ErrorClass.INVALID_OUTPUT, self._stream.fault)
            return ()
        if not (piece or chunk.usage_metadata or chunk.response_metadata or chunk.chunk_position):
            return ()  # all of it was thinking or preamble
        cleaned = chunk.model_copy(update={"content": piece})
        return (cleaned,) if super().passes(cleaned) else super().feed(cleaned)

    def _says_something(self, chunk: AIMessageChunk) -> bool:
        return bool(str(chunk.content).strip())

    def end(self) -> None:
        """The stream has ended: judge the whole.

        Raises:
            UnacceptableAnswerError: The answer is not acceptable. If nothing was handed out, another model may answer.
        """
        self._tail = self._stream.end()
        refuse(AIMessage(content=self._stream.text, response_metadata=self._metadata), cut_is_asked_for=False)
        if self._stream.fault is not None:
            raise UnacceptableAnswerError(ErrorClass.INVALID_OUTPUT, self._stream.fault)
        self._acceptance.require(self._stream.text, thought=self._stream.thought)

    def rest(self, routing: dict[str, Any]) -> list[AIMessageChunk]:
        """The chunks still held, and the end of the answer."""
        *before, last = super().rest(routing)
        return [*before, last.model_copy(update={"content": str(last.content) + self._tail})]
