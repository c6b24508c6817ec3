"""The rows of the design that the published scoring table and its three scenarios fix."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from langchain_scaffolding import Candidate, ModelTags, ScaffoldingConfig, ScaffoldingRouterLLM
from langchain_scaffolding.outcomes import Outcome
from langchain_scaffolding.performance import PerformanceTracker
from langchain_scaffolding.request import RouteRequest
from langchain_scaffolding.scorers import CapabilityScorer, LatencyScorer, QuantizationScorer, SizeScorer
from langchain_scaffolding.testing import Reply, ScriptedChatModel

REQUEST = RouteRequest(task="outline")


def candidate(name: str = "m", **tags: object) -> Candidate:
    return Candidate(name=name, model=ScriptedChatModel(f"from {name}", name=name), tags=ModelTags(**tags))


def points(scorer: object, subject: Candidate, tracker: PerformanceTracker | None = None) -> float | None:
    return scorer(REQUEST, subject, tracker or PerformanceTracker())


@pytest.mark.parametrize(
    ("size_gb", "expected"),
    [(0, 3), (0.3, 3), (1.99, 3), (2, 2), (6.99, 2), (7, 1), (14.99, 1), (15, 0), (400, 0), (None, 0)],
)
def test_S03_points_for_size(size_gb: float | None, expected: float) -> None:
    assert points(SizeScorer(), candidate(size_gb=size_gb)) == expected


def test_S03_an_unknown_size_is_no_reason_to_reject() -> None:
    router = ScaffoldingRouterLLM(models=[candidate("unknown")])
    assert router.explain("x").chosen.name == "unknown"
    assert router.explain("x").rejected == ()


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        ({"reasoning"}, 2),
        ({"Chat"}, 1),
        (["CHAT", "Reasoning"], 3),
        ({"CHAT", "REASONING", "CODE"}, 3),
        ({"IMAGE"}, 0),
        (None, 1),
    ],
)
def test_S04_points_for_capability_in_any_case(capabilities: object, expected: float) -> None:
    assert points(CapabilityScorer(), candidate(capabilities=capabilities)) == expected


@pytest.mark.parametrize(("mean_s", "expected"), [(0.99, 2), (1.0, 1), (1.99, 1), (2.0, 0), (9.0, 0)])
def test_S05_points_for_the_average_response_of_this_task_and_model(mean_s: float, expected: float) -> None:
    tracker = PerformanceTracker()
    tracker.record(Outcome(task="outline", model="m", decision_id="1", total_s=mean_s, measured=True))
    assert points(LatencyScorer(), candidate(), tracker) == expected
    assert LatencyScorer()(RouteRequest(task="title"), candidate(), tracker) == 0
    assert points(LatencyScorer(), candidate("other"), tracker) == 0


@pytest.mark.parametrize(
    "name",
    [
        "Q4_K_M",
        "q4_0",
        "IQ4_XS",
        "Q8_0",
        "Q2_K",
        "TQ2_0",
        "AWQ",
        "GPTQ",
        "gptq-int4",
        "int8",
        "INT4",
        "nf4",
        "fp8",
        "fp8_e4m3",
        "mxfp4",
        "nvfp4",
        "4bit",
        "8-bit",
        "w4a16",
        "bnb-4bit",
        "exl2",
        "3.5bpw",
    ],
)
def test_S06_quantization_below_16_bit_earns_a_point(name: str) -> None:
    assert points(QuantizationScorer(), candidate(quantization=name)) == 1


@pytest.mark.parametrize("name", ["F16", "fp16", "BF16", "F32", "float32", "none", "", "mystery", None])
def test_S06_sixteen_bit_and_more_or_unknown_earns_none(name: str | None) -> None:
    assert points(QuantizationScorer(), candidate(quantization=name)) == 0


SCENARIO_1 = (
    candidate("TinyLlama-1.1B", size_gb=2, capabilities={"CHAT", "REASONING"}),
    candidate("Phi-3-Mini", size_gb=3, capabilities={"CHAT", "REASONING", "CODE"}),
    candidate("Qwen2-1.5B", size_gb=1.5, capabilities={"CHAT", "REASONING"}),
)


@pytest.mark.parametrize("order", list(itertools.permutations(SCENARIO_1)))
def test_S07_scenario_1_the_smallest_with_the_capabilities_answers(order: tuple[Candidate, ...]) -> None:
    message = ScaffoldingRouterLLM(models=list(order)).invoke("Think of tea.", task="reasoning")
    assert message.content == "from Qwen2-1.5B"
    assert message.response_metadata["routing"]["model"] == "Qwen2-1.5B"


def test_S07_ties_break_by_smaller_size_then_by_name_in_any_order() -> None:
    tied = [candidate("b", size_gb=3), candidate("a", size_gb=3), candidate("c", size_gb=2.5), candidate("d")]
    for order in itertools.permutations(tied):
        assert ScaffoldingRouterLLM(models=list(order)).explain("x").names == ["c", "a", "b", "d"]


def scenario_2(*, seconds: float, limit_ms: float) -> ScaffoldingRouterLLM:
    mistral = ScriptedChatModel(Reply(content="from Mistral-7B", delay_s=seconds), name="Mistral-7B")
    tags = {"capabilities": {"CHAT", "REASONING"}}
    return ScaffoldingRouterLLM(
        models=[
            candidate("Llama-3-8B", size_gb=16, capabilities={"CHAT", "REASONING", "CODE"}),
            Candidate(name="Mistral-7B", model=mistral, tags=ModelTags(size_gb=14, **tags)),
        ],
        config=ScaffoldingConfig(max_response_time_ms=limit_ms),
    )


def test_S08_scenario_2_the_smaller_of_two_large_models_answers() -> None:
    message = scenario_2(seconds=0, limit_ms=10_000).invoke("Think of tea.", task="reasoning")
    assert (message.content, message.response_metadata["routing"]["model"]) == ("from Mistral-7B", "Mistral-7B")


@pytest.mark.parametrize("path", ["invoke", "ainvoke", "stream", "astream"])
def test_S08_scenario_2_the_rules_answer_when_the_time_is_over(path: str) -> None:
    router = scenario_2(seconds=30, limit_ms=30)
    text = "Tea is made in steps. First boil the water. Then add the leaves. Wait three minutes. Pour it."

    async def astream() -> object:
        return [chunk async for chunk in router.astream(text, task="outline")][-1]

    message = {
        "invoke": lambda: router.invoke(text, task="outline"),
        "ainvoke": lambda: asyncio.run(router.ainvoke(text, task="outline")),
        "stream": lambda: list(router.stream(text, task="outline"))[-1],
        "astream": lambda: asyncio.run(astream()),
    }[path]()
    routing = message.response_metadata["routing"]
    assert routing["source"] == "rule_based"
    assert [(attempt["model"], attempt["error"]) for attempt in routing["attempts"]] == [("Mistral-7B", "timeout")]


def test_S09_scenario_3_without_a_suitable_model_the_rules_answer_and_say_why() -> None:
    images = candidate("DALL-E", capabilities={"IMAGE"})
    audio = candidate("Whisper", capabilities={"AUDIO"})
    router = ScaffoldingRouterLLM(models=[images, audio])
    message = router.invoke("Tea is made of leaves. Water is boiled first. It is poured over them.", task="outline")
    routing = message.response_metadata["routing"]
    assert routing["source"] == "rule_based"
    assert routing["rejected"] == {
        "DALL-E": "has IMAGE, needs CHAT or REASONING",
        "Whisper": "has AUDIO, needs CHAT or REASONING",
    }
    assert images.model.calls == audio.model.calls == 0
