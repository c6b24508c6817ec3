"""Candidates from servers: fakes on the loopback interface answer in the shapes that were recorded of the real ones."""

from __future__ import annotations

import asyncio
import sys
import threading
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from langchain_scaffolding import Candidate, ModelTags, RoutingProfile, ScaffoldingRouterLLM
from langchain_scaffolding.discovery import (
    Discovery,
    HostedSource,
    LMStudioSource,
    OllamaSource,
    OpenAICompatibleSource,
    SourceUnavailableError,
    adiscover,
    default_sources,
    discover,
)
from langchain_scaffolding.discovery.ollama import ollama_url
from langchain_scaffolding.errors import ConfigurationError
from langchain_scaffolding.testing import ScriptedChatModel
from tests.discovery.servers import (
    LLAMA_CPP,
    LM_STUDIO_V0,
    LM_STUDIO_V1,
    OLLAMA,
    OLLAMA_PS,
    OLLAMA_SHOW,
    OLLAMA_TAGS,
    VLLM,
    free_port,
    serving,
)
from tests.paths import call, routing

pytestmark = pytest.mark.enable_socket


def by_name(found: Discovery) -> dict[str, Candidate]:
    return {candidate.name: candidate for candidate in found}


# --- Ollama -----------------------------------------------------------------------------------------------------------


def test_ollama_says_what_its_models_are() -> None:
    with serving(OLLAMA) as server:
        found = OllamaSource(url=server.url).discover()
    qwen = by_name(found)["qwen2:1.5b"]
    assert type(qwen.model).__name__ == "ChatOllama"
    assert (qwen.model.model, qwen.model.base_url) == ("qwen2:1.5b", server.url)
    assert qwen.tags.size_gb == 0.934964102
    assert (qwen.tags.quantization, qwen.tags.local) == ("Q4_0", True)
    assert qwen.tags.capabilities == {"CHAT", "TOOLS", "STRUCTURED_OUTPUT"}
    assert qwen.tags.extra == {
        "source": "ollama",
        "url": server.url,
        "family": "qwen2",
        "parameters": 1_543_714_304,
        "trained_context_length": 32768,
        "loaded": False,
    }
    assert found.troubles == (("ollama", "nomic-embed-text:latest: it writes no text (it can do embedding)"),)


def test_what_is_longer_than_ollamas_context_is_not_sent_to_be_cut_off() -> None:
    modelfile = {**OLLAMA_SHOW["qwen2:1.5b"], "parameters": "num_ctx                        16384\nstop  x"}

    def context(ps: Any = None, show: Any = OLLAMA["/api/show"], **options: Any) -> tuple[Any, ...]:
        with serving({**OLLAMA, "/api/ps": ps or {"models": []}, "/api/show": show}) as server:
            qwen = by_name(OllamaSource(url=server.url, **options).discover())["qwen2:1.5b"]
        return qwen.tags.context_length, qwen.tags.extra["loaded"], qwen.model.num_ctx

    assert context() == (4096, False, None)
    assert context(OLLAMA_PS) == (8192, True, None)
    assert context(show=lambda body: modelfile) == (16384, False, None)
    assert context(OLLAMA_PS, num_ctx=20000) == (20000, True, 20000)
    assert context(num_ctx=100_000) == (32768, False, 32768)


def test_S19_a_model_of_ollamas_cloud_is_not_local() -> None:
    with serving(OLLAMA) as server:
        found = OllamaSource(url=server.url).discover()
        router = ScaffoldingRouterLLM(
            models=found.candidates, profile=RoutingProfile(name="private", local_only=True, deny=["qwen2:1.5b"])
        )
    cloud = by_name(found)["gpt-oss:120b-cloud"]
    assert (cloud.tags.local, cloud.tags.size_gb, cloud.tags.context_length) == (False, None, 131072)
    assert router.explain("hello").names == []


