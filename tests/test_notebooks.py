"""What holds for every notebook; `make notebooks` runs them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


def cells_of(notebook: Path) -> list[dict[str, Any]]:
    cells: list[dict[str, Any]] = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return cells


def test_each_is_told_of_in_the_docs() -> None:
    page = (FOLDER.parent / "docs" / "notebooks.md").read_text(encoding="utf-8")
    assert len(NOTEBOOKS) == 6
    assert [notebook.stem for notebook in NOTEBOOKS if f"`{notebook.stem}`" not in page] == []


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_is_short_and_is_kept_without_outputs(notebook: Path) -> None:
    cells = cells_of(notebook)
    assert 4 <= len(cells) <= 20
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert [cell["outputs"] for cell in code] == [[] for _ in code]
    assert {cell["execution_count"] for cell in code} == {None}


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_says_which_models_it_runs_on(notebook: Path) -> None:
    told = "".join(cells_of(notebook)[0]["source"])
    assert told.startswith("# ")
    assert "fakes" in told or "needs none" in told
