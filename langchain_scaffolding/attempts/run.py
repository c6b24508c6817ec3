"""The router's own run: a chain run above the one model run, opened only when somebody listens."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import get_ident
from typing import TYPE_CHECKING, Any, TypeVar, cast

from langchain_core.callbacks import (
    AsyncCallbackManager,
    AsyncCallbackManagerForChainRun,
    AsyncCallbackManagerForLLMRun,
    BaseCallbackManager,
    CallbackManager,
    CallbackManagerForChainRun,
    CallbackManagerForLLMRun,
)
from langchain_core.runnables.config import CONFIG_KEYS, ensure_config, var_child_runnable_config
from langchain_core.tracers.base import BaseTracer
from uuid_utils import uuid7  # what LangChain makes its own ids with: asking the system would take ten times as long

from langchain_scaffolding.attempts.hearing import hooks, nobody_listens
from langchain_scaffolding.request import as_messages

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from langchain_core.callbacks import Callbacks
    from langchain_core.messages import BaseMessage
    from langchain_core.runnables import RunnableConfig

    from langchain_scaffolding.attempts.probe import Probe


_Manager = TypeVar("_Manager", CallbackManager, AsyncCallbackManager)

_TAP = "tap_output_iter"
_OF_THIS_RUN = frozenset({"run_name", "run_id"})
"""What names the run that a config is given to, and none below it."""

_HEEDED = ("tags", "metadata", "configurable")
"""What a model heeds of a config where nobody listens."""

_KEYS = frozenset(CONFIG_KEYS)


@dataclass(frozen=True, kw_only=True, slots=True)
class RunSettings:
    """What the router's runs carry, as any chat model's runs carry it.

    Handlers, tags and metadata reach the runs below as well. On any other chat model they belong to the model run, and
    there token filters of graphs and event streams look for them.

    Attributes:
        name: The run's name, unless the call's config names it.
        callbacks: Handlers of the router itself.
        verbose: Whether to print.
        tags: Tags of the router.
        metadata: Metadata of the router.
    """

    name: str = "AttemptChain"
    callbacks: Callbacks = None
    verbose: bool = False
    tags: tuple[str, ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict)


class RouterRun:
    """One run of the router: gives each attempt its config, and ends once.

    Args:
        config: The call's config.
        run: The chain run, or `None` if nobody listens.
        told: The messages that listeners were told of, if any listen.

    Attributes:
        told: The messages that listeners were told of.
        id: The id of the run, and of the decision: the one that the config gives, or a new one.
        is_plain: Whether an attempt is given nothing but its probe.
    """

    __slots__ = ("_config", "_run", "id", "is_plain", "told")

    def __init__(
        self,
        config: RunnableConfig,
        run: CallbackManagerForChainRun | AsyncCallbackManagerForChainRun | None,
        told: list[BaseMessage] | None = None,
    ) -> None:
        self._run = run
        self.told = told
        run_id = config.get("run_id") if run is None else run.run_id
        self.id = str(run_id or uuid7())
        self.is_plain = run is None and not (config and any(map(config.get, _HEEDED)))
        if not _OF_THIS_RUN.isdisjoint(config):
            config = cast("RunnableConfig", {name: config[name] for name in config.keys() - _OF_THIS_RUN})  # type: ignore[literal-required]
        self._config = config

    @property
    def is_heard(self) -> bool:
        """Whether a handler listens."""
        return self._run is not None

    def child(self, probe: Probe | None) -> RunnableConfig:
        """The config for one attempt: the handlers below this run, and the attempt's probe."""
        if probe is not None and self.is_plain:
            return {"callbacks": [probe]}
        callbacks: Callbacks = [] if probe is None else [probe]
        if self._run is not None:
            callbacks = self._run.get_child()
            if probe is not None:
                callbacks.add_handler(probe)
        return {**self._config, "callbacks": callbacks}

    def end(self, output: Any) -> None:
        """Close the run with what it gave."""
        if self._run is not None:
            cast("CallbackManagerForChainRun", self._run).on_chain_end(output)

    def fail(self, error: BaseException) -> None:
        """Close the run with its error."""
        if self._run is not None:
            cast("CallbackManagerForChainRun", self._run).on_chain_error(error)

    async def aend(self, output: Any) -> None:
        """Close the run with what it gave."""
        if self._run is not None:
            await cast("AsyncCallbackManagerForChainRun", self._run).on_chain_end(output)

    async def afail(self, error: BaseException) -> None:
        """Close the run with its error."""
        if self._run is not None:
            await cast("AsyncCallbackManagerForChainRun", self._run).on_chain_error(error)


def full_config(config: RunnableConfig | None) -> RunnableConfig:
    """The call's config together with what surrounds it, if anything does, and what LangChain makes of the two."""
    around = var_child_runnable_config.get()
    if around is None or around is config:  # a chain makes the one that it hands on ambient, too
        if not config:
            return {}
        if not config.get("configurable") and _KEYS.issuperset(config):
            return config
    return ensure_config(config)


