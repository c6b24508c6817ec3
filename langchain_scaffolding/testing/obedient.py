"""A script item that does what it is asked to, without knowing the request beforehand."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from langchain_core.messages import BaseMessage, ToolMessage

from langchain_scaffolding.testing.replies import Reply

_QUOTED = re.compile(r"[\"'`“]([^\"'`”]+)[\"'`”]")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def obedient(messages: Sequence[BaseMessage], kwargs: Mapping[str, Any]) -> Reply:
    """Answer like a model that follows instructions: call tools, fill schemas, else talk.

    The first tool, or the one that is forced or named in the last message, is called once; what it returned is
    reported. Arguments and fields fit their JSON schema and take their numbers and quoted words from the message.

    Example:
        >>> from langchain_core.messages import HumanMessage
        >>> from langchain_scaffolding.testing import ScriptedChatModel
        >>> def add(a: int, b: int) -> int:
        ...     '''Add two numbers.'''
        ...     return a + b
        >>> ScriptedChatModel(obedient).bind_tools([add]).invoke("What is 2 and 3?").tool_calls[0]["args"]
        {'a': 2, 'b': 3}
    """
    last = messages[-1]
    text = str(last.text)
    tools = [tool["function"] for tool in kwargs.get("tools") or () if "function" in tool]
    choice = kwargs.get("tool_choice")
    forced = isinstance(choice, dict) or choice == "required"
    if tools and choice != "none" and (forced or not isinstance(last, ToolMessage)):
        tool = _asked_for(tools, choice, text)
        return Reply(tool_calls=({"name": tool["name"], "args": _filled(tool.get("parameters", {}), text)},))
    response_format = kwargs.get("response_format") or {}
    if response_format.get("type") == "json_schema":
        return Reply(_json(_filled(response_format["json_schema"]["schema"], text)))
    if response_format.get("type") == "json_object":
        return Reply(_json(dict.fromkeys(_QUOTED.findall(text), text)))
    said = "The tool said" if isinstance(last, ToolMessage) else "You said"
    return Reply(f"{said}: {text or 'something other than text'}")


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _asked_for(tools: list[dict[str, Any]], choice: Any, text: str) -> dict[str, Any]:
    wanted = choice["function"]["name"] if isinstance(choice, dict) else None
    named = (tool for tool in tools if tool["name"] == wanted)
    mentioned = (tool for tool in tools if wanted is None and tool["name"] in text)
    return next(named, None) or next(mentioned, None) or tools[0]


def _filled(schema: Mapping[str, Any], text: str) -> Any:
    return _value(schema, text, iter(_NUMBER.findall(text)), iter(_QUOTED.findall(text)))


def _value(schema: Mapping[str, Any], text: str, numbers: Iterator[str], quoted: Iterator[str]) -> Any:
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    for union in ("anyOf", "oneOf", "allOf"):
        if union in schema:
            return _value(schema[union][0], text, numbers, quoted)
    kind = schema.get("type")
    if kind == "object" or "properties" in schema:
        fields = schema.get("properties", {}).items()
        return {name: _value(field, text, numbers, quoted) for name, field in fields}
    if kind == "array":
        return [_value(schema.get("items", {}), text, numbers, quoted)]
    if kind in ("integer", "number"):
        number = float(next(numbers, "1"))
        return int(number) if kind == "integer" else number
    return {"boolean": True, "null": None}.get(str(kind), next(quoted, text))
