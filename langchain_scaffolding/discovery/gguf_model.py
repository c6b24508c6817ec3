"""A chat model over a GGUF file that is loaded when it is called first."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LangSmithParams
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from pydantic import Field


class Loading:
    """Loads a model once, whoever comes first, and again if its server has ended."""

    def __init__(self, load: Callable[[], BaseChatModel]) -> None:
        self._load = load
        self._lock = threading.Lock()
        self._model: BaseChatModel | None = None

    @property
    def is_loaded(self) -> bool:
        """Whether the model is in memory."""
        model = self._model
        return model is not None and getattr(getattr(model, "server", None), "running", True)

    def model(self) -> BaseChatModel:
        """The model; loading it takes a second per few GB."""
        with self._lock:
            if self._model is None or not self.is_loaded:
                self._model = self._load()
            return self._model


class GGUFChatModel(BaseChatModel):
    """A chat model over a GGUF file; the engine starts and loads the file with the first call.

    Attributes:
        path: The file.
    """

    path: str
    loading: Any = Field(exclude=True, repr=False)

    @classmethod
    def is_lc_serializable(cls) -> bool:
        """Not: another process has no such engine."""
        return False

    @property
    def is_loaded(self) -> bool:
        """Whether the file is in memory."""
        loaded: bool = self.loading.is_loaded
        return loaded

    @property
    def _llm_type(self) -> str:
        return "local-llama-cpp"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"path": self.path}

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        params = super()._get_ls_params(stop=stop, **kwargs)
        params["ls_provider"] = "llama.cpp"
        return params

    def _opened(self) -> Any:
        return self.loading.model()

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Runnable[Any, Any]:
        """The loaded model with tools."""
        bound: Runnable[Any, Any] = self._opened().bind_tools(tools, **kwargs)
        return bound

    def with_structured_output(self, schema: Any, **kwargs: Any) -> Runnable[Any, Any]:
        """The loaded model, held to a schema."""
        held: Runnable[Any, Any] = self._opened().with_structured_output(schema, **kwargs)
        return held

    def get_token_ids(self, text: str) -> list[int]:
        """The tokens of a text in this model's vocabulary."""
        ids: list[int] = self._opened().get_token_ids(text)
        return ids

    def get_num_tokens_from_messages(self, messages: list[BaseMessage], tools: Sequence[Any] | None = None) -> int:
        """Tokens of the whole prompt, as this model's chat template writes it."""
        tokens: int = self._opened().get_num_tokens_from_messages(messages, tools)
        return tokens

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        result: ChatResult = self._opened()._generate(messages, stop, run_manager, **kwargs)  # noqa: SLF001 - stands for it
        return result

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        model = await asyncio.to_thread(self._opened)
        result: ChatResult = await model._agenerate(messages, stop, run_manager, **kwargs)  # noqa: SLF001 - stands for it
        return result

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        yield from self._opened()._stream(messages, stop, run_manager, **kwargs)  # noqa: SLF001 - stands for it

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        model = await asyncio.to_thread(self._opened)
        async with aclosing(model._astream(messages, stop, run_manager, **kwargs)) as chunks:  # noqa: SLF001 - stands for it
            async for chunk in chunks:
                yield chunk
