"""What the adaptive policy learns from, and what it does not: through a real router, on all paths."""

from __future__ import annotations

import pickle
from collections import Counter
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache

from langchain_scaffolding import ScaffoldingRouterLLM
from langchain_scaffolding.policies import AdaptivePolicy
from langchain_scaffolding.testing import ScriptedChatModel, provider_error
from tests.paths import PATHS, call, routing

TEXT = "Name a colour of the sky."


def router_of(
    *models: ScriptedChatModel, temper: float = 0.3, **options: Any
) -> tuple[ScaffoldingRouterLLM, AdaptivePolicy]:
    policy = AdaptivePolicy(seed=1, temper=temper)
    both = models or [
        ScriptedChatModel("from small", name="small", metadata={"size_gb": 1}),
        ScriptedChatModel("from large", name="large", metadata={"size_gb": 9}),
    ]
    return ScaffoldingRouterLLM(models=both, policy=policy, **options), policy


def learned(policy: AdaptivePolicy) -> tuple[bytes, int, int]:
    """All that the policy believes, how many choices it has made, and how many of them explored."""
    return pickle.dumps(policy.beliefs), policy.decisions, policy.explored


def chances(router: ScaffoldingRouterLLM) -> dict[str, float]:
    return dict(router.explain(TEXT, task="title").decision.propensities)


@pytest.mark.parametrize("path", PATHS)
def test_a_judged_answer_teaches(path: str) -> None:
    router, policy = router_of()
    message, before = call(router, path, TEXT, task="title"), learned(policy)
    assert router.record_feedback(message, 0.0)
    assert learned(policy)[0] != before[0]


@pytest.mark.parametrize("path", PATHS)
def test_a_pinned_call_teaches_nothing_about_choice_but_latency(path: str) -> None:
    router, policy = router_of(temper=3.0)
    expected, before = chances(router), learned(policy)
    for _ in range(30):
        message = call(router, path, TEXT, task="title", model="small")
        assert routing(message)["model"] == "small"
    assert learned(policy) == before
    assert chances(router)["small"] == pytest.approx(expected["small"], abs=0.02)
    stats = router.performance.stats("title", "small")
    assert stats is not None
    assert (stats.measured, stats.latency_mean_s is not None) == (30, True)


def test_feedback_on_a_pinned_answer_is_heard_as_if_it_was_given_elsewhere() -> None:
    """Nobody chose that model, but somebody judged it."""
    router, policy = router_of()
    expected, before = chances(router), learned(policy)
    for _ in range(30):
        router.record_feedback(router.invoke(TEXT, task="title", model="small"), 1.0)
    assert learned(policy) == before
    assert chances(router)["small"] > expected["small"]


@pytest.mark.parametrize("path", PATHS)
def test_what_the_rules_answered_teaches_nothing(path: str) -> None:
    broken = [ScriptedChatModel(*[provider_error("openai", status=500)] * 9, name=name) for name in ("small", "large")]
    router, policy = router_of(*broken)
    chances(router)  # both are known of
    before = learned(policy)[0]
    for _ in range(3):
        message = call(router, path, TEXT, task="title")
        assert routing(message)["model"] == "rules"
        router.record_feedback(message, 0.0)
    assert learned(policy)[0] == before
    assert set(policy.beliefs.models) == {"small", "large"}


@pytest.mark.parametrize("path", PATHS)
def test_a_cache_hit_is_no_choice_and_its_feedback_counts_once(path: str) -> None:
    router, policy = router_of(cache=InMemoryCache())
    first = call(router, path, TEXT, task="title")
    before = learned(policy)
    served = [call(router, path, TEXT, task="title") for _ in range(3)]
    assert [routing(answer)["cached"] for answer in served] == [True] * 3
    assert learned(policy) == before
    router.record_feedback(first, 1.0)
    once = learned(policy)
    assert once[0] != before[0]
    for answer in served:
        router.record_feedback(answer, 1.0)
    assert learned(policy) == once


@pytest.mark.parametrize("task", [None, "chat"])
def test_without_a_task_label_texts_of_different_kinds_go_to_different_models(task: str | None) -> None:
    """Words and measures of a text do what a label would: also for texts that were never seen before."""
    router, _ = router_of()
    kinds = {
        "large": "Compute the integral of x^{n} from 0 to {m}, and prove that the series converges.",
        "small": "Translate the sentence into French, please: we have {n} apples and {m} pears at home.",
    }
    named = {} if task is None else {"task": task}

    def ask(kind: str, number: int) -> str:
        message = router.invoke(kinds[kind].replace("{n}", str(number)).replace("{m}", str(7 * number)), **named)
        router.record_feedback(message, float(routing(message)["model"] == kind))
        return str(routing(message)["model"])

    for number in range(80):
        for kind in kinds:
            ask(kind, number)
    answered = Counter((kind, ask(kind, number)) for number in range(500, 520) for kind in kinds)
    assert answered["large", "large"] >= 17
    assert answered["small", "small"] >= 17
