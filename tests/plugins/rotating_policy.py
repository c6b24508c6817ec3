"""A policy from outside: the models take turns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from langchain_scaffolding.outcomes import Outcome
from langchain_scaffolding.ranking import Ranking


class RotatingPolicy:
    """The model that answered least often comes first."""

    name = "rotating"
    cacheable = False

    def __init__(self) -> None:
        self.turns: Counter[str] = Counter()

    def order(self, ranking: Ranking) -> Iterable[str]:
        return sorted(ranking.names, key=lambda name: self.turns[name])

    def update(self, outcome: Outcome) -> None:
        self.turns[outcome.model] += 1
