"""`ThinkingBudgets`: which models need more tokens than the answer, because they think first."""

from __future__ import annotations

import threading

_FACTOR = 8
_LEAST = 1024


class ThinkingBudgets:
    """Remembers the models that spent a whole answer thinking, and gives them more tokens from then on.

    A reasoning model counts its thinking as output, so a limit made for a title leaves nothing for the title. The limit
    is raised once: a model that thinks through the raised limit, too, has failed.

    Example:
        >>> budgets = ThinkingBudgets()
        >>> budgets.limit("thinker", 60), budgets.ran_out("thinker"), budgets.limit("thinker", 60)
        (60, True, 1084)
        >>> budgets.ran_out("thinker")
        False
    """

    def __init__(self) -> None:
        self._thinkers: set[str] = set()
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[type[ThinkingBudgets], tuple[()]]:
        """Copies and pickles begin without memory."""
        return type(self), ()

    def limit(self, model: str, max_tokens: int) -> int:
        """The token limit of a call to a model, from the limit of the answer."""
        return max(max_tokens * _FACTOR, max_tokens + _LEAST) if model in self._thinkers else max_tokens

    def ran_out(self, model: str) -> bool:
        """Note that a model was cut off while it thought; whether its limit is raised for that, so it may try again."""
        with self._lock:
            is_new = model not in self._thinkers
            self._thinkers.add(model)
        return is_new

    def clear(self) -> None:
        """Forget every model."""
        with self._lock:
            self._thinkers.clear()
