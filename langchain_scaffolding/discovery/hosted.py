"""Hosted models, by the names that `init_chat_model` takes."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

from langchain_scaffolding.candidates import Candidate, ModelTags
from langchain_scaffolding.discovery.base import Discovery, SourceUnavailableError
from langchain_scaffolding.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, kw_only=True, slots=True)
class HostedSource:
    """Models of hosting services, such as "anthropic:claude-haiku-4-5". They are not asked, only made ready.

    Tags come from the profile that LangChain has of a model: what it can do and the context it takes. None of them is
    local, so a profile with `local_only` never calls them. A model that cannot be made, for want of a package or a
    key, is a trouble of its own and the others are found.

    Args:
        models: Names as LangChain's `init_chat_model` takes them, "provider:model".
        name: What the source is called in reports.
        tags: What you know of a model by its name; it stands before its profile.
        options: Passed to every model: `temperature`, `timeout` and so on.
        open_model: Makes a chat model of a name; by default `init_chat_model` (`pip install langchain`).

    Raises:
        ConfigurationError: `models` is no list of names.

    Example:
        >>> HostedSource(models=["anthropic:claude-haiku-4-5"], options={"timeout": 20}).name
        'hosted'
    """

    models: tuple[str, ...] | list[str]
    name: str = "hosted"
    tags: Mapping[str, ModelTags] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    open_model: Callable[..., Any] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Check the names."""
        if isinstance(self.models, str) or not all(isinstance(each, str) and each.strip() for each in self.models):
            msg = f'`models` takes a list of names, such as ["openai:gpt-5-mini"], not {self.models!r}.'
            raise ConfigurationError(msg)

    def discover(self) -> Discovery:
        """The models that can be made.

        Raises:
            SourceUnavailableError: LangChain is not installed.
        """
        open_model = _init_chat_model() if self.open_model is None else self.open_model
        candidates: list[Candidate] = []
        troubles: list[tuple[str, str]] = []
        for name in dict.fromkeys(self.models):
            try:
                model = open_model(name, **self.options)
            except Exception as error:  # noqa: BLE001 - the class is another package's; its text may hold the key
                troubles.append((self.name, f"{name}: {_why(error)}"))
                continue
            tags = self.tags.get(name, ModelTags()).or_else(ModelTags(local=False, extra={"source": self.name}))
            candidates.append(Candidate(name=name, model=model, tags=tags))
        return Discovery(candidates=tuple(candidates), troubles=tuple(troubles))


def _init_chat_model() -> Callable[..., Any]:
    try:
        opened: Callable[..., Any] = import_module("langchain.chat_models").init_chat_model
    except ModuleNotFoundError as error:
        if error.name not in {"langchain", "langchain.chat_models"}:
            raise
        raise SourceUnavailableError("hosted models are made by LangChain: pip install langchain") from None
    return opened


def _why(error: Exception) -> str:
    """Why a model could not be made, without what was given to it."""
    if isinstance(error, ImportError):
        return str(error).splitlines()[0]
    return f"its class refuses it ({type(error).__name__}); is its key in the environment?"
