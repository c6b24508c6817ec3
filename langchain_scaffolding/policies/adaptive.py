"""The policy that learns which model is best for which task and text, and forgets when the world changes."""

from __future__ import annotations

import copy
import math
import random
import threading
from collections import OrderedDict
from operator import add
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from langchain_scaffolding.errors import ConfigurationError
from langchain_scaffolding.policies.budgets import Budget
from langchain_scaffolding.policies.chances import draw, sampling_chances
from langchain_scaffolding.policies.changes import SHIFT, Watch
from langchain_scaffolding.policies.features import TextFeatures
from langchain_scaffolding.policies.odds import chance_of
from langchain_scaffolding.policies.prices import Prices, prices_of
from langchain_scaffolding.policies.worth import Standing, Weights
from langchain_scaffolding.ranking import Decision

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from langchain_scaffolding.candidates import Candidate
    from langchain_scaffolding.outcomes import Outcome
    from langchain_scaffolding.performance import PairStats, PerformanceTracker
    from langchain_scaffolding.policies.beliefs import Beliefs, Places, Reading, Spread
    from langchain_scaffolding.ranking import Ranking
    from langchain_scaffolding.request import RouteRequest

_REMEMBERED = 10_000
_HELD_OPEN = 0.5
_TRIES = 3
_FIRST = 20  # decisions before the share of exploration is worth watching
_STEEPEST = 0.25  # the slope of the logistic function at its middle: probability for each log-odd
_MAX_FIELDS = 1024


class _Field(NamedTuple):
    """The candidates that may be first, with what does not depend on the call."""

    names: tuple[str, ...]
    columns: Places
    prices: Prices

    def offset(self, name: str, length: float) -> float:
        """What was expected of a model before anything was known of it, in log-odds."""
        return self.prices.offsets(length)[self.names.index(name)] if name in self.names else 0.0


class _Seen(TextFeatures):
    """The features of one call, with what they were compared with when a model was chosen."""

    __slots__ = ("field", "reading")

    field: _Field
    reading: Reading

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.measures, self.stems), (None, {"field": self.field, "reading": self.reading})


