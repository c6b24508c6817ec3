"""What is wrong with a router, and what to change: no suitable model, slow, inconsistent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain_scaffolding.doctor.findings import Diagnosis, Finding
from langchain_scaffolding.doctor.history import inconsistent, slow
from langchain_scaffolding.doctor.suitability import unsuitable
from langchain_scaffolding.request import DEFAULT_TASK

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from langchain_scaffolding.router import ScaffoldingRouterLLM

__all__ = ["Diagnosis", "Finding", "diagnose"]


def diagnose(
    router: ScaffoldingRouterLLM,
    *,
    text: str = "Write a title for a text on tea.",
    tasks: Iterable[str] | None = None,
    profile: str | None = None,
    troubles: Iterable[tuple[str, str]] | None = None,
) -> Diagnosis:
    """Find out why models are not called, and why calls are slow or answered now by one model, now by another.

    No model is called. The last two are told from what the router has recorded, so a router with an `OutcomeStore`
    knows more.

    Args:
        router: The router.
        text: The request that models are held against.
        tasks: The tasks to look at; default all that the router knows.
        profile: The profile that calls choose; `None` for none.
        troubles: Pairs of source and reason that discovery gave; default those of the router's own.

    Raises:
        ConfigurationError: A task or the profile is unknown.

    Example:
        >>> from langchain_scaffolding import ScaffoldingRouterLLM
        >>> from langchain_scaffolding.testing import ScriptedChatModel
        >>> painter = ScriptedChatModel(name="painter", metadata={"capabilities": ["IMAGE"]})
        >>> diagnosis = diagnose(ScaffoldingRouterLLM(models=[painter]), tasks=["title"])
        >>> diagnosis.ok
        False
        >>> finding = diagnosis.findings[1]
        >>> finding.model, finding.constraint, finding.found, finding.needed
        ('painter', 'preferred_capabilities', 'IMAGE', 'CHAT or REASONING')
    """
    if troubles is None:
        troubles = () if router.discovery is None else router.discovery.found.troubles
    return Diagnosis.of([*_setup(router, troubles), *_tasks(router, text, tasks, profile)])


def _tasks(
    router: ScaffoldingRouterLLM, text: str, tasks: Iterable[str] | None, profile: str | None
) -> Iterator[Finding]:
    rows = router.performance.snapshot()
    known = router.routing.tasks
    for task in sorted(known, key=lambda name: name != DEFAULT_TASK) if tasks is None else tasks:
        ranking = router.explain(text, task=task, routing_profile=profile)
        of_task = [row for row in rows if row.task == task]
        yield from unsuitable(router, ranking)
        yield from slow(router, ranking, of_task)
        yield from inconsistent(router, ranking, of_task)


def _misspelt(router: ScaffoldingRouterLLM) -> Iterator[Finding]:
    """Models that profiles name and that are not there, in a router whose models may yet come."""
    own = () if router.routing_profile is None else (router.routing_profile,)
    chosen = () if router.profiles is None else router.profiles()
    known = {candidate.name for candidate in router.models}
    for profile in {each.name: each for each in (*own, *chosen)}.values():
        for name in sorted(profile.model_names() - known):
            yield Finding(
                trouble="setup",
                severity="warning",
                constraint=f"profile {profile.name!r}",
                found=f"it names {name!r}, which is not there",
                needed="the name of a model that is there",
                fix=f"correct the name, or start what has the model. There are: {', '.join(sorted(known)) or 'none'}",
            )


def _setup(router: ScaffoldingRouterLLM, troubles: Iterable[tuple[str, str]]) -> Iterator[Finding]:
    for source, reason in troubles:
        yield Finding(
            trouble="setup",
            severity="note",
            constraint=f"source {source}",
            found=reason,
            needed="a source that can be asked, if its models are wanted",
            fix="start it, or leave it out",
        )
    yield from _misspelt(router)
    store = router.performance.store
    if store is not None and not store.health.ok:
        health = store.health
        yield Finding(
            trouble="setup",
            severity="warning",
            constraint="outcome store",
            found=health.error or f"{health.dropped} outcomes were dropped and {health.refused} refused",
            needed="a database that can be written and read",
            fix=f"look after {store.url}; learning goes on in memory meanwhile",
        )
