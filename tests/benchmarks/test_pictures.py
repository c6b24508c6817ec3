"""The pictures are drawn from what was measured, and the counts are read from what Callgrind wrote."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from benchmarks import instructions, pictures
from benchmarks.contenders import bare, invoking, router_over


def test_a_sweep_measures_each_size_and_its_picture_holds_the_points(tmp_path: Path) -> None:
    pytest.importorskip("altair")
    pytest.importorskip("vl_convert")
    sweep: pictures.Sizes = (
        "candidates",
        (1, 10),
        lambda _number: {"bare": invoking(bare()), "router": invoking(router_over(bare()))},
        lambda _number: 1,
    )
    rows = list(pictures.swept(2, [sweep]))
    assert [(row["sweep"], row["size"], row["who"]) for row in rows] == [
        ("candidates", 1, "router"),
        ("candidates", 10, "router"),
    ]
    assert all(row["low"] <= row["ratio"] <= row["high"] for row in rows)
    (tmp_path / "rows.json").write_text(json.dumps(rows), encoding="utf-8")
    pictures.main(["cost", str(tmp_path / "rows.json"), "--folder", str(tmp_path)])
    drawn = (tmp_path / "cost.svg").read_text(encoding="utf-8")
    assert drawn.startswith("<svg")
    assert "candidates" in drawn
    assert "router" in drawn


def test_staleness_has_a_panel_for_each_world_and_a_line_for_each_fleet(tmp_path: Path) -> None:
    pytest.importorskip("altair")
    pytest.importorskip("vl_convert")
    losses = [
        {"world": world, "routers": routers, "refresh_s": interval, "regret": 3.0}
        for world in ("faults", "crowding")
        for routers in (10, 100)
        for interval in (1.0, 60.0, math.inf)
    ]
    (tmp_path / "losses.json").write_text(json.dumps(losses), encoding="utf-8")
    pictures.main(["staleness", str(tmp_path / "losses.json"), "--folder", str(tmp_path)])
    drawn = (tmp_path / "staleness.svg").read_text(encoding="utf-8")
    assert "faults (dashed: nothing shared)" in drawn
    assert "crowding (dashed: nothing shared)" in drawn


def test_instructions_of_a_call_are_the_difference_between_many_and_few() -> None:
    dumps = {"invoke/bare/10": 1_500, "invoke/bare/20": 2_500, "invoke/router/10": 9_000, "invoke/router/20": 10_600}
    assert instructions.per_call(dumps) == {"invoke": {"bare": 100, "router": 160}}


def test_a_dump_says_what_it_was_for_and_how_much_it_counted() -> None:
    head = "version: 1\ndesc: Trigger: dump of stream of 50 chunks/router/10\nevents: Ir\n"
    assert instructions.totals(f"{head}summary: 0\n...\ntotals: 8318654\n") == (
        "stream of 50 chunks/router/10",
        8_318_654,
    )
    with pytest.raises(ValueError, match="without a total"):
        instructions.totals("version: 1\n")
