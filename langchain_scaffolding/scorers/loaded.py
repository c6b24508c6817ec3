"""Points for being in memory: a model that must be loaded first answers seconds later."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from langchain_scaffolding.candidates import Candidate
    from langchain_scaffolding.performance import PerformanceTracker
    from langchain_scaffolding.request import RouteRequest


@dataclass(frozen=True, slots=True)
class LoadedScorer:
    """Points for a model that is in memory already, as discovery found it (`tags.extra["loaded"]`).

    It abstains where that is unknown, as of hosted models. It is as current as the discovery: in a router that looks
    only once, a model that was not loaded then earns nothing later either.

    Args:
        points: What being in memory is worth.

    Example:
        >>> from langchain_scaffolding.candidates import Candidate, ModelTags
        >>> from langchain_scaffolding.performance import PerformanceTracker
        >>> from langchain_scaffolding.request import RouteRequest
        >>> from langchain_scaffolding.testing import ScriptedChatModel
        >>> warm, cold, hosted = (
        ...     Candidate(name=name, model=ScriptedChatModel(), tags=ModelTags(extra=extra))
        ...     for name, extra in (("warm", {"loaded": True}), ("cold", {"loaded": False}), ("hosted", {}))
        ... )
        >>> [LoadedScorer()(RouteRequest(), each, PerformanceTracker()) for each in (warm, cold, hosted)]
        [1.0, 0.0, None]
    """

    points: float = 1.0

    name: ClassVar[str] = "loaded"
    per_candidate: ClassVar[bool] = True

    def __call__(self, _request: RouteRequest, candidate: Candidate, _tracker: PerformanceTracker, /) -> float | None:
        """The candidate's points."""
        loaded = candidate.tags.extra.get("loaded")
        return None if not isinstance(loaded, bool) else self.points if loaded else 0.0
