"""Many calls at once: every answer is its own, and the statistics are exact."""

from __future__ import annotations

import asyncio
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from langchain_core.callbacks import get_usage_metadata_callback
from langchain_core.tools import tool

from langchain_scaffolding import ScaffoldingConfig, ScaffoldingRouterLLM
from langchain_scaffolding.records import RouteRecord
from langchain_scaffolding.testing import RecordingHandler, Reply, ScriptedChatModel
from tests.langchain.models import add, large, router_of, small
from tests.paths import routing

BATCH, AT_ONCE, TASKS = 200, 64, 1000
# made once: LangChain changes the warning filters of the whole process while it reads the signature of a function
ADD = tool(add)
PATIENT = ScaffoldingConfig(breaker_threshold=10**6)


def echo(messages: Any, _kwargs: Any) -> Reply:
    return Reply(f"echo {messages[-1].text}", usage=(1, 1))


def echo_but_every_fifth(messages: Any, kwargs: Any) -> Any:
    if int(messages[-1].text) % 5 == 0:
        return ConnectionError("every fifth")
    return echo(messages, kwargs)


def flaky_router(**options: Any) -> ScaffoldingRouterLLM:
    return router_of(small(echo_but_every_fifth), large(echo), config=PATIENT, **options)


def expected_model(number: int) -> str:
    return "large" if number % 5 == 0 else "small"


def check(router: ScaffoldingRouterLLM, answers: list[Any], number: int, task: str = "chat") -> None:
    assert [answer.content for answer in answers] == [f"echo {each}" for each in range(number)]
    assert [routing(answer)["model"] for answer in answers] == [expected_model(each) for each in range(number)]
    assert len({routing(answer)["decision_id"] for answer in answers}) == number
    rows = {row.model: row for row in router.performance.snapshot() if row.task == task}
    fifth = -(-number // 5)
    assert (rows["small"].calls, rows["small"].errors, rows["small"].measured) == (number, fifth, number - fifth)
    assert (rows["large"].calls, rows["large"].errors, rows["large"].measured) == (fifth, 0, fifth)


@pytest.mark.parametrize("path", ["batch", "abatch"])
def test_a_batch_of_200_at_64_at_once_is_exact(path: str) -> None:
    seen, records = RecordingHandler(), list[RouteRecord]()
    router = flaky_router(observers=[records.append])
    inputs: list[Any] = [str(number) for number in range(BATCH)]
    config: Any = {"max_concurrency": AT_ONCE, "callbacks": [seen]}
    with get_usage_metadata_callback() as usage:
        answers = router.batch(inputs, config) if path == "batch" else asyncio.run(router.abatch(inputs, config))
    check(router, answers, BATCH)
    assert Counter(record.chosen for record in records) == {"small": 160, "large": 40}
    assert usage.usage_metadata["small"]["total_tokens"] == 320
    assert usage.usage_metadata["large"]["total_tokens"] == 80
    assert seen.pending() == ()
    roots = seen.tree()
    assert len(roots) == BATCH
    assert Counter(roots) == {
        ("ScaffoldingRouterLLM", (("small", ()),)): 160,
        ("ScaffoldingRouterLLM", (("small", ()), ("large", ()))): 40,
    }


async def test_a_thousand_calls_at_once_are_exact() -> None:
    router = flaky_router()
    answers = await asyncio.gather(*(router.ainvoke(str(number)) for number in range(TASKS)))
    check(router, list(answers), TASKS)


async def test_a_thousand_calls_at_once_within_limits_are_exact() -> None:
    config = ScaffoldingConfig(breaker_threshold=10**6, max_response_time_ms=600_000, attempt_timeout_ms=600_000)
    router = flaky_router().model_copy(update={"config": config})
    answers = await asyncio.gather(*(router.ainvoke(str(number), task="title") for number in range(TASKS)))
    check(router, list(answers), TASKS, "title")


async def test_a_hundred_streams_at_once_do_not_mix() -> None:
    router = flaky_router()

    async def read(number: int) -> list[Any]:
        return [chunk async for chunk in router.astream(str(number))]

    streams = await asyncio.gather(*map(read, range(100)))
    for number, chunks in enumerate(streams):
        assert "".join(chunk.content for chunk in chunks) == f"echo {number}"
        assert len({chunk.id for chunk in chunks}) == 1
        assert chunks[-1].response_metadata["routing"]["model"] == expected_model(number)
    assert sum(row.calls for row in router.performance.snapshot()) == 120


def test_streams_of_many_threads_do_not_mix() -> None:
    router = flaky_router()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        streams = list(pool.map(lambda number: list(router.stream(str(number))), range(100)))
    assert ["".join(chunk.content for chunk in chunks) for chunks in streams] == [f"echo {n}" for n in range(100)]
    assert sum(row.calls for row in router.performance.snapshot()) == 120


def test_tasks_pins_and_tools_of_concurrent_calls_do_not_mix() -> None:
    router = router_of(small(echo), large(echo))
    tasks = ("title", "outline", "summary", "chat")

    def ask(number: int) -> Any:
        bound = router.bind_tools([ADD]) if number % 3 == 0 else router
        pin = {"model": "large"} if number % 2 else {}
        return bound.invoke(str(number), task=tasks[number % 4], **pin)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(ask, range(BATCH)))
    assert [routing(answer)["task"] for answer in answers] == [tasks[number % 4] for number in range(BATCH)]
    assert [routing(answer) for answer in answers[1::2] if routing(answer)["model"] != "large"] == []
    rows = router.performance.snapshot()
    assert {task: sum(row.calls for row in rows if row.task == task) for task in tasks} == dict.fromkeys(tasks, 50)
    models = {each.name: each.chat_model for each in router.models}
    asked = [*models["small"].history, *models["large"].history]
    assert {int(each.messages[-1].text) for each in asked if each.tools} == set(range(0, BATCH, 3))


def test_one_router_serves_threads_and_loops_at_the_same_time() -> None:
    router = flaky_router()

    def blocking(number: int) -> str:
        return str(router.invoke(str(number)).content)

    def looping(number: int) -> str:
        return str(asyncio.run(router.ainvoke(str(number))).content)

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda number: (blocking, looping)[number % 2](number), range(100)))
    assert answers == [f"echo {number}" for number in range(100)]
    assert sum(row.calls for row in router.performance.snapshot()) == 120


async def test_models_without_native_async_serve_concurrent_calls() -> None:
    model = ScriptedChatModel(echo, name="blocking", native_async=False)
    router = router_of(model)
    answers = await asyncio.gather(*(router.ainvoke(str(number)) for number in range(50)))
    assert [answer.content for answer in answers] == [f"echo {number}" for number in range(50)]
    assert (router.performance.snapshot()[0].calls, model.calls) == (50, 50)
