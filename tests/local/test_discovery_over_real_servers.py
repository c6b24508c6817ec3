"""Discovery over real HTTP: llama.cpp's own server, found, tagged, called, killed, and gone within one interval."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from langchain_scaffolding import RoutingProfile, ScaffoldingRouterLLM
from langchain_scaffolding.discovery import OpenAICompatibleSource, adiscover
from langchain_scaffolding.local.engine import LocalServer
from tests.local.conftest import cached
from tests.paths import PATHS, call, routing

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

PRIVATE = RoutingProfile(name="private", local_only=True)


@pytest.fixture(params=["tiny", pytest.param("real", marks=pytest.mark.local)])
def servers(request: pytest.FixtureRequest, tiny: Path, polite: Path) -> Iterator[list[LocalServer]]:
    """A server of a quantized model, and one of a model that is not or less so."""
    files = [polite, tiny] if request.param == "tiny" else [cached("smollm2"), cached("smollm2-q8")]
    with ExitStack() as stack:
        yield [stack.enter_context(LocalServer(file, n_ctx=1024, n_threads=1)) for file in files]


def sources_of(servers: list[LocalServer]) -> list[OpenAICompatibleSource]:
    return [
        OpenAICompatibleSource(
            url=server.url,
            name=f"server of {server.name}",
            api_key=server._key,
            limit_s=30,
            options={"temperature": 0},
        )
        for server in servers
    ]


async def test_both_servers_are_found_with_what_their_models_are(servers: list[LocalServer]) -> None:
    found = await adiscover(sources_of(servers))
    assert found.troubles == ()
    for server, candidate in zip(servers, found, strict=True):
        header, tags = server.header, candidate.tags
        assert candidate.name == server.name
        assert tags.quantization == header.quantization
        assert tags.size_gb == pytest.approx(header.size_gb, rel=0.05)  # llama.cpp counts the tensors alone
        assert tags.context_length == server.context_length
        assert tags.extra["parameters"] == header.parameters
        assert tags.extra["trained_context_length"] == header.context_length
        assert (tags.local, tags.extra["loaded"]) == (True, True)


@pytest.mark.parametrize("path", PATHS)
def test_S02_a_call_is_answered_by_the_model_that_was_chosen_and_by_the_other_once_it_is_killed(
    path: str, servers: list[LocalServer]
) -> None:
    router = ScaffoldingRouterLLM.from_discovery(sources_of(servers), live=True, interval_s=3600, profile=PRIVATE)
    first, second = router.explain("Name three fruits.").names
    by_name = {server.name: server for server in servers}
    for name, other in ((first, second), (second, None)):
        message = call(router, path, "Name three fruits.", max_tokens=24)
        assert message.text
        # the name is the server's own word, and the tokens its own count
        assert (routing(message)["model"], message.response_metadata["model_name"]) == (name, name)
        assert message.usage_metadata["output_tokens"] <= 24
        by_name[name].close()
        router.discovery.refresh()
        ranking = router.explain("Name three fruits.")
        assert ranking.names == ([] if other is None else [other])
        assert "nothing listens at 127.0.0.1" in {each.name: each.reason for each in ranking.rejected}[name]
    assert routing(call(router, path, "Name three fruits."))["source"] == "rule_based"


def test_S02_a_killed_server_leaves_within_one_interval_while_calls_go_on(servers: list[LocalServer]) -> None:
    router = ScaffoldingRouterLLM.from_discovery(sources_of(servers), live=True, interval_s=0.05)
    changed = Changed(router)
    winner = router.explain("hi").names[0]
    next(server for server in servers if server.name == winner).close()
    assert routing(router.invoke("hi", max_tokens=24))["source"] == "llm"  # by the other, known or not
    assert changed.event.wait(60)
    assert winner not in router.explain("hi").names
    router.discovery.close()


class Changed:
    """Hears that discovery has found something else."""

    def __init__(self, router: ScaffoldingRouterLLM) -> None:
        self.event = threading.Event()
        router.discovery.subscribe(self.hear)

    def hear(self) -> None:
        self.event.set()
