"""A policy at work without a router around it: a hundred times as many calls in the same time."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Callable, Mapping

from langchain_core.language_models import FakeListChatModel

from langchain_scaffolding.candidates import Candidate, ModelTags
from langchain_scaffolding.outcomes import Outcome
from langchain_scaffolding.performance import PerformanceTracker
from langchain_scaffolding.policies import AdaptivePolicy
from langchain_scaffolding.ranking import Ranker
from langchain_scaffolding.request import RouteRequest

SIZES = {"small": 1.0, "middle": 4.0, "large": 9.0}


class World:
    """Models that answer well with given probabilities, which may change; `sizes` may know of more models."""

    def __init__(self, quality: Mapping[str, float], sizes: Mapping[str, float], policy: AdaptivePolicy, seed: int = 0):
        self.quality = dict(quality)
        self.policy = policy
        self._chance = random.Random(1000 + seed)  # not the policy's own: what it draws says nothing of the answer
        self._tracker = PerformanceTracker(half_life_s=None, clock=lambda: 1.0)
        candidates = {
            name: Candidate(name=name, model=FakeListChatModel(responses=[""]), tags=ModelTags(size_gb=sizes[name]))
            for name in quality
        }
        self._ranker = Ranker(candidates, (), (), self._tracker)
        self._numbers = itertools.count()

    def call(self, calls: int, *, text: Callable[[], str] = lambda: "A text.", task: str = "title") -> Counter[str]:
        """Make calls and judge each answer; count who answered."""
        answered: Counter[str] = Counter()
        for number in itertools.islice(self._numbers, calls):
            decision = self.policy.order(self._ranker.rank(RouteRequest.from_messages(text(), task=task)))
            name = decision.order[0]
            answered[name] += 1
            score = float(self._chance.random() < self.quality[name])
            outcome = Outcome(
                task=task, model=name, decision_id=str(number), total_s=0.5, measured=True, features=decision.features
            )
            self._tracker.record(outcome)
            self.policy.update(outcome)
            self._tracker.record_feedback(str(number), score)
            self.policy.judge(str(number), score)
        return answered
