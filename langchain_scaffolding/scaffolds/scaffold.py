"""`Scaffold`: a task over a model, as a LangChain runnable."""

# Annotations are evaluated: pydantic reads them.

import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from contextlib import aclosing, closing
from typing import Any, cast

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.ai import add_ai_message_chunks
from langchain_core.runnables import Runnable, RunnableConfig, RunnableSerializable
from langchain_core.runnables.config import (
    ensure_config,
    get_async_callback_manager_for_config,
    get_callback_manager_for_config,
    patch_config,
)
from pydantic import ConfigDict, Field, InstanceOf, PrivateAttr

from langchain_scaffolding.candidates import Candidate
from langchain_scaffolding.errors import ConfigurationError
from langchain_scaffolding.scaffolds.ambient import aambient, ambient
from langchain_scaffolding.scaffolds.inputs import ScaffoldInput, configured_options, read_input
from langchain_scaffolding.scaffolds.plain import GuardedModel
from langchain_scaffolding.scaffolds.result import ScaffoldingResult, ScaffoldingResultChunk
from langchain_scaffolding.scaffolds.work import Pieces, Work
from langchain_scaffolding.tasks import Task, task_of

_SENT_ON = ("model", "stop")
"""Keywords of a call that are for a router, and no options."""


class Scaffold(RunnableSerializable[ScaffoldInput, ScaffoldingResult]):
    """A task over a model: gives the answer to a text, cleaned and checked, else what the rule makes of it.

    The input is a text, a message, prompt or document, a list of messages (a conversation) or documents, or a mapping
    with one of these under `text`, `input` or `messages` and options beside it. Options are also taken from
    `.bind(max_points=3)` and from `config["configurable"]`, there under their name or, for this task alone, as
    "<task>.<option>". What stands nearest to the call goes before: the input, then what is bound, then the config, then
    the options given to `scaffold`. Text without a word is answered at once, by nothing.

    Attributes:
        task: The task.
        model: A router, a chat model, or `None` for the rule alone.
        options: Options of every call.
        fallback_to_rule_based: Whether the rule answers where a plain model does not; a router knows by its config.
        clock: Seconds from any start, never running backwards; a router's own, if it is over one.

    Raises:
        ConfigurationError: Of each call: an option is unknown or out of range, or the input is no text.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    task: InstanceOf[Task] = Field(repr=False)
    model: Any = Field(default=None, repr=False)
    options: dict[str, Any] = Field(default_factory=dict)
    fallback_to_rule_based: bool = True
    clock: Callable[[], float] = Field(default=time.perf_counter, repr=False)

    _caller: Any = PrivateAttr()

    def __init__(self, **fields: Any) -> None:
        if is_router(fields.get("model")):
            fields.setdefault("clock", fields["model"].clock)
        super().__init__(**fields)
        # here and not in a validator, which would wrap our errors in pydantic's
        self.task.values(self.options)
        if is_router(self.model):
            self._caller = self.model
            return
        if self.model is not None and not isinstance(self.model, Runnable):
            msg = f"A scaffold takes a router or a chat model, not a {type(self.model).__name__}."
            raise ConfigurationError(msg)
        self._caller = GuardedModel(
            candidate=None if self.model is None else Candidate.of(self.model),
            fallback_to_rule_based=self.fallback_to_rule_based,
            clock=self.clock,
        )

    @property
    def InputType(self) -> Any:  # noqa: N802 - LangChain's name
        """A text, or a mapping with a text and options."""
        return str | dict[str, Any]

    @property
    def OutputType(self) -> type[ScaffoldingResult]:  # noqa: N802 - LangChain's name
        """The result."""
        return ScaffoldingResult

    def __repr_args__(self) -> list[tuple[str, Any]]:
        """The task and the options."""
        return [("task", self.task.name), ("options", self.options)]

    def get_name(self, suffix: str | None = None, *, name: str | None = None) -> str:
        """The name of its runs: the task's."""
        return super().get_name(suffix, name=name or self.name or f"scaffold_{self.task.name}")

    def invoke(self, input: ScaffoldInput, config: RunnableConfig | None = None, **options: Any) -> ScaffoldingResult:
        """The result for a text.

        Raises:
            ConfigurationError: An option is unknown or out of range, or the input is no text.
            RoutingError: No model gave a usable answer, and the rules may not answer.
        """
        work, arguments = self._work(input, ensure_config(config), options)

        def call(_input: ScaffoldInput, config: RunnableConfig) -> ScaffoldingResult:
            if work.is_empty:
                return work.result(work.nothing())
            return work.result(cast("AIMessage", self._caller.invoke(work.messages(), config, **arguments)))

        return self._call_with_config(cast("Any", call), input, config)

    async def ainvoke(
        self, input: ScaffoldInput, config: RunnableConfig | None = None, **options: Any
    ) -> ScaffoldingResult:
        """The result for a text, as `invoke` gives it."""
        work, arguments = self._work(input, ensure_config(config), options)

        async def call(_input: ScaffoldInput, config: RunnableConfig) -> ScaffoldingResult:
            if work.is_empty:
                return work.result(work.nothing())
            return work.result(cast("AIMessage", await self._caller.ainvoke(work.messages(), config, **arguments)))

        return await self._acall_with_config(cast("Any", call), input, config)

    def stream(
        self, input: ScaffoldInput, config: RunnableConfig | None = None, **options: Any
    ) -> Iterator[ScaffoldingResultChunk]:
        """The result in pieces: prose as the model speaks, lists point by point; the last piece carries the facts.

        What only the whole answer shows is checked at the end and stands in the last piece's `fault`, since what was
        handed out cannot be taken back.

        Raises:
            ConfigurationError: An option is unknown or out of range, or the input is no text.
            RoutingError: No model gave a usable answer, and the rules may not answer.
        """
        config = ensure_config(config)
        work, arguments = self._work(input, config, options)
        run = get_callback_manager_for_config(config).on_chain_start(
            None, cast("Any", input), name=config.get("run_name") or self.get_name(), run_id=config.pop("run_id", None)
        )
        heard: list[AIMessageChunk] = []
        try:
            with closing(self._pieces(work, arguments, patch_config(config, callbacks=run.get_child()))) as pieces:
                for piece in pieces:
                    heard.append(piece)
                    yield piece
        except GeneratorExit:
            run.on_chain_end(_merged(heard))
            raise
        except BaseException as error:
            run.on_chain_error(error)
            raise
        run.on_chain_end(_merged(heard))

    async def astream(
        self, input: ScaffoldInput, config: RunnableConfig | None = None, **options: Any
    ) -> AsyncIterator[ScaffoldingResultChunk]:
        """The result in pieces, as `stream` gives it."""
        config = ensure_config(config)
        work, arguments = self._work(input, config, options)
        run = await get_async_callback_manager_for_config(config).on_chain_start(
            None, cast("Any", input), name=config.get("run_name") or self.get_name(), run_id=config.pop("run_id", None)
        )
        heard: list[AIMessageChunk] = []
        try:
            async with aclosing(
                self._apieces(work, arguments, patch_config(config, callbacks=run.get_child()))
            ) as pieces:
                async for piece in pieces:
                    heard.append(piece)
                    yield piece
        except GeneratorExit:
            await run.on_chain_end(_merged(heard))
            raise
        except BaseException as error:
            await run.on_chain_error(error)
            raise
        await run.on_chain_end(_merged(heard))

    def _pieces(
        self, work: Work, arguments: dict[str, Any], config: RunnableConfig
    ) -> Generator[ScaffoldingResultChunk, None, None]:
        pieces = Pieces(work)
        if work.is_empty:
            yield pieces.nothing()
            return
        with closing(ambient(self._caller.stream(work.messages(), config, **arguments), config)) as chunks:
            for chunk in chunks:
                yield pieces.of(chunk)

    async def _apieces(
        self, work: Work, arguments: dict[str, Any], config: RunnableConfig
    ) -> AsyncGenerator[ScaffoldingResultChunk, None]:
        pieces = Pieces(work)
        if work.is_empty:
            yield pieces.nothing()
            return
        async with aclosing(aambient(self._caller.astream(work.messages(), config, **arguments), config)) as chunks:
            async for chunk in chunks:
                yield pieces.of(chunk)

    def work(self, input: ScaffoldInput, config: RunnableConfig, options: dict[str, Any]) -> Work:
        """What a call with these arguments works on, and with which options.

        Raises:
            ConfigurationError: An option is unknown or out of range, or the input is no text.
        """
        text, given = read_input(self.task, input)
        merged = {**self.options, **configured_options(self.task, config), **options, **given}
        return Work.on(self.task, text, merged, self.clock)

    def _work(
        self, input: ScaffoldInput, config: RunnableConfig, options: dict[str, Any]
    ) -> tuple[Work, dict[str, Any]]:
        """The work of one call, and the keywords with which the model is called for it."""
        sent_on = {name: options.pop(name) for name in _SENT_ON if name in options and is_router(self._caller)}
        work = self.work(input, config, options)
        arguments = {**work.parameters, **sent_on, "acceptance": work.acceptance}
        if is_router(self._caller):
            # what the router's owner has set, for all calls or in a profile, goes before the task's defaults
            owned = {**self._caller.call_defaults, **self._caller.routing.parameters(self.task.name)}
            defaults = {name: value for name, value in work.acceptance.parameters.items() if name not in owned}
            arguments = {**defaults, **arguments, "task": self.task.name}
        return work, arguments


