"""What a tracker writes to a store and reads from it: attempts and feedback, in the order of one recorder's count."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from langchain_scaffolding.outcomes import Outcome


class Recorded(NamedTuple):
    """An attempt on its way into the store."""

    source: str
    sequence: int
    at: float
    cold: bool
    outcome: Outcome


class Given(NamedTuple):
    """Feedback on its way into the store."""

    source: str
    sequence: int
    at: float
    decision_id: str
    score: float
    reason: str | None


Event: TypeAlias = Recorded | Given


class Attempted(NamedTuple):
    """An attempt as the store tells it: what can be learned from, by the names of `Outcome`."""

    source: str
    sequence: int
    at: float
    cold: bool
    task: str
    model: str
    decision_id: str
    error: str | None
    total_s: float | None
    first_token_s: float | None
    output_tokens: int | None
    measured: bool
    pinned: bool


class Judged(NamedTuple):
    """Feedback as the store tells it; without a task and a model while its outcome is unknown."""

    source: str
    sequence: int
    at: float
    decision_id: str
    score: float
    reason: str | None
    task: str | None
    model: str | None


class Told(NamedTuple):
    """A piece of what a store tells. The last piece says how far each source is told with it."""

    attempts: Sequence[Attempted]
    judgements: Sequence[Judged]
    positions: Mapping[str, int]

    def by_others(self, own_id: str) -> Told:
        """What others than this recorder did; it may have written more itself since it asked."""
        attempts = [attempt for attempt in self.attempts if attempt.source != own_id]
        return Told(attempts, [given for given in self.judgements if given.source != own_id], self.positions)
