"""The shape of a scorer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from langchain_scaffolding.candidates import Candidate
from langchain_scaffolding.performance import PerformanceTracker
from langchain_scaffolding.request import RouteRequest

Scorer: TypeAlias = Callable[[RouteRequest, Candidate, PerformanceTracker], float | None]
"""Points for a candidate, more is better; `None` abstains. Its name in `Ranked.parts` is its `name`, else `__name__`.

A scorer whose points follow from the candidate alone sets `per_candidate = True`: it is asked once, at registration.
One whose points follow from task, needs and tracker sets `cacheable = True`. Any other is asked on every call.
"""


def name_of(part: object) -> str:
    """The name under which a scorer's points, or a filter's reason, are shown."""
    name = getattr(part, "name", None) or getattr(part, "__name__", None)
    return str(name or type(part).__name__)
