"""The other scripts: their arithmetic, and a tiny run of each."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest

from benchmarks import layers, memory, peers, selection, staleness
from benchmarks.contenders import bare, router_over
from benchmarks.figures import Figure
from langchain_scaffolding.outcomes import Outcome
from langchain_scaffolding.performance import PerformanceTracker
from langchain_scaffolding.performance.means import NOTHING, plus, value_of


def test_a_figure_says_whether_its_goal_is_kept() -> None:
    assert Figure(name="x", value=3.0, unit="µs", at_most=3).held == "yes"
    assert Figure(name="x", value=3.01, unit="µs", at_most=3).held == "no"
    assert Figure(name="x", value=1234.5, unit="MB").cells() == ["x", "1,234 MB", "-", "-"]


# --- selection -------------------------------------------------------------------------------------------------------


def test_a_text_has_the_sentences_asked_for_and_grows_evenly() -> None:
    text = selection.text_of(60)
    assert text.count(". ") + text.count(".\n") + 1 == 60
    assert 2.9 < len(selection.text_of(3000)) / len(selection.text_of(1000)) < 3.1


def test_selection_measures_every_goal_in_a_quick_run(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    selection.main(["--quick", "--markdown", "--json", str(tmp_path / "found.json")])
    assert "| kept choice |" in capsys.readouterr().out
    found = {each["name"]: each for each in json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))}
    goals = {name: each["at_most"] for name, each in found.items() if each["at_most"] is not None}
    assert goals["kept choice"] == 3
    assert goals["decision over 100"] == 120
    assert goals["adaptive policy over 10, 500 characters"] == goals["  and the whole decision"] == 60
    assert goals["adaptive policy over 10, no text"] == 20
    assert goals["recording, with a store"] == 15
    assert goals["import langchain_scaffolding"] == 30
    assert goals["outline of 60 sentences"] == 50
    assert all(each["value"] >= 0 for each in found.values())
    assert found["recording, with a store"]["value"] > 0


# --- memory ----------------------------------------------------------------------------------------------------------


def test_growth_compares_the_end_with_what_came_after_warming_up() -> None:
    warm_up, steady = [10.0, 50.0], [60.0, 60.0]
    assert memory.growth_mb([*warm_up, *steady, 60.0, 60.0, 60.0, 60.0]) == 0.0
    assert memory.growth_mb([*warm_up, *steady, 62.0, 64.0, 66.0, 68.0]) == pytest.approx(7.0)


def test_a_short_recording_and_a_short_soak_say_what_they_saw() -> None:
    grown, _ = memory.recorded(1_000)
    assert grown.at_most == memory.GROWTH_MB
    assert grown.value < 100
    ticks = iter(range(10_000))
    size, growth = memory.soak(200.0, clock=lambda: float(next(ticks)), samples=20)
    assert "199 calls" in size.name
    assert growth.at_most == memory.SOAK_MB


def test_a_pair_of_task_and_model_stays_below_two_kilobytes_after_a_hundred_calls() -> None:
    plain, streamed = memory.pairs([(100, 50)])
    assert streamed.name == "pair with 100 streamed outcomes"
    assert 0 < plain.value < 1_600
    assert 0 < streamed.value < 2_000


def test_outcomes_without_end_differ_in_decision_and_task() -> None:
    made = memory.endless()
    some = [next(made) for _ in range(2_000)]
    assert len({each.decision_id for each in some}) == 2_000
    assert {each.task for each in some} == set(memory.TASKS)


# --- staleness -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("memory_", [5.0, 200.0])
def test_the_simulated_mean_fades_as_the_trackers_does(memory_: float) -> None:
    rng = random.Random(1)
    evidence, mean = staleness.Evidence(1, memory=memory_), NOTHING
    for _ in range(400):
        good = float(rng.random() < 0.4)
        mean = plus(mean, good, 1.0, memory_)
        evidence.add(slice(None), np.ones((1, 6)), np.full((1, 6), good))
    assert evidence.mean[0, 0] == pytest.approx(value_of(mean))
    assert evidence.weight[0, 0] == pytest.approx(mean.real)


def test_what_is_told_in_one_piece_counts_as_if_it_had_come_one_by_one() -> None:
    whole, single = staleness.Evidence(1, memory=10.0), staleness.Evidence(1, memory=10.0)
    for good in (1.0, 0.0, 1.0):
        single.add(slice(None), np.ones((1, 6)), np.full((1, 6), good))
    whole.add(slice(None), np.full((1, 6), 3.0), np.full((1, 6), 2.0))
    assert whole.mean == pytest.approx(single.mean)
    # beyond its memory the order counts, which the simulation does not know: alike, not equal
    for evidence, pieces in ((whole, [(90.0, 45.0)]), (single, [(1.0, float(each % 2)) for each in range(90)])):
        for number, good in pieces:
            evidence.add(slice(None), np.full((1, 6), number), np.full((1, 6), good))
    assert whole.mean == pytest.approx(single.mean, abs=0.06)


def test_a_router_prefers_what_it_saw_answer_well_and_tries_everything_before() -> None:
    own, told = staleness.Evidence(1), staleness.Evidence(1)
    assert staleness.chances(own, told)[0] == pytest.approx(np.full(6, 1 / 6))
    told.add(slice(None), np.full((1, 6), 50.0), np.array([[45.0, 20.0, 20.0, 20.0, 20.0, 20.0]]))
    assert staleness.chances(own, told)[0, 0] > 0.95


def test_sharing_beats_learning_alone_and_a_lone_router_has_nobody_to_hear() -> None:
    shared = staleness.simulate("faults", 10, 5.0, seconds=1_800)
    alone = staleness.simulate("faults", 10, float("inf"), seconds=1_800)
    assert shared.regret < alone.regret
    lone = [staleness.simulate("faults", 1, each, seconds=1_200, seed=4) for each in (1.0, float("inf"))]
    assert lone[0].regret == lone[1].regret


def test_a_full_model_answers_worse_the_more_are_sent_to_it() -> None:
    fits, crowded = (staleness.good_now("crowding", 0, np.full(6, share)) for share in (0.1, 1.0))
    assert fits == pytest.approx(staleness.GOOD)
    assert crowded == pytest.approx(staleness.GOOD * staleness.CAPACITY)


def test_the_table_has_a_row_for_each_number_of_routers() -> None:
    losses = list(staleness.table(["faults"], [1, 3], seconds=950, seeds=1))
    lines = staleness.as_markdown(losses, "faults").splitlines()
    assert [line.split("|")[1].strip() for line in lines[2:]] == ["1", "3"]
    assert lines[2].count("| - ") == len(staleness.INTERVALS_S) - 1


def test_a_refresh_is_measured_over_real_stores_and_hears_every_writer() -> None:
    (figure,) = staleness.refreshing(20, [4])
    assert figure.value > 0
    tracker = PerformanceTracker()
    tracker.record(Outcome(task="t", model="m", decision_id="d", total_s=0.1, measured=True))
    assert tracker.refresh() == 0, "without a store there is nothing to refresh from"


# --- peers -----------------------------------------------------------------------------------------------------------


def test_peers_that_are_not_installed_are_left_out_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    there = {**dict.fromkeys(peers.PACKAGES), "langchain-core": "1", "langchain-scaffolding": "1"}
    name, ratios = next(peers.measure(2, there))
    assert (name, list(ratios)) == ("invoke", ["bare", "with_fallbacks", "langchain-scaffolding"])
    found = peers.installed()
    assert found["langchain-core"] is not None
    assert set(found) == set(peers.PACKAGES)


# --- layers ----------------------------------------------------------------------------------------------------------


def test_every_floor_of_a_call_runs_and_the_router_stands_on_the_bare_model() -> None:
    for contenders in layers.floors().values():
        assert next(iter(contenders)) == "bare model"
        assert "the router" in contenders
        for run in contenders.values():
            run(1)


def test_a_profile_finds_the_router_above_the_model_it_calls() -> None:
    found = layers.profile(0.3, router_over(bare()))
    router = next(micros for name, micros in found.items() if name.endswith("ScaffoldingRouterLLM.invoke"))
    model = found["langchain_core.language_models.chat_models.BaseChatModel._generate_with_cache"]
    assert router > model > 0
