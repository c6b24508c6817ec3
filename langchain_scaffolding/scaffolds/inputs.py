"""What a scaffold is called with: a text, or a mapping with the text and options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from langchain_core.messages import BaseMessage
from langchain_core.prompt_values import PromptValue

from langchain_scaffolding.errors import ConfigurationError
from langchain_scaffolding.tasks import Task
from langchain_scaffolding.tasks.text import readable

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig

ScaffoldInput: TypeAlias = str | Mapping[str, Any] | BaseMessage | PromptValue
"""A text, a message or prompt whose text is taken, or a mapping with `text` or `input` and options beside it."""

_TEXT_KEYS = ("text", "input")


def read_input(task: Task, input: ScaffoldInput) -> tuple[str, dict[str, Any]]:
    """The text and the options that an input gives.

    Raises:
        ConfigurationError: There is no text in it, or an option is unknown.
    """
    if isinstance(input, PromptValue):
        return readable(input.to_string()), {}
    if isinstance(input, BaseMessage):
        return readable(str(input.text)), {}
    if not isinstance(input, Mapping):
        return readable(input), {}
    given = {key: value for key, value in input.items() if key not in _TEXT_KEYS}
    texts = [input[key] for key in _TEXT_KEYS if key in input]
    if len(texts) != 1:
        msg = f"A scaffold takes one text under the key `text` or `input`; this input has {_names(input)}."
        raise ConfigurationError(msg)
    unknown = sorted(map(str, set(given) - set(task.all_options)))
    if unknown:
        msg = (
            f"Task {task.name!r} has no option {unknown[0]!r}. Its options: {', '.join(sorted(task.all_options))}. "
            'In a chain, pick the text first: `itemgetter("text") | scaffold`.'
        )
        raise ConfigurationError(msg)
    text = texts[0]
    return readable(str(text.text) if isinstance(text, BaseMessage) else text), given


def _names(input: Mapping[str, Any]) -> str:
    return ", ".join(f"`{key}`" for key in input) or "no key"


def configured_options(task: Task, config: RunnableConfig) -> dict[str, Any]:
    """The options that `config["configurable"]` sets: by name or, for this task alone, as "<task>.<option>"."""
    found = config.get("configurable") or {}
    options = {name: found[name] for name in task.all_options if name in found}
    own = {name: f"{task.name}.{name}" for name in task.all_options}
    return options | {name: found[key] for name, key in own.items() if key in found}
