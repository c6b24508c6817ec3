"""Rankings and records as rich tables, for terminals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from langchain_scaffolding.display.words import MOST_ROWS, changes, ended, learned, seconds, verdict

if TYPE_CHECKING:
    from rich.console import RenderableType

    from langchain_scaffolding.display.shapes import Ranking, Record


def ranking_table(ranking: Ranking) -> Table:
    """Every candidate with its points and what was learned of it, or the reason why it cannot serve."""
    request = ranking.request
    table = Table(title=f"task {escape(request.task)}, ~{request.input_tokens} tokens", title_justify="left")
    shown = ranking.ranked[:MOST_ROWS]
    names = list(dict.fromkeys(name for entry in shown for name in entry.parts))
    told = {entry.name: learned(ranking.performance.stats(request.task, entry.name)) for entry in shown}
    table.add_column("")
    table.add_column("candidate", overflow="fold")
    for name in [*names, "points"]:
        table.add_column(escape(name), justify="right")
    # one column for both, which no candidate has: a terminal is narrow
    table.add_column("learned, or why not" if any(told.values()) else "why not")
    for place, entry in enumerate(shown, start=1):
        points = [f"{entry.parts[name]:g}" if name in entry.parts else "" for name in names]
        style = "bold green" if place == 1 else ""
        table.add_row(str(place), escape(entry.name), *points, f"{entry.score:g}", told[entry.name], style=style)
    for rejected in ranking.rejected[:MOST_ROWS]:
        table.add_row("-", escape(rejected.name), *[""] * (len(names) + 1), escape(rejected.reason), style="dim")
    left = max(len(ranking.ranked) - MOST_ROWS, 0) + max(len(ranking.rejected) - MOST_ROWS, 0)
    if left:
        table.caption = f"and {left} more"
    return table


def ranking_group(ranking: Ranking) -> RenderableType:
    """The table of a ranking, and below it what would have to change for another winner."""
    conditions = [Text(f"  {condition}") for condition in changes(ranking)]
    if not conditions:
        return ranking_table(ranking)
    return Group(ranking_table(ranking), Text("What would change it", style="bold"), *conditions)


def record_group(record: Record) -> RenderableType:
    """A call as it went: each attempt with its time and its end, and below them the ranking."""
    table = Table(title=f"task {escape(record.task)}: {escape(ended(record))}", title_justify="left")
    for name in ("", "model", "time", "how it ended"):
        table.add_column(name)
    for number, outcome in enumerate(record.outcomes, start=1):
        took = "never started" if outcome.total_s is None else seconds(outcome.total_s)
        style = "green" if outcome.error is None else "red"
        table.add_row(str(number), escape(outcome.model), took, escape(verdict(outcome)), style=style)
    return Group(table, ranking_group(record.ranking))
