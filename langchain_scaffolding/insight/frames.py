"""Statistics and history as pandas tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

from langchain_scaffolding.errors import ConfigurationError
from langchain_scaffolding.insight.extra import package
from langchain_scaffolding.insight.history import COLUMNS, History
from langchain_scaffolding.performance import PerformanceTracker
from langchain_scaffolding.performance.store import OutcomeStore

if TYPE_CHECKING:
    import pandas as pd


class Router(Protocol):
    """What is read of a router."""

    @property
    def performance(self) -> PerformanceTracker: ...  # noqa: D102


Source: TypeAlias = "Router | PerformanceTracker | OutcomeStore | History | pd.DataFrame"
"""Where a history comes from: a router or tracker with a store, a store, a `History`, or a table of attempts."""

NOBODY: Final = "(no model)"
"""Who answered where no model did."""

_TEXTS: Final = ("decision_id", "task", "model", "error", "policy")
_NUMBERS: Final = ("total_s", "first_token_s", "output_tokens", "propensity", "feedback")


def statistics_frame(router: Router | PerformanceTracker) -> pd.DataFrame:
    """What was learned, one row for each task and model, with the columns of `PerformanceTracker.snapshot`.

    What is unknown is missing (NaN), never 0; durations are in seconds, shares from 0 to 1.

    Args:
        router: A router, or a tracker.

    Raises:
        ImportError: pandas is not installed; the message has the line that installs it.

    Example:
        >>> from langchain_scaffolding import ScaffoldingRouterLLM
        >>> from langchain_scaffolding.testing import ScriptedChatModel
        >>> router = ScaffoldingRouterLLM(models=[ScriptedChatModel(name="tiny")])
        >>> _ = router.invoke("Name three colours.", task="title")
        >>> statistics_frame(router)[["task", "model", "calls", "errors"]]
            task model  calls  errors
        0  title  tiny      1       0
    """
    pandas = package("pandas")
    tracker = router if isinstance(router, PerformanceTracker) else router.performance
    rows = [dict(row) for row in tracker.snapshot()]
    if not rows:
        from langchain_scaffolding.performance import PerformanceRow

        empty: pd.DataFrame = pandas.DataFrame(columns=list(PerformanceRow.__slots__))
        return empty
    frame: pd.DataFrame = pandas.DataFrame(rows)
    unknown = [name for name in frame if frame[name].isna().all() and name != "last_error"]
    return frame.astype(dict.fromkeys(unknown, "float64"))


def attempts_frame(source: Source, *, task: str | None = None, model: str | None = None) -> pd.DataFrame:
    """The history, one row for each attempt, oldest first.

    The columns are `at` (UTC), `decision_id`, `task`, `model`, `error` (class of failure; missing for an accepted
    answer), `total_s`, `first_token_s`, `output_tokens`, `measured`, `pinned`, `policy`, `propensity`, `feedback`. What
    is unknown is missing.

    Args:
        source: A router or tracker that has an `OutcomeStore`, a store, a `History` from `follow`, or such a table.
        task: Only of this task.
        model: Only of this model.

    Raises:
        ConfigurationError: The router keeps no history; the message says how it can.
        ImportError: pandas is not installed; the message has the line that installs it.
        StoreError: The database cannot be read now.
    """
    pandas = package("pandas")
    frame = source if isinstance(source, pandas.DataFrame) else _typed(pandas, _rows_of(source, task, model))
    if task is not None:
        frame = frame[frame["task"] == task]
    if model is not None:
        frame = frame[frame["model"] == model]
    return frame.reset_index(drop=True)


def choices_frame(source: Source) -> pd.DataFrame:
    """The history, one row for each call: `at`, `decision_id`, `task`, `chosen`, `attempts`, `feedback`.

    Args:
        source: As for `attempts_frame`.
    """
    frame = attempts_frame(source)
    calls = frame.groupby("decision_id", sort=False)
    accepted = frame[frame["error"].isna()].groupby("decision_id")[["model", "feedback"]].last()
    table = calls.agg(at=("at", "last"), task=("task", "last"), attempts=("model", "size")).join(accepted)
    table = table.rename(columns={"model": "chosen"}).reset_index()
    table["chosen"] = table["chosen"].fillna(NOBODY)
    return table[["at", "decision_id", "task", "chosen", "attempts", "feedback"]]


def _rows_of(source: Any, task: str | None, model: str | None) -> list[dict[str, Any]]:
    if isinstance(source, History):
        return source.rows()
    store = source
    if not isinstance(source, OutcomeStore):
        tracker = source if isinstance(source, PerformanceTracker) else source.performance
        store = tracker.store
    if store is None:
        msg = (
            "The router keeps no history. Call `history = follow(router)` before the calls and give that history, or "
            "give the router an `OutcomeStore`: `performance=PerformanceTracker(store=OutcomeStore(...))`."
        )
        raise ConfigurationError(msg)
    store.flush()
    return [{name: row[name] for name in COLUMNS} for row in store.history(task=task, model=model)]


def _typed(pandas: Any, rows: list[dict[str, Any]]) -> pd.DataFrame:
    frame: pd.DataFrame = pandas.DataFrame(rows, columns=list(COLUMNS))
    frame["at"] = pandas.to_datetime(frame["at"].astype("float64"), unit="s", utc=True)
    kinds = {**dict.fromkeys(_TEXTS, "string"), **dict.fromkeys(_NUMBERS, "float64")}
    kinds |= dict.fromkeys(("measured", "pinned"), "bool")
    return frame.astype(kinds)
