"""What is believed of models, without a router."""

from __future__ import annotations

import pytest

from langchain_scaffolding.policies.beliefs import Beliefs
from langchain_scaffolding.policies.features import TextFeatures


def believed(scores: dict[str, list[float]], rounds: int) -> tuple[dict[str, float], float]:
    """Log-odds by model after some rounds of scores, and the largest variance."""
    beliefs, text = Beliefs(), TextFeatures.of("A text.")
    task, columns = beliefs.row_of_task("title"), beliefs.columns(list(scores))
    for number in range(rounds):
        for column, given in zip(columns, scores.values(), strict=True):
            beliefs.learn(task, int(column), beliefs.read(text), given[number % len(given)])
            beliefs.see(text)
    expected, variances = beliefs.expect(task, columns, beliefs.read(text))
    return dict(zip(scores, expected.tolist(), strict=True)), float(variances.max())


def test_marks_of_a_judge_tell_models_apart_sooner_than_yes_and_no() -> None:
    """The means are 0.9 and 0.7 in both; marks scatter less about them."""
    by_marks, sure = believed({"good": [0.9, 0.95, 0.85], "worse": [0.7, 0.75, 0.65]}, 10)
    by_votes, unsure = believed({"good": [1, 1, 1, 1, 1, 0, 1, 1, 1, 1], "worse": [1, 1, 0, 1, 1, 0, 1, 1, 0, 1]}, 10)
    assert sure < unsure
    assert by_marks["good"] - by_marks["worse"] > by_votes["good"] - by_votes["worse"]


@pytest.mark.parametrize("score", [0.0, 1.0])
def test_answers_that_are_all_alike_make_nobody_overconfident(score: float) -> None:
    """Yes and no are no marks, however well they are foreseen."""
    alike, variance = believed({"only": [score]}, 100)
    mixed, usual = believed({"only": [score, 1 - score]}, 100)
    assert variance >= usual
    assert abs(alike["only"]) > abs(mixed["only"])


def test_a_doubt_moves_a_belief_and_opens_it() -> None:
    beliefs, text = Beliefs(), TextFeatures.of("A text.")
    task, (column,) = beliefs.row_of_task("title"), beliefs.columns(["small"])
    for _ in range(60):
        beliefs.learn(task, int(column), beliefs.read(text), 1.0)
    before, narrow = beliefs.expect(task, beliefs.columns(["small"]), beliefs.read(text))
    beliefs.doubt(task, int(column), moved=-1.5)
    after, wide = beliefs.expect(task, beliefs.columns(["small"]), beliefs.read(text))
    assert after[0] == pytest.approx(before[0] - 1.5)
    assert wide[0] > narrow[0]


def test_what_is_believed_stays_when_models_and_tasks_are_added() -> None:
    beliefs, text = Beliefs(), TextFeatures.of("A text.")
    task, columns = beliefs.row_of_task("title"), beliefs.columns(["small", "large"])
    for score, column in zip((1.0, 0.0), columns, strict=True):
        beliefs.learn(task, int(column), beliefs.read(text), score)
    before = [each.tolist() for each in beliefs.expect(task, columns, beliefs.read(text))]
    for number in range(20):
        beliefs.row_of_task(f"task {number}")
        beliefs.columns([f"model {number}"])
    assert (beliefs.row_of_task("title"), beliefs.columns(["small", "large"]).tolist()) == (task, columns.tolist())
    assert [each.tolist() for each in beliefs.expect(task, columns, beliefs.read(text))] == before
