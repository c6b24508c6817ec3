"""`RoutingTable`: what every model made of every query, to try policies on."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from langchain_scaffolding.candidates import ModelTags
from langchain_scaffolding.errors import ConfigurationError
from langchain_scaffolding.request import DEFAULT_TASK

if TYPE_CHECKING:
    from collections.abc import Callable

QUALITY, COST, LATENCY = "q|", "c|", "l|"
"""What the columns of a model begin with: its quality from 0 to 1, its cost in any unit, its latency in seconds."""

_LARGEST_FIELD = 2**31 - 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Query:
    """One query, and what each model made of it.

    Attributes:
        text: The text; kept out of `repr`.
        task: Its task.
        quality: Quality from 0 to 1 by model.
        cost: Cost by model, in any one unit; models whose cost is unknown are left out.
        latency_s: Seconds by model; models whose latency is unknown are left out.
    """

    text: str = field(default="", repr=False)
    task: str = DEFAULT_TASK
    quality: Mapping[str, float]
    cost: Mapping[str, float] = field(default_factory=dict)
    latency_s: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class RoutingTable:
    """Queries by models: the quality of every answer, and what it cost.

    Attributes:
        models: Tags by name of model.
        queries: The queries; each has the quality of every model.

    Raises:
        ConfigurationError: There is no query or fewer than two models, a quality is missing or outside 0 to 1, or a
            cost or latency is negative; the message names the row and the column.

    Example:
        >>> table = RoutingTable.of_rows(
        ...     [
        ...         {"task": "title", "text": "Tea is made of leaves.", "q|small": 1, "q|large": 1},
        ...         {"task": "proof", "text": "Show that 2 is prime.", "q|small": 0, "q|large": 1},
        ...     ],
        ...     models={"small": {"size_gb": 1}, "large": {"size_gb": 9}},
        ... )
        >>> table
        RoutingTable(2 queries, 2 tasks, models small, large)
        >>> table.mean_quality("small")
        0.5
    """

    models: Mapping[str, ModelTags]
    queries: Sequence[Query] = field(repr=False)

    def __post_init__(self) -> None:
        """Check every number."""
        if len(self.models) < 2 or not self.queries:
            msg = f"A table needs two models and a query, not {len(self.models)} and {len(self.queries)}."
            raise ConfigurationError(msg)
        for row, query in enumerate(self.queries, start=1):
            for model in self.models:
                _check(query.quality.get(model), row, QUALITY + model, most=1.0)
            for prefix, known in ((COST, query.cost), (LATENCY, query.latency_s)):
                for model, value in known.items():
                    _check(value, row, prefix + model)

    @classmethod
    def of_rows(
        cls, rows: Iterable[Mapping[str, Any]], models: Mapping[str, ModelTags | Mapping[str, Any]] | None = None
    ) -> Self:
        """The table of rows with the columns `q|MODEL`, and where known `c|MODEL`, `l|MODEL`, `task` and `text`.

        Args:
            rows: Mappings, or a DataFrame.
            models: Tags by name of model; the models are those of the columns.
        """
        to_dict = getattr(rows, "to_dict", None)
        held: list[Mapping[str, Any]] = list(rows if to_dict is None else to_dict("records"))
        names = [
            column.removeprefix(QUALITY) for column in (held[0] if held else {}) if str(column).startswith(QUALITY)
        ]
        known = dict(models or {})
        for name in known:
            if name not in names:
                there = ", ".join(names) or "none"
                msg = f"Model {name!r} has no column `{QUALITY}{name}`; there are columns for {there}."
                raise ConfigurationError(msg)
        tags = {name: _tags(known.get(name)) for name in names}
        return cls(models=tags, queries=[_query(row, names, number) for number, row in enumerate(held, start=1)])

    @classmethod
    def from_csv(cls, path: str | Path, models: Mapping[str, ModelTags | Mapping[str, Any]] | None = None) -> Self:
        """The table of a CSV file, which may be compressed by gzip."""
        path = Path(path)
        opened: Callable[..., Any]
        if path.suffix == ".gz":
            import gzip

            opened = gzip.open
        else:
            opened = open
        csv.field_size_limit(_LARGEST_FIELD)
        with opened(path, "rt", newline="", encoding="utf-8") as file:
            return cls.of_rows(list(csv.DictReader(file)), models)

    def mean_quality(self, model: str) -> float:
        """The mean quality of one model's answers."""
        return sum(query.quality[model] for query in self.queries) / len(self.queries)

    def mean_cost(self, model: str) -> float | None:
        """The mean cost of one model's answers; `None` if one of them is unknown."""
        costs = [query.cost.get(model) for query in self.queries]
        known = [cost for cost in costs if cost is not None]
        return sum(known) / len(known) if len(known) == len(costs) else None

    def without_tasks(self) -> RoutingTable:
        """The same table as it is when nobody names a task."""
        from dataclasses import replace

        return replace(self, queries=[replace(query, task=DEFAULT_TASK) for query in self.queries])

    def __repr__(self) -> str:
        tasks = len({query.task for query in self.queries})
        return f"RoutingTable({len(self.queries)} queries, {tasks} tasks, models {', '.join(self.models)})"


def _tags(given: ModelTags | Mapping[str, Any] | None) -> ModelTags:
    if given is None:
        return ModelTags()
    return given if isinstance(given, ModelTags) else ModelTags(**given)


def _query(row: Mapping[str, Any], names: Sequence[str], number: int) -> Query:
    def numbers(prefix: str) -> dict[str, float]:
        found: dict[str, float] = {}
        for name in names:
            value = row.get(prefix + name)
            if value is None or value == "":
                continue
            try:
                found[name] = float(value)
            except (TypeError, ValueError):
                msg = f"Row {number}: `{prefix}{name}` is {value!r}, which is no number."
                raise ConfigurationError(msg) from None
        return {name: value for name, value in found.items() if prefix == QUALITY or not math.isnan(value)}

    return Query(
        text=str(row.get("text") or ""),
        task=str(row.get("task") or DEFAULT_TASK),
        quality=numbers(QUALITY),
        cost=numbers(COST),
        latency_s=numbers(LATENCY),
    )


def _check(value: float | None, row: int, column: str, *, most: float = math.inf) -> None:
    if value is None:
        msg = f"Row {row}: `{column}` is missing; every query needs the quality of every model."
        raise ConfigurationError(msg)
    if not 0 <= value <= most:  # also if it is no number at all
        limits = "from 0 to 1" if most == 1.0 else "from 0"
        msg = f"Row {row}: `{column}` is {value!r}; it must be a number {limits}."
        raise ConfigurationError(msg)
