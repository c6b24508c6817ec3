"""Random routers with a past, and random calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st
from langchain_core.messages import HumanMessage

from langchain_scaffolding import RoutingProfile, ScaffoldingConfig, ScaffoldingRouterLLM
from langchain_scaffolding.candidates import Candidate
from langchain_scaffolding.filters import cacheable
from langchain_scaffolding.outcomes import ErrorClass, Outcome
from langchain_scaffolding.performance import PerformanceTracker
from langchain_scaffolding.performance.breaker import CircuitBreakers
from langchain_scaffolding.request import RouteRequest
from langchain_scaffolding.scorers import default_scorers
from langchain_scaffolding.testing import FakeClock, Reply, ScriptedChatModel

TASKS = ("chat", "title", "summary")
NAMES = ("a", "b", "c", "d")
IMAGE = {"type": "image", "base64": "aGk=", "mime_type": "image/png"}


def look_up(word: str) -> str:
    """Look a word up."""
    return word


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A call: its text in tokens, and its arguments."""

    tokens: int = 10
    task: str = "title"
    image: bool = False
    tools: bool = False
    pinned: str | None = None
    profile: str | None = None

    @property
    def input(self) -> Any:
        """What is asked; an image counts for 600 tokens beside those of the text."""
        if not self.image:
            return text(self.tokens)
        return [HumanMessage([{"type": "text", "text": text(self.tokens)}, IMAGE])]

    @property
    def arguments(self) -> dict[str, Any]:
        given = {"task": self.task, "model": self.pinned, "routing_profile": self.profile}
        return {name: value for name, value in given.items() if value is not None}

    def on(self, router: ScaffoldingRouterLLM) -> Any:
        return router.bind_tools([look_up]) if self.tools else router

    def explained_by(self, router: ScaffoldingRouterLLM) -> Any:
        more = self.on(router).kwargs if self.tools else {}  # type: ignore[union-attr]
        return router.explain(self.input, **self.arguments, **more)

    def answered_by(self, router: ScaffoldingRouterLLM) -> dict[str, Any]:
        answer = self.on(router).invoke(self.input, **self.arguments)
        facts: dict[str, Any] = answer.response_metadata["routing"]
        return facts


def text(tokens: int) -> str:
    """A text of as many tokens, by the estimate that filters use."""
    return "tea " * max(tokens - 4, 1)


def answering(name: str, *script: Any, **tags: Any) -> ScriptedChatModel:
    return ScriptedChatModel(*(script or (f"An answer of {name}",)), name=name, metadata=tags)


def past(tracker: PerformanceTracker, task: str, model: str, seconds: float, calls: int = 3) -> None:
    """Let a model have taken as long at a task."""
    for number in range(calls):
        decision = f"{task}-{model}-{seconds}-{number}"
        tracker.record(Outcome(task=task, model=model, decision_id=decision, total_s=seconds, measured=True, at=1000.0))


_TAGS = st.fixed_dictionaries(
    {},
    optional={
        "size_gb": st.sampled_from([0.5, 1.5, 1.5, 6, 14, 40]),
        "quantization": st.sampled_from(["Q4_K_M", "F16"]),
        "context_length": st.sampled_from([64, 256, 1024]),
        "capabilities": st.lists(
            st.sampled_from(["CHAT", "REASONING", "CODE", "TOOLS", "VISION", "IMAGE"]), min_size=1, unique=True
        ),
        "local": st.booleans(),
    },
)
_PROFILES = st.none() | st.builds(
    RoutingProfile,
    name=st.just("own"),
    local_only=st.booleans(),
    max_size_gb=st.none() | st.just(10.0),
    deny=st.sampled_from([(), ("a",)]),
)
_CONFIGS = st.builds(
    ScaffoldingConfig,
    preferred_model_size=st.sampled_from(["small", "medium", "large"]),
    preferred_capabilities=st.sampled_from([["CHAT", "REASONING"], ["CODE"], ["CHAT"], []]),
    max_context_length=st.none() | st.just(500),
)


@cacheable
def nuance(request: RouteRequest, candidate: Candidate, tracker: PerformanceTracker) -> float:
    """Small differences that change with every call, so that often the choice made before prevails."""
    mean = tracker.latency_mean_s(request.task, candidate.name)
    return 0.2 if mean is None else 0.4 * mean / (1.0 + mean)


@st.composite
def routers(draw: st.DrawFn, *, policies: tuple[str, ...] = ("greedy", "adaptive")) -> ScaffoldingRouterLLM:
    """A router over one to four models, some of which fail now and then, with a past of some of them."""
    clock = FakeClock(1000.0)
    failures = [Reply("fine"), ConnectionError("down"), TimeoutError("late"), Reply("")]
    tags = draw(_TAGS if draw(st.booleans()) else st.just({"size_gb": 1.5}))
    alike = draw(st.booleans())  # then what was learned decides
    models = [
        answering(
            name,
            *draw(st.lists(st.sampled_from(failures), max_size=3)),
            "fine",
            **(tags if alike else draw(_TAGS)),
        )
        for name in NAMES[: draw(st.sampled_from([1, 2, 2, 3, 4]))]
    ]
    tracker = PerformanceTracker(clock=clock)
    for each in models:
        seconds = draw(st.sampled_from([None, 0.4, 1.4, 2.4]))
        for task in TASKS if seconds is not None else ():
            past(tracker, task, each.name, seconds, calls=1)
    breakers = CircuitBreakers(clock=clock)
    if draw(st.booleans()):
        breakers.record(Outcome(task="chat", model="a", decision_id="d", error=ErrorClass.RATE_LIMIT))
    config = draw(_CONFIGS)
    router = ScaffoldingRouterLLM(
        models=models,
        config=config,
        scorers=[*default_scorers(config)[: draw(st.integers(1, 4))], nuance]
        if draw(st.sampled_from([True, True, False]))
        else None,
        profile=draw(_PROFILES),
        profiles=[RoutingProfile(name="near", local_only=True)],
        policy=draw(st.sampled_from(policies)),
        performance=tracker,
        clock=clock,
    )
    router.breakers = breakers
    return router


def calls(router: ScaffoldingRouterLLM) -> st.SearchStrategy[Asked]:
    """A call to it."""
    return st.builds(
        Asked,
        tokens=st.sampled_from([10, 64, 65, 300, 501, 2000]),
        task=st.sampled_from((*TASKS, "title")),
        image=st.sampled_from([False, False, True]),
        tools=st.sampled_from([False, False, True]),
        pinned=st.none() | st.none() | st.sampled_from([each.name for each in router.models]),
        profile=st.none() | st.none() | st.just("near"),
    )
