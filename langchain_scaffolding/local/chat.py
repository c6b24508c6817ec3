"""The chat model over a local server: `ChatOpenAI` that keeps its server alive and counts its tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from langchain_core.language_models import LangSmithParams
from langchain_core.messages import BaseMessage, convert_to_openai_messages
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import Field

from langchain_scaffolding.local.extra import missing

try:
    import openai
    from langchain_openai import ChatOpenAI
except ModuleNotFoundError as error:
    raise missing("langchain-openai") from error


class LocalChatModel(ChatOpenAI):
    """A chat model on this machine; `LocalServer.chat_model` makes it.

    Its server lives at least as long as it, and as any binding or copy of it. Token counts are the model's
    own: `ChatOpenAI` would fetch another model's vocabulary from the network to guess them.
    """

    server: Any = Field(exclude=True, repr=False)

    @classmethod
    def is_lc_serializable(cls) -> bool:
        """Not: another process would find another server, or none, at the address."""
        return False

    @property
    def _llm_type(self) -> str:
        return "local-llama-cpp"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        """Which weights speak, and how; the address says nothing, a cache would miss on every start."""
        header = self.server.header
        weights = {"weights": header.path.name, "size_bytes": header.size_bytes}
        return {**super()._identifying_params, **weights}

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        params = super()._get_ls_params(stop=stop, **kwargs)
        params["ls_provider"] = "llama.cpp"
        return params

    def get_token_ids(self, text: str) -> list[int]:
        """The tokens of a text in this model's vocabulary."""
        ids: list[int] = self.server.tokenize(text)
        return ids

    def get_num_tokens_from_messages(
        self,
        messages: Sequence[BaseMessage],
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool] | None = None,
        **_: Any,
    ) -> int:
        """Tokens of the whole prompt, as this model's chat template writes messages and tools."""
        specs = [convert_to_openai_tool(tool) for tool in tools or ()]
        prompt: str = self.server.prompt(convert_to_openai_messages(list(messages)), specs)
        return len(self.server.tokenize(prompt, special=True))


def local_chat_model(server: Any, *, url: str, key: str, name: str, **options: Any) -> LocalChatModel:
    """The chat model for a server that listens at `url` behind `key`; `options` go to `ChatOpenAI`."""
    defaults = {
        "stream_usage": True,
        "max_retries": 0,
        # No proxy may come between, no connection may outlive its call (or its event loop).
        "http_client": openai.DefaultHttpxClient(trust_env=False),
        "http_async_client": openai.DefaultAsyncHttpxClient(trust_env=False),
        "default_headers": {"Connection": "close"},
        "openai_proxy": None,
        # It waits for chunks by `asyncio.wait_for`, which before Python 3.12 loses a cancellation that meets a chunk.
        "stream_chunk_timeout": 0,
    }
    return LocalChatModel(server=server, base_url=url, api_key=key, model=name, **{**defaults, **options})