def test_a_model_that_ollama_says_nothing_of_is_found_with_what_the_list_says() -> None:
    with serving({**OLLAMA, "/api/show": 500, "/api/ps": b"<html>"}) as server:
        found = OllamaSource(url=server.url).discover()
    qwen = by_name(found)["qwen2:1.5b"]
    assert (qwen.tags.size_gb, qwen.tags.extra["parameters"]) == (0.934964102, 1_500_000_000)
    assert "loaded" not in qwen.tags.extra
    assert qwen.tags.capabilities == {"CHAT"}
    reasons = [reason for _, reason in found.troubles]
    assert any(reason.startswith("which models are loaded is unknown (127.0.0.1:") for reason in reasons)
    assert any(reason.startswith("qwen2:1.5b: no details (127.0.0.1:") for reason in reasons)


def test_ollama_is_asked_for_details_again_only_of_models_that_changed() -> None:
    tags = {"models": [dict(entry) for entry in OLLAMA_TAGS["models"]]}
    with serving({**OLLAMA, "/api/tags": tags}) as server:
        source = OllamaSource(url=server.url)
        first = source.discover()
        assert server.paths.count("/api/show") == 3
        tags["models"][0]["digest"] = "sha256:new"
        assert by_name(source.discover()).keys() == by_name(first).keys()
        assert server.paths.count("/api/show") == 4


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("", "http://127.0.0.1:11434"),
        ("0.0.0.0:8000", "http://127.0.0.1:8000"),
        (":8000", "http://127.0.0.1:8000"),
        ("[::]:8000", "http://127.0.0.1:8000"),
        ("localhost", "http://localhost:11434"),
        ("https://ollama.example", "https://ollama.example:443"),
        ("http://ollama.example/base", "http://ollama.example:80/base"),
    ],
)
def test_the_address_is_read_as_ollamas_own_programs_read_it(host: str, url: str) -> None:
    assert ollama_url(host) == url


# --- servers that speak OpenAI's protocol -----------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["", "/", "/v1", "/v1/"])
def test_llama_cpp_says_what_its_model_is(suffix: str) -> None:
    with serving(LLAMA_CPP) as server:
        found = OpenAICompatibleSource(url=server.url + suffix, api_key="s3cret").discover()
    (tiny,) = found
    assert {key for _, key in server.asked} == {"Bearer s3cret"}
    assert type(tiny.model).__name__ == "ChatOpenAI"
    assert tiny.model.openai_api_base == f"{server.url}/v1"
    assert (tiny.tags.size_gb, tiny.tags.quantization, tiny.tags.local) == (0.397807936, "Q4_K_M", True)
    assert tiny.tags.context_length == 2048  # of one of four slots, and not of all together
    assert tiny.tags.capabilities == {"CHAT", "STRUCTURED_OUTPUT"}
    assert tiny.tags.extra["guessed"] == ["TOOLS"]
    assert (tiny.tags.extra["parameters"], tiny.tags.extra["loaded"]) == (494_032_768, True)
    assert "s3cret" not in repr(found)


def test_llama_cpp_that_sees_images_says_so() -> None:
    props = {**LLAMA_CPP["/props"], "modalities": {"vision": True, "audio": False}}
    with serving({**LLAMA_CPP, "/props": props}) as server:
        (tiny,) = OpenAICompatibleSource(url=server.url).discover()
    assert tiny.has("VISION")


def test_vllm_says_the_context() -> None:
    with serving(VLLM) as server:
        (qwen,) = OpenAICompatibleSource(url=server.url).discover()
    assert (qwen.tags.context_length, qwen.tags.local) == (16384, True)
    assert server.paths == ["/v1/models"]


def test_S19_a_server_of_which_it_is_unknown_where_it_computes_is_not_local() -> None:
    pages = {"/v1/models": {"object": "list", "data": [{"id": "gpt-5", "object": "model", "owned_by": "openai"}]}}
    with serving(pages) as server:
        (unknown,) = OpenAICompatibleSource(url=server.url).discover()
        known = {"gpt-5": ModelTags(local=True, capabilities={"CHAT", "TOOLS"})}
        (told,) = OpenAICompatibleSource(url=server.url, tags=known).discover()
    assert unknown.tags.local is None
    assert told.tags.local is True
    assert told.has("TOOLS")


