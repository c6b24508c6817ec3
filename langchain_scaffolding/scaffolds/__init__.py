"""Scaffolds: a task over a model as a runnable, and tasks done by several models."""

from langchain_scaffolding.scaffolds.draft_refine import DraftRefine, draft_refine
from langchain_scaffolding.scaffolds.ensemble import Ensemble, ensemble
from langchain_scaffolding.scaffolds.race import Race, race
from langchain_scaffolding.scaffolds.result import ScaffoldingResult, ScaffoldingResultChunk
from langchain_scaffolding.scaffolds.scaffold import Scaffold, scaffold

__all__ = [
    "DraftRefine",
    "Ensemble",
    "Race",
    "Scaffold",
    "ScaffoldingResult",
    "ScaffoldingResultChunk",
    "draft_refine",
    "ensemble",
    "race",
    "scaffold",
]
