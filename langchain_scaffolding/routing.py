"""`Routing`: what a router works out once from its options, so that a call only looks things up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from langchain_scaffolding.attempts import Attempt, AttemptChain, CallSettings, Hedging, LastResort, Limits, RunSettings
from langchain_scaffolding.config import TaskPreferences
from langchain_scaffolding.errors import ConfigurationError, UnknownModelError
from langchain_scaffolding.filters import DEFAULT_FILTERS, Filter, able_to_do, permitted_by, shorter_than, suits
from langchain_scaffolding.ranking import Ranker, Ranking
from langchain_scaffolding.results import Inquiry, ResultCache
from langchain_scaffolding.scorers import Scorer, default_scorers, name_of
from langchain_scaffolding.selection import Selector

if TYPE_CHECKING:
    from langchain_core.caches import BaseCache
    from langchain_core.runnables import Runnable, RunnableConfig

    from langchain_scaffolding.attempts import Step
    from langchain_scaffolding.candidates import Candidate
    from langchain_scaffolding.config import RoutingProfile, ScaffoldingConfig
    from langchain_scaffolding.performance import PerformanceTracker
    from langchain_scaffolding.performance.breaker import CircuitBreakers, ModelHealth
    from langchain_scaffolding.policies import Policy
    from langchain_scaffolding.records import Observer
    from langchain_scaffolding.request import RouteRequest
    from langchain_scaffolding.tasks import Task
    from langchain_scaffolding.tasks.budgets import ThinkingBudgets

_MS = 1000.0
_NO_PREFERENCES = TaskPreferences()


@dataclass(frozen=True, kw_only=True, slots=True)
class RoutingOptions:
    """The options of a router, checked and complete."""

    candidates: Mapping[str, Candidate]
    config: ScaffoldingConfig
    policy: Policy
    scorers: Sequence[Scorer] | None
    filters: Sequence[Filter] | None
    profile: RoutingProfile | None
    tasks: Mapping[str, Task]
    last_resort: Runnable[Any, Any] | None
    performance: PerformanceTracker
    breakers: CircuitBreakers
    budgets: ThinkingBudgets
    observers: tuple[Observer, ...]
    clock: Callable[[], float]
    run_settings: RunSettings


class Routing:
    """Chooses a chain of attempts for a request.

    Args:
        options: The router's options.
        cache: Where whole answers are kept; `None` keeps none.

    Raises:
        UnknownModelError: The profile names a model that is not registered.
    """

    def __init__(self, options: RoutingOptions, cache: BaseCache | None = None) -> None:
        _import_what_the_first_call_needs()
        self.candidates = options.candidates
        self.tasks = options.tasks
        self._options = options
        profile = options.profile
        self.results: Any = None
        if cache is not None:
            chosen_by: list[Any] = [*(options.scorers or ()), *(options.filters or ())]
            facts = (options.config, profile, options.policy.name, *map(name_of, chosen_by))
            self.results = ResultCache(cache, options.candidates, facts, options.run_settings)
        if profile is not None:
            for name in sorted(profile.model_names() - options.candidates.keys()):
                raise UnknownModelError(name, options.candidates)
        self.selector: Selector[AttemptChain] = Selector(
            Ranker(options.candidates, _filters(options), _scorers(options), options.performance),
            options.policy,
            self._chain,
            options.performance,
            prefer=lambda task: () if profile is None else (*profile.for_task(task).prefer, *profile.prefer),
            clock=options.clock,
        )
        self._attempts = {
            name: Attempt(name=name, candidate=candidate) for name, candidate in options.candidates.items()
        }
        self._last_resort = _last_resort(options) if options.config.fallback_to_rule_based else None
        self._settings = CallSettings(
            learners=(
                options.performance.record,
                options.policy.update,
                self.selector.update,
            ),
            breakers=options.breakers,
            budgets=options.budgets,
            clock=options.clock,
            limits=_limits(options.config),
            max_retries=options.config.max_retries,
            observers=options.observers,
            hedging=_hedging(options),
        )

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
        limit = self._preferences(ranking.request.task).max_response_time_ms
        settings = self._settings
        if limit is not None:
            settings = replace(settings, limits=replace(settings.limits, response_s=limit / _MS))
        return AttemptChain.of(steps, ranking, settings, self._options.run_settings)

    def parameters(self, task: str) -> Mapping[str, Any]:
        """The parameters that the profile sends with every call of a task."""
        return self._preferences(task).parameters

    def _preferences(self, task: str) -> TaskPreferences:
        profile = self._options.profile
        return _NO_PREFERENCES if profile is None else profile.for_task(task)


@cache
def _import_what_the_first_call_needs() -> None:
    """Import now what would be imported in the middle of the first call, which may have a deadline."""
    for name in ("langchain_core.tracers.stdout", "langchain_scaffolding.performance.sketch"):
        import_module(name)


def _nothing() -> None:
    """What a copy of a `Routing` is."""


def _filters(options: RoutingOptions) -> list[Filter]:
    """The filters in the order in which they give their reason: what the user forbids stands before what cannot be."""
    filters: list[Filter] = []
    if options.profile is not None:
        filters.append(permitted_by(options.profile))
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


def _hedging(options: RoutingOptions) -> Hedging | None:
    """When a second model is asked beside one that is late.

    Raises:
        ConfigurationError: There is no second model.
    """
    after_ms = options.config.hedge_after_ms
    if after_ms is None:
        return None
    if len(options.candidates) < 2:
        msg = (
            f"`hedge_after_ms={after_ms!r}` asks a second model when the first is late, and only "
            f"{', '.join(options.candidates)!r} is registered. Register another model, or leave it out."
        )
        raise ConfigurationError(msg)
    return Hedging(after_s=after_ms if after_ms == "p95" else after_ms / _MS, budget=options.config.hedge_budget)


def _limits(config: ScaffoldingConfig) -> Limits:
    def seconds(milliseconds: float | None) -> float | None:
        return None if milliseconds is None else milliseconds / _MS

    return Limits(
        response_s=seconds(config.max_response_time_ms),
        attempt_s=seconds(config.attempt_timeout_ms),
        first_token_s=seconds(config.first_token_timeout_ms),
    )
