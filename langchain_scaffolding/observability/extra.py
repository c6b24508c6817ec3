"""The one sentence that a missing optional package is answered with."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def opentelemetry(module: str) -> Any:
    """A module of OpenTelemetry.

    Raises:
        ImportError: It is not installed; the message has the line that installs it.

    Example:
        >>> opentelemetry("trace").get_tracer("me") is not None
        True
    """
    try:
        return import_module(f"opentelemetry.{module}")
    except ModuleNotFoundError as error:
        msg = 'Spans and metrics need OpenTelemetry. Install it with `pip install "langchain-scaffolding[otel]"`.'
        raise ImportError(msg, name=error.name) from None
