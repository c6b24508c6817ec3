"""`RouteRecord`: one call as it went, for observers, logs and displays."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from rich.console import RenderableType

    from langchain_scaffolding.outcomes import Outcome
    from langchain_scaffolding.ranking import Ranking

logger = logging.getLogger(__name__)

Source: TypeAlias = Literal["llm", "rule_based"]


@dataclass(frozen=True, kw_only=True, slots=True)
class RouteRecord:
    """One call as it went: what was asked, how the candidates ranked, how each attempt ended.

    It holds no text of prompt or answer, but for what `ranking.request.messages` refers to.

    Attributes:
        decision_id: Its id; also the id of the router's run in traces.
        task: The task of the call.
        ranking: Every candidate with points or reason, in the order in which they were to be tried.
        outcomes: How each attempt ended, in order.
        chosen: The name of the model that answered; "rules" or the last resort's name if none did; `None` if the call
            ended in an error.
        source: "llm" or "rule_based"; `None` if the call ended in an error.
        seconds: How long the whole call took, in seconds.
    """

    decision_id: str
    task: str
    ranking: Ranking
    outcomes: tuple[Outcome, ...]
    chosen: str | None
    source: Source | None
    seconds: float

    def _repr_html_(self) -> str:
        from langchain_scaffolding.display import record_html

        return record_html(self)

    def __rich__(self) -> RenderableType:
        """The call as tables of `rich`."""
        from langchain_scaffolding.display.terminal import record_group

        return record_group(self)


Observer: TypeAlias = Callable[[RouteRecord], None]
"""Is told of every call after it ended. What it raises is logged and does not touch the answer."""
