"""`Ranker` orders the candidates for a request; the `Ranking` it makes keeps the points and the reasons."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property
from inspect import ismethod
from typing import TYPE_CHECKING

from langchain_scaffolding.candidates import Capability
from langchain_scaffolding.errors import ConfigurationError
from langchain_scaffolding.pools import Points, Pool
from langchain_scaffolding.scorers import name_of

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence

    from rich.console import RenderableType

    from langchain_scaffolding.candidates import Candidate
    from langchain_scaffolding.filters import Filter
    from langchain_scaffolding.performance import PerformanceTracker
    from langchain_scaffolding.pools import Learned
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
        points: Points,
        order: Sequence[int],
        rejected: Sequence[Rejected],
        ranker: Ranker,
        decision: Decision | None = None,
    ) -> None:
        self.request = request
        self.rejected = tuple(rejected)
        self.decision = decision
        self.what_if: Callable[[Ranking], Sequence[object]] | None = None
        self._points = points
        self._order = order
        self._ranker = ranker
        names = points.pool.names
        self.names = [*map(names.__getitem__, order)]
        """The names of the candidates that can serve, best first."""
        self._parts: dict[str, Mapping[str, float]] = {}

    @cached_property
    def ranked(self) -> tuple[Ranked, ...]:
        """Candidates that can serve, best first."""
        candidates, totals = self._points.pool.candidates, self._points.totals
        return tuple(
            Ranked(
                candidate=candidates[place],
                score=totals[place],
                parts=self._ranker.parts(name, self._points.learned(place)),
            )
            for name, place in zip(self.names, self._order, strict=True)
        )

    def learned(self, name: str) -> Learned | None:
        """The points of a candidate that follow from what was learned, or `None` if it did not pass the filters."""
        place = self._points.pool.places.get(name)
        return None if place is None else self._points.learned(place)

    @property
    def candidates(self) -> list[Candidate]:
        """The candidates that can serve, best first."""
        candidates = self._points.pool.candidates
        return [candidates[place] for place in self._order]

    @property
    def chosen(self) -> Ranked | None:
        """The winner, or `None` if no candidate can serve."""
        return self.ranked[0] if self.names else None

    @cached_property
    def scores(self) -> dict[str, float]:
        """Points by name, of the candidates that can serve."""
        totals = self._points.totals
        return {name: totals[place] for name, place in zip(self.names, self._order, strict=True)}

    @property
    def front(self) -> list[Candidate]:
        """The candidates that may be first: those that state the needed abilities, or all if none does."""
        candidates, unproven = self._points.pool.candidates, self._points.pool.unproven
        return [candidates[place] for place in self._order if unproven[place] == unproven[self._order[0]]]

    @property
    def front_names(self) -> tuple[str, ...]:
        """The names of the candidates that may be first."""
        if True not in self._points.pool.unproven:
            return tuple(self.names)
        return tuple([candidate.name for candidate in self.front])

    def same_tier(self, name: str, other: str) -> bool:
        """Whether two candidates that can serve are alike in stating the abilities that the request needs."""
        pool = self._points.pool
        return pool.unproven[pool.places[name]] == pool.unproven[pool.places[other]]

    def as_line(self) -> str:
        """The decision as one line for logs, without a word of the prompt."""
        ranked = ", ".join(
            f"{entry.name}={entry.score:g} ({' '.join(f'{name} {points:g}' for name, points in entry.parts.items())})"
            for entry in self.ranked
        )
        rejected = "; ".join(f"{entry.name}: {entry.reason}" for entry in self.rejected)
        chosen = self.names[0] if self.names else "the last resort"
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
        parts = self._parts.get(name)
        if parts is None:
            place = self._points.pool.places.get(name)
            if place is None or place not in self._order:
                return None
            parts = self._parts[name] = self._ranker.parts(name, self._points.learned(place))
        return parts

    def in_order(self, names: Iterable[str], decision: Decision | None = None) -> Ranking:
        """The same ranking with the named candidates first, in this order; names it does not hold are passed over."""
        held, place_of = dict.fromkeys(self._order), self._points.pool.places.get
        first = dict.fromkeys([place for place in map(place_of, names) if place in held])
        return self._with([*(first | held)], self.rejected, decision or self.decision)

    def without(self, reasons: Mapping[str, str], *, by: str) -> Ranking:
        """The same ranking with the named candidates rejected, each with its reason."""
        candidates = self._points.pool.candidates
        rejected = [
            Rejected(candidate=candidates[place], reason=reasons[name], by=by)
            for name, place in zip(self.names, self._order, strict=True)
            if name in reasons
        ]
        order = [place for place in self._order if candidates[place].name not in reasons]
        return self._with(order, (*self.rejected, *rejected), self.decision)

    def _with(self, order: Sequence[int], rejected: Sequence[Rejected], decision: Decision | None) -> Ranking:
        return Ranking(self.request, self._points, order, rejected, self._ranker, decision)

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
        chosen = self.names[0] if self.names else None
        return f"Ranking(chosen={chosen!r}, ranked={len(self.names)}, rejected={len(self.rejected)})"

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


def _called(scorer: Scorer) -> Scorer:
    """What a call of the scorer runs, which takes three quarters of the time if it is asked for once."""
    call: Scorer = scorer.__call__  # type: ignore[operator]
    return call if ismethod(call) else scorer


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
        self._dynamic_scorers = [_called(named[name]) for name in self._dynamic_names]
        self._kept_filters = [each for each in filters if getattr(each, "cacheable", False)]
        self._asked_filters = [each for each in filters if not getattr(each, "cacheable", False)]
        lengths = {candidate.tags.context_length for candidate in candidates.values()}
        lengths.update(limit for each in filters for limit in getattr(each, "token_limits", ()))
        self._lengths = sorted(length for length in lengths if length is not None)
        self._fixed: dict[str, dict[str, float]] = {}
        self._pools: dict[Hashable, tuple[Pool, list[Rejected]]] = {}
        self.cacheable = not self._asked_filters and all(
            getattr(named[name], "cacheable", False) for name in self._dynamic_names
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
        found = self._pools.get(key)
        if found is None:
            found = self._pools[key] = self._make_pool(request)
            if len(self._pools) > _MAX_POOLS:
                self._pools.clear()
        pool, rejected = found
        if self._asked_filters:
            pool, more = self._ask_filters(request, pool)
            rejected = [*rejected, *more]
        scorers, tracker = self._dynamic_scorers, self.tracker
        columns = [[scorer(request, each, tracker) for each in pool.candidates] for scorer in scorers]
        points = Points.of(pool, columns)
        return Ranking(request, points, points.order(), rejected, self)

    def learned(self, request: RouteRequest, name: str) -> Learned:
        """The points of one candidate that follow from what was learned."""
        candidate = self._candidates[name]
        return tuple([scorer(request, candidate, self.tracker) for scorer in self._dynamic_scorers])

    def parts(self, name: str, learned: Learned) -> dict[str, float]:
        """Points of a candidate by scorer, in the order in which the scorers were given."""
        points = dict(self._fixed[name])
        dynamic = zip(self._dynamic_names, learned, strict=True)
        points.update({scorer: value for scorer, value in dynamic if value is not None})
        return {scorer: points[scorer] for scorer in self._names if scorer in points}

    def _make_pool(self, request: RouteRequest) -> tuple[Pool, list[Rejected]]:
        entries, rejected = [], []
        for candidate in self._candidates.values():
            rejection = self._rejection(request, candidate, self._kept_filters)
            if rejection is not None:
                rejected.append(rejection)
            else:
                fixed = self._fixed_points(request, candidate)
                entries.append((candidate, fixed, _is_unproven(request.needs, candidate)))
        return Pool.of(entries), rejected

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

    def _ask_filters(self, request: RouteRequest, pool: Pool) -> tuple[Pool, list[Rejected]]:
        answers = [self._rejection(request, candidate, self._asked_filters) for candidate in pool.candidates]
        rejected = [rejection for rejection in answers if rejection is not None]
        return pool.without({each.name for each in rejected}) if rejected else pool, rejected


def _is_unproven(needs: Needs, candidate: Candidate) -> bool:
    """Whether a hard need is not stated by the candidate's tags: stated abilities come before unstated ones."""
    return any(getattr(needs, need) and not candidate.has(capability) for need, capability in _PROOF)
