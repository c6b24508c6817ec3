"""LangChain's own standard suites over the fake, in every shape it can take."""

from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_tests.integration_tests import ChatModelIntegrationTests
from langchain_tests.unit_tests import ChatModelUnitTests

from langchain_scaffolding.testing import ScriptedChatModel, obedient


class _Obedient(ScriptedChatModel):
    """The suites construct their model from keywords alone."""

    def __init__(self, **options: Any) -> None:
        super().__init__(*(() if "script" in options else (obedient,)), **options)


class TestUnitSuite(ChatModelUnitTests):
    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return ScriptedChatModel


class TestUnitSuiteWithoutTools(ChatModelUnitTests):
    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return ScriptedChatModel

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"tools": False, "structured": None}

    @property
    def has_tool_calling(self) -> bool:
        return False

    @property
    def has_structured_output(self) -> bool:
        return False


class TestIntegrationSuite(ChatModelIntegrationTests):
    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return _Obedient

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
        return "another"


class TestIntegrationSuiteNativeSchema(TestIntegrationSuite):
    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"structured": "native"}


class TestIntegrationSuiteSyncOnly(TestIntegrationSuite):
    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"native_async": False}


def test_the_variants_that_the_suites_ran_over_are_what_they_claim() -> None:
    assert _Obedient(native_async=False)._agenerate.__func__ is BaseChatModel._agenerate
    assert _Obedient().calls == 0
    with pytest.raises(NotImplementedError):
        ScriptedChatModel(tools=False, structured=None).bind_tools([])