# --- LM Studio --------------------------------------------------------------------------------------------------------


def test_lm_studio_says_what_its_models_are() -> None:
    with serving(LM_STUDIO_V1) as server:
        found = LMStudioSource(url=server.url).discover()
    models = by_name(found)
    qwen, gemma = models["qwen/qwen3-vl-4b"], models["gemma-2b"]
    assert (qwen.tags.size_gb, qwen.tags.quantization, qwen.tags.context_length) == (3.3, "Q4_K_M", 8192)
    assert qwen.tags.capabilities == {"CHAT", "VISION", "TOOLS"}
    assert (qwen.tags.extra["loaded"], gemma.tags.extra["loaded"]) == (True, False)
    assert gemma.tags.capabilities == {"CHAT"}
    assert qwen.model.openai_api_base == f"{server.url}/v1"
    assert found.troubles == (
        ("lm_studio", "text-embedding-nomic-embed-text-v1.5: it writes no text (an embedding model)"),
    )


def test_an_older_lm_studio_is_asked_in_the_older_way() -> None:
    with serving(LM_STUDIO_V0) as server:
        models = by_name(LMStudioSource(url=server.url).discover())
    assert server.paths == ["/api/v1/models", "/api/v0/models"]
    sees, llama = models["qwen2-vl-7b-instruct"], models["meta-llama-3.1-8b-instruct"]
    assert (sees.tags.quantization, sees.tags.context_length, sees.tags.size_gb) == ("4bit", 32768, None)
    assert sees.has("VISION")
    assert llama.has("TOOLS")
    assert (llama.tags.context_length, llama.tags.extra["loaded"]) == (4096, True)
    assert sees.tags.extra["loaded"] is False


# --- ready to be called -----------------------------------------------------------------------------------------------


def completion(body: Any) -> Any:
    """An answer of a server that speaks OpenAI's protocol; it says which model it was asked for."""
    message = {"role": "assistant", "content": f"from {body['model']}"}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return {"id": "1", "object": "chat.completion", "created": 1, "model": body["model"], "choices": [choice]}


def chat(body: Any) -> Any:
    """An answer of Ollama."""
    message = {"role": "assistant", "content": f"from {body['model']}"}
    return {"model": body["model"], "message": message, "done": True, "done_reason": "stop"}


@pytest.mark.parametrize("path", ["invoke", "ainvoke"])
@pytest.mark.parametrize(
    ("source", "pages", "name"),
    [
        (OllamaSource, {**OLLAMA, "/api/chat": chat}, "qwen2:1.5b"),
        (OpenAICompatibleSource, {**VLLM, "/v1/chat/completions": completion}, "Qwen/Qwen2.5-7B-Instruct-AWQ"),
        (LMStudioSource, {**LM_STUDIO_V1, "/v1/chat/completions": completion}, "gemma-2b"),
    ],
)
def test_S02_what_was_found_is_ready_to_be_called(source: Any, pages: Any, name: str, path: str) -> None:
    with serving(pages) as server:
        router = ScaffoldingRouterLLM.from_discovery([source(url=server.url)])
        message = call(router, path, "hello", model=name)
    assert (message.content, routing(message)["model"]) == (f"from {name}", name)
    assert server.paths[-1] in {"/api/chat", "/v1/chat/completions"}


@pytest.mark.parametrize(
    ("source", "pages", "name", "page"),
    [
        (OllamaSource, OLLAMA, "qwen2:1.5b", "/api/chat"),
        (OpenAICompatibleSource, VLLM, "Qwen/Qwen2.5-7B-Instruct-AWQ", "/v1/chat/completions"),
    ],
)
def test_S19_a_call_to_this_machine_is_not_led_to_another(source: Any, pages: Any, name: str, page: str) -> None:
    with serving({}) as other, serving({**pages, page: 307}) as server:
        server.location = f"{other.url}/stolen"
        router = ScaffoldingRouterLLM.from_discovery([source(url=server.url)])
        assert routing(router.invoke("hello", model=name))["source"] == "rule_based"
    assert page in server.paths
    assert other.paths == []


