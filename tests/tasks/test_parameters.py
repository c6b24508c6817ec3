"""A model gets its parameters by the names it knows; a model that thinks gets room to."""

from __future__ import annotations

from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import RunnableBinding

from langchain_scaffolding.tasks import ThinkingBudgets, with_parameters
from langchain_scaffolding.testing import ScriptedChatModel


class LikeOllama(BaseChatModel):
    """Knows its limit by another name and has no keyword for it, as `ChatOllama`."""

    num_predict: int | None = None
    temperature: float | None = None
    reasoning: bool | None = None

    @property
    def _llm_type(self) -> str:
        return "like-ollama"

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        assert set(kwargs) <= {"stop"}, f"unexpected keyword {sorted(kwargs)}"
        said = f"{self.num_predict} {self.temperature} {self.reasoning}"
        return ChatResult(generations=[ChatGeneration(message=AIMessage(said))])


class LikeOpenAI(ScriptedChatModel):
    """Takes an effort, as `ChatOpenAI`."""

    reasoning_effort: str | None = None


def test_a_model_with_the_standard_names_takes_keywords() -> None:
    model = ScriptedChatModel("ok")
    assert with_parameters(model, {"max_tokens": 60, "temperature": 0.2}) == (
        model,
        {"max_tokens": 60, "temperature": 0.2},
    )


def test_a_model_with_names_of_its_own_is_copied_and_left_as_it_is() -> None:
    original = LikeOllama()
    model, keywords = with_parameters(original, {"max_tokens": 60, "temperature": 0.2})
    assert keywords == {}
    assert model.invoke("Hi").content == "60 0.2 False"
    assert original.num_predict is None


def test_what_its_owner_has_set_stays() -> None:
    bound = ScriptedChatModel("ok").bind(temperature=1.0)
    model, keywords = with_parameters(bound, {"max_tokens": 60, "temperature": 0.2})
    assert isinstance(model, RunnableBinding)
    assert keywords == {"max_tokens": 60}
    assert with_parameters(LikeOllama(reasoning=True), {})[0].reasoning is True


def test_a_bound_model_with_names_of_its_own_keeps_its_binding() -> None:
    model, _ = with_parameters(LikeOllama().bind(stop=["x"]), {"max_tokens": 60})
    assert model.kwargs == {"stop": ["x"]}
    assert model.invoke("Hi").content == "60 None False"


def test_a_model_that_takes_no_temperature_gets_none() -> None:
    model = ScriptedChatModel("ok", profile={"temperature": False})
    assert with_parameters(model, {"temperature": 0.2})[1] == {}


def test_a_reasoning_model_is_asked_for_the_least_effort_unless_its_owner_chose_one() -> None:
    profile = {"reasoning_output": True, "reasoning_effort_levels": ["minimal", "low", "high"]}
    assert with_parameters(LikeOpenAI(profile=profile), {})[1] == {"reasoning_effort": "minimal"}
    assert with_parameters(LikeOpenAI(profile=profile, reasoning_effort="high"), {})[1] == {}
    assert with_parameters(LikeOpenAI(), {})[1] == {}


def test_a_budget_is_raised_once_and_remembered_per_model() -> None:
    budgets = ThinkingBudgets()
    assert budgets.limit("thinker", 60) == 60
    assert budgets.ran_out("thinker")
    assert budgets.limit("thinker", 60) >= 1000
    assert budgets.limit("other", 60) == 60
    assert not budgets.ran_out("thinker")
    budgets.clear()
    assert budgets.limit("thinker", 60) == 60
