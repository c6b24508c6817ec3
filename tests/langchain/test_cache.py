"""Kept answers (S13): honoured on every path, keyed by all that changes an answer, and never of the rules."""

from __future__ import annotations

import asyncio
import copy
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import get_usage_metadata_callback
from langchain_core.globals import set_llm_cache
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, SystemMessage, ToolMessage
from langchain_core.rate_limiters import InMemoryRateLimiter
from langchain_core.runnables import ConfigurableField
from pydantic import BaseModel

from langchain_scaffolding import Candidate, RoutingProfile, ScaffoldingConfig, ScaffoldingRouterLLM
from langchain_scaffolding.errors import ConfigurationError, StreamBrokenError
from langchain_scaffolding.results import LocalCache
from langchain_scaffolding.testing import RecordingHandler, Reply, ScriptedChatModel, obedient, structured_reply
from tests.langchain.models import TEXT, add, down, get_weather, large, router_of, small
from tests.paths import PATHS, STREAMS, call, chunks, routing

KINDS = ("in memory", "LangChain's own", "SQLite")


# what langchain-community's own cache warns of, on import and on each look-up
pytestmark = pytest.mark.filterwarnings(
    "ignore:`langchain-community` is being sunset:DeprecationWarning",
    "ignore:The function `loads` is in beta",
    "ignore:The default value of `allowed_objects` will change",
)


@pytest.fixture
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """What `cache=` is given, by kind; the one of SQLite never closes its engine itself."""
    if request.param != "SQLite":
        yield True if request.param == "in memory" else InMemoryCache()
        return
    from langchain_community.cache import SQLiteCache

    cache = SQLiteCache(str(tmp_path / "kept.db"))
    yield cache
    cache.engine.dispose()


def counting() -> ScriptedChatModel:
    """A model that says how often it was called."""
    model = small(lambda _messages, _kwargs: f"answer {model.calls}")
    return model


@pytest.mark.parametrize("second", PATHS)
@pytest.mark.parametrize("first", PATHS)
def test_S13_an_answer_given_on_one_path_is_served_on_every_other(first: str, second: str) -> None:
    model = counting()
    router = router_of(model, cache=True)
    given, served = call(router, first), call(router, second)
    assert (given.content, served.content, model.calls) == ("answer 1", "answer 1", 1)
    assert "cached" not in routing(given)
    assert routing(served)["cached"] is True
    assert routing(served)["model"] == "small"
    assert call(router, second, "Something else.").content == "answer 2"


@pytest.mark.parametrize("store", KINDS, indirect=True)
@pytest.mark.parametrize("path", PATHS)
def test_S13_any_cache_of_langchain_keeps_answers(path: str, store: Any) -> None:
    model = counting()
    one, two = router_of(model, cache=store), router_of(model, cache=store)
    assert call(one, path).content == "answer 1"
    assert routing(call(one, path))["cached"] is True
    assert ("cached" in routing(call(two, path))) is (store is not True)


@pytest.mark.parametrize("path", PATHS)
def test_S13_nothing_is_kept_unless_asked_for(path: str) -> None:
    model = counting()
    router = router_of(model)
    assert [call(router, path).content for _ in range(2)] == ["answer 1", "answer 2"]


# --- keys -------------------------------------------------------------------------------------------------------------

ASKED = [HumanMessage("What is it?")]
TOOL_CALL = {"name": "add", "args": {"a": 1, "b": 2}, "id": "1", "type": "tool_call"}
CALLED = [*ASKED, AIMessage("", tool_calls=[TOOL_CALL])]


def never(_request: Any, _candidate: Candidate) -> str | None:
    return None


def liked(_request: Any, _candidate: Candidate, _tracker: Any) -> float:
    return 1.0


class Alphabetical:
    name = "alphabetical"
    cacheable = True

    def order(self, ranking: Any) -> list[str]:
        return sorted(ranking.names)

    def update(self, outcome: Any) -> None:
        """It learns nothing."""


IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
CHANGES: dict[str, Callable[[ScaffoldingRouterLLM], Any]] = {
    "the question": lambda router: router.invoke("What was it?"),
    "a system prompt": lambda router: router.invoke([SystemMessage("Be short."), *ASKED]),
    "another system prompt": lambda router: router.invoke([SystemMessage("Be long."), *ASKED]),
    "a turn": lambda router: router.invoke([*ASKED, AIMessage("This."), *ASKED]),
    "an author": lambda router: router.invoke([HumanMessage("What is it?", name="Ann")]),
    "an image": lambda router: router.invoke([HumanMessage(["What is it?", IMAGE])]),
    "tools": lambda router: router.bind_tools([add]).invoke(ASKED),
    "other tools": lambda router: router.bind_tools([get_weather]).invoke(ASKED),
    "a tool choice": lambda router: router.bind_tools([add], tool_choice="any").invoke(ASKED),
    "a tool result": lambda router: router.bind_tools([add]).invoke([*CALLED, ToolMessage("3", tool_call_id="1")]),
    "a tool error": lambda router: router.bind_tools([add]).invoke(
        [*CALLED, ToolMessage("3", tool_call_id="1", status="error")]
    ),
    "a parameter": lambda router: router.invoke(ASKED, temperature=0.5),
    "its value": lambda router: router.invoke(ASKED, temperature=0.7),
    "a token limit": lambda router: router.invoke(ASKED, max_tokens=50),
    "a stop word": lambda router: router.invoke(ASKED, stop=["END"]),
    "the task": lambda router: router.invoke(ASKED, task="title"),
    "a pin": lambda router: router.invoke(ASKED, model="small"),
    "a default": lambda router: router.model_copy(update={"temperature": 0.9}).invoke(ASKED),
    "the models": lambda router: router.model_copy(update={"models": [small(obedient, name="x")]}).invoke(ASKED),
    "the profile": lambda router: router.model_copy(
        update={"routing_profile": RoutingProfile(name="p", deny=["large"])}
    ).invoke(ASKED),
    "the filters": lambda router: router.model_copy(update={"filters": (never,)}).invoke(ASKED),
    "the scorers": lambda router: router.model_copy(update={"scorers": (liked,)}).invoke(ASKED),
    "the policy": lambda router: router.model_copy(update={"policy": Alphabetical()}).invoke(ASKED),
    "the configuration": lambda router: router.model_copy(
        update={"config": ScaffoldingConfig(preferred_capabilities=["CHAT"])}
    ).invoke(ASKED),
}


def test_S13_whatever_changes_an_answer_changes_the_key() -> None:
    router = router_of(small(obedient), large(), cache=True)
    router.invoke(ASKED)
    served = [change for change, ask in CHANGES.items() if "cached" in routing(ask(router))]
    assert served == []
    asked_again = [change for change, ask in CHANGES.items() if "cached" not in routing(ask(router))]
    assert asked_again == []
    assert routing(router.invoke(ASKED))["cached"] is True


def test_S13_what_changes_no_answer_changes_no_key() -> None:
    router = router_of(small(obedient), cache=True)
    router.invoke([HumanMessage("What is it?", id="1")], {"tags": ["a"], "run_id": uuid4()}, temperature=0.5, top_p=1)
    again = router.invoke([HumanMessage("What is it?", id="2")], {"tags": ["b"]}, top_p=1, temperature=0.5)
    assert routing(again)["cached"] is True
    gathered = AIMessageChunk("It is ", response_metadata={"x": 1}) + AIMessageChunk("this.")
    router.invoke([*ASKED, AIMessage("It is this.", response_metadata={"y": 2}), *ASKED])
    assert routing(router.invoke([*ASKED, gathered, *ASKED]))["cached"] is True


