"""Measures and estimates, against values worked out by hand and against simulations whose truth is known."""

from __future__ import annotations

import math
import random
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_scaffolding import ScaffoldingRouterLLM
from langchain_scaffolding.errors import ConfigurationError
from langchain_scaffolding.evaluation import (
    Logged,
    apgr,
    calibration,
    cpt,
    estimate,
    logged,
    recent_ranks,
    trade_off,
    what_if,
)
from langchain_scaffolding.performance import OutcomeStore, PerformanceTracker
from langchain_scaffolding.policies import AdaptivePolicy
from langchain_scaffolding.testing import ScriptedChatModel
from tests.paths import routing

TRUE = {"easy": {"small": 0.8, "large": 0.9}, "hard": {"small": 0.2, "large": 0.9}}


def test_a_router_that_knows_gains_all_there_is_with_half_of_the_calls() -> None:
    strong, weak = [1.0] * 40, [1.0, 0.0] * 20
    knows = [1 - value + place / 1000 for place, value in enumerate(weak)]
    assert trade_off(knows, strong, weak, bins=2) == ([0.0, 0.5, 1.0], [0.5, 1.0, 1.0])
    assert apgr(knows, strong, weak) == pytest.approx(0.75)
    assert apgr([-each for each in knows], strong, weak) == pytest.approx(0.25)
    assert cpt(0.5, knows, strong, weak) == pytest.approx(0.25)
    assert cpt(1.0, knows, strong, weak) == pytest.approx(0.5)


@given(st.integers(0, 10_000))
def test_a_router_that_guesses_recovers_half_the_gap(seed: int) -> None:
    chance = random.Random(seed)
    strong, weak = [1.0] * 4000, [float(chance.random() < 0.5) for _ in range(4000)]
    assert apgr([chance.random() for _ in strong], strong, weak) == pytest.approx(0.5, abs=0.06)


def test_scores_that_drift_are_held_against_recent_ones() -> None:
    drifting = [place / 10 + (place % 2) for place in range(200)]
    ranks = recent_ranks(drifting, window=20)
    odd, even = ranks[101::2], ranks[100::2]
    assert min(odd) > max(even)


def test_measures_refuse_what_cannot_be_measured() -> None:
    with pytest.raises(ConfigurationError, match="equally good"):
        apgr([0.1, 0.2], [1, 0], [0, 1])
    with pytest.raises(ConfigurationError, match="as many advantages"):
        apgr([0.1], [1, 0], [0, 1])
    with pytest.raises(ConfigurationError, match="as many advantages"):
        apgr([], [], [])
    with pytest.raises(ConfigurationError, match="as many predictions"):
        calibration([0.5], [])


def log_of(size: int, seed: int) -> list[Logged]:
    """Traffic of a policy that prefers the small model, and more so on easy texts."""
    chance = random.Random(seed)
    found = []
    for _ in range(size):
        task = chance.choice(["easy", "hard"])
        share = 0.9 if task == "easy" else 0.7
        model = "small" if chance.random() < share else "large"
        propensity = share if model == "small" else 1 - share
        reward = float(chance.random() < TRUE[task][model])
        found.append(Logged(task=task, model=model, propensity=propensity, reward=reward))
    return found


@pytest.mark.parametrize("method", ["ips", "snips", "dr"])
@pytest.mark.parametrize("model", ["small", "large"])
def test_an_estimate_covers_the_truth_about_as_often_as_it_says(method: str, model: str) -> None:
    truth = (TRUE["easy"][model] + TRUE["hard"][model]) / 2
    hits, values = 0, []
    for seed in range(60):
        log = log_of(600, seed)
        found = estimate(log, [{model: 1.0}] * len(log), method=method, resamples=200, seed=seed)
        values.append(found.value)
        hits += found.low <= truth <= found.high
    assert hits >= 51  # 95 % of 60 are 57; fewer than 51 come once in 500 times
    assert sum(values) / len(values) == pytest.approx(truth, abs=0.02)


def test_the_mean_of_a_log_would_mislead_where_the_estimate_does_not() -> None:
    log = log_of(4000, 1)
    large = [each.reward for each in log if each.model == "large"]
    small = [each.reward for each in log if each.model == "small"]
    naive = sum(small) / len(small)
    found = estimate(log, [{"small": 1.0}] * len(log))
    assert found.value == pytest.approx(0.5, abs=0.03)
    assert naive > 0.53
    assert sum(large) / len(large) == pytest.approx(0.9, abs=0.03)
    assert 0 < found.effective <= len(log)


def test_what_was_never_tried_cannot_be_estimated() -> None:
    log = [Logged(task="t", model="small", propensity=1.0, reward=1.0)] * 10
    found = estimate(log, [{"large": 1.0}] * 10, method="snips")
    assert math.isnan(found.value)
    assert found.effective == 0
    for bad in (0.0, -1.0, 1.5, float("nan")):
        with pytest.raises(ConfigurationError, match="propensity"):
            estimate([Logged(task="t", model="a", propensity=bad, reward=1.0)], [{"a": 1.0}])
    with pytest.raises(ConfigurationError, match="0 decisions"):
        estimate([], [])


def test_own_traffic_tells_what_another_choice_would_have_earned(tmp_path: Path) -> None:
    models = [
        ScriptedChatModel("a", name="small", metadata={"size_gb": 1}),
        ScriptedChatModel("b", name="large", metadata={"size_gb": 9}),
    ]
    with closing(OutcomeStore(f"sqlite:///{tmp_path / 'outcomes.db'}")) as store:
        tracker = PerformanceTracker(store=store)
        policy = AdaptivePolicy(temper=3.0, exploration=1.0)
        router = ScaffoldingRouterLLM(models=models, policy=policy, performance=tracker)
        for _ in range(80):
            message = router.invoke("Tea is made of leaves.", task="title")
            router.record_feedback(message, 0.9 if routing(message)["model"] == "large" else 0.3)
        store.flush()
        log = logged(store, "title")
        assert len(log) == 80
        assert logged(store, "summary") == []
        assert what_if(store, "large", task="title").value == pytest.approx(0.9, abs=0.02)
        assert what_if(store, "small", task="title", method="snips").value == pytest.approx(0.3, abs=0.02)
        with pytest.raises(ConfigurationError, match="0 decisions"):
            what_if(store, "small", task="summary")


def test_a_calibrated_forecast_has_no_error_and_a_boastful_one_has() -> None:
    chance = random.Random(1)
    stated = [chance.random() for _ in range(20_000)]
    came = [float(chance.random() < each) for each in stated]
    assert calibration(stated, came).error < 0.02
    boastful = calibration([0.5 + each / 2 for each in stated], came)
    assert boastful.error == pytest.approx(0.25, abs=0.02)
    assert sum(each.count for each in boastful.bins) == 20_000
    assert calibration([1.0, 1.0], [1.0, 1.0]).brier == 0
