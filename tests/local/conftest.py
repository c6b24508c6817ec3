from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from langchain_scaffolding.local import weights
from langchain_scaffolding.local.engine import LocalServer
from tests.local.tiny_gguf import write_tiny_gguf

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that says "tiny " over and over."""
    return write_tiny_gguf(tmp_path_factory.mktemp("tiny") / "tiny.gguf")


@pytest.fixture(scope="session")
def polite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that says "ok." and stops."""
    return write_tiny_gguf(tmp_path_factory.mktemp("polite") / "polite.gguf", says="ok.", quantization="Q8_0")


@pytest.fixture(scope="module")
def server(tiny: Path) -> Iterator[LocalServer]:
    with LocalServer(tiny, n_threads=1) as running:
        yield running


@pytest.fixture
def smollm2() -> Path:
    return cached("smollm2")


@pytest.fixture
def smollm2_q8() -> Path:
    return cached("smollm2-q8")


def cached(name: str) -> Path:
    if name not in weights.available():
        pytest.skip(f"`python -m langchain_scaffolding models get {name}` has not been run")
    return weights.path(name)
