"""Every Python block of the README and of each page in `docs/` runs, and prints what the page says it prints.

The blocks of a page run in order, in one namespace that holds a `text`, and may `await`. What a block prints stands in
lines that begin with `# ->`. `<!-- skip: reason -->` on the line before a block leaves it out.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
_BLOCK = re.compile(
    r"(?:^ *<!-- skip(?P<reason>[^\n]*?) *-->\n+)?^(?P<indent> *)```python\n(?P<code>.*?)^(?P=indent)```",
    re.MULTILINE | re.DOTALL,
)
_PRINTED = re.compile(r"^ *# -> ?(.*)$", re.MULTILINE)


class Block(NamedTuple):
    line: int
    code: str
    reason: str | None


def blocks_of(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [
        Block(text.count("\n", 0, match.start("code")) + 1, dedent(match["code"]), match["reason"])
        for match in _BLOCK.finditer(text)
    ]


PAGES = {str(page.relative_to(ROOT)): page for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))}

# pages whose blocks are about services and models that a page does not show, which tests of their own provide
ELSEWHERE = {"docs/migrating.md": "tests/test_migrating.py", "docs/scaffolds.md": "tests/scaffolds/test_page.py"}
GIVEN = {"text": "Tea is made of leaves. First the water is boiled. Then it is poured over the leaves, and they steep."}


@pytest.mark.parametrize("page", [name for name, page in PAGES.items() if blocks_of(page) and name not in ELSEWHERE])
def test_the_python_blocks_of_a_page_run_and_print_what_it_says(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    namespace: dict[str, object] = {"__name__": "__main__", **GIVEN}
    for block in blocks_of(PAGES[page]):
        if block.reason is None:
            run(block, f"{page}:{block.line}", namespace)
            printed, expected = capsys.readouterr().out.splitlines(), _PRINTED.findall(block.code)
            assert not expected or printed == expected, f"{page}:{block.line} prints {printed}"


def run(block: Block, name: str, namespace: dict[str, object]) -> None:
    """Run a block; its lines are numbered as on the page, so that an error shows where it stands."""
    source = "\n" * (block.line - 1) + block.code
    code = compile(source, name, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    if code.co_flags & inspect.CO_COROUTINE:
        asyncio.run(eval(code, namespace))  # noqa: S307 - our own documentation
    else:
        exec(code, namespace)  # noqa: S102 - our own documentation


@pytest.mark.parametrize("page", ELSEWHERE)
def test_a_page_that_is_left_out_here_is_run_elsewhere(page: str) -> None:
    assert page in PAGES
    assert Path(page).name in (ROOT / ELSEWHERE[page]).read_text(encoding="utf-8")


def test_every_story_of_why_not_with_fallbacks_names_its_test_and_every_test_has_its_story() -> None:
    page = (ROOT / "docs" / "why-not-with-fallbacks.md").read_text(encoding="utf-8")
    module = (ROOT / "tests" / "langchain" / "test_github_issues.py").read_text(encoding="utf-8")
    told, tested = (
        set(re.findall(r"`(test_\w+)`", page)),
        set(re.findall(r"^(?:async )?def (test_\w+)", module, re.MULTILINE)),
    )
    stories = {name.split("_")[1] for name in told}
    assert told <= tested
    assert {name for name in tested if name.split("_")[1] not in stories} == set()


@pytest.mark.parametrize("page", PAGES)
def test_whoever_leaves_a_block_out_says_why(page: str) -> None:
    reasons = [block.reason for block in blocks_of(PAGES[page]) if block.reason is not None]
    assert all(re.fullmatch(r": *\S.*", reason) for reason in reasons)


def test_every_page_is_in_the_navigation_of_the_site_and_no_other() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")[2].partition("\n\n")[0]
    there = {str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md")}
    assert set(re.findall(r"[\w/-]+\.md", navigation)) == there, "name the page in the `nav` of mkdocs.yml"


def test_the_reference_shows_every_room_that_says_what_it_offers() -> None:
    """`make docs` looks in the site for each name."""
    shown = {
        room
        for page in (ROOT / "docs" / "reference").glob("*.md")
        for room in re.findall(r"^::: langchain_scaffolding\.(\w+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    }
    rooms = {
        file.parent.name
        for file in (ROOT / "langchain_scaffolding").glob("*/__init__.py")
        if "__all__" in file.read_text(encoding="utf-8")
    }
    assert rooms - shown - {"attempts", "cli"} == set()  # of `attempts` the chain is shown, which is what one meets


def test_the_design_has_every_room_on_its_floor() -> None:
    page = (ROOT / "docs" / "design.md").read_text(encoding="utf-8").partition("## Floors")[2].partition("\n## ")[0]
    layers = (ROOT / "pyproject.toml").read_text(encoding="utf-8").partition("layers = [")[2].partition("]")[0]
    assert set(re.findall(r"`(\w+)`", page)) - {"pyproject"} == set(re.findall(r"\w+", layers)) - {"__main__"}


def test_the_checks_find_blocks_and_can_fail(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# A\n\n```python\nx = 1\n```\n\n<!-- skip: needs a network -->\n```python\n1 / 0\n```\n\n"
        "- in a list\n\n  ```python\n  print(await later(x))\n  # -> 2\n  ```\n\n```bash\nls\n```\n",
        encoding="utf-8",
    )
    first, skipped, last = blocks_of(page)
    assert (first.line, first.code, first.reason) == (4, "x = 1\n", None)
    assert skipped.reason == ": needs a network"
    assert last.code == "print(await later(x))\n# -> 2\n"

    async def later(number: int) -> int:
        return number + 1

    namespace: dict[str, object] = {"later": later}
    run(first, "page", namespace)
    run(last, "page", namespace)
    assert capsys.readouterr().out.splitlines() == _PRINTED.findall(last.code) == ["2"]
    with pytest.raises(ZeroDivisionError):
        run(skipped, "page", namespace)
