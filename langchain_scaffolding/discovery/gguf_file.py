"""The container of GGUF files: keys with their values, and what the tensor infos add up to.

The file is read in small windows and never mapped: a mapped file that another program truncates (a
download that starts over) kills the process that maps it. Lengths and counts in the header are taken
as claims: nothing is allocated for them, they only move the reading position, and a position behind
the end of the file is an error.

Format: the GGUF specification of the ggml project, versions 2 and 3, little endian.
"""

from __future__ import annotations

import math
import re
import stat
import struct
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO, Final, TypeAlias

from langchain_scaffolding.discovery.gguf_types import TENSOR_TYPES
from langchain_scaffolding.errors import ScaffoldingError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Scalar: TypeAlias = int | float | bool | str

_WINDOW: Final = 1 << 18
_MAX_HEADER: Final = 1 << 26  # 64 MiB: several times the largest vocabulary seen
_MAX_NAME: Final = 1 << 10  # bytes of a key, a tensor's name or a label; 64 are usual
_MAX_KEYS: Final = 1 << 14
_MAX_TENSORS: Final = 1 << 18
_MAX_DIMENSIONS: Final = 4
_MAX_ELEMENTS: Final = 1 << 48
_BIG_ENDIAN_VERSIONS: Final = (2 << 24, 3 << 24)

_U32: Final = struct.Struct("<I")
_U64: Final = struct.Struct("<Q")
_PREAMBLE: Final = struct.Struct("<QQ")
_SCALARS: Final[Mapping[int, struct.Struct]] = {
    kind: struct.Struct(f"<{code}")
    for kind, code in zip((0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12), "BbHhIif?Qqd", strict=True)
}
_LABELS: Final = frozenset(f"general.{word}" for word in ("architecture", "name", "type", "size_label", "license"))
TEMPLATE: Final = "tokenizer.chat_template"
_MAX_TEMPLATE: Final = 1 << 17  # bytes; a longer template is passed over
_STRING: Final = 8
_ARRAY: Final = 9

# Of a mixture of experts: `blk.0.ffn_up_exps.weight`, and the older `blk.0.ffn_up.3.weight`.
_EXPERT_TENSOR: Final = re.compile(rb"\.ffn_\w+_exps\.|\.ffn_(?:gate|down|up)\.\d+\.")


class GGUFError(ScaffoldingError, ValueError):
    """A file cannot be read as GGUF; the message names the file and the fault.

    Attributes:
        path: The file.
        fault: What is wrong with it.
    """

    def __init__(self, path: Path, fault: str) -> None:
        self.path = path
        self.fault = fault
        super().__init__(f"{path}: {fault}.")

    def __reduce__(self) -> tuple[type, tuple[object, ...]]:
        """Rebuild from the facts, since the message is not the constructor's argument."""
        return type(self), (self.path, self.fault)


