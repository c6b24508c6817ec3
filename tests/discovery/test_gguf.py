from __future__ import annotations

import os
import pickle
import struct
import tracemalloc
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import gguf
import numpy as np
import pytest
from gguf.constants import GGML_QUANT_SIZES
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from langchain_scaffolding.discovery.gguf import GGUFError, GGUFHeader, read_gguf, split_part
from langchain_scaffolding.discovery.gguf_types import FILE_TYPES, TENSOR_TYPES
from langchain_scaffolding.errors import ScaffoldingError
from tests.local.tiny_gguf import write_tiny_gguf

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_gguf(tmp_path_factory.mktemp("gguf") / "tiny.gguf", quantization="Q8_0")


def header_bytes(*keys: bytes, version: int = 3, tensors: int = 0, count: int | None = None) -> bytes:
    count = len(keys) if count is None else count
    return struct.pack("<4sIQQ", b"GGUF", version, tensors, count) + b"".join(keys)


def key(name: str, kind: int, value: bytes) -> bytes:
    return struct.pack("<Q", len(name)) + name.encode() + struct.pack("<I", kind) + value


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_the_header_says_what_the_reference_reader_says(tiny: Path) -> None:
    oracle = gguf.GGUFReader(tiny)
    header = read_gguf(tiny)

    assert header.parameters == sum(int(tensor.n_elements) for tensor in oracle.tensors)
    assert header.name == oracle.fields["general.name"].contents()
    assert header.architecture == oracle.fields["general.architecture"].contents() == "llama"
    assert header.context_length == oracle.fields["llama.context_length"].contents()
    assert header.embedding_length == oracle.fields["llama.embedding_length"].contents()
    assert header.size_label == oracle.fields["general.size_label"].contents()
    assert header.licence == oracle.fields["general.license"].contents()
    assert header.quantization == "Q8_0"
    assert header.chat_template is True
    assert header.model_type == "model"
    assert header.size_bytes == tiny.stat().st_size
    assert header.size_gb == tiny.stat().st_size / 1e9
    assert header.active_parameters == header.parameters


def test_names_of_file_types_are_those_of_the_format() -> None:
    known = {kind.value: kind.name for kind in gguf.LlamaFileType if kind.name != "GUESSED"}
    aliases = {"ALL_F32": "F32", "MOSTLY_MXFP4_MOE": "MXFP4"}
    assert {number: aliases.get(name, name.removeprefix("MOSTLY_")) for number, name in known.items()} == {
        number: FILE_TYPES[number] for number in known
    }


def test_sizes_of_tensor_types_are_those_of_the_format() -> None:
    known = {kind.value: (kind.name, *size) for kind, size in GGML_QUANT_SIZES.items()}
    assert {number: tuple(TENSOR_TYPES[number]) for number in known} == known


def test_what_a_file_does_not_state_is_unknown(tmp_path: Path) -> None:
    header = read_gguf(written(tmp_path / "bare.gguf", header_bytes()))
    assert header.parameters == 0
    for fact in (
        "name",
        "architecture",
        "quantization",
        "context_length",
        "embedding_length",
        "expert_count",
        "licence",
    ):
        assert getattr(header, fact) is None
    assert header.chat_template is False
    assert header.is_embedding is False


def test_without_a_file_type_the_type_of_most_parameters_counts(tmp_path: Path) -> None:
    writer = gguf.GGUFWriter(tmp_path / "m.gguf", "llama")
    writer.add_tensor("norm", np.ones(32, dtype=np.float32))
    kind = gguf.GGMLQuantizationType.Q4_0
    writer.add_tensor("weights", gguf.quants.quantize(np.ones((4, 64), dtype=np.float32), kind), raw_dtype=kind)
    finish(writer)
    assert read_gguf(tmp_path / "m.gguf").quantization == "Q4_0"


@pytest.mark.parametrize("version", [2, 3])
def test_versions_2_and_3_are_read(tmp_path: Path, version: int) -> None:
    content = header_bytes(key("general.name", 8, struct.pack("<Q", 3) + b"abc"), version=version)
    assert read_gguf(written(tmp_path / "m.gguf", content)).name == "abc"


def test_a_mixture_of_experts_counts_the_parameters_that_one_token_uses(tmp_path: Path) -> None:
    writer = gguf.GGUFWriter(tmp_path / "moe.gguf", "qwen3moe")
    writer.add_expert_count(8)
    writer.add_expert_used_count(2)
    writer.add_tensor("blk.0.ffn_up_exps.weight", np.zeros((8, 4, 32), dtype=np.float32))
    writer.add_tensor("blk.0.ffn_gate_inp.weight", np.zeros((8, 32), dtype=np.float32))
    writer.add_tensor("blk.0.ffn_up_shexp.weight", np.zeros((4, 32), dtype=np.float32))
    finish(writer)
    header = read_gguf(tmp_path / "moe.gguf")
    assert (header.expert_count, header.expert_used_count) == (8, 2)
    assert header.parameters == 1024 + 256 + 128
    assert header.active_parameters == 256 + 256 + 128


