"""Local models for the command line: fetched and started with progress on the screen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

if TYPE_CHECKING:
    from langchain_scaffolding.local.engine import LocalServer

console = Console(stderr=True)


def weights_table() -> Table:
    """The weights that can be fetched, and which are here."""
    from langchain_scaffolding.local.weights import CATALOGUE, available

    here = available()
    table = Table("name", "what it is", "on this machine")
    for name, item in CATALOGUE.items():
        table.add_row(name, item.about, "yes" if name in here else f"no: models get {name}")
    return table


def ensure_weights(names: Sequence[str]) -> dict[str, Path]:
    """The files of weights by name, fetched or made where they are missing."""
    from langchain_scaffolding.local.weights import available, get

    here = available()
    paths: dict[str, Path] = {}
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        for name in names:
            if name in here:
                paths[name] = get(name)
                continue
            row = progress.add_task(f"fetching {name}", total=None)

            def show(done: int, total: int | None, row: int = row) -> None:
                progress.update(row, completed=done, total=total)  # type: ignore[arg-type]

            paths[name] = get(name, progress=show)
            progress.remove_task(row)
    return paths


@contextmanager
def open_servers(models: Sequence[str | Path]) -> Iterator[list[LocalServer]]:
    """Servers for GGUF files or names of weights, closed at the end."""
    from langchain_scaffolding.local.engine import LocalServer
    from langchain_scaffolding.local.weights import CATALOGUE

    names = [str(model) for model in models]
    paths = ensure_weights([name for name in names if name in CATALOGUE])
    with ExitStack() as stack, console.status("loading ...") as status:
        servers = []
        for name in names:
            status.update(f"loading {name} ...")
            known = name in CATALOGUE
            server = LocalServer(paths[name] if known else name, name=name if known else None)
            servers.append(stack.enter_context(server))
        status.stop()
        yield servers
