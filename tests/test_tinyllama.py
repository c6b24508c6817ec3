"""Old code goes on working: the old names, methods and result types, answered by a router."""

from __future__ import annotations

import asyncio
import warnings
from types import SimpleNamespace
from typing import Any

import pytest

from langchain_scaffolding import ScaffoldingConfig, ScaffoldingRouterLLM
from langchain_scaffolding.errors import ConfigurationError
from langchain_scaffolding.service import IntelligentScaffoldingService
from langchain_scaffolding.testing import ScriptedChatModel
from langchain_scaffolding.tinyllama import (
    OutlineResult,
    ScaffoldResult,
    SummaryResult,
    TinyLlamaConfig,
    TinyLlamaService,
    get_tinyllama_service,
    wrap_tinyllama_service,
)
from tests.scaffolds.texts import ANSWERS, BRIDGE


def model(*script: Any, name: str = "tiny", size_gb: float = 1.0) -> ScriptedChatModel:
    return ScriptedChatModel(*script, name=name, metadata={"size_gb": size_gb})


def old(*models: ScriptedChatModel, config: Any = None) -> TinyLlamaService:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return TinyLlamaService(config, models=list(models) or None)


async def test_S17_the_snippet_of_the_seed() -> None:
    with pytest.warns(DeprecationWarning, match="IntelligentScaffoldingService"):
        tinyllama_service = TinyLlamaService(models=[model(ANSWERS["reasoning"])])
    result = await tinyllama_service.generate_scaffold(BRIDGE, "reasoning")
    assert isinstance(result, ScaffoldResult)
    assert (result.content, result.model_name, result.used_fallback) == (ANSWERS["reasoning"], "tiny", False)


def test_S17_one_warning_says_what_to_use_and_points_at_the_caller() -> None:
    with pytest.warns(DeprecationWarning, match="TinyLlamaService") as warned:
        TinyLlamaService()
    (warning,) = warned
    assert warning.filename == __file__
    assert "IntelligentScaffoldingService" in str(warning.message)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        old(model(ANSWERS["outline"])).generate_outline_sync(BRIDGE)


@pytest.mark.parametrize(
    "style", ["bullet", "numbered", "structured", "conversation_flow", "analytical", "exploratory"]
)
async def test_S17_an_outline_is_a_list(style: str) -> None:
    result = await old(model(ANSWERS["outline"])).generate_outline(BRIDGE, style, 4)
    assert isinstance(result, OutlineResult)
    assert result.outline == ["The old bridge is closed", "Repairs cost 1.2 million euros", "Buses take a detour"]
    assert result.model_name == "tiny"


async def test_S17_a_summary_has_its_ratio() -> None:
    result = await old(model(ANSWERS["summary"])).summarize_context(BRIDGE, "concise", 100)
    assert isinstance(result, SummaryResult)
    assert result.summary == ANSWERS["summary"]
    assert result.compression_ratio == len(ANSWERS["summary"]) / len(BRIDGE)


@pytest.mark.parametrize("kind", ["continuation", "completion", "bridge", "elaboration"])
async def test_S17_every_fill_has_a_prompt_of_its_own(kind: str) -> None:
    tiny = model(ANSWERS["fill"])
    result = await old(tiny).generate_short_fill(BRIDGE, "In autumn,", None, kind)
    assert (result.content, result.used_fallback) == (ANSWERS["fill"], False)
    assert "In autumn," in tiny.history[0].messages[1].text


@pytest.mark.parametrize("scaffold_type", ["reasoning", "structure", "conversation", "analysis", "fill"])
async def test_S17_every_old_type_is_answered_by_a_model(scaffold_type: str) -> None:
    said = {"reasoning": "reasoning", "conversation": "outline", "fill": "fill"}.get(scaffold_type, "structure")
    result = await old(model(ANSWERS[said])).generate_scaffold(BRIDGE, scaffold_type)
    assert (result.model_name, result.used_fallback) == ("tiny", False)


@pytest.mark.parametrize(("depth", "points"), [("brief", 3), ("standard", 5), ("detailed", 8)])
async def test_S17_the_outline_of_a_conversation(depth: str, points: int) -> None:
    tiny = model("1. Hello\n2. The bridge\n3. Goodbye")
    context = {"participants": ["Ann", "Ben"], "goal": "agree", "mood": "good"}
    result = await old(tiny).generate_conversation_outline("The old bridge", context, depth)
    assert result.outline == ["Hello", "The bridge", "Goodbye"]
    system, human = (message.text for message in tiny.history[0].messages)
    assert f"at most {points} short points" in system
    assert "goal: agree" in human
    assert "mood" not in human


@pytest.mark.parametrize("purpose", ["analysis", "response", "exploration", "synthesis"])
async def test_S17_quick_scaffolding_is_short(purpose: str) -> None:
    tiny = model("1. One thing\n2. Another thing")
    result = await old(tiny).generate_quick_scaffolding(BRIDGE, purpose)
    assert not result.used_fallback
    assert tiny.history[0].kwargs["max_tokens"] == 75


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        ("enhancement", "follow_ups", ["What next?", "And then?"]),
        ("scaffolding", "structure", "- What next?\n- And then?"),
        ("suggestions", "conversation_flow", ["What next?", "And then?"]),
    ],
)
async def test_S17_augmenting_a_response(kind: str, name: str, value: object) -> None:
    augmented = await old(model("1. What next?\n2. And then?")).augment_response("Is it safe?", "Not yet.", kind)
    assert augmented["original_response"] == "Not yet."
    assert augmented["augmentations"] == {"scaffold": "1. What next?\n2. And then?", name: value}
    assert augmented["used_fallback"] is False
    assert augmented["processing_time"] > 0


