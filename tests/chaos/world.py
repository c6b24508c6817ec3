"""Models that fail in every way there is, routers above them, and a ledger of what was seen from outside."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage

from langchain_scaffolding import RoutingProfile, ScaffoldingConfig, ScaffoldingRouterLLM
from langchain_scaffolding.errors import RoutingError
from langchain_scaffolding.outcomes import ErrorClass
from langchain_scaffolding.performance import PerformanceTracker
from langchain_scaffolding.records import RouteRecord
from langchain_scaffolding.testing import Reply, ScriptedChatModel, provider_error
from langchain_scaffolding.testing.script import Script

LIMIT_MS = 40.0
"""The limit of a whole call in milliseconds; of an attempt it is half."""

TASKS = ("chat", "title", "summary")
SIZES = {"small": 1.0, "plain": 5.0, "threaded": 9.0, "stubborn": 20.0}
"""The models: one like any provider's, one without streaming, one without native async, one deaf to cancellation."""

ENOUGH_S = 30.0
"""Seconds after which a call, a thread or a task is held to have no end."""

_FOREVER = 3600.0


class GraphInterrupt(Exception):
    """Named as LangGraph's, which is looked up by name."""


class Gate:
    """Where hanging calls wait; opening it lets out those that wait, and not those to come."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def open(self) -> None:
        event, self._event = self._event, threading.Event()
        event.set()

    def sleep(self, seconds: float) -> None:
        if seconds < _FOREVER:
            time.sleep(seconds)
        else:
            self._event.wait()

    async def asleep(self, seconds: float) -> None:
        if seconds < _FOREVER:
            await asyncio.sleep(seconds)
            return
        event = self._event
        while not event.is_set():
            await asyncio.sleep(0.002)


class ShiftedClock:
    """Real time that can also be moved on at once; waiting moves it, so that cool-downs and retries cost nothing."""

    def __init__(self) -> None:
        self._ahead = 0.0
        self._lock = threading.Lock()

    def __call__(self) -> float:
        return time.perf_counter() + self._ahead

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self._ahead += seconds

    async def asleep(self, seconds: float) -> None:
        self.sleep(seconds)
        await asyncio.sleep(0)


def _good(_messages: Sequence[BaseMessage], kwargs: Mapping[str, Any]) -> Reply:
    """An answer as it was asked for: text, a tool call, or a schema filled by one."""
    if kwargs.get("tools"):
        return Reply(tool_calls=({"name": kwargs["tools"][0]["function"]["name"], "args": {"title": "Tea"}},))
    return Reply("Tea is made of leaves.")


def _malformed(_messages: Sequence[BaseMessage], kwargs: Mapping[str, Any]) -> Reply:
    name = kwargs["tools"][0]["function"]["name"] if kwargs.get("tools") else "nobody"
    return Reply(tool_calls=({"name": name, "args": '{"title": '},))


FAULTS: dict[str, Any] = {
    "raise": ValueError("down"),
    "bug": TypeError("inside the model"),
    "dropped": ConnectionError("gone"),
    "auth": provider_error("openai", status=401),
    "rate limit": provider_error("anthropic", status=429, retry_after=0.001),
    "overloaded": provider_error("google", status=503),
    "overflow": provider_error("openai", status=400, code="context_length_exceeded"),
    "hang": Reply("too late", delay_s=_FOREVER),
    "stall": Reply("one two three", token_s=_FOREVER),
    "late first token": Reply("one two", empty_first=True, first_token_s=_FOREVER),
    "slow": Reply("slow", delay_s=0.015),
    "empty": Reply(""),
    "blank": Reply(" \n"),
    "cut": Reply("half an ans", finish_reason="length"),
    "refusal": Reply("", finish_reason="content_filter"),
    "breaks at once": Reply("one two", empty_first=True, break_after=1),
    "breaks": Reply("one two three", break_after=2, error=ConnectionError("gone")),
    "thinks aloud": Reply("<think>hm</think>Tea."),
    "thinks on": Reply("<think>hm, I would say"),
    "malformed": _malformed,
    "interrupt": GraphInterrupt(),
}
"""What a model may do instead of answering, by name."""

PASSES = frozenset({"interrupt"})


class World:
    """Models whose behaviour can be changed at any time, and routers of several configurations above them.

    Args:
        behave: What a model does in a call: given its name, the name of a fault or "answer". By default `faults` says.
    """

    def __init__(self, behave: Callable[[str], str] | None = None) -> None:
        self.gate = Gate()
        self.complaints: list[Any] = []
        self.clock = ShiftedClock()
        self.faults: dict[str, str] = {}
        self._behave = behave or (lambda name: self.faults.get(name, "answer"))
        self.tracker = PerformanceTracker()
        self.ledger = Ledger()
        self.models = [self._model(name, size) for name, size in SIZES.items()]
        self.routers = {
            "rules": self._router(max_response_time_ms=LIMIT_MS, attempt_timeout_ms=LIMIT_MS / 2),
            "no rules": self._router(max_response_time_ms=LIMIT_MS, fallback_to_rule_based=False),
            "retries": self._router(max_response_time_ms=LIMIT_MS, attempt_timeout_ms=LIMIT_MS / 2, max_retries=2),
            "first token": self._router(max_response_time_ms=2 * LIMIT_MS, first_token_timeout_ms=LIMIT_MS / 2),
            "hedged": self._router(
                max_response_time_ms=LIMIT_MS, attempt_timeout_ms=LIMIT_MS / 2, hedge_after_ms=2, hedge_budget=1
            ),
            "profile": self._router(
                profile=RoutingProfile(name="careful", deny=("small",)), attempt_timeout_ms=LIMIT_MS / 2
            ),
        }

    def _model(self, name: str, size: float) -> ScriptedChatModel:
        def item(messages: Sequence[BaseMessage], kwargs: Mapping[str, Any]) -> Any:
            behaviour = self._behave(name)
            chosen = _good if behaviour == "answer" else FAULTS[behaviour]
            return chosen(messages, kwargs) if chosen in (_good, _malformed) else chosen

        return ScriptedChatModel(
            script=Script([item], record=False),
            name=name,
            metadata={"size_gb": size},
            sleep=self.gate.sleep,
            asleep=self.gate.asleep,
            streams=name != "plain",
            native_async=name != "threaded",
            ignores_cancellation=name == "stubborn",
        )

    def _router(self, profile: RoutingProfile | None = None, **config: Any) -> ScaffoldingRouterLLM:
        return ScaffoldingRouterLLM(
            models=self.models,
            config=ScaffoldingConfig(**config),
            profile=profile,
            performance=self.tracker,
            observers=[self.ledger],
            clock=self.clock,
        )

    def recover(self) -> None:
        """Every model is well again, nothing hangs any more, and every cool-down and kept choice is over."""
        self.faults.clear()
        self.gate.open()
        self.clock.sleep(2 * 3600.0)

    def runner(self) -> asyncio.Runner:
        """A runner whose loop keeps what asyncio has to complain about, such as an error that nobody looked at."""
        runner = asyncio.Runner()
        runner.get_loop().set_exception_handler(lambda _loop, context: self.complaints.append(context))
        return runner

    def drain(self, runner: asyncio.Runner) -> None:
        """Wait until nothing that was left behind runs any more: no task of the loop, no counted thread.

        Raises:
            AssertionError: Something does not end, or asyncio complained.
        """

        async def all_ended() -> None:
            end = time.monotonic() + ENOUGH_S
            while left := asyncio.all_tasks() - {asyncio.current_task()}:
                assert time.monotonic() < end, left
                self.gate.open()  # again: what is left may not have begun to wait when it was opened last
                await asyncio.sleep(0.005)

        runner.run(all_ended())
        end = time.monotonic() + ENOUGH_S
        while left := [model for router in self.routers.values() for model in router.health() if model.abandoned]:
            assert time.monotonic() < end, left
            self.gate.open()
            time.sleep(0.005)
        assert not self.complaints, self.complaints

    def calm(self, router: str) -> ScaffoldingRouterLLM:
        """A router with the same models, breakers and history and no limit, so that a busy machine fails no model."""
        return self.routers[router].model_copy(update={"config": ScaffoldingConfig()})

    def best(self, task: str, *, denied: Sequence[str] = ()) -> str:
        """The right winner when all are well, by the seed's table: size, capability, measured speed."""

        def points(name: str) -> float:
            size = SIZES[name]
            by_size = 3.0 if size < 2 else 2.0 if size < 7 else 1.0 if size < 15 else 0.0
            seconds = self.tracker.latency_mean_s(task, name)
            return by_size + (0.0 if seconds is None else 2.0 if seconds < 1 else 1.0 if seconds < 2 else 0.0)

        return min(set(SIZES) - set(denied), key=lambda name: (-points(name), SIZES[name], name))

    def check_statistics(self) -> None:
        """What the tracker counted is what the observers were told, attempt by attempt.

        Raises:
            AssertionError: It is not.
        """
        rows = self.tracker.snapshot()
        assert {(row.task, row.model): row.calls for row in rows} == dict(self.ledger.calls)
        assert {(row.task, row.model): row.errors for row in rows if row.errors} == dict(self.ledger.errors)
        assert {(row.task, row.model): row.measured for row in rows if row.measured} == dict(self.ledger.measured)
        for model in self.models:
            reached = self.ledger.reached[model.name]
            assert reached <= model.calls <= reached + self.ledger.cut_short[model.name], model.name


