"""The router over a real engine: two models whose words prove which of them answered."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from langchain_scaffolding import ScaffoldingRouterLLM
from langchain_scaffolding.local.engine import LocalServer
from tests.paths import PATHS, call, routing

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])


@pytest.fixture
def servers(tiny: Path, polite: Path) -> Iterator[list[LocalServer]]:
    with LocalServer(tiny, n_threads=1) as first, LocalServer(polite, n_threads=1) as second:
        yield [first, second]


def router_over(servers: list[LocalServer]) -> ScaffoldingRouterLLM:
    return ScaffoldingRouterLLM(models=[each.chat_model(temperature=0) for each in servers])


@pytest.mark.parametrize("path", PATHS)
def test_the_quantized_model_wins_by_the_tags_in_its_file_and_its_words_come_back(
    path: str, servers: list[LocalServer]
) -> None:
    router = router_over(servers)
    parts = {entry.name: entry.parts["quantization"] for entry in router.explain("hi").ranked}
    assert parts == {"polite": 1.0, "tiny": 0.0}
    message = call(router, path, "hi")
    assert message.content == "ok."
    assert routing(message)["model"] == "polite"
    row = router.performance.snapshot()[0]
    assert (row.model, row.measured) == ("polite", 1)
    assert row.latency_mean_s > 0


@pytest.mark.parametrize("path", PATHS)
def test_the_winner_is_taken_away_and_then_all(path: str, servers: list[LocalServer]) -> None:
    router = router_over(servers)
    servers[1].close()
    message = call(router, path, "hi", max_tokens=8)
    assert message.content == "tiny tin"
    attempts = [(attempt["model"], attempt["error"]) for attempt in routing(message)["attempts"]]
    assert attempts == [("polite", "connection"), ("tiny", None)]
    servers[0].close()
    text = "Tea is made of leaves. Water is boiled first. It is poured over them."
    message = call(router, path, text, task="summary")
    assert routing(message)["source"] == "rule_based"
