"""Who would be chosen if something were otherwise: asked of the code that serves, on a copy of the router."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, Self

if TYPE_CHECKING:
    from langchain_scaffolding.candidates import Candidate
    from langchain_scaffolding.config import Profiles, RoutingProfile, ScaffoldingConfig
    from langchain_scaffolding.performance import PairStats, PerformanceTracker
    from langchain_scaffolding.ranking import Ranking
    from langchain_scaffolding.request import RouteRequest


class Router(Protocol):
    """What is read of a router; `ScaffoldingRouterLLM` is one."""

    @property
    def models(self) -> tuple[Candidate, ...]: ...  # noqa: D102 - as in `ScaffoldingRouterLLM`, like all that follows

    @property
    def config(self) -> ScaffoldingConfig: ...  # noqa: D102

    @property
    def performance(self) -> PerformanceTracker: ...  # noqa: D102

    @property
    def routing(self) -> Any: ...  # noqa: D102

    @property
    def routing_profile(self) -> RoutingProfile | None: ...  # noqa: D102

    @property
    def profiles(self) -> Callable[[], Profiles] | None: ...  # noqa: D102

    @property
    def scorers(self) -> tuple[Any, ...] | None: ...  # noqa: D102

    def model_copy(self, *, update: Any = None, deep: bool = False) -> Self: ...  # noqa: D102


class Worlds:
    """Asks a router, and copies of it with other options, whom they would choose for a request.

    Args:
        router: The router.
        request: The request.
    """

    def __init__(self, router: Router, request: RouteRequest) -> None:
        self.router = router
        # a copy works out its own
        self.request = replace(request, routing=None)

    def ranking(self, options: Mapping[str, Any] | None = None, request: RouteRequest | None = None) -> Ranking:
        """The ranking on which the router, with other options or for another request, would act now."""
        router = self.router if options is None else self.router.model_copy(update=dict(options))
        ranking: Ranking = router.routing.rank(self.request if request is None else request)
        return ranking

    def winner(self, options: Mapping[str, Any] | None = None, request: RouteRequest | None = None) -> str | None:
        """The first of that ranking; `None` if no model can serve."""
        return first(self.ranking(options, request))


def first(ranking: Ranking) -> str | None:
    """The name of the winner; `None` if no model can serve."""
    return ranking.names[0] if ranking.names else None


class SupposedLatency:
    """What a tracker knows, with another mean latency of one model at one task.

    Args:
        known: The tracker.
        task: The task.
    """

    def __init__(self, known: PerformanceTracker, task: str) -> None:
        self._known = known
        self._task = task
        self.model: str | None = None
        self.seconds = 0.0

    def latency_mean_s(self, task: str, model: str) -> float | None:
        """Mean seconds of an answer, supposed or known."""
        if (task, model) == (self._task, self.model):
            return self.seconds
        return self._known.latency_mean_s(task, model)

    def stats(self, task: str, model: str) -> PairStats | None:
        """Everything known, with the supposed latency."""
        known = self._known.stats(task, model)
        if known is None or (task, model) != (self._task, self.model):
            return known
        return replace(known, latency_mean_s=self.seconds)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._known, name)


class SupposedPoints:
    """A scorer that gives one model further points."""

    name = "supposed"
    cacheable = True

    def __init__(self) -> None:
        self.model: str | None = None
        self.points = 0.0

    def __call__(self, _request: object, candidate: Candidate, _tracker: object, /) -> float:
        """The further points."""
        return self.points if candidate.name == self.model else 0.0
