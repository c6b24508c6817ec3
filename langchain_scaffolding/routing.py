"""`Routing`: what a router works out once from its options, so that a call only looks things up."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from langchain_scaffolding.attempts import (
    Abandoned,
    Attempt,
    AttemptChain,
    CallSettings,
    Hedging,
    LastResort,
    Limits,
    RunSettings,
)
from langchain_scaffolding.candidates import Candidate, base_model
from langchain_scaffolding.config import Profiles
from langchain_scaffolding.errors import ConfigurationError, UnknownModelError, UnknownTaskError
from langchain_scaffolding.filters import (
    DEFAULT_FILTERS,
    Filter,
    able_to_do,
    excluded_by,
    here,
    permitted_by,
    shorter_than,
    suits,
)
from langchain_scaffolding.ranking import Ranker, Ranking
from langchain_scaffolding.request import DEFAULT_TASK
from langchain_scaffolding.results import Inquiry, ResultCache
from langchain_scaffolding.scorers import Scorer, default_scorers, name_of
from langchain_scaffolding.selection import Selector

if TYPE_CHECKING:
    from langchain_core.caches import BaseCache
    from langchain_core.runnables import Runnable, RunnableConfig

    from langchain_scaffolding.attempts import Step
    from langchain_scaffolding.config import ProfileSource, RoutingProfile, ScaffoldingConfig
    from langchain_scaffolding.outcomes import Outcome
    from langchain_scaffolding.performance import PerformanceTracker
    from langchain_scaffolding.performance.breaker import CircuitBreakers, ModelHealth
    from langchain_scaffolding.policies import Policy
    from langchain_scaffolding.records import Observer
    from langchain_scaffolding.request import RouteRequest
    from langchain_scaffolding.tasks import Task
    from langchain_scaffolding.tasks.budgets import ThinkingBudgets

_MS = 1000.0
_NO_PROFILES = Profiles()
_NO_PARAMETERS: Mapping[str, Any] = MappingProxyType({})

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class RoutingOptions:
    """The options of a router, checked and complete.

    Attributes:
        gone: Why models that discovery found before are not there now; `None` if the candidates never change.
    """

    candidates: Mapping[str, Candidate]
    config: ScaffoldingConfig
    policy: Policy
    scorers: Sequence[Scorer] | None
    filters: Sequence[Filter] | None
    profiles: tuple[RoutingProfile, ...]
    tasks: Mapping[str, Task]
    last_resort: Runnable[Any, Any] | None
    performance: PerformanceTracker
    breakers: CircuitBreakers
    budgets: ThinkingBudgets
    observers: tuple[Observer, ...]
    clock: Callable[[], float]
    run_settings: RunSettings
    gone: Mapping[str, str] | None = None


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
            _check_names(profile, options)
        self.selector: Selector[AttemptChain] | _ByRequest = Selector(
            Ranker(options.candidates, _filters(options), _scorers(options), options.performance),
            options.policy,
            self._chain,
            options.performance,
            prefer=self._preferred,
            clock=options.clock,
        )
        self._share(above, before)

    def _share(self, above: Routing | None, before: Routing | None) -> None:
        """Make what calls count and limit together, or take it from the routing above."""
        options = self._options
        learners = (options.performance.record, options.policy.update, self.selector.update)
        if above is not None:
            self._attempts = above._attempts  # noqa: SLF001 - its own
            self._last_resort = _permitted(above._last_resort, self.profiles)  # noqa: SLF001 - its own
            self._settings = replace(above._settings, learners=learners)  # noqa: SLF001 - its own
            return
        # the tracker holds it weakly, so that what a router once was does not listen on
        options.performance.subscribe_to_feedback(self._judge)
        self._attempts = {
            name: Attempt(name=name, candidate=candidate) for name, candidate in options.candidates.items()
        }
        resort = _last_resort(options) if options.config.fallback_to_rule_based else None
        self._last_resort = _permitted(resort, self.profiles, is_new=before is None)
        self._settings = CallSettings(
            learners=learners,
            breakers=options.breakers,
            budgets=options.budgets,
            clock=options.clock,
            limits=_limits(options.config),
            max_retries=options.config.max_retries,
            observers=options.observers,
            hedging=_hedging(options, before),
            abandoned=Abandoned() if before is None else before._settings.abandoned,  # noqa: SLF001 - its own
        )

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
        steps: list[Step] = [self._attempts[name] for name in ranking.names]
        if self._last_resort is not None:
            steps.append(self._last_resort)
        settings = self._settings
        limit = self._limit_ms(ranking.request.task)
        if limit is not None:
            settings = replace(settings, limits=replace(settings.limits, response_s=limit / _MS))
        return AttemptChain.of(steps, ranking, settings, self._options.run_settings)

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
        limits = [profile.for_task(task).max_response_time_ms for profile in self.profiles]
        return min((limit for limit in limits if limit is not None), default=None)


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
                _check_names(profile, options)
            self._kept = _Kept(given, given, {})
        self.selector = _ByRequest(self)

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
                _check_names(profile, self._options)
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


class _ByRequest:
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


def _check_names(profile: RoutingProfile, options: RoutingOptions) -> None:
    """Refuse a misspelt name: a constraint on a model or a task that there is not would never hold.

    Raises:
        UnknownModelError: The profile names a model that is not registered.
        UnknownTaskError: It names a task that the router does not know.
    """
    # a model that discovery has not found yet may come
    for name in sorted(profile.model_names() - options.candidates.keys()) if options.gone is None else ():
        raise UnknownModelError(name, options.candidates)
    for name in sorted(profile.tasks.keys() - options.tasks.keys()):
        raise UnknownTaskError(name, options.tasks)


def _permitted(
    resort: LastResort | None, profiles: Sequence[RoutingProfile], *, is_new: bool = True
) -> LastResort | None:
    """The last resort, unless a model in it is excluded: profiles hold to the very end. Only a new one is told of."""
    if resort is None or resort.is_rules or not profiles:
        return resort
    from langchain_scaffolding.rules import RuleBasedChatModel

    nodes = resort.runnable.get_graph().nodes.values()
    inside = {id(model): model for node in nodes if (model := base_model(node.data)) is not None}
    for model in inside.values():
        if isinstance(model, RuleBasedChatModel):
            continue
        candidate = Candidate.of(model)
        for profile in profiles:
            exclusion = excluded_by(profile, DEFAULT_TASK, candidate)
            if exclusion is not None:
                logger.log(
                    logging.WARNING if is_new else logging.DEBUG,
                    "The last resort calls %s, and profile %r %s: it is left out.",
                    candidate.name,
                    profile.name,
                    exclusion.why,
                )
                return None
    return resort


@cache
def _import_what_the_first_call_needs() -> None:
    """Import now what would be imported in the middle of the first call, which may have a deadline."""
    for name in ("langchain_core.tracers.stdout", "langchain_scaffolding.performance.sketch"):
        import_module(name)


def _nothing() -> None:
    """What a copy of a `Routing` is."""


def _filters(options: RoutingOptions) -> list[Filter]:
    """The filters in the order in which they give their reason: what the user forbids stands before what cannot be."""
    filters: list[Filter] = [permitted_by(profile) for profile in options.profiles]
    if options.gone:
        filters.append(here(options.gone))
    filters.append(suits(options.config.preferred_capabilities))
    required = {name: task.required_capabilities for name, task in options.tasks.items() if task.required_capabilities}
    if required:
        filters.append(able_to_do(required))
    filters += DEFAULT_FILTERS if options.filters is None else options.filters
    if options.config.max_context_length is not None:
        filters.append(shorter_than(options.config.max_context_length))
    return filters


def _scorers(options: RoutingOptions) -> Sequence[Scorer]:
    return default_scorers(options.config) if options.scorers is None else options.scorers


def _last_resort(options: RoutingOptions) -> LastResort:
    if options.last_resort is not None:
        return LastResort(name="last_resort", runnable=options.last_resort)
    # the rules bring their own patterns and word lists: whoever imports the package does not pay for them yet
    from langchain_scaffolding.rules import RuleBasedChatModel

    rules = {name: task.rule for name, task in options.tasks.items()}
    return LastResort(name="rules", runnable=RuleBasedChatModel(rules=rules), is_rules=True)


def _hedging(options: RoutingOptions, before: Routing | None) -> Hedging | None:
    """When a second model is asked beside one that is late; the one before, if nothing has changed about that.

    Raises:
        ConfigurationError: There is no second model.
    """
    after_ms = options.config.hedge_after_ms
    if after_ms is None:
        return None
    if len(options.candidates) < 2 and options.gone is None:
        msg = (
            f"`hedge_after_ms={after_ms!r}` asks a second model when the first is late, and only "
            f"{', '.join(options.candidates)!r} is registered. Register another model, or leave it out."
        )
        raise ConfigurationError(msg)
    if before is not None and _hedged_alike(before._options.config, options.config):  # noqa: SLF001 - its own
        return before._settings.hedging  # noqa: SLF001 - its own
    if isinstance(after_ms, str):
        return Hedging(percentile=int(after_ms[1:]), budget=options.config.hedge_budget)
    return Hedging(after_s=after_ms / _MS, budget=options.config.hedge_budget)


def _hedged_alike(one: ScaffoldingConfig, other: ScaffoldingConfig) -> bool:
    return (one.hedge_after_ms, one.hedge_budget) == (other.hedge_after_ms, other.hedge_budget)


def _limits(config: ScaffoldingConfig) -> Limits:
    def seconds(milliseconds: float | None) -> float | None:
        return None if milliseconds is None else milliseconds / _MS

    return Limits(
        response_s=seconds(config.max_response_time_ms),
        attempt_s=seconds(config.attempt_timeout_ms),
        first_token_s=seconds(config.first_token_timeout_ms),
        stall_s=seconds(config.stall_timeout_ms),
        tokens_per_s=config.min_tokens_per_s,
    )
