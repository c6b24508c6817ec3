"""`ResultCache`: whole answers, kept under everything that changes them, and one flight for identical calls."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from contextlib import aclosing, closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from langchain_core.caches import InMemoryCache
from langchain_core.runnables.config import ensure_config

from langchain_scaffolding.attempts import aopen_run, open_run
from langchain_scaffolding.errors import ConfigurationError
from langchain_scaffolding.results.entries import as_answer, as_entry, replay, whole
from langchain_scaffolding.results.keys import Uncacheable, canonical, parameters_of, said

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterator, Mapping, Sequence

    from langchain_core.caches import BaseCache
    from langchain_core.messages import AIMessageChunk, BaseMessage
    from langchain_core.runnables import RunnableConfig

    from langchain_scaffolding.attempts import RunSettings, Schema
    from langchain_scaffolding.candidates import Candidate
    from langchain_scaffolding.request import RouteRequest

_VERSION = "langchain-scaffolding/1"
_KEPT = 1024


class LocalCache(InMemoryCache):
    """LangChain's in-memory cache, which when full must not be written by two threads at once."""

    def __init__(self) -> None:
        super().__init__(maxsize=_KEPT)
        self._lock = threading.Lock()

    def update(self, prompt: str, llm_string: str, return_val: Any) -> None:
        """Keep a value."""
        with self._lock:
            super().update(prompt, llm_string, return_val)

    def __reduce__(self) -> tuple[type[LocalCache], tuple[()]]:
        """Copies and pickles begin empty."""
        return type(self), ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Inquiry:
    """A call whose answer may have been kept.

    Attributes:
        key: What changes the answer, of the call.
        identity: What changes the answer, of the router.
        schema: The schema that the answer fills; `None` for a message.
        messages: The messages, for traces.
        config: The call's config.
    """

    key: str
    identity: str
    schema: Schema | None
    messages: Sequence[BaseMessage] = field(repr=False)
    config: RunnableConfig | None = field(repr=False)


class _Flight(NamedTuple):
    landed: Future[None]
    thread: int


