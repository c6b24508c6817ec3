"""The table of what the router costs: its rows, its words, its verdict."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from benchmarks import contenders, overhead
from benchmarks.harness import Bound, Ratio
from langchain_scaffolding.testing import ScriptedChatModel


def results(**medians: float) -> overhead.Results:
    """Rows measured in 20 blocks without any noise."""
    return {
        name: {who: Ratio.of(who, [each] * 20, [1.0] * 20) for who, each in {"bare": 1.0, "router": median}.items()}
        for name, median in medians.items()
    }


def test_every_row_has_a_bound_and_every_bound_a_row() -> None:
    assert set(overhead.BOUNDS) == set(overhead.SCENARIOS)


def test_a_row_over_its_limit_is_named() -> None:
    bounds = {"fine": Bound(must=1.4), "slow": Bound(must=1.4), "known": Bound(must=1.4, measured=2.1)}
    assert overhead.passed(results(fine=1.39, slow=1.9, known=2.0), bounds) == ["slow"]


def test_a_check_fails_only_if_a_fresh_process_finds_the_row_over_its_limit_too(
    capsys: pytest.CaptureFixture[str],
) -> None:
    first = results(invoke=99.0, ainvoke=0.5)
    assert overhead.check(first, lambda names: results(**dict.fromkeys(names, 98.0))) == 1
    said = capsys.readouterr().err
    assert "invoke is over its limit" in said
    assert "ainvoke" not in said
    assert overhead.check(first, lambda names: results(**dict.fromkeys(names, 0.5))) == 0
    assert "invoke was over its limit once" in capsys.readouterr().err
    assert overhead.check(results(invoke=0.5), lambda _names: pytest.fail("nothing to measure anew")) == 0


def test_a_fresh_process_measures_the_rows_it_is_asked_for() -> None:
    (row,) = overhead.measured_anew(["1 candidate"], blocks=2).items()
    assert row[0] == "1 candidate"
    assert row[1]["router"].median > 0


def test_a_missed_goal_says_so_in_the_table() -> None:
    name = "with a deadline"
    missed = overhead.cells(name, results(**{name: 9.0})[name])
    assert missed[overhead.HEADER.index("held")] == "no"
    assert missed[overhead.HEADER.index("with_fallbacks")] == "-"
    assert missed[overhead.HEADER.index("must")] == "2.20"


def test_a_tiny_run_prints_every_shape(capsys: pytest.CaptureFixture[str]) -> None:
    assert overhead.main(["--blocks", "2", "--only", "^invoke$", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told["rows"]["invoke"]) == {"bare", "with_fallbacks", "router"}
    assert told["rows"]["invoke"]["bare"]["median"] == 1.0
    assert told["langchain-core"]
    assert overhead.main(["--blocks", "2", "--only", "10 candidates", "--markdown"]) == 0
    header, rule, row = capsys.readouterr().out.splitlines()
    assert header.count("|") == rule.count("|") == row.count("|") == len(overhead.HEADER) + 1
    with pytest.raises(SystemExit):
        overhead.main(["--only", "no such row"])


@pytest.mark.parametrize("name", [name for name in overhead.SCENARIOS if "1,000" not in name])
def test_every_scenario_runs(name: str) -> None:
    scenario = overhead.SCENARIOS[name]()
    assert next(iter(scenario.contenders)) == "bare"
    for run in scenario.contenders.values():
        counted = run(64 if "threads" in name else 1)
        assert counted is None or counted > 0


def test_models_that_fail_first_are_really_tried_unless_they_are_left_alone() -> None:
    failing = [contenders.broken() for _ in range(3)]
    trying = contenders.router_behind(failing, contenders.bare(), breaker_threshold=10**9)
    usual = contenders.router_behind(failing, contenders.bare())
    for _ in range(10):
        tried, left_alone = trying.invoke("hi"), usual.invoke("hi")
    assert [len(each.response_metadata["routing"]["attempts"]) for each in (tried, left_alone)] == [4, 1]


def test_the_ways_to_call_make_the_calls_they_say() -> None:
    model = ScriptedChatModel("yes", name="m")
    with ThreadPoolExecutor(4) as pool:
        for contender, calls in (
            (contenders.invoking(model), 3),
            (contenders.ainvoking(model), 3),
            (contenders.streaming(model), 3),
            (contenders.starting(model), 3),
            (contenders.batching(model, 5), 15),
            (contenders.abatching(model, 5), 15),
            (contenders.at_once(model, 7), 21),
        ):
            before = len(model.history)
            contender(3)
            assert len(model.history) - before == calls
        before = len(model.history)
        contenders.in_threads(model, pool, 4)(12)
        assert len(model.history) - before == 12
    assert len(list(contenders.talking(500).stream("hi"))) == 500
