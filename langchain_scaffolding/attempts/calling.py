"""How one step is called, on each of the four paths, with and without limits in time."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

from langchain_core.language_models import BaseChatModel

from langchain_scaffolding.attempts.checks import has_content
from langchain_scaffolding.attempts.limits import (
    Abandoned,
    LimitedStream,
    Pace,
    call_within,
    close_iterator,
    start_thread,
)
from langchain_scaffolding.attempts.reply import as_chunk
from langchain_scaffolding.attempts.step import Attempt, Step
from langchain_scaffolding.errors import AttemptTimeoutError

if TYPE_CHECKING:
    from langchain_core.messages import AIMessageChunk, BaseMessage

    from langchain_scaffolding.attempts.call import Call
    from langchain_scaffolding.attempts.probe import Probe
    from langchain_scaffolding.attempts.reply import StreamedReply
    from langchain_scaffolding.attempts.run import RouterRun

T = TypeVar("T")
_END = object()
_BYTES_PER_TOKEN = 4


def call_step(call: Call, step: Step, probe: Probe, prompt: str | list[BaseMessage], run: RouterRun) -> Any:
    """What a step gives."""
    work = work_of(call, step, probe, prompt, run)
    if not (step.is_model and call.settings.is_limited):
        return work()
    return call_within(work, call.deadline.left, call.settings.abandoned, step.name or "")


async def acall_step(call: Call, step: Step, probe: Probe, prompt: str | list[BaseMessage], run: RouterRun) -> Any:
    """What a step gives. With a limit it runs by itself, and is left behind if it ignores cancellation."""
    if not (step.is_model and call.settings.is_limited):
        return await _awork_of(call, step, probe, prompt, run)
    waiting = start_call(call, step, probe, prompt, run)
    return await _within(waiting, call.deadline.left(), call.settings.abandoned, step.name or "")


def work_of(call: Call, step: Step, probe: Probe, prompt: str | list[BaseMessage], run: RouterRun) -> Callable[[], Any]:
    """What there is to do for a step, in whatever thread."""
    arguments = _direct_arguments(call, step)
    if arguments is not None:
        return partial(cast("Attempt", step).ask, prompt, probe, run, arguments)
    config = run.child(probe if step.is_model else None)
    return partial(step.invoke, call.prompt(step, prompt), config, **call.arguments(step))


def _awork_of(
    call: Call, step: Step, probe: Probe, prompt: str | list[BaseMessage], run: RouterRun
) -> Coroutine[Any, Any, Any]:
    arguments = _direct_arguments(call, step)
    if arguments is not None:
        return cast("Attempt", step).aask(prompt, probe, run, arguments)
    config = run.child(probe if step.is_model else None)
    return step.ainvoke(call.prompt(step, prompt), config, **call.arguments(step))


def _direct_arguments(call: Call, step: Step) -> dict[str, Any] | None:
    """The arguments of a chat model that nothing is bound on for the call; `None` of any other step."""
    if not (isinstance(step, Attempt) and step.is_chat_model):
        return None
    if not call.kwargs:
        return call.kwargs
    if "tools" in call.kwargs or "schema" in call.kwargs:
        return None
    model, arguments = step.target(call.arguments(step), None)
    return arguments if model is step.candidate.model else None


def start_call(
    call: Call, step: Step, probe: Probe, prompt: str | list[BaseMessage], run: RouterRun
) -> asyncio.Future[Any]:
    """A future for what a step gives: in a task, or in a thread of its own where cancelling would not stop it.

    Raises:
        UnacceptableAnswerError: Too many earlier calls of the model still hang (class overloaded).
    """
    abandoned, name = call.settings.abandoned, step.name or ""
    abandoned.admit(name)
    if isinstance(step, Attempt) and not step.is_natively_async:
        return _in_thread(work_of(call, step, probe, prompt, run), abandoned, name)
    return asyncio.ensure_future(_awork_of(call, step, probe, prompt, run))


async def _within(waiting: asyncio.Future[T], left: tuple[float, str] | None, abandoned: Abandoned, model: str) -> T:
    """The result of a future, or a time-out; `asyncio.wait_for` would wait for one that ignores cancellation."""
    seconds, limit = left or (None, "")
    try:
        if seconds is None or seconds > 0:
            await asyncio.wait({waiting}, timeout=seconds)
    except asyncio.CancelledError:
        leave(waiting, abandoned, model)
        raise
    if not waiting.done():
        leave(waiting, abandoned, model)
        raise AttemptTimeoutError(limit, max(seconds or 0.0, 0.0))
    try:
        return waiting.result()
    finally:
        del waiting  # the traceback of its error holds this frame


def leave(waiting: asyncio.Future[Any], abandoned: Abandoned, model: str) -> None:
    """Cancel a future whose result nobody wants any more, and count it until it ends."""
    if waiting.done():
        _look_at(waiting)
        return
    abandoned.add(model, 1)

    def ended(future: asyncio.Future[Any]) -> None:
        abandoned.add(model, -1)
        _look_at(future)

    waiting.add_done_callback(ended)
    waiting.cancel()


def _look_at(future: asyncio.Future[Any]) -> None:
    """Look at a future's error, so that asyncio does not report that nobody did."""
    if not future.cancelled():
        future.exception()


