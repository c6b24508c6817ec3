"""What the page of comparisons says of this router and of `with_fallbacks` is what they do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.behaviour import ENTRANTS, PROBES, hang
from benchmarks.failing_server import Server, serving

PAGE = Path(__file__).parents[2] / "docs" / "comparison.md"

pytestmark = [pytest.mark.enable_socket, pytest.mark.allow_hosts(["127.0.0.1"])]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving() as there:
        yield there


def column(number: int) -> list[str]:
    """What the page says in a column, without its head and the count of packages."""
    rows = re.findall(r"^\| (.*) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return [row.split(" | ")[number].replace("*", "").replace("`", "") for row in rows[1 : 1 + len(PROBES)]]


def test_this_router_does_what_the_page_says(server: Server) -> None:
    said = column(1)
    assert said == ["1 call", *["yes"] * 4, "error with the text so far", "yes", "yes", "rules, labelled", *["yes"] * 3]
    _, made = ENTRANTS["langchain-scaffolding"]
    found = [probe(server, made(server)) for probe in PROBES.values()]
    assert found == ["yes, 1 call", *["yes"] * 4, "StreamBrokenError, keeps the text so far", *["yes"] * 6]


def test_with_fallbacks_does_what_the_page_says(server: Server) -> None:
    said = dict(zip(PROBES, column(2), strict=True))
    _, made = ENTRANTS["with_fallbacks"]
    for question, probe in PROBES.items():
        if probe is not hang:  # which takes as long as the hanging model does
            found = probe(server, made(server))
            assert found.startswith("yes") == (said[question] in {"yes", "1 call"}), (question, found)
