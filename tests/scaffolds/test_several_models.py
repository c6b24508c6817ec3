"""Several models on one scaffold."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from langchain_scaffolding import ScaffoldingConfig, ScaffoldingRouterLLM
from langchain_scaffolding.errors import AllAttemptsFailedError, ConfigurationError
from langchain_scaffolding.scaffolds import Ensemble, Race, draft_refine, ensemble, race
from langchain_scaffolding.scaffolds.ensemble import merge_points
from langchain_scaffolding.testing import RecordingHandler, Reply, ScriptedChatModel
from tests.paths import call
from tests.scaffolds.texts import ANSWERS, BRIDGE, REFUSAL

WAYS = ("invoke", "ainvoke", "stream", "astream")


def model(*script: Any, name: str, size_gb: float = 1.0) -> ScriptedChatModel:
    return ScriptedChatModel(*script, name=name, metadata={"size_gb": size_gb})


@pytest.mark.parametrize("path", WAYS)
def test_S26_the_first_usable_answer_wins_a_race(path: str) -> None:
    bad, down = model(REFUSAL, name="bad"), model(RuntimeError("down"), name="down")
    good = model(ANSWERS["outline"], name="good")
    result = call(race("outline", [bad, down, good]), path, BRIDGE)
    assert (result.model_used, result.content) == ("good", ANSWERS["outline"])
    assert good.calls == 1


def test_S26_a_race_does_not_wait_for_the_slow_and_cancels_them() -> None:
    slow, fast = model(Reply(hang=True), name="slow"), model(ANSWERS["outline"], name="fast")
    assert asyncio.run(race("outline", [slow, fast]).ainvoke(BRIDGE)).model_used == "fast"
    assert slow.cancelled == 1


def test_S26_a_race_of_threads_leaves_the_slow_behind() -> None:
    slow, fast = model(Reply(hang=True), name="slow"), model(ANSWERS["outline"], name="fast")
    assert race("outline", [slow, fast]).invoke(BRIDGE).model_used == "fast"
    assert all(thread.daemon for thread in threading.enumerate() if thread is not threading.main_thread())
    slow.release()


@pytest.mark.parametrize("path", WAYS)
def test_S26_a_race_that_nobody_wins_goes_to_the_rule_or_raises(path: str) -> None:
    models = [model(REFUSAL, name="a"), model(REFUSAL, name="b")]
    assert call(race("outline", models), path, BRIDGE).model_used == "rules"
    strict = Race(task=race("outline", models).task, models=models, fallback_to_rule_based=False)
    with pytest.raises(AllAttemptsFailedError) as raised:
        call(strict, path, BRIDGE)
    assert sorted(attempt.model for attempt in raised.value.attempts) == ["a", "b"]


@pytest.mark.parametrize("path", WAYS)
@pytest.mark.parametrize("several", [race, ensemble])
def test_S10_a_router_that_forbids_the_rules_forbids_them_to_several_models(several: Any, path: str) -> None:
    models = [model(ConnectionError("refused"), name="a"), model(REFUSAL, name="b")]
    router = ScaffoldingRouterLLM(models=models, config=ScaffoldingConfig(fallback_to_rule_based=False))
    with pytest.raises(AllAttemptsFailedError) as raised:
        call(several("outline", router), path, BRIDGE)
    attempts = {attempt.model: attempt.error_class for attempt in raised.value.attempts}
    assert attempts == {"a": "connection", "b": "invalid_output"}
    assert call(several("outline", router), path, "").content == ""


@pytest.mark.parametrize("path", WAYS)
def test_S26_a_race_over_a_router_takes_its_best_candidates(path: str) -> None:
    first, second = model(REFUSAL, name="first"), model(ANSWERS["outline"], name="second", size_gb=3)
    third = model(ANSWERS["outline"], name="third", size_gb=30)
    router = ScaffoldingRouterLLM(models=[third, second, first])
    assert call(race("outline", router, width=2), path, BRIDGE).model_used == "second"
    assert (second.calls, third.calls) == (1, 0)


def test_a_bug_in_a_race_is_raised() -> None:
    def broken(text: str, options: Any) -> Any:
        raise KeyError("a bug of the task")

    task = race("outline", [model("x", name="a")]).task
    from dataclasses import replace

    with pytest.raises(KeyError, match="a bug of the task"):
        race(replace(task, prompt=broken), [model("x", name="a")]).invoke(BRIDGE)


@pytest.mark.parametrize("path", WAYS)
def test_S26_an_ensemble_merges_the_points_on_which_its_models_agree(path: str) -> None:
    models = [
        model("- The bridge is closed\n- Repairs cost 1.2 million euros\n- The weather is fine", name="a"),
        model("- The bridge was closed\n- Repairs cost 1.2 million\n- Buses take a detour", name="b"),
        model("- Repairs cost a lot\n- Buses take a detour\n- Bridge closed", name="c"),
        model(REFUSAL, name="bad"),
    ]
    result = call(ensemble("outline", models, max_points=3), path, BRIDGE)
    assert result.points == ["The bridge is closed", "Repairs cost 1.2 million", "Buses take a detour"]
    assert result.content == "- The bridge is closed\n- Repairs cost 1.2 million\n- Buses take a detour"
    assert result.model_used == "a+b+c"
    assert result.routing["models"] == ["a", "b", "c"]


@pytest.mark.parametrize("path", WAYS)
def test_S26_of_prose_an_ensemble_takes_the_answer_that_the_others_resemble_most(path: str) -> None:
    said = [
        "Buses in Elberfeld",
        "Wupper Bridge Closed for Repairs",
        "Bridge Over Wupper Closed",
        "Repairs of Wupper Bridge",
    ]
    models = [model(each, name=f"m{number}") for number, each in enumerate(said)]
    result = call(ensemble("title", models), path, BRIDGE)
    assert (result.content, result.model_used) == (said[1], "m1")
    assert result.routing["models"] == ["m0", "m1", "m2", "m3"]


def test_S26_an_ensemble_is_deterministic_and_works_over_a_router() -> None:
    models = [
        model(f"- Point {word}\n- The detour of buses", name=word, size_gb=size) for size, word in enumerate("abc")
    ]
    router = ScaffoldingRouterLLM(models=models)
    results = {ensemble("outline", router).invoke(BRIDGE).content for _ in range(5)}
    assert len(results) == 1
    assert all(each.calls == 5 for each in models)


def test_S26_an_ensemble_of_none_goes_to_the_rule() -> None:
    models = [model(REFUSAL, name="a"), model(RuntimeError("down"), name="b")]
    assert ensemble("outline", models).invoke(BRIDGE).model_used == "rules"
    with pytest.raises(AllAttemptsFailedError):
        Ensemble(task=ensemble("outline", models).task, models=models, fallback_to_rule_based=False).invoke(BRIDGE)


def test_merged_points_hold_nothing_twice_and_nothing_new() -> None:
    lists = [["Boil the water", "Boil water", "Wait"], ["Boil the water now", "Pour"]]
    merged = merge_points(lists, 10)
    assert len(merged) == 3
    assert all(any(point in each for each in lists) for point in merged)
    assert merge_points(lists, 1) == ["Boil the water"]


@pytest.mark.parametrize("path", WAYS)
def test_S26_a_draft_is_refined_by_another_model(path: str) -> None:
    small, large = model("- Bridge closed\n- Buses detour", name="small"), model(ANSWERS["outline"], name="large")
    result = call(draft_refine("outline", small, large), path, BRIDGE)
    assert (result.content, result.model_used, result.routing["draft"]["model"]) == (
        ANSWERS["outline"],
        "large",
        "small",
    )
    assert large.history[0].messages[-2].text == "- Bridge closed\n- Buses detour"
    assert BRIDGE in large.history[0].messages[1].text


@pytest.mark.parametrize("path", WAYS)
@pytest.mark.parametrize("refined", [REFUSAL, RuntimeError("down")])
def test_S26_the_draft_is_the_answer_if_the_refined_one_is_not_usable(refined: Any, path: str) -> None:
    small = model("- Bridge closed\n- Buses detour", name="small")
    result = call(draft_refine("outline", small, model(refined, name="large")), path, BRIDGE)
    assert (result.content, result.model_used) == ("- Bridge closed\n- Buses detour", "small")


def test_S26_the_rule_may_draft_and_a_router_refine() -> None:
    large = model(ANSWERS["outline"], name="large")
    result = draft_refine("outline", None, ScaffoldingRouterLLM(models=[large])).invoke(BRIDGE)
    assert (result.model_used, result.routing["draft"]["model"]) == ("large", "rules")


@pytest.mark.parametrize("make", [race, ensemble])
def test_all_runs_hang_below_one(make: Any) -> None:
    seen = RecordingHandler()
    models = [model(ANSWERS["outline"], name="a"), model(ANSWERS["outline"], name="b")]
    asyncio.run(make("outline", models).ainvoke(BRIDGE, {"callbacks": [seen]}))
    ((name, below),) = seen.tree()
    assert name == make.__name__.capitalize()
    assert {each[0] for each in below} <= {"scaffold_outline"}
    assert seen.pending() == ()


@pytest.mark.parametrize("models", [[], None, 3])
def test_no_models_are_refused(models: Any) -> None:
    with pytest.raises(ConfigurationError, match="Give a router, or a list of chat models"):
        race("outline", models)


@pytest.mark.parametrize(
    "models", ["gpt", [], None, model("ok", name="alone")], ids=["text", "none", "nothing", "model"]
)
def test_what_is_no_list_of_models_is_told(models: Any) -> None:
    with pytest.raises(ConfigurationError, match="Give a router, or a list of chat models, not a"):
        race("title", models)


def test_a_width_below_one_is_told() -> None:
    with pytest.raises(ConfigurationError, match="width is 0"):
        ensemble("title", ScaffoldingRouterLLM(models=[model("ok", name="a")]), width=0)
