"""How well the adaptive policy chooses, beside plain baselines and published routers.

`python -m benchmarks.routing_quality --data FOLDER` replays tables of questions whose answers by several models were
judged: for each `NAME.json` (the models) there is a `NAME.csv.gz` (see `RoutingTable`). Tables that are not named below
are replayed too. Nothing is tuned by table: the policy is `AdaptivePolicy(seed=...)` as a user gets it, with
`dearer_share=0.5` where two models compete for a budget.

The policy sees each question once, decides, and is then told how good the chosen answer was ("bandit"), or every answer
("full"). What is scored was always decided before the feedback.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import math
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from langchain_scaffolding.evaluation import (
    RoutingTable,
    apgr,
    evaluate,
    mean_and_error,
    recent_ranks,
    replay,
    running_mean,
)
from langchain_scaffolding.policies import AdaptivePolicy, GreedyPolicy

BYTES_PER_PARAMETER = 2


@dataclass(frozen=True, slots=True)
class Case:
    """One table in one setting, and what there is to compare with."""

    name: str
    measure: Literal["APGR", "quality"]
    feedback: Literal["bandit", "full"] = "bandit"
    task_known: bool = True
    goal: float | None = None
    published: str = ""

    @property
    def label(self) -> str:
        parts = [self.name, self.feedback, "" if self.task_known else "task hidden"]
        return ", ".join(part for part in parts if part)


CASES = (
    Case("routellm_mmlu", "APGR", goal=0.64, published="RouteLLM .603"),
    Case("routellm_mmlu", "APGR", task_known=False, goal=0.61, published="RouteLLM .603"),
    Case("routellm_mmlu", "APGR", "full", goal=0.67, published="RouteLLM .603"),
    Case("routellm_mmlu", "APGR", "full", task_known=False, goal=0.65, published="RouteLLM .603"),
    Case("routellm_gsm8k", "APGR", goal=0.60, published="RouteLLM .622"),
    Case("llmrouter9", "quality", goal=0.635),
    Case("llmrouter9", "quality", task_known=False),
    Case("llmrouter_nq", "quality"),
    Case("routerarena2", "quality"),
)

_CURVE_STEP, _CURVE_FROM = 10, 50
CURVES = frozenset({"llmrouter9", "llmrouter_nq", "routerarena2"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """What came of a case: means over the seeds, with their standard errors."""

    case: Case
    value: float
    error: float | None
    explored: float
    baselines: dict[str, float]
    gained: float | None = None
    """Mean quality gained on the best single model, which nobody knows beforehand."""
    gained_error: float | None = None
    """Its standard error: of the mean over the questions, and of that over the seeds."""
    curve: list[float] = field(default_factory=list)
    """Mean quality of the answers so far, at every tenth question."""


def table_of(folder: Path, name: str) -> RoutingTable:
    """The table of a data set, without the questions that a published router is known to have been trained on."""
    about = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    csv.field_size_limit(2**31 - 1)
    with gzip.open(folder / f"{name}.csv.gz", "rt", newline="", encoding="utf-8") as file:
        rows: list[dict[str, Any]] = [row for row in csv.DictReader(file) if row.get("contaminated") != "True"]
    for row in rows:
        for column in [each for each in row if each.startswith("l|") and row[each]]:
            row[column] = float(row[column]) / 1000  # the files have milliseconds
    mean_cost = about["mean_cost"]
    models = {}
    for place, model in enumerate(about["models"]):
        cost = mean_cost[place] if isinstance(mean_cost, list) else mean_cost[model["id"]]
        size = {"size_gb": model["size_b"] * BYTES_PER_PARAMETER} if model["size_b"] else {}
        models[model["id"]] = {**size, "extra": {"cost": model["price_in"] or cost}}
    return RoutingTable.of_rows(rows, models)


def run(folder: Path, case: Case, seeds: int) -> Result:
    """Replay a case over the seeds."""
    table = table_of(folder, case.name)
    if not case.task_known:
        table = table.without_tasks()
    return _budget(table, case, seeds) if case.measure == "APGR" else _choice(table, case, seeds)


def _budget(table: RoutingTable, case: Case, seeds: int) -> Result:
    """Which questions should go to the better of two models, if only some may."""
    weak, strong = sorted(table.models, key=table.mean_quality)
    found, explored = [], []
    for seed in range(seeds):
        policy = AdaptivePolicy(dearer_share=0.5, seed=seed)
        result = replay(
            table,
            policy,
            seed=seed,
            feedback=case.feedback,
            advantage=lambda ranking, policy=policy: policy.advantage(ranking, strong, over=weak),
        )
        gains = [step.advantage for step in result.steps if step.advantage is not None]
        quality = {name: [step.query.quality[name] for step in result.steps] for name in (weak, strong)}
        found.append(apgr(recent_ranks(gains), quality[strong], quality[weak]))
        explored.append(result.exploration_share)
    strongs = [query.quality[strong] for query in table.queries]
    weaks = [query.quality[weak] for query in table.queries]
    lengths = [math.log1p(len(query.text)) for query in table.queries]
    pairs = enumerate(zip(strongs, weaks, strict=True))
    gaps = [better - worse + place % 997 / 1e6 for place, (better, worse) in pairs]  # equal gains in any order
    value, error = mean_and_error(found)
    baselines = {"random": 0.5, "length alone": apgr(lengths, strongs, weaks), "oracle": apgr(gaps, strongs, weaks)}
    return Result(case=case, value=value, error=error, explored=mean_and_error(explored)[0], baselines=baselines)


def _choice(table: RoutingTable, case: Case, seeds: int) -> Result:
    """Which of all models should answer."""
    runs = [replay(table, AdaptivePolicy(seed=seed), seed=seed) for seed in range(seeds)]
    value, error = mean_and_error([run.quality for run in runs])
    best = max(table.models, key=table.mean_quality)
    gains: dict[int, float] = {}
    for step in [step for run in runs for step in run.steps]:
        gains[id(step.query)] = gains.get(id(step.query), 0.0) + (step.quality - step.query.quality[best]) / seeds
    gained, over_questions = mean_and_error(list(gains.values()))
    report = evaluate(table, {"greedy": lambda _: GreedyPolicy()}, seeds=1)
    names = {"random": "random", "best single model": "best single", "best for each task": "task oracle"}
    curves = [running_mean([step.quality for step in run.steps]) for run in runs]
    return Result(
        case=case,
        value=value,
        error=error,
        explored=mean_and_error([run.exploration_share for run in runs])[0],
        baselines={short: report[name].quality for name, short in names.items()},
        gained=gained,
        gained_error=math.hypot(over_questions or 0.0, error or 0.0),
        curve=[sum(each) / seeds for each in zip(*curves, strict=True)][_CURVE_STEP - 1 :: _CURVE_STEP],
    )


def as_markdown(results: Sequence[Result]) -> str:
    """The results as a table."""
    lines = ["| data | measure | adaptive | goal | baselines | published | explored |", "|---|---|---|---|---|---|---|"]
    for each in results:
        error = "" if each.error is None else f" ± {each.error:.4f}"
        beside = ", ".join(f"{name} {value:.3f}" for name, value in each.baselines.items())
        if each.gained is not None and each.gained_error is not None:
            beside += f" ({each.gained:+.3f} ± {each.gained_error:.3f} against best single)"
        goal = "" if each.case.goal is None else f"{each.case.goal:g}"
        lines.append(
            f"| {each.case.label} | {each.case.measure} | **{each.value:.4f}**{error} | {goal} | {beside} "
            f"| {each.case.published} | {each.explored:.0%} |"
        )
    return "\n".join(lines)


def curves(results: Sequence[Result], path: Path) -> None:
    """Draw how the mean quality grows with the number of answers judged, as SVG."""
    import altair as alt

    panels = []
    shown = [each for each in results if each.curve and each.case.name in CURVES]
    for name in dict.fromkeys(each.case.name for each in shown):
        rows: list[dict[str, object]] = []
        for each in [each for each in shown if each.case.name == name]:
            who = "adaptive" if each.case.task_known else "adaptive, task hidden"
            points = [(_CURVE_STEP * (place + 1), value) for place, value in enumerate(each.curve)]
            rows += [{"answers": at, "quality": value, "who": who} for at, value in points if at >= _CURVE_FROM]
            flat = each.baselines if each.case.task_known else {}
            rows += [
                {"answers": at, "quality": flat[who], "who": who} for who in flat for at in (_CURVE_FROM, points[-1][0])
            ]
        panels.append(
            alt.Chart(alt.Data(values=rows), title=name)
            .mark_line()
            .encode(
                x=alt.X("answers:Q", title="answers judged"),
                y=alt.Y("quality:Q", title="mean quality so far", scale=alt.Scale(zero=False)),
                color=alt.Color("who:N", legend=alt.Legend(title=None, orient="top", labelLimit=200)),
                strokeDash=alt.StrokeDash("who:N", legend=None),
            )
            .properties(width=260, height=220)
        )
    chart = alt.hconcat(*panels).configure(background="white").configure_view(stroke="#ddd")
    path.parent.mkdir(parents=True, exist_ok=True)
    chart.save(str(path), format="svg")


def cases_of(folder: Path) -> list[Case]:
    """The cases whose table is in a folder, and the plain question for tables that no case names."""
    there = [path.name.removesuffix(".csv.gz") for path in sorted(folder.glob("*.csv.gz"))]
    named = {case.name for case in CASES}
    return [case for case in CASES if case.name in there] + [
        Case(name, "quality") for name in there if name not in named
    ]


def main() -> None:
    """Run the cases and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder of the tables")
    parser.add_argument("--seeds", type=int, default=5, help="random orders of each table")
    parser.add_argument("--only", default="", help="cases whose label holds this text")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--curves", type=Path, metavar="FILE.svg", help="also draw learning curves")
    asked = parser.parse_args()
    cases = [case for case in cases_of(asked.data) if asked.only in case.label]
    if not cases:
        parser.error(f"{asked.data} holds no table NAME.csv.gz whose case holds {asked.only!r}")
    results = []
    with ProcessPoolExecutor(2) as pool:
        for result in pool.map(run, [asked.data] * len(cases), cases, [asked.seeds] * len(cases)):
            results.append(result)
            print(f"{result.case.label}: {result.value:.4f}", file=sys.stderr, flush=True)
    print(json.dumps([asdict(each) for each in results], indent=2) if asked.json else as_markdown(results))
    if asked.curves is not None:
        curves(results, asked.curves)


if __name__ == "__main__":
    main()
