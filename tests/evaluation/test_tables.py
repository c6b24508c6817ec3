"""Tables of judged answers: what they refuse, and what is replayed from them."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from langchain_scaffolding import ModelTags
from langchain_scaffolding.errors import ConfigurationError
from langchain_scaffolding.evaluation import RoutingTable, evaluate, replay
from langchain_scaffolding.policies import AdaptivePolicy, GreedyPolicy

GOOD = {"title": "small", "proof": "large"}


def rows(number: int = 60) -> list[dict[str, object]]:
    return [
        {
            "task": task,
            "text": f"Text {count} for a {task}.",
            "q|small": float(GOOD[task] == "small"),
            "q|large": float(GOOD[task] == "large"),
            "c|small": 1.0,
            "c|large": 10.0,
            "l|small": 0.1,
            "l|large": 0.9,
        }
        for count in range(number)
        for task in GOOD
    ]


def table(number: int = 60, **models: object) -> RoutingTable:
    return RoutingTable.of_rows(rows(number), models or {"small": {"size_gb": 1}, "large": {"size_gb": 9}})


@pytest.mark.parametrize(("change", "words"), [
    ({"q|small": ""}, ["Row 2", "q|small", "missing"]), ({"q|small": 1.5}, ["Row 2", "q|small", "1.5", "from 0 to 1"]),
    ({"q|small": "good"}, ["Row 2", "q|small", "'good'"]), ({"q|large": float("nan")}, ["Row 2", "q|large", "nan"]),
    ({"c|small": -1}, ["Row 2", "c|small", "-1"]), ({"l|small": -0.1}, ["Row 2", "l|small", "-0.1"])])  # fmt: skip
def test_a_bad_number_is_named_by_row_and_column(change: dict[str, object], words: list[str]) -> None:
    bad = rows()
    bad[1] |= change
    with pytest.raises(ConfigurationError) as caught:
        RoutingTable.of_rows(bad)
    assert all(word in str(caught.value) for word in words)


@pytest.mark.parametrize("given", [[], [{"q|small": 1}], [{"text": "no model"}]])
def test_a_table_needs_queries_and_two_models(given: list[dict[str, object]]) -> None:
    with pytest.raises(ConfigurationError, match="two models"):
        RoutingTable.of_rows(given)


def test_a_model_without_a_column_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"'medium' has no column `q\|medium`"):
        table(medium={"size_gb": 3})


@pytest.mark.parametrize("packed", [False, True])
def test_a_table_is_read_from_a_file(tmp_path: Path, packed: bool) -> None:
    text = "task,text,q|small,q|large\ntitle,Tea,1,0.5\nproof,Two,0,1\n"
    path = tmp_path / ("table.csv.gz" if packed else "table.csv")
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    found = RoutingTable.from_csv(path, {"small": ModelTags(size_gb=1)})
    assert found.mean_quality("large") == 0.75
    assert (found.models["small"].size_gb, found.models["large"].size_gb) == (1, None)
    assert [query.task for query in found.queries] == ["title", "proof"]
    assert found.without_tasks().queries[0].task == found.without_tasks().queries[1].task
    assert "Tea" not in repr(found.queries[0])


def test_a_replay_sees_only_the_answers_that_the_policy_chose() -> None:
    result = replay(table(), AdaptivePolicy(seed=1), seed=1)
    assert len(result.steps) == 120
    late = result.steps[80:]
    assert sum(step.model == GOOD[step.query.task] for step in late) >= 36
    assert result.regret() == pytest.approx(sum(step.model != GOOD[step.query.task] for step in result.steps))
    assert result.regret({"title": "small", "proof": "large"}) == pytest.approx(result.regret())
    assert result.regret("small") == pytest.approx(60 - 120 * result.quality)
    assert all(step.propensity is not None and 0 < step.propensity <= 1 for step in result.steps)
    chosen = [10.0 if step.model == "large" else 1.0 for step in result.steps]
    assert result.cost == pytest.approx(sum(chosen) / 120)


def test_more_feedback_teaches_faster_and_none_teaches_nothing() -> None:
    def quality(feedback: str) -> float:
        runs = [replay(table(30), AdaptivePolicy(seed=seed), seed=seed, feedback=feedback) for seed in range(4)]
        return sum(run.quality for run in runs) / 4

    assert quality("full") > quality("bandit") > quality("none") + 0.1


def test_a_replay_is_the_same_for_the_same_seed() -> None:
    first, second = (replay(table(), AdaptivePolicy(seed=3), seed=3) for _ in range(2))
    assert [step.model for step in first.steps] == [step.model for step in second.steps]


def test_a_report_has_the_baselines_and_ranks_them() -> None:
    report = evaluate(table(), seeds=3)
    assert {row.name for row in report.rows} == {
        "greedy", "adaptive", "random", "smallest", "cheapest", "best single model", "best for each task", "oracle",
    }  # fmt: skip
    assert (report["random"].quality, report["best single model"].quality, report["oracle"].quality) == (0.5, 0.5, 1.0)
    assert 0.75 < report["adaptive"].quality <= 1.0
    assert report["adaptive"].error is not None
    assert report["adaptive"].regret == pytest.approx(0.5 - report["adaptive"].quality)
    assert (report["smallest"].cost, report["smallest"].latency_s) == (1.0, pytest.approx(0.1))
    qualities = [row.quality for row in report.rows]
    assert qualities == sorted(qualities)
    assert str(report).splitlines()[0].split() == [
        "policy", "quality", "±", "error", "regret", "cost", "seconds", "explored", "knows",
    ]  # fmt: skip
    assert report.as_dicts()[0]["name"] == report.rows[0].name


def test_a_policy_of_ones_own_is_named_safely() -> None:
    report = evaluate(table(), {"<script>alert(1)</script>": lambda _: GreedyPolicy()}, seeds=1)
    assert "<script>" not in report._repr_html_()
    assert "&lt;script&gt;" in report._repr_html_()
