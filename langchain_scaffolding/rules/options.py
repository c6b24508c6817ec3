"""Checks of what a caller hands to a rule, each naming the value and the remedy."""

from __future__ import annotations

from collections.abc import Collection

from langchain_scaffolding.errors import ConfigurationError


def positive(name: str, value: object) -> int:
    """Return `value` if it is a whole number above zero.

    Raises:
        ConfigurationError: For anything else, `True` and `2.0` included.

    >>> positive("max_points", 5)
    5
    >>> positive("max_points", 0)
    Traceback (most recent call last):
    langchain_scaffolding.errors.ConfigurationError: max_points is 0; it must be a whole number of at least 1
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigurationError(f"{name} is {value!r}; it must be a whole number of at least 1")
    return value


def one_of(name: str, value: object, allowed: Collection[str]) -> str:
    """Return `value` if it is one of the `allowed` names.

    Raises:
        ConfigurationError: For any other, with the allowed ones in the message.

    >>> one_of("style", "haiku", ["bullet", "roman"])
    Traceback (most recent call last):
    langchain_scaffolding.errors.ConfigurationError: style is 'haiku'; it must be one of 'bullet', 'roman'
    """
    if not isinstance(value, str) or value not in allowed:
        names = ", ".join(repr(name) for name in allowed)
        raise ConfigurationError(f"{name} is {value!r}; it must be one of {names}")
    return value
