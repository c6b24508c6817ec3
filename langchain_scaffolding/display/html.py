"""Rankings and records as HTML: no script, everything escaped, readable on light and dark pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain_scaffolding.display.markup import Markup, document, element
from langchain_scaffolding.display.style import SERIES
from langchain_scaffolding.display.words import MOST_ROWS, asked, changes, ended, learned, seconds, tagged, verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from langchain_scaffolding.display.shapes import Entry, Ranking, Record

_FIRST = 5
"""Conditions that are shown at once."""


def ranking_html(ranking: Ranking) -> str:
    """A ranking as a page of its own: points by scorer as bars, reasons, what was learned, what would change it.

    Example:
        >>> from langchain_scaffolding import ScaffoldingRouterLLM
        >>> from langchain_scaffolding.testing import ScriptedChatModel
        >>> router = ScaffoldingRouterLLM(models=[ScriptedChatModel(name="<tiny>")])
        >>> html = ranking_html(router.explain("Name three colours."))
        >>> "&lt;tiny&gt;" in html, "<script" in html
        (True, False)
    """
    return document(*_ranking(ranking))


def record_html(record: Record) -> str:
    """A call as it went: each attempt with its time and its end, and below them the ranking."""
    head = element("div", element("b", f"task {record.task}"), " ", ended(record), class_="head")
    called = element("div", f"decision {record.decision_id}", class_="soft")
    ranking = element("details", element("summary", "the ranking"), *_ranking(record.ranking))
    return document(head, called, _attempts(record), ranking)


def _ranking(ranking: Ranking) -> Iterable[Markup]:
    yield element("div", element("b", f"task {ranking.request.task}"), " ", asked(ranking), class_="head")
    names = list(dict.fromkeys(name for entry in ranking.ranked for name in entry.parts))
    colours = {name: f"c{place % SERIES}" for place, name in enumerate(names)}
    if names:
        yield _legend(colours)
    yield _table(ranking, colours)
    left = max(len(ranking.ranked) - MOST_ROWS, 0) + max(len(ranking.rejected) - MOST_ROWS, 0)
    if left:
        yield element("div", f"and {left} more", class_="soft")
    conditions = changes(ranking)
    if conditions:
        yield element("div", element("b", "What would change it"), *_listed(conditions))


def _legend(colours: Mapping[str, str]) -> Markup:
    swatches = [element("span", element("i", class_=colour), name) for name, colour in colours.items()]
    return element("div", *swatches, class_="legend soft")


def _table(ranking: Ranking, colours: Mapping[str, str]) -> Markup:
    shown = ranking.ranked[:MOST_ROWS]
    chances = {} if ranking.decision is None else ranking.decision.propensities
    below = max((-_below(entry) for entry in shown), default=0.0)
    width = below + max((_above(entry) for entry in shown), default=0.0)
    rows = [_row("th", "", "candidate", "points by scorer, or why not", "", "learned at this task")]
    for place, entry in enumerate(shown, start=1):
        name = [entry.name, _soft(tagged(entry.candidate))]
        if entry.name in chances:
            name.append(_soft(f"first with probability {chances[entry.name]:.2f}"))
        told = learned(ranking.performance.stats(ranking.request.task, entry.name))
        cells = (str(place), _joined(name), _bar(entry, colours, below, width), f"{entry.score:g}", told)
        rows.append(_row("td", *cells, class_="first" if place == 1 else None))
    for rejected in ranking.rejected[:MOST_ROWS]:
        reason = element("td", rejected.reason, colspan="3")
        rows.append(element("tr", element("td", "–"), element("td", rejected.name), reason, class_="soft"))
    return element("table", *rows)


def _row(cell: str, place: str, name: str, bar: str, points: str, told: str, class_: str | None = None) -> Markup:
    return element(
        "tr",
        element(cell, place),
        element(cell, name),
        element(cell, bar, class_="wide"),
        element(cell, points, class_="number"),
        element(cell, told),
        class_=class_,
    )


def _listed(conditions: Sequence[str]) -> Iterable[Markup]:
    """The first conditions, and the others for those who want them."""
    items = [element("li", *_coded(condition)) for condition in conditions]
    yield element("ul", *items[:_FIRST])
    if items[_FIRST:]:
        yield element("details", element("summary", f"{len(items) - _FIRST} more"), element("ul", *items[_FIRST:]))


def _coded(text: str) -> list[str]:
    """A sentence whose parts between backticks are code."""
    return [element("code", part) if place % 2 else part for place, part in enumerate(text.split("`"))]


def _soft(text: str) -> Markup:
    return element("div", text, class_="soft") if text else Markup()


def _joined(parts: Sequence[str]) -> Markup:
    return element("div", *parts)


def _below(entry: Entry) -> float:
    return sum(min(points, 0.0) for points in entry.parts.values())


def _above(entry: Entry) -> float:
    return sum(max(points, 0.0) for points in entry.parts.values())


def _bar(entry: Entry, colours: Mapping[str, str], below: float, width: float) -> Markup:
    """Points one beside the other; those below 0 are striped and lie left of where all bars begin."""
    told = ", ".join(f"{name} {points:g}" for name, points in entry.parts.items())
    if not width > 0:
        return element("div", told, class_="soft")
    pieces = [element("i", style=f"width:{100 * (below + _below(entry)) / width:.2f}%")] if below else []
    for name, points in sorted(entry.parts.items(), key=lambda part: part[1] >= 0):
        if points:
            kind = colours[name] if points > 0 else f"{colours[name]} less"
            style = f"width:{100 * abs(points) / width:.2f}%"
            pieces.append(element("i", class_=kind, style=style, title=f"{name} {points:g}"))
    return element("div", *pieces, class_="bar", role="img", aria_label=told, title=told)


def _attempts(record: Record) -> Markup:
    if not record.outcomes:
        return element("div", "No model was called.", class_="soft")
    longest = max((outcome.total_s or 0.0 for outcome in record.outcomes), default=0.0)
    rows = [element("tr", *(element("th", name) for name in ("", "model", "time", "", "how it ended")))]
    for number, outcome in enumerate(record.outcomes, start=1):
        took = outcome.total_s
        colour = "ok" if outcome.error is None else "failed"
        share = 0.0 if took is None or not longest else 100 * took / longest
        bar = element("div", element("i", class_=colour, style=f"width:{share:.2f}%"), class_="bar")
        end = element("td", verdict(outcome), class_="good" if outcome.error is None else "bad")
        time = element("td", "never started" if took is None else seconds(took), class_="number")
        model = element("td", outcome.model)
        rows.append(element("tr", element("td", str(number)), model, element("td", bar, class_="wide"), time, end))
    return element("table", *rows)
