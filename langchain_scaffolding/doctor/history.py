"""Slow and inconsistent: what the recorded outcomes of a task say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from langchain_scaffolding.doctor.findings import Finding
from langchain_scaffolding.doctor.remedies import remedy_of

if TYPE_CHECKING:
    from langchain_scaffolding.performance import PerformanceRow
    from langchain_scaffolding.ranking import Ranking
    from langchain_scaffolding.router import ScaffoldingRouterLLM

_ENOUGH: Final = 10
"""Attempts below which a share says little."""

_SLOW_S: Final = 2.0
"""From here on the published table gives no point for speed."""

_TOO_MANY: Final = 0.1
"""The share of failures, or of missed limits, that is worth a word."""

_STEADY: Final = 0.8
"""The share of the answers of a task that its first model should give."""


def slow(router: ScaffoldingRouterLLM, ranking: Ranking, rows: Sequence[PerformanceRow]) -> Iterator[Finding]:
    """Whether the model that calls go to now takes too long."""
    task, chosen = ranking.request.task, ranking.chosen
    row = None if chosen is None else next((each for each in rows if each.model == chosen.name), None)
    if chosen is None or row is None:
        return
    limit_s = router.attempt_chain(
        "x", task=task, routing_profile=ranking.request.profiles or None
    ).settings.limits.response_s
    fix = _faster(router, ranking, rows)
    if limit_s is not None and row.calls >= _ENOUGH and row.deadline_misses > _TOO_MANY * row.calls:
        found = f"{row.deadline_misses} of {row.calls} attempts ran into a limit of time"
        needed, constraint = f"an answer within {limit_s:g} s", "max_response_time_ms"
    elif row.latency_p50_s is not None and row.latency_p50_s > (limit_s or _SLOW_S):
        found = f"half of the answers take more than {row.latency_p50_s:.2g} s"
        needed, constraint = f"at most {limit_s or _SLOW_S:g} s", "latency"
    else:
        return
    yield Finding(
        trouble="slow",
        severity="warning",
        model=chosen.name,
        constraint=constraint,
        found=found,
        needed=needed,
        fix=fix,
        tasks=(task,),
    )


def _faster(router: ScaffoldingRouterLLM, ranking: Ranking, rows: Sequence[PerformanceRow]) -> str:
    """What would make a task's calls faster."""
    by_model = {row.model: row for row in rows}
    own = by_model[ranking.names[0]]
    quick = [
        (row.latency_p50_s, name)
        for name in ranking.names[1:]
        if (row := by_model.get(name)) is not None and row.latency_p50_s is not None
    ]
    if quick and own.latency_p50_s is not None and min(quick)[0] < own.latency_p50_s:
        seconds, name = min(quick)
        return f"prefer {name!r} for this task: half of its answers take at most {seconds:.2g} s"
    if own.cold_start_p50_s is not None and own.cold_start_p50_s > 2 * (own.latency_p50_s or 0.0):
        return f"keep the model loaded: a cold start takes {own.cold_start_p50_s:.2g} s"
    if router.config.preferred_model_size != "small":
        return f'set preferred_model_size="small": it is {router.config.preferred_model_size!r}'
    return "register a smaller or quantized model, limit max_tokens, or raise the limit of time"


def inconsistent(router: ScaffoldingRouterLLM, ranking: Ranking, rows: Sequence[PerformanceRow]) -> Iterator[Finding]:
    """Whether several models share a task's answers, and whether answers are refused or disliked."""
    task = (ranking.request.task,)
    answers = {row.model: row.calls - row.errors for row in rows}
    total = sum(answers.values())
    if total >= _ENOUGH and max(answers.values()) < _STEADY * total:
        shares = sorted(((count, model) for model, count in answers.items() if count), reverse=True)
        yield Finding(
            trouble="inconsistent",
            severity="warning",
            constraint="one model for a task",
            found="answers came from " + ", ".join(f"{model} {count / total:.0%}" for count, model in shares),
            needed=f"{_STEADY:.0%} from one",
            fix=_steadier(router, ranking, rows),
            tasks=task,
        )
    chosen = ranking.chosen
    for row in rows:
        if chosen is None or row.model != chosen.name or row.calls < _ENOUGH:
            continue
        if row.acceptance is not None and row.acceptance < _STEADY:
            yield _dissatisfying(
                row, "acceptance", f"{row.acceptance:.0%} of its answers pass the checks", f"{_STEADY:.0%}"
            )
        if row.feedback_mean is not None and row.feedback_count >= _ENOUGH and row.feedback_mean < 0.5:
            yield _dissatisfying(row, "feedback", f"mean feedback {row.feedback_mean:.2g}", "0.5 or more")


def _dissatisfying(row: PerformanceRow, constraint: str, found: str, needed: str) -> Finding:
    return Finding(
        trouble="inconsistent",
        severity="warning",
        model=row.model,
        constraint=constraint,
        found=found,
        needed=needed,
        fix=remedy_of(row.last_error) if constraint == "acceptance" and row.last_error else _ANOTHER.format(row=row),
        tasks=(row.task,),
    )


_ANOTHER: Final = "prefer another model for this task: a profile with tasks.{row.task}.prefer"


def _steadier(router: ScaffoldingRouterLLM, ranking: Ranking, rows: Sequence[PerformanceRow]) -> str:
    """What would make one model give a task's answers."""
    failing = [row for row in rows if row.calls >= _ENOUGH and row.errors > _TOO_MANY * row.calls]
    if failing:
        worst = max(failing, key=lambda row: row.errors / row.calls)
        often = f"{worst.errors} of {worst.calls} times ({worst.last_error})"
        return f"{worst.model} fails {often}: {remedy_of(worst.last_error)}"
    if not router.policy.cacheable:
        return f'the policy {router.policy.name!r} tries models out; choose policy="greedy", or let it learn'
    name = ranking.names[0] if ranking.names else "a model"
    return f"prefer {name!r} for this task: a profile with tasks.{ranking.request.task}.prefer"
