"""A discovery source of somebody else's: models that stand on a shelf."""

from __future__ import annotations

from collections.abc import Iterable

from langchain_scaffolding import Candidate, ModelTags
from langchain_scaffolding.discovery.base import SourceUnavailableError
from langchain_scaffolding.testing import ScriptedChatModel


class ShelfSource:
    """Finds what stands on it; a locked shelf cannot be asked."""

    def __init__(self, *names: str, locked: bool = False) -> None:
        self.name = "shelf"
        self._names = names
        self._locked = locked

    def discover(self) -> Iterable[Candidate]:
        """The models on the shelf, smallest first."""
        if self._locked:
            raise SourceUnavailableError("the shelf is locked; ask the porter")
        for size, name in enumerate(self._names, start=1):
            model = ScriptedChatModel(f"from {name}", name=name)
            yield Candidate(name=name, model=model, tags=ModelTags(size_gb=float(size)))
