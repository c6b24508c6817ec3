"""`Probe`: the callback handler that measures one attempt."""

from __future__ import annotations

from collections.abc import Callable
from threading import get_ident
from typing import TYPE_CHECKING, Any

from langchain_core.callbacks import BaseCallbackHandler

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from langchain_core.messages import BaseMessage
    from langchain_core.messages.ai import UsageMetadata
    from langchain_core.outputs import Generation, LLMResult


class Probe(BaseCallbackHandler):
    """Measures the first chat-model run below it: start, first token, end, tokens.

    One probe serves one attempt. It hears chat-model events only, and of a stream's tokens only the first: being told
    of every token would be the largest part of what routing a stream costs. Whoever reads the stream wakes it when the
    last chunk has come and the end is near.

    Attributes:
        run_id: The id of the model's run; `None` until the model started.
        started: When the model started, by `clock`; `None` if it never did.
        thread: The thread it started in.
        first_token: When the first token came; `None` if nothing was streamed.
        ended: When the model ended or failed; `None` while it runs.
        output_tokens: Tokens of the answer as the provider counted them.
        cached: Whether LangChain's model cache answered, so that no model ran.
        may_doze: Whether whoever reads the stream promises to `wake` it at the last chunk, which is sure to be marked.
    """

    # Runs on the event loop itself: through the executor it would measure the executor.
    run_inline = True
    ignore_chain = True
    ignore_llm = False
    ignore_agent = True
    ignore_retriever = True
    ignore_retry = True
    ignore_custom_event = True

    # on the class, since one is made for every attempt
    run_id: UUID | None = None
    thread: int | None = None
    started: float | None = None
    first_token: float | None = None
    ended: float | None = None
    output_tokens: int | None = None
    cached = False
    may_doze = False

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock

    def on_chat_model_start(
        self, serialized: dict[str, Any], messages: list[list[BaseMessage]], *, run_id: UUID, **_: Any
    ) -> None:
        """Note the start."""
        if self.started is None:
            self.run_id = run_id
            self.thread = get_ident()
            self.started = self.clock()

    def on_llm_new_token(self, token: str | list[str | dict[str, Any]], *, run_id: UUID, **_: Any) -> None:
        """Note the first token."""
        if self.first_token is None and run_id == self.run_id:
            self.first_token = self.clock()
            self.ignore_llm = self.may_doze

    def wake(self) -> None:
        """Listen for the end: the last chunk has come."""
        self.ignore_llm = False

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **_: Any) -> None:
        """Note the end, and what the provider counted."""
        # the very same object from LangChain itself, and comparing two takes as long as all else here
        if run_id is self.run_id or run_id == self.run_id:
            self.end(response.generations[0] if response.generations else ())

    def end(self, generations: Sequence[Generation]) -> None:
        """Note the end of the measured run, and what the provider counted for its answers."""
        self.ended = self.clock()
        for generation in generations:
            usage = getattr(getattr(generation, "message", None), "usage_metadata", None)
            if usage:
                self.count(usage)

    def count(self, usage: UsageMetadata) -> None:
        """Note what the provider counted."""
        self.output_tokens = usage.get("output_tokens")
        # the mark that langchain-core puts on an answer out of its model cache
        self.cached = usage.get("total_cost") == 0

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **_: Any) -> None:
        """Note the end."""
        if run_id == self.run_id:
            self.ended = self.clock()

    @property
    def seconds(self) -> float | None:
        """Seconds from start to end, or to now if the model has not ended; `None` if it never started."""
        if self.started is None:
            return None
        return (self.clock() if self.ended is None else self.ended) - self.started

    @property
    def first_token_seconds(self) -> float | None:
        """Seconds from the start to the first token; `None` if nothing was streamed."""
        if self.started is None or self.first_token is None:
            return None
        return self.first_token - self.started
