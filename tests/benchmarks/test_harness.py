"""The arithmetic of comparisons, and what makes a check fail."""

from __future__ import annotations

import random

import pytest

from benchmarks.harness import Bound, Ratio, block_times, compare, median_interval, micros_per_call


def ratio(*ratios: float) -> Ratio:
    """A ratio that was measured so in each block."""
    return Ratio.of("router", ratios, [1.0] * len(ratios))


def test_ratios_are_paired_block_by_block() -> None:
    # the second block was ten times as slow for both
    found = Ratio.of("router", [2e-6, 20e-6, 3e-6], [1e-6, 10e-6, 1e-6])
    assert (found.median, found.least, found.most) == pytest.approx((2.0, 2.0, 3.0))
    assert (found.low, found.high) == pytest.approx((2.0, 2.5))
    assert found.micros == pytest.approx(3.0)


def test_the_interval_holds_the_true_median_as_often_as_it_says() -> None:
    rng = random.Random(1)
    held = 0
    for _ in range(2000):
        least, most = median_interval([rng.expovariate(1.0) for _ in range(41)])
        held += least <= 0.6931 <= most
    assert 0.98 <= held / 2000 <= 1.0


def test_an_interval_narrows_with_more_blocks_and_ignores_what_a_single_block_suffered() -> None:
    rng = random.Random(2)
    values = [rng.gauss(1.3, 0.05) for _ in range(400)]
    few, many = median_interval(values[:10]), median_interval(values)
    assert many[1] - many[0] < (few[1] - few[0]) / 2
    assert median_interval([*values[:-1], 1e9]) == pytest.approx(many, rel=1e-2)


def test_a_ratio_passes_its_bound_only_by_more_than_the_noise() -> None:
    bound = Bound(must=1.3)
    assert bound.is_passed(ratio(*[1.31] * 20))
    assert not bound.is_passed(ratio(*[1.29] * 20))
    noisy = ratio(*[1.1, 1.2, 1.4, 1.5] * 3, 1.4)
    assert noisy.median > 1.3
    assert not bound.is_passed(noisy)


def test_a_measured_bound_takes_the_place_of_a_goal_that_is_missed_and_the_goal_stays_missed() -> None:
    bound = Bound(must=1.3, aim=1.2, measured=1.6)
    over = ratio(*[1.5] * 20)
    assert bound.limit == 1.6
    assert bound.held(over) == "no"
    assert not bound.is_passed(over)
    assert bound.is_passed(ratio(*[1.7] * 20))
    assert [bound.held(ratio(*[each] * 5)) for each in (1.15, 1.25)] == ["aim", "yes"]
    assert Bound().held(over) == "-"
    assert not Bound().is_passed(over)


def test_every_block_runs_every_contender_and_what_a_contender_counts_itself_is_what_counts() -> None:
    order: list[str] = []

    def counting(calls: int) -> float:
        order.append("counting")
        return calls * 2.0

    def plain(_calls: int) -> None:
        order.append("plain")

    times = block_times({"plain": plain, "counting": counting}, calls=8, blocks=30, seed=3)
    assert times["counting"] == [2.0] * 30
    pairs = [tuple(order[place : place + 2]) for place in range(2, len(order), 2)]
    assert len(pairs) == 30
    assert set(pairs) == {("plain", "counting"), ("counting", "plain")}, "in random order"


def test_the_baseline_is_one_and_twice_the_work_is_about_two() -> None:
    found = compare({"bare": lambda calls: calls * 1.0, "twice": lambda calls: calls * 2.0}, calls=5, blocks=9)
    assert (found["bare"].median, found["twice"].median) == (1.0, 2.0)


def test_the_fastest_block_counts_for_code_alone() -> None:
    calls: list[None] = []
    assert micros_per_call(lambda: calls.append(None), calls=10, blocks=3) > 0
    assert len(calls) == 31, "one to warm up"
