"""The steps of a chain: `Attempt` calls one candidate, `LastResort` answers when no candidate did."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.runnables import Runnable, RunnableConfig, RunnableSerializable
from langchain_core.runnables.config import var_child_runnable_config
from pydantic import ConfigDict, InstanceOf

from langchain_scaffolding.attempts import unheard, unheard_streams
from langchain_scaffolding.attempts.binding import RawTools, Schema, with_tools_or_schema
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
        if "limits" in kwargs:
            from langchain_scaffolding.tasks import with_parameters

            model, own = with_parameters(model, kwargs["limits"])
            kwargs = {**{name: value for name, value in kwargs.items() if name != "limits"}, **own}
        if isinstance(kwargs.get("schema"), Schema) or isinstance(kwargs.get("tools"), RawTools):
            return with_tools_or_schema(model, config, kwargs), {}
        return model, kwargs


def _of_generate(config: RunnableConfig) -> dict[str, Any]:
    """What `generate` takes of a config that names no run."""
    return {
        "callbacks": config.get("callbacks"),
        "tags": config.get("tags"),
        "metadata": config.get("metadata"),
    }


def _message_of(result: LLMResult) -> BaseMessage:
    return cast("ChatGeneration", result.generations[0][0]).message


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
