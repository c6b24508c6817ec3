"""`Ranker` orders the candidates for a request; the `Ranking` it makes keeps the points and the reasons."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from langchain_scaffolding.candidates import Capability
from langchain_scaffolding.errors import ConfigurationError
from langchain_scaffolding.scorers import name_of

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence

    from rich.console import RenderableType

    from langchain_scaffolding.candidates import Candidate
    from langchain_scaffolding.filters import Filter
    from langchain_scaffolding.performance import PerformanceTracker
    from langchain_scaffolding.request import Needs, RouteRequest
    from langchain_scaffolding.scorers import Scorer


@dataclass(frozen=True, kw_only=True, slots=True)
class Ranked:
    """A candidate that can serve, with its points.

    Attributes:
        candidate: The candidate.
        score: The sum of its points.
        parts: Points by scorer; a scorer that abstained is not in it.
    """

    candidate: Candidate
    score: float
    parts: Mapping[str, float]

    @property
    def name(self) -> str:
        """The candidate's name."""
        return self.candidate.name


@dataclass(frozen=True, kw_only=True, slots=True)
class Rejected:
    """A candidate that cannot serve.

    Attributes:
        candidate: The candidate.
        reason: What was found and what was needed.
        by: The name of the filter.
    """

    candidate: Candidate
    reason: str
    by: str

    @property
    def name(self) -> str:
        """The candidate's name."""
        return self.candidate.name


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """How a policy decided, for those who want to evaluate it later.

    Attributes:
        order: Names of candidates, best first.
        propensities: How likely each candidate was to be first; the numbers sum to 1.
        policy: The policy's name and version.
        features: What it saw of the text, as named numbers; `None` if it looked at none.
        explored: Whether the first is another than the one it believes to be best.
    """

    order: tuple[str, ...]
    propensities: Mapping[str, float]
    policy: str
    features: Mapping[str, float] | None = None
    explored: bool = False

    def __iter__(self) -> Iterator[str]:
        """The names in order."""
        return iter(self.order)


Learned: TypeAlias = tuple[float | None, ...]
"""Points of the scorers that read more than the candidate, in their order."""


_Entry: TypeAlias = "tuple[bool, float, float, str, Candidate]"
"""Whether its abilities are unproven, its fixed points, its size, its name, and the candidate."""


class _Scored(NamedTuple):
    """A candidate as it is sorted: proven abilities first, then points, then the smaller size, then the name."""

    unproven: bool
    minus_score: float
    size: float
    name: str
    candidate: Candidate
    dynamic: Learned


@dataclass(frozen=True, kw_only=True, slots=True)
class _Pool:
    """The candidates that pass the cacheable filters for one kind of request, with their fixed points."""

    entries: tuple[_Entry, ...]
    rejected: tuple[Rejected, ...]


