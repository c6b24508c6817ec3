"""The `context` of the service's methods, as options of a task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from langchain_core.messages import BaseMessage

from langchain_scaffolding.errors import ConfigurationError

_CONTEXT_NAMES: Final = {
    "user_level": "audience",
    "conversation_history": "background",
    "outline_style": "style",
    "summary_type": "style",
    "fill_type": "style",
}


def read_context(context: Mapping[str, Any] | None) -> dict[str, Any]:
    """The options that a `context` of the service stands for.

    Raises:
        ConfigurationError: It is no mapping.

    Example:
        >>> read_context({"user_level": "novice", "conversation_history": [{"role": "user", "content": "Hi"}]})
        {'audience': 'novice', 'background': 'user: Hi'}
    """
    if context is None:
        return {}
    if not isinstance(context, Mapping):
        raise ConfigurationError(f"context is of type {type(context).__name__}; give a mapping, or leave it out.")
    options = {_CONTEXT_NAMES.get(name, name): value for name, value in context.items()}
    if "background" in options:
        options["background"] = _as_text(options["background"])
    return options


def _as_text(history: Any) -> Any:
    """A conversation as lines of text; anything else as it is."""
    if not isinstance(history, (list, tuple)):
        return history
    return "\n".join(filter(None, map(_turn, history)))


def _turn(turn: Any) -> str:
    if isinstance(turn, BaseMessage):
        return f"{turn.type}: {turn.text}"
    if isinstance(turn, Mapping):
        return f"{turn.get('role', 'user')}: {turn.get('content', '')}"
    return str(turn)
