"""What the commands share: their options, the two consoles, and how machines are told."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text as Line

out = Console()
err = Console(stderr=True)


def _tasks(incomplete: str) -> list[str]:
    from langchain_scaffolding.tasks import known_tasks

    return [name for name in known_tasks(()) if name.startswith(incomplete)]


def _weights(incomplete: str) -> list[str]:
    from langchain_scaffolding.local.weights import CATALOGUE

    return [name for name in CATALOGUE if name.startswith(incomplete)]


Text = Annotated[str, typer.Argument(help="The text; - reads standard input.")]
TaskOption = Annotated[
    str, typer.Option("--task", "-t", help="outline, reasoning, structure, summary, title ...", autocompletion=_tasks)
]
ConfigOption = Annotated[
    str | None,
    typer.Option("--config", "-c", metavar="FILE", help="A router file: TOML or YAML.", show_default=False),
]
ModelOption = Annotated[
    list[str] | None,
    typer.Option(
        "--model",
        "-m",
        metavar="WHERE",
        help="A GGUF file, a folder of them, a server (http://127.0.0.1:8080), or weights of `models get`. Repeat for "
        "more. By default what is found on this machine.",
        autocompletion=_weights,
        show_default=False,
    ),
]
ProfileOption = Annotated[
    str | None, typer.Option("--profile", "-p", metavar="NAME", help="The profile that holds.", show_default=False)
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
WeightsArgument = Annotated[list[str], typer.Argument(help="Names from `models list`.", autocompletion=_weights)]


def print_json(facts: Any) -> None:
    """Print facts for machines, on one line."""
    print(json.dumps(facts, ensure_ascii=False, default=str))


def print_error(error: BaseException) -> None:
    """Print what is wrong to standard error, a line for each fault."""
    for line in str(error).splitlines():
        err.print(Line.assemble(("Error: ", "bold red"), line), soft_wrap=True)


def configured(profile: str | None) -> Any:
    """LangChain's config for calls that choose a profile; `None` for those that choose none."""
    return None if profile is None else {"configurable": {"routing_profile": profile}}