class ResultCache:
    """Keeps accepted answers of models in any LangChain cache.

    The key holds the messages, tools, schema, parameters, task and everything that the router's choice depends on.
    Answers of the rules, failed and truncated ones are never kept. An answer that was kept is served in a run of its
    own, with no model run below it.

    Args:
        store: Where they are kept.
        candidates: The models that may answer.
        facts: What else the router's choice depends on.
        runs: What the router's runs carry.

    Raises:
        ConfigurationError: The parameters of a model have no stable text, so nothing can be kept under them.
    """

    def __init__(
        self, store: BaseCache, candidates: Mapping[str, Candidate], facts: Sequence[object], runs: RunSettings
    ) -> None:
        self._store = store
        self._candidates = candidates
        self._facts = tuple(facts)
        self._runs = runs
        self._flights: dict[str, _Flight] = {}
        self._lock = threading.Lock()
        self._configurable = sorted({spec.id for each in candidates.values() for spec in each.model.config_specs})
        for name, candidate in candidates.items():
            try:
                canonical(parameters_of(candidate))
            except Uncacheable as error:
                msg = (
                    f"Answers cannot be cached: the parameters of model {name!r} hold a {error}, which has no stable "
                    "text. Leave `cache=` out and give the cache to the models, or leave this model out."
                )
                raise ConfigurationError(msg) from None

    def inquiry(
        self,
        messages: Sequence[BaseMessage],
        request: RouteRequest,
        arguments: Mapping[str, Any],
        config: RunnableConfig | None,
    ) -> Inquiry | None:
        """What the answer of a call is kept under, or `None` if it cannot be kept."""
        facts: dict[str, Any] = {
            "messages": [said(message) for message in messages],
            "task": request.task,
            "model": request.pinned,
            "conversation": request.conversation_model,
            "arguments": {name: value for name, value in arguments.items() if name != "acceptance"},
        }
        if arguments.get("acceptance") is not None:
            facts["options"] = dict(arguments["acceptance"].options)
        if self._configurable:
            configured = ensure_config(config).get("configurable", {})
            facts["configurable"] = {name: configured.get(name) for name in self._configurable}
        # read on every call: a model's parameters may be changed at any time
        models = {name: parameters_of(candidate) for name, candidate in self._candidates.items()}
        try:
            key, identity = canonical(facts), _VERSION + canonical([models, *self._facts])
        except Uncacheable:
            return None
        schema = arguments.get("schema")
        return Inquiry(key=key, identity=identity, schema=schema, messages=messages, config=config)

    def invoke(self, inquiry: Inquiry, call: Callable[[], Any]) -> Any:
        """The kept answer, or that of `call`, which is kept; identical calls under way are waited for once."""
        answer = self._look_up(inquiry)
        ahead = self._take_off(inquiry) if answer is None else None
        # one that belongs to this thread cannot land while this thread waits: it is a task of this thread's loop
        if ahead is not None and ahead.thread != threading.get_ident():
            ahead.landed.result()
            answer = self._look_up(inquiry)
        if answer is not None:
            return self._shown(inquiry, answer)
        try:
            answer = call()
            self._keep(inquiry, answer)
        finally:
            if ahead is None:
                self._land(inquiry)
        return answer

    async def ainvoke(self, inquiry: Inquiry, call: Callable[[], Awaitable[Any]]) -> Any:
        """The kept answer, or that of `call`, as `invoke` gives it."""
        answer = await self._alook_up(inquiry)
        ahead = self._take_off(inquiry) if answer is None else None
        if ahead is not None:
            # shielded: whoever gives up waiting must not take the flight with it
            await asyncio.shield(asyncio.wrap_future(ahead.landed))
            answer = await self._alook_up(inquiry)
        if answer is not None:
            return await self._ashown(inquiry, answer)
        try:
            answer = await call()
            await self._akeep(inquiry, answer)
        finally:
            if ahead is None:
                self._land(inquiry)
        return answer

    def stream(self, inquiry: Inquiry, call: Callable[[], Iterator[AIMessageChunk]]) -> Iterator[AIMessageChunk]:
        """The kept answer in chunks, or the stream of `call`, which is kept once it has ended well.

        Nobody waits for a stream under way: it is as slow as its reader.
        """
        answer = self._look_up(inquiry)
        if answer is not None:
            yield from replay(self._shown(inquiry, answer))
            return
        chunks: list[AIMessageChunk] = []
        with closing(cast("Generator[AIMessageChunk, None, None]", call())) as calling:
            for chunk in calling:
                chunks.append(chunk)
                yield chunk
        self._keep(inquiry, whole(chunks))

    async def astream(
        self, inquiry: Inquiry, call: Callable[[], Awaitable[AsyncGenerator[AIMessageChunk, None]]]
    ) -> AsyncGenerator[AIMessageChunk, None]:
        """The kept answer in chunks, or the stream of `call`, as `stream` gives them."""
        answer = await self._alook_up(inquiry)
        if answer is not None:
            for chunk in replay(await self._ashown(inquiry, answer)):
                yield chunk
            return
        chunks: list[AIMessageChunk] = []
        async with aclosing(await call()) as calling:
            async for chunk in calling:
                chunks.append(chunk)
                yield chunk
        await self._akeep(inquiry, whole(chunks))

    def _look_up(self, inquiry: Inquiry) -> Any:
        return as_answer(self._store.lookup(inquiry.key, inquiry.identity), inquiry.schema)

    async def _alook_up(self, inquiry: Inquiry) -> Any:
        return as_answer(await self._store.alookup(inquiry.key, inquiry.identity), inquiry.schema)

    def _keep(self, inquiry: Inquiry, answer: Any) -> None:
        entry = as_entry(answer, inquiry.schema)
        if entry is not None:
            self._store.update(inquiry.key, inquiry.identity, entry)

    async def _akeep(self, inquiry: Inquiry, answer: Any) -> None:
        entry = as_entry(answer, inquiry.schema)
        if entry is not None:
            await self._store.aupdate(inquiry.key, inquiry.identity, entry)

    def _shown(self, inquiry: Inquiry, answer: Any) -> Any:
        """The answer, shown to handlers in a run without a model run."""
        open_run(inquiry.config, self._runs, inquiry.messages).end(answer)
        return answer

    async def _ashown(self, inquiry: Inquiry, answer: Any) -> Any:
        run = await aopen_run(inquiry.config, self._runs, inquiry.messages)
        await run.aend(answer)
        return answer

    def _take_off(self, inquiry: Inquiry) -> _Flight | None:
        """Take off for an answer, or get the flight that is ahead.

        Whoever waited for a flight that brought nothing to keep goes on its own: it does not take off again, or
        identical calls would fail one after the other instead of together.
        """
        with self._lock:
            ahead = self._flights.get(inquiry.key)
            if ahead is None:
                self._flights[inquiry.key] = _Flight(Future(), threading.get_ident())
            return ahead

    def _land(self, inquiry: Inquiry) -> None:
        with self._lock:
            flight = self._flights.pop(inquiry.key)
        flight.landed.set_result(None)
