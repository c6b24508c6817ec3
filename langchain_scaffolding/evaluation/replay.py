"""`replay`: what a policy would have earned on a table, deciding and learning query by query as it does in a router."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from langchain_core.language_models import FakeListChatModel

from langchain_scaffolding.candidates import Candidate
from langchain_scaffolding.outcomes import Outcome
from langchain_scaffolding.performance import PerformanceTracker
from langchain_scaffolding.policies import Policy, policy_of
from langchain_scaffolding.ranking import Decision, Ranker, Ranking
from langchain_scaffolding.request import RouteRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_scaffolding.evaluation.table import Query, RoutingTable

Feedback: TypeAlias = Literal["bandit", "full", "none"]
"""What the policy is shown: the quality of the answer it chose, of every model's answer, or nothing."""

Advantage: TypeAlias = Callable[[Ranking], float]
"""Gives, before the answer is known, how much a query gains by one model over another."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One query of a replay.

    Attributes:
        query: The query.
        model: The model that was chosen.
        propensity: With what probability; `None` if the policy did not say.
        explored: Whether another was believed to be better.
        advantage: What `advantage` gave before the answer was known; `None` without one.
    """

    query: Query
    model: str
    propensity: float | None = None
    explored: bool = False
    advantage: float | None = None

    @property
    def quality(self) -> float:
        """The quality of the chosen model's answer."""
        return self.query.quality[self.model]

    @property
    def regret(self) -> float:
        """How much better the best model's answer to this very query was."""
        return max(self.query.quality.values()) - self.quality


@dataclass(frozen=True, kw_only=True, slots=True)
class Replay:
    """How a policy went through a table.

    Attributes:
        steps: The queries in the order in which they came.
        policy: The policy, with what it has learned.
    """

    steps: Sequence[Step]
    policy: Policy

    @property
    def quality(self) -> float:
        """The mean quality."""
        return sum(step.quality for step in self.steps) / len(self.steps)

    @property
    def cost(self) -> float | None:
        """The mean cost; `None` if one is unknown."""
        return self._mean([step.query.cost.get(step.model) for step in self.steps])

    @property
    def latency_s(self) -> float | None:
        """The mean latency in seconds; `None` if one is unknown."""
        return self._mean([step.query.latency_s.get(step.model) for step in self.steps])

    @property
    def exploration_share(self) -> float:
        """The share of queries that explored."""
        return sum(step.explored for step in self.steps) / len(self.steps)

    def regret(self, against: Mapping[str, str] | str | None = None) -> float:
        """Quality lost in all, against one model, against a model for each task, or against the best of each query."""
        if against is None:
            return sum(step.regret for step in self.steps)
        chosen = {} if isinstance(against, str) else against
        return sum(
            step.query.quality[against if isinstance(against, str) else chosen[step.query.task]] - step.quality
            for step in self.steps
        )

    @staticmethod
    def _mean(values: list[float | None]) -> float | None:
        known = [value for value in values if value is not None]
        return sum(known) / len(known) if len(known) == len(values) else None


def replay(
    table: RoutingTable,
    policy: str | Policy,
    *,
    seed: int = 0,
    feedback: Feedback = "bandit",
    advantage: Advantage | None = None,
) -> Replay:
    """Send the queries of a table through a policy, in a random order.

    Every query is ranked by the ranker that a router uses, without scorers, so that the policy alone decides. The
    policy learns from outcomes and feedback as it does in a router, and calls no model.

    Args:
        table: What every model made of every query.
        policy: A name or a policy; it learns, so give a fresh one.
        seed: Seed of the order.
        feedback: Which answers it is told the quality of.
        advantage: Asked before the answer is known, for `apgr`.

    Example:
        >>> from langchain_scaffolding.evaluation import RoutingTable
        >>> rows = [{"task": "title", "text": f"Text {n}", "q|small": 0, "q|large": 1} for n in range(50)]
        >>> table = RoutingTable.of_rows(rows, models={"small": {"size_gb": 1}, "large": {"size_gb": 9}})
        >>> replay(table, "adaptive").steps[-1].model
        'large'
    """
    policy = policy_of(policy)
    tracker = PerformanceTracker(half_life_s=None, clock=lambda: 1.0)
    candidates = {
        name: Candidate(name=name, model=FakeListChatModel(responses=[""]), tags=tags)
        for name, tags in table.models.items()
    }
    ranker = Ranker(candidates, (), (), tracker)
    learner = _Learner(policy, tracker)
    order = list(table.queries)
    random.Random(seed).shuffle(order)  # noqa: S311 - an order, not a secret
    steps = []
    for number, query in enumerate(order):
        request = RouteRequest.from_messages(query.text, task=query.task)
        ranking = ranker.rank(request)
        gain = None if advantage is None else advantage(ranking)
        decided = policy.order(ranking)
        decision = decided if isinstance(decided, Decision) else None
        model = next(iter(decided))
        learner.learn(number, query, model, decision, feedback)
        steps.append(
            Step(
                query=query,
                model=model,
                propensity=None if decision is None else decision.propensities.get(model),
                explored=decision is not None and decision.explored,
                advantage=gain,
            )
        )
    return Replay(steps=steps, policy=policy)


@dataclass(frozen=True, slots=True)
class _Learner:
    policy: Policy
    tracker: PerformanceTracker

    def learn(self, number: int, query: Query, chosen: str, decision: Decision | None, feedback: Feedback) -> None:
        for model in query.quality if feedback == "full" else (chosen,):
            decision_id = f"{number} {model}"
            latency_s = query.latency_s.get(model)
            outcome = Outcome(
                task=query.task,
                model=model,
                decision_id=decision_id,
                total_s=latency_s,
                measured=True,
                policy=None if decision is None else decision.policy,
                features=None if decision is None else decision.features,
                propensity=None if decision is None else decision.propensities.get(model),
            )
            self.tracker.record(outcome)
            self.policy.update(outcome)
            if feedback != "none":
                self.tracker.record_feedback(decision_id, query.quality[model])
                judge = getattr(self.policy, "judge", None)
                if judge is not None:
                    judge(decision_id, query.quality[model])
