"""The models that most of these tests route between."""

from __future__ import annotations

from typing import Any

from langchain_scaffolding import ScaffoldingRouterLLM
from langchain_scaffolding.testing import Reply, ScriptedChatModel

TEXT = "one two three"
WORDS = ("one", " two", " three")
PROMPT_TOKENS, ANSWER_TOKENS = 11, 7
SPOKEN = Reply(TEXT, usage=(PROMPT_TOKENS, ANSWER_TOKENS))


def small(*script: Any, **options: Any) -> ScriptedChatModel:
    """A model that is preferred for its size; it says one, two, three unless told otherwise."""
    metadata = {"size_gb": 1.0, **options.pop("metadata", {})}
    return ScriptedChatModel(*(script or (SPOKEN,)), **{"name": "small", **options}, metadata=metadata)


def large(*script: Any, **options: Any) -> ScriptedChatModel:
    """A model that is asked after the small one."""
    return ScriptedChatModel(*(script or ("from large",)), **{"name": "large", **options}, metadata={"size_gb": 9.0})


def down(**options: Any) -> ScriptedChatModel:
    """A preferred model that cannot be reached."""
    return small(ConnectionError("down"), **options)


def router_of(*models: Any, **options: Any) -> ScaffoldingRouterLLM:
    """A router over these models; over one small model if none is named."""
    return ScaffoldingRouterLLM(models=models or [small()], **options)


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"sunny in {city}"
