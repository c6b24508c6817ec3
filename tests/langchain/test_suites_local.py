"""LangChain's standard suite over a router of real small models, as far as these follow it (`make test-local`)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_tests.integration_tests import ChatModelIntegrationTests

from langchain_scaffolding import ScaffoldingRouterLLM
from langchain_scaffolding.local import weights
from langchain_scaffolding.local.engine import LocalServer

pytestmark = [pytest.mark.local, pytest.mark.allow_hosts(["127.0.0.1"])]

NAMES = ("smollm2", "smollm2-q8")
_servers: list[LocalServer] = []


@pytest.fixture(scope="module", autouse=True)
def _running() -> Iterator[None]:
    missing = [name for name in NAMES if name not in weights.available()]
    if missing:
        pytest.skip(f"`python -m langchain_scaffolding models get {' '.join(missing)}` has not been run")
    with ExitStack() as stack:
        _servers[:] = [stack.enter_context(LocalServer(weights.path(name), n_threads=1)) for name in NAMES]
        yield
    _servers.clear()


class TestRouterOverRealModels(ChatModelIntegrationTests):
    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return ScaffoldingRouterLLM

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"models": [server.chat_model() for server in _servers], "temperature": 0, "max_tokens": 32}

    @property
    def has_tool_calling(self) -> bool:
        return False  # a model of 135 million parameters cannot

    @property
    def has_structured_output(self) -> bool:
        return False

    @property
    def supports_model_override(self) -> bool:
        return True

    @property
    def model_override_value(self) -> str:
        return _servers[1].chat_model().model_name
