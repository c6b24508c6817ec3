"""The one sentence that a missing optional package is answered with."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def package(name: str) -> Any:
    """A package of the `insight` extra.

    Raises:
        ImportError: It is not installed; the message has the line that installs it.

    Example:
        >>> package("nosuchpackage")
        Traceback (most recent call last):
        ImportError: Tables and pictures need the package nosuchpackage. Install it with
            `pip install "langchain-scaffolding[insight]"`.
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        msg = (
            f"Tables and pictures need the package {name}. "
            'Install it with `pip install "langchain-scaffolding[insight]"`.'
        )
        raise ImportError(msg, name=name) from None
