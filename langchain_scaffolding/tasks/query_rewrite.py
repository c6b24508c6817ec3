"""The task `query_rewrite`: a question or request as a query for a search."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from langchain_scaffolding import rules
from langchain_scaffolding.tasks.checks import ANY_ANSWER, is_a_query, keeps_terms
from langchain_scaffolding.tasks.cleaning import line_cleaner
from langchain_scaffolding.tasks.prompts import prompt
from langchain_scaffolding.tasks.task import Task


def _instruction(options: Mapping[str, Any]) -> str:
    resolved = " Put what the background says in place of words that refer to it." if options.get("background") else ""
    return (
        "Rewrite the text as one query for a search: what is asked for, without politeness and filler. Keep every "
        f"name, number and quoted phrase.{resolved}"
    )


def _form(_options: Mapping[str, Any]) -> str:
    return "the query alone, on one line"


QUERY_REWRITE: Final = Task(
    name="query_rewrite",
    prompt=prompt(_instruction, _form),
    checks=(*ANY_ANSWER, is_a_query, keeps_terms),
    rule=rules.BUILT_IN["query_rewrite"],
    cleaner=lambda _options: line_cleaner("Query", "Rewritten query", "Search query", "Rewritten", "Rewrite"),
    max_tokens=80,
    temperature=0.0,
)
"""A question or request as a query for a search, with its names and numbers kept."""
