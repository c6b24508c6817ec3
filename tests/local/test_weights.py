from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from langchain_scaffolding.errors import ConfigurationError
from langchain_scaffolding.local import weights
from langchain_scaffolding.local.weights import CATALOGUE, WheelWeights, _system_cache, cache_folder

if TYPE_CHECKING:
    from collections.abc import Callable


def place(folder: Path, name: str, size: int | None = None) -> Path:
    """A file that stands for weights: of the right size, and empty."""
    item = CATALOGUE[name]
    file = folder / item.file
    file.touch()
    os.truncate(file, size if size is not None else getattr(item, "size_bytes", 1))
    return file


@pytest.mark.parametrize("name", CATALOGUE)
def test_what_is_there_is_given_without_asking_the_index(name: str, tmp_path: Path) -> None:
    """Sockets are shut and pip has no index: a download would be an error."""
    file = place(tmp_path, name)
    assert weights.get(name, cache_dir=tmp_path) == file
    assert weights.path(name, cache_dir=tmp_path) == file


def test_available_names_what_is_there(tmp_path: Path) -> None:
    assert weights.available(tmp_path) == ()
    place(tmp_path, "smollm2-q8")
    assert weights.available(tmp_path) == ("smollm2-q8",)
    place(tmp_path, "smollm2")
    assert weights.available(tmp_path) == ("smollm2", "smollm2-q8")


def test_a_file_of_another_size_is_not_the_weights(tmp_path: Path) -> None:
    place(tmp_path, "smollm2", size=1000)
    assert weights.available(tmp_path) == ()


def test_missing_weights_are_answered_with_the_command(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"models get smollm2-q8"):
        weights.path("smollm2-q8", cache_dir=tmp_path)


@pytest.mark.parametrize("ask", [weights.get, weights.path])
def test_unknown_weights_are_answered_with_the_known(ask: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="'gpt9'. Known weights: smollm2, smollm2-q8"):
        ask("gpt9", cache_dir=tmp_path)


def test_every_derived_item_names_a_downloaded_one() -> None:
    sources = {item.source for item in CATALOGUE.values() if not isinstance(item, WheelWeights)}
    assert sources == {"smollm2"}
    assert isinstance(CATALOGUE["smollm2"], WheelWeights)


def test_the_environment_names_the_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LANGCHAIN_SCAFFOLDING_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    file = place(tmp_path, "smollm2")
    assert weights.path("smollm2") == file


@pytest.mark.parametrize(
    ("platform", "environ", "folder"),
    [
        ("linux", {}, "/home/me/.cache"),
        ("linux", {"XDG_CACHE_HOME": "/big/cache"}, "/big/cache"),
        ("linux", {"XDG_CACHE_HOME": "relative"}, "/home/me/.cache"),
        ("darwin", {"XDG_CACHE_HOME": "/big/cache"}, "/home/me/Library/Caches"),
        ("win32", {"LOCALAPPDATA": "/users/me/local"}, "/users/me/local"),
        ("win32", {}, "/home/me/AppData/Local"),
    ],
)
def test_each_system_has_its_own_cache(platform: str, environ: dict[str, str], folder: str) -> None:
    assert _system_cache(platform, environ, Path("/home/me")) == Path(folder)