def is_router(model: object) -> bool:
    """Whether a model takes `acceptance=` and does the cleaning, checking and falling back itself."""
    return bool(getattr(model, "accepts_acceptance", False))


def _merged(chunks: list[AIMessageChunk]) -> AIMessageChunk | None:
    return add_ai_message_chunks(*chunks) if chunks else None


def scaffold(task: str | Task, model: Any = None, **options: Any) -> Scaffold:
    r"""A task over a model, as a runnable for chains.

    Args:
        task: The name of a known task, or a `Task`.
        model: A router, a chat model, or `None` for the task's rule alone.
        **options: Options of every call, such as `style` and `max_points`; see the task.

    Raises:
        ConfigurationError: The task is unknown, an option is, or the model is no chat model.

    Example:
        >>> from langchain_core.prompts import ChatPromptTemplate
        >>> from langchain_core.runnables import RunnablePassthrough
        >>> from langchain_scaffolding.testing import ScriptedChatModel
        >>> small = ScriptedChatModel("1. Compare the prices\n2. Add the shipping", name="small")
        >>> big = ScriptedChatModel("The second shop.", name="big")
        >>> prompt = ChatPromptTemplate.from_template("{question}\n\nFollow this plan:\n{plan}")
        >>> chain = {"plan": scaffold("reasoning", small), "question": RunnablePassthrough()} | prompt | big
        >>> chain.invoke("Which shop is cheaper?").content
        'The second shop.'
        >>> print(big.history[0].messages[0].content)
        Which shop is cheaper?
        <BLANKLINE>
        Follow this plan:
        1. Compare the prices
        2. Add the shipping
    """
    return Scaffold(task=task_of(task), model=model, options=options)
