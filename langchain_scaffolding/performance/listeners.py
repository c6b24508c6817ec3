"""`Listeners`: who is told when something has changed."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from types import MethodType
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

Listener: TypeAlias = Callable[[str, str], None]
"""Is called with the task and the model of which something has changed."""

Judge: TypeAlias = Callable[[str, float], None]
"""Is called with the id of a decision and the score of its answer."""

_Listener = TypeVar("_Listener", bound=Callable[..., None])


class _Held(NamedTuple):
    """The object of a bound method, what to call, and whether it may be told later."""

    owner: weakref.ref[Any] | None
    call: Callable[..., None]
    patient: bool


class Listeners(Generic[_Listener]):
    """The listeners of one tracker; bound methods are held weakly, so that listening keeps nothing alive."""

    def __init__(self) -> None:
        self._hold(())

    def _hold(self, held: tuple[_Held, ...]) -> None:
        # replaced as a whole, so that telling needs no lock
        self._held = held
        self.are_patient = all(one.patient for one in held)
        """Whether all of them may be told of several changes at once."""

    def add(self, listener: _Listener, *, patient: bool = False) -> Callable[[], None]:
        """Tell a listener from now on; return a function that ends it."""
        if isinstance(listener, MethodType):
            held = _Held(weakref.ref(listener.__self__), listener.__func__, patient)
        else:
            held = _Held(None, listener, patient)
        self._hold((*self._held, held))

        def unsubscribe() -> None:
            self._hold(tuple(one for one in self._held if one is not held))

        return unsubscribe

    def tell(self, subject: object, fact: object) -> None:
        """Call every listener."""
        gone = False
        for reference, listener, _ in self._held:
            if reference is None:
                listener(subject, fact)
                continue
            owner = reference()
            if owner is None:
                gone = True
            else:
                listener(owner, subject, fact)
        if gone:
            self._hold(tuple(one for one in self._held if one.owner is None or one.owner() is not None))