class Ranking:
    """All candidates for one request: those that can serve, best first, and why the others cannot.

    Attributes:
        request: What was asked for.
        rejected: Candidates that cannot serve, in the order of registration.
        decision: How the policy came to the order; `None` if it gave a bare one.
        what_if: Tells of a ranking what would have to change for another winner; `None` where nobody can be asked.

    Example:
        >>> from langchain_scaffolding import ScaffoldingRouterLLM
        >>> from langchain_scaffolding.testing import ScriptedChatModel
        >>> small = ScriptedChatModel(name="small", metadata={"size_gb": 1.5, "context_length": 8})
        >>> large = ScriptedChatModel(name="large", metadata={"size_gb": 14})
        >>> print(ScaffoldingRouterLLM(models=[small, large]).explain("A text that is longer than eight tokens."))
        task 'chat', ~14 tokens
          1. large  2 points (size 1, capability 1, latency 0, quantization 0)
          -  small  needs ~14 tokens, takes 8
    """

    def __init__(
        self,
        request: RouteRequest,
        scored: Sequence[_Scored],
        rejected: Sequence[Rejected],
        ranker: Ranker,
        decision: Decision | None = None,
    ) -> None:
        self.request = request
        self.rejected = tuple(rejected)
        self.decision = decision
        self.what_if: Callable[[Ranking], Sequence[object]] | None = None
        self._scored = scored
        self._ranker = ranker
        self.names = [entry.name for entry in scored]
        """The names of the candidates that can serve, best first."""
        self._points: dict[str, Mapping[str, float]] = {}

    @cached_property
    def ranked(self) -> tuple[Ranked, ...]:
        """Candidates that can serve, best first."""
        return tuple(
            Ranked(candidate=entry.candidate, score=-entry.minus_score, parts=self._ranker.parts(entry))
            for entry in self._scored
        )

    @property
    def learned(self) -> dict[str, Learned]:
        """By name the points that follow from what was learned."""
        return {entry.name: entry.dynamic for entry in self._scored}

    @property
    def candidates(self) -> list[Candidate]:
        """The candidates that can serve, best first."""
        return [entry.candidate for entry in self._scored]

    @property
    def chosen(self) -> Ranked | None:
        """The winner, or `None` if no candidate can serve."""
        return self.ranked[0] if self._scored else None

    @cached_property
    def scores(self) -> dict[str, float]:
        """Points by name, of the candidates that can serve."""
        return {entry.name: -entry.minus_score for entry in self._scored}

    @property
    def front(self) -> list[Candidate]:
        """The candidates that may be first: those that state the needed abilities, or all if none does."""
        unproven = bool(self._scored) and self._scored[0].unproven
        return [entry.candidate for entry in self._scored if entry.unproven == unproven]

    def same_tier(self, name: str, other: str) -> bool:
        """Whether two candidates that can serve are alike in stating the abilities that the request needs."""
        return len({entry.unproven for entry in self._scored if entry.name in {name, other}}) == 1

    def as_line(self) -> str:
        """The decision as one line for logs, without a word of the prompt."""
        ranked = ", ".join(
            f"{entry.name}={entry.score:g} ({' '.join(f'{name} {points:g}' for name, points in entry.parts.items())})"
            for entry in self.ranked
        )
        rejected = "; ".join(f"{entry.name}: {entry.reason}" for entry in self.rejected)
        chosen = self._scored[0].name if self._scored else "the last resort"
        return f"task {self.request.task!r} -> {chosen} | ranked {ranked or 'none'} | rejected {rejected or 'none'}"

    def score_of(self, name: str) -> float | None:
        """The points of a candidate, or `None` if it cannot serve."""
        return self.scores.get(name)

    @property
    def performance(self) -> PerformanceTracker:
        """What was learned of the candidates."""
        return self._ranker.tracker

    def points_of(self, name: str) -> Mapping[str, float] | None:
        """The points of a candidate by scorer, or `None` if it cannot serve."""
        points = self._points.get(name)
        if points is None:
            found = next((entry for entry in self._scored if entry.name == name), None)
            if found is None:
                return None
            points = self._points[name] = self._ranker.parts(found)
        return points

    def in_order(self, names: Iterable[str], decision: Decision | None = None) -> Ranking:
        """The same ranking with the named candidates first, in this order; names it does not hold are passed over."""
        by_name = {entry.name: entry for entry in self._scored}
        first = [by_name.pop(name) for name in dict.fromkeys(names) if name in by_name]
        return Ranking(
            self.request, [*first, *by_name.values()], self.rejected, self._ranker, decision or self.decision
        )

    def without(self, reasons: Mapping[str, str], *, by: str) -> Ranking:
        """The same ranking with the named candidates rejected, each with its reason."""
        rejected = [
            Rejected(candidate=entry.candidate, reason=reasons[entry.name], by=by)
            for entry in self._scored
            if entry.name in reasons
        ]
        scored = [entry for entry in self._scored if entry.name not in reasons]
        return Ranking(self.request, scored, (*self.rejected, *rejected), self._ranker, self.decision)

    def __str__(self) -> str:
        """The ranking as lines of text."""
        lines = [f"task {self.request.task!r}, ~{self.request.input_tokens} tokens"]
        for place, entry in enumerate(self.ranked, start=1):
            parts = ", ".join(f"{name} {points:g}" for name, points in entry.parts.items())
            lines.append(f"  {place}. {entry.name}  {entry.score:g} points ({parts})")
        lines += [f"  -  {entry.name}  {entry.reason}" for entry in self.rejected]
        return "\n".join(lines)

    def __repr__(self) -> str:
        """The winner and the counts."""
        chosen = self._scored[0].name if self._scored else None
        return f"Ranking(chosen={chosen!r}, ranked={len(self._scored)}, rejected={len(self.rejected)})"

    def _repr_html_(self) -> str:
        from langchain_scaffolding.display import ranking_html

        return ranking_html(self)

    def __rich__(self) -> RenderableType:
        """The ranking as a table of `rich`."""
        from langchain_scaffolding.display.terminal import ranking_group

        return ranking_group(self)


