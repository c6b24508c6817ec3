"""`Routing`: what a router works out once from its options, so that a call only looks things up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from langchain_scaffolding.attempts import Abandoned, Attempt, AttemptChain, CallSettings, Fallbacks
from langchain_scaffolding.config import Profiles
from langchain_scaffolding.policies import GreedyPolicy
from langchain_scaffolding.ranking import Ranker, Ranking
from langchain_scaffolding.results import Inquiry, ResultCache
from langchain_scaffolding.routing.options import (
    MS,
    RoutingOptions,
    check_names,
    filters_of,
    hedging_of,
    last_resort_of,
    limits_of,
    permitted,
    scorers_of,
)
from langchain_scaffolding.scorers import name_of
from langchain_scaffolding.selection import Selector

if TYPE_CHECKING:
    from langchain_core.caches import BaseCache
    from langchain_core.runnables import RunnableConfig

    from langchain_scaffolding.attempts import Hedging, LastResort
    from langchain_scaffolding.performance.breaker import ModelHealth
    from langchain_scaffolding.request import RouteRequest
    from langchain_scaffolding.routing.by_profile import ByRequest
    from langchain_scaffolding.tasks.budgets import ThinkingBudgets

_NO_PROFILES = Profiles()
_NO_PARAMETERS: Mapping[str, Any] = MappingProxyType({})


class Routing:
    """Chooses a chain of attempts for a request.

    Args:
        options: The router's options.
        cache: Where whole answers are kept; `None` keeps none.
        above: The routing that this one narrows by further profiles; `None` for a router's own.
        before: The routing that this one takes the place of, whose counts it goes on with.

    Raises:
        UnknownModelError: A profile names a model that is not registered.
        UnknownTaskError: A profile names a task that there is not.
    """

    _attempts: Mapping[str, Attempt]
    _last_resort: LastResort | None
    _settings: CallSettings

    def __init__(
        self,
        options: RoutingOptions,
        cache: BaseCache | None = None,
        *,
        above: Routing | None = None,
        before: Routing | None = None,
    ) -> None:
        _import_what_the_first_call_needs()
        self.candidates = options.candidates
        self.tasks = options.tasks
        self._options = options
        self._cache = cache
        self.profiles = options.profiles
        self.results: Any = None
        if cache is not None:
            chosen_by: list[Any] = [*(options.scorers or ()), *(options.filters or ())]
            facts = (options.config, options.profiles, options.policy.name, *map(name_of, chosen_by))
            self.results = ResultCache(cache, options.candidates, facts, options.run_settings)
        for profile in options.profiles:
            check_names(profile, options)
        self.selector: Selector[AttemptChain] | ByRequest = Selector(
            Ranker(options.candidates, filters_of(options), scorers_of(options), options.performance),
            options.policy,
            self._chain,
            options.performance,
            prefer=self._preferred,
            clock=options.clock,
        )
        self._share(above, before)
        self._empty_chain = AttemptChain.empty(self._settings, options.run_settings)

    def _share(self, above: Routing | None, before: Routing | None) -> None:
        """Make what calls count and limit together, or take it from the routing above."""
        options = self._options
        learners = [options.performance.record, self.selector.update]
        if not self._is_policy_idle:
            learners.insert(1, options.policy.update)
        if above is not None:
            self._attempts = above._attempts  # noqa: SLF001 - its own
            self._last_resort = permitted(above._last_resort, self.profiles)  # noqa: SLF001 - its own
            self._settings = replace(above._settings, learners=tuple(learners))  # noqa: SLF001 - its own
            return
        # the tracker holds it weakly, so that what a router once was does not listen on
        options.performance.subscribe_to_feedback(self._judge)
        self._attempts = {
            name: Attempt(name=name, candidate=candidate) for name, candidate in options.candidates.items()
        }
        resort = last_resort_of(options) if options.config.fallback_to_rule_based else None
        self._last_resort = permitted(resort, self.profiles, is_new=before is None)
        self._settings = CallSettings(
            learners=tuple(learners),
            breakers=options.breakers,
            budgets=options.budgets,
            clock=options.clock,
            limits=limits_of(options.config),
            max_retries=options.config.max_retries,
            observers=options.observers,
            hedging=self._hedging(before),
            tells_circumstances=bool(options.observers)
            or options.performance.store is not None
            or not self._is_policy_idle,
            abandoned=Abandoned() if before is None else before._settings.abandoned,  # noqa: SLF001 - its own
        )

    @property
    def _is_policy_idle(self) -> bool:
        """Whether the policy learns nothing, so that it need not be told of outcomes."""
        return getattr(self._options.policy.update, "__func__", None) is GreedyPolicy.update

    def _hedging(self, before: Routing | None) -> Hedging | None:
        """When a second model is asked; what counted that before goes on counting, if nothing has changed about it."""
        now = self._options.config
        if before is not None:
            then = before._options.config  # noqa: SLF001 - its own
            if (then.hedge_after_ms, then.hedge_budget) == (now.hedge_after_ms, now.hedge_budget):
                return before._settings.hedging  # noqa: SLF001 - its own
        return hedging_of(self._options)

    @property
    def gone(self) -> Mapping[str, str]:
        """Why models that were found before are not there now, by name."""
        return self._options.gone or {}

    @property
    def budgets(self) -> ThinkingBudgets:
        """Which models need more tokens, because they think first."""
        return self._options.budgets

    def under(self, names: tuple[str, ...]) -> Routing:
        """The routing of a call that chose these profiles, which hold beside those of the router.

        Raises:
            ConfigurationError: There is no profile of a name.
        """
        _NO_PROFILES.chosen(names)
        return self

    def _judge(self, decision_id: str, score: float) -> None:
        """Tell a policy that learns from feedback of it."""
        judge = getattr(self._options.policy, "judge", None)
        if judge is not None:
            judge(decision_id, score)

    def rank(self, request: RouteRequest) -> Ranking:
        """The ranking that a call would act on now: models that are left alone stand behind, with the reason."""
        ranking = self.selector.rank(request)
        breakers = self._options.breakers
        if breakers.all_closed or request.pinned is not None:
            return ranking
        reasons = {name: why for name in ranking.names if (why := breakers.why_not(name)) is not None}
        if reasons and len(reasons) == len(ranking.names):
            del reasons[min(reasons, key=breakers.open_for_s)]
        return ranking.without(reasons, by="breaker")

    def health(self) -> list[ModelHealth]:
        """How each model is doing, in the order of registration."""
        abandoned = self._settings.abandoned
        return [self._options.breakers.health(name, abandoned=abandoned[name]) for name in self.candidates]

    def inquiry(
        self,
        request: RouteRequest,
        arguments: Mapping[str, Any],
        config: RunnableConfig | None,
    ) -> Inquiry | None:
        """What a call's answer is kept under; `None` if it is not kept."""
        return None if self.results is None else self.results.inquiry(request.messages, request, arguments, config)

    def __reduce__(self) -> tuple[Callable[[], None], tuple[()]]:
        """Left out of copies and pickles: a router works out its own."""
        return _nothing, ()

    def _chain(self, ranking: Ranking) -> AttemptChain:
        names, last, empty = ranking.names, self._last_resort, self._empty_chain
        limit = self._limit_ms(ranking.request.task)
        if limit is not None:
            limits = replace(self._settings.limits, response_s=limit / MS)
            empty = AttemptChain.empty(replace(self._settings, limits=limits), self._options.run_settings)
        if not names:
            return AttemptChain.of([] if last is None else [last], ranking, empty.settings, empty.run_settings)
        return empty.over(self._attempts[names[0]], Fallbacks(names, self._attempts, last), ranking)

    def parameters(self, task: str) -> Mapping[str, Any]:
        """The parameters that the profiles send with every call of a task; the last one goes before the others."""
        if not self.profiles:
            return _NO_PARAMETERS
        return {name: value for each in self.profiles for name, value in each.for_task(task).parameters.items()}

    def _preferred(self, task: str) -> tuple[str, ...]:
        """What is tried first: the last profile goes before the others, what it says of the task before the rest."""
        names: list[str] = []
        for profile in reversed(self.profiles):
            names += (*profile.for_task(task).prefer, *profile.prefer)
        return tuple(names)

    def _limit_ms(self, task: str) -> float | None:
        if not self.profiles:
            return None
        limits = [profile.for_task(task).max_response_time_ms for profile in self.profiles]
        return min((limit for limit in limits if limit is not None), default=None)


@cache
def _import_what_the_first_call_needs() -> None:
    """Import now what would be imported in the middle of the first call, which may have a deadline."""
    import_module("langchain_core.tracers.stdout")


def _nothing() -> None:
    """What a copy of a `Routing` is."""