def _in_thread(work: Callable[[], T], abandoned: Abandoned, model: str) -> asyncio.Future[T]:
    """A future for work in a daemon thread of its own.

    The loop's executor would be starved by calls that hang, and is waited for when the program ends.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(cast("T", result))

    def run() -> None:
        result: T | None = None
        error: BaseException | None = None
        try:
            result = work()
        except BaseException as failure:  # noqa: BLE001 - whatever it is, it is raised where the future is awaited
            error = failure
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, result, error)
        del error  # its traceback holds this frame

    handover = start_thread(run, abandoned, model)
    future.add_done_callback(lambda done: handover.leave() if done.cancelled() else None)
    return future


class _Patience:
    """How long the next chunk of a stream is waited for.

    Args:
        call: The call.
        reply: What has been handed out of the stream.
    """

    def __init__(self, call: Call, reply: StreamedReply) -> None:
        limits = call.settings.limits
        self._clock = call.settings.clock
        self._deadline = call.deadline
        self._reply = reply
        self._pace = None if limits.stall_s is None else Pace(limits.stall_s, limits.tokens_per_s)
        self._since = 0.0

    def left(self) -> tuple[float, str] | None:
        """Seconds left and the name of the limit that comes first; a wait begins."""
        left = self._deadline.left(waiting_for_content=not self._reply.committed)
        if self._pace is None or not self._reply.committed:
            return left
        self._since = self._clock()
        stall = (self._pace.left_s, "stall")
        return stall if left is None else min(left, stall)

    def heard(self, output: object) -> None:
        """The wait is over."""
        if self._pace is not None and self._reply.committed:
            self._pace.heard(tokens=_tokens(as_chunk(output)), waited_s=self._clock() - self._since)


def _tokens(chunk: AIMessageChunk) -> float:
    """About how many tokens a chunk brings; none if it says nothing."""
    if not has_content(chunk):
        return 0.0
    return max(len(str(chunk.text).encode("utf-8", "replace")) / _BYTES_PER_TOKEN, 1.0)


def stream_step(
    call: Call, step: Step, probe: Probe, reply: StreamedReply, prompt: str | list[BaseMessage], run: RouterRun
) -> Iterator[AIMessageChunk]:
    """The chunks of a step."""
    is_limited = step.is_model and call.settings.is_stream_limited
    if run.is_plain and not is_limited:
        arguments = _direct_arguments(call, step)
        if arguments is not None:
            return cast("Attempt", step).chunks(prompt, probe, arguments)
    config = run.child(probe if step.is_model else None)
    if not is_limited:
        return step.stream(call.prompt(step, prompt), config, **call.arguments(step))
    source = partial(step.stream, call.prompt(step, prompt), config, **call.arguments(step))
    patience = _Patience(call, reply)
    return LimitedStream(source, patience.left, patience.heard, call.settings.abandoned, step.name or "")


def astream_step(
    call: Call, step: Step, probe: Probe, reply: StreamedReply, prompt: str | list[BaseMessage], run: RouterRun
) -> AsyncIterator[AIMessageChunk]:
    """The chunks of a step."""
    is_limited = step.is_model and call.settings.is_stream_limited
    if run.is_plain and not is_limited:
        arguments = _direct_arguments(call, step)
        if arguments is not None:
            return cast("Attempt", step).achunks(prompt, probe, arguments)
    config = run.child(probe if step.is_model else None)
    if not is_limited:
        return step.astream(call.prompt(step, prompt), config, **call.arguments(step))

    abandoned, name = call.settings.abandoned, step.name or ""
    arguments = call.arguments(step)
    read: Callable[[asyncio.Queue[AIMessageChunk]], asyncio.Future[None]]
    if _streams_in_threads(step):
        chunks = partial(step.stream, call.prompt(step, prompt), config, **arguments)
        read = partial(_read_in_thread, chunks, abandoned=abandoned, model=name)
    else:
        read = partial(_read, partial(step.astream, call.prompt(step, prompt), config, **arguments))
    return _limited(read, _Patience(call, reply), abandoned, name)


def _streams_in_threads(step: Step) -> bool:
    """Whether LangChain would take each chunk of its asynchronous stream in a thread of the loop's executor."""
    if not isinstance(step, Attempt):
        return False
    cls = type(step.candidate.chat_model)
    if cls._astream is not BaseChatModel._astream:  # noqa: SLF001 - as LangChain itself finds out
        return False
    return cls._stream is not BaseChatModel._stream or not step.is_natively_async  # noqa: SLF001


