"""The shape of a discovery source, and `discover`, which asks several."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from langchain_scaffolding.errors import ScaffoldingError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from langchain_scaffolding.candidates import Candidate


class SourceUnavailableError(ScaffoldingError):
    """A source cannot be asked now; the message says why, in one line."""


class DiscoverySource(Protocol):
    """Finds models that are ready to be called.

    Attributes:
        name: What the source is called in reports.
    """

    name: str

    def discover(self) -> Iterable[Candidate]:
        """The candidates it finds now.

        Raises:
            SourceUnavailableError: It cannot be asked now. That is a line of the report; any other error is a bug of
                the source and reaches the caller.
        """
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Discovery:
    """What was found, and what was not.

    Attributes:
        candidates: The candidates, in the order of the sources; of two with one name the first.
        troubles: Pairs of source and reason, for sources that could not be asked and candidates that were left out.
    """

    candidates: tuple[Candidate, ...]
    troubles: tuple[tuple[str, str], ...]


def discover(sources: Iterable[DiscoverySource]) -> Discovery:
    """Ask each source for its candidates.

    Example:
        >>> from langchain_scaffolding.candidates import Candidate
        >>> from langchain_scaffolding.testing import ScriptedChatModel
        >>> class Shelf:
        ...     name = "shelf"
        ...
        ...     def discover(self):
        ...         return [Candidate.of(ScriptedChatModel(name="tiny"))]
        >>> [candidate.name for candidate in discover([Shelf()]).candidates]
        ['tiny']
    """
    found: dict[str, Candidate] = {}
    troubles: list[tuple[str, str]] = []
    for source in sources:
        try:
            candidates = list(source.discover())
        except SourceUnavailableError as error:
            troubles.append((source.name, str(error)))
            continue
        for candidate in candidates:
            if candidate.name in found:
                troubles.append((source.name, f"{candidate.name!r} was found before, by that name"))
            else:
                found[candidate.name] = candidate
    return Discovery(candidates=tuple(found.values()), troubles=tuple(troubles))