def test_S13_a_foreign_routers_answer_is_never_served() -> None:
    shared = InMemoryCache()
    one = router_of(small("from one", name="one"), cache=shared)
    two = router_of(small("from two", name="two"), cache=shared)
    cold = router_of(Candidate(name="one", model=small("cold", name="one").bind(temperature=0)), cache=shared)
    warm = router_of(Candidate(name="one", model=small("warm", name="one").bind(temperature=1)), cache=shared)
    answers = [router.invoke("hi").content for router in (one, two, cold, warm) for _ in range(2)]
    assert answers == ["from one"] * 2 + ["from two"] * 2 + ["cold"] * 2 + ["warm"] * 2
    twin = router_of(small("unheard", name="one"), cache=shared)
    assert twin.invoke("hi").content == "from one"


class Nameless(ScriptedChatModel):
    """A model that does not say what identifies it, as base classes do not."""

    endpoint: str = ""

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {}


def test_S13_models_that_name_no_parameters_are_told_apart_by_their_fields() -> None:
    shared = InMemoryCache()
    routers = [
        ScaffoldingRouterLLM(models=[Nameless(answer, name="m", endpoint=answer)], cache=shared)
        for answer in ("here", "there")
    ]
    assert [router.invoke("hi").content for router in routers] == ["here", "there"]


class Tuned(ScriptedChatModel):
    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"temperature": self.temperature}


def test_S13_an_answer_is_not_served_after_a_models_parameter_was_changed() -> None:
    model = Tuned("cold", "warm", name="m", temperature=0.0)
    router = router_of(model, cache=True)
    assert router.invoke("hi").content == "cold"
    model.temperature = 1.0
    assert router.invoke("hi").content == "warm"
    model.temperature = 0.0
    assert router.invoke("hi").content == "cold"


def test_S13_a_configurable_model_is_keyed_by_what_the_call_chooses() -> None:
    model = counting().configurable_fields(name=ConfigurableField(id="which"))
    router = router_of(Candidate(name="small", model=model), cache=True)
    answers = [router.invoke("hi", {"configurable": {"which": which}}).content for which in ("x", "y", "x")]
    assert answers == ["answer 1", "answer 2", "answer 1"]


class Holder:
    """It has no text of its own."""


def test_S13_a_call_with_an_object_without_a_text_is_not_kept() -> None:
    model = counting()
    router = router_of(model, cache=True)
    assert [router.invoke("hi", extra=Holder()).content for _ in range(2)] == ["answer 1", "answer 2"]


def test_S13_a_model_whose_parameters_have_no_text_is_refused_with_the_remedy() -> None:
    with pytest.raises(ConfigurationError, match="parameters of model 'small' hold a Holder.*Leave `cache=` out"):
        router_of(Candidate(name="small", model=small().bind(extra=Holder())), cache=True)


# --- what is not kept -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PATHS)
def test_S13_the_rules_are_never_kept(path: str) -> None:
    model = small(ConnectionError("down"), ConnectionError("down"), "up again")
    router = router_of(model, cache=True, config=ScaffoldingConfig(breaker_threshold=100))
    sources = [routing(call(router, path, "Tea is made of leaves. It is hot.")) for _ in range(4)]
    assert [each["source"] for each in sources] == ["rule_based", "rule_based", "llm", "llm"]
    assert [each.get("cached") for each in sources] == [None, None, None, True]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("limit", [{}, {"max_tokens": 3}])
def test_S13_an_answer_that_was_cut_off_is_never_kept(path: str, limit: dict[str, int]) -> None:
    model = small(Reply("half an ans", finish_reason="length"))
    router = router_of(model, cache=True)
    for _ in range(2):
        assert "cached" not in routing(call(router, path, **limit))
    assert model.calls == 2


