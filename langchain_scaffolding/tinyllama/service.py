"""`TinyLlamaService`: the old methods, answered by a router."""

from __future__ import annotations

import asyncio
import logging
import time
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from langchain_scaffolding.config import RoutingProfile
from langchain_scaffolding.errors import ConfigurationError
from langchain_scaffolding.scaffolds import scaffold
from langchain_scaffolding.scaffolds.context import read_context
from langchain_scaffolding.service import IntelligentScaffoldingService
from langchain_scaffolding.tasks.outline import OUTLINE
from langchain_scaffolding.tasks.prompts import prompt
from langchain_scaffolding.tinyllama.results import (
    Metrics,
    OutlineResult,
    R,
    ScaffoldResult,
    SummaryResult,
    TinyLlamaConfig,
    TinyLlamaHealthStatus,
    as_old,
    translated,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from langchain_core.runnables import Runnable

    from langchain_scaffolding.candidates import Candidate
    from langchain_scaffolding.config import ScaffoldingConfig
    from langchain_scaffolding.router import ScaffoldingRouterLLM
    from langchain_scaffolding.scaffolds import ScaffoldingResult
    from langchain_scaffolding.tasks import Option

logger = logging.getLogger(__name__)

REPLACEMENT: Final = (
    "is deprecated: use `langchain_scaffolding.service.IntelligentScaffoldingService`, which has the same methods "
    "(`points` of its results is the old `outline`, `content` the old `summary`). See docs/migrating.md."
)
"""What every deprecation warning of this package says after the name."""

_TYPES = {"conversation": "outline", "analysis": "structure"}
_OUTLINE_STYLES = {
    "structured": "roman",
    "conversation_flow": "numbered",
    "analytical": "bullet",
    "exploratory": "bullet",
}
_DEPTHS = {"brief": 3, "standard": 5, "detailed": 8}
_PURPOSES = {"analysis": "analysis", "response": "conversation", "exploration": "reasoning", "synthesis": "structure"}
_QUICK_TOKENS = 75
_FOLLOW_UPS = replace(
    OUTLINE,
    prompt=prompt(
        lambda options: f"Name {options['max_points']} questions that a reader of the text may ask next.",
        lambda options: f'{options["max_points"]} short questions, one per line, each beginning with "- "',
    ),
)


class TinyLlamaService(IntelligentScaffoldingService):
    r"""The old service: its methods and result types, answered by a router.

    Args:
        config: The old configuration, or the new one.
        models: The models to choose from.
        router: A router to use instead.

    Example:
        >>> import warnings
        >>> from langchain_scaffolding.testing import ScriptedChatModel
        >>> with warnings.catch_warnings():
        ...     warnings.simplefilter("ignore", DeprecationWarning)
        ...     service = TinyLlamaService(models=[ScriptedChatModel("- Rain\n- Sun", name="tiny")])
        >>> asyncio.run(service.generate_outline("First it rained, then the sun came out.")).outline
        ['Rain', 'Sun']
    """

    def __init__(
        self,
        config: TinyLlamaConfig | ScaffoldingConfig | None = None,
        *,
        models: Sequence[Candidate | Runnable[Any, Any]] | None = None,
        router: ScaffoldingRouterLLM | None = None,
    ) -> None:
        warnings.warn(f"`TinyLlamaService` {REPLACEMENT}", DeprecationWarning, stacklevel=2)
        self.set_up(config, models, router)

    def set_up(
        self,
        config: TinyLlamaConfig | ScaffoldingConfig | None,
        models: Sequence[Candidate | Runnable[Any, Any]] | None,
        router: ScaffoldingRouterLLM | None,
    ) -> None:
        """What the constructor does after its warning."""
        self.old_config = config if isinstance(config, TinyLlamaConfig) else TinyLlamaConfig()
        super().__init__(translated(config) if router is None else None, models=models, router=router)
        self._metrics = Metrics()
        if self.router is not None and isinstance(config, TinyLlamaConfig):
            self._prefer(config.model_name)

    def _prefer(self, model_name: str) -> bool:
        """Try a model first from now on; false if it is not registered."""
        if self.router is None or all(candidate.name != model_name for candidate in self.router.models):
            return False
        profile = self.router.routing_profile or RoutingProfile(name="tinyllama")
        profile = profile.model_copy(update={"prefer": (model_name,)})
        self.router = self.router.model_copy(update={"routing_profile": profile})
        self._caller = self._keeping_results()
        self._scaffolds.clear()
        return True

    # --- the old methods -------------------------------------------------------------------------------------------

    async def generate_scaffold(
        self,
        text: str,
        scaffold_type: str = "reasoning",
        max_tokens: int | None = None,
        context: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> ScaffoldResult:
        """A scaffold; the old types "conversation" and "analysis" are outline and structure now."""
        task = _TYPES.get(scaffold_type, scaffold_type)
        result = await super().generate_scaffold(
            text, task, self._limit(task, max_tokens), None, **self._given(task, context, options)
        )
        return self._noted(ScaffoldResult, result)

    def generate_scaffold_sync(
        self,
        text: str,
        scaffold_type: str = "reasoning",
        max_tokens: int | None = None,
        context: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> ScaffoldResult:
        """A scaffold; the blocking twin of `generate_scaffold`."""
        task = _TYPES.get(scaffold_type, scaffold_type)
        result = super().generate_scaffold_sync(
            text, task, self._limit(task, max_tokens), None, **self._given(task, context, options)
        )
        return self._noted(ScaffoldResult, result)

    async def generate_outline(
        self, text: str, outline_style: str = "bullet", max_points: int = 5, **options: Any
    ) -> OutlineResult:
        """An outline; its points are the list `outline`."""
        style = _OUTLINE_STYLES.get(outline_style, outline_style)
        return as_old(OutlineResult, await super().generate_outline(text, style, max_points, **options))

    def generate_outline_sync(
        self, text: str, outline_style: str = "bullet", max_points: int = 5, **options: Any
    ) -> OutlineResult:
        """An outline; the blocking twin of `generate_outline`."""
        style = _OUTLINE_STYLES.get(outline_style, outline_style)
        return as_old(OutlineResult, super().generate_outline_sync(text, style, max_points, **options))

    async def generate_short_fill(
        self,
        context: str,
        prompt: str = "",
        max_tokens: int | None = None,
        fill_type: str = "continuation",
        **options: Any,
    ) -> ScaffoldResult:
        """A short piece of text."""
        return as_old(
            ScaffoldResult, await super().generate_short_fill(context, prompt, max_tokens, fill_type, **options)
        )

    def generate_short_fill_sync(
        self,
        context: str,
        prompt: str = "",
        max_tokens: int | None = None,
        fill_type: str = "continuation",
        **options: Any,
    ) -> ScaffoldResult:
        """A short piece of text; the blocking twin of `generate_short_fill`."""
        return as_old(
            ScaffoldResult, super().generate_short_fill_sync(context, prompt, max_tokens, fill_type, **options)
        )

    async def summarize_context(
        self, text: str, summary_type: str = "concise", max_tokens: int | None = None, **options: Any
    ) -> SummaryResult:
        """A summary, with its ratio of compression."""
        return as_old(SummaryResult, await super().summarize_context(text, summary_type, max_tokens, **options))

    def summarize_context_sync(
        self, text: str, summary_type: str = "concise", max_tokens: int | None = None, **options: Any
    ) -> SummaryResult:
        """A summary; the blocking twin of `summarize_context`."""
        return as_old(SummaryResult, super().summarize_context_sync(text, summary_type, max_tokens, **options))

    async def generate_conversation_outline(
        self,
        topic: str,
        conversation_context: Mapping[str, Any] | None = None,
        outline_depth: str = "standard",
    ) -> OutlineResult:
        """An outline of a conversation on a topic: 3, 5 or 8 points for "brief", "standard" or "detailed".

        Raises:
            ConfigurationError: The topic is no text.
        """
        known = {
            name: value for name, value in (conversation_context or {}).items() if name in {"participants", "goal"}
        }
        background = "\n".join(f"{name}: {value}" for name, value in known.items())
        points = _DEPTHS.get(outline_depth, _DEPTHS["standard"])
        return await self.generate_outline(
            topic, "conversation_flow", points, **({"background": background} if background else {})
        )

    async def generate_quick_scaffolding(
        self,
        text: str,
        scaffolding_purpose: str = "analysis",
        user_context: Mapping[str, Any] | None = None,
    ) -> ScaffoldResult:
        """A short scaffold for "analysis", "response", "exploration" or "synthesis"."""
        scaffold_type = _PURPOSES.get(scaffolding_purpose, "reasoning")
        return await self.generate_scaffold(text, scaffold_type, _QUICK_TOKENS, user_context)

    async def augment_response(
        self, user_message: str, main_response: str, augmentation_type: str = "enhancement"
    ) -> dict[str, Any]:
        """What goes with a response: a scaffold of the message, and one more for the type.

        "enhancement" brings `follow_ups` (a list), "scaffolding" the response's `structure`, "suggestions" a
        `conversation_flow` (a list).
        """
        started = time.perf_counter()
        scaffolded, added = await asyncio.gather(
            self.generate_scaffold(user_message, "reasoning"),
            self._augmentation(user_message, main_response, augmentation_type),
        )
        name, result = added
        value = str(result) if name == "structure" else result.points
        return {
            "original_response": main_response,
            "augmentations": {"scaffold": str(scaffolded), name: value},
            "processing_time": time.perf_counter() - started,
            "used_fallback": scaffolded.used_fallback or result.model_type != "llm",
        }

    async def _augmentation(
        self, user_message: str, main_response: str, augmentation_type: str
    ) -> tuple[str, ScaffoldingResult]:
        if augmentation_type == "scaffolding":
            return "structure", await self.generate_scaffold(main_response, "structure")
        if augmentation_type == "suggestions":
            return "conversation_flow", await self.generate_conversation_outline(main_response)
        follow_ups = scaffold(_FOLLOW_UPS, self._caller, max_points=3)
        return "follow_ups", self._noted(
            ScaffoldResult, await follow_ups.ainvoke(main_response, background=user_message)
        )

    async def generate_response_prefix(self, user_message: str, context: Mapping[str, Any] | None = None) -> str:
        """The steps to an answer, to put before the prompt of a larger model; empty if nobody could find them."""
        result = await self.generate_scaffold(user_message, "reasoning", context=context)
        return "" if result.abstained else str(result)

    conversation_outline = generate_conversation_outline
    quick_scaffolding = generate_quick_scaffolding

    # --- health ----------------------------------------------------------------------------------------------------

    def get_health_status(self) -> TinyLlamaHealthStatus:
        """How the service does; it is healthy only while models answer."""
        metrics, has_model = self._metrics, self.router is not None
        by_rules = not has_model if metrics.last_was_rules is None else metrics.last_was_rules
        return TinyLlamaHealthStatus(
            is_healthy=has_model and not by_rules,
            model_loaded=has_model,
            fallback_mode=by_rules,
            cache_size=metrics.kept,
            cache_hit_rate=metrics.hits / metrics.calls if metrics.calls else 0.0,
            avg_processing_time=metrics.seconds / metrics.calls if metrics.calls else 0.0,
            error_count=metrics.errors,
            last_error=metrics.last_error,
        )

    def clear_cache(self) -> None:
        """Forget the results that are kept."""
        self.clear_result_cache()
        self._metrics.kept = 0

    def reset_metrics(self) -> None:
        """Begin counting anew."""
        self._metrics = Metrics(kept=self._metrics.kept)

    async def reload_model(self, new_model_name: str | None = None) -> bool:
        """Forget choices and results, and try a model first from now on; false if it is not registered."""
        self.clear_model_cache()
        self.clear_cache()
        return new_model_name is None or self._prefer(new_model_name)

    # --- from old to new -------------------------------------------------------------------------------------------

    def _limit(self, task: str, max_tokens: int | None) -> int | None:
        if max_tokens is not None:
            return max_tokens
        old = self.old_config
        limits = {"fill": old.max_tokens, "outline": old.outline_max_tokens, "summary": old.summary_max_tokens}
        return limits.get(task, old.scaffold_max_tokens)

    def _given(self, task: str, context: Mapping[str, Any] | None, options: Mapping[str, Any]) -> dict[str, Any]:
        """The options of a call. Old callers put anything into `context`; what the task does not take is left out."""
        known = self._tasks[task].all_options if task in self._tasks else {}
        taken = {name: value for name, value in read_context(context).items() if _takes(known.get(name), name, value)}
        left_out = sorted(map(str, set(read_context(context)) - set(taken)))
        if left_out:
            logger.debug("context of task %r: left out %s", task, ", ".join(left_out))
        temperature = self.old_config.temperature
        preset = {} if temperature is None else {"temperature": temperature}
        return {**preset, **taken, **options}

    def _noted(self, cls: type[R], result: ScaffoldingResult) -> R:
        self._metrics.note(result)
        return as_old(cls, result)


def _takes(option: Option | None, name: str, value: object) -> bool:
    if option is None:
        return False
    try:
        option.checked(name, value)
    except ConfigurationError:
        return False
    return True
