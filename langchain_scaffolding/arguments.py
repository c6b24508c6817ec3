"""What the arguments of a router's constructor and of its calls mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from langchain_core.messages import BaseMessage
from langchain_core.runnables.config import var_child_runnable_config

from langchain_scaffolding.candidates import Candidate, register
from langchain_scaffolding.config import Profiles, ProfileSource, RoutingProfile, ScaffoldingConfig, StaticProfiles
from langchain_scaffolding.errors import ConfigurationError
from langchain_scaffolding.request import DEFAULT_TASK

if TYPE_CHECKING:
    from uuid import UUID

    from langchain_core.runnables import Runnable, RunnableConfig

    from langchain_scaffolding.discovery import LiveDiscovery


def registered(
    models: Sequence[Candidate | Runnable[Any, Any]], discovery: LiveDiscovery | None
) -> tuple[Candidate, ...]:
    """The candidates; without any only if discovery may find some."""
    return () if discovery is not None and not models else tuple(register(models).values())


def listed(option: str, values: Iterable[Any]) -> tuple[Any, ...]:
    """The values of an option that takes several."""
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise ConfigurationError(f"`{option}` takes a list, not one {type(values).__name__}: write `{option}=[...]`.")
    return tuple(values)


_STANDARD = frozenset({"api_key", "timeout", "max_retries"})


def with_standard_options(config: ScaffoldingConfig, options: dict[str, Any]) -> ScaffoldingConfig:
    """The configuration with the options that every chat model takes; what it says itself stands."""
    options.pop("api_key", None)  # each model has its own
    timeout, max_retries = options.pop("timeout", None), options.pop("max_retries", None)
    update: dict[str, Any] = {}
    if timeout is not None and config.max_response_time_ms is None:
        update["max_response_time_ms"] = timeout * 1000.0
    if max_retries is not None and "max_retries" not in config.model_fields_set:
        update["max_retries"] = max_retries
    return ScaffoldingConfig(**{**config.model_dump(exclude_unset=True), **update}) if update else config


def reject_unknown(options: Mapping[str, Any], fields: Mapping[str, Any]) -> None:
    """A misspelt option must not be dropped silently, as pydantic would."""
    known = fields.keys() | _STANDARD
    for name in options:
        if name not in known:
            close = get_close_matches(name, known, n=1)
            hint = f" Did you mean `{close[0]}`?" if close else ""
            msg = f"ScaffoldingRouterLLM has no option `{name}`.{hint}"
            raise ConfigurationError(msg)


def named(kwargs: dict[str, Any], config: RunnableConfig | None) -> tuple[str, str | None, tuple[str, ...]]:
    """The task, the pinned model and the profiles of a call; what is left of its arguments is for the model."""
    task = pinned = chosen = None
    if kwargs:
        task, pinned, chosen = kwargs.pop("task", None), kwargs.pop("model", None), kwargs.pop("routing_profile", None)
    profiles: tuple[str, ...] = ()
    around = var_child_runnable_config.get()
    if chosen is not None or (config and config.get("configurable")) or (around and around.get("configurable")):
        configured_task, profiles = configured(config, chosen)
        if task is None:
            task = configured_task or None
    return DEFAULT_TASK if task is None else task, pinned, profiles


def wanted_by(kwargs: Mapping[str, Any]) -> tuple[bool, bool, bool]:
    """Whether the arguments for a model ask for tools, for structured output, and for the same answer every time."""
    return (
        "tools" in kwargs,
        "schema" in kwargs,
        kwargs.get("temperature") == 0 or kwargs.get("seed") is not None,
    )


def configured(config: RunnableConfig | None, chosen: object) -> tuple[str | None, tuple[str, ...]]:
    """The task that the call's config, or the one around it, names; and all profiles that anybody chose.

    Of two tasks the nearer one counts. Of profiles all hold: who is below may narrow what who is above permits, and not
    widen it.
    """
    task, profiles = None, () if chosen is None else _profile_names(chosen)
    for each in (config, var_child_runnable_config.get()):
        configurable = each.get("configurable") if each else None
        if configurable:
            if task is None:
                task = configurable.get("scaffold_task")
            chosen = configurable.get("routing_profile")
            if chosen is not None:
                profiles = tuple(dict.fromkeys((*_profile_names(chosen), *profiles)))
    return task, profiles


def with_profiles(config: RunnableConfig | None, kwargs: dict[str, Any]) -> dict[str, Any]:
    """Keyword arguments that say which profiles the call's config chooses."""
    _, profiles = configured(config, kwargs.pop("routing_profile", None))
    return {**kwargs, "routing_profile": profiles} if profiles else kwargs


def _profile_names(chosen: object) -> tuple[str, ...]:
    names = (chosen,) if isinstance(chosen, str) else tuple(chosen) if isinstance(chosen, (list, tuple)) else ()
    if not names or not all(isinstance(name, str) for name in names):
        raise ConfigurationError(f"A routing profile is chosen by its name, or a list of names, not by {chosen!r}.")
    return names


def source_of(profiles: Sequence[RoutingProfile] | ProfileSource | None) -> ProfileSource | None:
    """What gives the profiles that calls may choose; `None` if there are none, so that no call asks."""
    if profiles is None or callable(profiles):
        return profiles
    found = Profiles.of(profiles)
    return StaticProfiles(found) if found.by_name else None


def decision_id_of(answer: BaseMessage | str | UUID) -> str:
    """The id of the decision that an answer came from; an id is taken as it is.

    Raises:
        ConfigurationError: The message was not answered by a router.
    """
    if not isinstance(answer, BaseMessage):
        return str(answer)
    routing = answer.response_metadata.get("routing")
    if not isinstance(routing, dict):
        msg = (
            'This message was not answered by a router: it has no `response_metadata["routing"]`. '
            "Pass the router's own message, or the id of its run."
        )
        raise ConfigurationError(msg)
    return str(routing["decision_id"])
