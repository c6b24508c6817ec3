"""What size and price say of models before anybody has judged an answer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_scaffolding.candidates import ModelTags

_BETTER = 0.2
_AT_MOST = 0.5
_LENGTH_FOR_ALL = -0.3
_LENGTH_FOR_LARGE = 0.4


@dataclass(frozen=True, kw_only=True, slots=True)
class Prices:
    """How models compare in size or price.

    Attributes:
        dear: Decades above the mean of the candidates, on a logarithmic scale; 0 where nothing is known.
        cheapest: The place of the cheapest; the first if nothing is known.
    """

    dear: tuple[float, ...]
    cheapest: int

    def offsets(self, length: float) -> list[float]:
        """What is expected of each model, in log-odds, for a text of a length in standard deviations.

        A model of three times the size is expected to be a little better, and longer texts to be a little harder, less
        so for large models.
        """
        offsets = []
        for decades in self.dear:
            logarithm = decades * math.log(10.0)
            head_start = min(max(_BETTER * logarithm, -_AT_MOST), _AT_MOST)
            slope = _LENGTH_FOR_ALL + _LENGTH_FOR_LARGE * min(max(decades, -1.0), 1.0)
            offsets.append(head_start + slope * length)
        return offsets


def prices_of(tags: Sequence[ModelTags]) -> Prices:
    """How models compare: by size if that is known of all, else by `cost` if that is.

    Example:
        >>> from langchain_scaffolding import ModelTags
        >>> prices = prices_of([ModelTags(size_gb=10), ModelTags(size_gb=0.1)])
        >>> prices.dear, prices.cheapest
        ((1.0, -1.0), 1)
    """
    sizes = [each.size_gb for each in tags]
    costs = [each.extra.get("cost") for each in tags]
    for known in (sizes, costs):
        if all(isinstance(value, (int, float)) and value > 0 for value in known):
            decades = [math.log10(value) for value in known if value is not None]
            mean = sum(decades) / len(decades)
            dear = tuple(each - mean for each in decades)
            return Prices(dear=dear, cheapest=dear.index(min(dear)))
    return Prices(dear=(0.0,) * len(tags), cheapest=0)
