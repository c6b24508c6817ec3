"""Keys: one text for equal calls, and none for calls that hold something without a stable text."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from langchain_core.load import dumpd
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import BaseModel

from langchain_scaffolding.attempts import RawTools, Schema, is_provider_tool

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

    from langchain_scaffolding.candidates import Candidate


class Uncacheable(Exception):  # noqa: N818 - no error: it steers
    """A call holds something that has no stable text, so nothing may be kept under it."""


_SAID = frozenset(
    ("type", "content", "name", "tool_calls", "invalid_tool_calls", "tool_call_id", "status", "additional_kwargs")
)


def said(message: BaseMessage) -> dict[str, Any]:
    """What a message says: ids and metadata of the run that made it change no answer."""
    fields = message.model_dump(include=set(_SAID))
    fields["type"] = fields["type"].removesuffix("MessageChunk").lower()
    return {name: value for name, value in fields.items() if value not in (None, [], {})}


_NO_PARAMETERS = frozenset(
    ("callbacks", "cache", "custom_get_token_ids", "metadata", "name", "profile", "rate_limiter", "tags", "verbose")
)


def parameters_of(candidate: Candidate) -> dict[str, Any]:
    """What a candidate's answer depends on: its model, and what is bound on it."""
    model, bound = candidate.chat_model, []
    layer: Any = candidate.model
    while layer is not model:
        facts = layer.__dict__
        bound.append(facts.get("kwargs"))
        bound.append((facts.get("config") or {}).get("configurable"))
        layer = facts.get("bound", facts.get("default"))
    # a model that names no parameters is not one of which all are alike
    parameters = dict(model._identifying_params) or model.model_dump(exclude=set(_NO_PARAMETERS))  # noqa: SLF001
    cls = type(model)
    return {"class": f"{cls.__module__}.{cls.__qualname__}", "parameters": parameters, "bound": bound}


def canonical(value: Any) -> str:
    """One text for equal values, whatever the order of keys.

    Raises:
        Uncacheable: A value has no stable text.
    """
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, default=_stable)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _stable(value: object) -> Any:
    if isinstance(value, RawTools):
        return {"tools": [_stable_tool(tool) for tool in value.tools], "options": dict(value.options)}
    if isinstance(value, Schema):
        return {"schema": _stable_tool(value.schema), "options": dict(value.options)}
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=repr)
    if isinstance(value, BaseModel) and not hasattr(value, "lc_id"):
        return value.model_dump()
    dumped = dumpd(value)
    # an object that LangChain cannot dump, also deep inside, is named by its address, which tells nothing about it
    if '"not_implemented"' in json.dumps(dumped):
        raise Uncacheable(type(value).__name__)
    return dumped


def _stable_tool(tool: Any) -> Any:
    if isinstance(tool, dict) or is_provider_tool(tool):
        return tool
    # the name tells apart what looks alike to a model but is read by other code
    named = f"{getattr(tool, '__module__', '')}.{getattr(tool, '__qualname__', type(tool).__qualname__)}"
    return [named, convert_to_openai_tool(tool), getattr(tool, "extras", None)]