@dataclass(frozen=True, kw_only=True, slots=True)
class TensorSums:
    """Sums over tensor infos, in elements."""

    parameters: int = 0
    in_experts: int = 0
    by_type: Counter[int] = field(default_factory=Counter)

    def plus(self, other: TensorSums) -> TensorSums:
        """Add the tensors of another part."""
        return TensorSums(
            parameters=self.parameters + other.parameters,
            in_experts=self.in_experts + other.in_experts,
            by_type=self.by_type + other.by_type,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class GGUFPart:
    """One file: its size, the values of its keys (`None` for what is skipped), and its tensors."""

    size_bytes: int
    values: Mapping[str, Scalar | None]
    tensors: TensorSums


class _Cursor:
    """A reading position in a file, which never goes behind the end nor holds more than a window."""

    def __init__(self, stream: BinaryIO, path: Path, size: int) -> None:
        self.path = path
        self.size = size
        self._stream = stream
        self._end = min(size, _MAX_HEADER)
        self._base = 0
        self._at = 0
        self._window = b""

    @property
    def position(self) -> int:
        return self._base + self._at

    def fail(self, fault: str) -> GGUFError:
        return GGUFError(self.path, fault)

    def unpack(self, form: struct.Struct) -> tuple[Any, ...]:
        return form.unpack(self.take(form.size))

    def take(self, count: int) -> bytes:
        self._fill(count)
        start = self._at
        self._at += count
        return self._window[start : self._at]

    def skip(self, count: int) -> None:
        self._check(count)
        self._at += count

    def skip_strings(self, count: int) -> None:
        """Pass over `count` strings: the loop that decides the cost of a header."""
        self._check(count * _U64.size)
        length = _U64.unpack_from
        while count:
            self._fill(_U64.size)
            window, at, last = self._window, self._at, len(self._window) - _U64.size
            while count and at <= last:
                at += 8 + length(window, at)[0]
                count -= 1
            self.skip(at - self._at)

    def string(self) -> bytes:
        (length,) = self.unpack(_U64)
        if length > _MAX_NAME:
            raise self.fail(f"holds a key, name or label of {length:,} bytes, {_MAX_NAME:,} is the most")
        return self.take(length)

    def skip_string(self) -> None:
        self.text(0)

    def text(self, most: int) -> str | None:
        """A string of any length, or `None` if it has more than `most` bytes."""
        (length,) = self.unpack(_U64)
        if length <= most:
            return self.take(length).decode(errors="replace")
        self.skip(length)
        return None

    def _check(self, count: int) -> None:
        if self.position + count <= self._end:
            return
        if self._end < self.size:
            raise self.fail(f"claims a header of more than {_MAX_HEADER:,} bytes")
        raise self.fail(f"ends within its header, after {self.size:,} bytes: it is truncated or damaged")

    def _fill(self, count: int) -> None:
        if self._at + count <= len(self._window):
            return
        self._check(count)
        self._base, self._at = self.position, 0
        try:
            self._stream.seek(self._base)
            self._window = self._stream.read(max(count, _WINDOW))
        except OSError as error:
            raise self.fail(f"cannot be read ({error.strerror})") from error
        if len(self._window) < count:
            raise self.fail("became shorter while it was read")


def read_part(path: Path) -> GGUFPart:
    """Read the header of one file.

    Raises:
        GGUFError: The file cannot be read as GGUF, or is not whole.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # opening a pipe would wait for ever
            raise GGUFError(path, "is no regular file")
        stream = path.open("rb")
    except OSError as error:
        raise GGUFError(path, f"cannot be read ({error.strerror})") from error
    with stream:
        return _parse(_Cursor(stream, path, status.st_size))


def _parse(cursor: _Cursor) -> GGUFPart:
    if cursor.size == 0:
        raise cursor.fail("is empty")
    magic = cursor.take(min(4, cursor.size))
    if magic != b"GGUF":
        raise cursor.fail(f"is no GGUF file: it begins with {magic!r}")
    (version,) = cursor.unpack(_U32)
    if version in _BIG_ENDIAN_VERSIONS:
        raise cursor.fail("is big-endian, only little-endian GGUF files can be read")
    if version not in (2, 3):
        raise cursor.fail(f"is of GGUF version {version}, only versions 2 and 3 can be read")
    tensors, keys = cursor.unpack(_PREAMBLE)
    if keys > _MAX_KEYS or tensors > _MAX_TENSORS:
        raise cursor.fail(f"claims {keys:,} keys and {tensors:,} tensors, which is absurd")
    values = _values(cursor, keys)
    return GGUFPart(
        size_bytes=cursor.size, values=values, tensors=_tensors(cursor, tensors, _alignment(cursor, values))
    )


def _values(cursor: _Cursor, count: int) -> dict[str, Scalar | None]:
    values: dict[str, Scalar | None] = {}
    for _ in range(count):
        key = cursor.string().decode(errors="replace")
        if key in values:
            raise cursor.fail(f"has the key {key!r} twice")
        values[key] = _value(cursor, key)
    return values


def _value(cursor: _Cursor, key: str) -> Scalar | None:
    """Read a number or a label; pass over everything else."""
    (kind,) = cursor.unpack(_U32)
    form = _SCALARS.get(kind)
    if form is not None:
        number: Scalar = cursor.unpack(form)[0]
        return number
    if kind == _STRING and key in _LABELS:
        return cursor.string().decode(errors="replace")
    if kind == _STRING and key == TEMPLATE:
        return cursor.text(_MAX_TEMPLATE)
    if kind == _STRING:
        cursor.skip_string()
    elif kind == _ARRAY:
        _skip_array(cursor, key)
    else:
        raise cursor.fail(f"gives the key {key!r} the unknown type {kind}")
    return None


def _skip_array(cursor: _Cursor, key: str) -> None:
    (kind,) = cursor.unpack(_U32)
    (count,) = cursor.unpack(_U64)
    form = _SCALARS.get(kind)
    if form is not None:
        cursor.skip(count * form.size)
    elif kind == _STRING:
        cursor.skip_strings(count)
    else:
        raise cursor.fail(f"gives the key {key!r} an array of the unknown type {kind}")


def _alignment(cursor: _Cursor, values: Mapping[str, Scalar | None]) -> int:
    alignment = values.get("general.alignment", 32)
    if type(alignment) is not int or alignment <= 0 or alignment & (alignment - 1):
        raise cursor.fail(f"aligns its tensors to {alignment!r}, which is no power of two")
    return alignment


def _tensors(cursor: _Cursor, count: int, alignment: int) -> TensorSums:
    by_type: Counter[int] = Counter()
    in_experts = 0
    end = 0
    for _ in range(count):
        name = cursor.string()
        (dimensions,) = cursor.unpack(_U32)
        if dimensions > _MAX_DIMENSIONS:
            raise cursor.fail(f"claims a tensor of {dimensions:,} dimensions, {_MAX_DIMENSIONS} is the most")
        elements = math.prod(cursor.unpack(_U64)[0] for _ in range(dimensions))
        if elements > _MAX_ELEMENTS:
            raise cursor.fail(f"claims a tensor of {elements:,} elements, which is absurd")
        (kind,) = cursor.unpack(_U32)
        (offset,) = cursor.unpack(_U64)
        storage = TENSOR_TYPES.get(kind)
        stored = 0 if storage is None else -(-elements // storage.block) * storage.block_bytes
        end = max(end, offset + stored)
        by_type[kind] += elements
        in_experts += elements if _EXPERT_TENSOR.search(name) else 0
    start = -(-cursor.position // alignment) * alignment
    if count and start + end > cursor.size:
        raise cursor.fail(f"is not whole: its tensors end at byte {start + end:,}, the file at byte {cursor.size:,}")
    return TensorSums(parameters=by_type.total(), in_experts=in_experts, by_type=by_type)
