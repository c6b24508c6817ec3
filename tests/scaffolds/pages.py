"""Pages of the documentation whose code is run as it stands."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

from tests.scaffolds.texts import ANSWERS

DOCS = Path(__file__).parent.parent.parent / "docs"
BLOCKS = re.compile(r"```python\n(.*?)```", re.DOTALL)
ASKED = {
    "outline of": "outline",
    "Summarize": "summary",
    "think through": "reasoning",
    "structure of": "structure",
    "a title": "title",
}


def good_answer(messages: list[Any], _: Any) -> str:
    """What a good model says to any of the tasks."""
    asked = str(messages[0].text)
    return next((ANSWERS[task] for words, task in ASKED.items() if words in asked), "The second shop.")


def blocks_of(page: Path) -> list[re.Match[str]]:
    return list(BLOCKS.finditer(page.read_text(encoding="utf-8")))


async def run_page(page: Path, names: dict[str, Any]) -> int:
    """Run the blocks of a page in one namespace, in order; how many there are."""
    blocks = blocks_of(page)
    for block in blocks:
        running = FunctionType(_code(page, block), names)()
        if inspect.isawaitable(running):
            await running
    return len(blocks)


def _code(page: Path, block: re.Match[str]) -> CodeType:
    """A block as code that may await, with the line numbers of the page."""
    code = "\n" * block.string.count("\n", 0, block.start(1)) + block[1]
    compiled: CodeType = compile(code, str(page), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    return compiled
