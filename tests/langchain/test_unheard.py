"""A call that nobody listens to asks its model more directly, and is in all else what it is where somebody listens."""

from __future__ import annotations

import asyncio
import gc
import re
import weakref
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import nullcontext
from contextvars import ContextVar
from dataclasses import asdict
from typing import Any, ClassVar
from unittest.mock import MagicMock

import pytest
from langchain_core.caches import BaseCache, InMemoryCache
from langchain_core.callbacks import get_usage_metadata_callback
from langchain_core.globals import set_debug, set_llm_cache
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.rate_limiters import BaseRateLimiter
from langsmith import Client, tracing_context
from langsmith.utils import get_env_var
from pydantic import Field

from langchain_scaffolding import ScaffoldingConfig
from langchain_scaffolding.outcomes import Outcome
from langchain_scaffolding.records import RouteRecord
from langchain_scaffolding.testing import FakeClock, RecordingHandler, Reply, ScriptedChatModel, provider_error
from tests.langchain.models import ANSWER_TOKENS, PROMPT_TOKENS, TEXT, large, router_of, small
from tests.paths import call, routing

WAYS = ("invoke", "ainvoke")
ROUTER = "ScaffoldingRouterLLM"


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[BaseChatModel]:
    """The models whose runs LangChain opens: it asks each what tracers are to be told of it."""
    models: list[BaseChatModel] = []
    langchains = BaseChatModel._get_ls_params_with_defaults

    def asked(self: BaseChatModel, **kwargs: Any) -> Any:
        models.append(self)
        return langchains(self, **kwargs)

    monkeypatch.setattr(BaseChatModel, "_get_ls_params_with_defaults", asked)
    return models


class Told(BaseChatModel):
    """A model without async of its own that does what it is told."""

    work: Callable[[list[BaseMessage], Any], Any] = Field(exclude=True)
    metadata: dict[str, Any] | None = Field(default_factory=lambda: {"name": "told", "size_gb": 1.0})

    @property
    def _llm_type(self) -> str:
        return "told"

    def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **_: Any) -> ChatResult:
        result: ChatResult = self.work(messages, run_manager)
        return result


class AsyncTold(Told):
    """One that has."""

    async def _agenerate(self, messages: Any, stop: Any = None, run_manager: Any = None, **_: Any) -> ChatResult:
        result: ChatResult = await self.work(messages, run_manager)
        return result


def result_of(*texts: str, **facts: Any) -> ChatResult:
    return ChatResult(generations=[ChatGeneration(message=AIMessage(text)) for text in texts], **facts)


def heard() -> dict[str, Any]:
    return {"callbacks": [RecordingHandler()]}


# --- answers ----------------------------------------------------------------------------------------------------------

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
PASSING = ("decision_id", "run_id", "at")


def told_of(models: Sequence[Any], way: str, config: Any = None, /, **options: Any) -> tuple[AIMessage, list[Outcome]]:
    """What a router over these models answers, and what it records."""
    records: list[RouteRecord] = []
    answer = call(router_of(*models, observers=[records.append], **options), way, "Say something.", config)
    return answer, list(records[0].outcomes)


def lasting(answer: AIMessage, outcomes: list[Outcome]) -> tuple[Any, ...]:
    """All of it but what is new in each call."""
    facts = {name: value for name, value in routing(answer).items() if name not in PASSING}
    fields = {**answer.model_dump(), "id": UUID.sub("<uuid>", answer.id or "")}
    metadata = {**answer.response_metadata, "routing": facts}
    recorded = [{k: v for k, v in asdict(each).items() if k not in PASSING} for each in outcomes]
    return {**fields, "response_metadata": metadata}, recorded


BLOCKS: list[Any] = [{"type": "text", "text": TEXT}]
ANSWERED: dict[str, Callable[[], BaseChatModel]] = {
    "usage": small,
    "tool calls": lambda: small(Reply(tool_calls=[{"name": "add", "args": {"a": 1}, "id": "1"}])),
    "broken tool calls": lambda: small(Reply(TEXT, tool_calls=[{"name": "add", "args": "{", "id": "1"}])),
    "reasoning": lambda: small(Reply(TEXT, reasoning="Well ...")),
    "metadata": lambda: small(Reply(TEXT, response_metadata={"system_fingerprint": "fp"})),
    "blocks": lambda: small(Reply(BLOCKS)),
    "an id of its own": lambda: small(AIMessage(TEXT, id="mine", additional_kwargs={"x": 1})),
    "output version 1": lambda: small(output_version="v1"),
    "a stream": lambda: small(streaming=True),
    "a stream in output version 1": lambda: small(streaming=True, output_version="v1"),
    "no async": lambda: small(native_async=False, streams=False),
    "provider's facts": lambda: Told(work=lambda *_: result_of(TEXT, llm_output={"model_version": "7"})),
    "several": lambda: Told(work=lambda *_: result_of(TEXT, "another", llm_output={"model_version": "7"})),
}


