"""What is known of a model at a task, to read: `PerformanceRow` for tables, `PairStats` for scorers and policies."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from langchain_scaffolding.performance.evidence import latency_mean_s
from langchain_scaffolding.performance.means import value_of
from langchain_scaffolding.performance.sketch import quantile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from langchain_scaffolding.performance.evidence import Evidence
    from langchain_scaffolding.performance.means import Forgetting, Mean
    from langchain_scaffolding.performance.sketch import Sketch


@dataclass(frozen=True, kw_only=True, slots=True)
class PairStats:
    """What is known of one model at one task, as numbers that cost nothing to read.

    Means are of the observations that are remembered; a weight says how many fresh observations stand behind a mean, as
    of the last outcome. It is evidence only: a prior is the reader's, see `shrunk`.

    Attributes:
        calls: Attempts, all of them.
        errors: Attempts that failed.
        measured: Successes that the model really computed.
        deadline_misses: Attempts that ran into a limit of time.
        latency_mean_s: Mean seconds of an answer; `None` without a measured success.
        latency_weight: Observations behind it.
        seconds_per_token: Mean seconds per output token of warm calls; `None` if the tokens were never counted.
        success: Share of attempts that ended in an accepted answer; `None` without evidence.
        success_weight: Observations behind it.
        acceptance: Share of accepted answers among attempts that got one, without pinned calls; `None` without any.
        acceptance_weight: Observations behind it.
        feedback: Mean feedback from 0 to 1; `None` without any.
        feedback_weight: Observations behind it.
        feedback_count: Decisions with feedback, all of them.
        last_error: The class of the last failure; `None` if there was none.
        at: Time of the last observation, in seconds since the epoch.
    """

    calls: int
    errors: int
    measured: int
    deadline_misses: int
    latency_mean_s: float | None
    latency_weight: float
    seconds_per_token: float | None
    success: float | None
    success_weight: float
    acceptance: float | None
    acceptance_weight: float
    feedback: float | None
    feedback_weight: float
    feedback_count: int
    last_error: str | None
    at: float

    @classmethod
    def of(cls, evidence: Evidence, forgetting: Forgetting) -> PairStats:
        """The numbers of an evidence."""
        peak = evidence.peak(forgetting)

        def weight(mean: Mean) -> float:
            return mean.real / peak if peak > 0 else 0.0

        return cls(
            calls=evidence.calls,
            errors=evidence.errors,
            measured=evidence.measured,
            deadline_misses=evidence.deadline_misses,
            latency_mean_s=latency_mean_s([evidence]),
            latency_weight=weight(evidence.warm + evidence.cold),
            seconds_per_token=value_of(evidence.token_seconds),
            success=value_of(evidence.success),
            success_weight=weight(evidence.success),
            acceptance=value_of(evidence.acceptance),
            acceptance_weight=weight(evidence.acceptance),
            feedback=value_of(evidence.feedback),
            feedback_weight=weight(evidence.feedback),
            feedback_count=evidence.feedback_count,
            last_error=evidence.last_error,
            at=evidence.last_at,
        )


def shrunk(mean: float | None, weight: float, *, prior: float, prior_weight: float) -> float:
    """A mean drawn towards a prior: the prior without evidence, the mean with much of it.

    The prior is an argument and never part of what is recorded, merged or stored, so no restart can mix the two.

    Example:
        >>> shrunk(None, 0.0, prior=0.6, prior_weight=4), shrunk(1.0, 4.0, prior=0.6, prior_weight=4)
        (0.6, 0.8)
    """
    if mean is None:
        return prior
    return (mean * weight + prior * prior_weight) / (weight + prior_weight)


@dataclass(frozen=True, kw_only=True, slots=True)
class PerformanceRow:
    """One line of `PerformanceTracker.snapshot()`; `row.model`, `row["model"]` and `dict(row)` all read it.

    `None` means that there is no evidence. Durations are in seconds and within 1 % of the true quantile. Cold starts
    are among them unless they are evidently slower than warm calls; then they stand apart. A failure that took longer
    than the mean counts as a duration of at least that long, so a model that misses deadlines looks slower.

    Attributes:
        task: The task.
        model: The candidate's name.
        calls: Attempts, all of them.
        errors: Attempts that failed.
        measured: Successes that the model really computed: no cache hits.
        latency_mean_s: Mean from the model's start to its end.
        latency_p50_s: Half of the calls took at most this long.
        latency_p95_s: 95 % of the calls took at most this long.
        latency_p99_s: 99 % of the calls took at most this long.
        first_token_p50_s: Half of the streamed calls spoke within this time.
        acceptance: Share of accepted answers among attempts that got an answer; pinned calls are left out.
        feedback_mean: Mean feedback from 0 to 1.
        feedback_count: Decisions with feedback.
        cold_start_p50_s: Half of the first calls, in a process or after an idle gap, took at most this long.
        seconds_per_token: Mean seconds per output token of warm calls.
        success: Share of attempts that ended in an accepted answer.
        deadline_misses: Attempts that ran into a limit of time.
        last_error: The class of the last failure.
    """

    task: str
    model: str
    calls: int
    errors: int
    measured: int
    latency_mean_s: float | None
    latency_p50_s: float | None
    latency_p95_s: float | None
    latency_p99_s: float | None
    first_token_p50_s: float | None
    acceptance: float | None
    feedback_mean: float | None
    feedback_count: int
    cold_start_p50_s: float | None
    seconds_per_token: float | None
    success: float | None
    deadline_misses: int
    last_error: str | None

    @classmethod
    def of(cls, task: str, model: str, evidence: Evidence) -> PerformanceRow:
        """The row of an evidence."""
        totals, first = evidence.durations()
        return cls(
            task=task,
            model=model,
            calls=evidence.calls,
            errors=evidence.errors,
            measured=evidence.measured,
            latency_mean_s=latency_mean_s([evidence]),
            latency_p50_s=_quantile(totals, 0.5),
            latency_p95_s=_quantile(totals, 0.95),
            latency_p99_s=_quantile(totals, 0.99),
            first_token_p50_s=_quantile(first, 0.5),
            acceptance=value_of(evidence.acceptance),
            feedback_mean=value_of(evidence.feedback),
            feedback_count=evidence.feedback_count,
            cold_start_p50_s=_quantile(evidence.cold_totals, 0.5),
            seconds_per_token=value_of(evidence.token_seconds),
            success=value_of(evidence.success),
            deadline_misses=evidence.deadline_misses,
            last_error=evidence.last_error,
        )

    def keys(self) -> Iterator[str]:
        """The names of the columns."""
        return iter(_COLUMNS)

    def __getitem__(self, column: str) -> str | float | None:
        if column not in _COLUMNS:
            raise KeyError(column)
        value: str | float | None = getattr(self, column)
        return value


def _quantile(sketch: Sketch | None, q: float) -> float | None:
    return None if sketch is None else quantile(sketch, q)


_COLUMNS = tuple(field.name for field in fields(PerformanceRow))