# --- hosted models ----------------------------------------------------------------------------------------------------


def test_hosted_models_have_the_tags_of_their_profile_and_are_never_local() -> None:
    profiled = ScriptedChatModel("hi", profile={"tool_calling": True, "max_input_tokens": 200_000})
    source = HostedSource(
        models=["acme:big", "acme:small"],
        tags={"acme:small": ModelTags(extra={"cost": 0.4})},
        options={"timeout": 20},
        open_model=lambda name, **options: profiled if options == {"timeout": 20} else None,
    )
    big, small = source.discover()
    assert (big.name, big.tags.context_length, big.tags.local) == ("acme:big", 200_000, False)
    assert big.has("TOOLS")
    assert small.tags.extra["cost"] == 0.4


def test_a_hosted_model_that_cannot_be_made_is_a_trouble_and_the_others_are_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    models = ["openai:gpt-5-mini", "ollama:qwen2", "anthropic:claude-haiku-4-5"]
    found = HostedSource(models=models).discover()
    assert [candidate.name for candidate in found] == ["ollama:qwen2"]
    (_, refused), (_, missing) = found.troubles
    assert refused == "openai:gpt-5-mini: its class refuses it (OpenAIError); is its key in the environment?"
    assert missing.startswith("anthropic:claude-haiku-4-5: ")
    assert "langchain-anthropic" in missing


def test_names_of_hosted_models_are_a_list() -> None:
    with pytest.raises(ConfigurationError, match="takes a list of names"):
        HostedSource(models="openai:gpt-5-mini")  # type: ignore[arg-type]


# --- what may come from anywhere --------------------------------------------------------------------------------------

SOURCES = [OllamaSource, OpenAICompatibleSource, LMStudioSource]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
KEYS = [
    "name", "id", "key", "type", "size", "size_bytes", "details", "digest", "families", "parameter_size", "meta",
    "quantization", "quantization_level", "capabilities", "loaded_instances", "max_context_length", "max_model_len",
    "owned_by", "architecture", "state", "general.architecture", "model_info", "context_length", "template", "n_ctx",
    "parameters", "remote_host", "default_generation_settings", "modalities", "models",
]  # fmt: skip
ENTRIES = st.lists(st.dictionaries(st.sampled_from(KEYS), JSON, max_size=8) | JSON, max_size=4)


@pytest.mark.parametrize("source", SOURCES)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(entries=ENTRIES, answer=JSON | st.dictionaries(st.sampled_from(KEYS), JSON))
def test_no_answer_breaks_a_source(source: Any, wild: Any, entries: Any, answer: Any) -> None:
    listing = {"models": entries, "data": entries}
    pages = {"/api/tags": listing, "/v1/models": listing, "/api/v1/models": listing}
    wild.pages = {**pages, "/api/show": answer, "/api/ps": answer, "/props": answer, "/api/v0/models": answer}
    try:
        found = source(url=wild.url).discover()
    except SourceUnavailableError:
        return
    for candidate in found:
        assert candidate.tags.context_length is None or candidate.tags.context_length > 0
        assert candidate.name.isprintable()


@pytest.fixture(scope="module")
def wild() -> Any:
    with serving({}) as server:
        yield server


def test_of_a_server_that_lists_without_end_some_models_are_made_ready() -> None:
    names = [{"id": f"m{number}", "name": f"m{number}"} for number in range(20_000)]
    with serving({"/v1/models": {"data": names}, "/api/tags": {"models": names}, "/api/ps": {"models": []}}) as server:
        for source in (OpenAICompatibleSource(url=server.url), OllamaSource(url=server.url, limit_s=20)):
            found = source.discover()
            assert len(found) == 500
            assert found.troubles[-1][1] == "it has more than 500 models; the others are left out"


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("page", [{"hello": 1}, [1, 2], "text", {"models": {}, "data": {}}])
def test_json_of_another_program_is_told_as_such(source: Any, page: Any) -> None:
    pages = dict.fromkeys(("/api/tags", "/v1/models", "/api/v1/models", "/api/v0/models"), page)
    with serving(pages) as server, pytest.raises(SourceUnavailableError, match="what listens there is no"):
        source(url=server.url).discover()


