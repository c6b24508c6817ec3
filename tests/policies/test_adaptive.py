"""The policy that learns: through a real router, with models that prove which of them answered."""

from __future__ import annotations

import copy
import pickle
from collections import Counter
from collections.abc import Callable

import pytest

from langchain_scaffolding import ScaffoldingConfig, ScaffoldingRouterLLM
from langchain_scaffolding.errors import ConfigurationError
from langchain_scaffolding.performance import OutcomeStore, PerformanceTracker
from langchain_scaffolding.policies import AdaptivePolicy, Weights
from langchain_scaffolding.testing import FakeClock, Reply, ScriptedChatModel, provider_error
from tests.paths import PATHS, call, routing
from tests.policies.simulation import SIZES


def model(name: str, *script: object, **options: object) -> ScriptedChatModel:
    return ScriptedChatModel(*(script or (f"from {name}",)), name=name, metadata={"size_gb": SIZES[name]}, **options)


def router_of(*names: str, policy: object = "adaptive", **options: object) -> ScaffoldingRouterLLM:
    return ScaffoldingRouterLLM(models=[model(name) for name in names], policy=policy, **options)


def answer_and_judge(
    router: ScaffoldingRouterLLM,
    score: Callable[[str], float],
    calls: int,
    *,
    text: str = "A text.",
    task: str = "title",
) -> Counter[str]:
    answered: Counter[str] = Counter()
    for _ in range(calls):
        message = router.invoke(text, task=task)
        answered[routing(message)["model"]] += 1
        router.record_feedback(message, score(routing(message)["model"]))
    return answered


def test_S11_calls_go_to_the_model_that_is_best_at_the_task() -> None:
    router = router_of("small", "middle", "large")
    good = {"title": "middle", "summary": "small"}
    for task in ("title", "summary"):
        answer_and_judge(router, lambda name, task=task: float(name == good[task]), 80, task=task)
    for task, best in good.items():
        assert answer_and_judge(router, lambda name, best=best: float(name == best), 40, task=task)[best] >= 36


def test_S25_feedback_changes_later_choices() -> None:
    router = router_of("small", "large")
    answer_and_judge(router, lambda name: float(name == "small"), 60)
    assert answer_and_judge(router, lambda name: float(name == "small"), 20)["small"] >= 18
    answer_and_judge(router, lambda name: float(name == "large"), 100)
    assert answer_and_judge(router, lambda name: float(name == "large"), 20)["large"] >= 18


def test_the_task_carries_over_to_texts_without_one() -> None:
    """Without a task, words and measures of the text tell the kinds of texts apart."""
    router = router_of("small", "large")
    texts = {"Translate this word into French: house.": "small", "Prove that the root of 2 is irrational: √2.": "large"}
    for _ in range(80):
        for text, best in texts.items():
            answer_and_judge(router, lambda name, best=best: float(name == best), 1, text=text, task="chat")
    for text, best in texts.items():
        assert (
            answer_and_judge(router, lambda name, best=best: float(name == best), 20, text=text, task="chat")[best]
            >= 17
        )


def test_a_model_that_fails_is_left_without_any_feedback() -> None:
    broken = model("small", *[provider_error("openai", status=500)] * 50)
    router = ScaffoldingRouterLLM(
        models=[broken, model("large")], policy="adaptive", config=ScaffoldingConfig(breaker_threshold=1000)
    )
    for _ in range(40):
        router.invoke("A text.", task="title")
    asked = broken.calls
    for _ in range(20):
        router.invoke("A text.", task="title")
    assert broken.calls - asked <= 2


def test_a_slow_model_is_left_where_latency_weighs() -> None:
    clock = FakeClock()
    slow = model("large", *[Reply("slow", delay_s=6.0)] * 300, clock=clock)
    quick = model("small", *[Reply("quick", delay_s=0.1)] * 300, clock=clock)
    policy = AdaptivePolicy(weights=Weights(latency=2.0), deadlines={"title": 1.0})
    router = ScaffoldingRouterLLM(models=[slow, quick], policy=policy, clock=clock)
    for _ in range(60):
        router.invoke("A text.", task="title")
    before = slow.calls
    for _ in range(30):
        router.invoke("A text.", task="title")
    assert slow.calls - before <= 2


