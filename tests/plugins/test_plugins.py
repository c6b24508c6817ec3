"""A new task, criterion, constraint, policy or last resort is one small file, and changes nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from langchain_scaffolding import ScaffoldingConfig, ScaffoldingRouterLLM
from langchain_scaffolding.scaffolds import scaffold
from langchain_scaffolding.scorers import default_scorers
from langchain_scaffolding.testing import ScriptedChatModel
from tests.paths import PATHS, STREAMS, call, routing
from tests.plugins.glossary_task import GLOSSARY
from tests.plugins.price_scorer import PriceScorer
from tests.plugins.queueing_last_resort import queueing
from tests.plugins.region_filter import stays_in_europe
from tests.plugins.rotating_policy import RotatingPolicy

TEXT = "The aqueduct carried water. It had eleven arches."


def model(*script: Any, name: str, **metadata: Any) -> ScriptedChatModel:
    return ScriptedChatModel(*script, name=name, metadata=metadata)


@pytest.mark.parametrize("path", PATHS)
def test_S28_a_task(path: str) -> None:
    short = model("aqueduct: a bridge for water", name="short", size_gb=1)
    right = model("aqueduct: a bridge for water\narches: what it stands on", name="right", size_gb=9)
    router = ScaffoldingRouterLLM(models=[short, right], tasks=[GLOSSARY])
    result = call(scaffold(GLOSSARY, router), path, TEXT)
    assert (result.model_used, len(result.points)) == ("right", 2)
    assert routing(result)["attempts"][0]["detail"].endswith("glossary: it explains 1 of 2 terms")
    result = call(scaffold(GLOSSARY, router, terms=3), path, TEXT)
    if path in STREAMS:  # what was handed out cannot be taken back, and is reported
        assert result.fault.endswith("glossary: it explains 2 of 3 terms")
        return
    assert result.model_used == "rules"
    assert result.points[0] == "aqueduct: The aqueduct carried water"
    assert len(result.points) == 3


@pytest.mark.parametrize("path", PATHS)
def test_S28_a_scorer(path: str) -> None:
    models = [
        model("a", name="dear", size_gb=1, price_per_million=9),
        model("b", name="cheap", size_gb=30, price_per_million=1),
    ]
    scorers = [*default_scorers(ScaffoldingConfig()), PriceScorer()]
    router = ScaffoldingRouterLLM(models=models, scorers=scorers)
    assert routing(call(router, path))["model"] == "cheap"
    assert router.explain("x").chosen.parts["price"] == 9
    assert routing(call(ScaffoldingRouterLLM(models=models), path))["model"] == "dear"


@pytest.mark.parametrize("path", PATHS)
def test_S28_a_filter(path: str) -> None:
    models = [model("a", name="here", size_gb=30, region="eu"), model("b", name="there", size_gb=1, region="us")]
    router = ScaffoldingRouterLLM(models=models, filters=[stays_in_europe])
    assert routing(call(router, path))["model"] == "here"
    (rejected,) = router.explain("x").rejected
    assert (rejected.name, rejected.reason) == ("there", "runs in region us, must stay in eu")
    assert models[1].calls == 0


@pytest.mark.parametrize("path", PATHS)
def test_S28_a_policy(path: str) -> None:
    models = [model("x", name=name, size_gb=size) for size, name in enumerate("abc", start=1)]
    router = ScaffoldingRouterLLM(models=models, policy=RotatingPolicy())
    assert [routing(call(router, path))["model"] for _ in range(6)] == list("abcabc")


@pytest.mark.parametrize("path", PATHS)
def test_S28_a_last_resort(path: str) -> None:
    queue: list[str] = []
    down = model(RuntimeError("down"), name="down")
    router = ScaffoldingRouterLLM(models=[down], last_resort=queueing(queue))
    answer = call(router, path, "Do it later.")
    assert (answer.content, routing(answer)["source"]) == ("Queued as number 1.", "rule_based")
    assert queue == ["Do it later."]
    result = call(scaffold("outline", router), path, TEXT)
    assert result.content == "Queued as number 2."
    assert TEXT in queue[1]
