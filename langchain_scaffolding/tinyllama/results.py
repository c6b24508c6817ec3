"""The old service's configuration, result types and health status."""

# Annotations are evaluated: pydantic reads those of the result types.

import os
from dataclasses import dataclass, field
from typing import TypeVar

from langchain_scaffolding.config import ScaffoldingConfig
from langchain_scaffolding.scaffolds import ScaffoldingResult

R = TypeVar("R", bound=ScaffoldingResult)


@dataclass(frozen=True, kw_only=True)
class TinyLlamaConfig:
    """The old configuration.

    Attributes:
        model_name: The model that is tried first, if one of this name is registered.
        max_tokens: Limit of a fill, in tokens.
        temperature: Sampling temperature; `None`: the task's own.
        enable_fallback: Whether the rules may answer.
        cache_size: 0 keeps no results.
        cache_ttl: Without effect: results are kept until they are the oldest of many.
        scaffold_max_tokens: Limit of a scaffold, in tokens.
        outline_max_tokens: Limit of an outline, in tokens.
        summary_max_tokens: Limit of a summary, in tokens.
    """

    model_name: str = field(default_factory=lambda: os.environ.get("TINYLLAMA_MODEL_NAME", "tinyllama-1.1b-chat"))
    max_tokens: int = 150
    temperature: float | None = None
    enable_fallback: bool = True
    cache_size: int = 1000
    cache_ttl: int = 1800
    scaffold_max_tokens: int | None = None
    outline_max_tokens: int | None = None
    summary_max_tokens: int | None = None


def translated(config: TinyLlamaConfig | ScaffoldingConfig | None) -> ScaffoldingConfig | None:
    """The new configuration that an old one stands for."""
    if not isinstance(config, TinyLlamaConfig):
        return config
    return ScaffoldingConfig(
        fallback_to_rule_based=config.enable_fallback, cache_scaffolding_results=config.cache_size > 0
    )


class ScaffoldResult(ScaffoldingResult):
    """The old result of a scaffold or fill."""

    @property
    def used_fallback(self) -> bool:
        """Whether the rules answered."""
        return self.model_type != "llm"

    @property
    def model_name(self) -> str | None:
        """The name of the model that answered."""
        return self.model_used


class OutlineResult(ScaffoldResult):
    """The old result of an outline."""

    @property
    def outline(self) -> list[str]:
        """The points."""
        return self.points


class SummaryResult(ScaffoldResult):
    """The old result of a summary."""

    @property
    def summary(self) -> str:
        """The summary."""
        return str(self)

    @property
    def compression_ratio(self) -> float:
        """The length of the summary by that of the text."""
        return len(self.summary) / self.input_length if self.input_length else 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class TinyLlamaHealthStatus:
    """How the service does.

    Attributes:
        is_healthy: Whether the last call was answered by a model; before any call, whether there is one.
        model_loaded: Whether a model is registered.
        fallback_mode: Whether the last call was answered by the rules; before any call, whether only they could.
        cache_size: Results of models that were kept since the last clearing.
        cache_hit_rate: Share of calls that were answered by a kept result.
        avg_processing_time: Mean seconds of a call.
        error_count: Attempts that failed.
        last_error: What the last of them failed with; `None` if none did.
    """

    is_healthy: bool
    model_loaded: bool
    fallback_mode: bool
    cache_size: int
    cache_hit_rate: float
    avg_processing_time: float
    error_count: int
    last_error: str | None


@dataclass
class Metrics:
    """What is counted for the health status."""

    calls: int = 0
    hits: int = 0
    kept: int = 0
    seconds: float = 0.0
    errors: int = 0
    last_error: str | None = None
    last_was_rules: bool | None = None

    def note(self, result: ScaffoldingResult) -> None:
        """Count a result."""
        self.calls += 1
        self.seconds += result.processing_time
        self.last_was_rules = result.model_type != "llm"
        if result.cached:
            self.hits += 1
            return
        self.kept += result.model_type == "llm"
        failed = [attempt for attempt in result.routing.get("attempts", ()) if attempt["error"] is not None]
        self.errors += len(failed)
        if failed:
            self.last_error = failed[-1]["detail"]


def as_old(cls: type[R], result: ScaffoldingResult) -> R:
    """A result as one of the old types."""
    return result if isinstance(result, cls) else cls(**result.model_dump(exclude={"type"}))
