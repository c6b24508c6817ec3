"""A source whose models a test puts there and takes away."""

from __future__ import annotations

import threading
from typing import Any

from langchain_scaffolding import Candidate, ModelTags
from langchain_scaffolding.testing import ScriptedChatModel


class Shelf:
    """Has models by name, each with its tags and what it answers. `fault` is raised instead; `open` holds it up."""

    def __init__(self, name: str, *models: str) -> None:
        self.name = name
        self.models = {model: ModelTags() for model in models}
        self.answers: dict[str, list[Any]] = {}
        self.fault: Exception | None = None
        self.open = threading.Event()
        self.open.set()
        self.asked = threading.Event()

    def discover(self) -> list[Candidate]:
        self.asked.set()
        assert self.open.wait(30)
        if self.fault is not None:
            raise self.fault
        return [
            Candidate(name=name, model=ScriptedChatModel(*self.answers.get(name, [f"from {name}"])), tags=tags)
            for name, tags in self.models.items()
        ]
