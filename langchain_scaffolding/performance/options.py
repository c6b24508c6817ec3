"""Checking what a user may set."""

from __future__ import annotations

from langchain_scaffolding.errors import ConfigurationError


def check_positive(**values: float | None) -> None:
    """Accept numbers greater than 0, and `None`.

    Raises:
        ConfigurationError: One of them is something else; the message names it.
    """
    for name, value in values.items():
        if value is not None and not value > 0:
            msg = f"`{name}` must be greater than 0, not {value!r}."
            raise ConfigurationError(msg)
