"""Points for latency: what this model took for this task so far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from langchain_scaffolding.candidates import Candidate
    from langchain_scaffolding.performance import PerformanceTracker
    from langchain_scaffolding.request import RouteRequest


@dataclass(frozen=True, slots=True)
class LatencyScorer:
    """Two points for an average response below 1 s, one below 2 s, from the history of this task and model.

    Without history it gives 0.

    Example:
        >>> from langchain_scaffolding.candidates import Candidate
        >>> from langchain_scaffolding.outcomes import Outcome
        >>> from langchain_scaffolding.performance import PerformanceTracker
        >>> from langchain_scaffolding.request import RouteRequest
        >>> from langchain_scaffolding.testing import ScriptedChatModel
        >>> tiny = Candidate(name="tiny", model=ScriptedChatModel())
        >>> tracker = PerformanceTracker()
        >>> tracker.record(Outcome(task="title", model="tiny", decision_id="d1", total_s=0.8, measured=True))
        >>> [LatencyScorer()(RouteRequest(task=task), tiny, tracker) for task in ("title", "outline")]
        [2.0, 0.0]
    """

    name: ClassVar[str] = "latency"
    cacheable: ClassVar[bool] = True

    def __call__(self, request: RouteRequest, candidate: Candidate, tracker: PerformanceTracker, /) -> float:
        """The candidate's points."""
        mean = tracker.latency_mean_s(request.task, candidate.name)
        if mean is None:
            return 0.0
        return 2.0 if mean < 1.0 else 1.0 if mean < 2.0 else 0.0
