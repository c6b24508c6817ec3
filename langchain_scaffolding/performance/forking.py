"""Forks: a child process must find every lock free and everything behind the locks whole."""

from __future__ import annotations

import os
import threading
import weakref
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_Guarded = TypeVar("_Guarded")


class Members(Generic[_Guarded]):
    """Objects that are alive, held weakly; can be added to and iterated over from any thread, without a lock.

    A `WeakSet` cannot, and a lock might be held by another thread at the moment of a fork.
    """

    def __init__(self) -> None:
        self._held: dict[int, weakref.ref[_Guarded]] = {}

    def add(self, one: _Guarded) -> None:
        """Hold an object until it dies."""
        key, held = id(one), self._held
        held[key] = weakref.ref(one, lambda _: held.pop(key, None))

    def __iter__(self) -> Iterator[_Guarded]:
        for found in list(self._held.values()):
            one = found()
            if one is not None:
                yield one


def guard(
    members: Members[_Guarded],
    lock_of: Callable[[_Guarded], threading.Lock],
    after_fork: Callable[[_Guarded], None],
) -> None:
    """Fork only while the locks of all members are free, and tell the members in the child.

    Guards that are set up later take their locks earlier: set up those first whose locks are taken last elsewhere.

    Args:
        members: What is to be guarded.
        lock_of: The lock of a member.
        after_fork: Is called for each member in the child; it is to replace the lock.
    """
    # two threads may fork at the same time
    one_fork = threading.Lock()
    held: list[_Guarded] = []

    def before() -> None:
        one_fork.acquire()
        held.extend(sorted(members, key=id))
        for member in held:
            lock_of(member).acquire()

    def in_parent() -> None:
        while held:
            lock_of(held.pop()).release()
        one_fork.release()

    def in_child() -> None:
        while held:
            after_fork(held.pop())
        one_fork.release()

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=before, after_in_parent=in_parent, after_in_child=in_child)


def after_fork(function: Callable[[], None]) -> None:
    """Call a function in every child process."""
    # Windows does not fork
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=function)
