"""Scorers: each gives a candidate points for one quality; a ranking adds them up and keeps them apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain_scaffolding.scorers.base import Scorer, name_of
from langchain_scaffolding.scorers.capability import CapabilityScorer
from langchain_scaffolding.scorers.latency import LatencyScorer
from langchain_scaffolding.scorers.quantization import QuantizationScorer
from langchain_scaffolding.scorers.size import SizeScorer

if TYPE_CHECKING:
    from langchain_scaffolding.config import ScaffoldingConfig

__all__ = [
    "CapabilityScorer",
    "LatencyScorer",
    "QuantizationScorer",
    "Scorer",
    "SizeScorer",
    "default_scorers",
    "name_of",
]


def default_scorers(config: ScaffoldingConfig) -> tuple[Scorer, ...]:
    """The four scorers of the published table, as a configuration sets them."""
    return (
        SizeScorer(config.preferred_model_size),
        CapabilityScorer(tuple(config.preferred_capabilities)),
        LatencyScorer(),
        QuantizationScorer(),
    )
