"""The page on scaffolds is run as it stands."""

from __future__ import annotations

from typing import Any

import pytest

from langchain_scaffolding.testing import ScriptedChatModel
from tests.scaffolds.pages import DOCS, good_answer, run_page
from tests.scaffolds.texts import BRIDGE


async def test_every_block_of_the_page_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("langchain_scaffolding.tasks.registry._registered", {})
    small, large, other = (ScriptedChatModel(good_answer, name=name) for name in ("small", "large", "other"))
    names: dict[str, Any] = {
        "text": BRIDGE,
        "models": [small, large],
        "small": small,
        "large": large,
        "other": other,
        "big_model": large,
    }
    assert await run_page(DOCS / "scaffolds.md", names) >= 4
    assert names["result"].model_used == "large"
    assert names["scaffold"]("tags", ScriptedChatModel("a, b, c")).invoke(BRIDGE).points == ["a", "b", "c"]
    assert names["scaffold"]("tags").invoke(BRIDGE).model_used == "rules"