def open_run(config: RunnableConfig | None, settings: RunSettings, prompt: str | Sequence[BaseMessage]) -> RouterRun:
    """Open the router's run, if a handler listens."""
    config = full_config(config)
    manager = _manager(CallbackManager, config, settings)
    if manager is None:
        return RouterRun(config, None)
    told = as_messages(prompt)
    name = config.get("run_name") or settings.name
    run = manager.on_chain_start(None, cast("Any", told), config.get("run_id"), name=name)
    return RouterRun(config, run, told)


async def aopen_run(
    config: RunnableConfig | None, settings: RunSettings, prompt: str | Sequence[BaseMessage]
) -> RouterRun:
    """Open the router's run, if a handler listens."""
    config = full_config(config)
    manager = _manager(AsyncCallbackManager, config, settings)
    if manager is None:
        return RouterRun(config, None)
    told = as_messages(prompt)
    name = config.get("run_name") or settings.name
    run = await manager.on_chain_start(None, cast("Any", told), config.get("run_id"), name=name)
    return RouterRun(config, run, told)


def _manager(cls: type[_Manager], config: RunnableConfig, settings: RunSettings) -> _Manager | None:
    """The manager of the router's run; `None` if it has no handler."""
    if nobody_listens(config, settings.callbacks, verbose=settings.verbose):
        return None
    manager = cls.configure(config.get("callbacks"), settings.callbacks, settings.verbose)
    if not manager.handlers:
        return None
    _label(manager, config, settings)
    return manager


def _label(manager: BaseCallbackManager, config: RunnableConfig, settings: RunSettings) -> None:
    """Let the router's own labels and the call's reach this run and those below it."""
    callbacks, tags, metadata = settings.callbacks, config.get("tags"), config.get("metadata")
    if callbacks:
        for handler in callbacks.handlers if isinstance(callbacks, BaseCallbackManager) else callbacks:
            manager.add_handler(handler)
    if settings.tags or tags:
        manager.add_tags(list(dict.fromkeys((*settings.tags, *(tags or ())))))
    if settings.metadata or metadata:
        manager.add_metadata({**settings.metadata, **(metadata or {})})


def below(run_manager: CallbackManagerForLLMRun | AsyncCallbackManagerForLLMRun | None) -> RouterRun:
    """The run of a router that LangChain itself has opened as a model run, as its events of version 3 do.

    Only tracers hear the attempts below it: they keep runs apart by parent. Other handlers have heard this run start
    and would count it twice.
    """
    if run_manager is None:
        return _NestedRun(None)
    # those that also tap streams, as `astream_log` does, give every token of every run
    tracers = [each for each in run_manager.handlers if isinstance(each, BaseTracer) and not hasattr(each, _TAP)]
    cls = AsyncCallbackManagerForChainRun if _is_async(run_manager) else CallbackManagerForChainRun
    return _NestedRun(cls(run_id=run_manager.run_id, handlers=[], inheritable_handlers=tracers))  # type: ignore[arg-type]


@contextmanager
def heard_once() -> Iterator[None]:
    """Keep handlers that live in context variables, such as `get_usage_metadata_callback`, from runs below a model run.

    LangChain adds them to every run by itself, whatever callbacks the run is given.
    """
    tokens = [(variable, variable.set(None)) for variable, *_ in hooks or () if variable.get() is not None]
    try:
        yield
    finally:
        for variable, token in tokens:
            variable.reset(token)


def _is_async(run_manager: object) -> bool:
    return isinstance(run_manager, AsyncCallbackManagerForLLMRun)


class _NestedRun(RouterRun):
    """A run that LangChain opened and closes itself; who listens beside it was not asked."""

    __slots__ = ()

    def __init__(self, run: CallbackManagerForChainRun | AsyncCallbackManagerForChainRun | None) -> None:
        super().__init__({}, run)
        self.is_plain = False

    @property
    def is_heard(self) -> bool:
        return False

    def end(self, output: Any) -> None:
        """LangChain closes it."""

    def fail(self, error: BaseException) -> None:
        """LangChain closes it."""

    async def aend(self, output: Any) -> None:
        """LangChain closes it."""

    async def afail(self, error: BaseException) -> None:
        """LangChain closes it."""


async def close_dangling(run: RouterRun, probe: Probe, error: BaseException) -> None:
    """Close the model run of an attempt that was cancelled: LangChain's `agenerate` leaves it open for ever.

    One that was left behind in a thread of its own closes itself when the model returns.
    """
    if probe.run_id is None or probe.ended is not None or probe.thread != get_ident() or not run.is_heard:
        return
    manager = cast("AsyncCallbackManager", run.child(None)["callbacks"])
    await AsyncCallbackManagerForLLMRun(
        run_id=probe.run_id,
        handlers=manager.handlers,
        inheritable_handlers=manager.inheritable_handlers,
        parent_run_id=manager.parent_run_id,
        tags=manager.tags,
        metadata=manager.metadata,
    ).on_llm_error(error)