def test_the_probability_of_every_choice_is_told_and_stored(tmp_path: object) -> None:
    store = OutcomeStore(f"sqlite:///{tmp_path}/outcomes.db")
    router = router_of("small", "middle", "large", performance=PerformanceTracker(store=store))
    for _ in range(30):
        router.invoke("A text.", task="title")
    store.flush()
    rows = store.history()
    assert len(list(rows)) == 30
    for row in store.history():
        assert 0 < row["propensity"] <= 1
        assert row["policy"] == "adaptive"
        assert set(row["features"]) >= {"length", "digits"}
        assert "text" not in str(row["features"])
    decision = router.explain("A text.", task="title").decision
    assert sum(decision.propensities.values()) == pytest.approx(1.0)


def test_exploration_is_bounded_and_visible() -> None:
    policy = AdaptivePolicy(exploration=0.1, temper=5.0)
    router = router_of("small", "middle", "large", policy=policy)
    for _ in range(300):
        router.invoke("A text.", task="title")
    assert 0 < policy.exploration_share <= 0.13
    assert "explored" in repr(policy)


def test_under_a_budget_only_a_draw_of_the_model_believed_to_be_worse_explores() -> None:
    policy = AdaptivePolicy(dearer_share=0.5, seed=3)
    router = router_of("small", "large", policy=policy)
    answered: Counter[tuple[str, bool]] = Counter()
    for number in range(400):
        explored = policy.explored
        message = router.invoke(f"Question {number % 7} of {number % 11}.", task="title")
        answered[routing(message)["model"], policy.explored > explored] += 1
        router.record_feedback(message, float(routing(message)["model"] == "large" or number % 3 == 0))
    assert answered["large", True] == 0
    assert answered["small", True] > 0
    assert answered["small", False] > 0
    assert policy.exploration_share <= 0.25


def test_exploration_ends_without_feedback_too() -> None:
    policy = AdaptivePolicy(seed=1)
    router = router_of("small", "large", policy=policy)
    answered = Counter(routing(router.invoke("A text.", task="title"))["model"] for _ in range(400))
    late = Counter(routing(router.invoke("A text.", task="title"))["model"] for _ in range(100))
    assert max(late.values()) >= 97, (answered, late)


@pytest.mark.parametrize("options", [{"temperature": 0}, {"seed": 7}])
def test_calls_that_ask_for_the_same_answer_every_time_do_not_explore(options: dict[str, object]) -> None:
    router = router_of("small", "middle", "large", policy=AdaptivePolicy(temper=50.0))
    answered = {routing(router.invoke("A text.", task="title", **options))["model"] for _ in range(40)}
    assert len(answered) == 1


@pytest.mark.parametrize("path", PATHS)
def test_every_path_learns(path: str) -> None:
    router = router_of("small", "large")
    for _ in range(40):
        message = call(router, path, "A text.", task="title")
        router.record_feedback(message, float(routing(message)["model"] == "large"))
    assert routing(call(router, path, "A text.", task="title", temperature=0))["model"] == "large"


def test_equal_seeds_choose_equally() -> None:
    def chosen(seed: int) -> list[str]:
        router = router_of("small", "middle", "large", policy=AdaptivePolicy(seed=seed, temper=2.0))
        return [routing(router.invoke("A text.", task="title"))["model"] for _ in range(40)]

    assert chosen(1) == chosen(1)
    assert chosen(1) != chosen(2)


def test_feedback_that_another_process_gave_moves_choices(tmp_path: object) -> None:
    url = f"sqlite:///{tmp_path}/outcomes.db"
    first = router_of("small", "large", performance=PerformanceTracker(store=OutcomeStore(url)))
    answer_and_judge(first, lambda name: float(name == "large"), 60)
    first.performance.close()
    second = router_of("small", "large", performance=PerformanceTracker(store=OutcomeStore(url)))
    assert routing(second.invoke("A text.", task="title", temperature=0))["model"] == "large"


