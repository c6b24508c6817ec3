"""A chat model that follows a script and otherwise behaves like a provider's."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import Any, ClassVar, Literal, Self

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.exceptions import ContextOverflowError, ModelInvalidRequestError
from langchain_core.language_models import BaseChatModel, LangSmithParams, LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from pydantic import BaseModel, Field

from langchain_scaffolding.testing import binding
from langchain_scaffolding.testing.clock import FakeClock
from langchain_scaffolding.testing.messages import count_tokens, holds_image, message_of
from langchain_scaffolding.testing.replies import Reply, ScriptItem
from langchain_scaffolding.testing.script import Call, RunKind, Script
from langchain_scaffolding.testing.streaming import HANG, broken, steps, whole_pause
from langchain_scaffolding.testing.variants import HOOKS, blank, variant

_PLAIN = Reply()


class ScriptedChatModel(BaseChatModel):
    """A real `BaseChatModel` whose k-th call gives the k-th item of a script.

    An item is a `str` or an `AIMessage` to answer, a `Reply` for all that a provider may add to an
    answer, an exception or its class to raise, or a function `(messages, kwargs) -> item`. The
    last item repeats; an empty script says "ok".

    What an option takes away is really not there: with `streams=False` the class has
    `BaseChatModel._stream`, as LangChain itself checks it. Copies and bound or configured versions
    of a model share its script and its records.

    Args:
        *script: The items.
        **options: The attributes below, and those of every `BaseChatModel`.

    Attributes:
        name: Also `model_name`, and `response_metadata["model_name"]` of every answer.
        provider: `ls_provider` in traces, `response_metadata["model_provider"]`.
        native_async: `False` has sync hooks only, so that LangChain uses threads.
        streams: `False` has no streaming hooks.
        tools: `False` has no `bind_tools`.
        structured: How `with_structured_output` asks by default: "tool" by function calling,
            "native" by JSON schema, `None` not overridden.
        images: `False` refuses messages with images (`ModelInvalidRequestError`).
        context_length: More tokens than that are refused (`ContextOverflowError`).
        usage: Whether plausible token counts are reported where the script gives none.
        ignores_cancellation: Async calls go on after they were cancelled.
        clock: The pauses of replies are spent on this `FakeClock` instead of in real time.
        sleep: Or by this function of seconds.
        asleep: And by this coroutine function in async calls.

    Example:
        >>> from langchain_core.exceptions import ModelRateLimitError
        >>> model = ScriptedChatModel("one", ModelRateLimitError("429"), Reply("three"), name="m")
        >>> model.invoke("hi").content, model.calls
        ('one', 1)
        >>> model.history[0].messages[0].content
        'hi'
    """

    name: str = "scripted"
    provider: str = "scripted"
    script: Script = Field(default_factory=Script, exclude=True, repr=False)
    native_async: bool = True
    streams: bool = True
    tools: bool = True
    structured: Literal["tool", "native"] | None = "tool"
    images: bool = True
    context_length: int | None = None
    usage: bool = True
    ignores_cancellation: bool = False
    clock: FakeClock | None = Field(default=None, exclude=True, repr=False)
    sleep: Callable[[float], object] = Field(default=time.sleep, exclude=True, repr=False)
    asleep: Callable[[float], Awaitable[object]] = Field(default=asyncio.sleep, exclude=True, repr=False)
    # Standard parameters of chat models: kept and traced, without effect on a script.
    temperature: float | None = None
    max_tokens: int | None = None
    timeout: float | None = None
    max_retries: int | None = None
    stop: list[str] | str | None = None
    streaming: bool | None = None

    variant_of: ClassVar[type["ScriptedChatModel"] | None] = None
    lacking: ClassVar[frozenset[str]] = frozenset()

    def __new__(cls, *_script: ScriptItem, **options: Any) -> Self:
        """Choose the class that has exactly the hooks asked for."""
        root = cls.variant_of
        if root is not None and not options:  # a copy or an unpickled model
            return super().__new__(cls)
        root = root or cls
        lacking = frozenset(option for option in HOOKS if not options.get(option, root.model_fields[option].default))
        made: Self = super().__new__(variant(root, lacking))
        return made

    def __init__(self, *script: ScriptItem, **options: Any) -> None:
        if script and "script" in options:
            raise TypeError("Give the script as positional items or as script=, not both.")
        options.setdefault("script", Script(script))
        clock = options.get("clock")
        if clock is not None:
            options = {"sleep": clock.sleep, "asleep": clock.asleep, **options}
        super().__init__(**options)

    def __reduce__(self) -> tuple[Any, ...]:
        return blank, (self.variant_of or type(self), self.lacking), self.__getstate__()

    @property
    def _llm_type(self) -> str:
        return "scripted-chat-model"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model_name": self.name, "provider": self.provider}

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        params = super()._get_ls_params(stop=stop, **kwargs)
        params["ls_provider"] = self.provider
        return params

    def get_token_ids(self, text: str) -> list[int]:
        """One id for every four bytes of `text`."""
        return list(text.encode()[::4])

    @property
    def model_name(self) -> str:
        """The name, where LangChain integrations look for it."""
        return self.name

    @property
    def calls(self) -> int:
        """How many calls reached the model."""
        return self.script.calls

    @property
    def history(self) -> tuple[Call, ...]:
        """Those calls, oldest first."""
        return self.script.history

    @property
    def cancelled(self) -> int:
        """How many cancellations reached an async call."""
        return self.script.cancelled

    @property
    def closed_streams(self) -> int:
        """How many streams were closed before their end."""
        return self.script.closed_streams

    def release(self) -> None:
        """Let every hanging call go on, those to come included."""
        self.script.release()

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,
    ) -> ChatResult:
        message, reply = self._answer("invoke", messages, stop, kwargs)
        self._rest(whole_pause(message, reply))
        return _result(message, reply)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,
    ) -> ChatResult:
        message, reply = self._answer("ainvoke", messages, stop, kwargs)
        await self._arest(whole_pause(message, reply))
        return _result(message, reply)

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        message, reply = self._answer("stream", messages, stop, kwargs)
        try:
            for step in steps(message, reply):
                if not isinstance(step, AIMessageChunk):
                    self._rest(step)
                    continue
                chunk = ChatGenerationChunk(message=step)
                if run_manager:
                    run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                yield chunk
        except GeneratorExit:
            self.script.note_closed()
            raise

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        message, reply = self._answer("astream", messages, stop, kwargs)
        try:
            for step in steps(message, reply):
                if not isinstance(step, AIMessageChunk):
                    await self._arest(step)
                    continue
                chunk = ChatGenerationChunk(message=step)
                if run_manager:
                    await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                yield chunk
        except GeneratorExit:
            self.script.note_closed()
            raise

    def _answer(
        self,
        run_kind: RunKind,
        messages: list[BaseMessage],
        stop: list[str] | None,
        kwargs: dict[str, Any],
    ) -> tuple[AIMessage, Reply]:
        if stop is not None:
            kwargs = {**kwargs, "stop": stop}
        number, item = self.script.take(run_kind, messages, kwargs)
        if not self.images and holds_image(messages):
            raise ModelInvalidRequestError(f"{self.name} cannot read images.")
        if self.context_length is not None and count_tokens(messages) > self.context_length:
            raise ContextOverflowError(f"{self.name} takes {self.context_length} tokens, got {count_tokens(messages)}.")
        message = message_of(
            item,
            number=number,
            prompt=messages,
            model_name=kwargs.get("model") or self.name,
            provider=self.provider,
            usage=self.usage,
        )
        return message, item if isinstance(item, Reply) else _PLAIN

    def _rest(self, seconds: float) -> None:
        if seconds == HANG:
            self.script.hang()
        elif seconds:
            self.sleep(seconds)

    async def _arest(self, seconds: float) -> None:
        if not seconds:
            return
        wait = self.script.ahang() if seconds == HANG else self.asleep(seconds)
        try:
            await (self.script.outlast(wait) if self.ignores_cancellation else wait)
        except asyncio.CancelledError:
            self.script.note_cancelled()
            raise

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: dict[str, Any] | str | bool | None = None,
        strict: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Bind tools as OpenAI's models do; `history[k].tools` tells what was bound.

        Raises:
            ValueError: If `tool_choice` names none of the tools.
        """
        return self.bind(**binding.tool_kwargs(tools, tool_choice, strict=strict), **kwargs)

    def with_structured_output(
        self,
        schema: dict[str, Any] | type,
        *,
        include_raw: bool = False,
        method: Literal["function_calling", "json_schema", "json_mode"] | None = None,
        strict: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, dict[str, Any] | BaseModel]:
        """Answer in `schema`, asked for by a forced tool call, a JSON schema, or JSON mode.

        Raises:
            ValueError: If `method` or another keyword is unknown, or JSON mode is to be strict.
        """
        if kwargs:
            raise ValueError(f"with_structured_output does not take {sorted(kwargs)}: leave it out.")
        native = self.structured == "native"
        return binding.structured_output(
            self,
            schema,
            method=method or ("json_schema" if native else "function_calling"),
            include_raw=include_raw,
            strict=strict,
        )


def _result(message: AIMessage, reply: Reply) -> ChatResult:
    if reply.break_after is not None:
        raise broken(reply)
    return ChatResult(generations=[ChatGeneration(message=message)])
