"""`Listeners`: who is told when something has changed."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from types import MethodType
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Collection

    from langchain_scaffolding.performance.sources import Pair

Listener: TypeAlias = Callable[[str, str], None]
"""Is called with the task and the model of which something has changed."""


class Listeners:
    """The listeners of one tracker; bound methods are held weakly, so that listening keeps nothing alive."""

    def __init__(self) -> None:
        # replaced as a whole, so that telling needs no lock
        self._held: tuple[Callable[[], Listener | None], ...] = ()

    def add(self, listener: Listener) -> Callable[[], None]:
        """Tell a listener from now on; return a function that ends it."""
        held: Callable[[], Listener | None]
        if isinstance(listener, MethodType):
            held = weakref.WeakMethod(listener)
        else:

            def held() -> Listener:
                return listener

        self._held = (*self._held, held)

        def unsubscribe() -> None:
            self._held = tuple(one for one in self._held if one is not held)

        return unsubscribe

    def tell(self, pairs: Collection[Pair]) -> None:
        """Call every listener for every pair."""
        gone = False
        for held in self._held:
            listener = held()
            if listener is None:
                gone = True
                continue
            for task, model in pairs:
                listener(task, model)
        if gone:
            self._held = tuple(held for held in self._held if held() is not None)

    def __bool__(self) -> bool:
        return bool(self._held)
