"""`Sources`: evidence kept by its source, so that the same observations told twice count once."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from langchain_scaffolding.performance.evidence import Evidence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

Pair: TypeAlias = tuple[str, str]
"""A task and the name of a model."""


@dataclass(slots=True)
class Source:
    """What one recorder observed up to a point of its own count."""

    sequence: int = 0
    pairs: dict[Pair, Evidence] = field(default_factory=dict)

    def copy(self) -> Source:
        """A source of its own with the same content."""
        return Source(self.sequence, {pair: evidence.copy() for pair, evidence in self.pairs.items()})


class Sources:
    """What one recorder observed itself, and what others told it.

    A source only grows, and only its owner makes it grow, so of two states of one source the longer one holds the
    other: joining keeps the longer. That makes joining commutative, associative and idempotent: the state-based
    counter of Shapiro, Preguiça, Baquero and Zawirski (SSS 2011).

    What a store tells, attempt by attempt, is one more source of this recorder's making. Whose attempts are in it, and
    up to which count, stands in `positions`.

    What belongs to a pair is its own evidence and the sum of what the others observed, kept ready in `rest`.
    """

    def __init__(self) -> None:
        self.own_id = new_source_id()
        self.own = Source()
        self.others: dict[str, Source] = {}
        self.positions: dict[str, int] = {}
        self._told_id = ""
        self.rest: dict[Pair, Evidence] = {}

    def told(self) -> Source:
        """The source that takes in what a store tells."""
        if self._told_id not in self.others:
            self._told_id = new_source_id()
            self.others[self._told_id] = Source()
        return self.others[self._told_id]

    def told_id(self) -> str:
        """The id of `told()`."""
        self.told()
        return self._told_id

    def advance(self, positions: Mapping[str, int]) -> None:
        """Remember how far some sources have been told."""
        for name, position in positions.items():
            self.positions[name] = max(position, self.positions.get(name, 0))

    def unlearn_told(self) -> set[Pair]:
        """Drop what a store told, to hear it again from the beginning; return the pairs it concerned."""
        dropped = self.others.pop(self._told_id, Source()).pairs.keys()
        self.positions.clear()
        self.sum_up(dropped)
        return set(dropped)

    def parts(self, pair: Pair) -> tuple[Evidence, ...]:
        """The evidence of a pair, as parts that are to be added."""
        own = self.own.pairs.get(pair)
        if own is not None and not self.rest:
            return (own,)
        rest = self.rest.get(pair)
        if own is None:
            return () if rest is None else (rest,)
        return (own,) if rest is None else (own, rest)

    def combined(self, pair: Pair, *, quantiles: bool = True) -> Evidence | None:
        """The evidence of a pair; not to be changed, since it may be the recorder's own."""
        parts = self.parts(pair)
        if len(parts) < 2:
            return parts[0] if parts else None
        both = Evidence(pair, parts[0].block)
        for part in parts:
            both.absorb(part, quantiles=quantiles)
        return both

    def pairs(self) -> list[Pair]:
        """Every pair of which anything is known, sorted."""
        return sorted(self.own.pairs.keys() | self.rest.keys())

    def join(self, told: Mapping[str, Source]) -> set[Pair]:
        """Take over what is new in other sources; return the pairs it concerns."""
        changed: set[Pair] = set()
        for source_id, source in told.items():
            known = self.others.get(source_id)
            if source_id == self.own_id or (known is not None and known.sequence >= source.sequence):
                continue
            changed |= source.pairs.keys() | (known.pairs.keys() if known is not None else set())
            self.others[source_id] = source
        self.sum_up(changed)
        return changed

    def sum_up(self, pairs: Iterable[Pair]) -> None:
        """Add up anew what the others observed of some pairs."""
        for pair in pairs:
            # by name, so that the order in which sources were joined does not show in the last digit
            parts = [self.others[name].pairs.get(pair) for name in sorted(self.others)]
            found = [evidence for evidence in parts if evidence is not None]
            if not found:
                self.rest.pop(pair, None)
                continue
            total = found[0].copy()
            for evidence in found[1:]:
                total.absorb(evidence)
            if pair in self.rest:
                # readers take no lock, and the new mean is still to be worked out
                total.mean_s = self.rest[pair].mean_s
            self.rest[pair] = total

    def copy(self) -> Sources:
        """Sources of their own with the same content."""
        twin = Sources()
        twin.own_id, twin.own = self.own_id, self.own.copy()
        twin.others = {name: source.copy() for name, source in self.others.items()}
        twin.positions, twin._told_id = dict(self.positions), self._told_id
        twin.rest = {pair: evidence.copy() for pair, evidence in self.rest.items()}
        return twin

    def known(self) -> dict[str, int]:
        """How far each source is known, told by a store or not: what a store need not tell."""
        known = {name: source.sequence for name, source in self.sources().items()}
        for name, position in self.positions.items():
            known[name] = max(position, known.get(name, 0))
        return known

    def overlaps(self, other: Sources) -> bool:
        """Whether the same attempts may stand in both under different names, having come through a store."""
        mine, theirs = self.sources().keys(), other.sources().keys()
        told, retold = self.positions.keys(), other.positions.keys()
        return bool(told & retold or told & theirs or mine & retold)

    def sources(self) -> dict[str, Source]:
        """All sources by id."""
        return {**self.others, **({self.own_id: self.own} if self.own.sequence else {})}

    def renew(self) -> None:
        """Go on under new ids: a copy or a forked process must not count on under its original's."""
        self.others = self.sources()
        self.own_id, self._told_id = new_source_id(), ""
        self.own = Source()
        self.sum_up({pair for source in self.others.values() for pair in source.pairs})

    def forget(self, matches: Callable[[Pair], bool]) -> set[Pair]:
        """Drop the evidence of some pairs; return them."""
        dropped = {pair for pair in self.pairs() if matches(pair)}
        for source in (self.own, *self.others.values()):
            for pair in dropped:
                source.pairs.pop(pair, None)
        for pair in dropped:
            self.rest.pop(pair, None)
        self.own.sequence += 1
        return dropped


def new_source_id() -> str:
    """An id that no other recorder has."""
    return uuid.uuid4().hex
