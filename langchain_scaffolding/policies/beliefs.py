"""`Beliefs`: how good each model's answer to a text is expected to be, learned answer by answer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from langchain_scaffolding.policies.features import BUCKETS, MEASURES
from langchain_scaffolding.policies.odds import chance_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_scaffolding.policies.features import TextFeatures

Floats: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
Places: TypeAlias = np.ndarray[Any, np.dtype[np.intp]]

_LEAST_VARIANCE = 1e-6
_LEAST_DISPERSION = 0.1
_LEAST, _MOST = (
    np.full(len(MEASURES), -3.0),
    np.full(len(MEASURES), 3.0),
)  # standard deviations that a measure counts for
_KEPT = 0.995  # of what is known of the dispersion, with every answer


@dataclass(frozen=True, kw_only=True, slots=True)
class Spread:
    """How far each kind of effect is expected to lie from zero before anything is known: variances in squared log-odds.

    Attributes:
        general: How easy texts are for all models.
        model: How good a model is at everything.
        task: How easy a task is for all models.
        model_at_task: How good a model is at one task.
        measure: How much a measure of the text tells of all models.
        model_by_measure: How much it tells of one model.
        word: How much a word tells of all models.
        model_by_word: How much it tells of one model.
    """

    general: float = 0.1
    model: float = 0.6
    task: float = 0.5
    model_at_task: float = 0.4
    measure: float = 0.01
    model_by_measure: float = 0.03
    word: float = 0.05
    model_by_word: float = 0.75


class Reading(NamedTuple):
    """A text as it compares with the texts before it.

    Attributes:
        measures: Its measures in standard deviations from theirs, within three.
        stems: The buckets of its words.
        weights: What each of them weighs: the more, the rarer it was; the squares add up to 1, so that all words
            together weigh the same in a long text and a short one.
    """

    measures: Floats
    stems: Places
    weights: Floats


_NO_TEXT = Reading(np.zeros(len(MEASURES)), np.zeros(0, np.intp), np.zeros(0))


class _Effects:
    """Means and variances of a kind of effect: in the first column those on all models, in the others those on each."""

    __slots__ = ("for_all", "for_one", "mean", "variance")

    def __init__(self, rows: int, columns: int, for_all: float, for_one: float) -> None:
        self.for_all, self.for_one = for_all, for_one
        self.mean, self.variance = np.zeros((rows, columns)), self.prior(rows, columns)

    def prior(self, rows: int, columns: int) -> Floats:
        """The variances before anything is known."""
        prior = np.full((rows, columns), self.for_one)
        prior[:, 0] = self.for_all
        return prior

    def grow(self, rows: int, columns: int) -> None:
        mean, variance = np.zeros((rows, columns)), self.prior(rows, columns)
        held = tuple(slice(0, length) for length in self.mean.shape)
        mean[held], variance[held] = self.mean, self.variance
        self.mean, self.variance = mean, variance

    def learn(self, index: Any, weight: Floats, gradient: float, curvature: float) -> None:
        variance = self.variance[index]
        pull = variance * weight
        self.mean[index] += pull * gradient
        self.variance[index] = np.maximum(variance - pull * pull * curvature, _LEAST_VARIANCE)

    def loosen(self, index: Any, share: float) -> None:
        variance = self.variance[index]
        self.variance[index] = variance + share * (self.prior(1, 2) - variance)


class Beliefs:
    """A logistic regression over task, text and model, learned online.

    The log-odds of a good answer are a sum: how easy the text is for everybody (task, measures, words) and what this
    model makes of it (in general, at the task, by measures, by words). Every effect has a mean and a variance of its
    own, so that a model's results at one task count a little for all its tasks, and a task's results for all its
    models. An answer is learned by one step of assumed-density filtering with a diagonal covariance, as in Bayesian
    logistic regression of click-through rates (Graepel, Candela, Borchert and Herbrich, ICML 2010), with the probit
    approximation of MacKay (1992). A judge's mark, say 0.8, strays less from what was expected than yes and no would;
    where scores are marks, each tells as much more (quasi-likelihood: Wedderburn, 1974).

    Memory: 65 kB for each model, 16 bytes for each pair of task and model.

    Args:
        spread: The variances before anything is known.
        forget: The share by which the variance of what is touched moves back to the prior with every answer learned.
    """

    def __init__(self, spread: Spread | None = None, *, forget: float = 0.00002) -> None:
        spread = Spread() if spread is None else spread
        self._forget = forget
        self.models: dict[str, int] = {}
        self.tasks: dict[str, int] = {}
        self._general = _Effects(1, 5, spread.general, spread.model)
        self._task = _Effects(8, 5, spread.task, spread.model_at_task)
        self._measure = _Effects(len(MEASURES), 5, spread.measure, spread.model_by_measure)
        self._word = _Effects(BUCKETS, 5, spread.word, spread.model_by_word)
        # by task, what is believed whatever the text, until something is learned
        self._without_text: dict[int, tuple[Floats, Floats]] = {}
        # sums of s (1 - s) over scores and of p (1 - p) over chances: E[s (1 - s)] = (1 - dispersion) p (1 - p)
        self._marked, self._uncertain = 0.0, 1.0
        # texts are compared with those before
        self._texts = 0
        self._centre, self._width = np.zeros(len(MEASURES)), np.ones(len(MEASURES))
        self._commonness = np.zeros(BUCKETS)  # of each word the logarithm of 1 + the number of texts with it
        self._rarity = self._rarities()

    def columns(self, models: Sequence[str]) -> Places:
        """The column of each model; room is made for those seen first."""
        known = self.models
        for name in models:
            if name not in known:
                known[name] = len(known) + 1  # the first is for all
                rows, columns = self._task.mean.shape
                if known[name] == columns:
                    self._make_room(rows, 2 * columns - 1)
        return np.array([known[name] for name in models], dtype=np.intp)

    def row_of_task(self, task: str) -> int:
        """The row of a task; room is made for one seen first."""
        row = self.tasks.setdefault(task, len(self.tasks))
        rows, columns = self._task.mean.shape
        if row >= rows:
            self._make_room(2 * rows, columns)
        return row

    def _make_room(self, tasks: int, columns: int) -> None:
        self._task.grow(tasks, columns)
        for kind in (self._general, self._measure, self._word):
            kind.grow(len(kind.mean), columns)
        self._without_text.clear()

    def read(self, features: TextFeatures) -> Reading:
        """A text as it compares with those seen so far; one without a word is like the mean of them."""
        if not features.stems:
            return _NO_TEXT
        measures = (np.array(features.measures) - self._centre) / self._width
        measures = np.minimum(np.maximum(measures, _LEAST), _MOST)  # half the time of `np.clip`
        stems = np.array(features.stems, dtype=np.intp)
        rarity = self._rarity.take(stems)
        return Reading(measures, stems, rarity / math.sqrt(rarity.dot(rarity)))

    def _rarities(self) -> Floats:
        """Of each word the square root of its inverse document frequency."""
        # above 0, since no word was in more texts than there were
        rarity: Floats = np.sqrt(math.log(self._texts + 2.0) - self._commonness)
        return rarity

    def see(self, features: TextFeatures) -> None:
        """Take a text into account in what others are compared with."""
        if not features.stems:
            return
        self._texts += 1
        rate = max(1.0 / self._texts, 0.002)
        away = np.array(features.measures) - self._centre
        self._centre += rate * away
        square = self._width**2 if self._texts > 2 else np.ones_like(away)
        self._width = np.sqrt(np.maximum((1 - rate) * (square + rate * away**2), 0.01))
        stems = np.array(features.stems, dtype=np.intp)
        self._commonness[stems] = np.log(np.exp(self._commonness[stems]) + 1.0)
        self._rarity = self._rarities()

    def expect(self, task: int, columns: Places, text: Reading, *, with_text: bool = False) -> tuple[Floats, Floats]:
        """Log-odds of a good answer by each model, and the variances of what sets the models apart.

        Args:
            task: The row of the task.
            columns: The columns of the models.
            text: The text.
            with_text: Whether the variances are those at this very text, and not those at the task.
        """
        # `take` and `dot` are two to four times as fast as an index and `@` on arrays as small as these
        measures, stems, weights = text
        known = self._without_text.get(task)
        if known is None:
            general, at_task = self._general, self._task
            known = general.mean[0] + at_task.mean[task], general.variance[0] + at_task.variance[task]
            self._without_text[task] = known
        expected, variances = known
        if len(stems):
            expected = expected + measures.dot(self._measure.mean) + weights.dot(self._word.mean.take(stems, axis=0))
            if with_text:
                variances = variances + (measures**2).dot(self._measure.variance)
                variances += (weights**2).dot(self._word.variance.take(stems, axis=0))
        return expected.take(columns) + expected[0], variances.take(columns)

    def learn(self, task: int, column: int, text: Reading, score: float, *, offset: float = 0.0) -> None:
        """Learn how good an answer was.

        Args:
            task: The row of the task.
            column: The column of the model.
            text: The text, as it was read when the model was chosen.
            score: From 0 to 1.
            offset: What is known of the model from elsewhere, in log-odds.
        """
        effects = self._effects(task, column, text)
        if self._forget:
            for kind, index, _ in effects[:2]:
                kind.loosen(index, self._forget)
        believed, variance = offset, 0.0
        for kind, index, by in effects:
            believed += float(np.sum(kind.mean[index] * by))
            variance += float(np.sum(kind.variance[index] * (by * by)))
        chance = chance_of(believed, variance)
        dispersion = max(1.0 - self._marked / self._uncertain, _LEAST_DISPERSION)
        sharpness = max(chance * (1.0 - chance), 0.02) / dispersion
        scale = 1.0 + sharpness * variance
        gradient, curvature = (score - chance) / dispersion / scale, sharpness / scale
        self._marked = _KEPT * self._marked + score * (1.0 - score)
        self._uncertain = _KEPT * self._uncertain + chance * (1.0 - chance)
        for kind, index, by in effects:
            kind.learn(index, by, gradient, curvature)
        self._without_text.clear()

    def _effects(self, task: int, column: int, text: Reading) -> list[tuple[_Effects, Any, Floats]]:
        """What an answer to a text depends on, each kind with where its effects stand and what each weighs."""
        both, one = [0, column], np.ones((1, 1))
        return [
            (self._general, ([[0]], both), one),
            (self._task, ([[task]], both), one),
            (self._measure, (slice(None), both), text.measures[:, np.newaxis]),
            (self._word, (text.stems[:, np.newaxis], both), text.weights[:, np.newaxis]),
        ]

    def doubt(self, task: int, column: int, share: float = 1.0, *, moved: float = 0.0) -> None:
        """Hold what is believed of a model at a task for no surer than that share of what it was at the beginning.

        Args:
            task: The row of the task.
            column: The column of the model.
            share: The share of the variance before anything was known.
            moved: By how much the model seems to have become better, in log-odds.
        """
        at_task = self._task
        at_task.mean[task, column] += moved
        at_task.variance[task, column] = max(at_task.variance[task, column], share * at_task.for_one)
        self._without_text.clear()
