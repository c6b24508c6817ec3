"""Has the parser of docstrings, which knows the plural only, show what stands below `Example:` as code."""

from __future__ import annotations

import re
from typing import Any

import griffe

_EXAMPLE = re.compile(r"^( *)Example:$", re.MULTILINE)


class Examples(griffe.Extension):
    """Gives the parser the plural."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Change the docstring of a class, a function or an attribute."""
        if obj.docstring is not None:
            obj.docstring.value = _EXAMPLE.sub(r"\1Examples:", obj.docstring.value)

    def on_module(self, *, mod: griffe.Module, **_: Any) -> None:
        """Change the docstring of a module."""
        self.on_object(obj=mod)
