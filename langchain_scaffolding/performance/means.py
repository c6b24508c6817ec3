"""Sums that forget: `Forgetting` says how fast, `Mean` and `Timing` are what fades.

Two kinds of forgetting work together. By time: an observation's weight halves with every half-life (forward decay:
Cormode, Shkapenyuk, Srivastava and Xu, ICDE 2009). By count: the weight of a mean never exceeds that of `memory` fresh
observations, so up to `memory` calls a mean is the plain one, and from then on the newest call counts for 1/memory.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from langchain_scaffolding.performance.sketch import LatencySketch

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


class Mean:
    """A weighted mean as its weight and its weighted sum."""

    __slots__ = ("total", "weight")

    def __init__(self) -> None:
        self.weight = 0.0
        self.total = 0.0

    def add(self, value: float, weight: float, cap: float) -> None:
        """Count one value, then shrink everything if the weight exceeds `cap`."""
        mass = self.weight + weight
        if mass > cap:
            shrink = cap / mass
            self.weight = cap
            self.total = (self.total + value * weight) * shrink
        else:
            self.weight = mass
            self.total += value * weight

    def scale(self, factor: float) -> None:
        """Multiply the weight, leaving the mean."""
        self.weight *= factor
        self.total *= factor

    def absorb(self, other: Mean, factor: float) -> None:
        """Count what another mean counted, with its weight times `factor`."""
        self.weight += other.weight * factor
        self.total += other.total * factor

    @property
    def value(self) -> float | None:
        """The mean; `None` without evidence."""
        return round(self.total / self.weight, DIGITS) if self.weight > 0 else None


class CorrectableMean(Mean):
    """A mean from which a value can be taken out again, with what is left of its weight."""

    __slots__ = ("forgotten",)

    def __init__(self) -> None:
        super().__init__()
        # logarithm to base 2 of how much the cap has shrunk what was there from the beginning
        self.forgotten = 0.0

    def add(self, value: float, weight: float, cap: float) -> None:
        """Count one value, then shrink everything if the weight exceeds `cap`."""
        mass = self.weight + weight
        super().add(value, weight, cap)
        if mass > cap:
            self.forgotten += math.log2(cap / mass)

    def absorb(self, other: Mean, factor: float) -> None:
        """Count what another mean counted, with its weight times `factor`."""
        super().absorb(other, factor)
        if isinstance(other, CorrectableMean):
            self.forgotten += other.forgotten

    def left_of(self, weight: float, forgotten: float) -> float:
        """What is left of a weight that was added when `forgotten` stood where it is given."""
        return weight * math.pow(2.0, self.forgotten - forgotten)


class Timing:
    """Durations of calls of one temperature: their mean, and quantiles of total and first token."""

    __slots__ = ("first_tokens", "seconds", "totals")

    def __init__(self) -> None:
        # ddsketch takes 40 ms to import, so the first measurement imports it and not the package
        from langchain_scaffolding.performance.sketch import LatencySketch

        self.seconds = Mean()
        self.totals = LatencySketch()
        self.first_tokens: LatencySketch | None = None

    def add(self, seconds: float, first_token_s: float | None, weight: float, cap: float) -> None:
        """Count one call."""
        self.seconds.add(seconds, weight, cap)
        self.totals.add(seconds, weight)
        if first_token_s is not None:
            if self.first_tokens is None:
                self.first_tokens = type(self.totals)()
            self.first_tokens.add(first_token_s, weight)

    def scale(self, factor: float) -> None:
        """Multiply every weight."""
        self.seconds.scale(factor)
        self.totals.scale(factor)
        if self.first_tokens is not None:
            self.first_tokens.scale(factor)

    def absorb(self, other: Timing, factor: float = 1.0, *, quantiles: bool = True) -> None:
        """Count what another timing counted, with its weight times `factor`."""
        self.seconds.absorb(other.seconds, factor)
        if not quantiles:
            return
        self.totals.merge(other.totals, factor)
        if other.first_tokens is not None:
            if self.first_tokens is None:
                self.first_tokens = type(self.totals)()
            self.first_tokens.merge(other.first_tokens, factor)