async def _limited(
    read: Callable[[asyncio.Queue[AIMessageChunk]], asyncio.Future[None]],
    patience: _Patience,
    abandoned: Abandoned,
    model: str,
) -> AsyncIterator[AIMessageChunk]:
    """The items of an iterator that runs by itself, each awaited within what time is left."""
    abandoned.admit(model)
    items: asyncio.Queue[Any] = asyncio.Queue()
    reading = read(items)
    try:
        while True:
            item = await _next_item(reading, items, patience.left())
            if item is _END:
                break
            patience.heard(item)
            yield item
        await reading
    finally:
        leave(reading, abandoned, model)
        del reading  # the traceback of its error holds this frame


def _read(source: Callable[[], AsyncIterator[T]], items: asyncio.Queue[T]) -> asyncio.Future[None]:
    """Read an iterator into a queue, in a task of its own."""

    async def read() -> None:
        iterator = source()
        try:
            async for item in iterator:
                items.put_nowait(item)
        finally:
            await iterator.aclose()  # type: ignore[attr-defined]

    return asyncio.ensure_future(read())


def _read_in_thread(
    source: Callable[[], Iterator[T]], items: asyncio.Queue[T], *, abandoned: Abandoned, model: str
) -> asyncio.Future[None]:
    """Read an iterator into a queue, in a daemon thread of its own, until the future is cancelled."""
    loop = asyncio.get_running_loop()
    stopped = threading.Event()

    def read() -> None:
        iterator = source()
        try:
            for item in iterator:
                if stopped.is_set():
                    break
                loop.call_soon_threadsafe(items.put_nowait, item)
        finally:
            close_iterator(iterator)

    reading = _in_thread(read, abandoned, model)
    reading.add_done_callback(lambda _: stopped.set())
    return reading


async def _next_item(task: asyncio.Future[None], items: asyncio.Queue[Any], left: tuple[float, str] | None) -> Any:
    """The next item, or `_END` once the task has ended and all items are taken."""
    seconds, limit = left or (None, "")
    # an answer that was complete in time is not late, however slow its reader is
    if not items.empty() and (task.done() or seconds is None or seconds > 0):
        return items.get_nowait()
    getting = asyncio.ensure_future(items.get())
    try:
        if seconds is None or seconds > 0:
            await asyncio.wait({getting, task}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if getting.done():
            return getting.result()
        if task.done():
            return items.get_nowait() if not items.empty() else _END
        raise AttemptTimeoutError(limit, max(seconds or 0.0, 0.0))
    finally:
        getting.cancel()
