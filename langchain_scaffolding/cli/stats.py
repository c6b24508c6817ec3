"""`stats`: what was recorded of earlier calls, by task and model."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from langchain_scaffolding.cli.options import ConfigOption, JsonOption, err, out, print_json
from langchain_scaffolding.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from langchain_scaffolding.performance import PerformanceRow, PerformanceTracker


def stats(
    config: ConfigOption = None,
    store: Annotated[
        str | None,
        typer.Option("--store", "-s", metavar="URL", help="Where outcomes are kept: sqlite:///outcomes.db"),
    ] = None,
    task: Annotated[str | None, typer.Option("--task", "-t", help="Only this task.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Show what was measured and learned: calls, errors, latency, acceptance, feedback. Opens no model."""
    with _tracker(config, store) as tracker, err.status("reading ..."):
        rows = [row for row in tracker.snapshot() if task in (None, row.task)]
    if as_json:
        print_json([{field.name: getattr(row, field.name) for field in fields(row)} for row in rows])
    elif rows:
        out.print(_table(rows))
    else:
        out.print("Nothing has been recorded yet.")


@contextmanager
def _tracker(config: str | None, store: str | None) -> Iterator[PerformanceTracker]:
    from langchain_scaffolding.performance import PerformanceTracker
    from langchain_scaffolding.performance.store import OutcomeStore
    from langchain_scaffolding.settings import performance_from_file

    if (config is None) == (store is None):
        raise ConfigurationError("Say where outcomes are kept: --store sqlite:///outcomes.db, or --config FILE.")
    if store is not None:
        _check_is_there(store)
        tracker = PerformanceTracker(store=OutcomeStore(store))
    else:
        found = performance_from_file(str(config))
        if found is None:
            raise ConfigurationError(f'{config} keeps no outcomes: add store = "sqlite:///outcomes.db".')
        tracker = found
    try:
        yield tracker
    finally:
        tracker.close()


def _check_is_there(url: str) -> None:
    """A misspelt file must not be made, and then shown as one that holds nothing."""
    _, is_sqlite, path = url.partition("sqlite:///")
    if is_sqlite and not Path(path).is_file():
        raise ConfigurationError(f"There is no file {path}.")


def _table(rows: Iterable[PerformanceRow]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for name in ("task", "model"):
        table.add_column(name, overflow="fold")
    for name in ("calls", "failed", "p50", "p95", "cold", "accepted", "feedback"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(
            escape(row.task),
            escape(row.model),
            str(row.calls),
            str(row.errors),
            *map(_seconds, (row.latency_p50_s, row.latency_p95_s, row.cold_start_p50_s)),
            "" if row.acceptance is None else f"{row.acceptance:.0%}",
            "" if row.feedback_mean is None else f"{row.feedback_mean:.2f} ({row.feedback_count})",
        )
    return table


def _seconds(value: float | None) -> str:
    from langchain_scaffolding.display.words import seconds

    return "" if value is None else seconds(value)
