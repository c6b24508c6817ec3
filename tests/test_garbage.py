"""A call that has ended holds nothing: garbage makes a full collection due, which stops every other call."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from langchain_scaffolding import ScaffoldingConfig, ScaffoldingRouterLLM
from langchain_scaffolding.testing import Reply, ScriptedChatModel
from langchain_scaffolding.testing.script import Script
from tests.paths import PATHS, call

pytestmark = pytest.mark.usefixtures("without_collector")


@pytest.fixture
def without_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def message_after(path: str, item: object, **config: Any) -> HumanMessage | None:
    """The message of a call, if it is still held when the call and every thread of it have ended."""
    before = set(threading.enumerate())
    script = Script([item], record=False)
    router = ScaffoldingRouterLLM(models=[ScriptedChatModel(script=script)], config=ScaffoldingConfig(**config))
    message = HumanMessage("x")
    call(router, path, [message])
    script.release()
    for thread in set(threading.enumerate()) - before:
        thread.join()
    held = weakref.ref(message)
    del message
    return held()


@pytest.mark.parametrize("config", [{}, {"max_response_time_ms": 60_000}])
@pytest.mark.parametrize("path", PATHS)
def test_an_answered_call_holds_nothing(path: str, config: dict[str, float]) -> None:
    assert message_after(path, "ok", **config) is None


@pytest.mark.parametrize("config", [{}, {"max_response_time_ms": 60_000}])
# LangChain's own `agenerate` keeps the error of a failed call in a cycle
@pytest.mark.parametrize("path", [path for path in PATHS if path != "ainvoke"])
def test_a_failed_attempt_holds_nothing(path: str, config: dict[str, float]) -> None:
    assert message_after(path, ValueError, **config) is None


@pytest.mark.parametrize("path", PATHS)
def test_an_attempt_that_was_left_behind_holds_nothing_once_it_has_ended(path: str) -> None:
    assert message_after(path, Reply("late", hang=True), max_response_time_ms=20) is None
