"""`doctor`: why models are not called, and why calls are slow or inconsistent, with what to change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from langchain_scaffolding.cli.options import ConfigOption, JsonOption, ModelOption, ProfileOption, err, out, print_json
from langchain_scaffolding.cli.routers import open_router

if TYPE_CHECKING:
    from langchain_scaffolding.doctor import Diagnosis, Finding

_STYLES = {"error": "bold red", "warning": "bold yellow", "note": "bold cyan"}


def doctor(
    text: Annotated[str, typer.Argument(help="The text that models are held against.")] = "A title for a text on tea.",
    task: Annotated[
        list[str] | None, typer.Option("--task", "-t", help="A task; repeat for more. By default all.")
    ] = None,
    config: ConfigOption = None,
    model: ModelOption = None,
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell what is wrong and what to change: no suitable model, slow, inconsistent. Exit code 1 if anything is."""
    from langchain_scaffolding.doctor import diagnose

    with open_router(config, model, may_be_empty=True) as router, err.status("looking for what is wrong ..."):
        diagnosis = diagnose(router, text=text, tasks=task or None, profile=profile)
    if as_json:
        print_json(diagnosis.as_dict())
    else:
        _show(diagnosis)
    if not diagnosis.ok:
        raise typer.Exit(1)


def _show(diagnosis: Diagnosis) -> None:
    for finding in diagnosis:
        out.print(_title(finding), soft_wrap=True)
        facts = Table.grid(padding=(0, 1))
        facts.add_column(style="dim")
        facts.add_column(overflow="fold")
        for name in ("found", "needed", "fix"):
            facts.add_row(f"  {name}", Text(getattr(finding, name)))
        out.print(facts)
    verdict = "Nothing to change." if diagnosis.ok else "Something should be changed: see the fixes above."
    out.print(Text(verdict, style="green" if diagnosis.ok else "yellow"))


def _title(finding: Finding) -> Text:
    about = finding.constraint if finding.model is None else f"{finding.model}: {finding.constraint}"
    tasks = f" ({', '.join(finding.tasks)})" if finding.tasks else ""
    return Text.assemble((finding.severity, _STYLES[finding.severity]), f" {finding.trouble}: ", (about, "bold"), tasks)
