"""Takes from JSON of others what is of the right shape: anything else is unknown, and never an error."""

from __future__ import annotations

from typing import Any, Final

from langchain_scaffolding.discovery.http_json import UnexpectedAnswerError

_LONGEST_NAME: Final = 256
MOST_MODELS: Final = 500
"""Models of one server that are made ready; of more, that there are more is told."""


def mapping(value: object) -> dict[str, Any]:
    """The object, or an empty one."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> list[Any]:
    """The list, or an empty one."""
    return value if isinstance(value, list) else []


def text(value: object) -> str | None:
    """The text, unless it is empty.

    >>> text("Q4_K_M"), text(""), text(4)
    ('Q4_K_M', None, None)
    """
    return value if isinstance(value, str) and value.strip() else None


def count(value: object) -> int | None:
    """The number, if it is whole and above 0: servers write 0 for what they do not know.

    >>> count(4096), count(0), count(True), count("4096")
    (4096, None, None, None)
    """
    return value if type(value) is int and 0 < value < 1 << 63 else None


def words(value: object) -> frozenset[str]:
    """The texts in a list.

    >>> sorted(words(["completion", "tools", 3]))
    ['completion', 'tools']
    """
    return frozenset(word for word in items(value) if isinstance(word, str))


def model_name(value: object) -> str | None:
    """The text, if it can be a model's name: one printable line, not endless."""
    name = text(value)
    return name if name is not None and name.isprintable() and len(name) <= _LONGEST_NAME else None


def listed(answer: object, key: str, what: str) -> list[dict[str, Any]]:
    """The objects listed under a key, one more than `MOST_MODELS` at most.

    Raises:
        UnexpectedAnswerError: The answer has no such list: what answers is another program.
    """
    found = mapping(answer).get(key)
    if not isinstance(found, list):
        raise UnexpectedAnswerError(f"what listens there is no {what}: its answer has no list {key!r}")
    return [entry for entry in found if isinstance(entry, dict)][: MOST_MODELS + 1]
