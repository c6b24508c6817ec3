"""`discover`: which models are there, what is known of them, and why others are left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from langchain_scaffolding.cli.options import ConfigOption, JsonOption, ModelOption, out, print_json
from langchain_scaffolding.cli.routers import open_router

if TYPE_CHECKING:
    from langchain_scaffolding.candidates import Candidate
    from langchain_scaffolding.discovery import LiveDiscovery

_FACTS = (
    "source",
    "family",
    "parameters",
    "active_parameters",
    "trained_context_length",
    "loaded",
    "guessed",
    "licence",
)


def discover(config: ConfigOption = None, model: ModelOption = None, as_json: JsonOption = False) -> None:
    """Find models: GGUF files, Ollama, LM Studio, llama.cpp. Exit code 1 if there is none."""
    with open_router(config, model, may_be_empty=True) as router:
        troubles = _troubles(router.discovery)
        if as_json:
            reasons = [{"source": source, "reason": reason} for source, reason in troubles]
            print_json({"models": [_facts(each) for each in router.models], "troubles": reasons})
        else:
            _show(router.models, troubles)
        if not router.models:
            raise typer.Exit(1)


def _troubles(discovery: LiveDiscovery | None) -> tuple[tuple[str, str], ...]:
    return () if discovery is None else discovery.found.troubles


def _facts(candidate: Candidate) -> dict[str, Any]:
    tags = candidate.tags
    return {
        "name": candidate.name,
        "local": tags.local,
        "size_gb": tags.size_gb,
        "quantization": tags.quantization,
        "context_length": tags.context_length,
        "capabilities": sorted(tags.capabilities or ()),
        "class": type(candidate.chat_model).__name__,
        **{name: tags.extra.get(name) for name in _FACTS},
        "at": tags.extra.get("url") or tags.extra.get("path"),
    }


def _show(models: tuple[Candidate, ...], troubles: tuple[tuple[str, str], ...]) -> None:
    if models:
        out.print(models_table(models))
    else:
        out.print("No model was found.")
    for source, reason in troubles:
        out.print(Text.assemble(("  - ", "dim"), (source, "bold"), f": {reason}"), soft_wrap=True)


def models_table(models: tuple[Candidate, ...]) -> Table:
    """What is known of each model; a question mark stands behind what is only guessed."""
    table = Table(box=SIMPLE_HEAD)
    table.add_column("model", overflow="fold")
    for name in ("source", "size", "context"):
        table.add_column(name)
    table.add_column("can", overflow="fold")
    table.add_column("state")
    for candidate in models:
        tags = candidate.tags
        table.add_row(
            escape(candidate.name),
            escape(str(tags.extra.get("source", "configured"))),
            escape(_size(candidate)),
            "" if tags.context_length is None else f"{tags.context_length:,}",
            escape(_abilities(candidate)),
            _state(candidate),
        )
    return table


def _size(candidate: Candidate) -> str:
    size = candidate.tags.size_gb
    facts = (None if size is None else f"{size:.2g} GB" if size < 10 else f"{size:.0f} GB", candidate.tags.quantization)
    return " ".join(fact for fact in facts if fact)


def _abilities(candidate: Candidate) -> str:
    stated = sorted(candidate.tags.capabilities or ())
    guessed = [f"{name}?" for name in candidate.tags.extra.get("guessed", []) if name not in stated]
    return ", ".join([*stated, *guessed]).lower()


def _state(candidate: Candidate) -> str:
    where = {True: "local", False: "hosted", None: ""}[candidate.tags.local]
    loaded = candidate.tags.extra.get("loaded")
    return ", ".join(word for word in (where, "" if loaded is None else "loaded" if loaded else "not loaded") if word)
