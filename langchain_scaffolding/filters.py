"""Hard constraints: each filter says why a candidate cannot serve a request, or `None` if it can.

A filter is any callable `(request, candidate) -> str | None`. The reason is a phrase for people that says what was
found and what was needed; it stands behind the candidate's name in `Ranking.rejected` and in errors.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from langchain_core.language_models import BaseChatModel

from langchain_scaffolding.candidates import Candidate, Capability
from langchain_scaffolding.request import RouteRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from langchain_scaffolding.config import Constraints, RoutingProfile

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


def here(gone: Mapping[str, str]) -> Filter:
    """A filter that rejects models which discovery no longer finds, each for the reason that stands by its name."""

    @cacheable
    def is_here(_request: RouteRequest, candidate: Candidate) -> str | None:
        why = gone.get(candidate.name)
        return None if why is None else f"is gone ({why})"

    return is_here


@dataclass(frozen=True, kw_only=True, slots=True)
class Exclusion:
    """Why a profile excludes a candidate.

    Attributes:
        setting: The setting of the profile that does, such as "local_only".
        found: What the candidate is, or has.
        needed: What the setting asks for.
        why: Both as one phrase that follows the profile's name.
    """

    setting: str
    found: str
    needed: str
    why: str


def permitted_by(profile: RoutingProfile) -> Filter:
    """A filter that holds a profile's constraints. It fails closed: what is unknown is not permitted."""

    @cacheable
    def permitted_by_profile(request: RouteRequest, candidate: Candidate) -> str | None:
        exclusion = excluded_by(profile, request.task, candidate)
        return None if exclusion is None else f"profile {profile.name!r} {exclusion.why}"

    return permitted_by_profile


def excluded_by(profile: RoutingProfile, task: str, candidate: Candidate) -> Exclusion | None:
    """Why a profile excludes a candidate from a task, or `None` if it permits it.

    Example:
        >>> from langchain_scaffolding import Candidate, ModelTags, RoutingProfile
        >>> from langchain_scaffolding.testing import ScriptedChatModel
        >>> small = Candidate(name="small", model=ScriptedChatModel(), tags=ModelTags(size_gb=4))
        >>> excluded_by(RoutingProfile(name="frugal", max_size_gb=2), "chat", small)
        Exclusion(setting='max_size_gb', found='4 GB', needed='at most 2 GB', why='allows 2 GB, size is 4 GB')
    """
    found = _excluded(profile, candidate)
    if found is not None or task not in profile.tasks:
        return found
    preferences = profile.tasks[task]
    missing = ", ".join(sorted(frozenset(preferences.capabilities) - (candidate.tags.capabilities or frozenset())))
    if missing:
        has = ", ".join(sorted(candidate.tags.capabilities or ())) or "no capability"
        why = f"requires {missing} for this task"
        return Exclusion(setting="capabilities", found=has, needed=missing, why=why)
    return _excluded(preferences, candidate)


def cost_of(candidate: Candidate) -> float | None:
    """US dollars per million output tokens, as the model's metadata states them; `None` if they are unknown.

    A local model that states no cost costs nothing.
    """
    stated = candidate.tags.extra.get("cost")
    if isinstance(stated, (int, float)) and not isinstance(stated, bool):
        return float(stated)
    return 0.0 if stated is None and candidate.tags.local is True else None


def _excluded(limits: Constraints, candidate: Candidate) -> Exclusion | None:
    found = _excluded_by_name(limits, candidate.name)
    tags = candidate.tags
    if found is None and limits.local_only and tags.local is not True:
        is_local = "unknown to be local" if tags.local is None else "not local"
        why = f"allows local models only, and this one is {is_local}"
        found = Exclusion(setting="local_only", found=is_local, needed="a local model", why=why)
    if found is None and limits.max_size_gb is not None:
        found = _above("max_size_gb", tags.size_gb, limits.max_size_gb, "size", "{:g} GB")
    if found is None and limits.max_cost is not None:
        found = _above("max_cost", cost_of(candidate), limits.max_cost, "cost", "${:g} per million tokens")
    return found


def _above(setting: str, value: float | None, most: float, noun: str, form: str) -> Exclusion | None:
    if value is not None and value <= most:
        return None
    found, needed = "unknown" if value is None else form.format(value), form.format(most)
    return Exclusion(
        setting=setting, found=found, needed=f"at most {needed}", why=f"allows {needed}, {noun} is {found}"
    )


def _excluded_by_name(limits: Constraints, name: str) -> Exclusion | None:
    if name in limits.deny:
        return Exclusion(setting="deny", found=name, needed="any other model", why=f"denies {name}")
    if limits.allow is not None and name not in limits.allow:
        allowed = ", ".join(limits.allow) or "nothing"
        return Exclusion(setting="allow", found=name, needed=allowed, why=f"allows only {allowed}")
    if limits.pin is not None and name != limits.pin:
        return Exclusion(setting="pin", found=name, needed=limits.pin, why=f"pins {limits.pin}")
    return None
