"""The page on migrating is run as it stands."""

from __future__ import annotations

from typing import Any

import pytest

from langchain_scaffolding import service
from langchain_scaffolding.testing import ScriptedChatModel
from tests.scaffolds.pages import DOCS, good_answer, run_page
from tests.scaffolds.texts import BRIDGE

PAGE = DOCS / "migrating.md"


@pytest.mark.filterwarnings("ignore:`TinyLlama:DeprecationWarning", "ignore:`wrap_tinyllama:DeprecationWarning")
async def test_S29_every_block_of_the_page_runs(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(service, "_shared", {})

    def log_lines() -> list[str]:
        return caplog.text.splitlines()

    names: dict[str, Any] = {
        "text": BRIDGE,
        "old_service": object(),
        "log_lines": log_lines,
        "models": [
            ScriptedChatModel(good_answer, name="tiny", metadata={"size_gb": 1.1, "capabilities": ["CHAT"]}),
            ScriptedChatModel(good_answer, name="large", metadata={"size_gb": 14, "capabilities": ["CHAT"]}),
        ],
    }
    with caplog.at_level("DEBUG", logger="langchain_scaffolding"):
        assert await run_page(PAGE, names) >= 11


def test_S29_the_three_checklists_are_there() -> None:
    source = PAGE.read_text(encoding="utf-8")
    for heading in ("### For system administrators", "### For developers", "### For users"):
        assert heading in source