@pytest.mark.parametrize("limit_ms", [None, 60_000])
@pytest.mark.parametrize("make", ANSWERED.values(), ids=ANSWERED)
@pytest.mark.parametrize("way", WAYS)
def test_the_answer_is_the_same_where_somebody_listens(
    way: str, make: Callable[[], BaseChatModel], limit_ms: int | None, opened: list[BaseChatModel]
) -> None:
    options = {"config": ScaffoldingConfig(max_response_time_ms=limit_ms), "clock": FakeClock()}
    unheard = told_of([make()], way, **options)
    assert opened == []
    assert lasting(*unheard) == lasting(*told_of([make()], way, heard(), **options))
    assert len(opened) == 1
    assert unheard[0].text == ("" if unheard[0].tool_calls else TEXT)


@pytest.mark.parametrize("config", [None, heard()], ids=["unheard", "heard"])
@pytest.mark.parametrize("way", WAYS)
def test_the_model_is_given_the_arguments_of_the_call(way: str, config: Any, opened: list[BaseChatModel]) -> None:
    model = small()
    arguments = {"stop": ["four"], "temperature": 0.0, "user": "me"}
    answer = call(router_of(model).bind(**arguments), way, "Count.", config)
    assert (answer.text, len(opened)) == (TEXT, 0 if config is None else 1)
    assert [asked.kwargs for asked in model.history] == [arguments]


@pytest.mark.parametrize("way", WAYS)
def test_a_scaffold_that_nobody_hears_takes_the_short_way(way: str, opened: list[BaseChatModel]) -> None:
    model = small("Tea in three steps")
    title = router_of(model).scaffold("title")
    text = "Boil the water first. Then add the leaves and wait for three minutes. At last pour the tea."
    found = title.invoke(text) if way == "invoke" else asyncio.run(title.ainvoke(text))
    assert (routing(found)["model"], len(model.history), opened) == ("small", 1, [])


@pytest.mark.parametrize("way", WAYS)
def test_the_answer_has_the_id_of_the_run_that_was_measured(way: str, opened: list[BaseChatModel]) -> None:
    answer, (outcome,) = told_of([small()], way)
    assert UUID.fullmatch(outcome.run_id or "")
    assert (answer.id, opened) == (f"lc_run--{outcome.run_id}-0", [])


@pytest.mark.parametrize("config", [None, heard()], ids=["unheard", "heard"])
@pytest.mark.parametrize("way", WAYS)
def test_what_a_model_does_to_its_list_of_messages_stays_there(way: str, config: Any) -> None:
    def spoil(messages: list[BaseMessage], _kwargs: Any) -> str:
        messages.clear()
        return ""

    other, messages = large(), [HumanMessage("hi")]
    assert call(router_of(small(spoil), other), way, messages, config).content == "from large"
    assert messages == [HumanMessage("hi")]
    assert other.history[0].messages == (HumanMessage("hi"),)


@pytest.mark.parametrize("way", WAYS)
def test_blocks_of_old_kinds_are_translated_as_langchain_does(way: str, opened: list[BaseChatModel]) -> None:
    old = {"type": "file", "source_type": "base64", "mime_type": "application/pdf", "data": "AAAA"}
    model = small()
    call(router_of(model), way, [HumanMessage([{"type": "text", "text": "Read this."}, old])])
    (message,) = model.history[0].messages
    assert message.content[1] == {"type": "file", "mime_type": "application/pdf", "base64": "AAAA"}
    assert len(opened) == 1


# --- the cache, the rate limiter, the first token ---------------------------------------------------------------------


@pytest.fixture(params=["global", "of the model"])
def cache(request: pytest.FixtureRequest) -> Iterator[BaseCache | None]:
    """What a model's `cache` is set to, so that there is one."""
    if request.param == "of the model":
        yield InMemoryCache()
        return
    set_llm_cache(InMemoryCache())
    yield None
    set_llm_cache(None)


