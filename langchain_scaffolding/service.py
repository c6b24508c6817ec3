"""`IntelligentScaffoldingService`: the scaffolds as methods, for applications that want no chains."""

from __future__ import annotations

import logging
import threading
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from langchain_scaffolding.config import ScaffoldingConfig
from langchain_scaffolding.errors import ConfigurationError, UnknownTaskError
from langchain_scaffolding.results import LocalCache
from langchain_scaffolding.router import ScaffoldingRouterLLM
from langchain_scaffolding.scaffolds import Scaffold, ScaffoldingResult, ScaffoldingResultChunk
from langchain_scaffolding.scaffolds.context import read_context
from langchain_scaffolding.tasks import known_tasks

if TYPE_CHECKING:
    from langchain_core.runnables import Runnable

    from langchain_scaffolding.candidates import Candidate

logger = logging.getLogger(__name__)

DEFAULT_RESPONSE_TIME_MS = 2000.0
"""The service's limit of a whole call, in milliseconds, unless the configuration sets one."""

__all__ = [
    "IntelligentScaffoldingService",
    "ScaffoldingConfig",
    "ScaffoldingResult",
    "get_intelligent_scaffolding_service",
]


class IntelligentScaffoldingService:
    r"""Scaffolds as methods: each picks the best model available for its task, and ends in the rules.

    Every method is a coroutine and has a blocking twin of the same name with `_sync`, which also works where an event
    loop runs. Results that a model gave are kept, and calls like an earlier one answered from there.

    Args:
        config: How to choose, and how long a call may take; 2 seconds unless it says otherwise.
        models: The models to choose from. With none, the rules answer every call.
        router: A router to use instead of one made of `config` and `models`.

    Attributes:
        router: The router behind the service; `None` without models.

    Raises:
        ConfigurationError: `router` was given together with `config` or `models`, or something in them is wrong.

    Example:
        >>> from langchain_scaffolding.testing import ScriptedChatModel
        >>> tiny = ScriptedChatModel("1. Compare prices\n2. Add shipping", name="tiny", metadata={"size_gb": 1.1})
        >>> service = IntelligentScaffoldingService(models=[tiny])
        >>> result = service.generate_scaffold_sync("Which of the two shops is cheaper?", "reasoning")
        >>> result.points, result.model_used, result.cached
        (['Compare prices', 'Add shipping'], 'tiny', False)
        >>> service.generate_scaffold_sync("Which of the two shops is cheaper?", "reasoning").cached
        True
    """

    def __init__(
        self,
        config: ScaffoldingConfig | None = None,
        *,
        models: Sequence[Candidate | Runnable[Any, Any]] | None = None,
        router: ScaffoldingRouterLLM | None = None,
    ) -> None:
        if router is not None and (config is not None or models is not None):
            raise ConfigurationError("Give `router` alone, or `config` and `models`: a router has its own.")
        if config is not None and not isinstance(config, ScaffoldingConfig):
            msg = (
                f"`config` takes a `ScaffoldingConfig`, not a {type(config).__name__}. Models are given by name: "
                "`IntelligentScaffoldingService(models=[...])`."
            )
            raise ConfigurationError(msg)
        if router is not None and not isinstance(router, ScaffoldingRouterLLM):
            msg = (
                f"`router` takes a `ScaffoldingRouterLLM`, not a {type(router).__name__}; give chat models as `models`."
            )
            raise ConfigurationError(msg)
        self.config = _with_deadline(config or ScaffoldingConfig()) if router is None else router.config
        self.router = router
        if router is None and models:
            self.router = ScaffoldingRouterLLM(models=models, config=self.config)
        if self.router is None:
            logger.warning(
                "No model is registered, so the rules answer every scaffold. Give `models=[...]`; "
                "`python -m langchain_scaffolding doctor` says what is at hand."
            )
        self._results = LocalCache()
        self._caller = self._keeping_results()
        self._tasks = known_tasks(self.router.tasks if self.router is not None else ())
        self._scaffolds: dict[str, Scaffold] = {}

    def __repr__(self) -> str:
        """The models behind the service."""
        names = [candidate.name for candidate in self.router.models] if self.router is not None else []
        return f"{type(self).__name__}(models={names})"

    def _keeping_results(self) -> ScaffoldingRouterLLM | None:
        """The router that is called: the service's own stays without a cache, and a copy of it keeps results."""
        router = self.router
        if router is None or router.cache or not self.config.cache_scaffolding_results:
            return router
        return router.model_copy(update={"cache": self._results})

    # --- scaffolds -----------------------------------------------------------------------------------------------

    async def generate_scaffold(
        self,
        text: str,
        scaffold_type: str = "reasoning",
        max_tokens: int | None = None,
        context: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> ScaffoldingResult:
        """A scaffold of a text.

        Args:
            text: The text or question. Without a word in it the result is empty, and no model is called.
            scaffold_type: "reasoning", "structure", "outline", "fill", "summary", "title", "query_rewrite", or any
                registered task.
            max_tokens: Limit of the answer in tokens; `None`: what the task needs.
            context: What else is known: `conversation_history` (texts, messages or mappings with `role` and `content`),
                `user_level` ("novice" or "expert"), and any option of the task.
            **options: Options of the task, such as `style` and `max_points`.

        Raises:
            ConfigurationError: The type is unknown, an option is unknown or out of range, or the text is none.
            RoutingError: No model gave a usable answer, and the configuration forbids the rules.
        """
        given = {**read_context(context), **options, **_set(max_tokens=max_tokens)}
        return await self.scaffold(scaffold_type).ainvoke(text, **given)

    def generate_scaffold_sync(
        self,
        text: str,
        scaffold_type: str = "reasoning",
        max_tokens: int | None = None,
        context: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> ScaffoldingResult:
        """A scaffold of a text; the blocking twin of `generate_scaffold`."""
        given = {**read_context(context), **options, **_set(max_tokens=max_tokens)}
        return self.scaffold(scaffold_type).invoke(text, **given)

    async def generate_outline(
        self, text: str, outline_style: str = "bullet", max_points: int = 5, **options: Any
    ) -> ScaffoldingResult:
        """An outline of a text, in style "bullet", "numbered" or "roman"; its points are in `points`."""
        return await self.generate_scaffold(text, "outline", style=outline_style, max_points=max_points, **options)

    def generate_outline_sync(
        self, text: str, outline_style: str = "bullet", max_points: int = 5, **options: Any
    ) -> ScaffoldingResult:
        """An outline of a text; the blocking twin of `generate_outline`."""
        return self.generate_scaffold_sync(text, "outline", style=outline_style, max_points=max_points, **options)

    async def generate_short_fill(
        self,
        context: str,
        prompt: str = "",
        max_tokens: int | None = None,
        fill_type: str = "continuation",
        **options: Any,
    ) -> ScaffoldingResult:
        """A short piece of text that goes on from `prompt`, after the text `context`.

        Args:
            context: The text that is there.
            prompt: What follows on it and is to be continued, completed, led up to or unfolded; may be empty.
            max_tokens: Limit of the piece in tokens; `None`: what the task needs.
            fill_type: "continuation", "completion", "bridge" or "elaboration".
            **options: Further options of the task.
        """
        return await self.generate_scaffold(context, "fill", max_tokens, prompt=prompt, style=fill_type, **options)

    def generate_short_fill_sync(
        self,
        context: str,
        prompt: str = "",
        max_tokens: int | None = None,
        fill_type: str = "continuation",
        **options: Any,
    ) -> ScaffoldingResult:
        """A short piece of text; the blocking twin of `generate_short_fill`."""
        return self.generate_scaffold_sync(context, "fill", max_tokens, prompt=prompt, style=fill_type, **options)

    async def summarize_context(
        self, text: str, summary_type: str = "concise", max_tokens: int | None = None, **options: Any
    ) -> ScaffoldingResult:
        """A summary: "concise", "detailed", "key_points", "contextual", "actionable" or "conversational"."""
        return await self.generate_scaffold(text, "summary", max_tokens, style=summary_type, **options)

    def summarize_context_sync(
        self, text: str, summary_type: str = "concise", max_tokens: int | None = None, **options: Any
    ) -> ScaffoldingResult:
        """A summary; the blocking twin of `summarize_context`."""
        return self.generate_scaffold_sync(text, "summary", max_tokens, style=summary_type, **options)

    async def stream_scaffold(
        self, text: str, scaffold_type: str = "reasoning", **options: Any
    ) -> AsyncIterator[ScaffoldingResultChunk]:
        """A scaffold in pieces; the last one carries the facts."""
        async for piece in self.scaffold(scaffold_type).astream(text, **options):
            yield piece

    def stream_scaffold_sync(
        self, text: str, scaffold_type: str = "reasoning", **options: Any
    ) -> Iterator[ScaffoldingResultChunk]:
        """A scaffold in pieces; the blocking twin of `stream_scaffold`."""
        yield from self.scaffold(scaffold_type).stream(text, **options)

    def scaffold(self, scaffold_type: str) -> Scaffold:
        """The runnable of a task, for chains.

        Raises:
            UnknownTaskError: No task has this name.
        """
        if not isinstance(scaffold_type, str) or scaffold_type not in self._tasks:
            raise UnknownTaskError(scaffold_type, self._tasks)
        found = self._scaffolds.get(scaffold_type)
        if found is None:
            found = Scaffold(
                task=self._tasks[scaffold_type],
                model=self._caller,
                fallback_to_rule_based=self.config.fallback_to_rule_based,
            )
            self._scaffolds[scaffold_type] = found
        return found

    # --- what was learned ------------------------------------------------------------------------------------------

    def record_feedback(self, result: ScaffoldingResult, score: float | str, *, reason: str | None = None) -> bool:
        """Tell how good a result was, from 0 to 1; later choices follow. False if a model had no part in it."""
        if self.router is None or result.model_type != "llm":
            return False
        return self.router.record_feedback(result, score, reason=reason)

    def get_performance_stats(self) -> dict[str, dict[str, Any]]:
        """What was learned of each model: its uses, its times in seconds, and the same by task.

        The rules are no model, and an answer kept from an earlier call is no use of one.
        """
        stats: dict[str, dict[str, Any]] = {}
        for row in self.router.performance.snapshot() if self.router is not None else ():
            of_model = stats.setdefault(str(row["model"]), {"total_uses": 0, "errors": 0, "tasks": {}})
            of_model["total_uses"] += row["calls"]
            of_model["errors"] += row["errors"]
            of_model["tasks"][str(row["task"])] = dict(row)
        for of_model in stats.values():
            of_model["avg_response_time"] = _mean_seconds(of_model["tasks"].values())
        return stats

    def clear_model_cache(self) -> None:
        """Forget which model was chosen for what; the next call chooses anew."""
        for router in {id(each): each for each in (self.router, self._caller) if each is not None}.values():
            router.routing.selector.clear()

    def clear_result_cache(self) -> None:
        """Forget the results that are kept; a cache that was given with the router is its owner's to clear."""
        self._results.clear()

    def reset(self) -> None:
        """Forget choices, results and all that was learned of the models."""
        self.clear_model_cache()
        self.clear_result_cache()
        if self.router is not None:
            self.router.performance.reset()


def _mean_seconds(rows: Any) -> float | None:
    """The mean of the latencies, each weighed by its measurements; `None` if nothing was measured."""
    measured = [(row["measured"], row["latency_mean_s"]) for row in rows if row["latency_mean_s"] is not None]
    total = sum(count for count, _ in measured)
    return sum(count * mean for count, mean in measured) / total if total else None


def _with_deadline(config: ScaffoldingConfig) -> ScaffoldingConfig:
    if "max_response_time_ms" in config.model_fields_set:
        return config
    return config.model_copy(update={"max_response_time_ms": DEFAULT_RESPONSE_TIME_MS})


def _set(**options: Any) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


_shared: dict[str, IntelligentScaffoldingService] = {}
_shared_lock = threading.Lock()


def get_intelligent_scaffolding_service(
    config: ScaffoldingConfig | None = None, *, models: Sequence[Candidate | Runnable[Any, Any]] | None = None
) -> IntelligentScaffoldingService:
    """The shared service of a configuration: equal configurations give the same object, in any thread.

    Args:
        config: As the service takes it.
        models: The models, on the first call of a configuration; later calls leave them out.

    Raises:
        ConfigurationError: The service of this configuration exists already and `models` are given again.

    Example:
        >>> config = ScaffoldingConfig(preferred_model_size="medium")
        >>> get_intelligent_scaffolding_service(config) is get_intelligent_scaffolding_service(config.model_copy())
        True
    """
    key = _with_deadline(config or ScaffoldingConfig()).model_dump_json()
    with _shared_lock:
        service = _shared.get(key)
        if service is None:
            service = _shared[key] = IntelligentScaffoldingService(config, models=models)
        elif models is not None:
            msg = (
                "The shared service of this configuration exists already, with its models. Give `models` on the first "
                "call, or make a service of your own: `IntelligentScaffoldingService(config, models=[...])`."
            )
            raise ConfigurationError(msg)
    return service
