"""`CircuitBreakers`: which models are left alone for a while, and for how long."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from langchain_scaffolding.errors import ConfigurationError
from langchain_scaffolding.outcomes import ErrorClass, Outcome

State: TypeAlias = Literal["closed", "open", "half-open"]

_LONG, _SHORT = 300.0, 10.0

COOL_DOWNS: dict[ErrorClass, float] = {
    ErrorClass.AUTH: _LONG,
    ErrorClass.PERMISSION: _LONG,
    ErrorClass.NOT_FOUND: _LONG,
    ErrorClass.RATE_LIMIT: 5.0,
    ErrorClass.OVERLOADED: _SHORT,
    ErrorClass.TIMEOUT: _SHORT,
    ErrorClass.CONNECTION: _SHORT,
    ErrorClass.EMPTY: _SHORT,
    ErrorClass.UNKNOWN: _SHORT,
}
"""Seconds that a model is left alone, by the class of its failure. A class that is not listed says nothing against the
model: the request did not fit it, or its answer did not please."""

_AT_ONCE = frozenset({ErrorClass.AUTH, ErrorClass.PERMISSION, ErrorClass.NOT_FOUND, ErrorClass.RATE_LIMIT})


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelHealth:
    """How a model is doing.

    Attributes:
        model: Its name.
        state: "closed": it is called; "open": it is left alone; "half-open": one call may try it.
        failures: Failures in a row.
        error: The class of the last one.
        open_for_s: Seconds until it may be tried again; 0 unless it is open.
        abandoned: Calls that were left behind at their limit and still run.
    """

    model: str
    state: State
    failures: int = 0
    error: str | None = None
    open_for_s: float = 0.0
    abandoned: int = 0


@dataclass(slots=True)
class _Circuit:
    failures: int = 0
    openings: int = 0
    error: ErrorClass | None = None
    opened_until: float | None = None
    cool_down: float = 0.0
    probing_until: float | None = None


class CircuitBreakers:
    """One circuit breaker for each model.

    A circuit opens after `threshold` failures in a row, or at once where one failure tells enough: a refused key, a
    missing model, a rate limit. It stays open for a time that depends on the class of the failure, or as long as the
    provider asked for; then one call may try the model. If that fails, the time doubles, up to `longest_s`. A success
    forgets everything.

    Args:
        threshold: Failures in a row that open a circuit, at least 1.
        longest_s: The longest time that a model is left alone, in seconds.
        clock: Seconds, never running backwards.

    Raises:
        ConfigurationError: A value is out of range.

    Example:
        >>> breakers = CircuitBreakers(threshold=2, clock=lambda: 0.0)
        >>> for _ in range(2):
        ...     breakers.record(Outcome(task="title", model="tiny", decision_id="d", error=ErrorClass.TIMEOUT))
        >>> breakers.why_not("tiny")
        'left alone for 10 s more after 2 failures (timeout)'
    """

    def __init__(
        self, *, threshold: int = 3, longest_s: float = 900.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        if threshold < 1:
            msg = f"A breaker's threshold must be at least 1 failure, not {threshold!r}."
            raise ConfigurationError(msg)
        if not longest_s > 0:
            msg = f"The longest time that a model is left alone must be above 0 seconds, not {longest_s!r}."
            raise ConfigurationError(msg)
        self._threshold = threshold
        self._longest_s = longest_s
        self._clock = clock
        self._circuits: dict[str, _Circuit] = {}
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[object, ...]:
        """A copy starts without a grudge: its process may reach what this one cannot."""
        return _fresh, (self._threshold, self._longest_s, self._clock)

    @property
    def all_closed(self) -> bool:
        """Whether nothing speaks against any model; the common case, asked before each call."""
        return not self._circuits

    def record(self, outcome: Outcome) -> None:
        """Take note of how an attempt ended."""
        if outcome.error is None:
            if self._circuits:
                with self._lock:
                    self._circuits.pop(outcome.model, None)
            return
        cool_down = COOL_DOWNS.get(outcome.error)
        with self._lock:
            if cool_down is None:
                circuit = self._circuits.get(outcome.model)
                if circuit is not None:
                    circuit.probing_until = None  # the probe has told nothing; another may try
                return
            self._fail(self._circuits.setdefault(outcome.model, _Circuit()), outcome, cool_down)

    def _fail(self, circuit: _Circuit, outcome: Outcome, cool_down: float) -> None:
        circuit.failures += 1
        circuit.error = outcome.error
        was_probe = circuit.probing_until is not None
        circuit.probing_until = None
        if not was_probe and circuit.failures < self._threshold and outcome.error not in _AT_ONCE:
            return
        if was_probe:
            circuit.openings += 1
        wait = cool_down * 2**circuit.openings
        if outcome.retry_after_s is not None:
            wait = max(wait, outcome.retry_after_s) if circuit.openings else outcome.retry_after_s
        circuit.cool_down = min(wait, self._longest_s)
        circuit.opened_until = self._clock() + circuit.cool_down

    def admit(self, model: str) -> bool:
        """Whether a call may be made now. Of an open circuit whose time is over, one call is admitted to try."""
        if self._is_closed(model):
            return True
        with self._lock:
            circuit = self._circuits.get(model)
            if circuit is None or circuit.opened_until is None:
                return True
            now = self._clock()
            if now < circuit.opened_until or (circuit.probing_until is not None and now < circuit.probing_until):
                return False
            # a probe that never reports, because its call was cancelled, holds the place for one cool-down at most
            circuit.probing_until = now + max(circuit.cool_down, _SHORT)
            return True

    def _is_closed(self, model: str) -> bool:
        circuit = self._circuits.get(model)
        return circuit is None or circuit.opened_until is None

    def forgive(self, model: str) -> None:
        """Forget the failures of a model, since something has shown that it is well again."""
        with self._lock:
            self._circuits.pop(model, None)

    def why_not(self, model: str) -> str | None:
        """Why a model is left alone now, or `None` if it may be called."""
        health = self.health(model)
        if health.state == "closed":
            return None
        if health.state == "half-open":
            with self._lock:
                circuit = self._circuits.get(model)
                probing = circuit is not None and circuit.probing_until is not None
            return "being tried by another call" if probing else None
        return f"left alone for {health.open_for_s:.3g} s more after {health.failures} failures ({health.error})"

    def open_for_s(self, model: str) -> float:
        """Seconds until a model may be tried again; 0 if it may be now."""
        return self.health(model).open_for_s

    def health(self, model: str, *, abandoned: int = 0) -> ModelHealth:
        """How a model is doing."""
        with self._lock:
            circuit = self._circuits.get(model)
            if circuit is None:
                return ModelHealth(model=model, state="closed", abandoned=abandoned)
            left = 0.0 if circuit.opened_until is None else max(circuit.opened_until - self._clock(), 0.0)
            state: State = "closed" if circuit.opened_until is None else "open" if left > 0 else "half-open"
            return ModelHealth(
                model=model,
                state=state,
                failures=circuit.failures,
                error=None if circuit.error is None else str(circuit.error),
                open_for_s=left,
                abandoned=abandoned,
            )


def _fresh(threshold: int, longest_s: float, clock: Callable[[], float]) -> CircuitBreakers:
    return CircuitBreakers(threshold=threshold, longest_s=longest_s, clock=clock)
