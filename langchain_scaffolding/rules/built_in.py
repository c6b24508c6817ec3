"""The rules by the name of their task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from langchain_scaffolding.rules.answer import Rule
from langchain_scaffolding.rules.fill import fill
from langchain_scaffolding.rules.outline import outline
from langchain_scaffolding.rules.query_rewrite import query_rewrite
from langchain_scaffolding.rules.reasoning import reasoning
from langchain_scaffolding.rules.structure import structure
from langchain_scaffolding.rules.summary import summary
from langchain_scaffolding.rules.title import title

# A plain dict and no proxy of one: a model that holds it is copied and pickled.
BUILT_IN: Final[Mapping[str, Rule]] = {
    "reasoning": reasoning,
    "structure": structure,
    "outline": outline,
    "fill": fill,
    "summary": summary,
    "title": title,
    "query_rewrite": query_rewrite,
}
"""The rules this package brings, by task."""
