"""`Listeners`: who is told when something has changed."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from types import MethodType
from typing import Any, Generic, TypeAlias, TypeVar

Listener: TypeAlias = Callable[[str, str], None]
"""Is called with the task and the model of which something has changed."""

Judge: TypeAlias = Callable[[str, float], None]
"""Is called with the id of a decision and the score of its answer."""

_Listener = TypeVar("_Listener", bound=Callable[..., None])


class Listeners(Generic[_Listener]):
    """The listeners of one tracker; bound methods are held weakly, so that listening keeps nothing alive."""

    def __init__(self) -> None:
        # The object of a bound method, and what to call. Replaced as a whole, so that telling needs no lock.
        self._held: tuple[tuple[weakref.ref[Any] | None, Callable[..., None]], ...] = ()

    def add(self, listener: _Listener) -> Callable[[], None]:
        """Tell a listener from now on; return a function that ends it."""
        held: tuple[weakref.ref[Any] | None, Callable[..., None]]
        if isinstance(listener, MethodType):
            held = (weakref.ref(listener.__self__), listener.__func__)
        else:
            held = (None, listener)
        self._held = (*self._held, held)

        def unsubscribe() -> None:
            self._held = tuple(one for one in self._held if one is not held)

        return unsubscribe

    def tell(self, subject: object, fact: object) -> None:
        """Call every listener."""
        gone = False
        for reference, listener in self._held:
            if reference is None:
                listener(subject, fact)
                continue
            owner = reference()
            if owner is None:
                gone = True
            else:
                listener(owner, subject, fact)
        if gone:
            self._held = tuple(held for held in self._held if held[0] is None or held[0]() is not None)
