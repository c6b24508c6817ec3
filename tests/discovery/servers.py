"""Servers on the loopback interface that answer as the real ones do, and some that mean harm."""

from __future__ import annotations

import http.server
import json
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

Page = Any
"""A value is sent as JSON, bytes as they are, a number is a status, a callable is given the body that was posted."""


class FakeServer(http.server.ThreadingHTTPServer):
    """Serves pages by path; `asked` tells which were asked for, with the key that came along."""

    daemon_threads = True

    def __init__(self, pages: dict[str, Page]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.pages = pages
        self.asked: list[tuple[str, str | None]] = []
        self.location = "http://example.com/"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]


class _Handler(http.server.BaseHTTPRequestHandler):
    server: FakeServer

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers["Authorization"]))
        page = self.server.pages.get(self.path, 404)
        if callable(page):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            page = page(json.loads(body) if body else None)
        if isinstance(page, int):
            self.send_response(page)
            self.send_header("Location", self.server.location)
            page = b""
        else:
            self.send_response(200)
        content = page if isinstance(page, bytes) else json.dumps(page).encode()
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def serving(pages: dict[str, Page]) -> Iterator[FakeServer]:
    """A server that runs while the block does."""
    with FakeServer(pages) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def dripping(first: bytes, drip: bytes) -> Iterator[str]:
    """The address of a server that sends `first`, then `drip` over and over, 50 times a second, and never ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def drip_into(connection: socket.socket) -> None:
        with connection:
            try:
                connection.sendall(first)
                while not stop.wait(0.02):
                    connection.sendall(drip)
            except OSError:
                return

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=drip_into, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        stop.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def free_port() -> int:
    """A port at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


