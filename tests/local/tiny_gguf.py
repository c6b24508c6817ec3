"""A llama of 0.7 MB that the real engine runs, and that says one known word over and over.

Its embeddings are one-hot, its attention and feed-forward weights are zero, and its output matrix is the
table of which byte follows which. So the answer proves which file spoke, at the cost of a real forward pass.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import gguf
import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

WIDTH = 288  # at least one dimension per token, and a multiple of the 32 elements of a Q8_0 block
FEED_FORWARD = 32
HEADS = 9
TOKENS = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
FIRST_BYTE = 3
END = 2
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ message['role'] + ': ' + message['content'] + '\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'assistant:' }}{% endif %}"
)


def write_tiny_gguf(
    path: Path,
    *,
    says: str = "tiny ",
    name: str = "Tiny",
    quantization: str = "F16",
    context_length: int = 2048,
    chat_template: bool = True,
) -> Path:
    """Write a model that repeats `says`, whose characters are distinct ASCII; after a full stop it ends."""
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name(name)
    writer.add_type("model")
    writer.add_size_label("0.4M")
    writer.add_license("mit")
    writer.add_file_type(gguf.LlamaFileType[f"MOSTLY_{quantization}"])
    writer.add_context_length(context_length)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(1)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(1)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    _add_vocabulary(writer, chat_template=chat_template)
    kind = gguf.GGMLQuantizationType[quantization]
    for tensor, weights in _weights(says).items():
        if weights.ndim == 1:
            writer.add_tensor(tensor, weights)
        else:
            writer.add_tensor(tensor, gguf.quants.quantize(weights, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add_vocabulary(writer: gguf.GGUFWriter, *, chat_template: bool) -> None:
    control, unknown, byte = gguf.TokenType.CONTROL, gguf.TokenType.UNKNOWN, gguf.TokenType.BYTE
    writer.add_tokenizer_model("llama")
    writer.add_token_list(TOKENS)
    writer.add_token_scores([0.0] * len(TOKENS))
    writer.add_token_types([unknown, control, control, *[byte] * 256])
    writer.add_vocab_size(len(TOKENS))
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(END)
    writer.add_add_space_prefix(False)
    if chat_template:
        writer.add_chat_template(CHAT_TEMPLATE)


def _weights(says: str) -> dict[str, np.ndarray]:
    def zeros(rows: int) -> np.ndarray:
        return np.zeros((rows, WIDTH), dtype=np.float32)

    layer = "blk.0."
    return {
        "token_embd.weight": np.eye(len(TOKENS), WIDTH, dtype=np.float32),
        "output_norm.weight": np.ones(WIDTH, dtype=np.float32),
        "output.weight": _follows(says),
        f"{layer}attn_norm.weight": np.ones(WIDTH, dtype=np.float32),
        f"{layer}attn_q.weight": zeros(WIDTH),
        f"{layer}attn_k.weight": zeros(WIDTH // HEADS),
        f"{layer}attn_v.weight": zeros(WIDTH // HEADS),
        f"{layer}attn_output.weight": zeros(WIDTH),
        f"{layer}ffn_norm.weight": np.ones(WIDTH, dtype=np.float32),
        f"{layer}ffn_gate.weight": zeros(FEED_FORWARD),
        f"{layer}ffn_up.weight": zeros(FEED_FORWARD),
        f"{layer}ffn_down.weight": np.zeros((WIDTH, FEED_FORWARD), dtype=np.float32),
    }


def _follows(says: str) -> np.ndarray:
    tokens = [FIRST_BYTE + ord(character) for character in says]
    after = dict(zip(tokens, [*tokens[1:], tokens[0]], strict=True))
    after[FIRST_BYTE + ord(".")] = END
    table = np.zeros((len(TOKENS), WIDTH), dtype=np.float32)
    for token in range(len(TOKENS)):
        table[after.get(token, tokens[0]), token] = 2.0
    return table
