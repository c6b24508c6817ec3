"""Every command that README and docs name is there: targets of make, extras of pip, and commands with their options."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer

from langchain_scaffolding.cli.app import app

ROOT = Path(__file__).parents[1]
PAGES = {
    str(page.relative_to(ROOT)): page
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")))
}
_BLOCK = re.compile(r"^```bash\n(.*?)^```", re.MULTILINE | re.DOTALL)
_OURS = re.compile(r"^(?:python -m langchain_scaffolding|langchain-scaffolding)\b")
_TARGET = re.compile(r"\bmake ([a-z][a-z-]*)`")


def commands_of(page: Path) -> list[str]:
    """The lines of its bash blocks, without comments, pipes and redirections."""
    lines = "".join(_BLOCK.findall(page.read_text(encoding="utf-8"))).splitlines()
    return [re.split(r" +#| \| | < | > ", line)[0].strip() for line in lines if line.strip()]


def parse(line: str) -> None:
    """Have the command line read a command, and do nothing."""
    _, *words = shlex.split(_OURS.sub("us", line))
    command: Any = typer.main.get_command(app)
    context = command.make_context("us", list(words), resilient_parsing=not words)
    while (rest := [*context._protected_args, *context.args]) and hasattr(command, "resolve_command"):
        name, command, rest = command.resolve_command(context, rest)
        context = command.make_context(name, rest, parent=context)


TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
EXTRAS = set(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"])


@pytest.mark.parametrize("page", PAGES)
def test_the_commands_of_a_page_are_there(page: str) -> None:
    named = set(_TARGET.findall(PAGES[page].read_text(encoding="utf-8")))
    for line in commands_of(PAGES[page]):
        if line.startswith("make "):
            named.update(line.split()[1:2])
        elif line.startswith("pip install"):
            asked = {extra for found in re.findall(r"scaffolding\[([\w,]+)\]", line) for extra in found.split(",")}
            assert asked <= EXTRAS, line
        elif _OURS.match(line) and "--install-completion" not in line:
            parse(line)
    assert named <= TARGETS, page


def test_a_command_that_there_is_not_is_found() -> None:
    parse("langchain-scaffolding models list")
    for wrong in ("langchain-scaffolding nonsense", "langchain-scaffolding models list --nonsense"):
        with pytest.raises(Exception, match="nonsense"):
            parse(wrong)
