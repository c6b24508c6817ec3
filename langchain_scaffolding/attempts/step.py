"""The steps of a chain: `Attempt` calls one candidate, `LastResort` answers when no candidate did."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias, cast

from langchain_core.callbacks import CallbackManagerForChainRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.runnables import Runnable, RunnableConfig, RunnableParallel, RunnableSequence, RunnableSerializable
from langchain_core.runnables.base import RunnableBindingBase
from langchain_core.runnables.config import (
    merge_configs,
    patch_config,
    set_config_context,
    var_child_runnable_config,
)
from langchain_core.runnables.configurable import DynamicRunnable
from langchain_core.tools import BaseTool
from pydantic import ConfigDict, InstanceOf

from langchain_scaffolding.attempts import unheard, unheard_streams
from langchain_scaffolding.attempts.history import without_foreign_reasoning
from langchain_scaffolding.attempts.limits import aclose_iterator, close_iterator
from langchain_scaffolding.attempts.unheard import is_unheard, takes_generate
from langchain_scaffolding.attempts.unheard_streams import streams_unheard
from langchain_scaffolding.candidates import Candidate
from langchain_scaffolding.errors import UnacceptableAnswerError
from langchain_scaffolding.outcomes import ErrorClass
from langchain_scaffolding.request import as_messages

if TYPE_CHECKING:
    from langchain_core.outputs import ChatGeneration, LLMResult

    from langchain_scaffolding.attempts.probe import Probe
    from langchain_scaffolding.attempts.run import RouterRun


@dataclass(frozen=True, slots=True)
class RawTools:
    """Tools as the caller gave them, with what goes with them; bound on the model that is chosen."""

    tools: tuple[Any, ...]
    options: tuple[tuple[str, Any], ...] = ()


def is_provider_tool(tool: object) -> bool:
    """Whether it is a tool of one provider's own, such as a built-in web search, which has no function to convert."""
    if isinstance(tool, dict):
        return tool.get("type", "function") != "function" or _SPEC_KEYS.isdisjoint(tool)
    return not callable(tool) and not isinstance(tool, (BaseTool, str))


_SPEC_KEYS = frozenset({"type", "function", "name", "title"})


@dataclass(frozen=True, slots=True)
class Schema:
    """A wanted output schema, with what goes with it; bound on the model that is chosen."""

    schema: Any
    options: tuple[tuple[str, Any], ...] = ()


Target: TypeAlias = tuple[Runnable[Any, Any], dict[str, Any]]
"""What is to be called, and with which arguments."""


