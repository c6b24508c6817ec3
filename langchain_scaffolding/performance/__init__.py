"""What is learned of models: `PerformanceTracker` in memory, `OutcomeStore` in a database."""

from langchain_scaffolding.performance.feedback import FeedbackImport
from langchain_scaffolding.performance.health import StoreError, StoreHealth
from langchain_scaffolding.performance.rows import PairStats, PerformanceRow, shrunk
from langchain_scaffolding.performance.store import OutcomeStore
from langchain_scaffolding.performance.tracker import PerformanceTracker

__all__ = [
    "FeedbackImport",
    "OutcomeStore",
    "PairStats",
    "PerformanceRow",
    "PerformanceTracker",
    "StoreError",
    "StoreHealth",
    "shrunk",
]
