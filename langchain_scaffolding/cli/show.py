"""What the commands show: rankings, answers as they come, measurements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_core.messages.ai import add_ai_message_chunks
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from langchain_core.messages import BaseMessage
    from langchain_core.runnables import Runnable

    from langchain_scaffolding.performance import PerformanceRow
    from langchain_scaffolding.ranking import Ranking

console = Console()


def explanation(ranking: Ranking) -> Table:
    """Every candidate with its points and where they come from, or the reason why it cannot serve."""
    title = f"task {escape(ranking.request.task)}, ~{ranking.request.input_tokens} tokens"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    table.add_column("")
    table.add_column("model", overflow="fold")
    table.add_column("points", justify="right")
    table.add_column("why")
    for place, entry in enumerate(ranking.ranked, start=1):
        parts = ", ".join(f"{name} {points:g}" for name, points in entry.parts.items() if points)
        style = "bold green" if place == 1 else ""
        table.add_row(str(place), escape(entry.name), f"{entry.score:g}", escape(parts), style=style)
    for rejected in ranking.rejected:
        table.add_row("-", escape(rejected.name), "", escape(rejected.reason), style="dim")
    if not ranking.names:
        table.caption = "No model is called: the last resort answers."
    return table


def ranking_as_json(ranking: Ranking) -> dict[str, Any]:
    """The same for machines."""
    return {
        "task": ranking.request.task,
        "input_tokens": ranking.request.input_tokens,
        "ranked": [{"model": entry.name, "score": entry.score, "parts": dict(entry.parts)} for entry in ranking.ranked],
        "rejected": [{"model": entry.name, "reason": entry.reason} for entry in ranking.rejected],
    }


def show_answer(message: BaseMessage) -> None:
    """Print an answer, and who gave it."""
    console.print(Text(str(message.text)), soft_wrap=True)
    console.print(route_line(message.response_metadata["routing"]))


def stream_answer(runnable: Runnable[Any, Any], text: str, **kwargs: Any) -> BaseMessage:
    """Print an answer as it comes, and then who gave it; returns the whole."""
    chunks = []
    for chunk in runnable.stream(text, **kwargs):
        console.print(Text(str(chunk.content)), end="", soft_wrap=True)
        chunks.append(chunk)
    message = add_ai_message_chunks(*chunks)
    console.print()
    console.print(route_line(message.response_metadata["routing"]))
    return message


def route_line(routing: dict[str, Any]) -> Text:
    """Who answered, after which failures, in how long."""
    failed = [f"{attempt['model']}: {attempt['error']}" for attempt in routing["attempts"] if attempt["error"]]
    who = "the rules" if routing["source"] == "rule_based" else routing["model"]
    trail = f"; not usable: {', '.join(failed)}" if failed else ""
    return Text(f"→ answered by {who} in {routing['seconds']:.2f} s{trail}", style="cyan")


def performance_table(rows: Iterable[PerformanceRow], speeds: dict[str, float]) -> Table:
    """What was measured, by task and model.

    Args:
        rows: The tracker's rows.
        speeds: Tokens a second by model.
    """
    table = Table(title="measured by callback", title_justify="left")
    for name in ("task", "model"):
        table.add_column(name)
    for name in ("calls", "errors", "first token", "total (median)", "tokens/s"):
        table.add_column(name, justify="right")
    for row in rows:
        speed = speeds.get(row.model)
        table.add_row(
            escape(row.task),
            escape(row.model),
            str(row.calls),
            str(row.errors),
            _seconds(row.first_token_p50_s),
            _seconds(row.latency_p50_s),
            "" if speed is None or not row.measured else f"{speed:.0f}",
        )
    return table


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.2f} s"
