"""Ways to an old service other than its constructor: `wrap_tinyllama_service` and `get_tinyllama_service`."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from langchain_core.language_models import BaseChatModel
from langchain_core.runnables.base import RunnableBindingBase

from langchain_scaffolding.candidates import Candidate
from langchain_scaffolding.router import ScaffoldingRouterLLM
from langchain_scaffolding.tinyllama.service import REPLACEMENT, TinyLlamaService

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_core.runnables import Runnable

    from langchain_scaffolding.config import ScaffoldingConfig
    from langchain_scaffolding.tinyllama.results import TinyLlamaConfig


def wrap_tinyllama_service(
    service: Any,
    *,
    models: Sequence[Candidate | Runnable[Any, Any]] | None = None,
    router: ScaffoldingRouterLLM | None = None,
) -> TinyLlamaService:
    """An intelligent service with the old methods, in place of an old one.

    Args:
        service: What was used until now: a service, a router, or a chat model. Its router or its chat models, in
            whatever attributes it holds them, alone or in a list or mapping, are the models, unless others are given.
        models: The models to choose from.
        router: A router to use instead.

    Example:
        >>> import warnings
        >>> from langchain_scaffolding.testing import ScriptedChatModel
        >>> class OldService:
        ...     llm = ScriptedChatModel("1. Think", name="tinyllama")
        >>> with warnings.catch_warnings():
        ...     warnings.simplefilter("ignore", DeprecationWarning)
        ...     wrapped = wrap_tinyllama_service(OldService())
        >>> [model.name for model in wrapped.router.models]
        ['tinyllama']
    """
    warnings.warn(f"`wrap_tinyllama_service` {REPLACEMENT}", DeprecationWarning, stacklevel=2)
    if models is None and router is None:
        router = service if isinstance(service, ScaffoldingRouterLLM) else getattr(service, "router", None)
        models = None if isinstance(router, ScaffoldingRouterLLM) else _models_of(service)
    wrapped = TinyLlamaService.__new__(TinyLlamaService)
    wrapped.set_up(None, models, router if isinstance(router, ScaffoldingRouterLLM) else None)
    return wrapped


def _models_of(service: Any) -> list[Any] | None:
    """The chat models that an object is or holds, each once."""
    if _is_model(service):
        return [service]
    slots = [name for cls in type(service).__mro__ for name in getattr(cls, "__slots__", ()) if hasattr(service, name)]
    held = [*vars(type(service)).values(), *getattr(service, "__dict__", {}).values()]
    held += [getattr(service, name) for name in slots]
    inside = [value for each in held for value in _values(each)]
    return list({id(each): each for each in inside if _is_model(each)}.values()) or None


def _is_model(value: Any) -> bool:
    return isinstance(value.bound if isinstance(value, RunnableBindingBase) else value, (BaseChatModel, Candidate))


def _values(attribute: Any) -> list[Any]:
    """What an attribute holds: the values of a list or mapping, else itself."""
    if isinstance(attribute, Mapping):
        return list(attribute.values())
    return list(attribute) if isinstance(attribute, (list, tuple)) else [attribute]


def get_tinyllama_service(config: TinyLlamaConfig | ScaffoldingConfig | None = None) -> TinyLlamaService:
    """The old factory: a service of the old kind.

    Example:
        >>> import warnings
        >>> with warnings.catch_warnings():
        ...     warnings.simplefilter("ignore", DeprecationWarning)
        ...     get_tinyllama_service().get_health_status().model_loaded
        False
    """
    warnings.warn(f"`get_tinyllama_service` {REPLACEMENT}", DeprecationWarning, stacklevel=2)
    service = TinyLlamaService.__new__(TinyLlamaService)
    service.set_up(config, None, None)
    return service
