"""Points for size: small models answer small calls sooner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from langchain_scaffolding.candidates import Candidate
    from langchain_scaffolding.config import SizeClass
    from langchain_scaffolding.performance import PerformanceTracker
    from langchain_scaffolding.request import RouteRequest


@dataclass(frozen=True, slots=True)
class SizeScorer:
    """Points by size in GB (10^9 bytes); an unknown size earns 0.

    | prefer | below 2 GB | below 7 GB | below 15 GB | from 15 GB |
    |---|---|---|---|---|
    | "small" | 3 | 2 | 1 | 0 |
    | "medium" | 1 | 3 | 3 | 1 |
    | "large" | 0 | 1 | 2 | 3 |

    Example:
        >>> from langchain_scaffolding.candidates import Candidate, ModelTags
        >>> from langchain_scaffolding.performance import PerformanceTracker
        >>> from langchain_scaffolding.request import RouteRequest
        >>> from langchain_scaffolding.testing import ScriptedChatModel
        >>> tiny = Candidate(name="tiny", model=ScriptedChatModel(), tags=ModelTags(size_gb=1.5))
        >>> SizeScorer()(RouteRequest(), tiny, PerformanceTracker())
        3.0
    """

    prefer: SizeClass = "small"

    name: ClassVar[str] = "size"
    per_candidate: ClassVar[bool] = True
    _points: ClassVar[dict[str, tuple[float, float, float, float]]] = {
        "small": (3.0, 2.0, 1.0, 0.0),
        "medium": (1.0, 3.0, 3.0, 1.0),
        "large": (0.0, 1.0, 2.0, 3.0),
    }

    def __call__(self, _request: RouteRequest, candidate: Candidate, _tracker: PerformanceTracker, /) -> float:
        """The candidate's points."""
        size = candidate.tags.size_gb
        if size is None:
            return 0.0
        step = 0 if size < 2 else 1 if size < 7 else 2 if size < 15 else 3
        return self._points[self.prefer][step]
