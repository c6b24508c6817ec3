"""`RoutedChatModel`: what LangChain asks of any chat model, answered for many models at once."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator, Generator, Iterator, Sequence
from contextlib import aclosing, closing
from typing import Any, Self, cast
from uuid import UUID, uuid4

from langchain_core.caches import BaseCache
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun, Callbacks
from langchain_core.language_models import BaseChatModel, LangSmithParams, LanguageModelInput
from langchain_core.language_models.model_profile import ModelProfile
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult, LLMResult, RunInfo
from langchain_core.runnables import Runnable, RunnableConfig
from pydantic import ConfigDict, Field, InstanceOf

from langchain_scaffolding.attempts import AttemptChain, Schema, below, heard_once
from langchain_scaffolding.bindings import StructuredOutput, ToolSpecs
from langchain_scaffolding.candidates import Candidate, Capability
from langchain_scaffolding.request import RouteRequest, measure

_FACTS = {
    "tool_calling": Capability.TOOLS,
    "image_inputs": Capability.VISION,
    "reasoning_output": Capability.REASONING,
}


class RoutedChatModel(BaseChatModel):
    """A chat model whose answers come from one of several others.

    It has what agents, graphs, tracers and middlewares look for in a chat model. How a call is routed is left to the
    subclass.

    Attributes:
        models: The candidates.
        temperature: Sent with every call, unless the call says otherwise.
        max_tokens: Sent with every call, unless the call says otherwise.
        stop: Sent with every call, unless the call says otherwise.
        streaming: `False` turns streaming off.
        cache: A LangChain cache for whole answers, looked up before routing, also when streaming. Off by default: each
            model then caches under its own key.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    models: tuple[InstanceOf[Candidate], ...] = Field(repr=False)
    temperature: float | None = None
    max_tokens: int | None = None
    stop: list[str] | None = None
    streaming: bool | None = None
    cache: BaseCache | bool | None = Field(default=False, exclude=True)

    # Fields and not private attributes: they are read on every call, and reading a private attribute of a pydantic
    # model costs 35 times as much.
    breakers: Any = Field(default=None, exclude=True, repr=False)
    routing: Any = Field(default=None, exclude=True, repr=False)
    call_defaults: dict[str, Any] = Field(default_factory=dict, exclude=True, repr=False)

    @abstractmethod
    def _prepare(
        self, input: LanguageModelInput, config: RunnableConfig | None, stop: list[str] | None, kwargs: dict[str, Any]
    ) -> tuple[str | list[BaseMessage], RouteRequest, dict[str, Any]]:
        """The text or messages, the request and the arguments for the model."""

    @abstractmethod
    def _assemble(self) -> None:
        """Work out what follows from the options; again whenever one of them was replaced."""

    # --- tools and structured output -----------------------------------------------------------------------------

    def bind_tools(
        self, tools: Sequence[Any], *, tool_choice: Any = None, **kwargs: Any
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """The router with tools, bound on whichever model is chosen; models that cannot call tools are no candidates.

        Bind first, then decorate: `router.bind_tools(...).with_retry()`.

        Args:
            tools: Functions, tools, schemas, or specs of one provider's own.
            tool_choice: As the chosen model takes it; `None` leaves it to the model.
            **kwargs: Further arguments for the model's own `bind_tools`.
        """
        if tool_choice is not None:
            kwargs["tool_choice"] = tool_choice
        return self.bind(tools=ToolSpecs.of(tools, kwargs))

    def with_structured_output(
        self, schema: Any, *, include_raw: bool = False, **kwargs: Any
    ) -> Runnable[LanguageModelInput, Any]:
        """The router with answers that fill a schema; an answer that does not is a failed attempt.

        Args:
            schema: A pydantic class, a TypedDict or a JSON schema.
            include_raw: Whether to give `raw`, `parsed` and `parsing_error` instead of the parsed answer alone.
            **kwargs: Further arguments for the model's own `with_structured_output`, such as `method` and `strict`.

        Raises:
            AllAttemptsFailedError: On a call that no model could serve: no rule can fill a schema honestly.
        """
        return StructuredOutput(router=self, output=Schema(schema, tuple(kwargs.items())), include_raw=include_raw)

    # --- `generate()` ---------------------------------------------------------------------------------------------

    def generate(
        self,
        messages: list[list[BaseMessage]],
        stop: list[str] | None = None,
        callbacks: Callbacks = None,
        *,
        run_id: UUID | None = None,
        **kwargs: Any,
    ) -> LLMResult:
        """One answer for each list of messages, each by a call and a run of its own, as `invoke` gives it.

        Args:
            messages: Lists of messages.
            stop: Stop words.
            callbacks: Handlers.
            run_id: The id of the first run.
            **kwargs: `tags`, `metadata` and `run_name` for the runs; the rest as `invoke` takes it.
        """
        configs = _configs(len(messages), run_id, callbacks, kwargs)
        calls = zip(messages, configs, strict=True)
        return _as_result([self.invoke(each, config, stop=stop, **kwargs) for each, config in calls], configs)

    async def agenerate(
        self,
        messages: list[list[BaseMessage]],
        stop: list[str] | None = None,
        callbacks: Callbacks = None,
        *,
        run_id: UUID | None = None,
        **kwargs: Any,
    ) -> LLMResult:
        """One answer for each list of messages, as `generate` gives them, all at once."""
        configs = _configs(len(messages), run_id, callbacks, kwargs)
        calls = [
            self.ainvoke(each, config, stop=stop, **kwargs) for each, config in zip(messages, configs, strict=True)
        ]
        answers: list[AIMessage] = []
        for answer in await asyncio.gather(*calls, return_exceptions=True):
            if isinstance(answer, BaseException):
                raise answer
            answers.append(answer)
        return _as_result(answers, configs)

    # --- events of version 3: LangChain opens a model run for the router itself -----------------------------------

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        prompt, request, arguments = self._prepare(messages, None, stop, kwargs)
        chain: AttemptChain = self.routing.selector.select(request)
        with heard_once():
            answer = chain.invoke(prompt, {}, request=request, run=below(run_manager), **arguments)
        return ChatResult(generations=[ChatGeneration(message=answer)])

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        prompt, request, arguments = self._prepare(messages, None, stop, kwargs)
        chain: AttemptChain = self.routing.selector.select(request)
        with heard_once():
            answer = await chain.ainvoke(prompt, {}, request=request, run=below(run_manager), **arguments)
        return ChatResult(generations=[ChatGeneration(message=answer)])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        prompt, request, arguments = self._prepare(messages, None, stop, kwargs)
        chain: AttemptChain = self.routing.selector.select(request)
        chunks = chain.stream(prompt, {}, request=request, run=below(run_manager), **arguments)
        with closing(cast("Generator[AIMessageChunk, None, None]", chunks)):
            while True:
                with heard_once():
                    chunk = next(chunks, None)
                if chunk is None:
                    return
                yield ChatGenerationChunk(message=chunk)

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        prompt, request, arguments = self._prepare(messages, None, stop, kwargs)
        chain: AttemptChain = self.routing.selector.select(request)
        async with aclosing(chain.astream(prompt, {}, request=request, run=below(run_manager), **arguments)) as chunks:
            while True:
                with heard_once():
                    chunk = await anext(chunks, None)
                if chunk is None:
                    return
                yield ChatGenerationChunk(message=chunk)

    @property
    def _llm_type(self) -> str:
        return "scaffolding-router"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {
            "models": {candidate.name: dict(candidate.chat_model._identifying_params) for candidate in self.models},  # noqa: SLF001
            **self.call_defaults,
        }

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        params = super()._get_ls_params(stop=stop, **kwargs)
        params["ls_provider"] = "langchain-scaffolding"
        params["ls_model_name"] = str(kwargs.get("model") or "scaffolding-router")
        return params

    # --- what others read off a model ------------------------------------------------------------------------------

    def _resolve_model_profile(self) -> ModelProfile | None:
        """What at least one candidate can do, since a request goes to one that can; what is unknown is left out.

        Structured output is promised only if all can: agents act on it without saying so in the request.
        """
        profile: ModelProfile = {"text_inputs": True, "text_outputs": True}
        for fact, capability in _FACTS.items():
            stated = [model.has(capability) or model.profile.get(fact) for model in self.models]
            if any(stated):
                profile[fact] = True  # type: ignore[literal-required]
            elif stated and all(each is False for each in stated):
                profile[fact] = False  # type: ignore[literal-required]
        profile["structured_output"] = bool(self.models) and all(
            model.has(Capability.STRUCTURED_OUTPUT) or model.profile.get("structured_output") for model in self.models
        )
        lengths = [model.tags.context_length for model in self.models if model.tags.context_length is not None]
        if lengths:
            profile["max_input_tokens"] = max(lengths)
        return profile

    def get_num_tokens(self, text: str) -> int:
        """An estimate, by the rule that filters use: four bytes of UTF-8 make a token."""
        return len(text.encode("utf-8", "replace")) // 4

    def get_num_tokens_from_messages(
        self, messages: Sequence[BaseMessage], tools: Sequence[Any] | None = None, **_: Any
    ) -> int:
        """An estimate, by the rule that filters use."""
        specs = sum(self.get_num_tokens(str(spec)) for spec in ToolSpecs.of(tools, {})) if tools else 0
        return measure(messages)[0] + specs

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """What tells routers apart; without profile and metadata, which are long and for machines."""
        yield "models", [candidate.name for candidate in self.models]
        yield from (pair for pair in super().__repr_args__() if pair[0] not in {"metadata", "profile"})

    # --- copies ------------------------------------------------------------------------------------------------------

    def model_copy(self, *, update: Any = None, deep: bool = False) -> Self:
        """A copy, with some options replaced; it shares what is learned unless it is deep."""
        if update and "models" in update:
            update = {"profile": None, **update}
        copy = super().model_copy(update=update, deep=deep)
        copy._assemble()  # noqa: SLF001 - its own
        return copy

    def __copy__(self) -> Self:
        """A copy that shares what is learned, with a routing of its own."""
        copy = super().__copy__()
        copy._assemble()  # noqa: SLF001 - its own
        return copy

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an option, and work out again what follows from the options."""
        super().__setattr__(name, value)
        if self.routing is not None:
            if name == "models":
                self.__dict__["profile"] = None
            self._assemble()

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """A copy of everything, with a routing of its own."""
        copy = super().__deepcopy__(memo)
        copy._assemble()  # noqa: SLF001 - its own
        return copy

    def __setstate__(self, state: dict[Any, Any]) -> None:
        """Unpickle, with a routing of its own."""
        super().__setstate__(state)
        self._assemble()


def _configs(number: int, run_id: UUID | None, callbacks: Callbacks, kwargs: dict[str, Any]) -> list[RunnableConfig]:
    """A config for each call of `generate`, with what its keyword arguments say of runs taken out of them."""
    config = RunnableConfig(callbacks=callbacks)
    for name in ("tags", "metadata", "run_name"):
        value = kwargs.pop(name, None)
        if value is not None:
            config[name] = value
    return [{**config, "run_id": uuid4() if run_id is None or place else run_id} for place in range(number)]


def _as_result(answers: list[AIMessage], configs: list[RunnableConfig]) -> LLMResult:
    runs = [RunInfo(run_id=config["run_id"]) for config in configs]
    return LLMResult(generations=[[ChatGeneration(message=answer)] for answer in answers], llm_output={}, run=runs)
