"""`observe_health`: breakers, acceptance and feedback as gauges."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, Protocol

from langchain_scaffolding.observability import names
from langchain_scaffolding.observability.extra import opentelemetry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.metrics import MeterProvider

    from langchain_scaffolding.performance import PerformanceTracker
    from langchain_scaffolding.performance.breaker import ModelHealth


class Router(Protocol):
    """What is read of a router."""

    @property
    def performance(self) -> PerformanceTracker: ...  # noqa: D102

    def health(self) -> list[ModelHealth]: ...  # noqa: D102


def observe_health(router: Router, *, meter_provider: MeterProvider | None = None) -> None:
    """Tell OpenTelemetry, whenever it collects, how the models of a router are doing.

    The gauges are `scaffolding.breaker.open` (seconds until a model is tried again, 0 if it is called now), and by task
    `scaffolding.acceptance` and `scaffolding.feedback` (both from 0 to 1). The router is held weakly.

    Args:
        router: The router.
        meter_provider: Where metrics go; `None`: OpenTelemetry's global one.

    Raises:
        ImportError: OpenTelemetry is not installed; the message has the line that installs it.
    """
    metrics = opentelemetry("metrics")
    meter = metrics.get_meter(names.SCOPE, meter_provider=meter_provider)
    held = weakref.ref(router)

    def breakers(_options: object) -> Iterator[Any]:
        alive = held()
        for health in () if alive is None else alive.health():
            labels = {names.CANDIDATE: health.model, names.STATE: health.state}
            yield metrics.Observation(health.open_for_s, labels)

    def shares(column: str) -> Any:
        def read(_options: object) -> Iterator[Any]:
            alive = held()
            for row in () if alive is None else alive.performance.snapshot():
                value = row[column]
                if value is not None:
                    yield metrics.Observation(value, {names.TASK: row.task, names.CANDIDATE: row.model})

        return read

    meter.create_observable_gauge(
        names.BREAKER, [breakers], unit="s", description="Seconds until a model is tried again."
    )
    meter.create_observable_gauge(
        names.ACCEPTANCE, [shares("acceptance")], unit="1", description="Share of accepted answers."
    )
    meter.create_observable_gauge(names.FEEDBACK, [shares("feedback_mean")], unit="1", description="Mean feedback.")
