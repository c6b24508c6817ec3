"""GGUF files by llama-cpp-python, where the embedded engine is not installed (extra `llama-cpp`)."""

from __future__ import annotations

import asyncio
import threading
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeAlias

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import PrivateAttr

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # of the package as a whole
    from langchain_community.chat_models.llamacpp import ChatLlamaCpp

_Put: TypeAlias = Callable[[ChatGenerationChunk | None], None]

_BATCH = 512  # tokens of a prompt that are read at once, as llama.cpp's own default; `ChatLlamaCpp` has 8


class LlamaCppChatModel(ChatLlamaCpp):
    """`ChatLlamaCpp` whose calls are computed one after the other, in a thread of the model's own.

    `llama_cpp.Llama` is not thread-safe. A lock would not do: calls of an event loop that wait for it would hold the
    threads in which the stream that has it wants to fetch its next chunk. An answer that is asked for whole is computed
    to its end though nobody waits for it any more; a stream that is left ends at its next token.
    """

    _worker: ThreadPoolExecutor = PrivateAttr(default_factory=partial(ThreadPoolExecutor, 1, "llama-cpp"))

    def get_token_ids(self, text: str) -> list[int]:
        """The tokens of a text in this model's vocabulary."""
        ids: list[int] = self.client.tokenize(text.encode(), add_bos=False)
        return ids

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002 - a whole answer has no tokens to tell of
        **kwargs: Any,
    ) -> ChatResult:
        return self._worker.submit(self._answer, messages, stop, kwargs).result()

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002 - as above
        **kwargs: Any,
    ) -> ChatResult:
        return await asyncio.wrap_future(self._worker.submit(self._answer, messages, stop, kwargs))

    def _answer(self, messages: list[BaseMessage], stop: list[str] | None, kwargs: dict[str, Any]) -> ChatResult:
        # not by `ChatLlamaCpp._generate`: it streams, and then forgets `stop` and what was used
        asked = {**self._get_parameters(stop), **kwargs}
        response = self.client.create_chat_completion(messages=self._create_message_dicts(messages), **asked)
        result = self._create_chat_result(response)
        used, message = response.get("usage"), result.generations[0].message
        if used and isinstance(message, AIMessage):
            message.usage_metadata = UsageMetadata(
                input_tokens=used["prompt_tokens"],
                output_tokens=used["completion_tokens"],
                total_tokens=used["total_tokens"],
            )
        return result

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        chunks: SimpleQueue[ChatGenerationChunk | None] = SimpleQueue()
        with self._writing(chunks.put, messages, stop, kwargs) as written:
            while (chunk := chunks.get()) is not None:
                if run_manager:
                    run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                yield chunk
            written.result()

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        chunks: asyncio.Queue[ChatGenerationChunk | None] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def put(chunk: ChatGenerationChunk | None) -> None:
            loop.call_soon_threadsafe(chunks.put_nowait, chunk)

        with self._writing(put, messages, stop, kwargs) as written:
            while (chunk := await chunks.get()) is not None:
                if run_manager:
                    await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                yield chunk
            written.result()

    @contextmanager
    def _writing(
        self, put: _Put, messages: list[BaseMessage], stop: list[str] | None, kwargs: dict[str, Any]
    ) -> Iterator[Future[None]]:
        """While it is entered, chunks are put as they are written, and `None` at the end."""
        left = threading.Event()
        chunks = super()._stream(messages, stop, **kwargs)

        def write() -> None:
            named: set[int | None] = set()
            for chunk in chunks:
                if left.is_set():
                    return
                put(_named_once(chunk, named))

        written = self._worker.submit(write)
        written.add_done_callback(lambda _: None if left.is_set() else put(None))
        try:
            yield written
        finally:
            left.set()
            written.cancel()


def _named_once(chunk: ChatGenerationChunk, named: set[int | None]) -> ChatGenerationChunk:
    """The chunk, with the name of a tool only where its call begins: each chunk repeats it, and chunks are added up."""
    message = chunk.message
    if not isinstance(message, AIMessageChunk) or not message.tool_call_chunks:
        return chunk
    calls = [{**call, "name": None} if call["index"] in named else call for call in message.tool_call_chunks]
    named.update(call["index"] for call in message.tool_call_chunks)
    message = AIMessageChunk(content=message.content, id=message.id, tool_call_chunks=calls)
    return ChatGenerationChunk(message=message, generation_info=chunk.generation_info)


def load_llama_cpp(file: Path, *, n_ctx: int, n_threads: int, **options: Any) -> LlamaCppChatModel:
    """Load a file.

    Args:
        file: The GGUF file.
        n_ctx: Tokens of prompt and answer together.
        n_threads: Threads that compute, for the prompt as well as for the answer.
        **options: Passed to `ChatLlamaCpp`; `max_tokens` is a quarter of the context unless given.

    Raises:
        ValueError: llama.cpp cannot load it.
    """
    more = {"n_threads_batch": n_threads, **options.pop("model_kwargs", {})}
    defaults = {"max_tokens": max(1, n_ctx // 4), "n_batch": min(n_ctx, _BATCH), "verbose": False}
    return LlamaCppChatModel(
        model_path=str(file), n_ctx=n_ctx, n_threads=n_threads, model_kwargs=more, **{**defaults, **options}
    )
