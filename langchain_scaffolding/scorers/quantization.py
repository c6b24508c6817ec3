"""Points for quantization: fewer bits move through memory per token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from langchain_scaffolding.candidates import Candidate
    from langchain_scaffolding.performance import PerformanceTracker
    from langchain_scaffolding.request import RouteRequest


@dataclass(frozen=True, slots=True)
class QuantizationScorer:
    """One point for any recognised weight format below 16 bits.

    Example:
        >>> from langchain_scaffolding.candidates import Candidate, ModelTags
        >>> from langchain_scaffolding.performance import PerformanceTracker
        >>> from langchain_scaffolding.request import RouteRequest
        >>> from langchain_scaffolding.testing import ScriptedChatModel
        >>> tiny = Candidate(name="tiny", model=ScriptedChatModel(), tags=ModelTags(quantization="IQ4_XS"))
        >>> QuantizationScorer()(RouteRequest(), tiny, PerformanceTracker())
        1.0
    """

    name: ClassVar[str] = "quantization"
    per_candidate: ClassVar[bool] = True

    def __call__(self, _request: RouteRequest, candidate: Candidate, _tracker: PerformanceTracker, /) -> float:
        """The candidate's points."""
        bits = candidate.tags.bits_per_weight
        return 1.0 if bits is not None and bits < 16 else 0.0
