"""Pictures of a history: altair charts, which notebooks show and `chart.save("picture.svg")` writes.

Every chart is drawn from what pandas has summed up, so that a million calls make as light a picture as ten.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from langchain_scaffolding.insight.extra import package
from langchain_scaffolding.insight.findings import breaker_frame, regret_frame, savings_frame
from langchain_scaffolding.insight.frames import NOBODY, attempts_frame, choices_frame

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

    from langchain_scaffolding.insight.findings import Router
    from langchain_scaffolding.insight.frames import Source

_BINS: Final = 60
_WIDTHS_S: Final = (1, 5, 15, 60, 300, 900, 3_600, 21_600, 86_400, 604_800)
_POINTS: Final = 500
_WIDTH: Final = 560
_COLOURS: Final = ("#4c78a8", "#f58518", "#54a24b", "#b279a2", "#e45756", "#72b7b2", "#9d755d", "#eeca3b")
_GREY: Final = "#9aa4af"


def latency_chart(source: Source) -> alt.FacetChart:
    """How long answers took, by task and model: half of them within the thick bar, 9 of 10 within the thin one.

    Only answers that a model really computed count. The scale is logarithmic, the tick is the median.

    Args:
        source: As for `attempts_frame`.

    Raises:
        ImportError: altair is not installed; the message has the line that installs it.
    """
    altair = package("altair")
    frame = attempts_frame(source)
    measured = frame[frame["measured"] & (frame["total_s"] > 0)]
    shares = {"p5": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95}
    groups = measured.groupby(["task", "model"])["total_s"]
    table = groups.agg(answers="size", **{name: _quantile(share) for name, share in shares.items()}).reset_index()
    scale = altair.Scale(type="log")
    shown = ["task", "model", "answers", *(altair.Tooltip(name, format=".3g") for name in shares)]
    base = altair.Chart(table, width=_WIDTH).encode(y=altair.Y("model:N", title=None), tooltip=shown)
    axis = altair.X("p5:Q", scale=scale, title="seconds")
    thin = base.mark_rule(color="#7a8794").encode(x=axis, x2="p95:Q")
    thick = base.mark_bar(height=9).encode(
        x=altair.X("p25:Q", scale=scale), x2="p75:Q", color=_colour(altair, "model", table)
    )
    middle = base.mark_tick(color="black", thickness=2, size=15).encode(x=altair.X("p50:Q", scale=scale))
    chart: alt.FacetChart = _by_task(altair, thin + thick + middle, "Seconds of an answer")
    return chart


def choices_chart(source: Source) -> alt.FacetChart:
    """Who answered, over time, as shares of calls, by task.

    Args:
        source: As for `attempts_frame`.
    """
    altair = package("altair")
    calls = choices_frame(source)
    width, calls["time"] = _binned(calls["at"])
    table = calls.groupby(["task", "time", "chosen"]).size().rename("calls").reset_index()
    table["until"] = table["time"] + width
    bins = table.groupby(["task", "time"])["calls"]
    table["share"] = table["calls"] / bins.transform("sum")
    table["top"] = bins.cumsum() / bins.transform("sum")
    table["bottom"] = table["top"] - table["share"]
    marks = altair.Chart(table, width=_WIDTH, height=90).mark_bar(stroke="white", strokeWidth=0.5)
    encoded = marks.encode(
        x=altair.X("time:T", title=None),
        x2="until:T",
        y=altair.Y("bottom:Q", axis=altair.Axis(format="%"), scale=altair.Scale(domain=[0, 1]), title="calls"),
        y2="top:Q",
        color=_colour(altair, "chosen", table),
        tooltip=["task", "chosen", "calls", altair.Tooltip("share", format=".0%"), "time"],
    )
    chart: alt.FacetChart = _by_task(altair, encoded, "Who answered")
    return chart


def feedback_chart(source: Source) -> alt.FacetChart:
    """The mean feedback of each model over time, by task; larger points stand for more feedback.

    Args:
        source: As for `attempts_frame`.
    """
    altair = package("altair")
    frame = attempts_frame(source)
    judged = frame[frame["feedback"].notna()].copy()
    _, judged["time"] = _binned(judged["at"])
    table = judged.groupby(["task", "model", "time"])["feedback"].agg(feedback="mean", answers="size").reset_index()
    encoded = altair.Chart(table, width=_WIDTH, height=120).encode(
        x=altair.X("time:T", title=None),
        y=altair.Y("feedback:Q", scale=altair.Scale(domain=[0, 1]), title="mean feedback"),
        color=_colour(altair, "model", table),
        tooltip=["task", "model", altair.Tooltip("feedback", format=".2f"), "answers", "time"],
    )
    points = encoded.mark_circle(opacity=1).encode(size=altair.Size("answers:Q", legend=None))
    chart: alt.FacetChart = _by_task(altair, encoded.mark_line() + points, "Feedback")
    return chart


def regret_chart(source: Source) -> alt.Chart:
    """Feedback forgone so far against each task's best model; a flat line means that nothing more is lost.

    Args:
        source: As for `regret_frame`.
    """
    altair = package("altair")
    table = regret_frame(source)
    table = table.iloc[:: max(len(table) // _POINTS, 1)]
    marks = altair.Chart(table, width=_WIDTH, height=160, title="Regret").mark_line(interpolate="step-after")
    chart: alt.Chart = marks.encode(
        x=altair.X("at:T", title=None), y=altair.Y("total:Q", title="feedback forgone"), tooltip=["at", "total"]
    )
    return chart


def breaker_chart(source: Source, *, threshold: int = 3) -> alt.Chart:
    """When models were left alone after failures, and when one call might try them again.

    Args:
        source: As for `breaker_frame`.
        threshold: As for `breaker_frame`.
    """
    altair = package("altair")
    table = breaker_frame(source, threshold=threshold)
    colours = altair.Scale(domain=["open", "half-open"], range=["#c0392b", "#e0a030"])
    marks = altair.Chart(table, width=_WIDTH, title="Models left alone").mark_bar(height=12)
    chart: alt.Chart = marks.encode(
        x=altair.X("start:T", title=None),
        x2="end:T",
        y=altair.Y("model:N", title=None),
        color=altair.Color("state:N", scale=colours),
        tooltip=["model", "state", "error", "start", "end"],
    )
    return chart


def savings_chart(router: Router, source: Source) -> alt.Chart:
    """What calls took, beside what they would have taken with the biggest model always, by task.

    Args:
        router: As for `savings_frame`.
        source: As for `savings_frame`.
    """
    altair = package("altair")
    table = savings_frame(router, source).dropna(subset=["seconds_if_biggest"])
    names = {"seconds": "as routed", "seconds_if_biggest": "always the biggest"}
    table = table.rename(columns=names).melt(["task"], list(names.values()), "how", "seconds")
    marks = altair.Chart(table, width=_WIDTH, title="Seconds, against always the biggest").mark_bar()
    chart: alt.Chart = marks.encode(
        x=altair.X("seconds:Q"),
        y=altair.Y("task:N", title=None),
        yOffset="how:N",
        color=altair.Color("how:N", title=None),
        tooltip=["task", "how", altair.Tooltip("seconds", format=".3g")],
    )
    return chart


def _quantile(share: float) -> Any:
    return lambda values: values.quantile(share)


def _colour(altair: Any, column: str, table: pd.DataFrame) -> Any:
    """The same colour for a model in every picture of the same models."""
    names = sorted(name for name in table[column].unique() if name != NOBODY)
    colours = [_COLOURS[place % len(_COLOURS)] for place in range(len(names))]
    scale = altair.Scale(domain=[*names, NOBODY], range=[*colours, _GREY])
    return altair.Color(
        f"{column}:N", scale=scale, title=None, legend=altair.Legend(values=sorted(table[column].unique()))
    )


def _by_task(altair: Any, chart: Any, title: str) -> Any:
    return chart.facet(row=altair.Row("task:N", title=None), title=title).resolve_scale(y="independent")


def _binned(at: pd.Series[Any]) -> tuple[Any, pd.Series[Any]]:
    """The width of bins, of which there are at most some sixty, and in which of them each time lies."""
    span = (at.max() - at.min()).total_seconds() if len(at) else 0.0
    seconds = next((each for each in _WIDTHS_S if span / each <= _BINS), _WIDTHS_S[-1])
    width = package("pandas").Timedelta(seconds=seconds)
    return width, at.dt.floor(width)
