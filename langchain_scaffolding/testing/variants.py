"""Classes of a chat model that lack some of its hooks.

LangChain asks the class, not the object, what a model can do (`type(m)._stream is
BaseChatModel._stream`), so a model that cannot stream must be of a class that does not.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from langchain_core.language_models import BaseChatModel

HOOKS = {
    "native_async": ("_agenerate", "_astream"),
    "streams": ("_stream", "_astream"),
    "tools": ("bind_tools",),
    "structured": ("with_structured_output",),
}
"""Options of a model, and the hooks that are LangChain's own where the option is off."""


@cache
def variant(root: type[BaseChatModel], lacking: frozenset[str]) -> Any:
    """The subclass of `root` without the hooks of the options `lacking`."""
    if not lacking:
        return root
    hooks = {hook: getattr(BaseChatModel, hook) for name in lacking for hook in HOOKS[name]}
    names = {"__module__": root.__module__, "__qualname__": root.__qualname__, **hooks}
    metaclass: Any = type(root)
    made = metaclass(root.__name__, (root,), names)
    made.variant_of, made.lacking = root, lacking
    return made


def blank(root: type[BaseChatModel], lacking: frozenset[str]) -> Any:
    """A model of that class without attributes, for pickle to fill."""
    made = variant(root, lacking)
    return made.__new__(made)
