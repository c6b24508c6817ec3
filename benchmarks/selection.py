"""What deciding, recording, importing and the rules cost by themselves: `python -m benchmarks.selection`.

A decision goes from the request to the chain that is called. Times are the fastest of many short blocks, so that other
programs disturb them little; recording is processor time of the caller's thread. `--json` and `--markdown` as usual.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path

from benchmarks.contenders import TEXT, bare
from benchmarks.figures import Figure, show
from benchmarks.harness import micros_per_call
from benchmarks.tracker import outcomes, per_outcome
from langchain_scaffolding import Candidate, ModelTags, ScaffoldingRouterLLM
from langchain_scaffolding.performance import OutcomeStore, PerformanceTracker
from langchain_scaffolding.policies import Policy
from langchain_scaffolding.request import RouteRequest
from langchain_scaffolding.rules.outline import outline
from langchain_scaffolding.rules.summary import summary

DECISION_US = {10: 20.0, 100: 120.0, 1_000: 1_200.0, 10_000: 12_000.0}
"""The goals for deciding anew, by the number of candidates."""

SENTENCES = (
    "The harbour of {0} opened in the year {1}, and {2} ships called there before winter.",
    "Most of them carried timber, which the mill at {0} had cut for {2} crowns a load.",
    "In {1} a storm broke the northern pier, so that {2} men worked on it until spring.",
)
PLACES = ("Aldby", "Brenna", "Corlin", "Dunmore", "Eskwater", "Fallow", "Grimsund", "Hallin")


def text_of(sentences: int) -> str:
    """So many different sentences, in paragraphs of eight."""
    said = [
        SENTENCES[number % 3].format(PLACES[number % 8], 1700 + number, 3 + number * 7 % 500)
        for number in range(sentences)
    ]
    return "\n\n".join(" ".join(said[start : start + 8]) for start in range(0, sentences, 8))


def router_of(number: int, policy: str | Policy = "greedy") -> ScaffoldingRouterLLM:
    """A router over many models of as many sizes, which are all able to serve."""
    model = bare()
    candidates = [
        Candidate(name=f"m{place}", model=model, tags=ModelTags(size_gb=0.5 + place % 97 / 5, capabilities={"CHAT"}))
        for place in range(number)
    ]
    return ScaffoldingRouterLLM(models=candidates, policy=policy)


def deciding(sizes: tuple[int, ...]) -> Iterator[Figure]:
    request = RouteRequest.from_messages(TEXT, task="outline")
    selector = router_of(10).routing.selector
    kept = micros_per_call(partial(selector.select, request), calls=2000)
    yield Figure(name="kept choice", value=kept, unit="µs", at_most=3)
    before: float | None = None
    for number in sizes:
        selector = router_of(number).routing.selector

        def anew(selector=selector) -> None:  # type: ignore[no-untyped-def]
            selector.clear()
            selector.select(request)

        micros = micros_per_call(anew, calls=max(4_000 // number, 2), blocks=25)
        yield Figure(name=f"decision over {number:,}", value=micros, unit="µs", at_most=DECISION_US[number])
        if before is not None:
            # caches of the processor end somewhere: a tenth more than linear is still called linear
            yield Figure(name=f"  times that over {number // 10:,}", value=micros / before, unit="", at_most=11)
        before = micros


def adapting() -> Iterator[Figure]:
    from langchain_scaffolding.policies import AdaptivePolicy

    requests = {
        "a text": RouteRequest.from_messages(TEXT, task="outline"),
        "500 characters": RouteRequest.from_messages(text_of(8)[:500], task="outline"),
        "no text": RouteRequest(task="outline", input_tokens=20),
    }
    for what, request in requests.items():
        policy = AdaptivePolicy(seed=1)
        selector = router_of(10, policy).routing.selector
        ranking = selector.ranker.rank(request)
        alone = micros_per_call(partial(policy.order, ranking), calls=50, blocks=100)
        goal = 20 if what == "no text" else 60
        yield Figure(name=f"adaptive policy over 10, {what}", value=alone, unit="µs", at_most=goal)
        whole = micros_per_call(partial(selector.select, request), calls=50, blocks=100)
        yield Figure(name="  and the whole decision", value=whole, unit="µs", at_most=60)


def recording(number: int) -> Iterator[Figure]:
    made = outcomes(streamed=False, number=number)
    yield Figure(name="recording, in memory", value=per_outcome(PerformanceTracker(), made), unit="µs")
    with tempfile.TemporaryDirectory() as folder:
        store = OutcomeStore(f"sqlite:///{folder}/outcomes.db", refresh_s=1e9)
        micros = per_outcome(PerformanceTracker(store=store), made)
        store.close()
    yield Figure(name="recording, with a store", value=micros, unit="µs", at_most=15)


def ruling(megabyte: int) -> Iterator[Figure]:
    """The rules over 60 sentences, and over a text of so many bytes beside one of a quarter."""
    for rule in (outline, summary):
        small = micros_per_call(partial(rule, text_of(60)), calls=1, blocks=9) / 1000
        yield Figure(name=f"{rule.__name__} of 60 sentences", value=small, unit="ms", at_most=50)
        sentences = megabyte // (len(text_of(300)) // 300)
        whole, quarter = (
            micros_per_call(partial(rule, text_of(number)), calls=1, blocks=3) / 1000
            for number in (sentences, sentences // 4)
        )
        yield Figure(name=f"{rule.__name__} of {len(text_of(sentences)) / 1e6:.2f} MB", value=whole, unit="ms")
        yield Figure(name="  times that of a quarter", value=whole / quarter, unit="", at_most=4.4)


_IMPORT = """
import json, sys, time
from langchain_core.language_models import FakeListChatModel
FakeListChatModel(responses=["yes"]).invoke("hi")
start = time.process_time()
import langchain_scaffolding
package = time.process_time() - start
from langchain_scaffolding import ScaffoldingRouterLLM
imported = time.process_time() - start
router = ScaffoldingRouterLLM(models=[FakeListChatModel(responses=["yes"], metadata={"name": "a"})])
made = time.process_time() - start
before, start = set(sys.modules), time.process_time()
router.invoke("hi")
first = time.process_time() - start
print(json.dumps({
    "package": package * 1e3, "imported": imported * 1e3, "made": made * 1e3, "first": first * 1e3,
    "modules": len(set(sys.modules) - before),
    "heavy": sorted({"numpy", "sqlalchemy", "langchain_community", "pandas", "altair", "rich"} & set(sys.modules)),
}))
"""


def importing(runs: int) -> Iterator[Figure]:
    """Processor time on top of LangChain's chat models, in fresh processes."""
    printed = [
        json.loads(subprocess.run([sys.executable, "-c", _IMPORT], capture_output=True, text=True, check=True).stdout)
        for _ in range(runs)
    ]
    middle = {key: statistics.median(each[key] for each in printed) for key in ("package", "imported", "made", "first")}
    yield Figure(name="import langchain_scaffolding", value=middle["package"], unit="ms", at_most=30)
    yield Figure(name="  and ScaffoldingRouterLLM from it", value=middle["imported"], unit="ms")
    yield Figure(name="  and a router made of it", value=middle["made"], unit="ms")
    yield Figure(name="its first call", value=middle["first"], unit="ms", at_most=50)
    yield Figure(name="  modules that call imports", value=max(each["modules"] for each in printed), unit="")
    yield Figure(name="  heavy modules by then", value=max(len(each["heavy"]) for each in printed), unit="", at_most=0)


def figures(*, quick: bool) -> Iterator[Figure]:
    """All of them, as they are measured."""
    yield from deciding((10, 100) if quick else tuple(DECISION_US))
    yield from adapting()
    yield from recording(2_000 if quick else 20_000)
    yield from importing(1 if quick else 5)
    yield from ruling(50_000 if quick else 1_000_000)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="smaller sizes: a first look, not a result")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write JSON")
    parser.add_argument("--markdown", action="store_true", help="print a table in Markdown")
    given = parser.parse_args(arguments)
    shown = show(figures(quick=given.quick), markdown=given.markdown)
    if given.json:
        given.json.write_text(json.dumps([asdict(each) for each in shown], indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
