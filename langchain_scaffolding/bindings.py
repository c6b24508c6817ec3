"""Tools and schemas that wait for the model that will be chosen: `ToolSpecs` and `StructuredOutput`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from typing import Any

from langchain_core.language_models import LanguageModelInput
from langchain_core.runnables import RunnableConfig, RunnableSerializable
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import ConfigDict, Field

from langchain_scaffolding.attempts import RawTools, Schema, is_provider_tool
from langchain_scaffolding.candidates import Candidate

_TOOL_OPTIONS = ("tool_choice", "parallel_tool_calls", "strict")


class ToolSpecs(list[dict[str, Any]]):
    """OpenAI specs of tools, as LangGraph and traces read them, with the tools themselves in `raw`.

    The specs are for readers only. The chosen model binds the tools as they were given, since converting early loses
    what only its provider knows: extras, cache control, its own tool types.
    """

    raw: RawTools

    @classmethod
    def of(cls, tools: Sequence[Any], options: dict[str, Any]) -> ToolSpecs:
        """The specs of tools, and what was bound together with them."""
        specs = cls(map(_spec, tools))
        specs.raw = RawTools(tuple(tools), tuple(options.items()))
        return specs


def _spec(tool: Any) -> dict[str, Any]:
    if not is_provider_tool(tool):
        return convert_to_openai_tool(tool)
    return tool if isinstance(tool, dict) else {"type": type(tool).__name__}


def with_raw_tools(kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a call with its tools, if it has any, as a model's own `bind_tools` takes them."""
    if "tools" not in kwargs:
        return kwargs
    tools = kwargs["tools"]
    if isinstance(tools, ToolSpecs):
        return {**kwargs, "tools": tools.raw}
    rest = {name: value for name, value in kwargs.items() if name != "tools" and name not in _TOOL_OPTIONS}
    if not tools:
        return rest
    options = tuple((name, kwargs[name]) for name in _TOOL_OPTIONS if kwargs.get(name) is not None)
    return {**rest, "tools": RawTools(tuple(tools), options)}


def without_streaming(candidate: Candidate, disabled: bool | str) -> Candidate:
    """The candidate with a model that does not stream on its own.

    A model that is called below a handler of streams, as graphs and event streams have them, streams even when it is
    asked for a whole answer, unless it is told not to itself.
    """

    def copy(layer: Any) -> Any:
        if layer is candidate.chat_model:
            return layer.model_copy(update={"disable_streaming": disabled})
        inside = "bound" if "bound" in layer.__dict__ else "default"
        return layer.model_copy(update={inside: copy(getattr(layer, inside))})

    return replace(candidate, model=copy(candidate.model))


class StructuredOutput(RunnableSerializable[LanguageModelInput, Any]):
    """A router's answers as instances of a schema.

    Each attempt asks its model for structured output in the model's own way; an answer that does not fill the schema is
    a failed attempt. No rule can fill a schema honestly, so a call that no model could serve raises.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    router: Any = Field(repr=False)
    output: Schema
    include_raw: bool = False

    @property
    def OutputType(self) -> Any:  # noqa: N802 - LangChain's name
        """The schema, where it is a type."""
        return self.output.schema if isinstance(self.output.schema, type) and not self.include_raw else dict

    def invoke(self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """The parsed answer, or the whole of `raw`, `parsed` and `parsing_error`."""
        return self._unwrap(self.router.invoke(input, config, schema=self.output, **kwargs))

    async def ainvoke(self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """The parsed answer, or the whole of `raw`, `parsed` and `parsing_error`."""
        return self._unwrap(await self.router.ainvoke(input, config, schema=self.output, **kwargs))

    def stream(self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any) -> Iterator[Any]:
        """The parsed answer as one item: whether it fills the schema shows only at its end."""
        yield self.invoke(input, config, **kwargs)

    async def astream(
        self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any
    ) -> AsyncIterator[Any]:
        """The parsed answer as one item: whether it fills the schema shows only at its end."""
        yield await self.ainvoke(input, config, **kwargs)

    def _unwrap(self, fields: dict[str, Any]) -> Any:
        return fields if self.include_raw else fields["parsed"]
