"""The shape of a discovery source, and `discover`, which asks several at once."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from langchain_scaffolding.display.words import tagged
from langchain_scaffolding.errors import ScaffoldingError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from langchain_scaffolding.candidates import Candidate

_MOST_AT_ONCE: Final = 16


class SourceUnavailableError(ScaffoldingError):
    """A source cannot be asked now; the message says why, in one line."""


class DiscoverySource(Protocol):
    """Finds models that are ready to be called."""

    @property
    def name(self) -> str:
        """What the source is called in reports."""
        ...

    def discover(self) -> Iterable[Candidate]:
        """The candidates it finds now; a `Discovery` if it also has reasons for those it left out.

        It may be asked from any thread, while other sources are asked in theirs.

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

    candidates: tuple[Candidate, ...] = ()
    troubles: tuple[tuple[str, str], ...] = ()

    def __iter__(self) -> Iterator[Candidate]:
        """The candidates."""
        return iter(self.candidates)

    def __len__(self) -> int:
        """How many candidates were found."""
        return len(self.candidates)

    def __str__(self) -> str:
        """A line for each model, and one for each reason."""
        lines = [f"{candidate.name}: {tagged(candidate)}" for candidate in self.candidates]
        return "\n".join([*lines, *(f"- {source}: {reason}" for source, reason in self.troubles)])


def discover(sources: Iterable[DiscoverySource] | None = None) -> Discovery:
    """Ask each source for its candidates, all at the same time: it takes as long as the slowest.

    Args:
        sources: The sources; by default `default_sources()`.

    Example:
        >>> from langchain_scaffolding.candidates import Candidate
        >>> from langchain_scaffolding.testing import ScriptedChatModel
        >>> class Shelf:
        ...     name = "shelf"
        ...
        ...     def discover(self):
        ...         return [Candidate.of(ScriptedChatModel(name="tiny"))]
        >>> [candidate.name for candidate in discover([Shelf()])]
        ['tiny']
    """
    return merged(answers_of(chosen(sources)))


def chosen(sources: Iterable[DiscoverySource] | None) -> tuple[DiscoverySource, ...]:
    """The sources, or those that need no configuration."""
    if sources is not None:
        return tuple(sources)
    from langchain_scaffolding.discovery.defaults import default_sources

    return default_sources()


async def adiscover(sources: Iterable[DiscoverySource] | None = None) -> Discovery:
    """Ask each source for its candidates, as `discover` does, while the event loop goes on."""
    return await asyncio.to_thread(discover, sources)


def answers_of(sources: Iterable[DiscoverySource]) -> list[tuple[str, Discovery]]:
    """What each source says, by its name and in order; they are asked at the same time."""
    every = list(sources)
    if len(every) <= 1:
        return [_asked(source) for source in every]
    with ThreadPoolExecutor(min(len(every), _MOST_AT_ONCE), thread_name_prefix="discover") as threads:
        return list(threads.map(_asked, every))


def _asked(source: DiscoverySource) -> tuple[str, Discovery]:
    try:
        found = source.discover()
        if not isinstance(found, Discovery):
            found = Discovery(candidates=tuple(found))
    except SourceUnavailableError as error:
        found = Discovery(troubles=((source.name, str(error)),))
    return source.name, found


def merged(answers: Iterable[tuple[str, Discovery]]) -> Discovery:
    """The answers of several sources as one; of two candidates with one name the first counts."""
    found: dict[str, Candidate] = {}
    troubles: list[tuple[str, str]] = []
    for name, answer in answers:
        troubles += answer.troubles
        for candidate in answer.candidates:
            if candidate.name in found:
                troubles.append((name, f"{candidate.name!r} was found before, by that name"))
            else:
                found[candidate.name] = candidate
    return Discovery(candidates=tuple(found.values()), troubles=tuple(troubles))