# Answers in the shapes that the servers' documentation and the servers themselves give.
OLLAMA_TAGS = {
    "models": [
        {
            "name": "qwen2:1.5b",
            "model": "qwen2:1.5b",
            "modified_at": "2026-10-01T10:00:00Z",
            "size": 934_964_102,
            "digest": "sha256:aa",
            "details": {
                "format": "gguf",
                "family": "qwen2",
                "families": ["qwen2"],
                "parameter_size": "1.5B",
                "quantization_level": "Q4_0",
                "parent_model": "",
            },
        },
        {
            "name": "nomic-embed-text:latest",
            "model": "nomic-embed-text:latest",
            "size": 274_302_450,
            "digest": "sha256:bb",
            "details": {"family": "nomic-bert", "parameter_size": "137M", "quantization_level": "F16"},
        },
        {
            "name": "gpt-oss:120b-cloud",
            "model": "gpt-oss:120b-cloud",
            "remote_model": "gpt-oss:120b",
            "remote_host": "https://ollama.com:443",
            "size": 384,
            "digest": "sha256:cc",
            "details": {"family": "gptoss", "parameter_size": "116.8B", "quantization_level": "MXFP4"},
        },
    ]
}
OLLAMA_SHOW = {
    "qwen2:1.5b": {
        "details": {"family": "qwen2"},
        "model_info": {
            "general.architecture": "qwen2",
            "general.parameter_count": 1_543_714_304,
            "general.file_type": 2,
            "qwen2.context_length": 32768,
        },
        "parameters": 'stop                           "<|im_end|>"',
        "template": "{{ if .Tools }}...{{ end }}",
        "capabilities": ["completion", "tools"],
    },
    "nomic-embed-text:latest": {"capabilities": ["embedding"]},
    "gpt-oss:120b-cloud": {
        "remote_host": "https://ollama.com:443",
        "model_info": {"general.architecture": "gptoss", "gptoss.context_length": 131072},
        "capabilities": ["completion", "tools", "thinking"],
    },
}
OLLAMA = {
    "/api/tags": OLLAMA_TAGS,
    "/api/ps": {"models": []},
    "/api/show": lambda body: OLLAMA_SHOW.get(body["model"], 404),
}
OLLAMA_PS = {
    "models": [
        {
            "name": "qwen2:1.5b",
            "model": "qwen2:1.5b",
            "size": 1_300_000_000,
            "size_vram": 0,
            "context_length": 8192,
            "expires_at": "2026-10-01T10:05:00Z",
        }
    ]
}
# of llama.cpp as xllamacpp 2026.10 carries it
LLAMA_CPP = {
    "/v1/models": {
        "models": [{"name": "tiny", "model": "tiny", "type": "model", "capabilities": ["completion"]}],
        "object": "list",
        "data": [
            {
                "id": "tiny",
                "object": "model",
                "architecture": {"input_modalities": ["text"], "output_modalities": ["text"]},
                "created": 1795425475,
                "owned_by": "llamacpp",
                "meta": {
                    "vocab_type": 1,
                    "n_vocab": 151936,
                    "n_ctx": 8192,
                    "n_ctx_train": 32768,
                    "n_embd": 896,
                    "n_params": 494_032_768,
                    "size": 397_807_936,
                    "ftype": "Q4_K - Medium",
                },
            }
        ],
    },
    "/props": {
        "default_generation_settings": {"n_ctx": 2048},
        "total_slots": 4,
        "model_ftype": "Q4_K - Medium",
        "modalities": {"vision": False, "video": False, "audio": False},
        "chat_template": "{%- if tools %}...{%- endif %}",
        "chat_template_caps": {"supports_tools": True},
    },
}
VLLM = {
    "/v1/models": {
        "object": "list",
        "data": [
            {
                "id": "Qwen/Qwen2.5-7B-Instruct-AWQ",
                "object": "model",
                "created": 1795425475,
                "owned_by": "vllm",
                "root": "Qwen/Qwen2.5-7B-Instruct-AWQ",
                "parent": None,
                "max_model_len": 16384,
                "permission": [{"id": "modelperm-1", "object": "model_permission", "allow_sampling": True}],
            }
        ],
    }
}
LM_STUDIO_V1 = {
    "/api/v1/models": {
        "models": [
            {
                "type": "llm",
                "publisher": "qwen",
                "key": "qwen/qwen3-vl-4b",
                "display_name": "Qwen3 VL 4B",
                "architecture": "qwen3vl",
                "quantization": {"name": "Q4_K_M", "bits_per_weight": 4},
                "size_bytes": 3_300_000_000,
                "params_string": "4B",
                "loaded_instances": [{"id": "qwen/qwen3-vl-4b", "config": {"context_length": 8192}}],
                "max_context_length": 262144,
                "format": "gguf",
                "capabilities": {"vision": True, "trained_for_tool_use": True},
            },
            {
                "type": "llm",
                "publisher": "google",
                "key": "gemma-2b",
                "architecture": "gemma",
                "quantization": {"name": "Q8_0", "bits_per_weight": 8},
                "size_bytes": 2_500_000_000,
                "params_string": "2B",
                "loaded_instances": [],
                "max_context_length": 8192,
                "format": "gguf",
                "capabilities": {"vision": False, "trained_for_tool_use": False},
            },
            {
                "type": "embedding",
                "publisher": "nomic-ai",
                "key": "text-embedding-nomic-embed-text-v1.5",
                "quantization": {"name": "F16", "bits_per_weight": 16},
                "size_bytes": 274_290_560,
                "params_string": None,
                "loaded_instances": [],
                "max_context_length": 2048,
                "format": "gguf",
            },
        ]
    }
}
LM_STUDIO_V0 = {
    # older versions answer an unknown page with an object and status 200
    "/api/v1/models": {"error": "Unexpected endpoint or method. (GET /api/v1/models)"},
    "/api/v0/models": {
        "object": "list",
        "data": [
            {
                "id": "qwen2-vl-7b-instruct",
                "object": "model",
                "type": "vlm",
                "publisher": "mlx-community",
                "arch": "qwen2_vl",
                "compatibility_type": "mlx",
                "quantization": "4bit",
                "state": "not-loaded",
                "max_context_length": 32768,
            },
            {
                "id": "meta-llama-3.1-8b-instruct",
                "object": "model",
                "type": "llm",
                "publisher": "lmstudio-community",
                "arch": "llama",
                "compatibility_type": "gguf",
                "quantization": "Q4_K_M",
                "state": "loaded",
                "max_context_length": 131072,
                "loaded_context_length": 4096,
                "capabilities": ["tool_use"],
            },
            {
                "id": "text-embedding-nomic-embed-text-v1.5",
                "object": "model",
                "type": "embeddings",
                "state": "not-loaded",
                "max_context_length": 2048,
            },
        ],
    },
}
