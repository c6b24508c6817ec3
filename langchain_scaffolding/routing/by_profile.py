"""`RoutingByProfile`: the routing of a router whose calls may choose profiles."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from langchain_scaffolding.errors import UnknownModelError, UnknownTaskError
from langchain_scaffolding.routing.options import RoutingOptions, check_names
from langchain_scaffolding.routing.routing import Routing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from langchain_core.caches import BaseCache
    from langchain_core.runnables import RunnableConfig

    from langchain_scaffolding.attempts import AttemptChain
    from langchain_scaffolding.config import Profiles, ProfileSource
    from langchain_scaffolding.outcomes import Outcome
    from langchain_scaffolding.ranking import Ranking
    from langchain_scaffolding.request import RouteRequest
    from langchain_scaffolding.results import Inquiry

logger = logging.getLogger(__name__)


class _Kept(NamedTuple):
    """What was made of the profiles that a source gave.

    Attributes:
        given: What the source gave.
        profiles: What holds: the same, unless it names a model that is not registered.
        routings: By the names that calls chose.
    """

    given: Profiles
    profiles: Profiles
    routings: dict[tuple[str, ...], Routing]


class RoutingByProfile(Routing):
    """A routing whose calls may choose profiles, each combination with a routing of its own below this one.

    They share attempts, breakers, limits, hedging and all that is learned. Profiles that the source gives anew take the
    place of the old ones with the next call.

    Args:
        options: The router's options.
        source: Gives the profiles.
        cache: Where whole answers are kept; `None` keeps none.
        before: The routing that this one takes the place of, whose counts it goes on with.

    Raises:
        UnknownModelError: A profile names a model that is not registered.
        UnknownTaskError: A profile names a task that there is not.
    """

    _kept: _Kept

    def __init__(
        self,
        options: RoutingOptions,
        source: ProfileSource,
        cache: BaseCache | None = None,
        *,
        before: Routing | None = None,
    ) -> None:
        super().__init__(options, cache, before=before)
        self._source = source
        given = source()
        if isinstance(before, RoutingByProfile) and before._source is source:  # noqa: SLF001 - its own
            # what has gone wrong with the profiles meanwhile must not keep models from coming and going
            kept = before._kept._replace(routings={})  # noqa: SLF001 - its own
            self._kept = kept if given is kept.given else self._after(kept, given)
        else:
            for profile in given:
                check_names(profile, options)
            self._kept = _Kept(given, given, {})
        self.selector = ByRequest(self)

    def under(self, names: tuple[str, ...]) -> Routing:
        """The routing of a call that chose these profiles, which hold beside those of the router."""
        kept, given = self._kept, self._source()
        if given is not kept.given:
            kept = self._kept = self._after(kept, given)
        routing = kept.routings.get(names)
        if routing is None:
            profiles = (*self.profiles, *kept.profiles.always, *kept.profiles.chosen(names))
            routing = Routing(replace(self._options, profiles=profiles), self._cache, above=self)
            kept.routings[names] = routing
        return routing

    def _after(self, kept: _Kept, given: Profiles) -> _Kept:
        try:
            for profile in given:
                check_names(profile, self._options)
        except (UnknownModelError, UnknownTaskError) as error:
            logger.warning("The new profiles name %r, which there is not; the old ones stay in force.", error.name)
            return kept._replace(given=given)
        return _Kept(given, given, {})

    def parameters(self, task: str) -> Mapping[str, Any]:
        """The parameters of a call that chose no profile."""
        return self.under(()).parameters(task)

    def inquiry(
        self, request: RouteRequest, arguments: Mapping[str, Any], config: RunnableConfig | None
    ) -> Inquiry | None:
        """What a call's answer is kept under: answers of one profile are not given to calls under another."""
        inquiry = self.of(request).inquiry(request, arguments, config)
        # identical calls wait for one another by this key, and under another profile an answer is of no use to them
        return inquiry and replace(inquiry, key=f"{inquiry.key}{request.profiles}")

    def of(self, request: RouteRequest) -> Routing:
        """The routing that a request was prepared for."""
        routing: Routing | None = request.routing
        return self.under(request.profiles) if routing is None else routing

    def clear(self) -> None:
        """Forget every choice of all of them."""
        for routing in tuple(self._kept.routings.values()):
            routing.selector.clear()


class ByRequest:
    """Selects by the routing that a request was prepared for."""

    def __init__(self, routing: RoutingByProfile) -> None:
        self._routing = routing
        self.clear = routing.clear

    def select(self, request: RouteRequest) -> AttemptChain:
        """The chain for a request."""
        return self._routing.of(request).selector.select(request)

    def rank(self, request: RouteRequest) -> Ranking:
        """The ranking that `select` would act on now."""
        return self._routing.of(request).selector.rank(request)

    def update(self, outcome: Outcome) -> None:
        """Nothing to learn: each routing below does."""