@pytest.mark.parametrize("path", STREAMS)
def test_S13_a_stream_that_broke_or_was_left_is_never_kept(path: str) -> None:
    model = small(Reply(TEXT, break_after=2), TEXT, TEXT)
    router = router_of(model, cache=True)
    with pytest.raises(StreamBrokenError):
        call(router, path)

    async def leave() -> None:
        stream = router.astream("Say something.")
        await anext(stream)
        await stream.aclose()

    if path == "astream":
        asyncio.run(leave())
    else:
        stream = router.stream("Say something.")
        next(stream)
        stream.close()
    assert model.closed_streams == 1
    assert "cached" not in routing(call(router, path))
    assert routing(call(router, path))["cached"] is True


@pytest.mark.parametrize("path", PATHS)
def test_S13_an_answer_of_the_second_choice_is_kept_under_its_own_name(path: str) -> None:
    router = router_of(down(), large(), cache=True)
    assert [routing(call(router, path))["model"] for _ in range(2)] == ["large", "large"]
    assert routing(call(router, path))["cached"] is True


# --- what comes back --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", STREAMS)
@pytest.mark.parametrize("text", [TEXT, "", "  \n", "\n\n 1. one\n\t2. two  \n", "x" * 500, "茶 is\u00a0tea", " lead"])
def test_S13_a_replayed_stream_joins_to_the_text(path: str, text: str) -> None:
    router = router_of(small(Reply(tool_calls=[TOOL_CALL], content=text)), cache=True)
    router.invoke("hi")
    parts = chunks(router, path, "hi")
    assert "".join(part.content for part in parts) == text
    assert all(isinstance(part, AIMessageChunk) for part in parts)
    assert parts[-1].chunk_position == "last"
    assert len({part.id for part in parts}) == 1
    assert ["routing" in part.response_metadata for part in parts] == [False] * (len(parts) - 1) + [True]


@pytest.mark.parametrize("store", KINDS, indirect=True)
@pytest.mark.parametrize("path", PATHS)
def test_S13_tool_calls_blocks_and_reasoning_come_back_whole(path: str, store: Any) -> None:
    blocks = [{"type": "text", "text": "Let me see."}]
    model = small(Reply(blocks, tool_calls=[TOOL_CALL], reasoning="Two numbers."))
    router = router_of(model, cache=store).bind_tools([add])
    given, served = router.invoke("hi"), call(router, path, "hi")
    assert (served.content, served.tool_calls) == (given.content, given.tool_calls)
    assert served.additional_kwargs == given.additional_kwargs
    assert served.response_metadata["model_name"] == "small"
    assert model.calls == 1


@pytest.mark.parametrize("path", PATHS)
def test_S13_each_serving_is_a_message_of_its_own(path: str) -> None:
    router = router_of(cache=True)
    answers = [call(router, path) for _ in range(3)]
    assert len({answer.id for answer in answers}) == 3
    answers[1].content += " changed by its owner"
    answers[1].response_metadata["routing"]["attempts"].clear()
    again = call(router, path)
    assert (again.content, len(routing(again)["attempts"])) == (TEXT, 1)


def test_S13_what_the_first_caller_does_to_the_answer_is_not_kept() -> None:
    router = router_of(cache=True)
    router.invoke("hi").content += " changed by its owner"
    assert router.invoke("hi").content == TEXT


@pytest.mark.parametrize("path", PATHS)
def test_S13_an_answer_that_was_kept_teaches_nothing(path: str) -> None:
    router = router_of(cache=True)
    first = call(router, path)
    before = router.performance.snapshot()
    served = [call(router, path) for _ in range(3)]
    assert router.performance.snapshot() == before
    assert routing(served[0])["seconds"] == 0.0
    assert {routing(answer)["decision_id"] for answer in served} == {routing(first)["decision_id"]}
    assert router.record_feedback(served[0], 1.0)


