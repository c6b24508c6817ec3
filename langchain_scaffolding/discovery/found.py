"""From what a source found to candidates, with a reason for each that is left out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from langchain_scaffolding.candidates import Candidate, ModelTags
from langchain_scaffolding.discovery.base import Discovery
from langchain_scaffolding.discovery.json_values import MOST_MODELS, model_name


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """One model as a source found it, before it is known whether it can be called.

    Attributes:
        name: What the server calls it; checked before it is used.
        tags: What is stated of it.
        facts: Further facts for `tags.extra`; `None` is unknown and left out.
        left_out: Why it is no candidate; `None` if it is one.
        local: Whether it computes on this machine, if the source knows that of the single model.
    """

    name: object
    tags: ModelTags
    facts: Mapping[str, Any] = field(default_factory=dict)
    left_out: str | None = None
    local: bool | None = None


def as_discovery(
    source: str,
    found: Iterable[Found],
    known: Mapping[str, ModelTags],
    open_model: Callable[[str], Any],
    *,
    local: bool | None,
    url: str,
) -> Discovery:
    """Candidates for what was found, and a reason for each model that is left out.

    Args:
        source: The source's name.
        found: What it found.
        known: What the user knows by name; it stands before what was found.
        open_model: Makes the chat model of a name.
        local: Whether models compute on this machine, unless one says otherwise.
        url: Where they are called.

    Raises:
        SourceUnavailableError: The package that calls such models is not installed.
    """
    candidates: dict[str, Candidate] = {}
    troubles: list[tuple[str, str]] = []
    for number, each in enumerate(found):
        if number == MOST_MODELS:
            troubles.append((source, f"it has more than {MOST_MODELS} models; the others are left out"))
            break
        name = model_name(each.name)
        if name is None:
            troubles.append((source, f"{str(each.name)[:60]!r} is no name of a model"))
        elif each.left_out is not None:
            troubles.append((source, f"{name}: {each.left_out}"))
        elif name not in candidates:
            facts = {
                "source": source,
                "url": url,
                **{key: fact for key, fact in each.facts.items() if fact not in (None, [])},
            }
            is_local = local if each.local is None else each.local
            tags = each.tags.model_copy(update={"local": is_local, "extra": facts})
            tags = known[name].or_else(tags) if name in known else tags
            candidates[name] = Candidate(name=name, model=open_model(name), tags=tags)
    return Discovery(candidates=tuple(candidates.values()), troubles=tuple(troubles))
