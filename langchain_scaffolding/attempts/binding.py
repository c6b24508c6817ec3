"""What is bound on the model of an attempt for one call: tools as the caller gave them, or a schema to fill."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from langchain_core.callbacks import CallbackManagerForChainRun
from langchain_core.runnables import Runnable, RunnableConfig, RunnableParallel, RunnableSequence
from langchain_core.runnables.base import RunnableBindingBase
from langchain_core.runnables.config import merge_configs, patch_config, set_config_context
from langchain_core.runnables.configurable import DynamicRunnable
from langchain_core.tools import BaseTool


@dataclass(frozen=True, slots=True)
class RawTools:
    """Tools as the caller gave them, with what goes with them; bound on the model that is chosen."""

    tools: tuple[Any, ...]
    options: tuple[tuple[str, Any], ...] = ()


def is_provider_tool(tool: object) -> bool:
    """Whether it is a tool of one provider's own, such as a built-in web search, which has no function to convert."""
    if isinstance(tool, dict):
        return tool.get("type", "function") != "function" or _SPEC_KEYS.isdisjoint(tool)
    return not callable(tool) and not isinstance(tool, (BaseTool, str))


_SPEC_KEYS = frozenset({"type", "function", "name", "title"})


@dataclass(frozen=True, slots=True)
class Schema:
    """A wanted output schema, with what goes with it; bound on the model that is chosen."""

    schema: Any
    options: tuple[tuple[str, Any], ...] = ()


_REPLACED = frozenset({"tools", "tool_choice", "parallel_tool_calls", "response_format"})


def with_tools_or_schema(
    model: Runnable[Any, Any], config: RunnableConfig | None, kwargs: dict[str, Any]
) -> Runnable[Any, Any]:
    """A model with the `RawTools` or the `Schema` of a call bound on it, and with the call's other arguments."""
    tools: Any = kwargs.get("tools")
    schema = kwargs.get("schema")
    if isinstance(schema, Schema):
        options = {**dict(schema.options), "include_raw": True}
        if isinstance(tools, RawTools):
            options["tools"] = list(tools.tools)
        bind = partial(_of, "with_structured_output", schema.schema, options)
    else:
        bind = partial(_of, "bind_tools", list(tools.tools), dict(tools.options))
    arguments = {name: value for name, value in kwargs.items() if name not in {"tools", "schema"}}
    return _rebound(model, config, bind, arguments)


def _of(name: str, subject: Any, options: dict[str, Any], model: Runnable[Any, Any]) -> Runnable[Any, Any]:
    return getattr(model, name)(subject, **options)  # type: ignore[no-any-return]


def _rebound(
    model: Runnable[Any, Any],
    config: RunnableConfig | None,
    bind: Callable[[Runnable[Any, Any]], Runnable[Any, Any]],
    arguments: dict[str, Any],
) -> Runnable[Any, Any]:
    """What `bind` makes of the model, with what is bound on it, what the config chooses of it, and the arguments.

    A binding forwards unknown names to the bare model inside, so `binding.bind_tools` would lose the binding; tools
    that were bound before give way, as they do on any model. A configurable model would lose the call's config.
    """
    if isinstance(model, DynamicRunnable):
        model, _ = model.prepare(config)
    if isinstance(model, RunnableBindingBase):
        kept = {name: value for name, value in model.kwargs.items() if name not in _REPLACED}
        bound = _rebound(model.bound, merge_configs(model.config, config), bind, {**kept, **arguments})
        return model.model_copy(update={"bound": bound, "kwargs": {}})
    return _with_arguments(bind(model), arguments)


def _with_arguments(bound: Runnable[Any, Any], arguments: dict[str, Any]) -> Runnable[Any, Any]:
    """A binding with more arguments. Structured output begins with a map, which would drop those of a call."""
    if isinstance(bound, RunnableSequence) and isinstance(bound.first, RunnableParallel):
        steps = {name: step.bind(**arguments) if arguments else step for name, step in bound.first.steps__.items()}
        first = _Single(steps__=steps) if len(steps) == 1 else RunnableParallel(steps)
        return RunnableSequence(first, *bound.steps[1:])
    return bound.bind(**arguments) if arguments else bound


class _Single(RunnableParallel[Any]):
    """A map of one step, called in the thread of its caller.

    LangChain would start a pool of threads for it, which a program waits for at its end, however long they hang.
    """

    def invoke(self, input: Any, config: RunnableConfig | None = None, **_: Any) -> dict[str, Any]:
        """What the step gives, under its name."""
        ((name, step),) = self.steps__.items()

        def call(value: Any, run_manager: CallbackManagerForChainRun, config: RunnableConfig) -> dict[str, Any]:
            child = patch_config(config, callbacks=run_manager.get_child(f"map:key:{name}"))
            with set_config_context(child) as context:
                return {name: context.run(step.invoke, value, child)}

        return self._call_with_config(call, input, config)