def test_an_embedding_model_is_told_from_one_that_writes(tmp_path: Path) -> None:
    writer = gguf.GGUFWriter(tmp_path / "bert.gguf", "bert")
    writer.add_pooling_type(gguf.PoolingType.CLS)
    finish(writer)
    assert read_gguf(tmp_path / "bert.gguf").is_embedding is True


def header_or_error(path: Path) -> GGUFHeader | GGUFError:
    try:
        return read_gguf(path)
    except GGUFError as error:
        return error


def finish(writer: gguf.GGUFWriter) -> None:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@pytest.fixture
def split(tmp_path: Path) -> list[Path]:
    writer = gguf.GGUFWriter(tmp_path / "big.gguf", "llama", split_max_tensors=1)
    writer.add_name("Big")
    for number in range(3):
        writer.add_tensor(f"t{number}", np.zeros((2, 32), dtype=np.float32))
    finish(writer)
    return sorted(tmp_path.glob("big-*.gguf"))


def test_a_split_model_is_the_sum_of_its_parts(split: list[Path]) -> None:
    header = read_gguf(split[0])
    assert header.parts == len(split) == 3
    assert header.parameters == 3 * 64
    assert header.size_bytes == sum(part.stat().st_size for part in split)
    assert header.name == "Big"
    assert split_part(split[1]) == (2, 3)


def test_a_missing_part_is_named(split: list[Path]) -> None:
    split[2].unlink()
    with pytest.raises(GGUFError, match=split[2].name):
        read_gguf(split[0])


def test_a_later_part_asks_for_the_first(split: list[Path]) -> None:
    with pytest.raises(GGUFError, match="is part 2 of 3; give the first part"):
        read_gguf(split[1])


ABSURD = (1 << 63) + 12345


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "is empty"),
        (b"GG", "no GGUF file"),
        (b"PK\x03\x04 and so on", "no GGUF file"),
        (b"GGUF", "truncated"),
        (struct.pack(">4sIQQ", b"GGUF", 3, 0, 0), "big-endian"),
        (header_bytes(version=1), "version 1"),
        (header_bytes(version=99), "version 99"),
        (header_bytes(count=ABSURD), "absurd"),
        (header_bytes(tensors=ABSURD), "absurd"),
        (header_bytes(count=3), "truncated"),
        (header_bytes(struct.pack("<Q", ABSURD)), "key, name or label of"),
        (header_bytes(key("tokenizer.chat_template", 8, struct.pack("<Q", ABSURD))), "truncated"),
        (header_bytes(key("a", 9, struct.pack("<IQ", 4, ABSURD))), "truncated"),
        (header_bytes(key("a", 9, struct.pack("<IQ", 8, ABSURD))), "truncated"),
        (header_bytes(key("a", 9, struct.pack("<IQQ", 8, 1, ABSURD))), "truncated"),
        (header_bytes(key("a", 9, struct.pack("<IQ", 9, 1))), "array of the unknown type 9"),
        (header_bytes(key("a", 77, b"")), "unknown type 77"),
        (header_bytes(key("a", 0, b"\1"), key("a", 0, b"\1")), "twice"),
        (header_bytes(key("general.alignment", 4, struct.pack("<I", 0))), "no power of two"),
        (header_bytes(key("general.alignment", 4, struct.pack("<I", 33))), "no power of two"),
        (header_bytes(struct.pack("<Q1sI", 1, b"t", 5), tensors=1, count=0), "5 dimensions"),
        (header_bytes(struct.pack("<Q1sIQ", 1, b"t", 1, ABSURD), tensors=1, count=0), "elements, which is absurd"),
        (header_bytes(struct.pack("<Q1sIQIQ", 1, b"t", 1, 64, 0, 0), tensors=1, count=0), "is not whole"),
        (header_bytes(struct.pack("<Q1sIQIQ", 1, b"t", 1, 64, 0, ABSURD), tensors=1, count=0), "is not whole"),
    ],
)
def test_a_damaged_file_is_one_line_that_names_the_file_and_the_fault(
    tmp_path: Path, content: bytes, fault: str
) -> None:
    path = written(tmp_path / "bad.gguf", content)
    with pytest.raises(GGUFError, match=fault) as caught:
        read_gguf(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, (ScaffoldingError, ValueError))