async def test_S17_a_prefix_for_a_response() -> None:
    assert await old(model(ANSWERS["reasoning"])).generate_response_prefix(BRIDGE) == ANSWERS["reasoning"]


async def test_S17_old_context_may_hold_anything() -> None:
    tiny = model(ANSWERS["reasoning"])
    context = {"user_level": "novice", "user_id": 7, "conversation_history": ["Hello"], "session": {}}
    result = await old(tiny).generate_scaffold(BRIDGE, "reasoning", context=context)
    assert not result.used_fallback
    assert "new to the subject" in tiny.history[0].messages[0].text
    result = await old(tiny).generate_scaffold(BRIDGE, "reasoning", context={"user_level": "intermediate"})
    assert not result.used_fallback


async def test_S17_health_tells_the_truth() -> None:
    service = old(model(ANSWERS["outline"], ANSWERS["outline"], RuntimeError("down")))
    assert service.get_health_status().is_healthy
    await service.generate_outline(BRIDGE)
    await service.generate_outline(BRIDGE)
    health = service.get_health_status()
    assert (health.is_healthy, health.cache_size, health.cache_hit_rate) == (True, 1, 0.5)
    await service.generate_outline(BRIDGE, "numbered")
    await service.generate_outline(f"{BRIDGE} It rained.")
    health = service.get_health_status()
    assert (health.is_healthy, health.model_loaded, health.fallback_mode, health.error_count) == (False, True, True, 1)
    assert "down" in str(health.last_error)
    service.reset_metrics()
    assert service.get_health_status().error_count == 0
    without = old()
    assert (without.get_health_status().is_healthy, without.get_health_status().fallback_mode) == (False, True)


async def test_S17_cache_and_reload() -> None:
    tiny, other = model(ANSWERS["outline"]), model(ANSWERS["outline"], name="other", size_gb=9)
    service = old(tiny, other)
    await service.generate_outline(BRIDGE)
    service.clear_cache()
    assert (await service.generate_outline(BRIDGE)).model_name == "tiny"
    assert tiny.calls == 2
    assert await service.reload_model("other")
    assert (await service.generate_outline(BRIDGE)).model_name == "other"
    assert not await service.reload_model("unheard of")


def test_S17_the_old_configuration_is_followed() -> None:
    big = model(ANSWERS["outline"], name="big", size_gb=30)
    config = TinyLlamaConfig(model_name="big", outline_max_tokens=77, temperature=0.7, cache_size=0)
    service = old(model(ANSWERS["outline"]), big, config=config)
    assert service.generate_outline_sync(BRIDGE).model_name == "big"
    assert big.history[0].kwargs == {"max_tokens": 77, "temperature": 0.7}
    assert not service.generate_outline_sync(BRIDGE).cached
    assert not old(config=TinyLlamaConfig(enable_fallback=False)).config.fallback_to_rule_based
    assert old(config=ScaffoldingConfig(max_response_time_ms=9)).config.max_response_time_ms == 9


class Llm:
    """An old service as one may have it: it holds a chat model."""

    def __init__(self, llm: ScriptedChatModel) -> None:
        self.llm = llm
        self.config = {"max_tokens": 100}


class Slotted:
    """An old service without a `__dict__`."""

    __slots__ = ("llm",)

    def __init__(self, llm: ScriptedChatModel) -> None:
        self.llm = llm


@pytest.mark.parametrize(
    "kind",
    [
        "holder", "model", "router", "old service", "held twice", "list", "mapping", "slots", "bound", "models given",
    ],
)  # fmt: skip
async def test_S18_wrapping_creates_an_intelligent_service_that_is_answered_by_a_router(kind: str) -> None:
    tiny = model(ANSWERS["outline"])
    wrapped_thing: Any = {
        "holder": Llm(tiny),
        "model": tiny,
        "router": ScaffoldingRouterLLM(models=[tiny]),
        "old service": old(tiny),
        "held twice": SimpleNamespace(llm=tiny, fallback=tiny),
        "list": SimpleNamespace(models=[tiny], name="old"),
        "mapping": SimpleNamespace(models={"fast": tiny}),
        "slots": Slotted(tiny),
        "bound": SimpleNamespace(llm=tiny.bind(stop=["###"])),
        "models given": object(),
    }[kind]
    with pytest.warns(DeprecationWarning, match="IntelligentScaffoldingService") as warned:
        wrapped = wrap_tinyllama_service(wrapped_thing, models=[tiny] if kind == "models given" else None)
    assert len(warned) == 1
    assert isinstance(wrapped, IntelligentScaffoldingService)
    assert isinstance(wrapped.router, ScaffoldingRouterLLM)
    assert [candidate.name for candidate in wrapped.router.models] == ["tiny"]
    result = await wrapped.generate_outline(BRIDGE)
    assert (len(result.outline), result.model_name) == (3, "tiny")
    (row,) = wrapped.router.performance.snapshot()
    assert (row["task"], row["model"]) == ("outline", "tiny")


def test_S18_an_object_without_models_is_answered_by_the_rules() -> None:
    with pytest.warns(DeprecationWarning, match="wrap_tinyllama_service"):
        wrapped = wrap_tinyllama_service(object())
    result = asyncio.run(wrapped.generate_outline(BRIDGE))
    assert (result.used_fallback, result.model_name) == (True, "rules")
    assert result.outline


def test_S17_the_old_factory() -> None:
    with pytest.warns(DeprecationWarning, match="get_tinyllama_service"):
        assert isinstance(get_tinyllama_service(), TinyLlamaService)


async def test_an_unknown_style_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="style is 'haiku'"):
        await old(model("ok")).generate_outline(BRIDGE, "haiku")
