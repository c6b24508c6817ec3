"""The screenshots of the README and of `docs/`: `make screenshots`, or some: `python -m benchmarks.screenshots call`.

Each shows what the library itself draws of a small world whose clock nobody has to wait for. Nothing is measured here:
the models take the seconds that they are given. Drawn by a headless Chromium; charts by altair alone.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from langchain_scaffolding import RoutingProfile, ScaffoldingConfig, ScaffoldingRouterLLM
from langchain_scaffolding.display.style import STYLE
from langchain_scaffolding.insight import History, choices_chart, follow, latency_chart, live
from langchain_scaffolding.insight.live import live_state
from langchain_scaffolding.performance import PerformanceTracker
from langchain_scaffolding.policies import AdaptivePolicy
from langchain_scaffolding.records import RouteRecord
from langchain_scaffolding.testing import FakeClock, Reply, ScriptedChatModel, provider_error

FOLDER = Path(__file__).parents[1] / "docs" / "pictures"
THEMES = ("light", "dark")
IN_BOTH = ("explanation",)  # the others are shown on the light page only
QUESTION = "Write a title for this conversation: how to descale a kettle with vinegar, and how often to do it."
SECONDS = {"qwen2:1.5b": 0.6, "qwen3:8b": 2.3, "mistral:7b": 2.8, "gpt-5-mini": 1.1, "whisper:large": 9.0}
LOCAL: Mapping[str, Any] = {"local": True, "capabilities": ["CHAT"]}
THINKS: Mapping[str, Any] = {"capabilities": ["CHAT", "REASONING"]}
TAGS: Mapping[str, Mapping[str, Any]] = {
    "mistral:7b": {**LOCAL, "size_gb": 14.5, "context_length": 32768},
    "qwen3:8b": {**THINKS, "local": True, "size_gb": 5.2, "quantization": "Q4_K_M", "context_length": 40960},
    "qwen2:1.5b": {**LOCAL, "size_gb": 1.5, "quantization": "Q4_K_M", "context_length": 32768},
    "gpt-5-mini": {**THINKS, "local": False, "context_length": 400000},
    "whisper:large": {**LOCAL, "size_gb": 1.6, "capabilities": ["AUDIO"]},
}
GOOD = {  # how often an answer of each model would please
    "title": {"qwen2:1.5b": 0.95, "qwen3:8b": 0.8, "mistral:7b": 0.7, "gpt-5-mini": 0.7},
    "summary": {"qwen2:1.5b": 0.3, "qwen3:8b": 0.7, "mistral:7b": 0.6, "gpt-5-mini": 0.95},
}

Html = Callable[[], str]
Chart = Callable[[], Any]


class World:
    """A router over five models that answer as fast as they are said to, by a clock of its own."""

    def __init__(self, down: Mapping[str, BaseException] | None = None, **options: Any) -> None:
        self.clock = FakeClock(1_790_000_000.0)
        self.chance = random.Random(1)
        self.records: list[RouteRecord] = []
        self.router = ScaffoldingRouterLLM(
            models=[self._model(name, (down or {}).get(name)) for name in TAGS],
            clock=self.clock,
            performance=PerformanceTracker(clock=self.clock),
            observers=[self.records.append],
            **options,
        )

    def _model(self, name: str, error: BaseException | None) -> ScriptedChatModel:
        waits = [SECONDS[name] * self.chance.lognormvariate(0, 0.3) for _ in range(300)]
        replies = [Reply("Descaling a kettle with vinegar", delay_s=wait) for wait in waits]
        script = replies if error is None else [Reply("", delay_s=0.2, break_after=0, error=error)]
        return ScriptedChatModel(*script, name=name, metadata=dict(TAGS[name]), clock=self.clock)

    def used(self, calls: int, tasks: tuple[str, ...] = ("title", "summary"), every_s: float = 60.0) -> World:
        """The world after some calls, each of which was judged."""
        for _ in range(calls):
            task = self.chance.choice(tasks)
            answer = self.router.invoke(QUESTION, task=task)
            model = answer.response_metadata["routing"]["model"]
            self.router.record_feedback(answer, float(self.chance.random() < GOOD[task].get(model, 0.5)))
            self.clock.advance(every_s)
        return self

    def history(self, calls: int) -> History:
        """What is remembered of some calls."""
        history = follow(self.router, clock=self.clock)
        self.used(calls)
        return history


def explanation() -> str:
    """Why a model: points, what was learned, reasons, and what would change it."""
    profile = RoutingProfile(name="private", local_only=True)
    world = World(profile=profile, config=ScaffoldingConfig(max_response_time_ms=5000))
    for model, calls in {"qwen2:1.5b": 40, "qwen3:8b": 6, "mistral:7b": 2}.items():
        for _ in range(calls):
            answer = world.router.invoke(QUESTION, task="title", model=model)
            world.router.record_feedback(answer, world.chance.random() ** 0.3)
    return world.router.explain(QUESTION, task="title")._repr_html_()


def call() -> str:
    """How a call went: the winner was overloaded, the next one answered."""
    world = World(down={"qwen3:8b": provider_error("openai", status=503)})
    world.router.invoke(QUESTION, task="title")
    return world.records[-1]._repr_html_().replace("<details>", "<details open>")


def live_view() -> str:
    """The live view, by the script that notebooks run."""
    world = World(policy=AdaptivePolicy(seed=2), down={"gpt-5-mini": provider_error("openai", status=401)}).used(120)
    state = json.dumps(live_state(world.router, 1, 20)).replace("<", "\\u003c")
    script = Path(live.__file__).with_name("live.js").read_text(encoding="utf-8")
    model = f"{{get: (name) => ({{state: {state}, page: 1}})[name], on: () => {{}}, off: () => {{}}}}"
    return (
        f"<style>{STYLE}</style><div id='view'></div><script type='module'>{script}\n"
        f"render({{model: {model}, el: document.getElementById('view')}});</script>"
    )


def latency() -> Any:
    """How long answers took."""
    return latency_chart(World(policy=AdaptivePolicy(seed=2)).history(300))


def choices() -> Any:
    """Who answered, while a policy learned."""
    return choices_chart(World(policy=AdaptivePolicy(seed=2)).history(300))


def demo() -> str:
    """What `make demo` says of a winner that is taken away, and of all models being away; needs the real models."""
    environment = {**os.environ, "FORCE_COLOR": "1", "COLUMNS": "100", "TERM": "xterm-256color"}
    command = [sys.executable, "-m", "langchain_scaffolding", "demo"]
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    heads = {match[1].strip(): match.start() for match in _HEAD.finditer(told)}
    ends = [*heads.values(), len(told)]
    sections = {title: told[start : ends[place + 1]] for place, (title, start) in enumerate(heads.items())}
    console = Console(record=True, width=100, file=io.StringIO())
    for title in ("Routing", "The winner is taken away", "All models are taken away"):
        console.print(Text.from_ansi(sections[title].rstrip()))
        console.print()
    return console.export_html(inline_styles=True, theme=MONOKAI, code_format=_TERMINAL)


_HEAD = re.compile(r"^(?:\x1b\[[\d;]*m)*([A-Z][\w ]*)[^\n]* ?(?:\x1b\[[\d;]*m)*──", re.MULTILINE)
_TERMINAL = (
    "<pre style='margin:0;padding:16px;background:{background};color:{foreground};font:13px/1.35 DejaVu Sans Mono,"
    "monospace;border-radius:8px;width:max-content'>{code}</pre>"
)

PAGES: Mapping[str, Html] = {"explanation": explanation, "call": call, "live": live_view, "demo": demo}
CHARTS: Mapping[str, Chart] = {"latency": latency, "choices": choices}


def page(html: str, theme: str) -> str:
    """A page around a picture, light or dark as notebooks say it."""
    back = {"light": "#ffffff", "dark": "#0d1117"}[theme]
    return (
        f'<!doctype html><html data-theme="{theme}"><meta charset="utf-8"><style>body{{margin:0;background:{back}}}'
        f"#shot{{width:960px}}#shot:has(pre){{width:max-content}}</style><div id='shot'>{html}</div></html>"
    )


@contextmanager
def browser() -> Iterator[Any]:
    """A headless Chromium whose pictures have three pixels for two."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = str(shutil.which("chromium"))
    with tempfile.TemporaryDirectory() as profile:
        for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking"):
            options.add_argument(argument)
        for argument in (f"--user-data-dir={profile}", "--force-device-scale-factor=1.5", "--window-size=1300,1200"):
            options.add_argument(argument)
        driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
        try:
            yield driver
        finally:
            driver.quit()


def shoot(driver: Any, html: str, picture: Path) -> None:
    """Write what a page shows to a file."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "page.html"
        file.write_text(html, encoding="utf-8")
        driver.get(file.as_uri())
        driver.find_element("id", "shot").screenshot(str(picture))
    print(f"{picture.name}: {picture.stat().st_size / 1000:.0f} kB")


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=[*PAGES, *CHARTS], help=f"of {', '.join([*PAGES, *CHARTS])}")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    asked = parser.parse_args(arguments)
    asked.folder.mkdir(parents=True, exist_ok=True)
    for name in asked.names:
        if name in CHARTS:
            CHARTS[name]().save(asked.folder / f"{name}.svg")
    drawn = [name for name in asked.names if name in PAGES]
    if drawn:
        with browser() as driver:
            for name in drawn:
                html = PAGES[name]()
                for theme in THEMES if name in IN_BOTH else THEMES[:1]:
                    picture = f"{name}-{theme}.png" if name in IN_BOTH else f"{name}.png"
                    shoot(driver, page(html, theme), asked.folder / picture)


if __name__ == "__main__":
    main()
