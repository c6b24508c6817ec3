"""When the world changes: calls leave a model that became worse, and come back when it recovers."""

from __future__ import annotations

import itertools

import pytest

from langchain_scaffolding.policies import AdaptivePolicy
from tests.policies.simulation import SIZES, World


@pytest.mark.parametrize("best", ["small", "large"])
def test_when_the_best_model_halves_in_quality_calls_move_within_100_feedbacks_and_return_when_it_recovers(
    best: str,
) -> None:
    """Nine in ten calls, over five seeds."""
    before, fallen, recovered = 0, 0, 0
    for seed in range(5):
        world = World({"small": 0.75, "large": 0.75, best: 0.95}, SIZES, AdaptivePolicy(seed=seed), seed)
        world.call(250)
        before += world.call(50)[best]
        world.quality[best] = 0.45
        world.call(100)
        fallen += world.call(100)[best]
        world.quality[best] = 0.95
        world.call(500)
        recovered += world.call(100)[best]
    assert before >= 0.9 * 250
    assert fallen <= 0.1 * 500
    assert recovered >= 0.9 * 500


def test_when_one_of_three_close_models_falls_calls_move_and_return_too() -> None:
    """Nine in ten calls, over fifteen worlds: what is noticed after some twenty answers is believed at once."""
    fallen, recovered = 0, 0
    for best, seed in itertools.product(SIZES, range(5)):
        second, third = (name for name in SIZES if name != best)
        world = World({best: 0.8, second: 0.6, third: 0.5}, SIZES, AdaptivePolicy(seed=seed), seed)
        world.call(300)
        world.quality[best] = 0.4
        world.call(100)
        fallen += world.call(100)[best]
        world.quality[best] = 0.8
        world.call(500)
        recovered += world.call(100)[best]
    assert fallen <= 0.1 * 1500
    assert recovered >= 0.9 * 1500


def test_one_bad_answer_is_no_reason_to_drop_a_model_for_good() -> None:
    """Over many seeds, in which the best model's first answer is bad, all come back to it."""
    for seed in range(10):
        world = World({"small": 0.0, "large": 0.7}, SIZES, AdaptivePolicy(seed=seed), seed)
        while not world.call(1)["small"]:
            pass
        world.quality["small"] = 0.95
        world.call(600)
        assert world.call(50)["small"] >= 40
