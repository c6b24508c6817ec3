"""Calls as OpenTelemetry spans and metrics: `pip install "langchain-scaffolding[otel]"`."""

from langchain_scaffolding.observability.health import observe_health
from langchain_scaffolding.observability.observer import OpenTelemetryObserver

__all__ = ["OpenTelemetryObserver", "observe_health"]
