"""Numbers with the goal they are held against, as lines or as a table in Markdown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """What was measured.

    Attributes:
        name: Of what.
        value: How much.
        unit: Of the value.
        at_most: The goal; `None` where there is none.
    """

    name: str
    value: float
    unit: str
    at_most: float | None = None

    @property
    def held(self) -> str:
        """Whether the goal is kept."""
        if self.at_most is None:
            return "-"
        return "yes" if self.value <= self.at_most else "no"

    def cells(self) -> list[str]:
        """A row of the table."""
        goal = "-" if self.at_most is None else f"{self.at_most:,g} {self.unit}"
        return [self.name, f"{self.value:,.{_digits(self.value)}f} {self.unit}", goal, self.held]


def _digits(value: float) -> int:
    return 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2


HEADER = ["", "measured", "goal", "held"]


def show(figures: Iterable[Figure], *, markdown: bool = False) -> list[Figure]:
    """Print figures as they come, and give them all."""
    if markdown:
        print(f"| {' | '.join(HEADER)} |\n| --- | --: | --: | --- |")
    shown = []
    for each in figures:
        name, value, goal, held = each.cells()
        print(
            f"| {name} | {value} | {goal} | {held} |" if markdown else f"{name:58} {value:>14} {goal:>14}  {held}",
            flush=True,
        )
        shown.append(each)
    return shown
