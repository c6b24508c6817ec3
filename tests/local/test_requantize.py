from __future__ import annotations

from typing import TYPE_CHECKING

import gguf
import numpy as np
import pytest

from langchain_scaffolding.discovery.gguf import read_gguf
from langchain_scaffolding.local.engine import LocalServer
from langchain_scaffolding.local.requantize import requantize

if TYPE_CHECKING:
    from pathlib import Path


def contents(reader: gguf.GGUFReader) -> dict[str, object]:
    return {name: field.contents() for name, field in reader.fields.items() if name != "general.file_type"}


def test_only_the_matrices_and_the_file_type_change(tiny: Path, tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    requantize(tiny, tmp_path / "q8.gguf", "Q8_0", progress=lambda *step: steps.append(step))
    before, after = gguf.GGUFReader(tiny), gguf.GGUFReader(tmp_path / "q8.gguf")

    assert contents(after) == contents(before)
    assert after.fields["general.file_type"].contents() == gguf.LlamaFileType.MOSTLY_Q8_0
    assert [tensor.name for tensor in after.tensors] == [tensor.name for tensor in before.tensors]
    for old, new in zip(before.tensors, after.tensors, strict=True):
        assert list(new.shape) == list(old.shape)
        assert new.tensor_type.name == ("F32" if len(old.shape) == 1 else "Q8_0")
        values = gguf.quants.dequantize(new.data, new.tensor_type)
        np.testing.assert_allclose(values, gguf.quants.dequantize(old.data, old.tensor_type), atol=0.01)
    size = tiny.stat().st_size
    assert steps[0] == (0, size)
    assert steps[-1] == (size, size)
    assert steps == sorted(steps)


def test_the_header_states_the_new_type_and_size(tiny: Path, tmp_path: Path) -> None:
    requantize(tiny, tmp_path / "q8.gguf", "Q8_0")
    before, after = read_gguf(tiny), read_gguf(tmp_path / "q8.gguf")
    assert (before.quantization, after.quantization) == ("F16", "Q8_0")
    assert after.parameters == before.parameters
    assert after.chat_template
    assert after.size_gb < before.size_gb


@pytest.mark.allow_hosts(["127.0.0.1"])
@pytest.mark.parametrize("quantization", ["Q8_0", "Q4_0", "F16"])
def test_the_engine_runs_what_was_made(polite: Path, tmp_path: Path, quantization: str) -> None:
    path = tmp_path / "made.gguf"
    requantize(polite, path, quantization)
    with LocalServer(path, n_threads=1) as server:
        assert server.chat_model(temperature=0).invoke("hi").content == "ok."
