"""What storms have found, each as the smallest case that shows it."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from benchmarks.deadlines import LONG, MODELS, overshoots
from langchain_scaffolding import ScaffoldingConfig, ScaffoldingRouterLLM
from langchain_scaffolding.errors import StreamBrokenError
from langchain_scaffolding.records import RouteRecord
from langchain_scaffolding.testing import FakeClock, Reply, ScriptedChatModel, provider_error
from tests.paths import PATHS, STREAMS, call, routing


def small(*script: object, **options: Any) -> ScriptedChatModel:
    return ScriptedChatModel(*script, name="small", metadata={"size_gb": 1.0}, **options)


def counts(router: ScaffoldingRouterLLM) -> dict[str, tuple[int, int, int]]:
    return {row.model: (row.calls, row.errors, row.measured) for row in router.performance.snapshot()}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("model", MODELS)
def test_a_call_whose_model_hangs_ends_at_its_limit(path: str, model: str) -> None:
    found = overshoots(path, model, calls=2, at_once=2).calls
    assert len(found) == 2
    assert min(found) >= 0


@pytest.mark.parametrize("path", PATHS)
def test_once_its_limit_has_passed_the_rules_read_what_little_there_is_time_for(path: str) -> None:
    hanging = small(Reply("x", hang=True))
    limited = ScaffoldingRouterLLM(models=[hanging], config=ScaffoldingConfig(max_response_time_ms=30))
    message = call(limited, path, LONG, task="summary")
    hanging.release()
    assert 2000 < routing(message)["shortened_to"] <= 2500
    assert message.content
    failing = ScaffoldingRouterLLM(models=[small(ValueError("down"))])
    assert "shortened_to" not in routing(call(failing, path, LONG[:9000], task="summary"))


async def test_a_stream_of_a_model_without_native_async_hangs_in_a_thread_of_its_own() -> None:
    seen: list[str] = []

    def item(_messages: object, _kwargs: object) -> Reply:
        seen.append(threading.current_thread().name)
        return Reply("x", hang=True)

    hanging = small(item, native_async=False)
    router = ScaffoldingRouterLLM(models=[hanging], config=ScaffoldingConfig(max_response_time_ms=30))
    async for _ in router.astream("x"):
        pass
    hanging.release()
    assert seen == ["langchain-scaffolding small"]


@pytest.mark.parametrize("path", PATHS)
def test_an_attempts_limit_is_not_spent_on_the_pause_before_it(path: str) -> None:
    clock = FakeClock()
    model = small(provider_error("openai", status=429, retry_after=30), "ok")
    config = ScaffoldingConfig(max_retries=1, attempt_timeout_ms=10_000)
    message = call(ScaffoldingRouterLLM(models=[model], config=config, clock=clock), path)
    assert (message.content, clock()) == ("ok", 30)


@pytest.mark.parametrize("end", ["first", "last"])
def test_observers_are_told_of_a_stream_whose_reader_stops_at_any_chunk(end: str) -> None:
    records: list[RouteRecord] = []
    router = ScaffoldingRouterLLM(models=[small("one two")], observers=[records.append])
    stream = router.stream("x")
    for chunk in stream:
        if end == "first" or chunk.chunk_position == "last":
            break
    stream.close()
    (record,) = records
    assert (record.chosen, record.source, len(record.outcomes)) == ("small", "llm", 1)
    assert counts(router) == {"small": (1, 0, int(end == "last"))}


@pytest.mark.parametrize("limit", [None, 60_000])
@pytest.mark.parametrize("path", ["ainvoke", "astream"])
async def test_a_cancelled_attempt_is_counted_and_speaks_neither_for_nor_against_the_model(
    path: str, limit: float | None
) -> None:
    hanging = small(Reply("x", hang=True))
    router = ScaffoldingRouterLLM(models=[hanging], config=ScaffoldingConfig(max_response_time_ms=limit))

    async def read() -> None:
        async for _ in router.astream("x"):
            pass

    task = asyncio.ensure_future(router.ainvoke("x") if path == "ainvoke" else read())
    while not hanging.calls:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert counts(router) == {"small": (1, 0, 0)}


class Interrupt(KeyboardInterrupt):
    """An interrupt of our own, which pytest does not mistake for the user's."""


@pytest.mark.parametrize("path", PATHS)
def test_an_attempt_that_was_interrupted_is_counted(path: str) -> None:
    router = ScaffoldingRouterLLM(models=[small(Interrupt())])
    with pytest.raises(Interrupt):
        call(router, path)
    assert counts(router) == {"small": (1, 0, 0)}


def test_an_answer_that_was_complete_in_time_is_not_late_for_a_slow_reader() -> None:
    clock = FakeClock()
    router = ScaffoldingRouterLLM(
        models=[small("one two three")], config=ScaffoldingConfig(max_response_time_ms=1000), clock=clock
    )
    before = set(threading.enumerate())
    stream = router.stream("x")
    parts = [next(stream)]
    for thread in set(threading.enumerate()) - before:
        thread.join()
    clock.advance(60)
    assert "".join(chunk.content for chunk in [*parts, *stream]) == "one two three"


@pytest.mark.parametrize("path", STREAMS)
def test_a_stream_that_never_ends_is_late_however_fast_it_is_read(path: str) -> None:
    clock = FakeClock()
    endless = small(Reply("word " * 500, token_s=0.01), sleep=clock.sleep, asleep=clock.asleep)
    router = ScaffoldingRouterLLM(models=[endless], config=ScaffoldingConfig(max_response_time_ms=1000), clock=clock)
    with pytest.raises(StreamBrokenError, match="No answer within the response limit"):
        call(router, path)


async def test_a_cancelled_call_does_not_make_a_breaker_forget() -> None:
    clock = FakeClock()
    model = small(*[ConnectionError("gone")] * 3, Reply("x", hang=True))
    router = ScaffoldingRouterLLM(models=[model], clock=clock)
    for _ in range(3):
        await router.ainvoke("x")
    clock.advance(11)
    task = asyncio.ensure_future(router.ainvoke("x"))
    while model.calls < 4:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    (health,) = router.health()
    assert (health.state, health.failures) == ("half-open", 3)
