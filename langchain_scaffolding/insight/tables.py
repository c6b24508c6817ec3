"""Long tables, a page at a time, and files of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langchain_scaffolding.display import document, element
from langchain_scaffolding.display.words import seconds
from langchain_scaffolding.errors import ConfigurationError
from langchain_scaffolding.insight.extra import package

if TYPE_CHECKING:
    import os

    import pandas as pd


@dataclass(frozen=True, kw_only=True, slots=True)
class Pages:
    """A table of which one page is shown; everything in it is escaped.

    Attributes:
        frame: The table.
        rows: Rows on a page.
        number: The page that is shown, from 1.
    """

    frame: pd.DataFrame
    rows: int = 50
    number: int = 1

    def __len__(self) -> int:
        """How many pages there are."""
        return max(-(-len(self.frame) // self.rows), 1)

    def page(self, number: int) -> Pages:
        """Another page.

        Raises:
            ConfigurationError: There is no such page.
        """
        if not 1 <= number <= len(self):
            raise ConfigurationError(f"There is no page {number!r}: pages are from 1 to {len(self)}.")
        return replace(self, number=number)

    def __repr__(self) -> str:
        return f"{self._shown().to_string()}\n{self._where()}"

    def _shown(self) -> pd.DataFrame:
        start = (self.number - 1) * self.rows
        return self.frame.iloc[start : start + self.rows]

    def _where(self) -> str:
        start = (self.number - 1) * self.rows
        shown = self._shown()
        first = start + 1 if len(shown) else 0
        return f"rows {first:,}–{start + len(shown):,} of {len(self.frame):,}, page {self.number} of {len(self)}"

    def _repr_html_(self) -> str:
        shown = self._shown()
        rows = [element("tr", *(element("th", str(name)) for name in shown.columns))]
        for values in shown.itertuples(index=False):
            cells = zip(shown.columns, values, strict=True)
            rows.append(element("tr", *(_cell(str(name), value) for name, value in cells)))
        return document(element("table", *rows), element("div", self._where(), class_="soft"))


def pages(frame: pd.DataFrame, *, rows: int = 50) -> Pages:
    """A table to look at, a page at a time: `pages(frame)`, then `pages(frame).page(2)`.

    Args:
        frame: The table.
        rows: Rows on a page.

    Raises:
        ConfigurationError: There is less than one row on a page.

    Example:
        >>> import pandas
        >>> print(pages(pandas.DataFrame({"n": range(5)}), rows=2).page(3))
           n
        4  4
        rows 5–5 of 5, page 3 of 3
    """
    if rows < 1:
        raise ConfigurationError(f"`rows` must be at least 1 row on a page, not {rows!r}.")
    return Pages(frame=frame, rows=rows)


def _cell(name: str, value: Any) -> str:
    pandas = package("pandas")
    if pandas.api.types.is_scalar(value) and pandas.isna(value):
        return element("td", "")
    if isinstance(value, float):
        return element("td", seconds(value) if name.endswith("_s") else f"{value:.4g}", class_="number")
    return element("td", str(value), class_="number" if isinstance(value, int) else None)


def export(frame: pd.DataFrame, path: str | os.PathLike[str]) -> Path:
    """Write a table to a file, CSV or Parquet by the name's ending, and return its path.

    Args:
        frame: The table.
        path: A name that ends in `.csv` or `.parquet`.

    Raises:
        ConfigurationError: The name ends in neither.
        ImportError: Parquet needs pyarrow, which the `insight` extra brings.
    """
    path = Path(path)
    if path.suffix == ".csv":
        frame.to_csv(path, index=False)
    elif path.suffix == ".parquet":
        package("pyarrow")
        frame.to_parquet(path, index=False)
    else:
        msg = f"Tables are written to files that end in .csv or .parquet, not to {path.name!r}."
        raise ConfigurationError(msg)
    return path
