"""The script of a fake model: whose turn it is, and what has been asked so far."""

from __future__ import annotations

import asyncio
import atexit
import threading
import weakref
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from langchain_core.messages import AIMessage, BaseMessage

from langchain_scaffolding.testing.replies import Reply, ScriptItem

RunKind: TypeAlias = Literal["invoke", "ainvoke", "stream", "astream"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One call that reached a `ScriptedChatModel`.

    Attributes:
        messages: What was sent.
        kwargs: The call's keyword arguments as the provider would see them, `stop` among them.
        tools: The tools as they were given to `bind_tools`, before conversion.
        run_kind: The hook that served it. `ainvoke` on a model without native async arrives as
            "invoke", and `invoke` below a streaming callback handler as "stream".
    """

    messages: tuple[BaseMessage, ...]
    kwargs: Mapping[str, Any]
    tools: tuple[Any, ...]
    run_kind: RunKind


class BoundTool(dict[str, Any]):
    """An OpenAI tool specification that remembers the tool it was made of."""

    def __init__(self, spec: Mapping[str, Any], raw: Any = None) -> None:
        super().__init__(spec)
        self.raw = raw


class Script:
    """The items of a fake model, in order, and the record of its calls; safe between threads.

    The last item repeats; an empty script says "ok". Copies of a model share their script, a deep
    copy and a pickle take it along as it stands.

    Raises:
        TypeError: If an item is none of those that `ScriptedChatModel` lists.
    """

    def __init__(self, items: Iterable[ScriptItem] = (), *, record: bool = True) -> None:
        self._items = tuple(_checked(item) for item in items) or (Reply("ok"),)
        self._record = record
        self.calls = 0
        self.cancelled = 0
        self.closed_streams = 0
        self._history: list[Call] = []
        self._start_locks()

    def _start_locks(self) -> None:
        self._lock = threading.Lock()
        self._released = threading.Event()
        self._waiting: set[asyncio.Future[None]] = set()

    def __repr__(self) -> str:
        return f"<script of {len(self._items)} item(s), {self.calls} call(s)>"

    def __getstate__(self) -> dict[str, Any]:
        with self._lock:
            state = self.__dict__.copy()
            state["_history"] = self._history.copy()
        for live in ("_lock", "_released", "_waiting"):
            del state[live]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._start_locks()

    @property
    def history(self) -> tuple[Call, ...]:
        """The calls so far, oldest first."""
        with self._lock:
            return tuple(self._history)

    def take(
        self,
        run_kind: RunKind,
        messages: Sequence[BaseMessage],
        kwargs: Mapping[str, Any],
    ) -> tuple[int, Reply | AIMessage]:
        """Book a call and return its number, from 0, and what answers it.

        Raises:
            BaseException: The exception whose turn it is.
        """
        call = None
        if self._record:
            tools = tuple(getattr(tool, "raw", tool) for tool in kwargs.get("tools") or ())
            call = Call(messages=tuple(messages), kwargs=kwargs, tools=tools, run_kind=run_kind)
        with self._lock:
            number = self.calls
            self.calls += 1
            if call is not None:
                self._history.append(call)
        item = self._items[min(number, len(self._items) - 1)]
        if callable(item) and not isinstance(item, type):
            item = _checked(item(messages, kwargs))
        if isinstance(item, (Reply, AIMessage)):
            return number, item
        try:
            raise raisable(item)
        finally:
            del item  # its traceback holds this frame

    def note_cancelled(self) -> None:
        """Count a cancellation that reached a call."""
        with self._lock:
            self.cancelled += 1

    def note_closed(self) -> None:
        """Count a stream that its consumer closed early."""
        with self._lock:
            self.closed_streams += 1

    def release(self) -> None:
        """End every hang, those under way and those to come."""
        with self._lock:
            self._released.set()
            waiting = tuple(self._waiting)
        for future in waiting:
            loop = future.get_loop()
            if not loop.is_closed():
                loop.call_soon_threadsafe(_wake, future)

    def hang(self) -> None:
        """Block this thread until the release."""
        _release_at_exit(self)
        self._released.wait()

    async def ahang(self) -> None:
        """Wait until the release, without blocking the loop."""
        _release_at_exit(self)
        future = asyncio.get_running_loop().create_future()
        with self._lock:
            if self._released.is_set():
                return
            self._waiting.add(future)
        try:
            await future
        finally:
            with self._lock:
                self._waiting.discard(future)

    async def outlast(self, wait: Awaitable[object]) -> None:
        """Await `wait` to its end, however often this task is cancelled meanwhile."""
        pause = asyncio.ensure_future(wait)
        while not pause.done():
            try:
                await asyncio.shield(pause)
            except asyncio.CancelledError:
                self.note_cancelled()


def raisable(error: BaseException | type[BaseException]) -> BaseException:
    """An exception ready to be raised: of a class an instance, of an instance no old traceback."""
    if isinstance(error, type):
        return error("a scripted error")
    return error.with_traceback(None)


def _checked(item: Any) -> Any:
    if isinstance(item, str):
        return Reply(item)
    if isinstance(item, (Reply, AIMessage, BaseException)):
        return item
    if issubclass(item, BaseException) if isinstance(item, type) else callable(item):
        return item
    raise TypeError(
        f"A script cannot hold {item!r} of type {type(item).__name__}: give a str, an AIMessage,"
        " a Reply, an exception or its class, or a function of (messages, kwargs)."
    )


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


_hanging: weakref.WeakSet[Script] = weakref.WeakSet()
_hanging_lock = threading.Lock()
_exiting = threading.Event()


def _release_at_exit(script: Script) -> None:
    with _hanging_lock:
        _hanging.add(script)
    if _exiting.is_set():
        script.release()


def _release_all() -> None:
    _exiting.set()
    with _hanging_lock:
        scripts = tuple(_hanging)
    for script in scripts:
        script.release()


# `atexit` runs only after all other threads were joined, too late for one that hangs. This hook,
# which `concurrent.futures` uses for its own workers, runs before.
_at_thread_exit: Callable[[Callable[[], None]], Any] = getattr(threading, "_register_atexit", atexit.register)
_at_thread_exit(_release_all)
