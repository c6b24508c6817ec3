"""Sums that forget: `Forgetting` says how fast.

Two kinds of forgetting work together. By time: an observation's weight halves with every half-life (forward decay:
Cormode, Shkapenyuk, Srivastava and Xu, ICDE 2009). By count: the weight of a mean never exceeds that of `memory` fresh
observations, so up to `memory` calls a mean is the plain one, and from then on the newest call counts for 1/memory.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TypeAlias

BLOCK = 32
"""Half-lives in which the unit of weights stays. A unit is a power of two of the next, so changing it is exact, and the
order in which evidence is put together does not show in the last digit."""


DIGITS = 9
"""Decimals of a mean: nanoseconds. Weighted sums are off in the last digits, and thresholds (of 1 s) are sharp."""


def rebasing(old: int, new: int) -> float:
    """The factor that turns weights in the unit of one block into weights in the unit of another."""
    return math.ldexp(1.0, BLOCK * (old - new))


@dataclass(frozen=True, kw_only=True, slots=True)
class Forgetting:
    """How fast evidence fades.

    Attributes:
        half_life_s: Seconds in which the weight of an observation halves; `None`: time alone forgets nothing.
        memory: Observations that a mean remembers at most.
    """

    half_life_s: float | None = 7 * 86_400.0
    memory: int = 200
    per_s: float = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Keep ready how many half-lives a second is."""
        object.__setattr__(self, "per_s", 0.0 if self.half_life_s is None else 1.0 / self.half_life_s)

    def block(self, at: float) -> int:
        """The block of half-lives that a time lies in."""
        return math.floor(at * self.per_s / BLOCK)

    def weight(self, at: float, block: int) -> float:
        """The weight of an observation at a time, in the unit of a block."""
        return float(2.0 ** (at * self.per_s - BLOCK * block))


Mean: TypeAlias = complex
"""A weighted mean: its weight is the real part, its weighted sum the imaginary one.

Both are added and scaled together, and an object with two numbers would take three times the memory.
"""

NOTHING: Mean = 0j
"""The mean of nothing."""


def plus(mean: Mean, value: float, weight: float, cap: float) -> Mean:
    """A mean with one more value, shrunk if its weight would exceed `cap`.

    Example:
        >>> value_of(plus(plus(NOTHING, 1.0, 1.0, cap=200), 2.0, 1.0, cap=200))
        1.5
    """
    mass, total = mean.real + weight, mean.imag + value * weight
    return complex(cap, total * (cap / mass)) if mass > cap else complex(mass, total)


def value_of(mean: Mean) -> float | None:
    """The mean; `None` without evidence."""
    return round(mean.imag / mean.real, DIGITS) if mean.real > 0 else None
