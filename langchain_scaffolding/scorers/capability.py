"""Points for capability: what the configuration prefers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from langchain_scaffolding.candidates import Candidate
    from langchain_scaffolding.performance import PerformanceTracker
    from langchain_scaffolding.request import RouteRequest

_POINTS = {"REASONING": 2.0}


@dataclass(frozen=True, slots=True)
class CapabilityScorer:
    """REASONING earns 2 points and CHAT 1, as does every other capability that `preferred` lists.

    What `preferred` leaves out earns nothing.

    Example:
        >>> from langchain_scaffolding.candidates import Candidate, ModelTags
        >>> from langchain_scaffolding.performance import PerformanceTracker
        >>> from langchain_scaffolding.request import RouteRequest
        >>> from langchain_scaffolding.testing import ScriptedChatModel
        >>> tags = ModelTags(capabilities={"CHAT", "REASONING", "CODE"})
        >>> coder = Candidate(name="coder", model=ScriptedChatModel(), tags=tags)
        >>> CapabilityScorer()(RouteRequest(), coder, PerformanceTracker())
        3.0
    """

    preferred: tuple[str, ...] = ("CHAT", "REASONING")

    name: ClassVar[str] = "capability"
    per_candidate: ClassVar[bool] = True

    def __call__(self, _request: RouteRequest, candidate: Candidate, _tracker: PerformanceTracker, /) -> float:
        """The candidate's points."""
        has = candidate.tags.capabilities or frozenset()
        return sum((_POINTS.get(name, 1.0) for name in frozenset(self.preferred) & has), 0.0)
