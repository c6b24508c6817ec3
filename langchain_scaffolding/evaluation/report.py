"""`evaluate`: policies beside the baselines that any router must beat, as a table."""

from __future__ import annotations

import html
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, TypeAlias

from langchain_scaffolding.evaluation.metrics import mean_and_error
from langchain_scaffolding.evaluation.replay import Feedback, Replay, replay
from langchain_scaffolding.policies import AdaptivePolicy, GreedyPolicy, Policy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_scaffolding.evaluation.table import Query, RoutingTable

Maker: TypeAlias = Callable[[int], Policy]
"""Makes a fresh policy of a seed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One policy or baseline over a table.

    Attributes:
        name: Its name.
        quality: Mean quality of the answers it chose.
        error: Standard error over the seeds; `None` for what has no chance in it.
        regret: Mean quality lost against the best single model, negative where it gained.
        cost: Mean cost; `None` if unknown.
        latency_s: Mean latency in seconds; `None` if unknown.
        explored: Share of queries that explored; `None` for a baseline.
        knows: What it must know beforehand: "" for nothing, "hindsight" for every answer's quality.
    """

    name: str
    quality: float
    error: float | None = None
    regret: float
    cost: float | None = None
    latency_s: float | None = None
    explored: float | None = None
    knows: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """Policies and baselines over one table, the best last.

    `str()` is a table of text, a notebook shows one of HTML, and `as_dicts()` gives plain values.
    """

    rows: tuple[Row, ...]

    def __getitem__(self, name: str) -> Row:
        return next(row for row in self.rows if row.name == name)

    def as_dicts(self) -> list[dict[str, object]]:
        """The rows as plain values, for JSON or a DataFrame."""
        return [asdict(row) for row in self.rows]

    def __str__(self) -> str:
        lines = [tuple(_HEADS), *map(_cells, self.rows)]
        widths = [max(len(line[column]) for line in lines) for column in range(len(_HEADS))]
        return "\n".join(
            "  ".join(
                cell.ljust(width) if column == 0 else cell.rjust(width)
                for column, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in lines
        )

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{html.escape(each)}</th>" for each in _HEADS)
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in _cells(row)) + "</tr>" for row in self.rows
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


_HEADS = ("policy", "quality", "± error", "regret", "cost", "seconds", "explored", "knows")


def _cells(row: Row) -> tuple[str, ...]:
    def shown(value: float | None, form: str = ".4f") -> str:
        return "" if value is None else format(value, form)

    return (
        row.name,
        shown(row.quality),
        shown(row.error),
        shown(row.regret, "+.4f"),
        shown(row.cost, ".4g"),
        shown(row.latency_s, ".3f"),
        shown(row.explored, ".1%"),
        row.knows,
    )


def evaluate(
    table: RoutingTable,
    policies: Mapping[str, Maker] | None = None,
    *,
    seeds: int = 5,
    feedback: Feedback = "bandit",
) -> Report:
    """Policies beside random choice, the smallest model, the best single model, the best for each task and an oracle.

    Args:
        table: What every model made of every query.
        policies: By name what makes a fresh policy of a seed; default the two that come with this package.
        seeds: How many random orders of the queries; each is seen by every policy.
        feedback: Which answers a policy is told the quality of.

    Example:
        >>> from langchain_scaffolding.evaluation import RoutingTable
        >>> rows = [
        ...     {"task": task, "q|small": task == "title", "q|large": task == "proof"}
        ...     for task in ["title", "proof"] * 100
        ... ]
        >>> models = {"small": {"size_gb": 1}, "large": {"size_gb": 9}}
        >>> report = evaluate(RoutingTable.of_rows(rows, models=models), seeds=2)
        >>> report["best single model"].quality, report["adaptive"].quality > 0.8
        (0.5, True)
    """
    makers: Mapping[str, Maker] = policies or {"greedy": lambda _: GreedyPolicy(), "adaptive": _adaptive}
    best = max(table.models, key=table.mean_quality)
    rows = _baselines(table, best)
    for name, make in makers.items():
        runs = [replay(table, make(seed), seed=seed, feedback=feedback) for seed in range(seeds)]
        rows.append(_row(name, runs, table.mean_quality(best)))
    return Report(tuple(sorted(rows, key=lambda row: row.quality)))


def _adaptive(seed: int) -> Policy:
    return AdaptivePolicy(seed=seed)


def _row(name: str, runs: Sequence[Replay], best: float) -> Row:
    quality, error = mean_and_error([run.quality for run in runs])
    costs = [run.cost for run in runs]
    latencies = [run.latency_s for run in runs]
    return Row(
        name=name,
        quality=quality,
        error=error,
        regret=best - quality,
        cost=_mean(costs),
        latency_s=_mean(latencies),
        explored=mean_and_error([run.exploration_share for run in runs])[0],
    )


def _baselines(table: RoutingTable, best: str) -> list[Row]:
    queries, names = table.queries, list(table.models)
    top = table.mean_quality(best)

    def row(name: str, choose: Callable[[Query], Sequence[str]], knows: str = "") -> Row:
        chosen = [(query, choose(query)) for query in queries]
        quality = sum(sum(query.quality[each] for each in some) / len(some) for query, some in chosen) / len(queries)
        costs = [_mean([query.cost.get(each) for each in some]) for query, some in chosen]
        latencies = [_mean([query.latency_s.get(each) for each in some]) for query, some in chosen]
        return Row(
            name=name, quality=quality, regret=top - quality, cost=_mean(costs), latency_s=_mean(latencies), knows=knows
        )

    by_task: dict[str, list[Query]] = defaultdict(list)
    for query in queries:
        by_task[query.task].append(query)
    bests = {
        task: max(names, key=lambda name: sum(query.quality[name] for query in some)) for task, some in by_task.items()
    }
    rows = [
        row("random", lambda _: names),
        row("best single model", lambda _: [best], "hindsight"),
        row("best for each task", lambda query: [bests[query.task]], "hindsight"),
        row("oracle", lambda query: [max(names, key=query.quality.__getitem__)], "hindsight"),
    ]
    sizes = {name: tags.size_gb for name, tags in table.models.items()}
    known = {name: size for name, size in sizes.items() if size is not None}
    if len(known) == len(sizes):
        smallest = min(known, key=known.__getitem__)
        rows.append(row("smallest", lambda _: [smallest]))
    costs = {name: table.mean_cost(name) for name in names}
    priced = {name: cost for name, cost in costs.items() if cost is not None}
    if len(priced) == len(costs):
        cheapest = min(priced, key=priced.__getitem__)
        rows.append(row("cheapest", lambda _: [cheapest]))
    return rows


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known and len(known) == len(values) else None
