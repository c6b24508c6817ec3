"""What a scaffold is called with: a text, what holds one, or a mapping with that and options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from langchain_core.documents import Document
from langchain_core.messages import BaseMessage
from langchain_core.prompt_values import PromptValue

from langchain_scaffolding.errors import ConfigurationError
from langchain_scaffolding.tasks import Task
from langchain_scaffolding.tasks.text import readable

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig

ScaffoldInput: TypeAlias = str | Mapping[str, Any] | BaseMessage | PromptValue | Document | Sequence[Any]
"""A text; a message, prompt or document, whose text is taken; a list of messages or documents; or a mapping with any of
these under `text`, `input` or `messages`, and options beside it."""

_TEXT_KEYS = ("text", "input", "messages")
_SPEAKERS: Final = {"human": "User", "ai": "Assistant"}


def read_input(task: Task, input: ScaffoldInput) -> tuple[str, dict[str, Any]]:
    """The text and the options that an input gives.

    Raises:
        ConfigurationError: There is no text in it, or an option is unknown.
    """
    if not isinstance(input, Mapping):
        return readable(_text_of(input)), {}
    given = {key: value for key, value in input.items() if key not in _TEXT_KEYS}
    texts = [input[key] for key in _TEXT_KEYS if key in input]
    if len(texts) != 1:
        msg = f"A scaffold takes one text under the key `text`, `input` or `messages`; this input has {_names(input)}."
        raise ConfigurationError(msg)
    unknown = sorted(map(str, set(given) - set(task.all_options)))
    if unknown:
        msg = (
            f"Task {task.name!r} has no option {unknown[0]!r}. Its options: {', '.join(sorted(task.all_options))}. "
            'In a chain, pick the text first: `itemgetter("text") | scaffold`.'
        )
        raise ConfigurationError(msg)
    return readable(_text_of(texts[0])), given


def _text_of(source: object) -> object:
    """The text of what may hold one; anything else as it is."""
    if isinstance(source, PromptValue):
        source = source.to_messages()
    if isinstance(source, BaseMessage):
        return str(source.text)
    if isinstance(source, Document):
        return source.page_content
    if isinstance(source, (list, tuple)):
        if all(isinstance(each, BaseMessage) for each in source):
            return _conversation(source)
        if all(isinstance(each, Document) for each in source):
            return "\n\n".join(each.page_content for each in source)
    return source


def _conversation(messages: Sequence[BaseMessage]) -> str:
    """What people and models said, turn by turn; of a single message its text.

    System messages, calls of tools and their results are not said, unless there is nothing else.
    """
    said = [each for each in messages if each.type not in {"system", "tool"} and str(each.text).strip()]
    said = said or list(messages)
    if len(said) == 1:
        return str(said[0].text)
    return "\n".join(f"{each.name or _SPEAKERS.get(each.type, each.type)}: {each.text}" for each in said)


def _names(input: Mapping[str, Any]) -> str:
    return ", ".join(f"`{key}`" for key in input) or "no key"


def configured_options(task: Task, config: RunnableConfig) -> dict[str, Any]:
    """The options that `config["configurable"]` sets: by name or, for this task alone, as "<task>.<option>"."""
    found = config.get("configurable") or {}
    options = {name: found[name] for name in task.all_options if name in found}
    own = {name: f"{task.name}.{name}" for name in task.all_options}
    return options | {name: found[key] for name, key in own.items() if key in found}
