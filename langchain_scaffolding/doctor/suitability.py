"""No suitable model: which constraint rejects each one, what it found, what it needs, and what to change."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from langchain_scaffolding.doctor.findings import Finding, Severity
from langchain_scaffolding.doctor.remedies import remedy_of
from langchain_scaffolding.filters import excluded_by

if TYPE_CHECKING:
    from langchain_scaffolding.candidates import Candidate
    from langchain_scaffolding.ranking import Ranking, Rejected
    from langchain_scaffolding.request import RouteRequest
    from langchain_scaffolding.router import ScaffoldingRouterLLM


class Constraint(NamedTuple):
    """What a filter is about: its name for people, what it found, what it needs, and what to change."""

    name: str
    found: str
    needed: str
    fix: str


def unsuitable(router: ScaffoldingRouterLLM, ranking: Ranking) -> Iterator[Finding]:
    """Why models are rejected for a request, and whether any is left."""
    task, names = ranking.request.task, ranking.names
    if not router.models:
        yield Finding(
            trouble="no suitable model",
            severity="error",
            constraint="models",
            found="no model was found",
            needed="at least one",
            fix="start a server, put GGUF files where they are looked for, or fetch weights with `models get smollm2`",
        )
    elif not names:
        rules = router.config.fallback_to_rule_based
        yield Finding(
            trouble="no suitable model",
            severity="error",
            constraint="all constraints together",
            found=f"all {len(router.models)} models are rejected, so "
            + ("the rules answer" if rules else "calls fail"),
            needed="one that can serve",
            fix="apply one of the fixes below, or register another model",
            tasks=(task,),
        )
    for rejected in ranking.rejected:
        constraint = _constraint(router, ranking.request, rejected)
        severity: Severity = "warning" if not names or rejected.by == "breaker" else "note"
        yield Finding(
            trouble="no suitable model",
            severity=severity,
            model=rejected.name,
            constraint=constraint.name,
            found=constraint.found,
            needed=constraint.needed,
            fix=constraint.fix,
            tasks=(task,),
        )


def _constraint(router: ScaffoldingRouterLLM, request: RouteRequest, rejected: Rejected) -> Constraint:
    explain = _BY_FILTER.get(rejected.by)
    if explain is not None:
        return explain(router, request, rejected.candidate)
    return Constraint(
        rejected.by,
        rejected.reason,
        f"that the filter {rejected.by!r} lets it pass",
        "register a model that this filter lets pass, or change the filter",
    )


def _capabilities(candidate: Candidate) -> str:
    return ", ".join(sorted(candidate.tags.capabilities or ())) or "no capability"


def _context(_router: ScaffoldingRouterLLM, request: RouteRequest, candidate: Candidate) -> Constraint:
    return Constraint(
        "context_length",
        f"takes {candidate.tags.context_length} tokens",
        f"~{request.input_tokens} tokens",
        "register a model with a longer context, start this one with a longer one, or shorten the input",
    )


def _tools(_router: ScaffoldingRouterLLM, _request: RouteRequest, candidate: Candidate) -> Constraint:
    return Constraint(
        "tools",
        f"{type(candidate.chat_model).__name__} cannot call tools",
        "a model that can",
        'register one, or tag this one with the capability "TOOLS" if it can',
    )


def _structured(_router: ScaffoldingRouterLLM, _request: RouteRequest, candidate: Candidate) -> Constraint:
    return Constraint(
        "structured output",
        f"{type(candidate.chat_model).__name__} has neither a method of its own nor tools",
        "one of the two",
        'register such a model, or tag this one with the capability "STRUCTURED_OUTPUT" if it can',
    )


def _images(_router: ScaffoldingRouterLLM, _request: RouteRequest, candidate: Candidate) -> Constraint:
    return Constraint(
        "images", _capabilities(candidate), "VISION", 'register a model that sees, or tag this one with "VISION"'
    )


def _preferred(router: ScaffoldingRouterLLM, _request: RouteRequest, candidate: Candidate) -> Constraint:
    wanted = " or ".join(sorted(router.config.preferred_capabilities))
    return Constraint(
        "preferred_capabilities",
        _capabilities(candidate),
        wanted,
        f"register a model with {wanted}; if this one has it, tag it: "
        f'metadata={{"capabilities": [{router.config.preferred_capabilities[0]!r}]}}',
    )


def _required(router: ScaffoldingRouterLLM, request: RouteRequest, candidate: Candidate) -> Constraint:
    required = ", ".join(sorted(router.routing.tasks[request.task].required_capabilities))
    return Constraint(
        "required_capabilities",
        _capabilities(candidate),
        required,
        f"register a model with {required}, or tag this one with it if it has it",
    )


def _length(router: ScaffoldingRouterLLM, request: RouteRequest, _candidate: Candidate) -> Constraint:
    return Constraint(
        "max_context_length",
        f"~{request.input_tokens} tokens",
        f"at most {router.config.max_context_length}",
        "raise `max_context_length`, or shorten the input",
    )


_PROFILE_FIXES: Final[Mapping[str, str]] = {
    "local_only": "register a local model; if this one runs on this machine, tag it with local = true",
    "max_size_gb": "register a smaller model, tag this one with its size_gb if that is unknown, or raise `max_size_gb`",
    "max_cost": "register a cheaper model, tag this one with its cost if that is unknown, or raise `max_cost`",
    "deny": "take it off `deny`, if that is meant",
    "allow": "add it to `allow`, if that is meant",
    "pin": "remove `pin`, if that is not meant",
    "capabilities": "register a model that states them, or tag this one with them if it has them",
}


def _profile(router: ScaffoldingRouterLLM, request: RouteRequest, candidate: Candidate) -> Constraint:
    for profile in router.routing.under(request.profiles).profiles:
        exclusion = excluded_by(profile, request.task, candidate)
        if exclusion is not None:
            name = f"{exclusion.setting} of profile {profile.name!r}"
            return Constraint(name, exclusion.found, exclusion.needed, _PROFILE_FIXES[exclusion.setting])
    return Constraint("profile", "excluded a moment ago", "permitted", "call again: the profiles have just changed")


def _gone(router: ScaffoldingRouterLLM, _request: RouteRequest, candidate: Candidate) -> Constraint:
    return Constraint(
        "discovery",
        router.routing.gone[candidate.name],
        "that its source finds it",
        "start its server again, put its file back, or do without it",
    )


def _breaker(router: ScaffoldingRouterLLM, _request: RouteRequest, candidate: Candidate) -> Constraint:
    health = next(each for each in router.health() if each.model == candidate.name)
    return Constraint(
        "circuit breaker",
        f"{health.failures} failures in a row ({health.error}), left alone for {health.open_for_s:.3g} s more",
        "calls that succeed",
        remedy_of(health.error),
    )


_Explain = Callable[["ScaffoldingRouterLLM", "RouteRequest", "Candidate"], Constraint]
_BY_FILTER: Final[Mapping[str, _Explain]] = {
    "fits_context": _context,
    "calls_tools": _tools,
    "gives_structured_output": _structured,
    "sees_images": _images,
    "suits_preferred_capabilities": _preferred,
    "has_what_the_task_requires": _required,
    "within_max_context_length": _length,
    "permitted_by_profile": _profile,
    "is_here": _gone,
    "breaker": _breaker,
}
"""By the name of the filter, as it stands in `Rejected.by`."""