@pytest.mark.parametrize("path", PATHS)
def test_S13_an_answer_that_was_kept_is_a_run_without_a_model_run(path: str) -> None:
    seen, run_id = RecordingHandler(), uuid4()
    router = router_of(cache=True, name="aux", tags=["t"])
    call(router, path, "hi")
    with get_usage_metadata_callback() as usage:
        call(router, path, "hi", {"callbacks": [seen], "run_id": run_id, "metadata": {"page": 7}})
    (run,) = seen.runs()
    assert (run.type, run.name, run.state, run.run_id) == ("chain", "aux", "end", run_id)
    assert run.tags == ("t",)
    assert run.metadata["page"] == 7
    assert routing(run.value)["cached"] is True
    assert usage.usage_metadata == {}


class CountingLimiter(InMemoryRateLimiter):
    def __init__(self) -> None:
        super().__init__(requests_per_second=1e9)
        self.asked = 0

    def acquire(self, *, blocking: bool = True) -> bool:
        self.asked += 1
        return True

    async def aacquire(self, *, blocking: bool = True) -> bool:
        return self.acquire()


@pytest.mark.parametrize("path", PATHS)
def test_S13_an_answer_that_was_kept_asks_no_rate_limiter(path: str) -> None:
    limiter = CountingLimiter()
    router = router_of(cache=True, rate_limiter=limiter)
    for _ in range(3):
        call(router, path)
    assert limiter.asked == 1


@pytest.mark.parametrize("path", PATHS)
def test_S13_content_blocks_are_made_of_what_was_kept(path: str) -> None:
    router = router_of(cache=True, output_version="v1")
    answers = [call(router, path) for _ in range(2)]
    assert [[block["type"] for block in answer.content] for answer in answers] == [["text"], ["text"]]
    assert [answer.text for answer in answers] == [TEXT, TEXT]
    plain = router.model_copy(update={"output_version": None})
    assert call(plain, path).content == TEXT


class Title(BaseModel):
    """A title."""

    text: str
    words: int


JSON_SCHEMA = {"title": "title", "description": "A title.", **Title.model_json_schema()}


@pytest.mark.parametrize("store", KINDS, indirect=True)
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("schema", [Title, JSON_SCHEMA])
def test_S13_a_filled_schema_is_kept_under_its_schema(path: str, store: Any, schema: Any) -> None:
    model = small(structured_reply(text="Tea", words=1))
    router = router_of(model, cache=store)
    titled = router.with_structured_output(schema)
    first, second = call(titled, path), call(titled, path)
    assert first == second == (Title(text="Tea", words=1) if schema is Title else {"text": "Tea", "words": 1})
    assert model.calls == 1
    raw = call(router.with_structured_output(schema, include_raw=True), path)["raw"]
    assert routing(raw)["cached"] is True

    class Title2(Title):
        """A title of another kind."""

    other = call(router.with_structured_output(Title2), path)
    assert (type(other), model.calls) == (Title2, 2)
    call(router.with_structured_output(schema, method="json_mode"), path)
    assert model.calls == 3


def test_S13_what_cannot_be_made_again_from_text_is_not_kept() -> None:
    from pydantic.v1 import BaseModel as OldModel

    class Old(OldModel):
        """A title."""

        text: str

    model = small(structured_reply(text="Tea"))
    titled = router_of(model, cache=True).with_structured_output(Old)
    assert [titled.invoke("hi").text for _ in range(2)] == ["Tea", "Tea"]
    assert model.calls == 2


# --- single flight ----------------------------------------------------------------------------------------------------


def waiting_model() -> tuple[ScriptedChatModel, threading.Event, threading.Event]:
    """A model that says that it was called, and waits until it may answer."""
    called, may_answer = threading.Event(), threading.Event()

    def answer(_messages: Any, _kwargs: Any) -> str:
        called.set()
        assert may_answer.wait(30)
        return TEXT

    return small(answer), called, may_answer


