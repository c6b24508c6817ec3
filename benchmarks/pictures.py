"""The pictures of `docs/`: `python -m benchmarks.pictures cost`, and `... staleness FILE` from what that one wrote.

Drawn by altair and vl-convert, without a browser; the group `bench` has both.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.contenders import at_once, bare, invoking, many, router_over, streaming, talking
from benchmarks.harness import Contender, compare

FOLDER = Path(__file__).parents[1] / "docs" / "pictures"
COLOURS = {"router": "#1b6ca8", "with_fallbacks": "#c2571a"}
WIDTH, HEIGHT = 235, 200

Row = dict[str, Any]
Sizes = tuple[str, Sequence[int], Callable[[int], Mapping[str, Contender]], Callable[[int], int]]


def _of_chunks(number: int) -> Mapping[str, Contender]:
    first = talking(number)
    models = {"bare": first, "with_fallbacks": first.with_fallbacks([bare()]), "router": router_over(first, bare())}
    return {who: streaming(model) for who, model in models.items()}


def _at_once(number: int) -> Mapping[str, Contender]:
    models = {"bare": bare(), "with_fallbacks": bare().with_fallbacks([bare()]), "router": router_over(bare(), bare())}
    return {who: at_once(model, number) for who, model in models.items()}


SWEEPS: Sequence[Sizes] = (
    (
        "candidates",
        (1, 3, 10, 30, 100, 300, 1000),
        lambda number: {"bare": invoking(bare()), "router": invoking(many(number))},
        lambda _number: 60,
    ),
    ("chunks of a stream", (1, 5, 20, 50, 100, 200, 500), _of_chunks, lambda number: max(600 // number, 2)),
    ("calls at once", (1, 10, 30, 100, 300, 1000), _at_once, lambda number: max(100 // number, 1)),
)


def swept(blocks: int, sweeps: Sequence[Sizes] = SWEEPS) -> Iterator[Row]:
    """Ratios to the bare model, with their quartiles, for each size of each sweep."""
    for what, sizes, contenders_of, calls_of in sweeps:
        for size in sizes:
            for who, ratio in compare(contenders_of(size), calls=calls_of(size), blocks=blocks).items():
                if who != "bare":
                    yield {
                        "sweep": what,
                        "size": size,
                        "who": who,
                        "ratio": ratio.median,
                        "low": ratio.low,
                        "high": ratio.high,
                    }


def cost_chart(rows: Sequence[Row]) -> Any:
    """Times the bare model against what grows: a panel for each sweep, with the quartiles as bands."""
    import altair as alt

    colour = alt.Color(
        "who:N",
        scale=alt.Scale(domain=list(COLOURS), range=list(COLOURS.values())),
        legend=alt.Legend(title=None, orient="top"),
    )
    # from nothing: a cut axis would make small differences look large
    ratio = alt.Scale(domain=[0, max(2.5, *(row["high"] for row in rows))], nice=True)
    panels = []
    for what in dict.fromkeys(row["sweep"] for row in rows):
        part = alt.Data(values=[row for row in rows if row["sweep"] == what])
        size = alt.X("size:Q", scale=alt.Scale(type="log"), title=what, axis=alt.Axis(values=[1, 10, 100, 1000]))
        band = alt.Chart(part).mark_area(opacity=0.18).encode(x=size, y=alt.Y("low:Q", scale=ratio), y2="high:Q")
        line = alt.Chart(part).mark_line(point=True).encode(x=size, y=alt.Y("ratio:Q", scale=ratio, title="times bare"))
        floor = (
            alt.Chart(alt.Data(values=[{"ratio": 1}])).mark_rule(strokeDash=[3, 3], color="#777").encode(y="ratio:Q")
        )
        panels.append(
            (band.encode(color=colour) + line.encode(color=colour) + floor).properties(width=WIDTH, height=HEIGHT)
        )
    return alt.hconcat(*panels).configure(background="white").configure_view(stroke="#ddd")


def staleness_chart(losses: Sequence[Mapping[str, Any]]) -> Any:
    """What is lost against the refresh interval: a panel for each world, a line for each size of the fleet."""
    import altair as alt

    # what is never refreshed has no place on a scale of seconds: it is the dashed line
    shown = [dict(each) for each in losses if math.isfinite(each["refresh_s"])]
    alone = [dict(each) for each in losses if not math.isfinite(each["refresh_s"])]
    panels = []
    for world in dict.fromkeys(each["world"] for each in losses):
        part = alt.Data(values=[each for each in shown if each["world"] == world])
        apart = [each["regret"] for each in alone if each["world"] == world and each["routers"] > 1]
        interval = alt.X("refresh_s:Q", scale=alt.Scale(type="log"), title="seconds between refreshes")
        regret = alt.Y("regret:Q", scale=alt.Scale(zero=True), title="points lost")
        fleet = alt.Color("routers:O", scale=alt.Scale(scheme="viridis"), legend=alt.Legend(title="routers"))
        line = alt.Chart(part).mark_line(point=True).encode(x=interval, y=regret, color=fleet)
        value = sum(apart) / len(apart)
        rule = alt.Chart(alt.Data(values=[{"regret": value}])).mark_rule(strokeDash=[3, 3], color="#777")
        panel = (line + rule.encode(y=regret)).properties(width=300, height=HEIGHT)
        panels.append(panel.properties(title=f"{world} (dashed: nothing shared)"))
    return alt.hconcat(*panels).configure(background="white").configure_view(stroke="#ddd")


def save(chart: Any, path: Path) -> None:
    """Write a chart as SVG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    chart.save(path, format="svg")


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("which", choices=("cost", "staleness"))
    parser.add_argument("file", type=Path, nargs="?", help="rows in JSON: read if it exists, else written by `cost`")
    parser.add_argument("--blocks", type=int, default=21, help="blocks of each size (default 21)")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where pictures are put")
    given = parser.parse_args(arguments)
    if given.which == "staleness":
        if given.file is None:
            parser.error("say which file `python -m benchmarks.staleness --json FILE` wrote")
        save(staleness_chart(json.loads(given.file.read_text(encoding="utf-8"))), given.folder / "staleness.svg")
        return
    if given.file is not None and given.file.exists():
        rows = json.loads(given.file.read_text(encoding="utf-8"))
    else:
        rows = list(swept(given.blocks))
        if given.file is not None:
            given.file.write_text(json.dumps(rows, indent=2), encoding="utf-8")
    save(cost_chart(rows), given.folder / "cost.svg")


if __name__ == "__main__":
    main()
