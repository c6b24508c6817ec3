"""A scaffold over one chat model, or none, cleans, checks and falls back by itself."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.exceptions import ModelRateLimitError

from langchain_scaffolding.errors import AllAttemptsFailedError, NoCandidateError, StreamBrokenError
from langchain_scaffolding.scaffolds import Scaffold, scaffold
from langchain_scaffolding.tasks import task_of
from langchain_scaffolding.testing import RecordingHandler, Reply, ScriptedChatModel
from tests.paths import PATHS, STREAMS, call, chunks
from tests.scaffolds.texts import ANSWERS, BRIDGE, REFUSAL, options


class GraphInterrupt(Exception):
    """Stands for LangGraph's own, which steers a graph by being raised."""


def strict(task: str, model: Any) -> Scaffold:
    return Scaffold(task=task_of(task), model=model, fallback_to_rule_based=False)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("task", sorted(ANSWERS))
def test_the_model_answers_every_task_on_every_path(task: str, path: str) -> None:
    model = ScriptedChatModel(f"<think>Hm.</think>{ANSWERS[task]}", name="tiny")
    result = call(scaffold(task, model, **options(task)), path, BRIDGE)
    assert (result.content, result.model_used, result.model_type) == (ANSWERS[task], "tiny", "llm")
    assert result.routing["attempts"][0]["error"] is None


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("said", "error"),
    [(REFUSAL, "invalid_output"), ("", "invalid_output"), (ModelRateLimitError("429"), "rate_limit")],
)
def test_the_rule_answers_where_the_model_does_not_and_says_why(said: Any, error: str, path: str) -> None:
    result = call(scaffold("outline", ScriptedChatModel(said, name="tiny"), max_points=2), path, BRIDGE)
    assert (result.model_used, result.model_type, len(result.points)) == ("rules", "rule_based", 2)
    assert [(each["model"], each["error"]) for each in result.routing["attempts"]] == [("tiny", error)]


@pytest.mark.parametrize("path", PATHS)
def test_without_the_rules_it_raises(path: str) -> None:
    with pytest.raises(AllAttemptsFailedError, match="tiny: rate_limit"):
        call(strict("outline", ScriptedChatModel(ModelRateLimitError("429"), name="tiny")), path, BRIDGE)
    with pytest.raises(NoCandidateError, match="no model is registered"):
        call(strict("outline", None), path, BRIDGE)


@pytest.mark.parametrize("path", PATHS)
def test_without_a_model_the_rule_answers(path: str) -> None:
    result = call(scaffold("outline"), path, BRIDGE)
    assert (result.model_used, result.model_type, result.routing["attempts"]) == ("rules", "rule_based", [])
    assert all(point.rstrip("…") in BRIDGE for point in result.points)


@pytest.mark.parametrize("path", PATHS)
def test_a_model_that_thinks_through_its_limit_is_asked_once_more_with_a_higher_one(path: str) -> None:
    thinking = Reply("<think>So much to think", finish_reason="length")
    model = ScriptedChatModel(thinking, ANSWERS["summary"], thinking, name="tiny")
    scaffolding = scaffold("summary", model)
    assert call(scaffolding, path, BRIDGE).model_used == "tiny"
    assert call(scaffolding, path, BRIDGE).model_used == "rules"
    first, second, third = (each.kwargs["max_tokens"] for each in model.history)
    assert second == third > 4 * first


@pytest.mark.parametrize("path", STREAMS)
def test_a_stream_that_breaks_before_it_has_spoken_falls_to_the_rule(path: str) -> None:
    model = ScriptedChatModel(Reply(chunks=["The ", "bridge"], break_after=2), name="tiny")
    assert chunks(scaffold("summary", model), path, BRIDGE)[-1].model_used == "rules"


@pytest.mark.parametrize("path", STREAMS)
def test_a_stream_that_has_spoken_does_not_fall_back(path: str) -> None:
    said = [f"{ANSWERS['summary']} ", "And then", " it broke"]
    model = ScriptedChatModel(Reply(chunks=said, break_after=2), name="tiny")
    with pytest.raises(StreamBrokenError) as raised:
        chunks(scaffold("summary", model), path, BRIDGE)
    assert raised.value.partial.startswith(ANSWERS["summary"])


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("error", [KeyboardInterrupt(), GraphInterrupt()])
def test_control_flow_passes_through(error: BaseException, path: str) -> None:
    with pytest.raises(type(error)):
        call(scaffold("summary", ScriptedChatModel(error, name="tiny")), path, BRIDGE)


@pytest.mark.parametrize("path", PATHS)
def test_the_models_run_is_below_the_scaffolds_also_if_it_is_bound(path: str) -> None:
    for model in (
        ScriptedChatModel(ANSWERS["title"], name="tiny"),
        ScriptedChatModel(ANSWERS["title"], name="tiny").bind(stop=["x"]),
    ):
        seen = RecordingHandler()
        call(scaffold("title", model, max_words=10), path, BRIDGE, {"callbacks": [seen]})
        assert seen.tree() == (("scaffold_title", (("tiny", ()),)),)
        assert seen.pending() == ()
