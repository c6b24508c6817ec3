"""The shape of a policy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from langchain_scaffolding.outcomes import Outcome
    from langchain_scaffolding.ranking import Decision, Ranking


class Policy(Protocol):
    """Orders a ranking: the first is called, the others follow in turn.

    A policy that also has `judge(decision_id, score)` is told of feedback, from 0 to 1. One that gives a `Decision`
    instead of bare names says with what probability it chose, so that others can be evaluated on what it has seen. One
    whose `order` remembers or draws has `preview(ranking)`, which says what `order` would and leaves it to be said.

    Attributes:
        name: What it is called in records.
        cacheable: Whether equal rankings get equal orders, so that a choice may be kept between calls.
    """

    name: str
    cacheable: bool

    def order(self, ranking: Ranking) -> Iterable[str] | Decision:
        """Names of candidates, best first; those left out follow in the ranking's order."""
        ...

    def update(self, outcome: Outcome) -> None:
        """Learn from how an attempt ended."""
        ...