class Ledger:
    """Counts what the observers of routers are told."""

    def __init__(self) -> None:
        self.calls: Counter[tuple[str, str]] = Counter()
        self.errors: Counter[tuple[str, str]] = Counter()
        self.measured: Counter[tuple[str, str]] = Counter()
        self.reached: Counter[str] = Counter()
        # an attempt that was left may have been left before it reached its model, and may reach it afterwards
        self.cut_short: Counter[str] = Counter()
        self.records = 0
        self._lock = threading.Lock()

    def __call__(self, record: RouteRecord) -> None:
        with self._lock:
            self.records += 1
            for outcome in record.outcomes:
                if outcome.model not in SIZES:
                    continue  # the last resort is no model: nothing is learned of it
                pair = (outcome.task, outcome.model)
                self.calls[pair] += 1
                if outcome.error is not None:
                    self.errors[pair] += 1
                elif outcome.measured:
                    self.measured[pair] += 1
                if outcome.error is ErrorClass.TIMEOUT or (outcome.error is None and not outcome.measured):
                    self.cut_short[outcome.model] += 1
                elif outcome.total_s is not None:
                    self.reached[outcome.model] += 1


TEXT = "Tea is made of leaves. First the water is boiled. Then it is poured over the leaves. It steeps for minutes."
PATHS = ("invoke", "ainvoke", "stream", "astream")
KINDS = ("text", "tools", "structured", "pinned")

