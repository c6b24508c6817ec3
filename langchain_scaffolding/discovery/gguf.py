"""What a GGUF file says about its model, read from the header alone."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from langchain_scaffolding.discovery.gguf_file import (
    TEMPLATE,
    GGUFError,
    GGUFPart,
    Scalar,
    TensorSums,
    read_part,
)
from langchain_scaffolding.discovery.gguf_types import FILE_TYPES, TENSOR_TYPES

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["GGUFError", "GGUFHeader", "read_gguf", "split_part"]

_GUESSED_FILE_TYPE: Final = 1024  # a flag that the quantizer adds when it derived the type itself
_SPLIT_NAME: Final = re.compile(r".+-(?P<part>\d{5})-of-(?P<parts>\d{5})\.gguf")


@dataclass(frozen=True, kw_only=True, slots=True)
class GGUFHeader:
    """What a GGUF file states about its model; `None` where it states nothing.

    Attributes:
        path: The file, or the first part of a split model.
        size_bytes: Bytes on disk, over all parts.
        parts: Number of files the model is split over.
        name: The model's own name (`general.name`).
        architecture: For example "llama" or "qwen2".
        model_type: "model", or "adapter", "mmproj", "imatrix" for files that are no model themselves.
        parameters: Exact count of elements over all tensors.
        active_parameters: Parameters one token passes through; less than all for a mixture of experts,
            `None` where a mixture does not say how many experts it uses.
        expert_count: Experts per layer.
        expert_used_count: Experts that one token passes through.
        quantization: Name of `general.file_type` ("Q4_K_M"), else the tensor type of most parameters.
        context_length: Tokens the model was trained to take.
        embedding_length: Width of the model.
        chat_template: Whether the file carries one; without it chat answers are unreliable.
        is_embedding: Whether the model pools its output into one vector instead of writing text.
        size_label: The publisher's word for the size ("135M").
        licence: The publisher's word for the licence ("apache-2.0").
        template: The chat template itself, unless it is longer than 128 KiB.

    >>> GGUFHeader(path=Path("m.gguf"), size_bytes=98_362_432, parameters=134_515_008).size_gb
    0.098362432
    """

    path: Path
    size_bytes: int
    parameters: int
    parts: int = 1
    name: str | None = None
    architecture: str | None = None
    model_type: str | None = None
    active_parameters: int | None = None
    expert_count: int | None = None
    expert_used_count: int | None = None
    quantization: str | None = None
    context_length: int | None = None
    embedding_length: int | None = None
    chat_template: bool = False
    is_embedding: bool = False
    size_label: str | None = None
    licence: str | None = None
    template: str | None = field(default=None, repr=False)

    @property
    def size_gb(self) -> float:
        """Size on disk in GB of 10^9 bytes."""
        return self.size_bytes / 1e9


def read_gguf(path: str | os.PathLike[str]) -> GGUFHeader:
    """Read what a GGUF file says about its model, without reading its weights.

    The cost does not depend on the file's size: a vocabulary of 150,000 tokens takes some 30 ms.

    Args:
        path: The file; of a split model (`name-00001-of-00003.gguf`) the first part.

    Raises:
        GGUFError: The file is missing, no GGUF, of another version or byte order, damaged, not whole
            (a download that was cut), or a part of its split model is missing.

    >>> read_gguf("missing.gguf")
    Traceback (most recent call last):
    ...
    langchain_scaffolding.discovery.gguf_file.GGUFError: missing.gguf: cannot be read (No such file or directory).
    """
    first = Path(path)
    part = read_part(first)
    rest = [read_part(other) for other in _later_parts(first, part)]
    tensors = part.tensors
    for other in rest:
        tensors = tensors.plus(other.tensors)
    return _header(first, part.values, tensors, [part, *rest])


def split_part(path: str | os.PathLike[str]) -> tuple[int, int] | None:
    """Tell which part of how many a file is by its name; `None` if it is a whole model.

    >>> split_part("models/big-00002-of-00003.gguf")
    (2, 3)
    >>> split_part("small.gguf") is None
    True
    """
    match = _SPLIT_NAME.fullmatch(Path(path).name)
    return None if match is None else (int(match["part"]), int(match["parts"]))


def _later_parts(first: Path, part: GGUFPart) -> list[Path]:
    parts = part.values.get("split.count", 1)
    if type(parts) is not int or parts <= 1:
        return []
    named = split_part(first)
    if named is None or named[1] != parts:
        raise GGUFError(first, f"is one of {parts} parts, but is not named like 'name-00001-of-{parts:05}.gguf'")
    if named[0] != 1:
        raise GGUFError(first, f"is part {named[0]} of {parts}; give the first part to read the model")
    stem = first.name.removesuffix(f"-00001-of-{parts:05}.gguf")
    return [first.with_name(f"{stem}-{number:05}-of-{parts:05}.gguf") for number in range(2, parts + 1)]


def _header(path: Path, values: Mapping[str, Scalar | None], tensors: TensorSums, parts: list[GGUFPart]) -> GGUFHeader:
    architecture = _text(values, "general.architecture")
    experts = _count(values, f"{architecture}.expert_count")
    used = _count(values, f"{architecture}.expert_used_count")
    pooling = _count(values, f"{architecture}.pooling_type")
    return GGUFHeader(
        path=path,
        size_bytes=sum(part.size_bytes for part in parts),
        parts=len(parts),
        name=_text(values, "general.name"),
        architecture=architecture,
        model_type=_text(values, "general.type"),
        parameters=tensors.parameters,
        active_parameters=_active(tensors, experts, used),
        expert_count=experts,
        expert_used_count=used,
        quantization=_quantization(_count(values, "general.file_type"), tensors),
        context_length=_count(values, f"{architecture}.context_length"),
        embedding_length=_count(values, f"{architecture}.embedding_length"),
        chat_template=TEMPLATE in values,
        template=_text(values, TEMPLATE),
        is_embedding=pooling is not None and pooling > 0,
        size_label=_text(values, "general.size_label"),
        licence=_text(values, "general.license"),
    )


def _active(tensors: TensorSums, experts: int | None, used: int | None) -> int | None:
    if tensors.in_experts == 0:
        return tensors.parameters
    if experts is None or used is None or not 0 < used <= experts:
        return None
    return tensors.parameters - tensors.in_experts + tensors.in_experts * used // experts


def _quantization(file_type: int | None, tensors: TensorSums) -> str | None:
    if file_type is not None:
        name = FILE_TYPES.get(file_type & ~_GUESSED_FILE_TYPE)
        if name is not None:
            return name
    for kind, _ in tensors.by_type.most_common(1):
        storage = TENSOR_TYPES.get(kind)
        return None if storage is None else storage.name
    return None


def _text(values: Mapping[str, Scalar | None], key: str) -> str | None:
    value = values.get(key)
    return value if isinstance(value, str) and value else None


def _count(values: Mapping[str, Scalar | None], key: str) -> int | None:
    value = values.get(key)
    return value if type(value) is int and value >= 0 else None
