"""GGUF files by llama-cpp-python: loaded on first use, one call at a time, on no more threads than there are cores."""

from __future__ import annotations

import asyncio
import importlib.util
import itertools
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.messages.ai import add_ai_message_chunks

from langchain_scaffolding import ScaffoldingRouterLLM
from langchain_scaffolding.discovery import GGUFFolderSource, SourceUnavailableError
from langchain_scaffolding.local.threads import engine_threads
from tests.local.conftest import cached
from tests.local.tiny_gguf import write_tiny_gguf
from tests.paths import PATHS, STREAMS, call, chunks, routing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


class Llama:
    """What `ChatLlamaCpp` uses of `llama_cpp.Llama`; it notices calls that are computed at the same time."""

    opened: list[Llama]

    def __init__(self, model_path: str, **options: Any) -> None:
        self.path, self.options = model_path, options
        self.computing = self.most_at_once = self.calls = self.spoken = 0
        self.asked: dict[str, Any] = {}
        self.words: Iterable[str] = ["from", " ", "llama", "-", "cpp"]
        self.fails: Exception | None = None
        self.opened.append(self)

    def tokenize(self, text: bytes, *, add_bos: bool) -> list[int]:
        return [*text, *([0] if add_bos else [])]

    def create_chat_completion(self, *, messages: Any, stream: bool = False, **asked: Any) -> Any:
        self.asked = asked
        deltas = self._deltas(asked.get("tools"))
        if stream:
            return ({"choices": [{"delta": delta}]} for delta in deltas)
        usage = {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}
        text = "".join(delta["content"] for delta in deltas)
        return {"choices": [{"message": {"role": "assistant", "content": text}}], "usage": usage}

    def _deltas(self, tools: Any) -> Iterator[dict[str, Any]]:
        self.calls += 1
        self.computing += 1
        try:
            for word in self.words:
                self.most_at_once = max(self.most_at_once, self.computing)
                self.spoken += 1
                time.sleep(0)  # lets another thread in
                if self.fails:
                    raise self.fails
                spoken = {"tool_calls": [_called(tools, word)]} if tools else {"content": word}
                yield {"role": "assistant", **spoken}
        finally:
            self.computing -= 1


def _called(tools: Any, arguments: str) -> dict[str, Any]:
    """A chunk of a tool call as llama-cpp-python writes it: the name stands in every one."""
    function = {"name": tools[0]["function"]["name"], "arguments": arguments}
    return {"index": 0, "id": "call_0", "type": "function", "function": function}


@pytest.fixture
def llama(monkeypatch: pytest.MonkeyPatch) -> type[Llama]:
    """A program in which llama-cpp-python is installed, and the embedded engine is not."""
    module = ModuleType("llama_cpp")
    module.__spec__ = ModuleSpec("llama_cpp", None)
    Llama.opened = []
    module.Llama, module.LlamaGrammar = Llama, object
    monkeypatch.setitem(sys.modules, "llama_cpp", module)
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    return Llama


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_gguf(tmp_path_factory.mktemp("models") / "tiny.gguf").parent


def found(folder: Path, **options: Any) -> Any:
    """The chat model of the one file there."""
    (candidate,) = GGUFFolderSource(folder=folder, **options).discover()
    return candidate.model


def test_without_an_engine_the_lines_that_install_one_are_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for engine in ("xllamacpp", "llama_cpp"):
        monkeypatch.setitem(sys.modules, engine, None)
    told = r'1 GGUF files.*pip install "langchain-scaffolding\[local\]".*"langchain-scaffolding\[llama-cpp\]"'
    with pytest.raises(SourceUnavailableError, match=told):
        GGUFFolderSource(folder=folder).discover()


@pytest.mark.allow_hosts(["127.0.0.1"])
def test_the_embedded_engine_goes_first(folder: Path, llama: type[Llama], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "xllamacpp")
    assert found(folder).invoke("hello", max_tokens=8).text.startswith("tiny")
    assert llama.opened == []


@pytest.mark.parametrize("path", PATHS)
def test_a_file_is_loaded_when_it_is_called_and_only_once(folder: Path, path: str, llama: type[Llama]) -> None:
    source = GGUFFolderSource(folder=folder, n_ctx=1024, options={"temperature": 0})
    router = ScaffoldingRouterLLM.from_discovery([source])
    router.explain("hello")
    assert llama.opened == []
    for _ in range(2):
        message = call(router, path, "hello", stop=["\n"])
        assert (message.content, routing(message)["model"]) == ("from llama-cpp", "tiny")
    (opened,) = llama.opened
    assert opened.path == str(folder / "tiny.gguf")
    assert (opened.asked["temperature"], opened.asked["stop"], opened.asked["max_tokens"]) == (0, ["\n"], 256)
    assert opened.calls == 2
    (again,) = source.discover()
    assert again.tags.extra["loaded"] is True


