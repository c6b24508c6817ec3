from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from langchain_scaffolding.local.threads import _physical_cores, _quota_cores

if TYPE_CHECKING:
    from pathlib import Path


def test_two_hyper_threads_are_one_core(tmp_path: Path) -> None:
    for cpu, siblings in enumerate(["0,2", "1,3", "0,2", "1,3"]):
        folder = tmp_path / f"cpu{cpu}" / "topology"
        folder.mkdir(parents=True)
        (folder / "thread_siblings_list").write_text(f"{siblings}\n")
    assert _physical_cores({0, 1, 2, 3}, tmp_path) == 2
    assert _physical_cores({0, 2}, tmp_path) == 1


def test_without_a_topology_every_cpu_is_a_core(tmp_path: Path) -> None:
    assert _physical_cores({0, 1, 2}, tmp_path) == 3


@pytest.mark.parametrize(
    ("text", "cores"), [("max 100000\n", sys.maxsize), ("250000 100000\n", 2), ("50000 100000\n", 1)]
)
def test_a_containers_quota_counts(tmp_path: Path, text: str, cores: int) -> None:
    file = tmp_path / "cpu.max"
    file.write_text(text)
    assert _quota_cores(file) == cores


def test_no_quota_is_no_limit(tmp_path: Path) -> None:
    assert _quota_cores(tmp_path / "none") == sys.maxsize
