"""The policy that takes the ranking as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from langchain_scaffolding.outcomes import Outcome
    from langchain_scaffolding.ranking import Ranking


class GreedyPolicy:
    """Most points first. Deterministic: the same state gives the same order."""

    name = "greedy"
    cacheable = True

    def order(self, ranking: Ranking) -> Iterable[str]:
        """The ranking's own order."""
        return ranking.names

    def update(self, outcome: Outcome) -> None:
        """Nothing to learn: the scorers read the tracker."""