def test_dearer_models_get_the_share_of_calls_they_may_have_and_the_texts_that_gain_most() -> None:
    router = router_of("small", "large", policy=AdaptivePolicy(dearer_share=0.3, seed=2))
    answered: Counter[tuple[str, str]] = Counter()
    for number in range(600):
        kind = "hard" if number % 10 < 3 else "easy"
        text = "Prove this theorem of number theory." if kind == "hard" else "Say hello to my friend."
        message = router.invoke(text)
        name = routing(message)["model"]
        router.record_feedback(message, float(name == "large" or kind == "easy"))
        if number >= 300:
            answered[kind, name] += 1
    dear = answered["hard", "large"] + answered["easy", "large"]
    assert 0.2 <= dear / 300 <= 0.4
    assert answered["hard", "large"] >= 80


def test_a_model_that_states_what_is_needed_stays_before_one_that_does_not() -> None:
    able = ScriptedChatModel("{}", name="able", metadata={"size_gb": 9, "capabilities": ["CHAT", "TOOLS"]})
    silent = ScriptedChatModel("{}", name="silent", metadata={"size_gb": 1})
    router = ScaffoldingRouterLLM(models=[silent, able], policy=AdaptivePolicy(temper=50.0))

    def look_up(word: str) -> str:
        """Look up a word."""
        return word

    bound = router.bind_tools([look_up])
    assert {routing(bound.invoke("Look it up."))["model"] for _ in range(20)} == {"able"}


def test_what_was_learned_survives_a_pickle_and_a_copy() -> None:
    policy = AdaptivePolicy()
    router = router_of("small", "large", policy=policy)
    answer_and_judge(router, lambda name: float(name == "large"), 60)
    for twin in (pickle.loads(pickle.dumps(policy)), copy.deepcopy(policy)):
        again = router_of("small", "large", policy=twin)
        assert routing(again.invoke("A text.", task="title", temperature=0))["model"] == "large"


def test_an_answer_given_before_a_pickle_is_learned_from_after_it() -> None:
    policy = AdaptivePolicy()
    router = router_of("small", "large", policy=policy)
    answer = router.invoke("Name a colour.", task="title")
    twin = pickle.loads(pickle.dumps(policy))
    ranking = router.explain("Name a colour.", task="title")
    before = policy.advantage(ranking, "large", "small")
    for each in (policy, twin):
        each.judge(routing(answer)["decision_id"], 1.0)
    assert twin.advantage(ranking, "large", "small") == policy.advantage(ranking, "large", "small") != before


def test_a_model_added_later_is_tried() -> None:
    router = router_of("small", "middle")
    answer_and_judge(router, lambda name: 0.5, 60)
    router.models = [model("small"), model("middle"), model("large")]
    assert answer_and_judge(router, lambda name: float(name == "large"), 60)["large"] >= 40


@pytest.mark.parametrize(
    ("options", "name"),
    [({"exploration": 1.5}, "exploration"), ({"temper": 0}, "temper"), ({"deadline_s": -1}, "deadline_s"),
     ({"dearer_share": float("nan")}, "dearer_share"), ({"deadlines": {"title": 0}}, "title")],
)  # fmt: skip
def test_bad_options_are_named(options: dict[str, object], name: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        AdaptivePolicy(**options)


def test_an_explanation_tells_what_the_next_call_does_and_changes_nothing() -> None:
    policy = AdaptivePolicy(temper=20.0, exploration=1.0, seed=4)
    router = router_of("small", "middle", "large", policy=policy)
    told, came = [], []
    for _ in range(40):
        first = router.explain("A text.", task="title")
        assert router.explain("A text.", task="title").names == first.names
        told.append(first.names[0])
        came.append(routing(router.invoke("A text.", task="title"))["model"])
    assert told == came
    assert len(set(came)) == 3
    assert policy.decisions == 40
