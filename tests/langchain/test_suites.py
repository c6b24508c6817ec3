"""LangChain's own standard suites over a router."""

from __future__ import annotations

from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_tests.integration_tests import ChatModelIntegrationTests
from langchain_tests.unit_tests import ChatModelUnitTests

from langchain_scaffolding import ScaffoldingRouterLLM
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
