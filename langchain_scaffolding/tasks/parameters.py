"""Model parameters under the names that each integration takes them by.

LangChain's standard names are `max_tokens` and `temperature`. Most integrations take them as call keywords; some know
the limit by another name and reject unknown keywords, or send them on to a client that does: there the value is set on
a copy of the model.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import Runnable
from langchain_core.runnables.base import RunnableBindingBase

_LIMITS: Final = ("num_predict", "max_output_tokens", "max_new_tokens", "n_predict")


def with_parameters(
    model: Runnable[Any, Any], parameters: Mapping[str, Any]
) -> tuple[Runnable[Any, Any], dict[str, Any]]:
    """A model and the keywords of its call, such that the parameters hold.

    A model that profile or options say reasons is asked for the least effort, unless its owner set one. Parameters that
    the model is not known to take are left out, and those bound on it stay as they are.

    Args:
        model: A chat model, or one with arguments bound to it.
        parameters: Any of `max_tokens` and `temperature`.

    Example:
        >>> from langchain_scaffolding.testing import ScriptedChatModel
        >>> model, keywords = with_parameters(ScriptedChatModel(), {"max_tokens": 60})
        >>> keywords
        {'max_tokens': 60}
    """
    if isinstance(model, RunnableBindingBase):
        wanted = {name: value for name, value in parameters.items() if name not in model.kwargs}
        bound, keywords = with_parameters(model.bound, wanted)
        return (model if bound is model.bound else model.model_copy(update={"bound": bound})), keywords
    if not isinstance(model, BaseChatModel):
        return model, dict(parameters)
    fields = type(model).model_fields
    wanted = dict(parameters)
    if (model.profile or {}).get("temperature") is False:
        wanted.pop("temperature", None)
    if "max_tokens" in fields:
        keywords = {name: value for name, value in wanted.items() if name in fields}
        return model, {**keywords, **_least_effort(model)}
    return _copied(model, wanted), {}


def _least_effort(model: BaseChatModel) -> dict[str, Any]:
    levels = (model.profile or {}).get("reasoning_effort_levels")
    if not levels or getattr(model, "reasoning_effort", "") is not None:
        return {}
    return {"reasoning_effort": levels[0]}


def _copied(model: BaseChatModel, wanted: Mapping[str, Any]) -> BaseChatModel:
    fields = type(model).model_fields
    update: dict[str, Any] = {}
    limit = next((name for name in _LIMITS if name in fields), None)
    if limit is not None and "max_tokens" in wanted:
        update[limit] = wanted["max_tokens"]
    if "temperature" in fields and "temperature" in wanted:
        update["temperature"] = wanted["temperature"]
    if limit == "num_predict" and getattr(model, "reasoning", "") is None:
        update["reasoning"] = False
    if not update:
        return model
    copy = model.model_copy(update=update)
    # LangChain caches what it serialises a model to, and with it the key of its model cache
    copy.__dict__.pop("_serialized", None)
    return copy