def test_prompt_and_answer_leave_a_core_and_the_context_is_what_the_model_can_take(
    folder: Path, llama: type[Llama]
) -> None:
    for options in ({"n_ctx": 1_000_000}, {"n_threads": 3, "n_ctx": 100}):
        found(folder, **options).invoke("hello")
    free, given = (opened.options for opened in llama.opened)
    assert free["n_threads"] == free["n_threads_batch"] == engine_threads()
    assert given["n_threads"] == given["n_threads_batch"] == 3
    assert (free["n_ctx"], given["n_ctx"], given["n_batch"]) == (2048, 100, 100)  # the file says 2048


def test_calls_from_everywhere_are_computed_one_at_a_time(folder: Path, llama: type[Llama]) -> None:
    model = found(folder)
    begun = threading.Barrier(8, timeout=10)

    def ask(path: str) -> list[str]:
        begun.wait()
        return [call(model, path, "hello").content for _ in range(20)]

    with ThreadPoolExecutor(8) as threads:
        answers = [answer for each in threads.map(ask, PATHS * 2) for answer in each]
    assert answers == ["from llama-cpp"] * 160
    (opened,) = llama.opened
    assert (opened.calls, opened.most_at_once) == (160, 1)


async def test_streams_that_wait_for_their_turn_hold_none_of_the_event_loops_threads(
    folder: Path, llama: type[Llama]
) -> None:
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    model = found(folder)

    async def ask() -> list[str]:
        return [chunk.content async for chunk in model.astream("hello")]

    async with asyncio.timeout(30):
        answers = await asyncio.gather(*(ask() for _ in range(8)), model.ainvoke("hello"))
    assert ["".join(answer) for answer in answers[:8]] == ["from llama-cpp"] * 8
    assert answers[8].content == "from llama-cpp"
    assert llama.opened[0].most_at_once == 1


@pytest.mark.parametrize("path", STREAMS)
def test_a_stream_that_is_left_ends_at_its_next_token(folder: Path, path: str, llama: type[Llama]) -> None:
    model = found(folder)
    model.invoke("hello")
    (opened,) = llama.opened
    opened.words = itertools.repeat("on and ", 100_000)

    async def leave() -> str:
        stream = model.astream("hello")
        await anext(stream)
        await stream.aclose()
        opened.words = ["next"]
        return (await model.ainvoke("hello")).content

    if path == "astream":
        assert asyncio.run(leave()) == "next"
    else:
        stream = model.stream("hello")
        next(stream)
        stream.close()
        opened.words = ["next"]
        assert model.invoke("hello").content == "next"
    assert opened.spoken < 100_000


@pytest.mark.parametrize("path", PATHS)
def test_what_fails_reaches_the_caller_and_the_next_call_is_served(folder: Path, path: str, llama: type[Llama]) -> None:
    model = found(folder)
    model.invoke("hello")
    llama.opened[0].fails = ValueError("Requested tokens (9) exceed context window of 8")
    with pytest.raises(ValueError, match="exceed context window"):
        call(model, path, "hello")
    llama.opened[0].fails = None
    assert call(model, path, "hello").content == "from llama-cpp"


def test_a_whole_answer_says_what_was_used_and_tokens_are_the_models_own(folder: Path, llama: type[Llama]) -> None:
    model = found(folder)
    assert model.invoke("hello").usage_metadata == {"input_tokens": 7, "output_tokens": 5, "total_tokens": 12}
    assert model.get_num_tokens("héllo") == 6


@pytest.mark.parametrize("path", STREAMS)
def test_a_tool_that_is_called_in_a_stream_is_named_once(folder: Path, path: str, llama: type[Llama]) -> None:
    model = found(folder)
    model.invoke("hello")
    llama.opened[0].words = ['{"city": ', '"Paris"}']
    tool = {"name": "weather", "description": "The weather.", "parameters": {"type": "object", "properties": {}}}
    message = add_ai_message_chunks(*chunks(model.bind_tools([tool]), path, "hello"))
    assert [(each["name"], each["args"], each["id"]) for each in message.tool_calls] == [
        ("weather", {"city": "Paris"}, "call_0")
    ]


@pytest.mark.local
@pytest.mark.skipif(importlib.util.find_spec("llama_cpp") is None, reason="llama-cpp-python is not installed")
def test_the_real_engine_answers_calls_that_come_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    model = found(cached("smollm2"), n_ctx=1024, n_threads=1, options={"temperature": 0, "max_tokens": 40})

    def ask(path: str) -> Any:
        return call(model, path, "List three steps to make tea.")

    alone = ask("invoke")
    assert "tea" in alone.text
    assert alone.usage_metadata["output_tokens"] == 40
    with ThreadPoolExecutor(4) as threads:
        assert [answer.text for answer in threads.map(ask, PATHS)] == [alone.text] * 4
    assert 1 <= model.get_num_tokens("tea") <= 3
