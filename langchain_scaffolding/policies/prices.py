"""What size and price say of models before anybody has judged an answer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_scaffolding.candidates import ModelTags

# Models of one time are better if they are larger; a dear one may just be old.
_LARGER, _DEARER = 0.2, 0.1  # log-odds for each factor e
_AT_MOST = 0.5
_LENGTH_FOR_ALL = -0.4
_LENGTH_FOR_LARGE = 0.45


@dataclass(frozen=True, kw_only=True, slots=True)
class Prices:
    """How models compare in size or price.

    Attributes:
        dear: Decades above the mean of the candidates, on a logarithmic scale; 0 where nothing is known.
        cheapest: The place of the cheapest; the first if nothing is known.
        head_starts: What is expected of each model, in log-odds, before anything else is known of it.
        slopes: How much more is expected of it for a text that is longer by a standard deviation.
    """

    dear: tuple[float, ...]
    cheapest: int
    head_starts: tuple[float, ...]
    slopes: tuple[float, ...]

    def offsets(self, length: float) -> list[float]:
        """What is expected of each model, in log-odds, for a text of a length in standard deviations."""
        return [start + slope * length for start, slope in zip(self.head_starts, self.slopes, strict=True)]


def prices_of(tags: Sequence[ModelTags]) -> Prices:
    """How models compare: by size if that is known of all, else by `cost` if that is.

    A model of three times the size is expected to be a little better, one of three times the price less so, and longer
    texts to be a little harder, less so for large models.

    Example:
        >>> from langchain_scaffolding import ModelTags
        >>> prices = prices_of([ModelTags(size_gb=10), ModelTags(size_gb=0.1)])
        >>> prices.dear, prices.cheapest
        ((1.0, -1.0), 1)
        >>> [round(offset, 2) for offset in prices.offsets(1.0)]
        [0.51, -1.31]
    """
    sizes = [each.size_gb for each in tags]
    costs = [each.extra.get("cost") for each in tags]
    for known, better in ((sizes, _LARGER), (costs, _DEARER)):
        if all(isinstance(value, (int, float)) and value > 0 for value in known):
            decades = [math.log10(value) for value in known if value is not None]
            mean = sum(decades) / len(decades)
            return _prices([each - mean for each in decades], better)
    return _prices([0.0] * len(tags), better=0.0)


def _prices(dear: Sequence[float], better: float) -> Prices:
    return Prices(
        dear=tuple(dear),
        cheapest=dear.index(min(dear)),
        head_starts=tuple([min(max(better * math.log(10.0) * each, -_AT_MOST), _AT_MOST) for each in dear]),
        slopes=tuple([_LENGTH_FOR_ALL + _LENGTH_FOR_LARGE * min(max(each, -1.0), 1.0) for each in dear]),
    )
