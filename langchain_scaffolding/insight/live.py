"""`watch`: a view of a running router that follows it in a notebook."""

from __future__ import annotations

import math
import threading
import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from langchain_scaffolding.display.style import STYLE
from langchain_scaffolding.errors import ConfigurationError
from langchain_scaffolding.insight.extra import package

if TYPE_CHECKING:
    from collections.abc import Callable

    from langchain_scaffolding.performance import PerformanceTracker
    from langchain_scaffolding.performance.breaker import ModelHealth

_SHOWN = ("task", "model", "calls", "errors", "latency_p50_s", "latency_p95_s", "acceptance", "feedback_mean")
_FRESH = (
    ".lcs .fresh td{animation:lcs-fresh 1.2s}"
    "@keyframes lcs-fresh{from{background:color-mix(in srgb,var(--lcs-good) 30%,transparent)}}"
    ".lcs .one-line{white-space:nowrap}"
    ".lcs button{font:inherit;color:inherit;background:none;border:1px solid var(--lcs-line);border-radius:4px}"
)


class Router(Protocol):
    """What is read of a router."""

    @property
    def performance(self) -> PerformanceTracker: ...  # noqa: D102

    def health(self) -> list[ModelHealth]: ...  # noqa: D102


def watch(router: Router, *, every_s: float = 0.5, rows: int = 20) -> Any:
    """A live table of what a router learns, for notebooks: calls, failures, latency, acceptance, feedback, breakers.

    It follows calls from any thread, also while a cell runs, and shows a page of rows at a time. Put it last in a cell,
    and call the router in a later one. `watch(router).close()` ends it.

    Args:
        router: The router.
        every_s: Seconds between updates at least; 0: an update with every change, in the thread that made it.
        rows: Rows on a page.

    Raises:
        ConfigurationError: A value is out of range.
        ImportError: anywidget is not installed; the message has the line that installs it.
    """
    if rows < 1 or not every_s >= 0:
        raise ConfigurationError(f"`rows` must be at least 1 and `every_s` at least 0, not {rows!r} and {every_s!r}.")
    return _view()(router, every_s, rows)


def live_state(router: Router, page: int, rows: int) -> dict[str, Any]:
    """What the view shows: plain values, one page of rows."""
    known = router.performance.snapshot()
    left_alone = {
        health.model: "being tried again" if health.state == "half-open" else f"left alone ({health.error})"
        for health in router.health()
        if health.state != "closed"
    }
    pages = max(-(-len(known) // rows), 1)
    page = min(max(page, 1), pages)
    return {
        "calls": sum(row.calls - row.errors for row in known),
        "errors": sum(row.errors for row in known),
        "most": max((row.calls for row in known), default=0),
        "page": page,
        "pages": pages,
        "rows": [
            {
                **{name: row[name] for name in _SHOWN},
                "key": f"{row.task}\n{row.model}",
                "left_alone": left_alone.get(row.model),
            }
            for row in known[(page - 1) * rows : page * rows]
        ],
    }


class Pulse:
    """Calls a function soon after it was touched, and no more often than it may; what came last is never left out.

    Args:
        push: The function.
        every_s: Seconds between two calls at least; 0: at once, in the thread that touches.
        clock: Seconds, never running backwards.
    """

    def __init__(
        self, push: Callable[[], None], every_s: float, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._push = push
        self._every_s = every_s
        self._clock = clock
        self._lock = threading.Lock()
        self._pushed_at = -math.inf
        self._timer: threading.Timer | None = None

    def touch(self, *_: object) -> None:
        """Something has changed."""
        if not self._every_s:
            self._push()
            return
        with self._lock:
            if self._timer is None:
                wait = max(self._pushed_at + self._every_s - self._clock(), 0.0)
                self._timer = threading.Timer(wait, self._beat)
                self._timer.daemon = True
                self._timer.start()

    def _beat(self) -> None:
        with self._lock:
            self._timer = None
            self._pushed_at = self._clock()
        self._push()

    def stop(self) -> None:
        """Call it no more."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()


@cache
def _view() -> Any:
    """The widget's class, made when it is first wanted: its base is in a package of the `insight` extra."""
    anywidget, traitlets = package("anywidget"), package("traitlets")

    class LiveView(anywidget.AnyWidget):  # type: ignore[misc, name-defined]
        _esm = Path(__file__).with_name("live.js").read_text(encoding="utf-8")
        _css = STYLE + _FRESH
        state = traitlets.Dict().tag(sync=True)
        page = traitlets.Int(1).tag(sync=True)

        def __init__(self, router: Router, every_s: float, rows: int) -> None:
            self._router, self._rows = router, rows
            super().__init__(state=live_state(router, 1, rows))
            self._pulse = Pulse(self._refresh, every_s)
            self._unsubscribe = router.performance.subscribe(self._pulse.touch)
            self.observe(lambda _: self._refresh(), names="page")

        def _refresh(self) -> None:
            self.state = live_state(self._router, self.page, self._rows)

        def close(self) -> None:
            self._unsubscribe()
            self._pulse.stop()
            super().close()

    return LiveView
