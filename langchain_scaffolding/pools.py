"""`Pool`: candidates that can serve one kind of request, and `Points`, what they earn there.

Both hold columns, and no object for each candidate: thousands of new ones in every decision would keep the garbage
collector busy.
"""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING, NamedTuple, Self, TypeAlias

from langchain_scaffolding.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

    from langchain_scaffolding.candidates import Candidate

Learned: TypeAlias = tuple[float | None, ...]
"""Points of the scorers that read more than the candidate, in their order."""


class Pool(NamedTuple):
    """The candidates that pass the filters for one kind of request.

    They stand in the order of registration, in which they most likely lie in memory too: going through thousands in
    another order takes three times as long.

    Attributes:
        names: Their names.
        candidates: Themselves.
        fixed: The points that follow from each alone.
        unproven: Whether each leaves unsaid that it has an ability that is needed.
        places: Where each stands, by name.
        by_size: Where they stand, the smallest first, and equal ones by name.
    """

    names: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    fixed: tuple[float, ...]
    unproven: tuple[bool, ...]
    places: Mapping[str, int]
    by_size: tuple[int, ...]

    @classmethod
    def of(cls, entries: Sequence[tuple[Candidate, float, bool]]) -> Self:
        """The pool of candidates with their fixed points, and whether they are unproven."""
        candidates, fixed, unproven = zip(*entries, strict=True) if entries else ((), (), ())
        names = tuple([candidate.name for candidate in candidates])
        by_size = sorted(range(len(names)), key=lambda place: (_size(candidates[place]), names[place]))
        places = {name: place for place, name in enumerate(names)}
        return cls(names, candidates, fixed, unproven, places, tuple(by_size))

    def without(self, names: Container[str]) -> Pool:
        """The pool without the candidates of these names."""
        kept = zip(self.candidates, self.fixed, self.unproven, strict=True)
        return Pool.of([entry for entry in kept if entry[0].name not in names])


def _size(candidate: Candidate) -> float:
    size = candidate.tags.size_gb
    return float("inf") if size is None else size


class Points(NamedTuple):
    """What the candidates of a pool earn.

    Attributes:
        pool: The candidates.
        totals: The points of each.
        columns: By scorer, the points that each has by what was learned; `None` where the scorer abstained.
    """

    pool: Pool
    totals: Sequence[float]
    columns: Sequence[Sequence[float | None]]

    @classmethod
    def of(cls, pool: Pool, columns: Sequence[Sequence[float | None]]) -> Self:
        """The points of a pool with those that scorers give.

        Raises:
            ConfigurationError: A scorer gave NaN, which has no place in an order.
        """
        totals: Sequence[float] = pool.fixed
        for column in columns:
            totals = [total if points is None else total + points for total, points in zip(totals, column, strict=True)]
        if isnan(sum(totals)):  # so may be infinities of both signs, which are all right
            for name, total in zip(pool.names, totals, strict=True):
                if isnan(total):
                    msg = (
                        f"A scorer gave {name!r} points that are no number (NaN); "
                        "let it return `None` where it cannot tell."
                    )
                    raise ConfigurationError(msg)
        return cls(pool, totals, columns)

    def order(self) -> list[int]:
        """The places of the candidates, best first: proven before unproven, then by points, size and name."""
        order = sorted(self.pool.by_size, key=self.totals.__getitem__, reverse=True)
        if True in self.pool.unproven:
            order.sort(key=self.pool.unproven.__getitem__)
        return order

    def learned(self, place: int) -> Learned:
        """The points of one candidate by what was learned."""
        return tuple([column[place] for column in self.columns])
