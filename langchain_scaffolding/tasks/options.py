"""`Option`: what a caller may set for one scaffold, checked before anything is called."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from langchain_scaffolding.errors import ConfigurationError


@dataclass(frozen=True, kw_only=True, slots=True)
class Option:
    """An option of a task: its default, and which values are allowed.

    Attributes:
        default: The value where none is given; `None` leaves it open.
        choices: The names allowed; empty for any text, or for a number.
        least: The smallest number allowed; given with `most`, and makes the option a number.
        most: The largest number allowed.
        whole: Whether a number must be whole.

    Example:
        >>> Option(default="bullet", choices=("bullet", "roman")).checked("style", "roman")
        'roman'
        >>> Option(default=5, least=1, most=100).checked("max_points", 0)
        Traceback (most recent call last):
        langchain_scaffolding.errors.ConfigurationError: max_points is 0; give a whole number from 1 to 100.
    """

    default: Any = None
    choices: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None
    whole: bool = True

    def checked(self, name: str, value: object) -> Any:
        """The value, if it is allowed.

        Raises:
            ConfigurationError: It is not; the message names the value and what to give instead.
        """
        if value is None and self.default is None:
            return None
        if self.choices:
            if isinstance(value, str) and value in self.choices:
                return value
            wanted = f"one of {', '.join(map(repr, self.choices))}"
        elif self.least is not None and self.most is not None:
            if self._is_in_range(value, self.least, self.most):
                return value
            wanted = f"a {'whole ' if self.whole else ''}number from {self.least:g} to {self.most:g}"
        elif isinstance(value, str):
            return value
        else:
            wanted = "a text"
        raise ConfigurationError(f"{name} is {_short(value)}; give {wanted}.")

    def _is_in_range(self, value: object, least: float, most: float) -> bool:
        if isinstance(value, bool) or not isinstance(value, int if self.whole else (int, float)):
            return False
        return math.isfinite(value) and least <= value <= most


def _short(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:59]}…"


COMMON: Final[Mapping[str, Option]] = {
    "max_tokens": Option(least=1, most=100_000),
    "temperature": Option(least=0, most=2, whole=False),
    "audience": Option(choices=("novice", "expert")),
    "background": Option(),
}
"""The options that every task has.

`max_tokens` limits the answer, `temperature` overrides the task's own, `audience` is "novice" or "expert", and
`background` is what else the model should know, such as the conversation so far.
"""

MAX_POINTS: Final = Option(default=5, least=1, most=100)
"""How many points a list may have, nested ones included."""
