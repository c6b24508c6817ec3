"""What size and price say of models before anybody has judged an answer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_scaffolding.candidates import ModelTags

# Log-odds for each decade. Models of one time are better if they are larger; a dear one may just be old.
_LARGER, _DEARER = 0.7, 0.35
_LENGTH_FOR_ALL = -0.4  # for each standard deviation
_LENGTH_FOR_LARGER = 0.45


@dataclass(frozen=True, kw_only=True, slots=True)
class Prices:
    """How models compare in size or price.

    Attributes:
        dear: Decades above the mean of the candidates, on a logarithmic scale; 0 where nothing is known.
        decades: The same, but at most one.
        cheapest: The place of the cheapest; the first if nothing is known.
        better: How much more is expected of a model for each of these, in log-odds, if the text has the mean length.
    """

    dear: tuple[float, ...]
    decades: tuple[float, ...]
    cheapest: int
    better: float

    def offsets(self, length: float) -> list[float]:
        """What is expected of each model before anything is known of it, in log-odds, for a text of a length.

        Args:
            length: The length in standard deviations from the mean.
        """
        # the shorter the text, the less there is in size; a larger model is not expected to be worse for that
        better, for_all = max(self.better + _LENGTH_FOR_LARGER * length, 0.0), _LENGTH_FOR_ALL * length
        return [for_all + better * each for each in self.decades]


def prices_of(tags: Sequence[ModelTags]) -> Prices:
    """How models compare: by size if that is known of all, else by `cost` if that is.

    A model of three times the size is expected to be a little better, one of three times the price less so, and longer
    texts to be a little harder, less so for large models.

    Example:
        >>> from langchain_scaffolding import ModelTags
        >>> prices = prices_of([ModelTags(size_gb=10), ModelTags(size_gb=0.1)])
        >>> prices.dear, prices.cheapest
        ((1.0, -1.0), 1)
        >>> [round(offset, 2) for offset in prices.offsets(1.0)], prices.offsets(-2.0)
        ([0.75, -1.55], [0.8, 0.8])
    """
    sizes = [each.size_gb for each in tags]
    costs = [each.extra.get("cost") for each in tags]
    for known, better in ((sizes, _LARGER), (costs, _DEARER)):
        if all(isinstance(value, (int, float)) and value > 0 for value in known):
            logarithms = [math.log10(value) for value in known if value is not None]
            mean = sum(logarithms) / len(logarithms)
            return _prices([each - mean for each in logarithms], better)
    return _prices([0.0] * len(tags), better=0.0)


def _prices(dear: Sequence[float], better: float) -> Prices:
    return Prices(
        dear=tuple(dear),
        decades=tuple([min(max(each, -1.0), 1.0) for each in dear]),
        cheapest=dear.index(min(dear)),
        better=better,
    )
