"""Tools and output schemas in the form in which OpenAI-like providers take them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, Literal, TypeAlias

from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage
from langchain_core.output_parsers import (
    BaseOutputParser,
    JsonOutputParser,
    PydanticOutputParser,
)
from langchain_core.output_parsers.openai_tools import (
    JsonOutputKeyToolsParser,
    PydanticToolsParser,
)
from langchain_core.runnables import Runnable, RunnableMap, RunnablePassthrough
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from langchain_core.utils.pydantic import is_basemodel_subclass
from pydantic import BaseModel

from langchain_scaffolding.testing.script import BoundTool

ToolLike: TypeAlias = dict[str, Any] | type | Callable[..., Any] | BaseTool
ToolChoice: TypeAlias = dict[str, Any] | str | bool | None
Method: TypeAlias = Literal["function_calling", "json_schema", "json_mode"]


def tool_kwargs(tools: Sequence[ToolLike], tool_choice: ToolChoice, *, strict: bool | None) -> dict[str, Any]:
    """The call keywords `tools` and, if one is made, `tool_choice`.

    Raises:
        ValueError: If `tool_choice` names none of the tools.
    """
    specs = [BoundTool(convert_to_openai_tool(tool, strict=strict), tool) for tool in tools]
    if tool_choice is None or tool_choice is False:
        return {"tools": specs}
    if tool_choice is True or tool_choice == "any":
        return {"tools": specs, "tool_choice": "required"}
    if tool_choice in ("auto", "none", "required"):
        return {"tools": specs, "tool_choice": tool_choice}
    names = [spec["function"]["name"] for spec in specs if "function" in spec]
    name = tool_choice
    if isinstance(tool_choice, dict):
        name = tool_choice.get("function", {}).get("name")
    if name not in names:
        raise ValueError(
            f"tool_choice {tool_choice!r} is none of the bound tools {names}: name one of them, or"
            ' give "auto", "any", "none" or None.'
        )
    return {"tools": specs, "tool_choice": {"type": "function", "function": {"name": name}}}


def structured_output(
    model: BaseChatModel,
    schema: dict[str, Any] | type,
    *,
    method: Method,
    include_raw: bool,
    strict: bool | None,
) -> Runnable[LanguageModelInput, dict[str, Any] | BaseModel]:
    """A chain of `model` and the parser of `schema`.

    Raises:
        ValueError: If `method` is unknown, or JSON mode is to be strict.
    """
    spec = convert_to_openai_tool(schema, strict=strict)["function"]
    traced = {
        "ls_structured_output_format": {"kwargs": {"method": method}, "schema": schema},
    }
    asked: Runnable[LanguageModelInput, AIMessage]
    if method == "function_calling":
        asked = model.bind_tools([schema], tool_choice=spec["name"], strict=strict, **traced)
        parser = _tool_parser(schema, spec["name"])
    elif method in ("json_schema", "json_mode"):
        response_format = _response_format(spec, method, strict=strict)
        asked = model.bind(response_format=response_format, **traced)
        parser = _text_parser(schema)
    else:
        raise ValueError(f'method {method!r} is unknown: give "function_calling", "json_schema" or "json_mode".')
    if not include_raw:
        return asked | parser
    parsed: Runnable[Any, Any] = RunnablePassthrough.assign(
        parsed=itemgetter("raw") | parser, parsing_error=lambda _: None
    )
    unparsed = RunnablePassthrough.assign(parsed=lambda _: None)
    return RunnableMap(raw=asked) | parsed.with_fallbacks([unparsed], exception_key="parsing_error")


def _response_format(spec: dict[str, Any], method: Method, *, strict: bool | None) -> dict[str, Any]:
    if method == "json_schema":
        json_schema = {"name": spec["name"], "schema": spec["parameters"]}
        if strict is not None:
            json_schema["strict"] = strict
        return {"type": "json_schema", "json_schema": json_schema}
    if strict is not None:
        raise ValueError('strict is not for method "json_mode": leave it out or use "json_schema".')
    return {"type": "json_object"}


def _tool_parser(schema: dict[str, Any] | type, name: str) -> BaseOutputParser[Any]:
    if isinstance(schema, type) and is_basemodel_subclass(schema):
        return PydanticToolsParser(tools=[schema], first_tool_only=True)
    return JsonOutputKeyToolsParser(key_name=name, first_tool_only=True)


def _text_parser(schema: dict[str, Any] | type) -> BaseOutputParser[Any]:
    if isinstance(schema, type) and is_basemodel_subclass(schema):
        return PydanticOutputParser(pydantic_object=schema)
    return JsonOutputParser()
