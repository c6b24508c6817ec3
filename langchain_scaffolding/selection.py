"""`Selector`: chooses the chain for a request, and keeps the choice until something speaks against it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from langchain_scaffolding.ranking import Decision

if TYPE_CHECKING:
    from langchain_scaffolding.outcomes import Outcome
    from langchain_scaffolding.performance import PerformanceTracker
    from langchain_scaffolding.policies import Policy
    from langchain_scaffolding.ranking import Ranker, Ranking
    from langchain_scaffolding.request import RouteRequest

logger = logging.getLogger(__name__)
seed_logger = logging.getLogger("kari.intelligent_scaffolding_service")
"""The name that the service was debugged by before; code that sets its level still sees the decisions."""

Chain = TypeVar("Chain")


@dataclass(kw_only=True, slots=True)
class _Choice(Generic[Chain]):
    """A choice that was made: from which points, in which order, and until when it is kept by the selector's clock.

    It counts how often the model that it fell on has failed, and at which of these the policy was asked last.
    """

    points: Ranking
    ranking: Ranking
    chain: Chain
    until: float
    failures: int = 0
    asked_at: int = 0


class Selector(Generic[Chain]):
    """Ranks the candidates for a request, lets the policy order them, and keeps the choice.

    A kept choice costs a look-up. It is dropped when the points of any candidate change, and after `ttl_s`. Usual
    answers of a well-known model move its points up to sixteen calls later. When the chosen model fails, the policy is
    asked anew; the chain is kept if the order is the same. A new ranking keeps the model chosen before unless another
    is ahead by `margin`, so that small differences do not make answers alternate between models; after a failure it
    has no such advantage.

    Args:
        ranker: Ranks.
        policy: Orders the ranking.
        build: Makes what is called from an ordered ranking.
        tracker: Tells when what was learned changed.
        prefer: Names that come first in any order, by task.
        clock: Seconds, never running backwards.
        ttl_s: How long a choice is kept at most, in seconds.
        margin: Points by which a challenger must be ahead of the model chosen before.
        maxsize: How many choices are kept.
    """

    def __init__(
        self,
        ranker: Ranker,
        policy: Policy,
        build: Callable[[Ranking], Chain],
        tracker: PerformanceTracker,
        *,
        prefer: Callable[[str], tuple[str, ...]] = lambda _task: (),
        clock: Callable[[], float],
        ttl_s: float = 1800.0,
        margin: float = 0.5,
        maxsize: int = 1024,
    ) -> None:
        self.ranker = ranker
        self.policy = policy
        self._build = build
        self._prefer = prefer
        self._margin = margin
        self._clock = clock
        self._ttl_s = ttl_s
        self._maxsize = maxsize
        self._lock = threading.Lock()
        # A plain dictionary, since every call looks something up: that needs no lock and a third of a cache's time.
        self._choices: dict[Hashable, _Choice[Chain]] = {}
        # the model chosen before and until when that counts, by the same keys; never trusted beyond a margin
        self._incumbents: dict[Hashable, tuple[str, float]] = {}
        # every call ends here once: going through all choices for those of its task would cost more than choosing
        self._by_task: dict[str, dict[Hashable, _Choice[Chain]]] = {}
        self._cacheable = ranker.cacheable and policy.cacheable
        # held here because the tracker holds its listeners weakly
        self._unsubscribe = tracker.subscribe(self._changed, patient=True)

    def select(self, request: RouteRequest) -> Chain:
        """The chain for a request."""
        if not self._cacheable:
            ranking = self._decide(request, None, self.policy.order)
            _log(ranking)
            return self._build(ranking)
        key = (self.ranker.key(request), request.conversation_model)
        choice = self._choices.get(key)
        if choice is None or choice.failures != choice.asked_at or self._clock() >= choice.until:
            choice = self._choose(request, key, choice)
        if logger.isEnabledFor(logging.DEBUG) or seed_logger.isEnabledFor(logging.DEBUG):
            _log(choice.ranking)
        return choice.chain

    def rank(self, request: RouteRequest) -> Ranking:
        """The ranking that `select` would act on now, with the request's own numbers."""
        if not self._cacheable:
            return self._decide(request, None, getattr(self.policy, "preview", self.policy.order))
        incumbent = self._incumbent((self.ranker.key(request), request.conversation_model))
        return self._decide(request, incumbent, self.policy.order)

    def update(self, outcome: Outcome) -> None:
        """Doubt the choices that fell on a model which has just failed."""
        if outcome.error is None:
            return
        with self._lock:
            for key, choice in self._by_task.get(outcome.task, {}).items():
                if choice.ranking.names[0] == outcome.model:
                    choice.failures += 1
                    self._incumbents.pop(key, None)

    def clear(self) -> None:
        """Forget every choice."""
        with self._lock:
            self._choices.clear()
            self._incumbents.clear()
            self._by_task.clear()

    def _choose(self, request: RouteRequest, key: Hashable, before: _Choice[Chain] | None) -> _Choice[Chain]:
        now = self._clock()
        until = now + self._ttl_s
        if before is not None and now < before.until:
            failures = before.failures  # and not those that come meanwhile
            # the points are as they were: had they changed, the choice would be gone
            ranking = self._ordered(before.points, request, self._incumbent(key), self.policy.order)
            if ranking.decision is None and ranking.names == before.ranking.names:
                before.until, before.asked_at = until, failures
                self._incumbents[key] = (ranking.names[0], until)
                return before
            points = before.points
        else:
            # what is kept between calls is chosen without the text, and must not hold on to it
            points = self._points(request.without_prompt())
            ranking = self._ordered(points, request, self._incumbent(key), self.policy.order)
        choice = _Choice(points=points, ranking=ranking, chain=self._build(ranking), until=until)
        if ranking.names:
            with self._lock:
                if len(self._choices) >= self._maxsize:
                    self._forget(next(iter(self._choices)))
                self._choices[key] = choice
                if len(self._incumbents) >= self._maxsize:
                    del self._incumbents[next(iter(self._incumbents))]
                self._incumbents[key] = (ranking.names[0], until)
                self._by_task.setdefault(request.task, {})[key] = choice
        return choice

    def _points(self, request: RouteRequest) -> Ranking:
        """The candidates by their points, in the light of everything learned so far."""
        self.ranker.tracker.settle()
        return self.ranker.rank(request)

    def _incumbent(self, key: Hashable) -> str | None:
        name, until = self._incumbents.get(key, (None, 0.0))
        return name if self._clock() < until else None

    def _decide(
        self, request: RouteRequest, incumbent: str | None, order_of: Callable[[Ranking], Iterable[str] | Decision]
    ) -> Ranking:
        return self._ordered(self._points(request), request, incumbent, order_of)

    def _ordered(
        self,
        ranking: Ranking,
        request: RouteRequest,
        incumbent: str | None,
        order_of: Callable[[Ranking], Iterable[str] | Decision],
    ) -> Ranking:
        if not ranking.names:
            return ranking
        decided = order_of(ranking)
        order = list(decided)
        if incumbent is not None and incumbent in ranking.scores:
            scores = ranking.scores
            first = next((name for name in order if name in scores), incumbent)
            if ranking.same_tier(incumbent, first) and scores[first] - scores[incumbent] < self._margin:
                order.insert(0, incumbent)
        order[:0] = self._prefer(request.task)
        if request.conversation_model is not None:
            order.insert(0, request.conversation_model)
        if isinstance(decided, Decision):
            return ranking.in_order(order, decided)
        return ranking if order == ranking.names else ranking.in_order(order)

    def _changed(self, task: str, model: str) -> None:
        """What was learned of a model has changed: drop the choices whose points it moves."""
        for key, choice in tuple(self._by_task.get(task, {}).items()):
            before = choice.ranking.learned(model)
            if before is not None and self.ranker.learned(choice.ranking.request, model) != before:
                with self._lock:
                    self._forget(key)

    def _forget(self, key: Hashable) -> None:
        choice = self._choices.pop(key, None)
        if choice is not None:
            self._by_task[choice.ranking.request.task].pop(key, None)


def _log(ranking: Ranking) -> None:
    """One line for a decision, to the first of the two loggers that wants it: never twice for one that has both."""
    for each in (logger, seed_logger):
        if each.isEnabledFor(logging.DEBUG):
            each.debug("%s", ranking.as_line())
            return
