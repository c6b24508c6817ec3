"""The shape of a policy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from langchain_scaffolding.outcomes import Outcome
    from langchain_scaffolding.ranking import Ranking


class Policy(Protocol):
    """Orders a ranking: the first is called, the others follow in turn.

    Attributes:
        name: What it is called in records.
        cacheable: Whether equal rankings get equal orders, so that a choice may be kept between calls.
    """

    name: str
    cacheable: bool

    def order(self, ranking: Ranking) -> Iterable[str]:
        """Names of candidates, best first; those left out follow in the ranking's order."""
        ...

    def update(self, outcome: Outcome) -> None:
        """Learn from how an attempt ended."""
        ...
