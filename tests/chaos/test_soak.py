"""A short storm of calls; `python -m tests.chaos.soak` makes a long one."""

from __future__ import annotations

import subprocess
import sys

from tests.chaos.soak import Soak


def test_a_storm_over_models_that_fail_in_every_way_ends_well() -> None:
    report = Soak(seed=3).run(400)
    assert report.calls >= 400
    assert report.recoveries >= 1
    # it has seen answers of models and of the rules, broken streams, exhausted chains and cancellations
    assert report.ends.keys() >= {"llm", "rule_based", "stream", "structured", "AllAttemptsFailedError", "cancelled"}


LEFT_BEHIND = """
import asyncio, threading
from typing import Any
from langchain_core.language_models import BaseChatModel
from langchain_scaffolding import ScaffoldingConfig, ScaffoldingRouterLLM
from langchain_scaffolding.errors import AllAttemptsFailedError

class Hanging(BaseChatModel):
    _llm_type = "hanging"
    def _generate(self, *_: Any, **__: Any) -> Any:
        threading.Event().wait()
    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self.bind(tools=tools, **kwargs)

async def read() -> list[Any]:
    return [chunk async for chunk in router.astream("x")]

config = ScaffoldingConfig(max_response_time_ms=500, breaker_threshold=9)
router = ScaffoldingRouterLLM(models=[Hanging()], config=config)
router.invoke("x")
list(router.stream("x"))
asyncio.run(router.ainvoke("x"))
asyncio.run(read())
structured = router.with_structured_output({"title": "Title", "type": "object", "properties": {}})
for call in (structured.invoke, lambda text: asyncio.run(structured.ainvoke(text))):
    try:
        call("x")
    except AllAttemptsFailedError:
        pass
print("left behind:", router.health()[0].abandoned)
"""


def test_calls_left_behind_do_not_hold_up_the_end_of_the_program() -> None:
    command = [sys.executable, "-c", LEFT_BEHIND]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert (done.stdout.strip(), done.stderr) == ("left behind: 6", "")