def test_S13_identical_calls_of_threads_are_one_flight() -> None:
    model, called, may_answer = waiting_model()
    router = router_of(model, cache=True)
    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(router.invoke, "hi") for _ in range(8)]
        assert called.wait(30)
        may_answer.set()
        answers = [future.result() for future in futures]
    assert model.calls == 1
    assert sum("cached" in routing(answer) for answer in answers) == 7
    assert router.performance.snapshot()[0].calls == 1


async def test_S13_identical_calls_of_tasks_are_one_flight() -> None:
    model = small(Reply(TEXT, hang=True))
    router = router_of(model, cache=True)
    tasks = [asyncio.create_task(router.ainvoke("hi")) for _ in range(20)]
    other = asyncio.create_task(router.ainvoke("ho"))
    while model.calls < 2:
        await asyncio.sleep(0)
    model.release()
    answers = await asyncio.gather(*tasks)
    assert [answer.content for answer in answers] == [TEXT] * 20
    assert (await other).content == TEXT
    assert model.calls == 2


async def test_S13_whoever_gives_up_waiting_does_not_take_the_flight_along() -> None:
    model = small(Reply(TEXT, hang=True))
    router = router_of(model, cache=True)
    first, second, third = (asyncio.create_task(router.ainvoke("hi")) for _ in range(3))
    while not model.calls:
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    model.release()
    assert "cached" not in routing(await first)
    assert routing(await third)["cached"] is True


async def test_S13_if_the_flight_is_cancelled_the_others_go_on_their_own() -> None:
    model = small(Reply(TEXT, hang=True))
    router = router_of(model, cache=True)
    first, second = (asyncio.create_task(router.ainvoke("hi")) for _ in range(2))
    while not model.calls:
        await asyncio.sleep(0)
    first.cancel()
    while model.calls < 2:
        await asyncio.sleep(0)
    model.release()
    assert (await second).content == TEXT
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_S13_a_blocking_call_does_not_wait_for_a_task_of_its_own_loop() -> None:
    model = small(Reply(TEXT, hang=True), "at once")
    router = router_of(model, cache=True)
    task = asyncio.create_task(router.ainvoke("hi"))
    while not model.calls:
        await asyncio.sleep(0)
    assert router.invoke("hi").content == "at once"
    model.release()
    assert (await task).content == TEXT


def test_S13_a_flight_that_fails_fails_alone() -> None:
    failing = small(ValueError("once"), name="failing")
    config = ScaffoldingConfig(fallback_to_rule_based=False)
    router = router_of(failing, cache=True, config=config)
    for _ in range(2):
        with pytest.raises(Exception, match="Every attempt failed"):
            router.invoke("hi")
    assert failing.calls == 2


# --- LangChain's own caches -------------------------------------------------------------------------------------------


@pytest.fixture
def global_cache() -> Iterator[InMemoryCache]:
    cache = InMemoryCache()
    set_llm_cache(cache)
    yield cache
    set_llm_cache(None)


def test_a_models_own_cache_answers_under_the_models_own_key(global_cache: InMemoryCache) -> None:
    """The router never looks into the global cache; its models do, and what it holds is no measurement."""
    model = counting()
    router = router_of(model)
    assert [router.invoke("hi").content for _ in range(3)] == ["answer 1"] * 3
    assert model.calls == 1
    (row,) = router.performance.snapshot()
    assert (row.calls, row.measured) == (3, 1)
    assert len(global_cache._cache) == 1
    assert "cached" not in routing(router.invoke("hi"))


def test_the_rules_are_not_kept_in_the_global_cache(global_cache: InMemoryCache) -> None:
    router = router_of(down())
    for _ in range(2):
        assert routing(router.invoke("Tea is hot. It is made of leaves."))["source"] == "rule_based"
    assert global_cache._cache == {}


def test_the_cache_in_memory_is_bounded_and_copies_begin_empty() -> None:
    cache = LocalCache()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: cache.update(str(number), "x", [number]), range(4000)))
    assert len(cache._cache) == 1024
    assert copy.deepcopy(cache).lookup("3999", "x") is None
