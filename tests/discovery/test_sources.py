"""Models are found by sources, also by those of others."""

from __future__ import annotations

import pytest

from langchain_scaffolding import ScaffoldingRouterLLM
from langchain_scaffolding.discovery.base import discover
from langchain_scaffolding.errors import ConfigurationError
from tests.paths import PATHS, call, routing
from tests.plugins.shelf_source import ShelfSource


@pytest.mark.parametrize("path", PATHS)
def test_S28_a_router_routes_to_what_a_source_of_others_found(path: str) -> None:
    router = ScaffoldingRouterLLM.from_discovery([ShelfSource("a", "b"), ShelfSource(locked=True)])
    message = call(router, path)
    assert (message.content, routing(message)["model"]) == ("from a", "a")


def test_a_source_that_cannot_be_asked_is_a_reason_and_not_an_exception() -> None:
    found = discover([ShelfSource(locked=True), ShelfSource("a"), ShelfSource("a", "b")])
    assert [candidate.name for candidate in found.candidates] == ["a", "b"]
    assert found.troubles == (
        ("shelf", "the shelf is locked; ask the porter"),
        ("shelf", "'a' was found before, by that name"),
    )


def test_what_was_found_is_printed_a_line_each() -> None:
    assert str(discover([ShelfSource("a"), ShelfSource("b", locked=True)])).splitlines() == [
        "a: 1 GB · CHAT",
        "- shelf: the shelf is locked; ask the porter",
    ]


def test_a_bug_in_a_source_is_raised() -> None:
    class Broken:
        name = "broken"

        def discover(self) -> list[object]:
            return {}["missing"]

    with pytest.raises(KeyError):
        discover([Broken()])


def test_where_nothing_is_found_the_error_says_why() -> None:
    with pytest.raises(ConfigurationError, match="No model was found .shelf: the shelf is locked; ask the porter."):
        ScaffoldingRouterLLM.from_discovery([ShelfSource(locked=True)])
