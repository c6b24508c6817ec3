"""LangChain's own standard suites over a router."""

from __future__ import annotations

from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_tests.integration_tests import ChatModelIntegrationTests
from langchain_tests.unit_tests import ChatModelUnitTests

from langchain_scaffolding import ScaffoldingConfig, ScaffoldingRouterLLM
from langchain_scaffolding.testing import ScriptedChatModel, obedient


class TestRouterUnit(ChatModelUnitTests):
    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return ScaffoldingRouterLLM

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"models": [ScriptedChatModel(obedient, name="one"), ScriptedChatModel(obedient, name="two")]}


class TestRouterIntegration(ChatModelIntegrationTests):
    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return ScaffoldingRouterLLM

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"models": [ScriptedChatModel(obedient, name="one"), ScriptedChatModel(obedient, name="two")]}

    @property
    def supports_json_mode(self) -> bool:
        return True

    @property
    def supports_anthropic_inputs(self) -> bool:
        return True

    @property
    def supports_model_override(self) -> bool:
        return True

    @property
    def model_override_value(self) -> str:
        return "two"


class TestRouterWithoutItsFirstChoice(TestRouterIntegration):
    """The model that is preferred is down, so every answer comes from the next one, which has only what is blocking."""

    @property
    def chat_model_params(self) -> dict[str, Any]:
        down = ScriptedChatModel(ConnectionError("refused"), name="down", metadata={"size_gb": 1})
        two = ScriptedChatModel(obedient, name="two", native_async=False)
        return {"models": [down, two], "config": ScaffoldingConfig(max_response_time_ms=60_000)}

    @property
    def has_structured_output(self) -> bool:
        return False  # the suite counts the runs of models, of which there are two


class TestRouterThatKeepsAnswers(TestRouterIntegration):
    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {**super().chat_model_params, "cache": True}

    @property
    def has_structured_output(self) -> bool:
        return False  # the suite counts the runs of models, of which there is none the second time
