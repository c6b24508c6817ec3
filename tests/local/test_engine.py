from __future__ import annotations

import asyncio
import gc
import http.client
import json
import os
import select
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import gguf
import numpy as np
import openai
import pytest
from langchain_core.messages import HumanMessage, SystemMessage
from pydantic import BaseModel

from langchain_scaffolding.discovery.gguf import GGUFError
from langchain_scaffolding.errors import ConfigurationError, ScaffoldingError
from langchain_scaffolding.local.engine import _PROGRAM, LocalServer, ModelLoadError, local_models
from tests.local.tiny_gguf import write_tiny_gguf

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

PATIENCE = 60  # seconds until a call that should have been served counts as stuck


def test_the_model_answers_with_its_own_words(server: LocalServer) -> None:
    message = server.chat_model(temperature=0).invoke("hi", max_completion_tokens=10)
    assert message.content == "tiny tiny "
    assert message.response_metadata["model_name"] == "tiny"
    assert message.usage_metadata is not None
    assert message.usage_metadata["output_tokens"] == 10


def test_a_stream_comes_in_pieces_and_ends_with_its_usage(server: LocalServer) -> None:
    chunks = list(server.chat_model(temperature=0).stream("hi", max_completion_tokens=5))
    assert [chunk.content for chunk in chunks if chunk.content] == ["t", "i", "n", "y", " "]
    assert [chunk.usage_metadata["output_tokens"] for chunk in chunks if chunk.usage_metadata] == [5]


async def test_the_async_paths_answer_alike(server: LocalServer) -> None:
    model = server.chat_model(temperature=0, max_completion_tokens=4)
    assert (await model.ainvoke("hi")).content == "tiny"
    assert "".join([chunk.text async for chunk in model.astream("hi")]) == "tiny"


def test_one_model_serves_one_event_loop_after_another(server: LocalServer) -> None:
    model = server.chat_model(temperature=0, max_completion_tokens=4)
    assert [asyncio.run(model.ainvoke("hi")).content for _ in range(2)] == ["tiny", "tiny"]


def test_an_answer_is_held_to_a_schema(server: LocalServer) -> None:
    class Flag(BaseModel):
        on: bool

    model = server.chat_model(temperature=0, max_completion_tokens=40)
    assert isinstance(model.with_structured_output(Flag).invoke("hi"), Flag)


def test_tags_come_from_the_file_and_the_context_from_the_engine(polite: Path) -> None:
    with LocalServer(polite, n_ctx=512, n_threads=1) as server:
        model = server.chat_model("small", metadata={"note": "mine"})
    tags = {key: value for key, value in (model.metadata or {}).items() if key != "lc_versions"}
    assert tags == {
        "name": "small",
        "size_gb": polite.stat().st_size / 1e9,
        "quantization": "Q8_0",
        "capabilities": ["CHAT", "STRUCTURED_OUTPUT"],
        "context_length": 512,
        "local": True,
        "note": "mine",
    }


def test_a_context_larger_than_the_model_was_trained_on_is_not_promised(server: LocalServer, tiny: Path) -> None:
    with LocalServer(tiny, n_ctx=1_000_000, n_parallel=2, n_threads=1) as large:
        assert large.context_length == large.header.context_length == 2048


def test_a_model_without_a_chat_template_is_not_tagged_for_chat(tmp_path: Path) -> None:
    path = write_tiny_gguf(tmp_path / "base.gguf", chat_template=False)
    with LocalServer(path, n_threads=1) as server:
        metadata = server.chat_model().metadata or {}
    assert metadata["capabilities"] == []


def test_two_models_in_one_program_each_say_their_own(tiny: Path, polite: Path) -> None:
    first, second = local_models([tiny, str(polite)], n_threads=1, temperature=0, max_completion_tokens=5)
    assert first.invoke("hi").content == "tiny "
    assert second.invoke("hi").content == "ok."
    assert [(model.metadata or {})["name"] for model in (first, second)] == ["tiny", "polite"]


