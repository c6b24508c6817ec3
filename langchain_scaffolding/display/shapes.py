"""What is read of the things that are drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol


class Entry(Protocol):
    """A candidate that can serve."""

    @property
    def name(self) -> str: ...  # noqa: D102 - as in `ranking.Ranked`, like all that follows

    @property
    def score(self) -> float: ...  # noqa: D102

    @property
    def parts(self) -> Mapping[str, float]: ...  # noqa: D102

    @property
    def candidate(self) -> Any: ...  # noqa: D102


class Exclusion(Protocol):
    """A candidate that cannot serve."""

    @property
    def name(self) -> str: ...  # noqa: D102

    @property
    def reason(self) -> str: ...  # noqa: D102


class Ranking(Protocol):
    """A ranking."""

    @property
    def request(self) -> Any: ...  # noqa: D102

    @property
    def ranked(self) -> Sequence[Entry]: ...  # noqa: D102

    @property
    def rejected(self) -> Sequence[Exclusion]: ...  # noqa: D102

    @property
    def decision(self) -> Any: ...  # noqa: D102

    @property
    def performance(self) -> Any: ...  # noqa: D102

    @property
    def what_if(self) -> Callable[[Any], Sequence[object]] | None: ...  # noqa: D102


class Record(Protocol):
    """One call as it went."""

    @property
    def decision_id(self) -> str: ...  # noqa: D102

    @property
    def task(self) -> str: ...  # noqa: D102

    @property
    def ranking(self) -> Ranking: ...  # noqa: D102

    @property
    def outcomes(self) -> Sequence[Any]: ...  # noqa: D102

    @property
    def chosen(self) -> str | None: ...  # noqa: D102

    @property
    def source(self) -> str | None: ...  # noqa: D102

    @property
    def seconds(self) -> float: ...  # noqa: D102
