"""Scorers: each gives a candidate points for one quality; a ranking adds them up and keeps them apart."""

from __future__ import annotations

from langchain_scaffolding.config import ScaffoldingConfig
from langchain_scaffolding.scorers.base import Scorer, name_of
from langchain_scaffolding.scorers.capability import CapabilityScorer
from langchain_scaffolding.scorers.latency import LatencyScorer
from langchain_scaffolding.scorers.loaded import LoadedScorer
from langchain_scaffolding.scorers.quantization import QuantizationScorer
from langchain_scaffolding.scorers.size import SizeScorer

__all__ = [
    "CapabilityScorer",
    "LatencyScorer",
    "LoadedScorer",
    "QuantizationScorer",
    "Scorer",
    "SizeScorer",
    "default_scorers",
    "name_of",
    "recommended_scorers",
]


def default_scorers(config: ScaffoldingConfig) -> tuple[Scorer, ...]:
    """The four scorers of the published table, as a configuration sets them."""
    return (
        SizeScorer(config.preferred_model_size),
        CapabilityScorer(tuple(config.preferred_capabilities)),
        LatencyScorer(),
        QuantizationScorer(),
    )


def recommended_scorers(config: ScaffoldingConfig | None = None) -> tuple[Scorer, ...]:
    """The default scorers, and one that prefers a model which is in memory already; for a router's `scorers=`.

    Args:
        config: The router's configuration, if it has one.

    Example:
        >>> [name_of(scorer) for scorer in recommended_scorers()]
        ['size', 'capability', 'latency', 'quantization', 'loaded']
    """
    return (*default_scorers(ScaffoldingConfig() if config is None else config), LoadedScorer())
