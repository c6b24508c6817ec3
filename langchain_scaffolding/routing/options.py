"""`RoutingOptions`: the options of a router, checked and complete, and what each comes down to."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from langchain_scaffolding.attempts import Hedging, LastResort, Limits, RunSettings
from langchain_scaffolding.candidates import Candidate, base_model
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
from langchain_scaffolding.request import DEFAULT_TASK
from langchain_scaffolding.scorers import Scorer, default_scorers

if TYPE_CHECKING:
    from langchain_core.runnables import Runnable

    from langchain_scaffolding.config import RoutingProfile, ScaffoldingConfig
    from langchain_scaffolding.performance import PerformanceTracker
    from langchain_scaffolding.performance.breaker import CircuitBreakers
    from langchain_scaffolding.policies import Policy
    from langchain_scaffolding.records import Observer
    from langchain_scaffolding.tasks import Task
    from langchain_scaffolding.tasks.budgets import ThinkingBudgets

MS = 1000.0

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


def check_names(profile: RoutingProfile, options: RoutingOptions) -> None:
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


def permitted(
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


def filters_of(options: RoutingOptions) -> list[Filter]:
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


def scorers_of(options: RoutingOptions) -> Sequence[Scorer]:
    """The scorers; the default ones if none were given."""
    return default_scorers(options.config) if options.scorers is None else options.scorers


def last_resort_of(options: RoutingOptions) -> LastResort:
    """What answers when no model did; the rules unless something else was given."""
    if options.last_resort is not None:
        return LastResort(name="last_resort", runnable=options.last_resort)
    # the rules bring their own patterns and word lists: whoever imports the package does not pay for them yet
    from langchain_scaffolding.rules import RuleBasedChatModel

    rules = {name: task.rule for name, task in options.tasks.items()}
    return LastResort(name="rules", runnable=RuleBasedChatModel(rules=rules), is_rules=True)


def hedging_of(options: RoutingOptions) -> Hedging | None:
    """When a second model is asked beside one that is late.

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
    if isinstance(after_ms, str):
        return Hedging(percentile=int(after_ms[1:]), budget=options.config.hedge_budget)
    return Hedging(after_s=after_ms / MS, budget=options.config.hedge_budget)


def limits_of(config: ScaffoldingConfig) -> Limits:
    """The limits in time, in seconds."""

    def seconds(milliseconds: float | None) -> float | None:
        return None if milliseconds is None else milliseconds / MS

    return Limits(
        response_s=seconds(config.max_response_time_ms),
        attempt_s=seconds(config.attempt_timeout_ms),
        first_token_s=seconds(config.first_token_timeout_ms),
        stall_s=seconds(config.stall_timeout_ms),
        tokens_per_s=config.min_tokens_per_s,
    )
