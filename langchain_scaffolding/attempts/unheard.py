"""Asking a chat model where nobody but the attempt's probe listens, without what LangChain prepares for listeners.

LangChain's `generate` makes a callback manager, describes the call to whoever traces it and opens a run. Then it does
the work: it looks into the model's cache, waits for its rate limiter, calls it, and completes its message. Where nobody
listens nothing of the first half shows, and it is more than half of a call whose model answers at once.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, chat_models
from langchain_core.utils.uuid import uuid7

from langchain_scaffolding.attempts.hearing import own

if TYPE_CHECKING:
    from uuid import UUID

    from langchain_core.messages import BaseMessage
    from langchain_core.outputs import ChatResult

    from langchain_scaffolding.attempts.probe import Probe

_WORK = ("_generate_with_cache", "_agenerate_with_cache")
_IS_THERE = all(hasattr(BaseChatModel, name) for name in _WORK)  # they are private, and may go

_ENTRIES = ("invoke", "ainvoke", "generate_prompt", "agenerate_prompt", "generate", "agenerate")
_INVOKE, _AINVOKE, _GENERATE_PROMPT, _AGENERATE_PROMPT, _GENERATE, _AGENERATE = (
    own(getattr(BaseChatModel, name), chat_models) for name in _ENTRIES
)


_FOR_LISTENERS = frozenset({"ls_structured_output_format", "structured_output_format"})


def takes_generate(model: BaseChatModel) -> bool:
    """Whether a model's `invoke` is LangChain's own: it fills in a config and calls `generate`.

    Asked before each call, since a library that observes may come later.
    """
    cls = type(model)
    return (
        cls.invoke is _INVOKE
        and cls.ainvoke is _AINVOKE
        and cls.generate_prompt is _GENERATE_PROMPT
        and cls.agenerate_prompt is _AGENERATE_PROMPT
    )


def is_unheard(model: BaseChatModel, messages: list[BaseMessage], arguments: dict[str, Any]) -> bool:
    """Whether nobody listens to a model, if nobody listens to the call around it.

    And whether nothing stands between its `invoke` and its work but what LangChain prepares for listeners.
    """
    cls = type(model)
    if cls.generate is not _GENERATE or cls.agenerate is not _AGENERATE or not _IS_THERE:
        return False
    return takes_generate(model) and is_quiet(model, messages, arguments)


def is_quiet(model: BaseChatModel, messages: list[BaseMessage], arguments: dict[str, Any]) -> bool:
    """Whether a model has no listeners of its own, and is given what LangChain hands on as it is.

    Blocks of content it may translate first, and arguments for listeners it keeps to itself.
    """
    if model.callbacks or model.verbose or (arguments and not _FOR_LISTENERS.isdisjoint(arguments)):
        return False
    for message in messages:  # noqa: SIM110 - asked before every call, and `all` needs a generator
        if not isinstance(message.content, str):
            return False
    return True


class _Run(CallbackManagerForLLMRun):
    """The run of a model that tells a probe alone of its tokens."""

    def __init__(self, probe: Probe, run_id: UUID) -> None:
        super().__init__(run_id=run_id, handlers=[], inheritable_handlers=[])
        self._probe = probe

    def on_llm_new_token(self, token: Any, **_: Any) -> None:
        self._probe.on_llm_new_token(token, run_id=self.run_id)


class _AsyncRun(AsyncCallbackManagerForLLMRun):
    """The same for an asynchronous call."""

    def __init__(self, probe: Probe, run_id: UUID) -> None:
        super().__init__(run_id=run_id, handlers=[], inheritable_handlers=[])
        self._probe = probe

    async def on_llm_new_token(self, token: Any, **_: Any) -> None:
        self._probe.on_llm_new_token(token, run_id=self.run_id)

    def get_sync(self) -> _Run:
        return _Run(self._probe, self.run_id)


def ask(model: BaseChatModel, messages: list[BaseMessage], probe: Probe, arguments: dict[str, Any]) -> BaseMessage:
    """The answer of a model that `is_unheard`; the list is the caller's, so the model is given one of its own."""
    run = _Run(probe, uuid7())
    probe.on_chat_model_start({}, [messages], run_id=run.run_id)
    try:
        result = model._generate_with_cache([*messages], run_manager=run, **arguments)  # noqa: SLF001 - as `generate` does
    except BaseException as error:
        probe.on_llm_error(error, run_id=run.run_id)
        raise
    return _ended(probe, result)


async def aask(
    model: BaseChatModel, messages: list[BaseMessage], probe: Probe, arguments: dict[str, Any]
) -> BaseMessage:
    """The answer, as `ask` gives it.

    In a task of its own, as `agenerate` runs it: context variables that a model sets stay its own, its cancelling
    itself is not taken for the caller's, and a call that was cancelled ends so, whatever the model makes of it.

    Raises:
        RuntimeError: The model gave up by itself, as if its caller had cancelled it.
    """
    run = _AsyncRun(probe, uuid7())
    probe.on_chat_model_start({}, [messages], run_id=run.run_id)
    work = model._agenerate_with_cache([*messages], run_manager=run, **arguments)  # noqa: SLF001 - as `agenerate` does
    (result,) = await asyncio.gather(work, return_exceptions=True)
    if not isinstance(result, BaseException):
        return _ended(probe, result)
    probe.on_llm_error(result, run_id=run.run_id)
    try:
        if isinstance(result, asyncio.CancelledError):
            raise RuntimeError("the model cancelled its own call") from result  # noqa: TRY004 - of no wrong type
        raise result
    finally:
        del result  # its traceback holds this frame


def _ended(probe: Probe, result: ChatResult) -> BaseMessage:
    probe.end(result.generations)
    return result.generations[0].message
