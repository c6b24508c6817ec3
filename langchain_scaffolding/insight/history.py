"""`History`: the last attempts of a router, kept in memory for tables and pictures."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Protocol

from langchain_scaffolding.errors import ConfigurationError

if TYPE_CHECKING:
    from langchain_scaffolding.performance import PerformanceTracker
    from langchain_scaffolding.records import Observer, RouteRecord

COLUMNS: Final = (
    "at",
    "decision_id",
    "task",
    "model",
    "error",
    "total_s",
    "first_token_s",
    "output_tokens",
    "measured",
    "pinned",
    "policy",
    "propensity",
    "feedback",
)
"""What is told of an attempt, as `Outcome` tells it, with the last feedback for its decision if it was accepted."""


class Router(Protocol):
    """What is used of a router."""

    observers: tuple[Observer, ...]

    @property
    def performance(self) -> PerformanceTracker: ...  # noqa: D102


class History:
    """An observer that keeps the last attempts, without a word of prompts or answers; `follow(router)` makes one.

    Args:
        size: How many attempts are kept, and how many scores.
        clock: Wall-clock time in seconds since the epoch.

    Raises:
        ConfigurationError: The size is below 1.
    """

    def __init__(self, *, size: int = 100_000, clock: Callable[[], float] = time.time) -> None:
        if size < 1:
            raise ConfigurationError(f"`size` must be at least 1 attempt, not {size!r}.")
        self._rows: deque[dict[str, Any]] = deque(maxlen=size)
        self._scores: OrderedDict[str, float] = OrderedDict()
        self._size = size
        self._clock = clock
        self._lock = threading.Lock()

    def __call__(self, record: RouteRecord) -> None:
        """Keep the attempts of a call."""
        now = self._clock()
        rows = []
        for outcome in record.outcomes:
            row = {name: getattr(outcome, name) for name in COLUMNS if name != "feedback"}
            error = None if outcome.error is None else str(outcome.error)
            rows.append({**row, "at": outcome.at or now, "error": error})
        with self._lock:
            self._rows.extend(rows)

    def judge(self, decision_id: str, score: float) -> None:
        """Keep what somebody thought of an answer."""
        with self._lock:
            self._scores[decision_id] = score
            if len(self._scores) > self._size:
                self._scores.popitem(last=False)

    def rows(self) -> list[dict[str, Any]]:
        """The attempts, oldest first, by the names of `COLUMNS`."""
        with self._lock:
            rows, scores = tuple(self._rows), dict(self._scores)
        return [{**row, "feedback": scores.get(row["decision_id"]) if row["error"] is None else None} for row in rows]

    def __len__(self) -> int:
        return len(self._rows)

    def __getstate__(self) -> dict[str, Any]:
        with self._lock:
            kept = {"_rows": self._rows.copy(), "_scores": self._scores.copy()}
        return {**self.__dict__, **kept, "_lock": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update({**state, "_lock": threading.Lock()})


def follow(router: Router, *, size: int = 100_000, clock: Callable[[], float] = time.time) -> History:
    """Keep the attempts and the feedback of a router from now on.

    A router with an `OutcomeStore` needs none: the store has the history of all processes.

    Args:
        router: The router; the history becomes one of its observers.
        size: How many attempts are kept.
        clock: Wall-clock time in seconds since the epoch.

    Example:
        >>> from langchain_scaffolding import ScaffoldingRouterLLM
        >>> from langchain_scaffolding.testing import ScriptedChatModel
        >>> router = ScaffoldingRouterLLM(models=[ScriptedChatModel(name="tiny")])
        >>> history = follow(router)
        >>> _ = router.record_feedback(router.invoke("Name three colours.", task="title"), 1.0)
        >>> [(row["task"], row["model"], row["feedback"]) for row in history.rows()]
        [('title', 'tiny', 1.0)]
    """
    history = History(size=size, clock=clock)
    router.observers = (*router.observers, history)
    router.performance.subscribe_to_feedback(history.judge)
    return history
