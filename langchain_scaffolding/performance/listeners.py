"""`Listeners`: who is told when something has changed."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from types import MethodType
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Collection

Listener: TypeAlias = Callable[[str, str], None]
"""Is called with the task and the model of which something has changed."""

Judge: TypeAlias = Callable[[str, float], None]
"""Is called with the id of a decision and the score of its answer."""

_Listener = TypeVar("_Listener", bound=Callable[..., None])


class Listeners(Generic[_Listener]):
    """The listeners of one tracker; bound methods are held weakly, so that listening keeps nothing alive."""

    def __init__(self) -> None:
        # replaced as a whole, so that telling needs no lock
        self._held: tuple[Callable[[], _Listener | None], ...] = ()

    def add(self, listener: _Listener) -> Callable[[], None]:
        """Tell a listener from now on; return a function that ends it."""
        held: Callable[[], _Listener | None]
        if isinstance(listener, MethodType):
            held = weakref.WeakMethod(listener)
        else:

            def held() -> _Listener:
                return listener

        self._held = (*self._held, held)

        def unsubscribe() -> None:
            self._held = tuple(one for one in self._held if one is not held)

        return unsubscribe

    def tell(self, facts: Collection[tuple[object, object]]) -> None:
        """Call every listener for every pair of facts."""
        gone = False
        for held in self._held:
            listener = held()
            if listener is None:
                gone = True
                continue
            for pair in facts:
                listener(*pair)
        if gone:
            self._held = tuple(held for held in self._held if held() is not None)

    def __bool__(self) -> bool:
        return bool(self._held)