_TITLE = {
    "title": "Title",
    "type": "object",
    "description": "A title.",
    "properties": {"title": {"type": "string"}},
    "required": ["title"],
}
_TOOL = {"type": "function", "function": {"name": "note", "description": "Notes.", "parameters": _TITLE}}


def runnable(router: BaseChatModel, kind: str, pin: str) -> tuple[Any, dict[str, Any]]:
    """What to call for a kind of call, and with which arguments."""
    if kind == "tools":
        return router.bind_tools([_TOOL]), {}
    if kind == "structured":
        return router.with_structured_output(_TITLE), {}
    return router, {"model": pin} if kind == "pinned" else {}


def make_call(target: Any, path: str, arguments: dict[str, Any], stop_after: int | None = None) -> Any:
    """A synchronous call: its answer, or the documented error it ended in.

    Args:
        target: What to call.
        path: "invoke" or "stream".
        arguments: Keyword arguments of the call.
        stop_after: Chunks after which the reader of a stream stops.
    """
    try:
        if path == "invoke":
            return target.invoke(TEXT, **arguments)
        stream = target.stream(TEXT, **arguments)
        parts = list(itertools.islice(stream, stop_after))
        if stop_after is not None and hasattr(stream, "close"):
            stream.close()
    except (RoutingError, GraphInterrupt) as error:
        return error
    return parts


async def amake_call(target: Any, path: str, arguments: dict[str, Any], stop_after: int | None = None) -> Any:
    """An asynchronous call, as `make_call`."""
    try:
        if path == "ainvoke":
            return await target.ainvoke(TEXT, **arguments)
        stream = target.astream(TEXT, **arguments)
        parts: list[Any] = []
        async for part in stream:
            parts.append(part)
            if len(parts) == stop_after:
                break
        await stream.aclose()
        for _ in range(20 if stop_after is not None else 0):
            await asyncio.sleep(0)  # what LangChain puts around a router closes it only when it is collected
    except (RoutingError, GraphInterrupt) as error:
        return error
    return parts


def check_end(end: Any, *, router: str, kind: str) -> None:
    """A call has ended as it may: in an answer of the kind asked for, or in a documented error.

    Raises:
        AssertionError: It has not.
    """
    if isinstance(end, GraphInterrupt):
        return
    if isinstance(end, RoutingError):
        has_rules = router != "no rules" and kind != "structured"
        broken = type(end).__name__ == "StreamBrokenError"
        assert broken or not has_rules, f"{router} may not fail: {end!r}"
        return
    if kind == "structured":
        answer = end[-1] if isinstance(end, list) else end
        assert answer == {"title": "Tea"}
        return
    if isinstance(end, list):
        assert end, "a stream that ends well has a chunk"
        return
    assert isinstance(end, AIMessage)
    assert end.content or end.tool_calls or end.invalid_tool_calls
    routing = end.response_metadata["routing"]
    if routing["source"] == "llm":
        assert routing["attempts"][-1]["model"] == routing["model"]


def winner(message: Any) -> str:
    """Who answered at the first attempt.

    Raises:
        AssertionError: There were more.
    """
    routing = message.response_metadata["routing"]
    assert [attempt["error"] for attempt in routing["attempts"]] == [None], routing
    return str(routing["model"])
