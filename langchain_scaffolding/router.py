"""`ScaffoldingRouterLLM`: the chat model that holds all the chat models one has."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast
from uuid import UUID

from langchain_core.caches import BaseCache
from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.runnables import Runnable, RunnableConfig
from pydantic import Field

from langchain_scaffolding.arguments import (
    decision_id_of,
    listed,
    named,
    registered,
    reject_unknown,
    source_of,
    wanted_by,
    with_profiles,
    with_standard_options,
)
from langchain_scaffolding.attempts import AttemptChain, RunSettings, atake_turn, take_turn
from langchain_scaffolding.bindings import with_raw_tools, without_streaming
from langchain_scaffolding.candidates import Candidate, register
from langchain_scaffolding.chat_model import RoutedChatModel
from langchain_scaffolding.config import ProfileSource, RoutingProfile, ScaffoldingConfig
from langchain_scaffolding.content import V1Chunks, as_v1
from langchain_scaffolding.errors import ConfigurationError, EmptyInputError, UnknownModelError, UnknownTaskError
from langchain_scaffolding.filters import Filter
from langchain_scaffolding.performance import PerformanceTracker
from langchain_scaffolding.performance.breaker import CircuitBreakers, ModelHealth
from langchain_scaffolding.policies import Policy, policy_of
from langchain_scaffolding.ranking import Ranking
from langchain_scaffolding.records import Observer
from langchain_scaffolding.request import RouteRequest
from langchain_scaffolding.results import LocalCache
from langchain_scaffolding.routing.by_profile import RoutingByProfile
from langchain_scaffolding.routing.options import RoutingOptions
from langchain_scaffolding.routing.routing import Routing
from langchain_scaffolding.scorers import Scorer

if TYPE_CHECKING:
    from langchain_scaffolding.discovery import DiscoverySource, LiveDiscovery
    from langchain_scaffolding.scaffolds import Scaffold
    from langchain_scaffolding.tasks import Task


class ScaffoldingRouterLLM(RoutedChatModel):
    """A chat model that holds all the chat models you have and calls the best one for every call.

    It is used wherever LangChain takes a chat model. Each call is ranked: candidates that cannot serve it are rejected
    with a reason, the others get points from scorers, and a policy orders them. They are called in turn until one gives
    an acceptable answer; if none does, the rules answer. The message says who answered in
    `response_metadata["routing"]`.

    Args:
        models: Chat models or `Candidate`s. Tags of a bare model come from its `metadata` and its `profile`.
        discovery: Models that come and go beside those, kept current in the background; see `from_discovery`.
        config: Limits, preferences and whether the rules may answer.
        policy: "greedy", "adaptive", or a policy object.
        scorers: What gives points, instead of the four default scorers.
        filters: Hard constraints beside those that the configuration and profile set, instead of `DEFAULT_FILTERS`.
        profile: Hard preferences for every call; they fail closed.
        profiles: Profiles that calls may choose by `config["configurable"]["routing_profile"]` or `routing_profile=`;
            they narrow what `profile` permits. Or a source of them: `langchain_scaffolding.settings.ProfileFile`.
        tasks: Further task names or `Task`s that calls may be labelled with.
        last_resort: A runnable over messages that answers when no model did; default the rules.
        performance: Where outcomes are recorded; share one between routers to share what is learned.
        observers: Callables that are told of every call.
        clock: Seconds from any start, never running backwards; it may have `sleep` and `asleep` methods to wait with.
        **options: What every LangChain chat model takes: `name`, `tags`, `metadata`, `callbacks`, `rate_limiter`,
            `output_version`, `temperature`, `max_tokens`, `stop`, `timeout` (seconds, for the whole call),
            `max_retries`. `cache=True`, or a LangChain cache, keeps whole answers.

    Raises:
        ConfigurationError: Something is set up wrongly; the message names the value and the remedy.

    Example:
        >>> from langchain_scaffolding.testing import ScriptedChatModel
        >>> small = ScriptedChatModel("A title", name="small", metadata={"size_gb": 1.5})
        >>> large = ScriptedChatModel("A long title", name="large", metadata={"size_gb": 14})
        >>> router = ScaffoldingRouterLLM(models=[large, small])
        >>> message = router.invoke("Give this text a title: ...", task="title")
        >>> message.content, message.response_metadata["routing"]["model"]
        ('A title', 'small')
        >>> router.invoke("Give this text a title: ...", model="large").content
        'A long title'
    """

    config: ScaffoldingConfig = Field(repr=False)
    policy: Any = Field(repr=False)
    scorers: tuple[Any, ...] | None = Field(repr=False)
    filters: tuple[Any, ...] | None = Field(repr=False)
    routing_profile: RoutingProfile | None = Field(repr=False)
    profiles: Any = Field(repr=False)
    tasks: tuple[Any, ...] = Field(repr=False)
    last_resort: Any = Field(repr=False)
    performance: PerformanceTracker = Field(repr=False)
    observers: tuple[Any, ...] = Field(repr=False)
    clock: Any = Field(repr=False)
    discovery: Any = Field(default=None, exclude=True, repr=False)
    followed: Any = Field(default_factory=dict, exclude=True, repr=False)

    accepts_acceptance: ClassVar[bool] = True
    """Whether `acceptance=` of a scaffold takes part in its attempts."""

    def __init__(
        self,
        *,
        models: Sequence[Candidate | Runnable[Any, Any]] = (),
        discovery: LiveDiscovery | None = None,
        config: ScaffoldingConfig | None = None,
        policy: str | Policy = "greedy",
        scorers: Sequence[Scorer] | None = None,
        filters: Sequence[Filter] | None = None,
        profile: RoutingProfile | Mapping[str, Any] | None = None,
        profiles: Sequence[RoutingProfile] | ProfileSource | None = None,
        tasks: Sequence[str | Task] = (),
        last_resort: Runnable[Any, Any] | None = None,
        performance: PerformanceTracker | None = None,
        observers: Sequence[Observer] = (),
        clock: Callable[[], float] = time.perf_counter,
        **options: Any,
    ) -> None:
        reject_unknown(options, type(self).model_fields)
        config = with_standard_options(ScaffoldingConfig() if config is None else config, options)
        if isinstance(profile, RoutingProfile):
            options["routing_profile"] = profile
        else:
            options.setdefault("routing_profile", None)
            options["profile"] = profile
        super().__init__(
            models=registered(models, discovery),
            discovery=discovery,
            config=config,
            policy=policy_of(policy),
            scorers=None if scorers is None else listed("scorers", scorers),
            filters=None if filters is None else listed("filters", filters),
            profiles=profiles,
            tasks=listed("tasks", tasks),
            last_resort=last_resort,
            performance=PerformanceTracker() if performance is None else performance,
            observers=listed("observers", observers),
            clock=clock,
            **options,
        )
        self._assemble()

    @classmethod
    def from_discovery(
        cls,
        sources: Iterable[DiscoverySource] | None = None,
        *,
        live: bool = False,
        interval_s: float = 30.0,
        **options: Any,
    ) -> Self:
        """A router over the models that sources find.

        Args:
            sources: Anything with a `name` and a `discover()` that gives candidates; by default
                `langchain_scaffolding.discovery.default_sources()`.
            live: Whether to look again and again in the background: a model that appears joins, one that disappears is
                left out with the reason, and no call waits for it. Then nothing need be there yet. It ends with the
                router, or with `router.discovery.close()`.
            interval_s: Seconds between two looks.
            **options: As for the constructor.

        Raises:
            ConfigurationError: Nothing was found; the message gives each source's reason.

        Example:
            >>> from langchain_scaffolding.testing import ScriptedChatModel
            >>> class Shelf:
            ...     name = "shelf"
            ...     models = []
            ...
            ...     def discover(self):
            ...         return [Candidate.of(model) for model in self.models]
            >>> router = ScaffoldingRouterLLM.from_discovery([Shelf()], live=True, interval_s=60)
            >>> router.explain("Name three colours.").names
            []
            >>> Shelf.models = [ScriptedChatModel(name="tiny")]
            >>> _ = router.discovery.refresh()  # what the background does every minute
            >>> router.explain("Name three colours.").names
            ['tiny']
            >>> router.discovery.close()
        """
        from langchain_scaffolding.discovery import LiveDiscovery, discover

        if live:
            discovery = LiveDiscovery(sources, interval_s=interval_s)
            discovery.refresh()
            return cls(discovery=discovery.start(), **options)
        found = discover(sources)
        if not found.candidates:
            reasons = "; ".join(f"{source}: {reason}" for source, reason in found.troubles) or "no source has any"
            msg = f"No model was found ({reasons}). Start a server, add a source, or name models with `models=[...]`."
            raise ConfigurationError(msg)
        return cls(models=found.candidates, **options)

    @classmethod
    async def afrom_discovery(cls, sources: Iterable[DiscoverySource] | None = None, **options: Any) -> Self:
        """A router over the models that sources find, as `from_discovery` makes it, while the event loop goes on."""
        return await asyncio.to_thread(cls.from_discovery, sources, **options)

    @classmethod
    def from_file(cls, path: str | os.PathLike[str], *, profile: str | None = None, **options: Any) -> Self:
        """The router that a TOML or YAML file describes; see `docs/configuration.md`.

        Profiles are read anew when the file changes.

        Args:
            path: The file.
            profile: The profile of the file that holds for every call, instead of the one it names itself.
            **options: As for the constructor; they stand before what the file says.

        Raises:
            ConfigurationError: The file is wrong; each line names the file, line, key, value and what is allowed.

        Example:
            >>> router = ScaffoldingRouterLLM.from_file("router.toml", profile="private")  # doctest: +SKIP
        """
        from langchain_scaffolding.settings import options_from_file

        return cls(**{**options_from_file(path, profile=profile), **options})

    def _assemble(self) -> None:
        with nullcontext() if self.discovery is None else self.discovery.telling:
            self._work_out()

    def _follow(self) -> None:
        """Take over what discovery knows now. A model that has come back starts without a grudge."""
        before = self.routing.gone
        self._assemble()
        for name in before.keys() - self.routing.gone.keys():
            self.breakers.forgive(name)

    def _work_out(self) -> None:
        from langchain_scaffolding.tasks import ThinkingBudgets, known_tasks

        facts = self.__dict__  # written past `__setattr__`, which would assemble again
        if isinstance(self.profile, RoutingProfile):  # a copy was given it under the constructor's name
            facts.update(routing_profile=self.profile, profile=None)
        gone: Mapping[str, str] | None = None
        if self.discovery is None:
            facts["models"] = tuple(register(self.models).values())
        else:
            gone = self._take_what_is_found()
        facts["policy"] = policy_of(self.policy)
        if self.profile is None:
            facts["profile"] = self._resolve_model_profile()
        if self.cache is True:
            facts["cache"] = LocalCache()
        if self.breakers is None:
            facts["breakers"] = CircuitBreakers(threshold=self.config.breaker_threshold, clock=self.clock)
        facts["call_defaults"] = {
            name: value
            for name, value in (("temperature", self.temperature), ("max_tokens", self.max_tokens), ("stop", self.stop))
            if value is not None
        }
        options = RoutingOptions(
            candidates=self._candidates(),
            config=self.config,
            policy=self.policy,
            scorers=self.scorers,
            filters=self.filters,
            profiles=() if self.routing_profile is None else (self.routing_profile,),
            tasks=known_tasks(self.tasks),
            last_resort=self.last_resort,
            performance=self.performance,
            breakers=self.breakers,
            budgets=ThinkingBudgets() if self.routing is None else self.routing.budgets,
            observers=self.observers,
            clock=self.clock,
            run_settings=RunSettings(
                name=self.get_name(),
                callbacks=self.callbacks,
                verbose=self.verbose,
                tags=tuple(self.tags or ()),
                # LangChain notes its versions on model runs, as on the one below, and not on chain runs
                metadata={name: value for name, value in (self.metadata or {}).items() if name != "lc_versions"},
            ),
            gone=gone,
        )
        cache = self.cache if isinstance(self.cache, BaseCache) else None
        source = facts["profiles"] = source_of(self.profiles)
        before = self.routing
        facts["routing"] = (
            Routing(options, cache, before=before)
            if source is None
            else RoutingByProfile(options, source, cache, before=before)
        )

    def _take_what_is_found(self) -> dict[str, str]:
        """Register what discovery knows beside the models of one's own; why some of it is not there now."""
        facts = self.__dict__
        self.discovery.subscribe(self._follow)
        facts["models"] = registered(self.models, self.discovery)
        own = [candidate for candidate in self.models if self.followed.get(candidate.name) is not candidate]
        taken = {candidate.name for candidate in own}
        followed = {each.name: each for each in self.discovery.known if each.name not in taken}
        if self.profile == self._resolve_model_profile():
            facts["profile"] = None  # it follows from the models
        facts.update(models=(*own, *followed.values()), followed=followed)
        return {name: why for name, why in self.discovery.gone.items() if name in followed}

    def _candidates(self) -> dict[str, Candidate]:
        disabled = True if self.streaming is False else self.disable_streaming
        candidates = {candidate.name: candidate for candidate in self.models}
        if disabled:
            return {name: without_streaming(candidate, disabled) for name, candidate in candidates.items()}
        return candidates

    # --- calls ---------------------------------------------------------------------------------------------------

    def invoke(
        self,
        input: LanguageModelInput,
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> AIMessage:
        """The answer of the best model that gave an acceptable one.

        Args:
            input: A string, messages or a prompt value.
            config: LangChain's config; `config["configurable"]["scaffold_task"]` names the task as `task=` does.
            stop: Stop words.
            **kwargs: `task=` labels the call, `model=` pins one registered model; the rest goes to the model.

        Raises:
            ConfigurationError: The task or model is unknown, or there is no message.
            RoutingError: Nobody answered, and the configuration forbids the rules.
        """
        prompt, request, arguments = self._prepare(input, config, stop, kwargs)
        results = self.routing.results
        kept = None if results is None else self.routing.inquiry(request, arguments, config)
        if kept is None:
            answer = self._call(prompt, config, request, arguments)
        else:
            answer = results.invoke(kept, partial(self._call, prompt, config, request, arguments))
        return as_v1(answer) if self.output_version == "v1" else answer

    def _call(
        self,
        prompt: str | list[BaseMessage],
        config: RunnableConfig | None,
        request: RouteRequest,
        arguments: dict[str, Any],
    ) -> AIMessage:
        chain: AttemptChain = self.routing.selector.select(request)
        if self.rate_limiter is not None:
            take_turn(self.rate_limiter, chain.settings, request)
        answer: AIMessage = chain.invoke(prompt, config, request=request, **arguments)
        return answer

    async def ainvoke(
        self,
        input: LanguageModelInput,
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> AIMessage:
        """The answer of the best model that gave an acceptable one, as `invoke` gives it."""
        prompt, request, arguments = self._prepare(input, config, stop, kwargs)
        results = self.routing.results
        kept = None if results is None else self.routing.inquiry(request, arguments, config)
        if kept is None:
            answer = await self._acall(prompt, config, request, arguments)
        else:
            answer = await results.ainvoke(kept, partial(self._acall, prompt, config, request, arguments))
        return as_v1(answer) if self.output_version == "v1" else answer

    async def _acall(
        self,
        prompt: str | list[BaseMessage],
        config: RunnableConfig | None,
        request: RouteRequest,
        arguments: dict[str, Any],
    ) -> AIMessage:
        chain: AttemptChain = self.routing.selector.select(request)
        if self.rate_limiter is not None:
            await atake_turn(self.rate_limiter, chain.settings, request)
        answer: AIMessage = await chain.ainvoke(prompt, config, request=request, **arguments)
        return answer

    def stream(
        self,
        input: LanguageModelInput,
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> Iterator[AIMessageChunk]:
        """The chunks of the first model that says something; the last chunk carries the routing facts.

        Raises:
            StreamBrokenError: The stream broke after its first content; the text so far is in `.partial`.
            ConfigurationError: The task or model is unknown, or there is no message.
            RoutingError: Nobody answered, and the configuration forbids the rules.
        """
        if self._streaming_disabled(**kwargs):
            yield cast("AIMessageChunk", self.invoke(input, config, stop=stop, **kwargs))
            return
        prompt, request, arguments = self._prepare(input, config, stop, kwargs)

        def call() -> Iterator[AIMessageChunk]:
            chain: AttemptChain = self.routing.selector.select(request)
            if self.rate_limiter is not None:
                take_turn(self.rate_limiter, chain.settings, request)
            return chain.stream(prompt, config, request=request, **arguments)

        kept = self.routing.inquiry(request, arguments, config)
        chunks = call() if kept is None else self.routing.results.stream(kept, call)
        yield from map(V1Chunks(), chunks) if self.output_version == "v1" else chunks

    async def astream(
        self,
        input: LanguageModelInput,
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[AIMessageChunk]:
        """The chunks of the first model that says something, as `stream` gives them."""
        if self._streaming_disabled(**kwargs):
            yield cast("AIMessageChunk", await self.ainvoke(input, config, stop=stop, **kwargs))
            return
        prompt, request, arguments = self._prepare(input, config, stop, kwargs)

        async def call() -> AsyncGenerator[AIMessageChunk, None]:
            chain: AttemptChain = self.routing.selector.select(request)
            if self.rate_limiter is not None:
                await atake_turn(self.rate_limiter, chain.settings, request)
            return chain.astream(prompt, config, request=request, **arguments)

        kept = self.routing.inquiry(request, arguments, config)
        version = V1Chunks() if self.output_version == "v1" else None
        async with aclosing(await call() if kept is None else self.routing.results.astream(kept, call)) as chunks:
            async for chunk in chunks:
                yield chunk if version is None else version(chunk)

    def stream_events(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Events as LangChain gives them. Version 3 hides the config from the model, and it may choose profiles."""
        return super().stream_events(input, config, **with_profiles(config, kwargs))

    def astream_events(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Events as `stream_events` gives them."""
        return super().astream_events(input, config, **with_profiles(config, kwargs))

    def scaffold(self, task: str | Task, **options: Any) -> Scaffold:
        r"""A runnable that does a task over a text: prompt, routing, cleaning, checks, the rule if no model will do.

        Args:
            task: A task's name, or a `Task` that this router knows.
            **options: Options of every call, such as `max_points=3` or `style="numbered"`.

        Raises:
            ConfigurationError: The task or an option is unknown, or a value is not allowed.

        Example:
            >>> from langchain_scaffolding.testing import ScriptedChatModel
            >>> model = ScriptedChatModel("Sure! Here is an outline:\n\n1. Boil the water\n2. Steep the tea leaves")
            >>> router = ScaffoldingRouterLLM(models=[model])
            >>> text = "To make tea, boil the water first. Then put the tea leaves in and let them steep for a while."
            >>> router.scaffold("outline", max_points=2).invoke(text).points
            ['Boil the water', 'Steep the tea leaves']
        """
        from langchain_scaffolding.scaffolds import scaffold

        return scaffold(self._known(task), self, **options)

    def _known(self, task: str | Task) -> Task:
        name = task if isinstance(task, str) else task.name
        tasks: Mapping[str, Task] = self.routing.tasks
        if name not in tasks:
            raise UnknownTaskError(name, tasks)
        return tasks[name]

    # --- what one looks at ---------------------------------------------------------------------------------------

    def explain(self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any) -> Ranking:
        """The ranking on which `invoke` with the same arguments would act now. Calls no model.

        In a notebook, and by `rich.print`, it shows itself with what would have to change for another winner.

        Example:
            >>> from langchain_scaffolding.testing import ScriptedChatModel
            >>> router = ScaffoldingRouterLLM(models=[ScriptedChatModel(name="tiny", metadata={"size_gb": 1.5})])
            >>> router.explain("Name three colours.").chosen.parts
            {'size': 3.0, 'capability': 1.0, 'latency': 0.0, 'quantization': 0.0}
        """
        from langchain_scaffolding.insight import counterfactuals

        _, request, _ = self._prepare(input, config, None, kwargs)
        ranking = cast("Ranking", self.routing.rank(request))
        ranking.what_if = partial(counterfactuals, self)
        return ranking

    def health(self) -> list[ModelHealth]:
        """How each model is doing: whether it is left alone after failures and how long, and calls that still hang.

        Example:
            >>> from langchain_scaffolding.testing import ScriptedChatModel, provider_error
            >>> router = ScaffoldingRouterLLM(models=[ScriptedChatModel(provider_error("openai", status=401))])
            >>> router.invoke("Name three colours.").response_metadata["routing"]["source"]
            'rule_based'
            >>> [(model.state, model.error) for model in router.health()]
            [('open', 'auth')]
        """
        return cast("list[ModelHealth]", self.routing.health())

    def attempt_chain(
        self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any
    ) -> AttemptChain:
        """The chain that `invoke` with the same arguments would call now: attempts in order, then the last resort."""
        _, request, _ = self._prepare(input, config, None, kwargs)
        return cast("AttemptChain", self.routing.selector.select(request))

    def record_feedback(
        self, answer: BaseMessage | str | UUID, score: float | str, *, reason: str | None = None
    ) -> bool:
        """Tell how good an answer was; later choices follow.

        Args:
            answer: The message, or the id of its run or decision.
            score: From 0, useless, to 1, just right; or a label such as "good", "bad" or "thumbs up".
            reason: Why, in a word.

        Returns:
            False if no outcome of this id is known yet; the feedback is kept until it comes.

        Raises:
            ConfigurationError: The message was not answered by a router, or the score is none.
        """
        return self.performance.record_feedback(decision_id_of(answer), score, reason=reason)

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {**super()._identifying_params, "policy": self.policy.name}

    # --- from the arguments of a call to a request ------------------------------------------------------------------

    def _prepare(
        self,
        input: LanguageModelInput,
        config: RunnableConfig | None,
        stop: list[str] | None,
        kwargs: dict[str, Any],
    ) -> tuple[str | list[BaseMessage], RouteRequest, dict[str, Any]]:
        prompt: str | list[BaseMessage] = input if isinstance(input, str) else self._convert_input(input).to_messages()
        if not isinstance(prompt, str) and not prompt:
            raise EmptyInputError
        task, pinned, profiles = named(kwargs, config)
        routing: Routing = self.routing
        if profiles or self.profiles is not None:
            routing = routing.under(profiles)
        if task not in routing.tasks:
            raise UnknownTaskError(task, routing.tasks)
        if pinned is not None and pinned not in routing.candidates:
            raise UnknownModelError(pinned, routing.candidates)
        if stop is not None:
            kwargs["stop"] = stop
        if self.call_defaults or routing.profiles:
            kwargs = {**self.call_defaults, **routing.parameters(task), **kwargs}
        tools = structured_output = deterministic = False
        if kwargs:
            kwargs = with_raw_tools(kwargs)
            tools, structured_output, deterministic = wanted_by(kwargs)
        request = RouteRequest.from_messages(
            prompt,
            task=task,
            pinned=pinned,
            arrived=self.clock(),
            profiles=profiles,
            routing=None if routing is self.routing else routing,
            tools=tools,
            structured_output=structured_output,
            deterministic=deterministic,
        )
        return prompt, request, kwargs
