"""Noticing that a model has become another."""

from __future__ import annotations

import random

import pytest

from langchain_scaffolding.policies.changes import ChangeDetector


def alarms(before: float, after: float, answers: int, *, seed: int, usual: int = 60) -> tuple[list[str], int | None]:
    """The alarms after a change, and after how many answers the first came."""
    chance, detector = random.Random(seed), ChangeDetector()
    for _ in range(usual):
        detector.hear(float(chance.random() < before))
    heard = [detector.hear(float(chance.random() < after)) for _ in range(answers)]
    found = [change for change in heard if change is not None]
    return found, heard.index(found[0]) + 1 if found else None


@pytest.mark.parametrize("quality", [0.05, 0.3, 0.5, 0.8, 0.95])
def test_false_alarms_are_as_rare_as_one_in_3000_answers(quality: float) -> None:
    heard = sum(len(alarms(quality, quality, 500, seed=seed)[0]) for seed in range(120))
    assert heard <= 120 * 500 / 3000


@pytest.mark.parametrize(
    ("before", "after", "change"), [(0.95, 0.45, "worse"), (0.8, 0.4, "worse"), (0.4, 0.9, "better")]
)
def test_a_change_is_found_within_some_dozens_of_answers(before: float, after: float, change: str) -> None:
    found = [alarms(before, after, 100, seed=seed) for seed in range(40)]
    assert sum(bool(changes) and changes[0] == change for changes, _ in found) >= 36
    delays = sorted(delay for _, delay in found if delay is not None)
    assert delays[len(delays) // 2] <= 30


def test_scores_between_good_and_bad_count_in_proportion() -> None:
    detector = ChangeDetector()
    assert {detector.hear(0.9) for _ in range(50)} == {None}
    assert "worse" in {detector.hear(0.3) for _ in range(30)}


def test_a_fall_ends_when_answers_are_as_good_as_before() -> None:
    detector, chance = ChangeDetector(), random.Random(3)
    for _ in range(60):
        detector.hear(float(chance.random() < 0.8))
    assert "worse" in [detector.hear(0.0) for _ in range(20)]
    assert detector.former == pytest.approx(0.8, abs=0.1)
    heard = [detector.hear(float(chance.random() < 0.8)) for _ in range(40)]
    assert "better" in heard
    assert detector.former is None


def test_a_model_that_stays_fallen_is_not_taken_for_recovered() -> None:
    taken = 0
    for seed in range(40):
        detector, chance = ChangeDetector(), random.Random(seed)
        for _ in range(60):
            detector.hear(float(chance.random() < 0.8))
        assert "worse" in [detector.hear(0.0) for _ in range(20)]
        taken += "better" in [detector.hear(float(chance.random() < 0.4)) for _ in range(40)]
    assert taken <= 2
