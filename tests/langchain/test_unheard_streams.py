"""A stream that nobody hears is the stream that LangChain gives, by a shorter way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.globals import set_debug
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage, HumanMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.rate_limiters import InMemoryRateLimiter
from pydantic import Field

from langchain_scaffolding import ScaffoldingRouterLLM
from langchain_scaffolding.attempts import unheard_streams
from langchain_scaffolding.outcomes import Outcome
from langchain_scaffolding.testing import FakeClock, RecordingHandler, Reply
from tests.langchain.models import SPOKEN, TEXT, WORDS, down, large, router_of, small

PATHS = ["stream", "astream"]


class Quiet(BaseCallbackHandler):
    """A handler that a call has to be heard for."""


class Pieces(BaseChatModel):
    """Streams the chunks it was given, and nothing that LangChain adds to them."""

    chunks: list[ChatGenerationChunk] = Field(default_factory=list)
    stopped: list[str] = Field(default_factory=list)

    def _stream(self, messages: list[BaseMessage], stop: Any, *_: Any, **__: Any) -> Iterator[ChatGenerationChunk]:
        try:
            for chunk in self.chunks:
                yield chunk.model_copy(deep=True)
        finally:
            self.stopped.append("stopped")

    def _generate(self, *_: Any, **__: Any) -> ChatResult:
        raise AssertionError("streams only")

    @property
    def _llm_type(self) -> str:
        return "pieces"


def piece(content: Any, *, info: dict[str, Any] | None = None, **fields: Any) -> ChatGenerationChunk:
    return ChatGenerationChunk(message=AIMessageChunk(content=content, **fields), generation_info=info)


def read(model: Any, path: str, prompt: Any = "hi", config: Any = None) -> list[AIMessageChunk]:
    if path == "stream":
        return list(model.stream(prompt, config))

    async def collect() -> list[AIMessageChunk]:
        return [chunk async for chunk in model.astream(prompt, config)]

    return asyncio.run(collect())


def facts(chunk: AIMessageChunk) -> dict[str, Any]:
    """A chunk without what differs between any two calls."""
    told = chunk.model_dump()
    told["id"] = None if chunk.id is None else chunk.id.partition("--")[0]
    told["response_metadata"].pop("routing", None)
    return told


@pytest.fixture
def shortcuts(monkeypatch: pytest.MonkeyPatch) -> list[BaseChatModel]:
    """The models whose streams took the shorter way."""
    taken: list[BaseChatModel] = []

    def spied(way: Any) -> Any:
        def spy(model: BaseChatModel, *arguments: Any) -> Any:
            taken.append(model)
            return way(model, *arguments)

        return spy

    for name in PATHS:
        monkeypatch.setattr(unheard_streams, name, spied(getattr(unheard_streams, name)))
    return taken


STREAMS = {
    "words": [SPOKEN],
    "usage": [Reply(TEXT, usage=(3, 4))],
    "empty first": [Reply(TEXT, empty_first=True)],
    "tool calls": [Reply(tool_calls=[{"name": "add", "args": {"a": 1, "b": 2}, "id": "one"}])],
    "blocks": [Reply([{"type": "text", "text": TEXT}])],
    "reasoning": [Reply([{"type": "text", "text": TEXT}], reasoning="so")],
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("script", STREAMS.values(), ids=STREAMS)
def test_chunks_are_those_of_a_stream_that_is_heard(path: str, script: list[Any], shortcuts: list[Any]) -> None:
    model = small(*script)
    unheard = read(router_of(model), path)
    assert shortcuts == [model]
    heard = read(router_of(model), path, config={"callbacks": [Quiet()]})
    assert shortcuts == [model]
    assert [facts(chunk) for chunk in unheard] == [facts(chunk) for chunk in heard]
    assert len({chunk.id for chunk in unheard}) == 1


PIECES = {
    "without a last chunk": [piece("one"), piece(" two")],
    "with a last chunk": [piece("one"), piece(" two", chunk_position="last")],
    "of blocks": [piece([{"type": "text", "text": "one", "index": 0}])],
    "with ids": [piece("one", id="run-1"), piece(" two", id="run-1")],
    "with generation infos": [
        piece("one", info={"model_name": "p"}),
        piece(" two", info={"finish_reason": "stop"}, response_metadata={"own": 1}),
    ],
    "with usage twice": [
        piece("one", usage_metadata={"input_tokens": 2, "output_tokens": 1, "total_tokens": 3}),
        piece(" two", usage_metadata={"input_tokens": 0, "output_tokens": 4, "total_tokens": 4}),
    ],
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("pieces", PIECES.values(), ids=PIECES)
def test_langchain_adds_what_a_model_leaves_out(
    path: str, pieces: list[ChatGenerationChunk], shortcuts: list[Any]
) -> None:
    model = Pieces(chunks=pieces)
    unheard, bare = read(router_of(model), path), read(model, path)
    assert shortcuts == [model]
    assert [facts(chunk) for chunk in unheard] == [facts(chunk) for chunk in bare]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("heard", [False, True])
def test_the_model_is_given_the_arguments_of_the_call(path: str, heard: bool, shortcuts: list[Any]) -> None:
    model = small()
    arguments = {"stop": ["four"], "temperature": 0.0, "user": "me"}
    read(router_of(model).bind(**arguments), path, config={"callbacks": [Quiet()]} if heard else None)
    assert [asked.kwargs for asked in model.history] == [arguments]
    assert shortcuts == ([] if heard else [model])


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("heard", [False, True])
def test_what_is_learned_is_the_same(path: str, heard: bool) -> None:
    clock = FakeClock()
    model = small(Reply(TEXT, usage=(3, 4), first_token_s=0.5, token_s=0.25), clock=clock)
    outcomes: list[Outcome] = []
    router = router_of(model, clock=clock, observers=[lambda record: outcomes.extend(record.outcomes)])
    read(router, path, config={"callbacks": [Quiet()]} if heard else None)
    (outcome,) = outcomes
    assert (outcome.model, outcome.error, outcome.measured) == ("small", None, True)
    assert (outcome.first_token_s, outcome.total_s, outcome.output_tokens) == (0.5, 1.0, 4)


@pytest.mark.parametrize("path", PATHS)
def test_tokens_of_several_chunks_add_up(path: str) -> None:
    outcomes: list[Outcome] = []
    model = Pieces(chunks=PIECES["with usage twice"])
    read(router_of(model, observers=[lambda record: outcomes.extend(record.outcomes)]), path)
    assert [outcome.output_tokens for outcome in outcomes] == [5]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("first", [down(), Pieces(metadata={"size_gb": 1.0})], ids=["down", "no chunk"])
def test_the_next_model_takes_over(path: str, first: Any, shortcuts: list[Any]) -> None:
    other = large("from large")
    chunks = read(router_of(first, other), path)
    assert "".join(str(chunk.text) for chunk in chunks) == "from large"
    assert chunks[-1].response_metadata["routing"]["model"] == "large"
    assert shortcuts == [first, other]


def test_a_reader_that_stops_stops_the_model() -> None:
    model = Pieces(chunks=[piece("one"), piece(" two")])
    stream = router_of(model).stream("hi")
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    assert model.stopped == ["stopped"]


async def test_a_reader_that_stops_stops_an_asynchronous_model() -> None:
    class Native(Pieces):
        async def _astream(self, *_: Any, **__: Any) -> AsyncIterator[ChatGenerationChunk]:
            try:
                yield piece("one")
                yield piece(" two")
            finally:
                self.stopped.append("stopped")

    model = Native()
    stream: Any = router_of(model).astream("hi")
    await anext(stream)
    await stream.aclose()
    assert model.stopped == ["stopped"]


class Counting(InMemoryRateLimiter):
    """Lets everybody through, and counts them."""

    turns = 0

    def acquire(self, **_: Any) -> bool:
        self.turns += 1
        return True

    async def aacquire(self, **_: Any) -> bool:
        return self.acquire()


@pytest.mark.parametrize("path", PATHS)
def test_the_rate_limiter_of_the_model_is_waited_for_once(path: str, shortcuts: list[Any]) -> None:
    limiter = Counting()
    model = small(rate_limiter=limiter)
    assert "".join(str(chunk.text) for chunk in read(router_of(model), path)) == TEXT
    assert (limiter.turns, shortcuts) == (1, [model])


@pytest.mark.parametrize("path", PATHS)
def test_a_stream_goes_langchains_way_where_somebody_may_listen(
    path: str, shortcuts: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = RecordingHandler()
    assert read(router_of(small(callbacks=[heard])), path)
    assert [run.type for run in heard.runs()] == ["llm"]
    read(router_of(small(verbose=True)), path)
    set_debug(True)
    try:
        read(router_of(), path)
    finally:
        set_debug(False)
    blocks = [HumanMessage([{"type": "text", "text": "hi"}])]
    read(router_of(), path, blocks)
    read(router_of(small(output_version="v1")), path)
    read(router_of(small(disable_streaming=True)), path)
    way = getattr(BaseChatModel, path)

    def observed(model: BaseChatModel, *arguments: Any, **named: Any) -> Any:
        return way(model, *arguments, **named)

    monkeypatch.setattr(BaseChatModel, path, observed)
    assert [str(chunk.text) for chunk in read(router_of(), path)][: len(WORDS)] == list(WORDS)
    assert shortcuts == []


def test_a_model_with_a_stream_of_its_own_is_asked_for_it(shortcuts: list[Any]) -> None:
    class Own(Pieces):
        def stream(self, *_: Any, **__: Any) -> Iterator[AIMessageChunk]:
            yield AIMessageChunk(content="own")

    chunks = list(ScaffoldingRouterLLM(models=[Own()]).stream("hi"))
    assert chunks[0].text == "own"
    assert shortcuts == []
