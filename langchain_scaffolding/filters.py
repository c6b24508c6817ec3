"""Hard constraints: each filter says why a candidate cannot serve a request, or `None` if it can.

A filter is any callable `(request, candidate) -> str | None`. The reason is a phrase for people that says what was
found and what was needed; it stands behind the candidate's name in `Ranking.rejected` and in errors.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from langchain_core.language_models import BaseChatModel

from langchain_scaffolding.candidates import Candidate, Capability
from langchain_scaffolding.request import RouteRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from langchain_scaffolding.config import RoutingProfile, TaskPreferences

Filter: TypeAlias = Callable[[RouteRequest, Candidate], str | None]
_F = TypeVar("_F", bound=Callable[..., object])


def cacheable(function: _F) -> _F:
    """Mark a filter or scorer as one whose answer follows from the task, the needs and what was learned.

    Choices made by marked functions alone are kept between calls. A function that also reads the text, the clock or
    anything else stays unmarked, and is asked on every call. A marked function that compares `input_tokens` with limits
    other than the candidates' context lengths lists these in its attribute `token_limits`.

    Example:
        >>> @cacheable
        ... def not_on_fridays(request: RouteRequest, candidate: Candidate) -> str | None:
        ...     return "is being retrained" if candidate.name == "tiny" else None
    """
    function.cacheable = True  # type: ignore[attr-defined]
    return function


@cacheable
def fits_context(request: RouteRequest, candidate: Candidate) -> str | None:
    """The input must fit what the model takes; an unknown context length fits everything."""
    length = candidate.tags.context_length
    if length is None or request.input_tokens <= length:
        return None
    return f"needs ~{request.input_tokens} tokens, takes {length}"


@cacheable
def calls_tools(request: RouteRequest, candidate: Candidate) -> str | None:
    """A request with tools needs a model that can bind them."""
    if not request.needs.tools or candidate.has(Capability.TOOLS):
        return None
    if candidate.profile.get("tool_calling") is False:
        return "cannot call tools (its profile says so)"
    if type(candidate.chat_model).bind_tools is BaseChatModel.bind_tools:
        return f"cannot call tools ({type(candidate.chat_model).__name__} has no bind_tools)"
    return None


@cacheable
def gives_structured_output(request: RouteRequest, candidate: Candidate) -> str | None:
    """A request for a schema needs a model that has its own structured output, or tools to build it on."""
    if not request.needs.structured_output or candidate.has(Capability.STRUCTURED_OUTPUT):
        return None
    cls = type(candidate.chat_model)
    if cls.with_structured_output is not BaseChatModel.with_structured_output:
        return None
    if candidate.profile.get("tool_calling") is False or cls.bind_tools is BaseChatModel.bind_tools:
        return "cannot give structured output (it has neither a method of its own nor tools)"
    return None


@cacheable
def sees_images(request: RouteRequest, candidate: Candidate) -> str | None:
    """A request with an image needs a model that is not known to be text-only."""
    if not request.needs.images or candidate.has(Capability.VISION):
        return None
    if candidate.profile.get("image_inputs") is False:
        return "cannot read images (its profile says so)"
    if candidate.states_capabilities:
        return f"cannot read images (its capabilities are {', '.join(sorted(candidate.tags.capabilities or ()))})"
    return None


DEFAULT_FILTERS: tuple[Filter, ...] = (fits_context, calls_tools, gives_structured_output, sees_images)


def suits(preferred: Iterable[str]) -> Filter:
    """A filter that rejects candidates with none of the preferred capabilities; an empty list rejects none."""
    wanted = frozenset(preferred)
    words = " or ".join(sorted(wanted))

    @cacheable
    def suits_preferred_capabilities(_request: RouteRequest, candidate: Candidate) -> str | None:
        has = candidate.tags.capabilities or frozenset()
        if not wanted or has & wanted:
            return None
        return f"has {', '.join(sorted(has)) or 'no capability'}, needs {words}"

    return suits_preferred_capabilities


def able_to_do(requirements: Mapping[str, frozenset[str]]) -> Filter:
    """A filter that holds what tasks require: a candidate must state every capability that its task asks for.

    Args:
        requirements: Capabilities by task; a task that is not listed requires none.
    """

    @cacheable
    def has_what_the_task_requires(request: RouteRequest, candidate: Candidate) -> str | None:
        missing = requirements.get(request.task, frozenset()) - (candidate.tags.capabilities or frozenset())
        if not missing:
            return None
        return f"lacks {', '.join(sorted(missing))}, which task {request.task!r} requires"

    return has_what_the_task_requires


def shorter_than(max_context_length: int) -> Filter:
    """A filter that sends no input of more tokens than this to any model."""

    @cacheable
    def within_max_context_length(request: RouteRequest, _candidate: Candidate) -> str | None:
        if request.input_tokens <= max_context_length:
            return None
        return f"input has ~{request.input_tokens} tokens, max_context_length is {max_context_length}"

    within_max_context_length.token_limits = (max_context_length,)  # type: ignore[attr-defined]
    return within_max_context_length


def permitted_by(profile: RoutingProfile) -> Filter:
    """A filter that holds a profile's constraints. It fails closed: what is unknown is not permitted."""

    @cacheable
    def permitted_by_profile(request: RouteRequest, candidate: Candidate) -> str | None:
        why = _excluded(profile, candidate) or _excluded_for_task(profile.for_task(request.task), candidate)
        return None if why is None else f"profile {profile.name!r} {why}"

    return permitted_by_profile


def _excluded(profile: RoutingProfile, candidate: Candidate) -> str | None:
    tags = candidate.tags
    why = _excluded_by_name(profile, candidate.name)
    if why is None and profile.local_only and tags.local is not True:
        why = (
            "allows local models only, and this one is " + ("unknown to be" if tags.local is None else "not") + " local"
        )
    if why is None and profile.max_size_gb is not None and (tags.size_gb is None or tags.size_gb > profile.max_size_gb):
        found = "unknown" if tags.size_gb is None else f"{tags.size_gb:g} GB"
        why = f"allows {profile.max_size_gb:g} GB, size is {found}"
    return why


def _excluded_for_task(preferences: TaskPreferences, candidate: Candidate) -> str | None:
    missing = frozenset(preferences.capabilities) - (candidate.tags.capabilities or frozenset())
    if missing:
        return f"requires {', '.join(sorted(missing))} for this task"
    return _excluded_by_name(preferences, candidate.name)


def _excluded_by_name(names: RoutingProfile | TaskPreferences, name: str) -> str | None:
    if name in names.deny:
        return f"denies {name}"
    if names.allow is not None and name not in names.allow:
        return f"allows only {', '.join(names.allow) or 'nothing'}"
    if names.pin is not None and name != names.pin:
        return f"pins {names.pin}"
    return None