class Counting(BaseRateLimiter):
    """A rate limiter that lets everybody through."""

    def __init__(self) -> None:
        self.waits: list[str] = []

    def acquire(self, *, blocking: bool = True) -> bool:
        assert blocking
        self.waits.append("invoke")
        return True

    async def aacquire(self, *, blocking: bool = True) -> bool:
        assert blocking
        self.waits.append("ainvoke")
        return True


@pytest.mark.parametrize("way", WAYS)
def test_an_answer_of_the_models_cache_is_none_of_the_model(
    way: str, cache: BaseCache | None, opened: list[BaseChatModel]
) -> None:
    limiter = Counting()
    model = small(cache=cache, rate_limiter=limiter)
    answers = [told_of([model], way) for _ in range(2)]
    assert [answer.content for answer, _ in answers] == [TEXT, TEXT]
    assert [outcome.measured for _, (outcome,) in answers] == [True, False]
    assert (model.calls, limiter.waits, opened) == (1, [way], [])
    router = router_of(model)
    call(router, way)
    assert [row.measured for row in router.performance.snapshot()] == [0]


@pytest.mark.parametrize("way", WAYS)
def test_without_a_cache_the_rate_limiter_is_waited_for_once_in_each_call(
    way: str, opened: list[BaseChatModel]
) -> None:
    limiter = Counting()
    router = router_of(small(rate_limiter=limiter))
    for _ in range(2):
        call(router, way)
    assert (limiter.waits, opened) == ([way, way], [])


@pytest.mark.parametrize("way", WAYS)
def test_a_model_that_streams_by_itself_has_its_first_token_measured(way: str, opened: list[BaseChatModel]) -> None:
    clock = FakeClock()
    model = small(Reply(TEXT, first_token_s=0.5, token_s=0.25), clock=clock, streaming=True)
    _, (outcome,) = told_of([model], way, clock=clock)
    assert (outcome.first_token_s, outcome.total_s, opened) == (0.5, 1.0, [])


@pytest.mark.parametrize(("way", "cls"), [("invoke", Told), ("ainvoke", Told), ("ainvoke", AsyncTold)])
def test_a_model_that_tells_of_its_tokens_has_the_first_measured(
    way: str, cls: type[Told], opened: list[BaseChatModel]
) -> None:
    clock = FakeClock()

    def speak(_messages: Any, run: Any) -> ChatResult:
        for token in ("one", " two", " three"):
            clock.sleep(0.5)
            run.on_llm_new_token(token)
        return result_of(TEXT)

    async def aspeak(_messages: Any, run: Any) -> ChatResult:
        for token in ("one", " two", " three"):
            clock.sleep(0.5)
            await run.on_llm_new_token(token)
        return result_of(TEXT)

    _, (outcome,) = told_of([cls(work=aspeak if cls is AsyncTold else speak)], way, clock=clock)
    assert (outcome.first_token_s, outcome.total_s, opened) == (0.5, 1.5, [])


# --- failures ---------------------------------------------------------------------------------------------------------

LATE = Reply(delay_s=0.5, break_after=0, error=ConnectionError("gone"))
FAILED: dict[str, tuple[Callable[[FakeClock], BaseChatModel], str]] = {
    "late": (lambda clock: small(LATE, clock=clock), "connection"),
    "limited": (lambda _: small(provider_error("openai", status=429, retry_after=7)), "rate_limit"),
    "broken": (lambda _: small(ValueError("x")), "unknown"),
    "broken stream": (lambda clock: small(Reply(TEXT, break_after=1), clock=clock, streaming=True), "connection"),
    "empty": (lambda _: small(Reply("")), "empty"),
    "nothing": (lambda _: Told(work=lambda *_: ChatResult(generations=[])), "unknown"),
    "no async": (lambda _: Told(work=lambda *_: 1 / 0), "unknown"),
}


@pytest.mark.parametrize(("make", "error"), FAILED.values(), ids=FAILED)
@pytest.mark.parametrize("way", WAYS)
def test_a_failure_is_the_same_where_somebody_listens(
    way: str, make: Callable[[FakeClock], BaseChatModel], error: str, opened: list[BaseChatModel]
) -> None:
    def failed(config: Any = None) -> tuple[AIMessage, list[Outcome]]:
        clock = FakeClock()
        return told_of([make(clock), large()], way, config, clock=clock)

    answer, outcomes = failed()
    assert opened == []
    assert [each.error for each in outcomes] == [error, None]
    assert outcomes[0].total_s == (0.5 if make is FAILED["late"][0] else 0.0)
    assert answer.content == "from large"
    assert lasting(answer, outcomes) == lasting(*failed(heard()))
    assert len(opened) == 2