def test_tokens_are_counted_in_the_models_own_vocabulary(server: LocalServer) -> None:
    model = server.chat_model(temperature=0, max_completion_tokens=1)
    messages = [SystemMessage("be brief"), HumanMessage("hé")]
    usage = model.invoke(messages).usage_metadata
    assert model.get_num_tokens("hé") == 3  # one per byte
    assert usage is not None
    assert model.get_num_tokens_from_messages(messages) == usage["input_tokens"]


def test_the_engine_is_silent(tiny: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with LocalServer(tiny, n_threads=1) as server:
        server.chat_model(max_completion_tokens=3).invoke("hi")
    assert capfd.readouterr() == ("", "")


def test_the_engine_speaks_when_asked(tiny: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with LocalServer(tiny, n_threads=1, log=True):
        pass
    assert "loading model" in capfd.readouterr().err


def test_no_proxy_comes_between(server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "OPENAI_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    model = server.chat_model(temperature=0, max_completion_tokens=4)
    assert model.invoke("hi").content == "tiny"


def test_a_stranger_on_the_machine_is_refused(server: LocalServer) -> None:
    address = urlsplit(server.url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port)
    body = '{"messages": [{"role": "user", "content": "hi"}], "max_tokens": 1}'
    connection.request("POST", "/v1/chat/completions", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    assert address.hostname == "127.0.0.1"
    assert answer.status == 401


def test_a_cached_answer_is_found_at_another_address_but_not_for_other_weights(
    tiny: Path, polite: Path, tmp_path: Path
) -> None:
    with LocalServer(tiny, n_threads=1) as first, LocalServer(tiny, n_threads=1) as again:
        keys = {server.chat_model("m")._get_llm_string() for server in (first, again)}
    with LocalServer(polite, n_threads=1) as other:
        foreign = other.chat_model("m")._get_llm_string()
    assert len(keys) == 1
    assert foreign not in keys


def test_closing_ends_the_process_and_later_calls_fail(tiny: Path) -> None:
    server = LocalServer(tiny, n_threads=1)
    model = server.chat_model(max_completion_tokens=1)
    assert server.running
    server.close()
    server.close()
    assert not server.running
    with pytest.raises(openai.APIConnectionError):
        model.invoke("hi")


def test_a_closed_model_opens_again(tiny: Path) -> None:
    for _ in range(2):
        with LocalServer(tiny, n_threads=1) as server:
            assert server.chat_model(temperature=0, max_completion_tokens=4).invoke("hi").content == "tiny"


@pytest.fixture(scope="module")
def endless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose context takes minutes to fill, so that a slot that is not freed is noticed."""
    return write_tiny_gguf(tmp_path_factory.mktemp("endless") / "endless.gguf", context_length=400_000)


def test_closing_breaks_the_call_in_flight(endless: Path) -> None:
    server = LocalServer(endless, n_ctx=400_000, n_threads=1)
    stream = server.chat_model(max_completion_tokens=390_000, timeout=PATIENCE).stream("hi")
    assert next(stream) is not None
    server.close()
    with pytest.raises(Exception, match="(?i)connection|peer|incomplete"):
        list(stream)


def test_an_abandoned_stream_frees_its_slot(endless: Path) -> None:
    with LocalServer(endless, n_ctx=400_000, n_threads=1) as server:
        stream = server.chat_model(max_completion_tokens=390_000).stream("hi")
        assert next(stream) is not None
        stream.close()
        assert answers(server)


async def test_a_cancelled_call_frees_its_slot(endless: Path) -> None:
    with LocalServer(endless, n_ctx=400_000, n_threads=1) as server:
        model = server.chat_model(max_completion_tokens=390_000)
        speaking = asyncio.Event()

        async def listen() -> None:
            async for _ in model.astream("hi"):
                speaking.set()

        call = asyncio.create_task(listen())
        await speaking.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(model.ainvoke("hi"), 0.2)
        assert await asyncio.to_thread(answers, server)


def test_a_call_that_runs_into_its_timeout_frees_its_slot(endless: Path) -> None:
    with LocalServer(endless, n_ctx=400_000, n_threads=1) as server:
        with pytest.raises(openai.APITimeoutError):
            server.chat_model(max_completion_tokens=390_000).invoke("hi", timeout=0.2)
        assert answers(server)


def answers(server: LocalServer) -> bool:
    message = server.chat_model(temperature=0, max_completion_tokens=4, timeout=PATIENCE).invoke("hi")
    return message.content == "tiny"


def test_a_model_and_its_bindings_keep_their_server(tiny: Path) -> None:
    (model,) = local_models([tiny], n_threads=1, temperature=0, max_completion_tokens=4)
    server_process = model.server._process  # type: ignore[attr-defined]
    bound = model.bind(stop=["z"])
    del model
    gc.collect()
    assert bound.invoke("hi").content == "tiny"
    del bound
    gc.collect()
    assert server_process.returncode is not None


@pytest.mark.skipif(sys.platform != "linux", reason="watches a process by its file descriptor")
def test_the_engine_ends_when_its_program_is_killed(tiny: Path) -> None:
    settings = {"path": str(tiny), "name": "t", "n_ctx": 512, "n_parallel": 1, "n_threads": 1, "api_key": "k"}
    program = (
        "import subprocess, sys\n"
        "engine = subprocess.Popen([sys.executable, sys.argv[1]], stdin=subprocess.PIPE, stdout=subprocess.PIPE)\n"
        "engine.stdin.write(sys.argv[2].encode() + b'\\n')\n"
        "engine.stdin.flush()\n"
        "print(engine.pid, engine.stdout.readline().decode(), flush=True)\n"
        "sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", program, _PROGRAM, json.dumps({**settings, "verbosity": 1})]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid, _, answer = parent.stdout.readline().partition(" ")
        engine = os.pidfd_open(int(pid))
        parent.kill()
    assert json.loads(answer)["url"].startswith("http://127.0.0.1:")
    ended, _, _ = select.select([engine], [], [], PATIENCE)
    os.close(engine)
    assert ended == [engine]


@pytest.mark.parametrize("option", ["n_ctx", "n_parallel", "n_threads"])
def test_an_option_out_of_range_is_named(tiny: Path, option: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{option}=0 is out of range"):
        LocalServer(tiny, **{option: 0})


def test_a_damaged_file_is_refused_before_the_engine_sees_it(tiny: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.gguf"
    path.write_bytes(tiny.read_bytes()[:-1000])
    with pytest.raises(GGUFError, match="not whole"):
        LocalServer(path)


def test_a_model_the_engine_cannot_load_says_why(tmp_path: Path) -> None:
    path = tmp_path / "martian.gguf"
    writer = gguf.GGUFWriter(path, "martian")
    writer.add_tensor("t", np.zeros((2, 32), dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with pytest.raises(ModelLoadError, match=r"martian\.gguf: the engine cannot load it .*unknown model architecture"):
        LocalServer(path)


def test_one_bad_model_stops_the_servers_of_the_others(tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.gguf").write_bytes(b"not a model")
    before = children()
    with pytest.raises(ScaffoldingError, match=r"bad\.gguf"):
        local_models([tiny, tmp_path / "bad.gguf"], n_threads=1)
    gc.collect()
    assert children() == before


def children() -> str:
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text()


def test_a_model_that_is_neither_file_nor_name_is_answered_with_the_names() -> None:
    with pytest.raises(ConfigurationError, match="'gpt9' is neither a GGUF file nor .* smollm2, smollm2-q8"):
        local_models(["gpt9"])


def test_weights_that_are_not_here_are_answered_with_the_command(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="python -m langchain_scaffolding models get smollm2"):
        local_models(["smollm2"], cache_dir=tmp_path)


def test_a_missing_engine_is_answered_with_its_install_line(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(ImportError, match=r'pip install "langchain-scaffolding\[local\]"'):
        LocalServer(tiny)
