"""What a user may set: `ScaffoldingConfig` for a router's behaviour, `RoutingProfile` for hard preferences."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from langchain_scaffolding.errors import ConfigurationError

SizeClass = Literal["small", "medium", "large"]
Milliseconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


def _percentile(value: str) -> str:
    if not re.fullmatch("p[1-9][0-9]?", value):
        msg = 'should be a percentile from "p1" to "p99"'
        raise ValueError(msg)
    return value


Percentile = Annotated[str, AfterValidator(_percentile)]


def _upper(values: object) -> object:
    if isinstance(values, str) or not isinstance(values, (list, tuple, set, frozenset)):
        return values
    return [value.strip().upper() if isinstance(value, str) else value for value in values]


class ScaffoldingConfig(BaseModel):
    """How a router chooses and how long it may take.

    Attributes:
        preferred_model_size: Which sizes earn most: "small" (below 2 GB 3 points, below 7 GB 2, below 15 GB 1),
            "medium" (from 2 to 15 GB 3, else 1) or "large" (from 15 GB 3, from 7 GB 2, from 2 GB 1).
        max_response_time_ms: Limit of the whole call in milliseconds: all attempts, retries and waiting. `None`: none.
        attempt_timeout_ms: Limit of one attempt in milliseconds. `None`: none.
        first_token_timeout_ms: Limit from an attempt's start to its first content when streaming. `None`: none.
        stall_timeout_ms: Longest silence of a stream after its first content in milliseconds. `None`: any. A longer one
            raises `StreamBrokenError` with the text so far.
        min_tokens_per_s: Slowest pace of a stream, on average over `stall_timeout_ms`, in tokens per second (of about
            four characters). `None`: any that is not silence.
        max_retries: How often one attempt is repeated on the same model when its error class may pass; 0 is best when
            there is another model.
        breaker_threshold: Failures in a row after which a model is left alone for a while. Failures that tell enough by
            themselves (a refused key, a missing model, a rate limit) do so at once.
        hedge_after_ms: Milliseconds after which the chosen model is late and the runner-up is asked too; "p95": the
            95th percentile of its own durations at the task ("p1" to "p99"), once 20 are known. The first acceptable
            answer counts. `None`: never. Streams are not hedged.
        hedge_budget: The share of calls that may ask a second model so, from above 0 to 1. A lower percentile needs
            more: "p75" about 0.3.
        fallback_to_rule_based: Whether the rules answer when no model does; `False` raises instead, in every path.
        preferred_capabilities: A candidate with none of these is unsuitable; each that it has earns its points. Case
            does not matter.
        cache_scaffolding_results: Whether the scaffolding service keeps results.
        max_context_length: The longest input, in tokens, that is sent to a model; longer inputs go to the last resort.
            `None`: what each model takes.

    Raises:
        pydantic.ValidationError: A value is out of range (a `ValueError`).

    Example:
        >>> config = ScaffoldingConfig(
        ...     preferred_model_size="small",
        ...     max_response_time_ms=2000,
        ...     fallback_to_rule_based=True,
        ...     preferred_capabilities=["CHAT", "REASONING"],
        ... )
        >>> config.max_response_time_ms
        2000.0
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    preferred_model_size: SizeClass = "small"
    max_response_time_ms: Milliseconds | None = None
    attempt_timeout_ms: Milliseconds | None = None
    first_token_timeout_ms: Milliseconds | None = None
    stall_timeout_ms: Milliseconds | None = None
    min_tokens_per_s: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    max_retries: int = Field(default=0, ge=0, le=10)
    breaker_threshold: int = Field(default=3, ge=1)
    hedge_after_ms: Milliseconds | Percentile | None = None
    hedge_budget: float = Field(default=0.05, gt=0, le=1, allow_inf_nan=False)
    fallback_to_rule_based: bool = True
    preferred_capabilities: list[str] = Field(default_factory=lambda: ["CHAT", "REASONING"])
    cache_scaffolding_results: bool = True
    max_context_length: int | None = Field(default=None, gt=0)

    @field_validator("preferred_capabilities", mode="before")
    @classmethod
    def _canonical(cls, value: object) -> object:
        return _upper(value)

    @model_validator(mode="after")
    def _paced(self) -> Self:
        if self.min_tokens_per_s is not None and self.stall_timeout_ms is None:
            msg = "`min_tokens_per_s` is an average over `stall_timeout_ms`; set that too"
            raise ValueError(msg)
        return self