class AdaptivePolicy:
    """Chooses the model whose answer is expected to be worth most, and looks at the others often enough to know.

    What it knows of quality comes from feedback (`router.record_feedback`) through a logistic regression over task,
    text and model, see `Beliefs`; a text needs no task label for that. What it knows of failures and latency comes from
    the tracker, without anybody's help. Larger or dearer models are expected to be a little better before anything is
    known. A model is explored by how likely it still is to be the best (Maillard sampling: Bian and Jun, ICML 2022;
    tempered), so every decision carries the probability of each choice, and exploration ends as knowledge grows: it
    never takes more than a fixed share of calls, and none of calls that ask for the same answer every time.

    A few bad answers are no reason to drop a model for good: each gets three tries. If its answers become much better
    or worse than they used to be, a CUSUM detector (Page, 1954) moves the beliefs about it by as much, opens them again
    and lets the others be tried; a model that fell is looked at from time to time until it recovers.

    Args:
        weights: What quality, latency and cost are worth.
        deadline_s: Seconds within which an answer is wanted, for tasks without a deadline of their own.
        deadlines: The same by task.
        dearer_share: The share of calls that may go to another model than the cheapest; the texts that gain most go
            there. `None`: no limit.
        exploration: The largest share of calls that may explore, from 0 (never) to 1.
        temper: How eagerly it explores: 1 is full sampling, towards 0 it trusts what it believes.
        look_again: The share of a task's calls that goes to each model that fell or has not had its tries yet.
        spread: What is expected of effects before anything is known.
        seed: Seed of what is random.

    Raises:
        ConfigurationError: A value is out of range.

    Example:
        >>> from langchain_scaffolding import ScaffoldingRouterLLM
        >>> from langchain_scaffolding.testing import ScriptedChatModel
        >>> models = [
        ...     ScriptedChatModel("a", name="small", metadata={"size_gb": 1}),
        ...     ScriptedChatModel("b", name="large", metadata={"size_gb": 9}),
        ... ]
        >>> router = ScaffoldingRouterLLM(models=models, policy=AdaptivePolicy(seed=1))
        >>> for _ in range(60):
        ...     answer = router.invoke("Name a colour.", task="title")
        ...     _ = router.record_feedback(answer, score=1.0 if answer.content == "a" else 0.0)
        >>> router.explain("Name a colour.", task="title").decision.propensities["small"] > 0.9
        True
    """

    name = "adaptive"
    cacheable = False

    def __init__(
        self,
        *,
        weights: Weights | None = None,
        deadline_s: float = 2.0,
        deadlines: Mapping[str, float] | None = None,
        dearer_share: float | None = None,
        exploration: float = 0.25,
        temper: float = 0.3,
        look_again: float = 0.03,
        spread: Spread | None = None,
        seed: int = 0,
    ) -> None:
        from langchain_scaffolding.policies.beliefs import Beliefs  # numpy is for those who learn

        self.weights = Weights() if weights is None else weights
        for option, value in (("exploration", exploration), ("look_again", look_again), ("dearer_share", dearer_share)):
            if value is not None and not 0 <= value <= 1:
                msg = f"`{option}` is a share of calls, from 0 to 1, not {value!r}."
                raise ConfigurationError(msg)
        for option, value in (("deadline_s", deadline_s), ("temper", temper), *(deadlines or {}).items()):
            if not 0 < value < math.inf:
                msg = f"`{option}` must be above 0, not {value!r}."
                raise ConfigurationError(msg)
        self._deadline_s, self._deadlines = deadline_s, dict(deadlines or {})
        self._exploration, self._temper, self._look_again = exploration, temper, look_again
        self._random = random.Random(seed)  # noqa: S311 - it explores
        self.beliefs: Beliefs = Beliefs(spread)
        self._lock = threading.Lock()
        self._fields: dict[tuple[str, ...], _Field] = {}
        self._answers: OrderedDict[str, tuple[str, str, _Seen]] = OrderedDict()
        self._judged: dict[tuple[str, str], int] = {}
        self._standings: dict[tuple[str, str], Standing] = {}
        self._watch = Watch()
        self._favourites: dict[str, str] = {}
        self._tries: dict[str, int] = {}
        self._budget = None if dearer_share is None else Budget(dearer_share)
        self.decisions = 0
        self.explored = 0

    # --- choosing ------------------------------------------------------------------------------------------------

    def order(self, ranking: Ranking) -> Decision:
        """The candidates by what their answers are expected to be worth, the one to be tried first in front."""
        names = ranking.front_names
        if len(names) < 2:
            return Decision(
                order=tuple(ranking.names), propensities=dict.fromkeys(ranking.names[:1], 1.0), policy=self.name
            )
        request = ranking.request
        seen = self._look(request)
        with self._lock:
            seen.field = field = self._fields.get(names) or self._new_field(ranking.front)
            worth, variances = self._worth(field, request.task, ranking.performance, seen)
            by_worth = sorted(range(len(names)), key=worth.__getitem__, reverse=True)
            best = by_worth[0]
            self._favourites[request.task] = names[best]
            chances = self._chances(request, field, worth, variances, best)
            best = chances.index(max(chances))
            first = draw(chances, self._random.random())
            explored = worth[first] < worth[best]  # the better model, where a budget meant the worse, is no sacrifice
            self.decisions += 1
            self.explored += explored
            self._tries[names[first]] = self._tries.get(names[first], 0) + 1
        by_worth.remove(first)
        return Decision(
            order=(names[first], *[names[place] for place in by_worth]),
            propensities=dict(zip(names, chances, strict=True)),
            features=seen,
            policy=self.name,
            explored=explored,
        )

    def preview(self, ranking: Ranking) -> Decision:
        """The decision that `order` would come to next, without taking it: for explanations."""
        return copy.copy(self).order(ranking)

    def advantage(self, ranking: Ranking, model: str, over: str) -> float:
        """How much likelier a good answer of one model is than one of another, from -1 to 1.

        Texts are ordered by it when only some may go to the better model.
        """
        front = [candidate for candidate in ranking.front if candidate.name in {model, over}]
        with self._lock:
            field = self._new_field(front)
            believed = self._quality(field, ranking.request.task, self._look(ranking.request).reading)
        chance = dict(zip(field.names, map(chance_of, *believed), strict=True))
        return chance[model] - chance[over]

    @property
    def exploration_share(self) -> float:
        """The share of decisions so far that tried a model first from which less was expected than they could have had.

        Under a budget, a call that by its gain would have gone to the worse model and went to the better one is none.
        """
        return self.explored / self.decisions if self.decisions else 0.0

    def _look(self, request: RouteRequest) -> _Seen:
        seen = _Seen.of(request.text)
        seen.reading = self.beliefs.read(seen)
        return seen

    def _new_field(self, front: Sequence[Candidate]) -> _Field:
        names = tuple([candidate.name for candidate in front])
        if len(self._fields) >= _MAX_FIELDS:
            self._fields.clear()
        prices = prices_of([candidate.tags for candidate in front])
        field = self._fields[names] = _Field(names, self.beliefs.columns(names), prices)
        return field

    def _quality(self, field: _Field, task: str, reading: Reading) -> tuple[list[float], list[float]]:
        """Log-odds of a good answer and their variances, by what this policy has learned itself."""
        beliefs = self.beliefs
        with_text = self._budget is not None  # then texts compete with each other, and not only models
        expected, variances = beliefs.expect(beliefs.row_of_task(task), field.columns, reading, with_text=with_text)
        return [*map(add, expected.tolist(), field.prices.offsets(float(reading.measures[0])))], variances.tolist()

    def _worth(
        self, field: _Field, task: str, tracker: PerformanceTracker, seen: _Seen
    ) -> tuple[list[float], list[float]]:
        expected, variances = self._quality(field, task, seen.reading)
        worth, quality, cost = [], self.weights.quality, self.weights.cost
        standings, judged, known = self._standings, self._judged, tracker.stats_of(task, field.names)
        for place, (stats, value, dear) in enumerate(zip(known, expected, field.prices.dear, strict=True)):
            if stats is None:
                worth.append(quality * value - cost * dear)
                continue
            pair = (task, field.names[place])
            standing = standings.get(pair)
            if standing is None or standing.stats is not stats or standing.judged != judged.get(pair, 0):
                standing = standings[pair] = self._standing(pair, stats)
            _, _, lost, _, told_precision, narrowing = standing
            if told_precision:
                value, variances[place] = standing.with_told(value, variances[place])  # noqa: PLW2901
            variances[place] *= narrowing
            worth.append(quality * value - (cost * dear + lost))
        return worth, variances

    def _standing(self, pair: tuple[str, str], stats: PairStats) -> Standing:
        deadline_s = self._deadlines.get(pair[0], self._deadline_s)
        return Standing.of(stats, self._judged.get(pair, 0), self.weights, deadline_s)

    def _chances(
        self, request: RouteRequest, field: _Field, worth: list[float], variances: list[float], best: int
    ) -> list[float]:
        """The probability of each candidate to be tried first."""
        is_bounded = self.decisions > _FIRST and self.explored + 1 > self._exploration * (self.decisions + 1)
        explores = self._exploration > 0 and not request.deterministic and not is_bounded
        if self._budget is not None:
            return self._chances_within_budget(self._budget, field, worth, variances, explores=explores)
        if not explores:
            return [float(place == best) for place in range(len(worth))]
        # who has hardly been tried, or was the best until it became worse, deserves a look
        tries, fallen = self._tries, self._watch.fallen(request.task)
        looks = [
            place
            for place, name in enumerate(field.names)
            if (tries.get(name, 0) < _TRIES or name in fallen) and place != best
        ]
        share = 0.0 if not looks else min(self._look_again, self._exploration / len(looks))
        temper = 1.0 if self._watch.is_alert(request.task) else self._temper
        return sampling_chances(worth, variances, temper=temper, looks=looks, share=share)

    def _chances_within_budget(
        self, budget: Budget, field: _Field, worth: list[float], variances: list[float], *, explores: bool
    ) -> list[float]:
        """The best of the dearer models for the texts that gain most, the cheapest for the others."""
        cheapest = field.prices.cheapest
        rival = max((place for place in range(len(worth)) if place != cheapest), key=worth.__getitem__)
        gain = chance_of(worth[rival]) - chance_of(worth[cheapest])
        # by variances, for most of a standard deviation stays: words come and go before much is known of them
        chance = budget.chance(gain, _STEEPEST * (variances[rival] + variances[cheapest]) if explores else 0.0)
        return [chance if place == rival else 1.0 - chance if place == cheapest else 0.0 for place in range(len(worth))]

    # --- learning ------------------------------------------------------------------------------------------------

    def update(self, outcome: Outcome) -> None:
        """Remember who answered, for the feedback that may come."""
        if outcome.error is None and not outcome.pinned and isinstance(outcome.features, _Seen):
            with self._lock:
                self._answers[outcome.decision_id] = (outcome.task, outcome.model, outcome.features)
                if len(self._answers) > _REMEMBERED:
                    self._answers.popitem(last=False)

    def judge(self, decision_id: str, score: float) -> None:
        """Learn how good an answer was, from 0 to 1. Of an answer given elsewhere the tracker knows."""
        with self._lock:
            found = self._answers.pop(decision_id, None)
            if found is not None:
                self._learn(*found, score)

    def _learn(self, task: str, model: str, seen: _Seen, score: float) -> None:
        beliefs = self.beliefs
        row, column = beliefs.row_of_task(task), int(beliefs.columns([model])[0])
        offset = seen.field.offset(model, float(seen.reading.measures[0]))
        beliefs.learn(row, column, seen.reading, score, offset=offset)
        beliefs.see(seen)
        self._judged[task, model] = self._judged.get((task, model), 0) + 1
        change = self._watch.hear(task, model, score)
        if change is not None:
            beliefs.doubt(row, column, moved=SHIFT if change == "better" else -SHIFT)
        elif model in self._watch.fallen(task) and self._favourites.get(task) != model:
            beliefs.doubt(row, column, _HELD_OPEN)  # what has changed once may change again

    # --- copies --------------------------------------------------------------------------------------------------

    def __copy__(self) -> Self:
        """One that believes what this one does, then and later, and decides for itself."""
        twin = object.__new__(type(self))
        with self._lock:
            own = {
                "_random": copy.copy(self._random),
                "_budget": copy.copy(self._budget),
                "_favourites": dict(self._favourites),
                "_tries": dict(self._tries),
                "_watch": copy.copy(self._watch),
            }
            twin.__dict__.update(self.__dict__, **own)
        return twin

    def __getstate__(self) -> dict[str, Any]:
        with self._lock:
            return {name: value for name, value in self.__dict__.items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(decisions={self.decisions}, explored={self.exploration_share:.1%})"