@pytest.mark.parametrize("source", SOURCES)
def test_another_machine_is_asked_only_where_that_is_allowed(source: Any) -> None:
    with pytest.raises(ConfigurationError, match="192.168.1.5 is not this machine"):
        source(url="http://192.168.1.5:1234")
    assert source(url="http://192.168.1.5:1234", allow_remote=True).endpoint.allow_remote


@pytest.mark.parametrize(
    ("source", "pages", "package", "extra"),
    [
        (OllamaSource, OLLAMA, "langchain_ollama", "ollama"),
        (LMStudioSource, LM_STUDIO_V1, "langchain_openai", "openai"),
    ],
)
def test_a_package_that_is_missing_is_told_with_the_line_that_installs_it(
    source: Any, pages: Any, package: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with serving(pages) as server:
        found = discover([source(url=server.url)])
    assert found.candidates == ()
    assert found.troubles[0][1].endswith(f'pip install "langchain-scaffolding[{extra}]"')


# --- many sources -----------------------------------------------------------------------------------------------------


def test_sources_are_asked_at_the_same_time() -> None:
    together = threading.Barrier(3, timeout=10)

    class Slow:
        def __init__(self, name: str) -> None:
            self.name = name

        def discover(self) -> list[Candidate]:
            together.wait()  # breaks unless all three are here at once
            return [Candidate(name=self.name, model=ScriptedChatModel("hi"))]

    found = discover([Slow("c"), Slow("a"), Slow("b")])
    assert [candidate.name for candidate in found] == ["c", "a", "b"]


async def test_the_event_loop_goes_on_while_sources_are_asked() -> None:
    asked, go_on = threading.Event(), threading.Event()

    class Waiting:
        name = "waiting"

        def discover(self) -> list[Candidate]:
            asked.set()
            assert go_on.wait(10)
            return [Candidate(name="late", model=ScriptedChatModel("hi"))]

    search = asyncio.create_task(adiscover([Waiting()]))
    while not asked.is_set():
        await asyncio.sleep(0)
    go_on.set()
    assert [candidate.name for candidate in await search] == ["late"]


def test_S02_a_router_is_made_of_what_several_servers_have() -> None:
    with serving(OLLAMA) as ollama, serving(LLAMA_CPP) as llama_cpp:
        dead = LMStudioSource(url=f"http://127.0.0.1:{free_port()}")
        sources = [OllamaSource(url=ollama.url), OpenAICompatibleSource(url=llama_cpp.url), dead]
        router = ScaffoldingRouterLLM.from_discovery(sources)
    assert [candidate.name for candidate in router.models] == ["qwen2:1.5b", "gpt-oss:120b-cloud", "tiny"]
    assert router.explain("hello").names == ["tiny", "qwen2:1.5b", "gpt-oss:120b-cloud"]


def test_the_default_sources_are_quiet_where_nobody_listens() -> None:
    port = free_port()
    sources = default_sources(environ={"OLLAMA_HOST": f"127.0.0.1:{port}"})
    assert ("ollama", f"nothing listens at 127.0.0.1:{port}") in discover(sources).troubles


def test_an_ollama_on_another_machine_is_a_trouble_unless_it_is_allowed() -> None:
    environ = {"OLLAMA_HOST": "10.1.2.3"}
    refused = discover(source for source in default_sources(environ=environ) if source.name == "ollama")
    (reason,) = [reason for name, reason in refused.troubles if name == "ollama"]
    assert reason == "OLLAMA_HOST='10.1.2.3': 10.1.2.3 is not this machine. Allow it with `allow_remote=True`."
    allowed = next(source for source in default_sources(environ=environ, allow_remote=True) if source.name == "ollama")
    assert isinstance(allowed, OllamaSource)
