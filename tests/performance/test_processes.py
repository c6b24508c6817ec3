"""Real processes on one store: exact totals, and nothing acknowledged is lost when they are killed."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from langchain_scaffolding.performance import OutcomeStore, PerformanceTracker
from tests.performance.records import query, run_recorders

if TYPE_CHECKING:
    from collections.abc import Callable

# More on demand: `SCAFFOLDING_KILLS=300 pytest tests/performance/test_processes.py -k killed`.
_KILLS = int(os.environ.get("SCAFFOLDING_KILLS", "12"))


@pytest.mark.parametrize("count", [500, pytest.param(10_000, marks=pytest.mark.slow)])
def test_totals_of_eight_processes_are_exact(url: str, open_store: Callable[..., OutcomeStore], count: int) -> None:
    early = PerformanceTracker(store=open_store(url))
    run_recorders(url, "finish", 8, count)
    late = PerformanceTracker(store=open_store(url))
    early.refresh()
    (stored,) = query(url, "SELECT count(*), count(error) FROM scaffolding_outcomes")
    assert stored == (8 * count, 8 * count // 5)
    for tracker in (early, late):
        rows = tracker.snapshot()
        assert [row.model for row in rows] == ["model-0", "model-1", "model-2"]
        assert sum(row.calls for row in rows) == 8 * count
        assert sum(row.errors for row in rows) == 8 * count // 5
        assert sum(row.measured for row in rows) == 8 * count * 4 // 5
        assert sum(row.feedback_count for row in rows) == 8 * count // 10
        assert tracker.feedback_waiting == 0
        assert tracker.refresh() == 0


def test_a_killed_process_loses_nothing_that_was_acknowledged(
    url: str, open_store: Callable[..., OutcomeStore]
) -> None:
    said = run_recorders(url, "kill", _KILLS, 42, timeout_s=300.0 + 10.0 * _KILLS)
    killed = [json.loads(line) for line in said.splitlines()]
    assert len(killed) == _KILLS
    written = {
        source: (number, last)
        for source, number, last in query(
            url, "SELECT source, count(*), max(sequence) FROM scaffolding_outcomes GROUP BY source"
        )
    }
    positions = dict(query(url, "SELECT id, position FROM scaffolding_sources"))
    for one in killed:
        number, last = written[one["source"]]
        assert number >= one["acknowledged"] > 0
        assert number == last == positions[one["source"]], "whole batches, without gaps"
    if url.startswith("sqlite"):
        assert query(url, "PRAGMA integrity_check") == [("ok",)]
    tracker = PerformanceTracker(store=open_store(url))
    assert sum(row.calls for row in tracker.snapshot()) == sum(number for number, _ in written.values())