class Lost(Exception):
    """An error that shows whether it is still there."""

    there: ClassVar[weakref.WeakSet[Lost]] = weakref.WeakSet()

    def __init__(self) -> None:
        self.there.add(self)


@pytest.mark.parametrize("way", WAYS)
def test_a_failure_is_gone_with_its_call(way: str, opened: list[BaseChatModel]) -> None:
    """Its traceback would keep the call's messages until the next full garbage collection."""
    router = router_of(small(Lost), large())
    gc.disable()
    try:
        assert routing(call(router, way))["model"] == "large"
        assert (len(Lost.there), opened) == (0, [])
    finally:
        gc.enable()


class Interrupt(KeyboardInterrupt):
    """An interrupt of our own, which pytest does not mistake for the user's."""


@pytest.mark.parametrize("way", WAYS)
def test_an_interrupt_ends_the_call(way: str, opened: list[BaseChatModel]) -> None:
    records: list[RouteRecord] = []
    other = large()
    with pytest.raises(Interrupt):
        call(router_of(small(Interrupt()), other, observers=[records.append]), way)
    (record,) = records
    assert [(each.model, each.detail) for each in record.outcomes] == [("small", "left before its end")]
    assert (other.calls, opened) == (0, [])


# --- cancelling -------------------------------------------------------------------------------------------------------


async def gives_in() -> ChatResult:
    await asyncio.Event().wait()
    raise AssertionError


async def answers_all_the_same() -> ChatResult:
    try:
        return await gives_in()
    except asyncio.CancelledError:
        return result_of(TEXT)


async def fails_at_it() -> ChatResult:
    try:
        return await gives_in()
    except asyncio.CancelledError:
        raise ConnectionError("lost") from None


async def is_cancelled(work: Awaitable[Any], started: asyncio.Event) -> None:
    task = asyncio.ensure_future(work)
    await started.wait()
    task.cancel()
    await task


async def times_out(work: Awaitable[Any], started: asyncio.Event) -> None:
    async with asyncio.timeout(None) as limit:

        async def expire() -> None:
            await started.wait()
            limit.reschedule(asyncio.get_running_loop().time())

        expiring = asyncio.create_task(expire())
        await work
    await expiring


async def is_not_waited_for(work: Awaitable[Any], _started: asyncio.Event) -> None:
    await asyncio.wait_for(work, 0.01)


async def has_a_sibling_that_fails(work: Awaitable[Any], started: asyncio.Event) -> None:
    async def fail() -> None:
        await started.wait()
        raise Lost

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(work)  # type: ignore[arg-type]
            group.create_task(fail())
    except* Lost:
        raise asyncio.CancelledError from None


@pytest.mark.parametrize("config", [None, heard()], ids=["unheard", "heard"])
@pytest.mark.parametrize("model", [gives_in, answers_all_the_same, fails_at_it])
@pytest.mark.parametrize("end", [is_cancelled, times_out, is_not_waited_for, has_a_sibling_that_fails])
async def test_a_call_that_is_cancelled_ends_so_whatever_its_model_makes_of_it(
    end: Callable[..., Awaitable[None]], model: Callable[[], Awaitable[ChatResult]], config: Any
) -> None:
    started, other = asyncio.Event(), large()

    async def work(*_: Any) -> ChatResult:
        started.set()
        return await model()

    with pytest.raises((asyncio.CancelledError, TimeoutError)):
        await end(router_of(AsyncTold(work=work), other).ainvoke("hi", config), started)
    assert other.calls == 0


async def raises_it() -> ChatResult:
    raise asyncio.CancelledError


async def times_itself_out() -> ChatResult:
    async with asyncio.timeout(0):
        return await gives_in()


