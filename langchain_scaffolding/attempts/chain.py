"""`AttemptChain`: the `RunnableWithFallbacks` of a ranking, from the best candidate to the last resort."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator, Mapping, Sequence
from contextlib import aclosing, closing
from itertools import chain, islice
from typing import Any, ClassVar, overload

from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.messages.ai import add_ai_message_chunks
from langchain_core.runnables import Runnable, RunnableConfig, RunnableWithFallbacks
from pydantic import ConfigDict, Field, InstanceOf

from langchain_scaffolding.attempts.call import Call, CallSettings, no_candidate
from langchain_scaffolding.attempts.calling import acall_step, astream_step, call_step, stream_step
from langchain_scaffolding.attempts.hedging import Race, arun_race, hedge, run_race
from langchain_scaffolding.attempts.limits import aclose_iterator, close_iterator
from langchain_scaffolding.attempts.probe import Probe
from langchain_scaffolding.attempts.reply import StreamedReply, as_chunk
from langchain_scaffolding.attempts.run import (
    RouterRun,
    RunSettings,
    aopen_run,
    close_dangling,
    open_run,
)
from langchain_scaffolding.attempts.step import Step
from langchain_scaffolding.ranking import Ranking
from langchain_scaffolding.request import RouteRequest

_GOING = (GeneratorExit, KeyboardInterrupt, SystemExit, asyncio.CancelledError)
"""What ends a stream from outside."""


class Fallbacks(Sequence[Step]):
    """The steps after the first, each looked up when its turn comes: of thousands, few are ever called.

    Args:
        names: The names of the candidates, the first of which is left out.
        attempts: The steps by name.
        last_resort: What comes after them, if anything does.
    """

    __slots__ = ("_attempts", "_last", "_names")

    def __init__(self, names: Sequence[str], attempts: Mapping[str, Step], last_resort: Step | None) -> None:
        self._names, self._attempts = names, attempts
        self._last = () if last_resort is None else (last_resort,)

    def __iter__(self) -> Iterator[Step]:
        return chain(map(self._attempts.__getitem__, islice(self._names, 1, None)), self._last)

    def __len__(self) -> int:
        return len(self._names) - 1 + len(self._last)

    @overload
    def __getitem__(self, place: int) -> Step: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Step]: ...
    def __getitem__(self, place: int | slice) -> Step | Sequence[Step]:
        return [*self][place]

    def __eq__(self, other: object) -> bool:
        """Whether the steps are the same, as those of a list would be."""
        return isinstance(other, Sequence) and [*self] == [*other]

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr([*self])


class AttemptChain(RunnableWithFallbacks[str | list[BaseMessage], Any]):
    """Calls the candidates of a ranking in turn until one gives an acceptable answer; the last fallback always answers.

    It is LangChain's `RunnableWithFallbacks` with the parts overridden that would lose something: attempts are children
    of its run, a stream commits with its first real content and not with an empty chunk, chunks are not accumulated
    while they pass, and the error at the end names every attempt.

    Each method takes messages or a text, a config, the `request` (the ranking's own if left out), the `run` to work
    below (a new one if left out) and arguments for the model; each raises `AllAttemptsFailedError` if nobody answered.

    Attributes:
        runnable: The first step.
        fallbacks: The other steps; the last one is the last resort, unless the configuration forbids it.
        ranking: What the order of the steps came from.
        settings: What all calls of the router share.
        run_settings: What the runs carry.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    ranking: Ranking = Field(repr=False)
    settings: InstanceOf[CallSettings] = Field(repr=False)
    run_settings: InstanceOf[RunSettings] = Field(default_factory=RunSettings, repr=False)

    # LangChain's own `batch` of fallbacks lets the slowest first attempt delay every second one.
    batch: ClassVar[Any] = Runnable.batch
    abatch: ClassVar[Any] = Runnable.abatch

    @classmethod
    def is_lc_serializable(cls) -> bool:
        """The models inside need not be."""
        return False

    @classmethod
    def of(
        cls, steps: Sequence[Step], ranking: Ranking, settings: CallSettings, run_settings: RunSettings
    ) -> AttemptChain:
        """The chain of these steps.

        Raises:
            NoCandidateError: There is none: every candidate was rejected, and no last resort is allowed.
        """
        if not steps:
            raise no_candidate(ranking)
        return cls(
            runnable=steps[0], fallbacks=steps[1:], ranking=ranking, settings=settings, run_settings=run_settings
        )

    @classmethod
    def empty(cls, settings: CallSettings, run_settings: RunSettings) -> AttemptChain:
        """A chain without steps, to make others from by `over`; it holds on to no request."""
        return cls.model_construct(settings=settings, run_settings=run_settings)  # type: ignore[call-arg]

    def over(self, first: Step, fallbacks: Sequence[Step], ranking: Ranking) -> AttemptChain:
        """The same chain over these steps, in a fraction of the time that checking each of them takes."""
        return self.model_copy(update={"runnable": first, "fallbacks": fallbacks, "ranking": ranking})

    def steps(self) -> Iterator[Step]:
        """All steps, in order."""
        return chain((self.runnable,), self.fallbacks)  # type: ignore[arg-type]

    def _call(self, request: RouteRequest | None, run: RouterRun, kwargs: dict[str, Any]) -> Call:
        return Call(self.settings, self.ranking, request or self.ranking.request, run.id, kwargs)

    def invoke(
        self,
        input: str | list[BaseMessage],
        config: RunnableConfig | None = None,
        *,
        request: RouteRequest | None = None,
        run: RouterRun | None = None,
        **kwargs: Any,
    ) -> Any:
        """The first acceptable answer."""
        run = run or open_run(config, self.run_settings, input)
        prompt = run.told or input
        call = self._call(request, run, kwargs)
        step: Step | None = None
        race: Race | None = None
        is_hedged = self.settings.hedging is not None
        try:
            for step, probe, pause in call.steps(self.steps()):
                if pause:
                    _sleep(call, pause)
                race = hedge(call, step, probe, self.steps) if is_hedged else None
                if race is not None:
                    run_race(race, prompt, run)
                    answer = race.answer
                    if answer is not None:
                        break
                    continue
                try:
                    output = call_step(call, step, probe, prompt, run)
                except BaseException as error:
                    if not isinstance(error, Exception):
                        call.interrupted(step, probe)
                        raise
                    call.failed(step, probe, error)
                    continue
                answer = call.answered(step, probe, output)
                if answer is not None:
                    break
            else:
                raise call.exhausted()
        except BaseException as error:
            call.close(step, error)
            run.fail(error)
            raise
        call.close(step if race is None else race.winner)
        run.end(answer)
        return answer

    async def ainvoke(
        self,
        input: str | list[BaseMessage],
        config: RunnableConfig | None = None,
        *,
        request: RouteRequest | None = None,
        run: RouterRun | None = None,
        **kwargs: Any,
    ) -> Any:
        """The first acceptable answer."""
        run = run or await aopen_run(config, self.run_settings, input)
        prompt = run.told or input
        call = self._call(request, run, kwargs)
        step: Step | None = None
        race: Race | None = None
        is_hedged = self.settings.hedging is not None
        try:
            for step, probe, pause in call.steps(self.steps()):
                if pause:
                    await _asleep(call, pause)
                race = hedge(call, step, probe, self.steps) if is_hedged else None
                if race is not None:
                    await arun_race(race, prompt, run)
                    answer = race.answer
                    if answer is not None:
                        break
                    continue
                try:
                    output = await acall_step(call, step, probe, prompt, run)
                except BaseException as error:
                    await close_dangling(run, probe, error)
                    if not isinstance(error, Exception):
                        call.interrupted(step, probe)
                        raise
                    call.failed(step, probe, error)
                    continue
                answer = call.answered(step, probe, output)
                if answer is not None:
                    break
            else:
                raise call.exhausted()
        except BaseException as error:
            call.close(step, error)
            await run.afail(error)
            raise
        call.close(step if race is None else race.winner)
        await run.aend(answer)
        return answer

    def stream(
        self,
        input: str | list[BaseMessage],
        config: RunnableConfig | None = None,
        *,
        request: RouteRequest | None = None,
        run: RouterRun | None = None,
        **kwargs: Any,
    ) -> Iterator[AIMessageChunk]:
        """The chunks of the first acceptable answer; nothing is handed out before it says something."""
        run = run or open_run(config, self.run_settings, input)
        prompt = run.told or input
        call = self._call(request, run, kwargs)
        heard: list[AIMessageChunk] = []
        step: Step | None = None
        try:
            for step, probe, pause in call.steps(self.steps()):
                if pause:
                    _sleep(call, pause)
                reply = call.reply(step, probe)
                with closing(_spoken(call, step, probe, reply, prompt, run)) as chunks:
                    if not run.is_heard:
                        yield from chunks
                    for chunk in chunks:
                        heard.append(chunk)
                        yield chunk
                if reply.accepted:
                    break
            else:
                raise call.exhausted()
        except GeneratorExit:
            call.close(step)
            run.end(_merged(heard))
            raise
        except BaseException as error:
            call.close(step, error)
            run.fail(error)
            raise
        call.close(step)
        run.end(_merged(heard))

    async def astream(
        self,
        input: str | list[BaseMessage],
        config: RunnableConfig | None = None,
        *,
        request: RouteRequest | None = None,
        run: RouterRun | None = None,
        **kwargs: Any,
    ) -> AsyncGenerator[AIMessageChunk, None]:
        """The chunks of the first acceptable answer; nothing is handed out before it says something."""
        run = run or await aopen_run(config, self.run_settings, input)
        prompt = run.told or input
        call = self._call(request, run, kwargs)
        is_heard = run.is_heard
        heard: list[AIMessageChunk] = []
        step: Step | None = None
        try:
            for step, probe, pause in call.steps(self.steps()):
                if pause:
                    await _asleep(call, pause)
                reply = call.reply(step, probe)
                async with aclosing(_aspoken(call, step, probe, reply, prompt, run)) as chunks:
                    async for chunk in chunks:
                        if is_heard:
                            heard.append(chunk)
                        yield chunk
                if reply.accepted:
                    break
            else:
                raise call.exhausted()
        except GeneratorExit:
            call.close(step)
            await run.aend(_merged(heard))
            raise
        except BaseException as error:
            call.close(step, error)
            await run.afail(error)
            raise
        call.close(step)
        await run.aend(_merged(heard))


def _spoken(
    call: Call, step: Step, probe: Probe, reply: StreamedReply, prompt: str | list[BaseMessage], run: RouterRun
) -> Generator[AIMessageChunk, None, None]:
    """What one step says; nothing if it fails before it says something."""
    chunks: Iterator[AIMessageChunk] | None = None
    probe.may_doze = step.marks_its_last_chunk
    try:
        while True:
            try:
                if chunks is None:
                    chunks = stream_step(call, step, probe, reply, prompt, run)
                chunk = as_chunk(next(chunks))
            except StopIteration:
                yield from call.streamed(step, probe, reply)
                return
            except Exception as error:  # noqa: BLE001 - whatever a model raises is its failure
                call.failed(step, probe, error, reply)
                return
            if reply.passes(chunk):
                yield chunk
                continue
            yield from reply.feed(chunk)
            if reply.fault is not None:
                call.failed(step, probe, reply.fault, reply)
                return
    except _GOING:
        call.interrupted(step, probe, reply)
        raise
    finally:
        close_iterator(chunks)


async def _aspoken(
    call: Call, step: Step, probe: Probe, reply: StreamedReply, prompt: str | list[BaseMessage], run: RouterRun
) -> AsyncGenerator[AIMessageChunk, None]:
    """What one step says; nothing if it fails before it says something."""
    chunks: AsyncIterator[AIMessageChunk] | None = None
    probe.may_doze = step.marks_its_last_chunk
    try:
        while True:
            try:
                if chunks is None:
                    chunks = astream_step(call, step, probe, reply, prompt, run)
                chunk = as_chunk(await anext(chunks))
            except StopAsyncIteration:
                for ready in call.streamed(step, probe, reply):
                    yield ready
                return
            except Exception as error:  # noqa: BLE001 - whatever a model raises is its failure
                call.failed(step, probe, error, reply)
                return
            if reply.passes(chunk):
                yield chunk
                continue
            for ready in reply.feed(chunk):
                yield ready
            if reply.fault is not None:
                call.failed(step, probe, reply.fault, reply)
                return
    except _GOING:
        call.interrupted(step, probe, reply)
        raise
    finally:
        await aclose_iterator(chunks)


def _merged(chunks: list[AIMessageChunk]) -> AIMessageChunk | None:
    return add_ai_message_chunks(*chunks) if chunks else None


def _sleep(call: Call, seconds: float) -> None:
    """Wait by the router's clock, if it can wait, so that a test's clock needs no real time."""
    getattr(call.settings.clock, "sleep", time.sleep)(seconds)


async def _asleep(call: Call, seconds: float) -> None:
    await getattr(call.settings.clock, "asleep", asyncio.sleep)(seconds)
