"""What the router costs beside the bare model and beside LangChain's own `with_fallbacks`.

Run with `make bench`, or `python -m benchmarks.overhead --quick --json`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any

from langchain_core.language_models import FakeListChatModel
from langchain_core.runnables import Runnable
from langchain_core.tracers.run_collector import RunCollectorCallbackHandler

from benchmarks.harness import compare, micros_per_call
from langchain_scaffolding import Candidate, ModelTags, ScaffoldingRouterLLM
from langchain_scaffolding.request import RouteRequest
from langchain_scaffolding.testing import ScriptedChatModel

TEXT = "Name three steps to make tea, in order, in one short line each."
ANSWER = "First boil the water, then add the leaves, then wait three minutes before you pour the tea."


class Broken(FakeListChatModel):
    """A model that always fails."""

    def _call(self, *_: Any, **__: Any) -> str:
        raise ConnectionError("nobody listens")


def bare(answer: str = ANSWER) -> FakeListChatModel:
    return FakeListChatModel(responses=[answer])


def router_over(*models: Runnable[Any, Any]) -> ScaffoldingRouterLLM:
    candidates = [
        Candidate(name=f"m{place}", model=model, tags=ModelTags(size_gb=float(place)))
        for place, model in enumerate(models)
    ]
    return ScaffoldingRouterLLM(models=candidates)


def many(number: int) -> ScaffoldingRouterLLM:
    """A router over one model that answers and many others behind it."""
    return router_over(bare(), *(bare("never") for _ in range(number - 1)))


def invoking(model: Runnable[Any, Any], config: Callable[[], Any] = lambda: None) -> Callable[[int], None]:
    def run(calls: int) -> None:
        for _ in range(calls):
            model.invoke(TEXT, config())

    return run


def ainvoking(model: Runnable[Any, Any], config: Callable[[], Any] = lambda: None) -> Callable[[int], None]:
    async def calls_in_a_row(calls: int) -> None:
        for _ in range(calls):
            await model.ainvoke(TEXT, config())

    return lambda calls: asyncio.run(calls_in_a_row(calls))


def streaming(model: Runnable[Any, Any]) -> Callable[[int], None]:
    def run(calls: int) -> None:
        for _ in range(calls):
            for _chunk in model.stream(TEXT):
                pass

    return run


def batching(model: Runnable[Any, Any], size: int) -> Callable[[int], None]:
    def run(calls: int) -> None:
        for _ in range(calls):
            model.batch([TEXT] * size)

    return run


def abatching(model: Runnable[Any, Any], size: int) -> Callable[[int], None]:
    async def batches(calls: int) -> None:
        for _ in range(calls):
            await model.abatch([TEXT] * size)

    return lambda calls: asyncio.run(batches(calls))


def traced() -> dict[str, Any]:
    return {"callbacks": [RunCollectorCallbackHandler()]}


def scenarios() -> dict[str, tuple[int, dict[str, Callable[[int], None]]]]:
    """For each scenario the calls in a block and the contenders."""
    fallbacks = bare().with_fallbacks([bare()])
    router = router_over(bare(), bare())
    words = " ".join(["word"] * 50)
    stream_50 = ScriptedChatModel(words, name="m")
    broken = [Broken(responses=["never"]) for _ in range(3)]
    both = {"bare": bare(), "with_fallbacks": fallbacks, "router": router}
    found: dict[str, tuple[int, dict[str, Callable[[int], None]]]] = {
        "invoke": (200, {name: invoking(each) for name, each in both.items()}),
        "ainvoke": (200, {name: ainvoking(each) for name, each in both.items()}),
        "invoke, traced": (100, {name: invoking(each, traced) for name, each in both.items()}),
        "ainvoke, traced": (100, {name: ainvoking(each, traced) for name, each in both.items()}),
        "stream of 50 chunks": (
            20,
            {
                "bare": streaming(stream_50),
                "with_fallbacks": streaming(stream_50.with_fallbacks([bare()])),
                "router": streaming(router_over(stream_50, bare())),
            },
        ),
        "batch of 100": (2, {name: batching(each, 100) for name, each in both.items()}),
        "abatch of 100": (2, {name: abatching(each, 100) for name, each in both.items()}),
        "100 candidates": (200, {"bare": invoking(bare()), "router": invoking(many(100))}),
    }
    for number in (1, 2, 3):
        found[f"{number} failing first"] = (
            100,
            {
                "bare": invoking(bare()),
                "with_fallbacks": invoking(broken[0].with_fallbacks([*broken[1:number], bare()])),
                "router": invoking(router_over(*broken[:number], bare())),
            },
        )
    return found


def decisions() -> dict[str, float]:
    """Microseconds for a decision: one that is kept, and full rankings."""
    found = {}
    request = RouteRequest(task="outline", input_tokens=20)
    for number in (10, 100, 1000):
        selector = many(number).routing.selector
        found[f"ranking of {number}"] = micros_per_call(partial(selector.ranker.rank, request), calls=20)
    found["kept choice"] = micros_per_call(partial(selector.select, request), calls=2000)
    return found


_IMPORT = """
import sys, time
import langchain_core.language_models
from langchain_core.language_models import BaseChatModel
start = time.process_time()
import langchain_scaffolding
print((time.process_time() - start) * 1000)
from langchain_scaffolding import ScaffoldingRouterLLM
print((time.process_time() - start) * 1000)
heavy = {"numpy", "sqlalchemy", "langchain_community", "pandas", "xllamacpp", "ddsketch", "rich", "typer"}
print(",".join(sorted(heavy & set(sys.modules))))
"""


def import_cost() -> tuple[float, float, str]:
    """Milliseconds of CPU for the package and for the router (medians of 5), and the heavy modules they bring."""
    runs = [
        subprocess.run([sys.executable, "-c", _IMPORT], capture_output=True, text=True, check=True).stdout.split("\n")
        for _ in range(5)
    ]
    package, router = (statistics.median(float(run[line]) for run in runs) for line in (0, 1))
    return package, router, runs[0][2]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer blocks: a first look, not a result")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    blocks = 7 if arguments.quick else 41
    results = {name: compare(each, calls=calls, blocks=blocks) for name, (calls, each) in scenarios().items()}
    deciding = decisions()
    package_ms, router_ms, heavy = import_cost()
    if arguments.json:
        print(
            json.dumps(
                {
                    "ratios": {
                        name: {who: asdict(ratio) for who, ratio in each.items()} for name, each in results.items()
                    },
                    "decisions_us": deciding,
                    "import_ms": package_ms,
                    "import_router_ms": router_ms,
                    "heavy_modules": heavy,
                },
                indent=2,
            )
        )
        return
    print(f"{'':22} {'bare':>9}   {'with_fallbacks':>22}   {'router':>22}")
    for name, each in results.items():
        cells = [f"{each['bare'].micros:6.0f} µs"]
        for who in ("with_fallbacks", "router"):
            ratio = each.get(who)
            cells.append(f"{ratio.median:.2f} ({ratio.low:.2f}-{ratio.high:.2f})" if ratio else "-")
        print(f"{name:22} {cells[0]:>9}   {cells[1]:>22}   {cells[2]:>22}")
    print()
    for name, micros in deciding.items():
        print(f"{name:22} {micros:9.2f} µs")
    print(f"{'importing the package':22} {package_ms:8.1f} ms CPU on top of langchain_core.language_models")
    print(f"{'importing the router':22} {router_ms:8.1f} ms CPU; heavy modules: {heavy or 'none'}")


if __name__ == "__main__":
    main()
