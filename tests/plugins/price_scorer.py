"""A scorer from outside: a cheap model earns points."""

from __future__ import annotations

from langchain_scaffolding import Candidate
from langchain_scaffolding.performance import PerformanceTracker
from langchain_scaffolding.request import RouteRequest


class PriceScorer:
    """Up to 10 points by `price_per_million` in a model's metadata; abstains where it is unknown."""

    name = "price"
    per_candidate = True

    def __call__(self, request: RouteRequest, candidate: Candidate, tracker: PerformanceTracker) -> float | None:
        price = candidate.tags.extra.get("price_per_million")
        return None if price is None else max(0.0, 10.0 - float(price))
