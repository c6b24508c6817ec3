"""A job over many documents: what came out is what was counted, and the parts add up to the whole."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from examples.ray_batch import Report, Scaffolder, fake_router, made_up, report
from langchain_scaffolding import ScaffoldingRouterLLM
from langchain_scaffolding.local import weights
from langchain_scaffolding.testing import ScriptedChatModel
from tests.performance.records import query

ROOT = Path(__file__).parents[2]
FAILING = 7
"""Of so many documents, the small model fails at one."""


def rows_of(batch: dict[str, Any]) -> list[dict[str, Any]]:
    return [dict(zip(batch, values, strict=True)) for values in zip(*batch.values(), strict=True)]


def summed(attempts: dict[str, dict[str, int]]) -> dict[str, int]:
    """Attempts by model, of all actors together."""
    return dict(sum(map(Counter, attempts.values()), Counter[str]()))


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'outcomes.db'}"


def test_routers_that_came_by_cloudpickle_share_statistics_which_are_the_sum_of_their_parts(url: str) -> None:
    cloudpickle = pytest.importorskip("cloudpickle")
    told = cloudpickle.dumps(fake_router(url))
    actors = [Scaffolder(cloudpickle.loads(told), "title") for _ in range(2)]
    texts = [row["text"] for row in made_up(140)]
    rows = rows_of(actors[0]({"text": texts[:70]})) + rows_of(actors[1]({"text": texts[70:]}))
    found = report(rows, url, "title", 1.0)
    assert found.answered == {"small": 120, "large": 20}
    assert found.stored == summed(found.attempts) == {"small": 140, "large": 20}
    assert query(url, "SELECT count(DISTINCT source) FROM scaffolding_outcomes") == [(2,)]
    for actor in actors:
        assert actor.router.performance.refresh() > 0, "each learns what the other did"
        actor.router.performance.close()


def test_each_row_says_what_was_made_of_its_text_and_by_whom(url: str) -> None:
    batch = Scaffolder(fake_router(url), "title")({"text": [row["text"] for row in made_up(FAILING)], "id": range(7)})
    rows = rows_of(batch)
    assert [row["id"] for row in rows] == list(range(7))
    assert (rows[0]["scaffold"], rows[0]["model"], rows[0]["tried"]) == ("Report 0 on the Harbour", "small", ["small"])
    assert (rows[6]["scaffold"], rows[6]["model"]) == ("The Harbour, Report 6", "large")
    assert rows[6]["tried"] == ["small", "large"]


def test_a_batch_whose_outcomes_cannot_be_written_is_not_handed_on(url: str, tmp_path: Path) -> None:
    actor = Scaffolder(fake_router(url), "title")
    actor({"text": [made_up(1)[0]["text"]]})
    actor.flush_s = 0.2
    with sqlite3.connect(tmp_path / "outcomes.db") as elsewhere:
        elsewhere.execute("BEGIN EXCLUSIVE")
        with pytest.raises(RuntimeError, match="could not be written"):
            actor({"text": [made_up(1)[0]["text"]]})
        elsewhere.rollback()
    actor.router.performance.close()


def test_a_function_makes_the_router_in_the_actor_where_models_do_not_pickle() -> None:
    made: list[ScaffoldingRouterLLM] = []

    def make() -> ScaffoldingRouterLLM:
        made.append(ScaffoldingRouterLLM(models=[ScriptedChatModel("Tea in Three Steps", name="local")]))
        return made[-1]

    batch = Scaffolder(make, "title")({"text": ["Tea is made in three steps: boil, add, wait."]})
    assert batch["scaffold"] == ["Tea in Three Steps"]
    assert len(made) == 1


def run_on_ray(url: str, *options: object) -> Report:
    """The script with two actors in a Ray of its own."""
    pytest.importorskip("ray")
    done = subprocess.run(
        [sys.executable, "-m", "examples.ray_batch", "--actors", "2", "--store", url, *map(str, options)],
        cwd=ROOT,
        env={**os.environ, "RAY_USAGE_STATS_ENABLED": "0"},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return Report(**json.loads(done.stdout[done.stdout.index("{\n") :]))


@pytest.mark.slow
def test_ten_thousand_documents_in_two_actors_count_the_same_in_postgresql(new_postgres: str) -> None:
    found = run_on_ray(new_postgres, "--documents", 10_000)
    failed = 10_000 // FAILING
    assert found.documents == 10_000
    assert found.answered == {"small": 10_000 - failed, "large": failed}
    assert len(found.attempts) == 2, "both actors worked"
    assert found.stored == summed(found.attempts) == {"small": 10_000, "large": failed}
    by_source = query(new_postgres, "SELECT count(*), count(error) FROM scaffolding_outcomes GROUP BY source")
    assert sorted(number for number, _ in by_source) == sorted(sum(each.values()) for each in found.attempts.values())
    assert sum(errors for _, errors in by_source) == failed  # type: ignore[misc]


@pytest.mark.local
def test_twenty_documents_over_a_real_model_in_each_actor(new_postgres: str) -> None:
    if "smollm2" not in weights.available():
        pytest.skip("`python -m langchain_scaffolding models get smollm2` has not been run")
    found = run_on_ray(new_postgres, "--documents", 20, "--batch-size", 5, "--task", "summary", "--local")
    assert found.documents == sum(found.answered.values()) == 20
    assert found.stored == summed(found.attempts)
    assert found.stored["smollm2"] >= 20
    assert found.answered["smollm2"] > 0
