"""Another quantization of a GGUF model, made on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_scaffolding.local.extra import missing

try:
    import gguf
    import numpy as np
except ModuleNotFoundError as error:
    raise missing("gguf") from error

if TYPE_CHECKING:
    from pathlib import Path

    from langchain_scaffolding.local.wheels import Progress


def requantize(source: Path, target: Path, quantization: str, progress: Progress | None = None) -> None:
    """Write `source` with its weight matrices stored as `quantization`, and all else as it was.

    What the source has lost stays lost: a Q8_0 made of a Q4_1 takes more memory and answers no better.

    Args:
        source: A GGUF file in one part.
        target: The file to write; it is complete only when this returns.
        quantization: A type that the `gguf` package can write: "Q8_0", "F16", "Q4_0", "Q5_1" and so on.
        progress: Told the bytes of the source that are done, and its size.
    """
    size = source.stat().st_size
    tell = progress or _silent
    tell(0, size)
    reader = gguf.GGUFReader(source)
    wanted = gguf.GGMLQuantizationType[quantization]
    writer = gguf.GGUFWriter(target, reader.fields["general.architecture"].contents())
    try:
        _copy_keys(reader, writer, gguf.LlamaFileType[f"MOSTLY_{quantization}"])
        _announce_tensors(reader, writer, wanted)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        done = 0
        for tensor in reader.tensors:
            writer.write_tensor_data(_as_type(tensor, _type_for(tensor, wanted)))
            done += tensor.n_bytes
            tell(done, size)
    finally:
        writer.close()
    tell(size, size)


def _copy_keys(reader: gguf.GGUFReader, writer: gguf.GGUFWriter, file_type: int) -> None:
    for field in reader.fields.values():
        if field.name.startswith("GGUF.") or field.name == "general.architecture":
            continue
        value = int(file_type) if field.name == "general.file_type" else field.contents()
        inner = field.types[-1] if len(field.types) > 1 else None
        writer.add_key_value(field.name, value, field.types[0], inner)


def _announce_tensors(reader: gguf.GGUFReader, writer: gguf.GGUFWriter, wanted: Any) -> None:
    for tensor in reader.tensors:
        kind = _type_for(tensor, wanted)
        block, block_bytes = gguf.GGML_QUANT_SIZES[kind]
        stored = tensor.n_elements // block * block_bytes
        shape = [int(length) for length in reversed(tensor.shape)]
        writer.add_tensor_info(tensor.name, shape, np.dtype(np.float32), stored, raw_dtype=kind)


def _type_for(tensor: Any, wanted: Any) -> Any:
    """Norms and biases stay as they are: they are small, and the engine wants them in full precision."""
    block, _ = gguf.GGML_QUANT_SIZES[wanted]
    return wanted if len(tensor.shape) > 1 and tensor.shape[0] % block == 0 else tensor.tensor_type


def _as_type(tensor: Any, kind: Any) -> Any:
    if tensor.tensor_type == kind:
        return tensor.data
    return gguf.quants.quantize(gguf.quants.dequantize(tensor.data, tensor.tensor_type), kind)


def _silent(_done: int, _total: int) -> None:
    """Report to nobody."""