_PROOF: tuple[tuple[str, str], ...] = (
    ("tools", Capability.TOOLS),
    ("structured_output", Capability.STRUCTURED_OUTPUT),
    ("images", Capability.VISION),
)
_MAX_POOLS = 1024


def _named(scorers: Sequence[Scorer]) -> dict[str, Scorer]:
    """The scorers by name; a second one of a name gets a number, so that no points are lost."""
    named: dict[str, Scorer] = {}
    for scorer in scorers:
        if not callable(scorer):
            msg = f"A scorer is a function of a request, a candidate and a tracker, not {scorer!r}."
            raise ConfigurationError(msg)
        name = name_of(scorer)
        number = sum(other == name or other.startswith(f"{name} #") for other in named) + 1
        named[name if number == 1 else f"{name} #{number}"] = scorer
    return named


class Ranker:
    """Ranks a fixed set of candidates by filters and scorers.

    What follows from the candidates alone is worked out once: fixed points at construction, and which candidates pass
    the cacheable filters once for each kind of request.

    Args:
        candidates: The candidates by name.
        filters: Hard constraints, all of which must hold.
        scorers: What gives points.
        tracker: What was learned, for the scorers that read it.
    """

    def __init__(
        self,
        candidates: Mapping[str, Candidate],
        filters: Sequence[Filter],
        scorers: Sequence[Scorer],
        tracker: PerformanceTracker,
    ) -> None:
        self._candidates = candidates
        self.tracker = tracker
        named = _named(scorers)
        self._names = tuple(named)
        self._fixed_scorers = {name: each for name, each in named.items() if getattr(each, "per_candidate", False)}
        self._dynamic_names = [name for name in named if name not in self._fixed_scorers]
        self._dynamic_scorers = [named[name] for name in self._dynamic_names]
        self._kept_filters = [each for each in filters if getattr(each, "cacheable", False)]
        self._asked_filters = [each for each in filters if not getattr(each, "cacheable", False)]
        lengths = {candidate.tags.context_length for candidate in candidates.values()}
        lengths.update(limit for each in filters for limit in getattr(each, "token_limits", ()))
        self._lengths = sorted(length for length in lengths if length is not None)
        self._fixed: dict[str, dict[str, float]] = {}
        self._pools: dict[Hashable, _Pool] = {}
        self.cacheable = not self._asked_filters and all(
            getattr(scorer, "cacheable", False) for scorer in self._dynamic_scorers
        )

    def key(self, request: RouteRequest) -> tuple[Hashable, ...]:
        """What decides which candidates can serve: equal keys, equal pools."""
        needs, tokens = request.needs, request.input_tokens
        # the needs one by one, since hashing them as one value takes longer than all else here
        return (
            request.task,
            needs.tools,
            needs.structured_output,
            needs.images,
            bisect_left(self._lengths, tokens) if self._lengths else 0,
            request.pinned,
        )

    def rank(self, request: RouteRequest) -> Ranking:
        """The ranking for a request. Calls no model."""
        key = self.key(request)
        pool = self._pools.get(key)
        if pool is None:
            pool = self._pools[key] = self._make_pool(request)
            if len(self._pools) > _MAX_POOLS:
                self._pools.clear()
        entries, rejected = pool.entries, pool.rejected
        if self._asked_filters:
            entries, more = self._ask_filters(request, entries)
            rejected = (*rejected, *more)
        return Ranking(request, sorted(self._scored(request, entries)), rejected, self)

    def learned(self, request: RouteRequest, name: str) -> Learned:
        """The points of one candidate that follow from what was learned."""
        candidate = self._candidates[name]
        return tuple([scorer(request, candidate, self.tracker) for scorer in self._dynamic_scorers])

    def parts(self, entry: _Scored) -> dict[str, float]:
        """Points by scorer, in the order in which the scorers were given."""
        points = dict(self._fixed[entry.name])
        dynamic = zip(self._dynamic_names, entry.dynamic, strict=True)
        points.update({name: value for name, value in dynamic if value is not None})
        return {name: points[name] for name in self._names if name in points}

    def _scored(self, request: RouteRequest, entries: Iterable[_Entry]) -> Iterator[_Scored]:
        scorers, tracker = self._dynamic_scorers, self.tracker
        new = tuple.__new__
        only = scorers[0] if len(scorers) == 1 else None  # the usual case, for which no list is made
        for unproven, fixed, size, name, candidate in entries:
            dynamic: Learned
            if only is not None:
                dynamic = (only(request, candidate, tracker),)
            else:
                dynamic = tuple([scorer(request, candidate, tracker) for scorer in scorers])
            score = fixed
            for points in dynamic:
                if points is not None:
                    score += points
            if score != score:  # noqa: PLR0124 - NaN, which has no place in an order
                msg = (
                    f"A scorer gave {name!r} points that are no number (NaN); "
                    "let it return `None` where it cannot tell."
                )
                raise ConfigurationError(msg)
            yield new(_Scored, (unproven, -score, size, name, candidate, dynamic))

    def _make_pool(self, request: RouteRequest) -> _Pool:
        entries, rejected = [], []
        for name, candidate in self._candidates.items():
            rejection = self._rejection(request, candidate, self._kept_filters)
            if rejection is not None:
                rejected.append(rejection)
                continue
            size = candidate.tags.size_gb
            entries.append(
                (
                    _is_unproven(request.needs, candidate),
                    self._fixed_points(request, candidate),
                    float("inf") if size is None else size,
                    name,
                    candidate,
                )
            )
        return _Pool(entries=tuple(entries), rejected=tuple(rejected))

    def _fixed_points(self, request: RouteRequest, candidate: Candidate) -> float:
        parts = self._fixed.get(candidate.name)
        if parts is None:
            scores = {name: each(request, candidate, self.tracker) for name, each in self._fixed_scorers.items()}
            parts = {name: points for name, points in scores.items() if points is not None}
            self._fixed[candidate.name] = parts
        return sum(parts.values(), 0.0)

    def _rejection(self, request: RouteRequest, candidate: Candidate, filters: Iterable[Filter]) -> Rejected | None:
        if request.pinned is not None and candidate.name != request.pinned:
            return Rejected(candidate=candidate, reason=f"the call pins {request.pinned!r}", by="pin")
        for each in filters:
            reason = each(request, candidate)
            if reason is not None:
                return Rejected(candidate=candidate, reason=reason, by=name_of(each))
        return None

    def _ask_filters(
        self, request: RouteRequest, entries: Sequence[_Entry]
    ) -> tuple[tuple[_Entry, ...], list[Rejected]]:
        rejections = [self._rejection(request, entry[4], self._asked_filters) for entry in entries]
        kept = [entry for entry, rejection in zip(entries, rejections, strict=True) if rejection is None]
        return tuple(kept), [rejection for rejection in rejections if rejection is not None]


def _is_unproven(needs: Needs, candidate: Candidate) -> bool:
    """Whether a hard need is not stated by the candidate's tags: stated abilities come before unstated ones."""
    return any(getattr(needs, need) and not candidate.has(capability) for need, capability in _PROOF)