def test_what_is_no_file_is_named_too(tmp_path: Path) -> None:
    with pytest.raises(GGUFError, match="No such file"):
        read_gguf(tmp_path / "none.gguf")
    with pytest.raises(GGUFError, match="no regular file"):
        read_gguf(tmp_path)
    os.mkfifo(tmp_path / "pipe.gguf")
    with pytest.raises(GGUFError, match="no regular file"):
        read_gguf(tmp_path / "pipe.gguf")


def test_the_error_survives_pickling(tmp_path: Path) -> None:
    error = GGUFError(tmp_path, "is empty")
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.path, copy.fault) == (str(error), tmp_path, "is empty")


@pytest.mark.parametrize("part", [0.1, 0.5, 0.99])
def test_a_download_that_was_cut_is_not_whole(tiny: Path, tmp_path: Path, part: float) -> None:
    content = tiny.read_bytes()
    with pytest.raises(GGUFError, match="not whole|truncated"):
        read_gguf(written(tmp_path / "cut.gguf", content[: int(len(content) * part)]))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_corrupted_bytes_give_a_header_or_a_gguf_error(tiny: Path, tmp_path: Path, data: st.DataObject) -> None:
    whole = tiny.read_bytes()
    end = gguf.GGUFReader(tiny).data_offset
    content = bytearray(whole[:end])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, end))
        patch = data.draw(st.one_of(st.binary(min_size=1, max_size=9), st.just(b"\xff" * 8), st.just(bytes(8))))
        content[at : at + len(patch)] = patch
    path = written(tmp_path / "fuzzed.gguf", bytes(content))
    os.truncate(path, data.draw(st.one_of(st.just(len(whole)), st.integers(0, end))))
    read = header_or_error(path)
    assert read.path == path
    if isinstance(read, GGUFHeader):
        assert read.size_bytes == path.stat().st_size
    else:
        assert "\n" not in read.fault


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tail=st.binary(max_size=200), tensors=st.integers(0, 3), keys=st.integers(0, 3))
def test_any_bytes_after_the_preamble_give_a_header_or_a_gguf_error(
    tmp_path: Path, tail: bytes, tensors: int, keys: int
) -> None:
    path = written(tmp_path / "any.gguf", header_bytes(tail, tensors=tensors, count=keys))
    assert header_or_error(path).path == path


def test_a_header_costs_the_same_in_a_file_of_five_gigabytes(tiny: Path, tmp_path: Path) -> None:
    """Counted in reads of the kernel and not in seconds: what is read is what costs."""
    large = written(tmp_path / "large.gguf", tiny.read_bytes())
    os.truncate(large, 5_000_000_000)
    before = Path("/proc/self/io").read_text()
    header = read_gguf(large)
    after = Path("/proc/self/io").read_text()

    assert header.size_gb == 5.0
    assert header.parameters == read_gguf(tiny).parameters
    assert io_bytes(after) - io_bytes(before) < 2_000_000


def io_bytes(text: str) -> int:
    return int(text.split("rchar:", 1)[1].split(maxsplit=1)[0])


def test_hostile_lengths_allocate_nothing(tmp_path: Path) -> None:
    """In a file of 5 GB, so that the claims do not end with the file."""
    claims = [
        key("a", 9, struct.pack("<IQ", 8, 10**12)),
        key("a", 9, struct.pack("<IQ", 10, 10**9)),
        key("a", 8, struct.pack("<Q", 10**9)),
        struct.pack("<Q", 10**9),
    ]
    for claim in claims:
        path = written(tmp_path / "hostile.gguf", header_bytes(claim))
        os.truncate(path, 5_000_000_000)
        with peak_bytes() as peak, pytest.raises(GGUFError, match="claims a header of more than|holds a key"):
            read_gguf(path)
        assert peak() < 2_000_000


def test_reading_a_header_holds_no_vocabulary(tmp_path: Path) -> None:
    writer = gguf.GGUFWriter(tmp_path / "m.gguf", "llama")
    writer.add_token_list([f"token number {number}" for number in range(150_000)])
    finish(writer)
    with peak_bytes() as peak:
        assert read_gguf(tmp_path / "m.gguf").parameters == 0
    assert peak() < 2_000_000 < (tmp_path / "m.gguf").stat().st_size


@contextmanager
def peak_bytes() -> Iterator[Callable[[], int]]:
    """The most bytes that Python held at once within the block."""
    peaks: list[int] = []
    tracemalloc.start()
    try:
        yield lambda: peaks[0]
    finally:
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
