"""`profiles check`: whether a file of profiles, or of a router, is right."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from langchain_scaffolding.cli.options import JsonOption, out, print_error, print_json
from langchain_scaffolding.errors import ConfigurationError

if TYPE_CHECKING:
    from langchain_scaffolding.config import Profiles, RoutingProfile

app = typer.Typer(help="Profiles: what may be called.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Profiles: what may be called."""


@app.command()
def check(
    file: Annotated[
        str | None,
        typer.Argument(metavar="FILE", help="TOML or YAML; by default what LANGCHAIN_SCAFFOLDING_PROFILE names."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check a file of profiles or of a whole router. A line for each fault, and exit code 1 if there is any."""
    from langchain_scaffolding.settings.profile_file import VARIABLE

    path = file or os.environ.get(VARIABLE, "").partition("#")[0]
    if not path:
        raise ConfigurationError(f"Name a file, or set {VARIABLE}.")
    try:
        profiles = _checked(path)
    except ConfigurationError as error:
        if as_json:
            print_json({"ok": False, "faults": str(error).splitlines(), "profiles": {}})
        else:
            print_error(error)
        raise typer.Exit(1) from None
    if as_json:
        print_json({"ok": True, "faults": [], "profiles": {each.name: _settings(each) for each in profiles}})
    else:
        out.print(_table(profiles))


def _checked(path: str) -> Profiles:
    from langchain_scaffolding.settings.document import read_document
    from langchain_scaffolding.settings.profile_file import profiles_of
    from langchain_scaffolding.settings.router_file import check as check_names
    from langchain_scaffolding.settings.schema import RouterFile, checked

    document = read_document(path)
    check_names(document, checked(document, RouterFile))
    return profiles_of(document)


def _settings(profile: RoutingProfile) -> dict[str, Any]:
    return profile.model_dump(mode="json", exclude_unset=True, exclude={"name"})


def _table(profiles: Profiles) -> Table:
    table = Table(caption="The file is right.", caption_justify="left")
    table.add_column("profile")
    table.add_column("holds")
    table.add_column("settings", overflow="fold")
    always = {each.name for each in profiles.always}
    for profile in {each.name: each for each in profiles}.values():
        settings = ", ".join(f"{name} = {_written(value)}" for name, value in _settings(profile).items())
        holds = "always" if profile.name in always else "when chosen"
        note = " (permits no model)" if profile.allow == () else ""
        table.add_row(escape(profile.name), holds, escape(f"{settings or 'none'}{note}"))
    return table


def _written(value: Any) -> str:
    import json

    return json.dumps(value, ensure_ascii=False)
