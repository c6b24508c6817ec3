"""One readable line for each decision, and never a word of the prompt."""

from __future__ import annotations

import logging

import pytest

from langchain_scaffolding import Candidate, ScaffoldingRouterLLM
from langchain_scaffolding.testing import ScriptedChatModel
from tests.paths import PATHS, call

SEED_NAME = "kari.intelligent_scaffolding_service"
OUR_NAME = "langchain_scaffolding"


def router() -> ScaffoldingRouterLLM:
    small = ScriptedChatModel("ok", name="small", metadata={"size_gb": 1.5, "context_length": 100})
    painter = ScriptedChatModel("ok", name="painter", metadata={"capabilities": ["IMAGE"]})
    return ScaffoldingRouterLLM(models=[small, painter])


def decisions(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if " -> small" in record.getMessage()]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", [OUR_NAME, SEED_NAME])
def test_S22_debugging_shows_each_decision_once_with_points_and_reasons(
    path: str, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    one = router()
    with caplog.at_level(logging.DEBUG, logger=name):
        for _ in range(2):
            call(one, path, "secret words", task="title")
    first, second = decisions(caplog)
    assert first.getMessage() == (
        "task 'title' -> small | ranked small=4 (size 3 capability 1 latency 0 quantization 0)"
        " | rejected painter: has IMAGE, needs CHAT or REASONING"
    )
    assert "latency 2" in second.getMessage()
    assert "secret words" not in caplog.text


@pytest.mark.parametrize("path", PATHS)
def test_S22_both_names_at_once_show_no_decision_twice(path: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, OUR_NAME)
    caplog.set_level(logging.DEBUG, SEED_NAME)
    call(router(), path, task="title")
    assert len(decisions(caplog)) == 1


def test_S22_decisions_that_cannot_be_kept_are_shown_too(caplog: pytest.LogCaptureFixture) -> None:
    def only_small(_request: object, candidate: Candidate) -> str | None:
        return None if candidate.name == "small" else "not small"

    with caplog.at_level(logging.DEBUG, OUR_NAME):
        ScaffoldingRouterLLM(models=router().models, filters=[only_small]).invoke("x")
    assert len(decisions(caplog)) == 1


@pytest.mark.parametrize("path", PATHS)
def test_nothing_is_logged_unless_somebody_asks(path: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        call(router(), path, task="title")
    assert [record for record in caplog.records if record.name.startswith((OUR_NAME, "kari"))] == []
