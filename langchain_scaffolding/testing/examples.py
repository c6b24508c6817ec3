"""Models to try things with: real small ones if they are on this machine, else fakes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_scaffolding.testing.obedient import obedient
from langchain_scaffolding.testing.replies import Reply
from langchain_scaffolding.testing.scripted import ScriptedChatModel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import BaseMessage

_LIST = "1. Boil fresh water\n2. Warm the pot\n3. Add the leaves\n4. Wait three minutes"


def example_models(*, real: bool | None = None, **options: Any) -> list[BaseChatModel]:
    """Two chat models, the smaller one first.

    Args:
        real: `True` wants real models, `False` fakes; `None` takes real ones if they are installed
            (`python -m langchain_scaffolding models get smollm2 smollm2-q8`).
        **options: For real models, such as `temperature=0` or `max_completion_tokens=40`.

    Raises:
        ImportError: Real ones are wanted and the extra is missing; the message has the line that installs it.

    Example:
        >>> [model.name for model in example_models(real=False)]
        ['small', 'large']
    """
    if real is not False:
        try:
            from langchain_scaffolding.local.engine import local_models
            from langchain_scaffolding.local.weights import available

            weights = available()
            if real or len(weights) > 1:
                return list(local_models(weights[:2], **options))
        except ImportError:
            if real:
                raise
    return [_fake("small", 1.0, "Q4_K_M"), _fake("large", 9.0, "F16")]


def _fake(name: str, size_gb: float, quantization: str) -> BaseChatModel:
    def answer(messages: Sequence[BaseMessage], kwargs: Mapping[str, Any]) -> Reply:
        if kwargs.get("tools") or kwargs.get("response_format"):
            return obedient(messages, kwargs)
        text = str(messages[-1].text).lower()
        return Reply("The quiet art of tea" if "title" in text else _LIST)

    metadata = {"size_gb": size_gb, "quantization": quantization, "capabilities": ["CHAT", "REASONING", "TOOLS"]}
    return ScriptedChatModel(answer, name=name, metadata=metadata)