class Step(RunnableSerializable[str | list[BaseMessage], Any]):
    """One step of a chain: a runnable that is called as it would be called alone."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    name: str | None = None
    """What the step is called in records and errors."""

    is_model: ClassVar[bool]
    """Whether it calls a candidate, whose outcome is learned from."""

    is_rules: bool = False
    """Whether it is the built-in rules, which take the task and its options."""

    @property
    def marks_its_last_chunk(self) -> bool:
        """Whether its streams are sure to end in a chunk that says so."""
        return False

    def target(self, kwargs: dict[str, Any], config: RunnableConfig | None) -> Target:
        """What is to be called with `config`, and the arguments of the call that are for it."""
        raise NotImplementedError

    def readable(self, prompt: str | list[BaseMessage]) -> str | list[BaseMessage]:
        """The messages as the runnable can take them."""
        return prompt

    def invoke(self, input: str | list[BaseMessage], config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Call the runnable, with `config` ambient: a bound model prefers the ambient one to the one it is given."""
        runnable, arguments = self.target(kwargs, config)
        if _is_bare(config):
            return runnable.invoke(self.readable(input), config, **arguments)
        token = var_child_runnable_config.set(config)
        try:
            return runnable.invoke(self.readable(input), config, **arguments)
        finally:
            var_child_runnable_config.reset(token)

    async def ainvoke(self, input: str | list[BaseMessage], config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Call the runnable, as `invoke` does."""
        runnable, arguments = self.target(kwargs, config)
        if _is_bare(config):
            return await runnable.ainvoke(self.readable(input), config, **arguments)
        token = var_child_runnable_config.set(config)
        try:
            return await runnable.ainvoke(self.readable(input), config, **arguments)
        finally:
            var_child_runnable_config.reset(token)

    def stream(
        self, input: str | list[BaseMessage], config: RunnableConfig | None = None, **kwargs: Any
    ) -> Iterator[AIMessageChunk]:
        """The runnable's chunks, with `config` ambient during each of its steps and never across a `yield`."""
        runnable, arguments = self.target(kwargs, config)
        chunks = runnable.stream(self.readable(input), config, **arguments)
        return chunks if _is_bare(config) else _with_ambient(chunks, config)

    def astream(
        self, input: str | list[BaseMessage], config: RunnableConfig | None = None, **kwargs: Any
    ) -> AsyncIterator[AIMessageChunk]:
        """The runnable's chunks, as `stream` gives them."""
        runnable, arguments = self.target(kwargs, config)
        chunks = runnable.astream(self.readable(input), config, **arguments)
        return chunks if _is_bare(config) else _awith_ambient(chunks, config)


def _is_bare(config: RunnableConfig | None) -> bool:
    """Whether a config says nothing that a call below could miss: nobody listens but the attempt's probe.

    And nothing surrounds it that a call below could take for it.
    """
    if config is not None and (len(config) > 1 or not isinstance(config.get("callbacks"), list)):
        return False
    return var_child_runnable_config.get() is None


def _with_ambient(chunks: Iterator[AIMessageChunk], config: RunnableConfig | None) -> Iterator[AIMessageChunk]:
    try:
        while True:
            token = var_child_runnable_config.set(config)
            try:
                chunk = next(chunks)
            except StopIteration:
                return
            finally:
                var_child_runnable_config.reset(token)
            yield chunk
    finally:
        close_iterator(chunks)


async def _awith_ambient(
    chunks: AsyncIterator[AIMessageChunk], config: RunnableConfig | None
) -> AsyncIterator[AIMessageChunk]:
    try:
        while True:
            token = var_child_runnable_config.set(config)
            try:
                chunk = await anext(chunks)
            except StopAsyncIteration:
                return
            finally:
                var_child_runnable_config.reset(token)
            yield chunk
    finally:
        await aclose_iterator(chunks)


class Attempt(Step):
    """Calls one candidate.

    Example:
        >>> from langchain_scaffolding.testing import ScriptedChatModel
        >>> Attempt(candidate=Candidate(name="tiny", model=ScriptedChatModel("Hello"))).invoke([]).content
        'Hello'
    """

    is_model: ClassVar[bool] = True

    candidate: InstanceOf[Candidate]

    @property
    def streams(self) -> bool:
        """Whether the model has token streaming of its own."""
        cls = type(self.candidate.chat_model)
        return cls._stream is not BaseChatModel._stream or cls._astream is not BaseChatModel._astream  # noqa: SLF001

    @property
    def is_chat_model(self) -> bool:
        """Whether it calls a chat model itself, and no runnable around one."""
        return self.candidate.model is self.candidate.chat_model

    @property
    def marks_its_last_chunk(self) -> bool:
        """Whether it is a chat model itself, whose streams LangChain ends in a chunk that says so."""
        return self.is_chat_model

    @property
    def is_natively_async(self) -> bool:
        """Whether cancelling its async call stops it; otherwise LangChain runs it in a thread."""
        cls = type(self.candidate.chat_model)
        return cls._agenerate is not BaseChatModel._agenerate  # noqa: SLF001

    def readable(self, prompt: str | list[BaseMessage]) -> str | list[BaseMessage]:
        """The messages without what only another provider's model can read; text as it is, for a chat model."""
        if self.is_chat_model and isinstance(prompt, str):
            return prompt

        def provider() -> str | None:
            return self.candidate.chat_model._get_ls_params().get("ls_provider")  # noqa: SLF001

        return without_foreign_reasoning(as_messages(prompt), self.candidate.name, provider)

    def ask(
        self, prompt: str | list[BaseMessage], probe: Probe, run: RouterRun, arguments: dict[str, Any]
    ) -> BaseMessage:
        """The answer of the model, which is a chat model itself."""
        model, readable = self.candidate.chat_model, self.readable(prompt)
        messages = as_messages(readable)
        if run.is_plain and is_unheard(model, messages, arguments):
            return unheard.ask(model, messages, probe, arguments)
        config = run.child(probe)
        token = var_child_runnable_config.set(config)
        try:
            if takes_generate(model):
                return _message_of(model.generate([messages], **_of_generate(config), **arguments))
            return model.invoke(readable, config, **arguments)
        finally:
            var_child_runnable_config.reset(token)

    async def aask(
        self, prompt: str | list[BaseMessage], probe: Probe, run: RouterRun, arguments: dict[str, Any]
    ) -> BaseMessage:
        """The answer, as `ask` gives it."""
        model, readable = self.candidate.chat_model, self.readable(prompt)
        messages = as_messages(readable)
        if run.is_plain and is_unheard(model, messages, arguments):
            return await unheard.aask(model, messages, probe, arguments)
        config = run.child(probe)
        token = var_child_runnable_config.set(config)
        try:
            if takes_generate(model):
                return _message_of(await model.agenerate([messages], **_of_generate(config), **arguments))
            return await model.ainvoke(readable, config, **arguments)
        finally:
            var_child_runnable_config.reset(token)

    def chunks(
        self, prompt: str | list[BaseMessage], probe: Probe, arguments: dict[str, Any]
    ) -> Iterator[AIMessageChunk]:
        """The chunks of the model, for a call that nobody listens to but a probe."""
        model, readable = self.candidate.chat_model, self.readable(prompt)
        messages = as_messages(readable)
        if streams_unheard(model, messages, arguments):
            return unheard_streams.stream(model, messages, probe, arguments)
        return model.stream(readable, {"callbacks": [probe]}, **arguments)

    def achunks(
        self, prompt: str | list[BaseMessage], probe: Probe, arguments: dict[str, Any]
    ) -> AsyncIterator[AIMessageChunk]:
        """The chunks, as `chunks` gives them."""
        model, readable = self.candidate.chat_model, self.readable(prompt)
        messages = as_messages(readable)
        if streams_unheard(model, messages, arguments, is_async=True):
            return unheard_streams.astream(model, messages, probe, arguments)
        return model.astream(readable, {"callbacks": [probe]}, **arguments)

    def target(self, kwargs: dict[str, Any], config: RunnableConfig | None) -> Target:
        """The candidate's model, with the call's tools or schema bound on it, and a scaffold's limits."""
        model: Runnable[Any, Any] = self.candidate.model
        if not kwargs:
            return model, kwargs
        tools, schema = kwargs.get("tools"), kwargs.get("schema")
        if "limits" in kwargs:
            from langchain_scaffolding.tasks import with_parameters

            model, own = with_parameters(model, kwargs["limits"])
            kwargs = {**{name: value for name, value in kwargs.items() if name != "limits"}, **own}
        if isinstance(schema, Schema):
            options = {**dict(schema.options), "include_raw": True}
            if isinstance(tools, RawTools):
                options["tools"] = list(tools.tools)
            bind = partial(_of, "with_structured_output", schema.schema, options)
        elif isinstance(tools, RawTools):
            bind = partial(_of, "bind_tools", list(tools.tools), dict(tools.options))
        else:
            return model, kwargs
        arguments = {name: value for name, value in kwargs.items() if name not in {"tools", "schema"}}
        return _rebound(model, config, bind, arguments), {}


def _of_generate(config: RunnableConfig) -> dict[str, Any]:
    """What `generate` takes of a config that names no run."""
    return {
        "callbacks": config.get("callbacks"),
        "tags": config.get("tags"),
        "metadata": config.get("metadata"),
    }


def _message_of(result: LLMResult) -> BaseMessage:
    return cast("ChatGeneration", result.generations[0][0]).message


_REPLACED = frozenset({"tools", "tool_choice", "parallel_tool_calls", "response_format"})


def _of(name: str, subject: Any, options: dict[str, Any], model: Runnable[Any, Any]) -> Runnable[Any, Any]:
    return getattr(model, name)(subject, **options)  # type: ignore[no-any-return]


def _rebound(
    model: Runnable[Any, Any],
    config: RunnableConfig | None,
    bind: Callable[[Runnable[Any, Any]], Runnable[Any, Any]],
    arguments: dict[str, Any],
) -> Runnable[Any, Any]:
    """What `bind` makes of the model, with what is bound on it, what the config chooses of it, and the arguments.

    A binding forwards unknown names to the bare model inside, so `binding.bind_tools` would lose the binding; tools
    that were bound before give way, as they do on any model. A configurable model would lose the call's config.
    """
    if isinstance(model, DynamicRunnable):
        model, _ = model.prepare(config)
    if isinstance(model, RunnableBindingBase):
        kept = {name: value for name, value in model.kwargs.items() if name not in _REPLACED}
        bound = _rebound(model.bound, merge_configs(model.config, config), bind, {**kept, **arguments})
        return model.model_copy(update={"bound": bound, "kwargs": {}})
    return _with_arguments(bind(model), arguments)


def _with_arguments(bound: Runnable[Any, Any], arguments: dict[str, Any]) -> Runnable[Any, Any]:
    """A binding with more arguments. Structured output begins with a map, which would drop those of a call."""
    if isinstance(bound, RunnableSequence) and isinstance(bound.first, RunnableParallel):
        steps = {name: step.bind(**arguments) if arguments else step for name, step in bound.first.steps__.items()}
        first = _Single(steps__=steps) if len(steps) == 1 else RunnableParallel(steps)
        return RunnableSequence(first, *bound.steps[1:])
    return bound.bind(**arguments) if arguments else bound


class _Single(RunnableParallel[Any]):
    """A map of one step, called in the thread of its caller.

    LangChain would start a pool of threads for it, which a program waits for at its end, however long they hang.
    """

    def invoke(self, input: Any, config: RunnableConfig | None = None, **_: Any) -> dict[str, Any]:
        """What the step gives, under its name."""
        ((name, step),) = self.steps__.items()

        def call(value: Any, run_manager: CallbackManagerForChainRun, config: RunnableConfig) -> dict[str, Any]:
            child = patch_config(config, callbacks=run_manager.get_child(f"map:key:{name}"))
            with set_config_context(child) as context:
                return {name: context.run(step.invoke, value, child)}

        return self._call_with_config(call, input, config)


class LastResort(Step):
    """Answers when no candidate did: the rules, or any runnable over messages."""

    is_model: ClassVar[bool] = False

    runnable: Runnable[Any, Any]

    def target(self, kwargs: dict[str, Any], config: RunnableConfig | None) -> Target:  # noqa: ARG002
        """The runnable; the rules take the task and its options, any other runnable takes messages alone.

        Raises:
            UnacceptableAnswerError: A schema is wanted, which no rule can fill honestly.
        """
        if isinstance(kwargs.get("schema"), Schema):
            raise UnacceptableAnswerError(ErrorClass.INVALID_OUTPUT, "the last resort cannot fill a schema")
        options = {name: value for name, value in kwargs.items() if name != "schema"}
        return self.runnable, options if self.is_rules else {}
