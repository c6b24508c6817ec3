"""The screenshots of the docs show what the library draws, and all that the docs show are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks import screenshots

ROOT = Path(__file__).parents[2]
SHOWN = re.compile(r"(?:\]\(|src=\"|srcset=\")((?:\.\./)?(?:docs/)?pictures/[\w-]+\.(?:png|svg))")


def test_every_picture_of_the_docs_is_there_and_small() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    shown = {(page.parent / name).resolve() for page in pages for name in SHOWN.findall(page.read_text("utf-8"))}
    assert ROOT / "docs" / "pictures" / "explanation-light.png" in shown
    assert [picture for picture in shown if not picture.is_file() or picture.stat().st_size > 300_000] == []


def test_the_explanation_is_the_one_that_the_library_shows() -> None:
    html = screenshots.explanation()
    assert html.startswith('<div class="lcs">')
    for told in (
        "qwen2:1.5b",
        "allows local models only",
        "has AUDIO, needs CHAT or REASONING",
        "What would change it",
    ):
        assert told in html
    page = screenshots.page(html, "dark")
    assert html in page
    assert 'data-theme="dark"' in page


def test_a_call_shows_the_model_that_was_down_and_the_one_that_answered() -> None:
    html = screenshots.call()
    assert "overloaded" in html
    assert "qwen2:1.5b answered in" in html


@pytest.mark.parametrize("name", screenshots.CHARTS)
def test_charts_are_drawn_without_a_browser(name: str, tmp_path: Path) -> None:
    screenshots.main([name, "--folder", str(tmp_path)])
    drawn = (tmp_path / f"{name}.svg").read_text(encoding="utf-8")
    assert "qwen2:1.5b" in drawn
