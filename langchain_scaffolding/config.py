"""What a user may set: `ScaffoldingConfig` for a router's behaviour, `RoutingProfile` for hard preferences."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

SizeClass = Literal["small", "medium", "large"]
Milliseconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


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
        max_retries: How often one attempt is repeated on the same model when its error class may pass; 0 is best when
            there is another model.
        breaker_threshold: Failures in a row after which a model is left alone for a while. Failures that tell enough by
            themselves (a refused key, a missing model, a rate limit) do so at once.
        hedge_after_ms: Milliseconds after which the chosen model is late and the runner-up is asked too; "p95": the
            95th percentile of its own durations at the task, once 20 are known. The first acceptable answer counts.
            `None`: never. Streams are not hedged.
        hedge_budget: The share of calls that may ask a second model so, from above 0 to 1.
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
    max_retries: int = Field(default=0, ge=0, le=10)
    breaker_threshold: int = Field(default=3, ge=1)
    hedge_after_ms: Milliseconds | Literal["p95"] | None = None
    hedge_budget: float = Field(default=0.05, gt=0, le=1, allow_inf_nan=False)
    fallback_to_rule_based: bool = True
    preferred_capabilities: list[str] = Field(default_factory=lambda: ["CHAT", "REASONING"])
    cache_scaffolding_results: bool = True
    max_context_length: int | None = Field(default=None, gt=0)

    @field_validator("preferred_capabilities", mode="before")
    @classmethod
    def _canonical(cls, value: object) -> object:
        return _upper(value)


class TaskPreferences(BaseModel):
    """What a profile says about one task; a `None` leaves the profile's own value in force."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    prefer: tuple[str, ...] = ()
    allow: tuple[str, ...] | None = None
    deny: tuple[str, ...] = ()
    pin: str | None = None
    capabilities: tuple[str, ...] = ()
    max_response_time_ms: Milliseconds | None = None
    parameters: dict[str, object] = Field(default_factory=dict)

    @field_validator("capabilities", mode="before")
    @classmethod
    def _canonical(cls, value: object) -> object:
        return _upper(value)


class RoutingProfile(BaseModel):
    """A named set of hard constraints. They fail closed: what a profile excludes is never called, whatever fails.

    Attributes:
        name: What the profile is called in messages and records.
        prefer: Models that are tried first, in this order; the others follow.
        allow: Only these models; `None` allows all, an empty list allows none.
        deny: Never these models.
        pin: Exactly this model.
        local_only: Only models that are known to run on this machine.
        max_size_gb: Only models known to be at most this large, in GB (10^9 bytes).
        tasks: The same by task, with required `capabilities`, `max_response_time_ms` and call `parameters`.

    Example:
        >>> profile = RoutingProfile(name="private", local_only=True, tasks={"title": {"pin": "tiny"}})
        >>> profile.for_task("title").pin
        'tiny'
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    prefer: tuple[str, ...] = ()
    allow: tuple[str, ...] | None = None
    deny: tuple[str, ...] = ()
    pin: str | None = None
    local_only: bool = False
    max_size_gb: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    tasks: dict[str, TaskPreferences] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.pin is not None and self.pin in self.deny:
            msg = f"profile {self.name!r} pins {self.pin!r} and denies it; remove one of the two"
            raise ValueError(msg)
        return self

    def for_task(self, task: str) -> TaskPreferences:
        """What the profile says about a task; empty preferences if it says nothing."""
        return self.tasks.get(task) or TaskPreferences()

    def model_names(self) -> frozenset[str]:
        """Every model that the profile names, to check against those registered."""
        names: set[str] = set()
        parts: list[RoutingProfile | TaskPreferences] = [self, *self.tasks.values()]
        for part in parts:
            names.update(part.prefer, part.allow or (), part.deny, (part.pin,) if part.pin else ())
        return frozenset(names)
