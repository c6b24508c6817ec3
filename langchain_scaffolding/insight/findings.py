"""What a history says: regret, times at which models were left alone, and what routing saved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from langchain_scaffolding.errors import ConfigurationError
from langchain_scaffolding.filters import cost_of
from langchain_scaffolding.insight.extra import package
from langchain_scaffolding.insight.frames import NOBODY, attempts_frame, choices_frame
from langchain_scaffolding.outcomes import ErrorClass, Outcome
from langchain_scaffolding.performance.breaker import CircuitBreakers

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

    from langchain_scaffolding.candidates import Candidate
    from langchain_scaffolding.insight.frames import Source

_PER_MILLION = 1e-6
_SAVED = (
    "calls",
    "compared",
    "seconds",
    "seconds_if_biggest",
    "seconds_saved",
    "dollars",
    "dollars_if_biggest",
    "dollars_saved",
)


class Router(Protocol):
    """What is read of a router."""

    @property
    def models(self) -> tuple[Candidate, ...]: ...  # noqa: D102


def regret_frame(source: Source) -> pd.DataFrame:
    """How much feedback was forgone over time: `at`, `task`, `chosen`, `regret` of each judged call, `total` so far.

    It is the pseudo-regret of bandits (Bubeck and Cesa-Bianchi, 2012, section 1): the mean feedback of the task's best
    model less that of the model chosen, with means over all feedback in the history. Calls without feedback, and calls
    that no model answered, are left out.

    Args:
        source: As for `attempts_frame`.
    """
    judged = choices_frame(source)
    judged = judged[judged["feedback"].notna() & (judged["chosen"] != NOBODY)].sort_values("at", ignore_index=True)
    means = judged.groupby(["task", "chosen"])["feedback"].transform("mean")
    best = means.groupby(judged["task"]).transform("max")
    judged["regret"] = best - means
    judged["total"] = judged["regret"].cumsum()
    return judged[["at", "task", "chosen", "regret", "total"]]


def breaker_frame(source: Source, *, threshold: int = 3) -> pd.DataFrame:
    """When models were left alone: `model`, `state` ("open" or "half-open"), `start`, `end` (UTC), `error`.

    The history is played through the very `CircuitBreakers` that serve. How long a provider asked to be left alone is
    not in the history, so where it did (Retry-After) the time told is that of the class of its error.

    Args:
        source: As for `attempts_frame`.
        threshold: Failures in a row that open a circuit, as `ScaffoldingConfig(breaker_threshold=...)` has it.
    """
    pandas = package("pandas")
    frame = attempts_frame(source).sort_values("at")
    spans: list[tuple[str, str, float, float, str]] = []
    now = 0.0
    breakers = CircuitBreakers(threshold=threshold, clock=lambda: now)
    opened: dict[str, tuple[float, float, str]] = {}
    rows: Iterable[Any] = frame.itertuples()
    for row in rows:
        now = row.at.timestamp()
        if row.model in opened:
            spans += _spans(row.model, *opened.pop(row.model), now)
        if not row.pinned:
            breakers.admit(row.model)  # as a call does, so that an attempt at a half-open circuit is its probe
        breakers.record(_outcome(row))
        health = breakers.health(row.model)
        if health.state != "closed":
            opened[row.model] = (now, now + health.open_for_s, str(health.error))
    for model, circuit in opened.items():
        spans += _spans(model, *circuit, now)
    table = pandas.DataFrame(spans, columns=["model", "state", "start", "end", "error"])
    for name in ("start", "end"):
        table[name] = pandas.to_datetime(table[name].astype("float64"), unit="s", utc=True)
    typed: pd.DataFrame = table.astype(dict.fromkeys(("model", "state", "error"), "string"))
    return typed


def _outcome(row: Any) -> Outcome:
    error = ErrorClass(row.error) if isinstance(row.error, str) else None
    return Outcome(task=row.task, model=row.model, decision_id=row.decision_id, error=error)


def _spans(model: str, start: float, until: float, error: str, end: float) -> list[tuple[str, str, float, float, str]]:
    """The open circuit, and the half-open one after it, up to a moment."""
    found = [(model, "open", start, min(until, end), error), (model, "half-open", until, end, error)]
    return [span for span in found if span[3] > span[2]]


def savings_frame(router: Router, source: Source) -> pd.DataFrame:
    """What calls took and cost, beside what they would have with the biggest model always, one row for each task.

    The biggest model's time at a task is the mean of its measured answers there; where it has none, nothing is
    compared. Costs are those of output tokens, by the `cost` in the models' metadata (US dollars per million; a local
    model that states none costs nothing), with as many tokens from the biggest.

    Columns: `task`, `biggest`, `calls` (accepted answers that a model computed), `compared` (those whose time can be
    compared), `seconds`, `seconds_if_biggest`, `seconds_saved`, `dollars`, `dollars_if_biggest`, `dollars_saved`. What
    is unknown is missing.

    Args:
        router: The router, for the sizes and costs of its models.
        source: As for `attempts_frame`.

    Raises:
        ConfigurationError: The size of no model is known.
    """
    pandas = package("pandas")
    sizes = {model.name: model.tags.size_gb for model in router.models if model.tags.size_gb is not None}
    if not sizes:
        msg = 'No model states its size, so none is the biggest. Tag them: `metadata={"size_gb": 1.5}`.'
        raise ConfigurationError(msg)
    biggest = max(sizes, key=lambda name: sizes[name])
    costs = {model.name: cost_of(model) for model in router.models}
    frame = attempts_frame(source)
    answers = frame[frame["error"].isna() & frame["measured"] & frame["total_s"].notna()]
    rows = [
        {"task": task, "biggest": biggest, **_compared(calls, biggest, costs)}
        for task, calls in answers.groupby("task")
    ]
    table: pd.DataFrame = pandas.DataFrame(rows, columns=["task", "biggest", *_SAVED])
    return table


def _compared(calls: pd.DataFrame, biggest: str, costs: dict[str, float | None]) -> dict[str, float]:
    """What the calls of one task took and cost, and what they would have; only like is compared with like."""
    usual = calls.loc[calls["model"] == biggest, "total_s"].mean()
    timed = calls if usual == usual else calls.iloc[:0]  # noqa: PLR0124 - unknown is not equal to itself
    seconds, seconds_if = timed["total_s"].sum(min_count=1), (timed["total_s"] * 0 + usual).sum(min_count=1)
    price = calls["model"].map(costs).astype("float64")
    cost = costs[biggest]
    most = float("nan") if cost is None else cost
    millions = calls["output_tokens"] * _PER_MILLION
    paid = millions * price
    paid_if = (millions * most).where(paid.notna())
    dollars, dollars_if = paid.where(paid_if.notna()).sum(min_count=1), paid_if.sum(min_count=1)
    values = (len(calls), len(timed), seconds, seconds_if, seconds_if - seconds)
    return dict(zip(_SAVED, (*values, dollars, dollars_if, dollars_if - dollars), strict=True))
