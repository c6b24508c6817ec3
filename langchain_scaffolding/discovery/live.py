"""What sources find, kept current in the background: whoever reads it never waits for a server."""

from __future__ import annotations

import logging
import math
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Self

from langchain_scaffolding.candidates import Candidate
from langchain_scaffolding.discovery.base import Discovery, DiscoverySource, answers_of, chosen, merged
from langchain_scaffolding.errors import ConfigurationError

logger = logging.getLogger(__name__)

_MOST_REMEMBERED: Final = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class _State:
    """What one look found, replaced as a whole: a reader in another thread sees one look and never parts of two."""

    found: Discovery = field(default_factory=Discovery)
    known: Mapping[str, Candidate] = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict)
    gone: Mapping[str, str] = field(default_factory=dict)
    looked_at: float | None = None


class LiveDiscovery:
    """Asks sources again and again, in a thread of its own, and tells whoever listens what has changed.

    A model that comes is known after one interval, one that goes is gone after one. A model of which nothing has
    changed stays the same object. The thread ends with this object, with `close()`, or with the program; a forked
    process has one of its own.

    Args:
        sources: The sources; by default `default_sources()`.
        interval_s: Seconds between the end of one look and the begin of the next.
        clock: Seconds from any start, never running backwards; for `age_s`.

    Attributes:
        telling: Held while listeners are told, and while one is added.

    Raises:
        ConfigurationError: The interval is no time.

    Example:
        >>> from langchain_scaffolding.testing import ScriptedChatModel
        >>> class Shelf:
        ...     name = "shelf"
        ...     models = ["tiny", "big"]
        ...
        ...     def discover(self):
        ...         return [Candidate(name=name, model=ScriptedChatModel()) for name in self.models]
        >>> live = LiveDiscovery([Shelf()])
        >>> [candidate.name for candidate in live.refresh()]
        ['tiny', 'big']
        >>> Shelf.models = ["tiny"]
        >>> len(live.refresh()), dict(live.gone)
        (1, {'big': 'shelf has it no more'})
    """

    def __init__(
        self,
        sources: Iterable[DiscoverySource] | None = None,
        *,
        interval_s: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not 0 < interval_s < math.inf:
            raise ConfigurationError(f"interval_s={interval_s!r} is no interval: give seconds above 0.")
        self._sources = chosen(sources)
        self.interval_s = interval_s
        self._clock = clock
        self._state = _State()
        self._looking = threading.Lock()
        self.telling = threading.RLock()
        self._listeners: list[weakref.WeakMethod[Callable[[], None]]] = []
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        weakref.finalize(self, self._stop.set)

    def __repr__(self) -> str:
        names = ", ".join(source.name for source in self._sources)
        return f"<LiveDiscovery of {names}, every {self.interval_s:g} s, {len(self.found)} models>"

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def __deepcopy__(self, _: object) -> Self:
        """Itself: a thread is not copied."""
        return self

    def __reduce__(self) -> tuple[Callable[[], None], tuple[()]]:
        """Left out of pickles: another process has other servers."""
        return _nothing, ()

    @property
    def found(self) -> Discovery:
        """What the last look found."""
        return self._state.found

    @property
    def known(self) -> tuple[Candidate, ...]:
        """Every model that any look found, in the order in which they came."""
        return tuple(self._state.known.values())

    @property
    def gone(self) -> Mapping[str, str]:
        """Why a model that was found before is not there now, by its name."""
        return MappingProxyType(dict(self._state.gone))

    @property
    def age_s(self) -> float | None:
        """Seconds since the last look; `None` before the first."""
        looked_at = self._state.looked_at
        return None if looked_at is None else self._clock() - looked_at

    def refresh(self) -> Discovery:
        """Look now, and wait for it.

        Raises:
            Exception: A source has a bug; what was known before stays.
        """
        with self._looking:
            before = self._state
            after = self._state = _after(before, answers_of(self._sources), self._clock())
        if (before.known, before.gone) != (after.known, after.gone):
            self._tell(before, after)
        return after.found

    def subscribe(self, listener: Callable[[], None]) -> None:
        """Call a method whenever a model has come, gone or changed. It is held weakly: it dies with its object."""
        with self.telling:
            listeners = [each for each in self._listeners if each() not in (None, listener)]
            self._listeners = [*listeners, weakref.WeakMethod(listener)]

    def start(self) -> Self:
        """Look in the background from now on; the first look is after one interval. Starting twice does nothing."""
        with self._looking:
            if self._thread is None and not self._stop.is_set():
                arguments = (weakref.ref(self), self._stop, self.interval_s)
                self._thread = threading.Thread(target=_keep_looking, args=arguments, name="discovery", daemon=True)
                self._thread.start()
                _started.add(self)
        return self

    def close(self) -> None:
        """Look no more; what was found stays. A look that is under way ends by itself. Closing twice does nothing."""
        self._stop.set()

    def _tell(self, before: _State, after: _State) -> None:
        came = [name for name in after.known if name not in before.known or name in before.gone.keys() - after.gone]
        left = [f"{name} ({why})" for name, why in after.gone.items() if name not in before.gone]
        logger.info("models came: %s; left: %s", ", ".join(came) or "none", ", ".join(left) or "none")
        with self.telling:
            for reference in self._listeners:
                listener = reference()
                if listener is not None:
                    listener()

    def _start_again(self) -> None:
        """Begin anew in a forked process, which has no thread, and whose locks another thread may have held."""
        self._looking, self.telling, self._thread = threading.Lock(), threading.RLock(), None
        self.start()


_started: weakref.WeakSet[LiveDiscovery] = weakref.WeakSet()


def _start_all_again() -> None:
    for live in list(_started):
        live._start_again()  # noqa: SLF001 - its own


if hasattr(os, "register_at_fork"):  # Windows does not fork
    os.register_at_fork(after_in_child=_start_all_again)


def _keep_looking(reference: weakref.ref[LiveDiscovery], stop: threading.Event, interval_s: float) -> None:
    while not stop.wait(interval_s):
        live = reference()
        if live is None:
            return
        try:
            live.refresh()
        except Exception as error:
            if isinstance(error, RuntimeError) and str(error).endswith("shutdown"):
                return  # what Python says to whoever starts a thread while the program ends
            # nobody waits for this thread whom the bug of a source or listener could reach
            logger.exception("A look for models failed; what was known before stays, and the next look comes.")
        del live


def _after(before: _State, answers: list[tuple[str, Discovery]], now: float) -> _State:
    fresh = merged(answers)
    candidates = [_same(before.known.get(candidate.name), candidate) for candidate in fresh]
    origins = {**before.origins}
    for source, answer in reversed(answers):
        origins.update(dict.fromkeys((candidate.name for candidate in answer), source))
    here = {candidate.name: candidate for candidate in candidates}
    silent = {source: answer.troubles[-1][1] for source, answer in answers if answer.troubles and not answer.candidates}
    known = {**before.known, **here}
    for name in [name for name in known if name not in here][: max(0, len(known) - _MOST_REMEMBERED)]:
        del known[name], origins[name]
    gone = {name: silent.get(origins[name], f"{origins[name]} has it no more") for name in known if name not in here}
    found = Discovery(candidates=tuple(candidates), troubles=fresh.troubles)
    return _State(found=found, known=known, origins=origins, gone=gone, looked_at=now)


def _same(old: Candidate | None, new: Candidate) -> Candidate:
    """The old candidate where nothing has changed: it has open connections, and comparing models takes long."""
    if old is None or old.tags != new.tags or type(old.model) is not type(new.model):
        return new
    return old


def _nothing() -> None:
    """What a copy in another process is."""
