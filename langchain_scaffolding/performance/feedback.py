"""Feedback: reading a score, and joining it to the model that gave the answer."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from langchain_scaffolding.errors import ConfigurationError

if TYPE_CHECKING:
    from langchain_scaffolding.performance.sources import Pair

LABELS = {
    "good": 1.0,
    "bad": 0.0,
    "up": 1.0,
    "down": 0.0,
    "thumbs_up": 1.0,
    "thumbs_down": 0.0,
    "like": 1.0,
    "dislike": 0.0,
    "positive": 1.0,
    "negative": 0.0,
    "neutral": 0.5,
    "correct": 1.0,
    "incorrect": 0.0,
    "yes": 1.0,
    "no": 0.0,
    "👍": 1.0,
    "👎": 0.0,
}
"""Labels that stand for a score."""


def score_of(given: object) -> float:
    """The score that a number, a truth value or a label stands for.

    Raises:
        ConfigurationError: It is no number from 0 to 1 and no known label.

    Example:
        >>> score_of(0.7), score_of(True), score_of("Thumbs up"), score_of("bad")
        (0.7, 1.0, 1.0, 0.0)
    """
    if isinstance(given, str):
        label = given.strip().lower().replace(" ", "_").replace("-", "_").removesuffix("\ufe0f")
        if label in LABELS:
            return LABELS[label]
    elif isinstance(given, (int, float)):
        if 0 <= given <= 1:
            return float(given)
    else:
        # numbers of numpy and `Decimal` know how to become a float
        convert = getattr(type(given), "__float__", None)
        if convert is not None and 0 <= (number := float(convert(given))) <= 1:
            return number
    msg = (
        f"Feedback {given!r} is no score. Give a number from 0 (useless) to 1 (perfect), or one of the labels "
        f"{', '.join(sorted(LABELS))}."
    )
    raise ConfigurationError(msg)


@dataclass(frozen=True, kw_only=True, slots=True)
class Feedback:
    """What somebody thought of one answer.

    Attributes:
        score: From 0 to 1.
        at: When it was given, in seconds since the epoch.
        source: Who recorded it.
        sequence: The recorder's count of it.
        reason: Why, in the judge's words.
    """

    score: float
    at: float
    source: str = ""
    sequence: int = 0
    reason: str | None = None

    @property
    def stamp(self) -> tuple[float, str, int]:
        """Orders what was said of one answer: the last one holds."""
        return self.at, self.source, self.sequence


@dataclass(frozen=True, kw_only=True, slots=True)
class Counted:
    """Feedback that stands in an evidence, and what is needed to take it out again.

    Attributes:
        feedback: What was said last.
        at: When the score was counted; the same said again moves the feedback and not this.
        holder: The source whose evidence it stands in.
        forgotten: What `Evidence.learn_feedback` returned.
    """

    feedback: Feedback
    at: float
    holder: str
    forgotten: float


_Value = TypeVar("_Value")


def keep(recent: OrderedDict[str, _Value], key: str, value: _Value, limit: int) -> None:
    """Set an entry of a dictionary that keeps the `limit` newest entries."""
    # a plain dictionary would do, but finding its oldest entry takes ever longer when entries leave at that end
    recent[key] = value
    if len(recent) > limit:
        recent.popitem(last=False)


class FeedbackBook:
    """Which model gave which answer, what was said of it, and what was said of answers not yet known.

    Args:
        limit: Decisions that are remembered, the last ones.
        wait_s: Seconds that feedback waits for its outcome before it is given up and counted in `expired`.
    """

    def __init__(self, limit: int, wait_s: float) -> None:
        self.decisions: OrderedDict[str, Pair] = OrderedDict()
        self.counted: OrderedDict[str, Counted] = OrderedDict()
        self.waiting: dict[str, Feedback] = {}
        self.expired = 0
        self.limit = limit
        self.wait_s = wait_s

    def copy(self) -> FeedbackBook:
        """A book of its own with the same content."""
        twin = FeedbackBook(self.limit, self.wait_s)
        twin.decisions, twin.counted = self.decisions.copy(), self.counted.copy()
        twin.waiting, twin.expired = dict(self.waiting), self.expired
        return twin

    def wait(self, decision_id: str, feedback: Feedback) -> None:
        """Keep feedback until its outcome comes."""
        known = self.waiting.pop(decision_id, None)
        if known is not None and known.stamp > feedback.stamp:
            feedback = known
        self.waiting[decision_id] = feedback

    def expire(self, now: float) -> int:
        """Give up what has waited too long, or what is too much; return how many."""
        old = [name for name, feedback in self.waiting.items() if feedback.at < now - self.wait_s]
        surplus = list(self.waiting)[: max(len(self.waiting) - self.limit, 0)]
        gone = {*old, *surplus}
        for name in gone:
            del self.waiting[name]
        self.expired += len(gone)
        return len(gone)


@dataclass(frozen=True, kw_only=True, slots=True)
class FeedbackImport:
    """What became of imported feedback.

    Attributes:
        counted: Counts now.
        waiting: Waits for its outcome.
        skipped: Has no run or no score that can be read.
    """

    counted: int
    waiting: int
    skipped: int


def from_langsmith(item: object) -> tuple[str, float, str | None] | None:
    """The decision, the score and the reason of a piece of LangSmith feedback; `None` if it has no score from 0 to 1.

    A decision's id is the id of the router's run, so feedback given to that run in LangSmith belongs to it.

    Example:
        >>> from_langsmith({"run_id": "d1", "key": "thumbs", "score": True, "comment": "to the point"})
        ('d1', 1.0, 'to the point')
    """

    def read(name: str) -> object:
        return item.get(name) if isinstance(item, Mapping) else getattr(item, name, None)

    run_id, comment = read("run_id"), read("comment")
    for given in (read("score"), read("value")):
        try:
            score = score_of(given)
        except ConfigurationError:
            continue
        return None if run_id is None else (str(run_id), score, None if comment is None else str(comment))
    return None