class Constraints(BaseModel):
    """Which models may be called; what is unknown of a model counts against it.

    Attributes:
        prefer: Models that are tried first, in this order; the others follow.
        allow: Only these models; `None` allows all, an empty list allows none.
        deny: Never these models.
        pin: Exactly this model.
        local_only: Only models that are known to run on this machine (the tag `local`).
        max_size_gb: Only models known to be at most this large, in GB (10^9 bytes).
        max_cost: Only models known to cost at most this, in US dollars per million output tokens (`cost` in a model's
            metadata). A local model of which no cost is stated costs nothing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    prefer: tuple[str, ...] = ()
    allow: tuple[str, ...] | None = None
    deny: tuple[str, ...] = ()
    pin: str | None = None
    local_only: bool = False
    max_size_gb: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    max_cost: float | None = Field(default=None, ge=0, allow_inf_nan=False)

    @field_validator("prefer", "allow", "deny", mode="before")
    @classmethod
    def _names(cls, value: object) -> object:
        if isinstance(value, str):
            msg = f"give a list of model names, such as [{value!r}]"
            raise ValueError(msg)  # noqa: TRY004 - pydantic turns a ValueError into its own, a TypeError it lets fly
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.pin is not None and self.pin in self.deny:
            msg = f"it pins {self.pin!r} and denies it; remove one of the two"
            raise ValueError(msg)
        if self.pin is not None and self.allow is not None and self.pin not in self.allow:
            msg = f"it pins {self.pin!r}, which is not among those it allows; add it to `allow`, or leave `allow` out"
            raise ValueError(msg)
        return self

    def named(self) -> frozenset[str]:
        """Every model that is named here."""
        return frozenset((*self.prefer, *(self.allow or ()), *self.deny, *((self.pin,) if self.pin else ())))


class TaskPreferences(Constraints):
    """What a profile says about one task, beside what it says about all.

    Attributes:
        capabilities: Only models that state all of these.
        max_response_time_ms: Limit of the whole call in milliseconds, instead of the configuration's.
        parameters: Sent to the model with every call, unless the call says otherwise.
    """

    capabilities: tuple[str, ...] = ()
    max_response_time_ms: Milliseconds | None = None
    parameters: dict[str, object] = Field(default_factory=dict)

    @field_validator("capabilities", mode="before")
    @classmethod
    def _canonical(cls, value: object) -> object:
        return _upper(value)


class RoutingProfile(Constraints):
    """A named set of hard constraints. They fail closed: what a profile excludes is never called, whatever fails.

    Attributes:
        name: What the profile is called in messages and records.
        tasks: Further constraints by task, with required `capabilities`, `max_response_time_ms` and call `parameters`.

    Example:
        >>> profile = RoutingProfile(name="private", local_only=True, tasks={"title": {"pin": "tiny"}})
        >>> profile.for_task("title").pin
        'tiny'
    """

    name: str = Field(min_length=1)
    tasks: dict[str, TaskPreferences] = Field(default_factory=dict)

    def for_task(self, task: str) -> TaskPreferences:
        """What the profile says about a task; empty preferences if it says nothing."""
        return self.tasks.get(task) or _NO_PREFERENCES

    def model_names(self) -> frozenset[str]:
        """Every model that the profile names, to check against those registered."""
        return self.named().union(*(task.named() for task in self.tasks.values()))


_NO_PREFERENCES = TaskPreferences()


@dataclass(frozen=True, kw_only=True, slots=True)
class Profiles:
    """Profiles to choose from.

    Attributes:
        always: Those that hold for every call, beside what a call chooses.
        by_name: Those that a call may choose.
    """

    always: tuple[RoutingProfile, ...] = ()
    by_name: Mapping[str, RoutingProfile] = field(default_factory=dict)

    @classmethod
    def of(cls, profiles: Iterable[RoutingProfile]) -> Profiles:
        """Profiles to choose from by their names.

        Raises:
            ConfigurationError: One of them is no profile, or two have one name.

        Example:
            >>> sorted(Profiles.of([RoutingProfile(name="private", local_only=True)]).by_name)
            ['private']
        """
        by_name: dict[str, RoutingProfile] = {}
        for profile in profiles:
            if not isinstance(profile, RoutingProfile):
                msg = f"`profiles` takes `RoutingProfile`s, not {profile!r}."
                raise ConfigurationError(msg)
            if profile.name in by_name:
                raise ConfigurationError(f"Two profiles are named {profile.name!r}; rename one of them.")
            by_name[profile.name] = profile
        return cls(by_name=by_name)

    def chosen(self, names: Iterable[str]) -> tuple[RoutingProfile, ...]:
        """The profiles of these names.

        Raises:
            ConfigurationError: There is none of a name; the message lists those there are.
        """
        for name in names:
            if name not in self.by_name:
                known = ", ".join(sorted(self.by_name)) or "none"
                msg = (
                    f"Unknown routing profile {name!r}. Known profiles: {known}. "
                    "Choose one of these, or add it: `ScaffoldingRouterLLM(profiles=[...])`."
                )
                raise ConfigurationError(msg)
        return tuple(self.by_name[name] for name in names)

    def __iter__(self) -> Iterator[RoutingProfile]:
        """All of them."""
        yield from self.always
        yield from self.by_name.values()


ProfileSource: TypeAlias = Callable[[], Profiles]
"""Gives the profiles that hold now; asked on every call, so it must be quick."""


@dataclass(frozen=True, slots=True)
class StaticProfiles:
    """A source that always gives the same profiles."""

    profiles: Profiles

    def __call__(self) -> Profiles:
        """The profiles."""
        return self.profiles
