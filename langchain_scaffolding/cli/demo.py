"""The demo: real small models on the CPU, routed, measured, and taken away."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from textwrap import shorten
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

from langchain_scaffolding.cli.local import open_servers
from langchain_scaffolding.cli.options import err
from langchain_scaffolding.cli.show import console, performance_table, show_answer, stream_answer
from langchain_scaffolding.records import RouteRecord

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

    from langchain_scaffolding.local.engine import LocalServer
    from langchain_scaffolding.router import ScaffoldingRouterLLM

MODELS = ("smollm2", "smollm2-q8")

MOST_TOKENS = 48

PROMPTS = {
    "outline": "List three steps to make tea.",
    "title": "Give a short title to a story about a cat that learns to swim.",
    "chat": "Name three fruits.",
}

# a model of this size does not know when a title is over
STOPS = {"title": ["\n"]}

TEXT = (
    "Tea has been drunk in China for more than two thousand years. Buddhist monks carried it to Japan in the ninth "
    "century, where it became part of a ceremony. Dutch ships brought the first chests to Europe in 1610. In Britain "
    "it was a luxury until the duties were cut in 1784; within fifty years everybody drank it. Today more than six "
    "million tonnes of leaves are harvested every year, most of them in China, India and Kenya."
)

LONG_TEXT = TEXT + " The leaves are picked by hand. " * 2500


class Speeds:
    """An observer that works out tokens a second."""

    def __init__(self) -> None:
        self._tokens: dict[str, int] = {}
        self._seconds: dict[str, float] = {}

    def __call__(self, record: RouteRecord) -> None:
        """Add up what each model computed."""
        for outcome in record.outcomes:
            if outcome.ok and outcome.output_tokens and outcome.total_s:
                self._tokens[outcome.model] = self._tokens.get(outcome.model, 0) + outcome.output_tokens
                self._seconds[outcome.model] = self._seconds.get(outcome.model, 0.0) + outcome.total_s

    @property
    def by_model(self) -> dict[str, float]:
        """Tokens a second by model, over whole calls."""
        return {model: tokens / self._seconds[model] for model, tokens in self._tokens.items()}


def run_demo(*, quiet: bool = False) -> dict[str, Any]:
    """Show it, unless it is to be `quiet`.

    Returns:
        What was asked and who answered, step by step; for JSON.
    """
    from langchain_scaffolding.router import ScaffoldingRouterLLM

    started = time.perf_counter()
    with open_servers(MODELS) as servers, _shown(quiet=quiet):
        speeds = Speeds()
        models = [server.chat_model(temperature=0) for server in servers]
        router = ScaffoldingRouterLLM(models=models, observers=[speeds])
        _title("The models", "two real ones on this CPU; their tags are read from the headers of their files")
        console.print(_candidates(router))
        steps = [*_show_routes(router), _show_checks(router), _show_limits(router), *_show_failures(router, servers)]
        _title("What was learned", "latency is measured by a callback on each attempt, by task and model")
        console.print(performance_table(router.performance.snapshot(), speeds.by_model))
        seconds = time.perf_counter() - started
        console.print(f"[dim]{seconds:.0f} s. The same in Python: see README.md[/]")
    return {"models": [candidate.name for candidate in router.models], "steps": steps, "seconds": seconds}


@contextmanager
def _shown(*, quiet: bool) -> Iterator[None]:
    if not quiet:
        yield
        return
    console.quiet = True
    try:
        with err.status("asking and taking away ..."):
            yield
    finally:
        console.quiet = False


def _step(name: str, asked: str, message: BaseMessage) -> dict[str, Any]:
    return {
        "step": name,
        "asked": shorten(asked, 200, placeholder=" ..."),
        "content": message.content,
        "routing": message.response_metadata["routing"],
    }


def _title(title: str, note: str) -> None:
    console.print()
    console.rule(f"[bold]{title}[/] [dim]{note}[/]", align="left")


def _candidates(router: ScaffoldingRouterLLM) -> Table:
    table = Table("name", "size", "quantization", "context", "capabilities")
    for candidate in router.models:
        tags = candidate.tags
        table.add_row(
            escape(candidate.name),
            f"{tags.size_gb:.2f} GB",
            tags.quantization,
            f"{tags.context_length} tokens",
            ", ".join(sorted(tags.capabilities or ())),
        )
    return table


def _show_routes(router: ScaffoldingRouterLLM) -> list[dict[str, Any]]:
    _title("Routing", "each call is ranked; the winner's tokens are streamed as they come")
    console.print(router.explain(PROMPTS["outline"], task="outline"))
    steps = []
    for task, prompt in PROMPTS.items():
        console.print(f"\n[bold]{task}[/] [dim]{escape(prompt)}[/]")
        message = stream_answer(router, prompt, task=task, max_tokens=MOST_TOKENS, stop=STOPS.get(task))
        steps.append(_step("routing", prompt, message))
    second = router.models[1].name
    console.print(f"\n[bold]outline[/] [dim]the same, pinned with model={escape(second)!r}[/]")
    message = stream_answer(router, PROMPTS["outline"], task="outline", model=second, max_tokens=MOST_TOKENS)
    return [*steps, _step("pinned", PROMPTS["outline"], message)]


def _show_checks(router: ScaffoldingRouterLLM) -> dict[str, Any]:
    _title("A scaffold", "the task's own prompt and checks; what 135M parameters cannot do well, the rules do")
    with console.status("writing an outline ..."):
        message = router.scaffold("outline", max_points=3, max_tokens=80).invoke(TEXT)
    show_answer(message)
    return _step("scaffold", TEXT, message)


def _show_limits(router: ScaffoldingRouterLLM) -> dict[str, Any]:
    _title("A text that is too long", "no model is called for it; the reasons are kept")
    console.print(router.explain(LONG_TEXT, task="summary"))
    message = router.scaffold("summary").invoke(LONG_TEXT)
    show_answer(message)
    return _step("too long", LONG_TEXT, message)


def _show_failures(router: ScaffoldingRouterLLM, servers: list[LocalServer]) -> Iterator[dict[str, Any]]:
    _title("The winner is taken away", "the next best answers")
    winner = router.explain(PROMPTS["title"], task="title").names[0]
    next(server for server in servers if server.name == winner).close()
    message = stream_answer(router, PROMPTS["title"], task="title", max_tokens=MOST_TOKENS, stop=STOPS["title"])
    yield _step("winner gone", PROMPTS["title"], message)
    _title("All models are taken away", "the rules answer, and say so")
    for server in servers:
        server.close()
    message = router.scaffold("summary").invoke(TEXT)
    show_answer(message)
    yield _step("all gone", TEXT, message)
