"""The page on migrating is run as it stands."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import pytest

from langchain_scaffolding import service
from langchain_scaffolding.testing import ScriptedChatModel
from tests.scaffolds.texts import ANSWERS, BRIDGE

PAGE = Path(__file__).parent.parent / "docs" / "migrating.md"
BLOCKS = re.compile(r"```python\n(.*?)```", re.DOTALL)


def answer(messages: list[Any], _: Any) -> str:
    """What a good model says to any of the tasks."""
    asked = str(messages[0].text)
    kinds = {"outline of": "outline", "Summarize": "summary", "think through": "reasoning"}
    return next(ANSWERS[task] for words, task in kinds.items() if words in asked)


def code_of(block: re.Match[str]) -> CodeType:
    """A block as code that may await, with the line numbers of the page."""
    code = "\n" * block.string.count("\n", 0, block.start(1)) + block[1]
    compiled: CodeType = compile(code, str(PAGE), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    return compiled


@pytest.mark.filterwarnings("ignore:`.*tiny:DeprecationWarning", "ignore:`TinyLlama:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:`wrap_tinyllama:DeprecationWarning")
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
            ScriptedChatModel(answer, name="tiny", metadata={"size_gb": 1.1, "capabilities": ["CHAT"]}),
            ScriptedChatModel(answer, name="large", metadata={"size_gb": 14, "capabilities": ["CHAT"]}),
        ],
    }
    blocks = list(BLOCKS.finditer(PAGE.read_text(encoding="utf-8")))
    assert len(blocks) >= 11
    with caplog.at_level("DEBUG", logger="langchain_scaffolding"):
        for block in blocks:
            running = FunctionType(code_of(block), names)()
            if inspect.isawaitable(running):
                await running


def test_S29_the_three_checklists_are_there() -> None:
    source = PAGE.read_text(encoding="utf-8")
    for heading in ("### For system administrators", "### For developers", "### For users"):
        assert heading in source
