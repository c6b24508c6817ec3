"""Rankings and records as HTML and as tables for terminals."""

from __future__ import annotations

import io
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from rich.console import Console

from langchain_scaffolding import Candidate, ModelTags, ScaffoldingConfig, ScaffoldingRouterLLM
from langchain_scaffolding.display import element, ranking_html, record_html
from langchain_scaffolding.display.style import STYLE
from langchain_scaffolding.display.words import MOST_ROWS
from langchain_scaffolding.records import RouteRecord
from langchain_scaffolding.scorers import default_scorers
from langchain_scaffolding.testing import ScriptedChatModel, provider_error

EVIL = '<script>alert(1)</script>"><img src=x onerror=alert(2)>'


class Page(HTMLParser):
    """What a browser would make of a page: its elements, and its text without the style."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(html)
        assert self.open == [], "every element is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(self.words)

    @property
    def tags(self) -> set[str]:
        return {tag for tag, _ in self.elements}


def model(name: str, *script: Any, **tags: Any) -> ScriptedChatModel:
    return ScriptedChatModel(*(script or ("fine",)), name=name, metadata=tags)


def terminal(renderable: Any, width: int = 100) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(renderable)
    return console.file.getvalue()  # type: ignore[attr-defined]


def router(**options: Any) -> ScaffoldingRouterLLM:
    models = [
        model("small", size_gb=1.5, quantization="Q4_K_M", context_length=4096),
        model("big", size_gb=14),
        model("painter", capabilities=["IMAGE"]),
    ]
    return ScaffoldingRouterLLM(models=models, **options)


def records_of(*models: ScriptedChatModel, **options: Any) -> list[RouteRecord]:
    records: list[RouteRecord] = []
    every = ScaffoldingRouterLLM(models=models, observers=[records.append], **options)
    every.invoke("A text on tea.", task="title")
    return records


def test_a_ranking_shows_every_candidate_with_its_points_or_its_reason() -> None:
    page = Page(router().explain("hello", task="title")._repr_html_())
    bars = [facts for _, facts in page.elements if facts.get("role") == "img"]
    assert [bar["aria-label"] for bar in bars] == [
        "size 3, capability 1, latency 0, quantization 1",
        "size 1, capability 1, latency 0, quantization 0",
    ]
    assert "has IMAGE, needs CHAT or REASONING" in page.text
    assert "1.5 GB · Q4_K_M · 4,096 tokens · CHAT" in page.text


def test_bars_are_as_long_as_their_points_and_those_below_zero_lie_on_the_other_side() -> None:
    def price(_request: object, candidate: Candidate, _tracker: object) -> float:
        return -2.0 if candidate.name == "big" else 1.0

    every = router(scorers=[*default_scorers(ScaffoldingConfig())[:1], price])
    page = Page(every.explain("hello")._repr_html_())
    # small: size 3, price 1; big: size 1, price -2; so all bars together reach from -2 to 4
    pieces = [facts for tag, facts in page.elements if tag == "i" and "style" in facts]
    shares = [(facts.get("title"), facts["style"]) for facts in pieces]
    assert shares == [
        (None, "width:33.33%"),
        ("size 3", "width:50.00%"),
        ("price 1", "width:16.67%"),
        (None, "width:0.00%"),
        ("price -2", "width:33.33%"),
        ("size 1", "width:16.67%"),
    ]
    assert "less" in str(next(facts for facts in pieces if facts.get("title") == "price -2")["class"])


def test_what_was_learned_stands_beside_the_points() -> None:
    every = router()
    message = every.invoke("hello", task="title")
    every.record_feedback(message, 0.5)
    ranking = every.explain("hello", task="title")
    told = re.compile(r"1 call · [\d.]+ ms · accepted 100% · feedback 0\.50 \(1\)")
    assert told.search(Page(ranking._repr_html_()).text)
    assert told.search(" ".join(terminal(ranking, 200).split()))


@pytest.mark.parametrize("draw", [lambda each: each._repr_html_(), str])
def test_nothing_of_the_prompt_is_shown(draw: Any) -> None:
    assert "tangerine" not in draw(router().explain("tangerine " * 9, task="title"))


def test_html_in_names_reasons_and_errors_stays_text() -> None:
    def evil_filter(_request: object, candidate: Candidate) -> str | None:
        return f"{EVIL} says no" if candidate.name == "refused" else None

    def scorer(_request: object, _candidate: Candidate, _tracker: object) -> float:
        return 1.0

    scorer.__name__ = EVIL
    records = records_of(
        model(EVIL, ValueError(f"failed on {EVIL}"), quantization=EVIL),
        model("refused"),
        filters=[evil_filter],
        scorers=[scorer],
    )
    for html in (record_html(records[0]), ranking_html(records[0].ranking)):
        page = Page(html)
        assert page.tags <= {"div", "style", "b", "i", "span", "table", "tr", "th", "td", "details", "summary", "br"}
        assert all(not name.startswith("on") for _, facts in page.elements for name in facts)
        assert "<script" not in html
        assert EVIL in page.text


def test_square_brackets_in_names_are_no_markup_for_terminals() -> None:
    records = records_of(model("[bold]x[/bold]", ValueError("[red]no[/red]"), size_gb=1), model("[/]", size_gb=20))
    told = terminal(records[0], 200)
    assert "[bold]x[/bold]" in told
    assert "[red]no[/red]" in told


def test_a_page_is_readable_in_light_and_dark_and_brings_all_it_needs() -> None:
    html = router().explain("hello")._repr_html_()
    assert STYLE in html
    assert "prefers-color-scheme:dark" in STYLE
    for theme in ("data-jp-theme-light=false", "data-jp-theme-light=true", ".vscode-dark", ".vscode-light"):
        assert theme in STYLE
    assert not re.search(r"https?:|url\(|@import|<script|<link", html)
    selectors = re.findall(r"([^{}]+)\{[^{}]*\}", STYLE.replace("@media (prefers-color-scheme:dark){", ""))
    assert all(".lcs" in part for selector in selectors for part in selector.strip("}").split(","))


def test_a_record_shows_each_attempt_with_its_end_and_the_ranking() -> None:
    records = records_of(model("down", provider_error("openai", status=503), size_gb=1), model("up", size_gb=9))
    page = Page(records[0]._repr_html_())
    assert "up answered in" in page.text
    assert "overloaded" in page.text
    assert "accepted" in page.text
    told = terminal(records[0], 160)
    assert "up answered in" in told
    assert "overloaded" in told
    assert "size" in told


def test_a_record_of_a_call_that_the_rules_answered_says_so() -> None:
    records = records_of(model("painter", capabilities=["IMAGE"]))
    assert "rules answered" in Page(records[0]._repr_html_()).text
    assert "No model was called." in Page(records[0]._repr_html_()).text


def test_a_thousand_candidates_are_not_drawn_one_by_one() -> None:
    models = [Candidate(name=f"m{number}", model=model("m"), tags=ModelTags(size_gb=1)) for number in range(300)]
    ranking = ScaffoldingRouterLLM(models=models).explain("hello")
    html = ranking._repr_html_()
    assert f"and {300 - MOST_ROWS} more" in html
    assert html.count("<tr") == MOST_ROWS + 1
    assert f"and {300 - MOST_ROWS} more" in terminal(ranking)


def test_what_would_change_it_is_shown_where_somebody_can_be_asked() -> None:
    records: list[RouteRecord] = []
    router(observers=[records.append]).invoke("hello")
    ranking = records[0].ranking
    assert "What would change it" not in ranking._repr_html_()
    ranking.what_if = lambda _: ["`big` wins if <b>it</b> rains"]
    assert "<li><code>big</code> wins if &lt;b&gt;it&lt;/b&gt; rains</li>" in ranking._repr_html_()
    assert "`big` wins if <b>it</b> rains" in terminal(ranking)


def test_attributes_are_escaped() -> None:
    assert element("a", "x", title='"><b>') == '<a title="&quot;&gt;&lt;b&gt;">x</a>'
