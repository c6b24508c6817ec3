"""A scaffolding job over many documents as a Ray Data pipeline, with one memory of what the models are good for.

    pip install "langchain-scaffolding[postgres]" "ray[data]"
    python -m examples.ray_batch --documents 10000 --actors 2 --store postgresql://user:password@host/database

Ray reads, distributes, retries and writes; each of its actors holds a router, which stays while batches come and go. A
router pickles if its models do; else give a function that makes one, as `local_router` does. All actors record into one
`OutcomeStore` and learn from each other through it; SQLite serves the actors of one machine, PostgreSQL those of many.
An actor hands a batch on only after its outcomes are written, so whatever came out of the pipeline is in the
statistics. If an actor dies, Ray gives its batch to another, and attempts of both are counted, since both were made.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from langchain_core.messages import BaseMessage

from langchain_scaffolding import ScaffoldingRouterLLM
from langchain_scaffolding.performance import OutcomeStore, PerformanceTracker
from langchain_scaffolding.testing import Reply, ScriptedChatModel
from langchain_scaffolding.testing.script import Script

if TYPE_CHECKING:
    from ray.data import Dataset

MakesRouter = Callable[[], ScaffoldingRouterLLM]
_BLOCK_S = 60.0


class Scaffolder:
    """What a Ray actor does with each batch of documents.

    Args:
        router: The router, or a function that makes it in the actor: for models that hold connections or weights.
        task: The scaffold wanted of each document.
        at_once: Documents of a batch under way together.
        flush_s: Seconds that writing the outcomes of a batch may take.
    """

    def __init__(
        self, router: ScaffoldingRouterLLM | MakesRouter, task: str, *, at_once: int = 8, flush_s: float = 60.0
    ) -> None:
        self.router = router if isinstance(router, ScaffoldingRouterLLM) else router()
        self.scaffold = self.router.scaffold(task)
        self.at_once = at_once
        self.flush_s = flush_s

    def __call__(self, batch: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
        """The batch with columns for the scaffold, who made it, and which models were tried for it."""
        results = self.scaffold.batch([str(text) for text in batch["text"]], {"max_concurrency": self.at_once})
        store = self.router.performance.store
        if store is not None and not store.flush(self.flush_s):
            # better a batch that Ray repeats than one whose outcomes nobody knows
            msg = f"The outcomes of a batch could not be written within {self.flush_s:g} s: {store.health.error}"
            raise RuntimeError(msg)
        return {
            **batch,
            "scaffold": [str(result) for result in results],
            "model": [result.model_used for result in results],
            "tried": [[attempt["model"] for attempt in result.routing["attempts"]] for result in results],
            "actor": [os.getpid()] * len(results),
        }


def scaffolded(
    documents: Dataset, router: ScaffoldingRouterLLM | MakesRouter, *, task: str, actors: int, batch_size: int = 100
) -> Dataset:
    """The documents with their scaffolds; nothing is computed before the dataset is read."""
    import ray

    return documents.map_batches(
        Scaffolder,
        fn_constructor_kwargs={"router": router, "task": task},
        batch_size=batch_size,
        compute=ray.data.ActorPoolStrategy(size=actors),
        # models are waited for, wherever they run; several routers share a core
        num_cpus=0.5,
    )


# --- models to try it with -------------------------------------------------------------------------------------------


def first_words(messages: Sequence[BaseMessage], _arguments: Mapping[str, Any]) -> Reply:
    """A title for a document of `made_up`; for every seventh the model thinks aloud instead, which no check accepts."""
    number = re.search(r"Report (\d+)", str(messages[-1].text))
    if number is None or int(number[1]) % 7 == 6:
        return Reply("<think>The user wants a title. Let me think about")
    return Reply(f"Report {number[1]} on the Harbour")


def careful(messages: Sequence[BaseMessage], _arguments: Mapping[str, Any]) -> Reply:
    """A title for any document."""
    number = re.search(r"Report (\d+)", str(messages[-1].text))
    return Reply(f"The Harbour, Report {number[1] if number else ''}".strip(" ,"))


def fake_router(url: str) -> ScaffoldingRouterLLM:
    """A small model that fails now and then before a large one that does not, both without any weights."""
    models = [
        ScriptedChatModel(script=Script([answer], record=False), name=name, metadata={"size_gb": size})
        for name, answer, size in (("small", first_words, 1.0), ("large", careful, 20.0))
    ]
    store = OutcomeStore(url, when_full="block", block_s=_BLOCK_S)
    return ScaffoldingRouterLLM(models=models, performance=PerformanceTracker(store=store))


def local_router(url: str) -> ScaffoldingRouterLLM:
    """A real small model on the CPU, with an engine of its own in each actor."""
    from langchain_scaffolding.local import weights
    from langchain_scaffolding.local.engine import LocalServer

    server = LocalServer(weights.path("smollm2"), n_threads=1)
    store = OutcomeStore(url, when_full="block", block_s=_BLOCK_S)
    return ScaffoldingRouterLLM(models=[server.chat_model("smollm2")], performance=PerformanceTracker(store=store))


def made_up(number: int) -> list[dict[str, str]]:
    """So many short documents."""
    return [
        {
            "text": f"Report {each}: the harbour was opened in the year {1700 + each % 300}. Ships called there before "
            "winter. Most of them carried timber. A storm broke the northern pier, and men worked on it until spring."
        }
        for each in range(number)
    ]


# --- the job ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """What came out of the pipeline, and what the store knows of it.

    Attributes:
        documents: Rows that came out.
        seconds: How long the pipeline took.
        answered: Rows by the model that answered, "rules" among them.
        attempts: Attempts by actor and model, summed up from the rows.
        stored: Attempts by model, as the statistics of all actors say together.
    """

    documents: int
    seconds: float
    answered: dict[str, int]
    attempts: dict[str, dict[str, int]]
    stored: dict[str, int]


def report(rows: Sequence[Mapping[str, Any]], url: str, task: str, seconds: float) -> Report:
    """Sum up rows, and ask the store for its own sums."""
    attempts: dict[str, Counter[str]] = {}
    for row in rows:
        attempts.setdefault(str(row["actor"]), Counter()).update(name for name in row["tried"] if name != "rules")
    tracker = PerformanceTracker(store=OutcomeStore(url))
    stored = {row.model: row.calls for row in tracker.snapshot() if row.task == task}
    tracker.close()
    return Report(
        documents=len(rows),
        seconds=seconds,
        answered=dict(Counter(row["model"] for row in rows)),
        attempts={actor: dict(each) for actor, each in attempts.items()},
        stored=stored,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=10_000, help="how many are made up (default 10,000)")
    parser.add_argument("--actors", type=int, default=2, help="routers that work side by side (default 2)")
    parser.add_argument("--batch-size", type=int, default=100, help="documents of a batch (default 100)")
    parser.add_argument("--task", default="title", help="the scaffold wanted (default title)")
    parser.add_argument("--store", default="sqlite:///ray-batch.db", help="where outcomes are kept")
    parser.add_argument("--local", action="store_true", help="a real model on the CPU instead of fakes")
    given = parser.parse_args()
    import ray

    ray.init(include_dashboard=False, log_to_driver=False)
    # fakes travel with their router; an engine is started where it is needed
    router = partial(local_router, given.store) if given.local else fake_router(given.store)
    documents = ray.data.from_items(made_up(given.documents))
    start = time.perf_counter()
    rows = scaffolded(documents, router, task=given.task, actors=given.actors, batch_size=given.batch_size).take_all()
    seconds = time.perf_counter() - start
    ray.shutdown()
    print(json.dumps(asdict(report(rows, given.store, given.task, seconds)), indent=2))


if __name__ == "__main__":
    main()
