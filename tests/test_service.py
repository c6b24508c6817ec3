"""The service: the seed's methods, each proven to be answered by a model."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from langchain_scaffolding import ScaffoldingConfig, ScaffoldingRouterLLM, service
from langchain_scaffolding.errors import ConfigurationError, NoCandidateError, UnknownTaskError
from langchain_scaffolding.results import LocalCache
from langchain_scaffolding.service import (
    IntelligentScaffoldingService,
    ScaffoldingResult,
    get_intelligent_scaffolding_service,
)
from langchain_scaffolding.tasks import Task
from langchain_scaffolding.testing import Reply, ScriptedChatModel
from tests.scaffolds.texts import ANSWERS, BRIDGE, REFUSAL

METHODS = {
    "generate_scaffold": ((BRIDGE, "reasoning"), "reasoning"),
    "generate_outline": ((BRIDGE, "bullet", 5), "outline"),
    "generate_short_fill": ((BRIDGE, "In autumn,", 80, "continuation"), "fill"),
    "summarize_context": ((BRIDGE, "concise", 100), "summary"),
}


def model(*script: Any, name: str = "tiny", size_gb: float = 1.0, **fields: Any) -> ScriptedChatModel:
    return ScriptedChatModel(*script, name=name, metadata={"size_gb": size_gb, "capabilities": ["CHAT"]}, **fields)


@pytest.fixture(autouse=True)
def no_shared_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "_shared", {})


def called(made: IntelligentScaffoldingService, method: str, way: str, *args: Any, **kwargs: Any) -> ScaffoldingResult:
    if way == "sync":
        result: ScaffoldingResult = getattr(made, f"{method}_sync")(*args, **kwargs)
        return result

    async def inside_a_running_loop() -> ScaffoldingResult:
        if way == "async":
            return await getattr(made, method)(*args, **kwargs)
        return getattr(made, f"{method}_sync")(*args, **kwargs)

    return asyncio.run(inside_a_running_loop())


@pytest.mark.parametrize("way", ["async", "sync", "sync in a loop"])
@pytest.mark.parametrize("method", sorted(METHODS))
def test_S15_every_method_is_answered_by_the_best_model(method: str, way: str) -> None:
    arguments, task = METHODS[method]
    tiny, large = model(ANSWERS[task]), model("wrong", name="large", size_gb=14)
    result = called(IntelligentScaffoldingService(models=[large, tiny]), method, way, *arguments)
    assert (result.content, result.model_used, result.model_type) == (ANSWERS[task], "tiny", "llm")
    assert (result.input_length, result.cached, large.calls) == (len(BRIDGE), False, 0)
    assert result.processing_time > 0
    assert result.output_tokens > 0


@pytest.mark.parametrize("way", ["async", "sync"])
@pytest.mark.parametrize("method", sorted(METHODS))
def test_S15_every_method_ends_in_the_rules(method: str, way: str) -> None:
    arguments, _ = METHODS[method]
    result = called(IntelligentScaffoldingService(models=[model(RuntimeError("down"))]), method, way, *arguments)
    assert (result.model_used, result.model_type) == ("rules", "rule_based")
    assert result.routing["attempts"][0]["model"] == "tiny"


async def test_S15_the_snippets_of_the_seed() -> None:
    text = "Which of the two shops is cheaper with shipping?"
    scaffolding_service = IntelligentScaffoldingService(models=[model("1. Compare prices\n2. Add shipping")])
    result = await scaffolding_service.generate_scaffold(text, "reasoning")
    assert result.points == ["Compare prices", "Add shipping"]

    scaffolding = get_intelligent_scaffolding_service(models=[model("1. Compare prices\n2. Add shipping")])
    result = await get_intelligent_scaffolding_service().generate_scaffold(text, "reasoning")
    assert result.model_used == "tiny"
    assert scaffolding is get_intelligent_scaffolding_service()


def test_S14_the_configuration_of_the_seed() -> None:
    config = ScaffoldingConfig(
        preferred_model_size="small",
        max_response_time_ms=2000,
        fallback_to_rule_based=True,
        preferred_capabilities=["CHAT", "REASONING"],
    )
    scaffolding = IntelligentScaffoldingService(config)
    assert scaffolding.config == config


async def test_S01_an_empty_text_is_answered_at_once() -> None:
    tiny = model("made up")
    result = await IntelligentScaffoldingService(models=[tiny]).generate_scaffold("  ", "reasoning")
    assert (result.content, result.points, result.model_type, tiny.calls) == ("", [], "rule_based", 0)


def test_S15_the_deadline_is_two_seconds_unless_it_is_set() -> None:
    def deadline(config: ScaffoldingConfig | None) -> float | None:
        made = IntelligentScaffoldingService(config, models=[model("ok")])
        assert made.router is not None
        return made.router.config.max_response_time_ms

    assert deadline(None) == 2000
    assert deadline(ScaffoldingConfig(preferred_model_size="large")) == 2000
    assert deadline(ScaffoldingConfig(max_response_time_ms=50)) == 50
    assert deadline(ScaffoldingConfig(max_response_time_ms=None)) is None


async def test_S15_a_model_that_is_too_slow_is_left_for_the_rules() -> None:
    slow = model(Reply(ANSWERS["outline"], hang=True))
    made = IntelligentScaffoldingService(ScaffoldingConfig(max_response_time_ms=30), models=[slow])
    result = await made.generate_outline(BRIDGE)
    assert (result.model_used, result.routing["attempts"][0]["error"]) == ("rules", "timeout")
    slow.release()


def test_S14_preferred_model_size_changes_the_choice() -> None:
    def chosen(size: Any) -> str | None:
        models = [model(ANSWERS["outline"], name="small"), model(ANSWERS["outline"], name="large", size_gb=30)]
        config = ScaffoldingConfig(preferred_model_size=size)
        return IntelligentScaffoldingService(config, models=models).generate_outline_sync(BRIDGE).model_used

    assert [chosen(size) for size in ("small", "large")] == ["small", "large"]


def test_S14_without_fallback_every_path_raises() -> None:
    config = ScaffoldingConfig(fallback_to_rule_based=False)
    made = IntelligentScaffoldingService(config, models=[model(REFUSAL)])
    for method, (arguments, _) in METHODS.items():
        for way in ("async", "sync"):
            with pytest.raises(Exception, match="tiny: invalid_output"):
                called(made, method, way, *arguments)
    with pytest.raises(NoCandidateError):
        IntelligentScaffoldingService(config).generate_outline_sync(BRIDGE)


def test_S14_preferred_capabilities_exclude_models() -> None:
    config = ScaffoldingConfig(preferred_capabilities=["REASONING"])
    result = IntelligentScaffoldingService(config, models=[model("made up")]).generate_outline_sync(BRIDGE)
    assert result.model_used == "rules"


def test_S14_max_context_length_keeps_long_texts_from_models() -> None:
    tiny = model(ANSWERS["outline"])
    made = IntelligentScaffoldingService(ScaffoldingConfig(max_context_length=20), models=[tiny])
    assert made.generate_outline_sync(BRIDGE).model_used == "rules"
    assert tiny.calls == 0


@pytest.mark.parametrize("keeps", [True, False])
@pytest.mark.parametrize("way", ["models", "router"])
def test_S14_cache_scaffolding_results_keeps_them_or_not(keeps: bool, way: str) -> None:
    tiny = model(ANSWERS["outline"])
    config = ScaffoldingConfig(cache_scaffolding_results=keeps)
    made = (
        IntelligentScaffoldingService(config, models=[tiny])
        if way == "models"
        else IntelligentScaffoldingService(router=ScaffoldingRouterLLM(models=[tiny], config=config))
    )
    results = [made.generate_outline_sync(BRIDGE) for _ in range(2)]
    assert [result.cached for result in results] == [False, keeps]
    assert tiny.calls == (1 if keeps else 2)


@pytest.mark.parametrize("way", ["async", "sync"])
def test_S13_kept_results_serve_streams_and_other_methods(way: str) -> None:
    tiny = model(ANSWERS["outline"])
    made = IntelligentScaffoldingService(models=[tiny])
    made.generate_outline_sync(BRIDGE)

    async def streamed() -> list[Any]:
        return [piece async for piece in made.stream_scaffold(BRIDGE, "outline")]

    pieces = asyncio.run(streamed()) if way == "async" else list(made.stream_scaffold_sync(BRIDGE, "outline"))
    assert "".join(map(str, pieces)) == ANSWERS["outline"]
    assert pieces[-1].cached
    assert tiny.calls == 1


def test_context_brings_history_level_and_options() -> None:
    tiny = model(ANSWERS["outline"])
    history = [
        {"role": "user", "content": "Tell me of bridges."},
        AIMessage("Which one?"),
        HumanMessage("The old one."),
    ]
    context = {"user_level": "expert", "conversation_history": history, "max_points": 4, "outline_style": "numbered"}
    result = IntelligentScaffoldingService(models=[tiny]).generate_scaffold_sync(BRIDGE, "outline", context=context)
    system, human = tiny.history[0].messages
    assert "knows the subject" in system.text
    assert "at most 4 short points" in system.text
    assert "user: Tell me of bridges.\nai: Which one?\nhuman: The old one." in human.text
    assert result.content.startswith("1. ")


def test_a_result_says_who_answered_and_feedback_reaches_the_model() -> None:
    made = IntelligentScaffoldingService(models=[model(ANSWERS["outline"])])
    result = made.generate_outline_sync(BRIDGE)
    assert made.record_feedback(result, 0.0)
    stats = made.get_performance_stats()
    assert stats["tiny"]["total_uses"] == 1
    assert stats["tiny"]["avg_response_time"] > 0
    assert stats["tiny"]["tasks"]["outline"]["feedback_mean"] == 0
    by_rules = IntelligentScaffoldingService().generate_outline_sync(BRIDGE)
    assert made.record_feedback(by_rules, 1.0) is False


def test_statistics_hold_neither_rules_nor_kept_results() -> None:
    made = IntelligentScaffoldingService(models=[model(ANSWERS["outline"])])
    for _ in range(3):
        made.generate_outline_sync(BRIDGE)
    made.generate_outline_sync("")
    stats = made.get_performance_stats()
    assert set(stats) == {"tiny"}
    assert stats["tiny"]["total_uses"] == 1
    assert IntelligentScaffoldingService().get_performance_stats() == {}


def test_reset_forgets_results_and_what_was_learned() -> None:
    tiny = model(ANSWERS["outline"])
    made = IntelligentScaffoldingService(models=[tiny])
    made.generate_outline_sync(BRIDGE)
    made.clear_model_cache()
    assert made.generate_outline_sync(BRIDGE).cached
    made.reset()
    assert made.get_performance_stats() == {}
    assert not made.generate_outline_sync(BRIDGE).cached
    assert tiny.calls == 2


def test_S16_equal_configurations_share_one_service_in_all_threads() -> None:
    made: list[IntelligentScaffoldingService] = []
    start = threading.Barrier(8)

    def get() -> None:
        start.wait()
        made.append(get_intelligent_scaffolding_service(ScaffoldingConfig(preferred_model_size="medium")))

    threads = [threading.Thread(target=get) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(each) for each in made}) == 1
    assert get_intelligent_scaffolding_service() is not made[0]
    assert get_intelligent_scaffolding_service() is get_intelligent_scaffolding_service(ScaffoldingConfig())


def test_S16_the_shared_service_takes_its_models_once() -> None:
    made = get_intelligent_scaffolding_service(models=[model(ANSWERS["outline"])])
    assert get_intelligent_scaffolding_service() is made
    with pytest.raises(ConfigurationError, match="exists already"):
        get_intelligent_scaffolding_service(models=[model("other")])


def test_without_models_it_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    made = IntelligentScaffoldingService()
    assert made.router is None
    assert made.generate_outline_sync(BRIDGE).model_type == "rule_based"
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "models=[...]" in caplog.text


def test_further_tasks_of_a_router_are_types_of_its_service() -> None:
    haiku = Task(name="haiku", prompt=lambda text, options: [HumanMessage(text)])
    router = ScaffoldingRouterLLM(models=[model("Old pond in the rain.")], tasks=[haiku])
    made = IntelligentScaffoldingService(router=router)
    assert made.router is router
    assert made.generate_scaffold_sync("A pond.", "haiku").content == "Old pond in the rain."


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ((BRIDGE, "poem"), UnknownTaskError, "Unknown task 'poem'.*reasoning"),
        ((None,), ConfigurationError, "text is of type NoneType"),
        ((b"x",), ConfigurationError, "decode it first"),
        ((BRIDGE, "reasoning", 0), ConfigurationError, "max_tokens is 0"),
        ((BRIDGE, "reasoning", -7), ConfigurationError, "max_tokens is -7"),
        ((BRIDGE, "reasoning", None, "context"), ConfigurationError, "context is of type str"),
        ((BRIDGE, "reasoning", None, {"mood": 1}), ConfigurationError, "no option 'mood'"),
    ],
)
@pytest.mark.parametrize("way", ["async", "sync"])
def test_bad_input_is_told_before_anything_is_called(
    arguments: tuple[Any, ...], error: type[Exception], said: str, way: str
) -> None:
    tiny = model("made up")
    with pytest.raises(error, match=said):
        called(IntelligentScaffoldingService(models=[tiny]), "generate_scaffold", way, *arguments)
    assert tiny.calls == 0


def test_a_router_comes_alone() -> None:
    router = ScaffoldingRouterLLM(models=[model("ok")])
    for others in ({"config": ScaffoldingConfig()}, {"models": [model("ok")]}):
        with pytest.raises(ConfigurationError, match="Give `router` alone"):
            IntelligentScaffoldingService(router=router, **others)


def test_arguments_in_the_wrong_place_are_told_what_to_give() -> None:
    with pytest.raises(ConfigurationError, match=r"not a list\. Models are given by name"):
        IntelligentScaffoldingService([model("ok")])
    with pytest.raises(ConfigurationError, match="`router` takes a `ScaffoldingRouterLLM`, not a ScriptedChatModel"):
        IntelligentScaffoldingService(router=model("ok"))
    with pytest.raises(UnknownTaskError, match="Unknown task"):
        IntelligentScaffoldingService(models=[model("ok")]).generate_scaffold_sync(BRIDGE, ["outline"])


def test_it_shows_its_models() -> None:
    made = IntelligentScaffoldingService(models=[model("ok", name="tiny")])
    assert repr(made) == "IntelligentScaffoldingService(models=['tiny'])"


def test_S13_kept_results_may_be_written_by_many_threads() -> None:
    """LangChain's own in-memory cache loses its place when two threads write to it and it is full."""
    made = IntelligentScaffoldingService(models=[model("ok")])
    assert isinstance(made.scaffold("title").model.cache, LocalCache)