async def cancels_its_task() -> ChatResult:
    """As HTTP clients do that are older than `asyncio.timeout`: they do not take it back."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().call_soon(task.cancel)
    try:
        return await gives_in()
    except asyncio.CancelledError:
        raise TimeoutError from None


@pytest.mark.parametrize("config", [None, heard()], ids=["unheard", "heard"])
@pytest.mark.parametrize("model", [raises_it, times_itself_out, cancels_its_task])
async def test_a_model_that_cancels_itself_has_failed(
    model: Callable[[], Awaitable[ChatResult]], config: Any, opened: list[BaseChatModel]
) -> None:
    async def work(*_: Any) -> ChatResult:
        return await model()

    answer = await router_of(AsyncTold(work=work), large()).ainvoke("hi", config)
    assert routing(answer)["model"] == "large"
    assert len(opened) == (2 if config else 0)
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


@pytest.mark.parametrize("config", [None, heard()], ids=["unheard", "heard"])
async def test_context_variables_that_a_model_sets_stay_its_own(config: Any) -> None:
    variable: ContextVar[str] = ContextVar("variable", default="nobody's")
    seen: list[str] = []

    async def work(*_: Any) -> ChatResult:
        variable.set("the first one's")
        raise ConnectionError

    async def look(*_: Any) -> ChatResult:
        seen.append(variable.get())
        return result_of(TEXT)

    first, second = AsyncTold(work=work), AsyncTold(work=look, metadata={"name": "second", "size_gb": 9.0})
    variable.set("the caller's")
    assert (await router_of(first, second).ainvoke("hi", config)).content == TEXT
    assert [*seen, variable.get()] == ["the caller's", "the caller's"]


# --- who is heard -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
def test_a_handler_of_the_model_hears_its_run_once(way: str) -> None:
    seen = RecordingHandler()
    call(router_of(small(callbacks=[seen])), way)
    assert seen.tree() == (("small", ()),)
    assert [event.kind for event in seen.events] == ["chat_model_start", "llm_end"]


@pytest.mark.parametrize("way", WAYS)
def test_a_model_that_is_verbose_is_called_by_langchain(way: str, opened: list[BaseChatModel]) -> None:
    call(router_of(small(verbose=True)), way)
    assert len(opened) == 1


@pytest.mark.parametrize("way", WAYS)
def test_debugging_prints_each_run_once(way: str, capsys: pytest.CaptureFixture[str]) -> None:
    router = router_of(small())
    call(router, way)
    assert capsys.readouterr().out == ""
    set_debug(True)
    try:
        call(router, way)
    finally:
        set_debug(False)
    printed = capsys.readouterr().out
    assert [printed.count(f"[{event}]") for event in ("chain/start", "llm/start", "llm/end", "chain/end")] == [1] * 4


@pytest.mark.parametrize("is_by_environment", [False, True])
@pytest.mark.parametrize("way", WAYS)
def test_langsmith_is_told_of_each_run_once(way: str, is_by_environment: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    client = MagicMock(spec=Client)
    router = router_of(small())
    call(router, way)
    if is_by_environment:
        monkeypatch.setenv("LANGSMITH_TRACING", "true")
    get_env_var.cache_clear()
    try:
        with tracing_context(enabled=None if is_by_environment else True, client=client):
            call(router, way)
    finally:
        monkeypatch.undo()
        get_env_var.cache_clear()
    runs = [made.kwargs for made in client.create_run.call_args_list]
    assert [(run["name"], run["run_type"]) for run in runs] == [(ROUTER, "chain"), ("small", "llm")]
    assert runs[1]["parent_run_id"] == runs[0]["id"]
    assert client.update_run.call_count == 2


@pytest.mark.parametrize("way", WAYS)
def test_tokens_are_counted_once_and_only_where_somebody_counts(way: str, opened: list[BaseChatModel]) -> None:
    router = router_of(small())
    for is_counted in (False, True, False):
        opened.clear()
        with get_usage_metadata_callback() if is_counted else nullcontext() as usage:
            call(router, way)
        assert len(opened) == (1 if is_counted else 0)
        if usage is not None:
            (counted,) = usage.usage_metadata.values()
            assert (counted["input_tokens"], counted["output_tokens"]) == (PROMPT_TOKENS, ANSWER_TOKENS)


OVERRIDES = ("invoke", "generate_prompt", "generate", "_generate_with_cache")


@pytest.mark.parametrize("config", [None, heard()], ids=["unheard", "heard"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("override", OVERRIDES)
def test_a_model_is_called_by_its_own_ways(override: str, way: str, config: Any) -> None:
    calls: list[str] = []
    name = override if way == "invoke" else f"a{override}".replace("a_", "_a")
    langchains = getattr(ScriptedChatModel, name)

    def own(self: Any, *args: Any, **kwargs: Any) -> Any:
        calls.append(name)
        return langchains(self, *args, **kwargs)

    model = type("Peculiar", (ScriptedChatModel,), {name: own})(TEXT, name="peculiar")
    assert call(router_of(model), way, "hi", config).content == TEXT
    assert calls == [name]
