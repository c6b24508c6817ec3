"""Real models on the CPU behind LangChain's own OpenAI client: `LocalServer` and `local_models`.

Why a server in a process of its own, and not the engine's functions called in this one: the loopback port
costs 1.2 ms a call and the client 2.6 ms (medians, against 1.0 ms in process), the process 0.07 s at the
start; the client brings tools, structured output, usage and streaming as LangChain's users know them. In
process, the engine's destructor waits for calls in flight and blocks the interpreter for ever, a failed
assertion in its C++ code ends the program, and what it prints cannot be kept from the program's own output. A
process is stopped at once, whatever it does. A call that is abandoned frees its slot as soon as its
connection closes: a stream that is closed, a task that is cancelled, a call that runs into its `timeout`. A
thread that is left behind in `invoke` without a `timeout` holds the slot until its answer is complete.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import secrets
import subprocess
import sys
import tempfile
import weakref
from http.client import HTTPConnection
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlsplit

from langchain_scaffolding.discovery.gguf import GGUFHeader, read_gguf
from langchain_scaffolding.errors import ConfigurationError, ScaffoldingError
from langchain_scaffolding.local import weights
from langchain_scaffolding.local.chat import local_chat_model
from langchain_scaffolding.local.extra import missing
from langchain_scaffolding.local.threads import engine_threads

if TYPE_CHECKING:
    from collections.abc import Iterable

    from langchain_core.language_models import BaseChatModel

_PROGRAM: Final = Path(__file__).with_name("serve.py")
_ERRORS_ONLY: Final = 1
_EVERYTHING: Final = 3
_DEFAULT_CONTEXT: Final = 4096
_PATIENCE: Final = 5.0  # seconds for a process that has said its last word


class ModelLoadError(ScaffoldingError):
    """The engine could not load a model, or ended while it did."""


class LocalServer:
    """One model loaded by the embedded engine, in a process that ends with this object or this program.

    It listens on a port of its own choice on the loopback interface, behind a random key: other users of the
    machine and pages in a browser cannot use it.

    Args:
        model: The GGUF file.
        name: What the model is called; by default the file's name without `.gguf`.
        n_ctx: Tokens of prompt and answer together that one call may take; at most what the model was
            trained on.
        n_parallel: Calls that are computed at the same time; others wait. Each takes memory for `n_ctx` tokens.
        n_threads: Threads that compute; by default `engine_threads()`.
        log: Whether the engine's own log goes to standard error.

    Attributes:
        header: What the file says about the model.
        context_length: Tokens one call may take, as the engine set it up (it rounds `n_ctx` up).
        url: The address of the OpenAI-compatible API.

    Raises:
        ImportError: The engine is not installed; importing this module raises it if the client is missing.
        ConfigurationError: An option is out of range.
        GGUFError: The file is no whole GGUF file.
        ModelLoadError: The engine cannot load it.

    Example:
        >>> with LocalServer("model.gguf", n_ctx=2048) as server:  # doctest: +SKIP
        ...     server.chat_model().invoke("List three steps to make tea.")
    """

    def __init__(
        self,
        model: str | os.PathLike[str],
        *,
        name: str | None = None,
        n_ctx: int = _DEFAULT_CONTEXT,
        n_parallel: int = 1,
        n_threads: int | None = None,
        log: bool = False,
    ) -> None:
        if importlib.util.find_spec("xllamacpp") is None:
            raise missing("xllamacpp")
        threads = engine_threads() if n_threads is None else n_threads
        for option, value in (("n_ctx", n_ctx), ("n_parallel", n_parallel), ("n_threads", threads)):
            if value < 1:
                msg = f"{option}={value!r} is out of range: give a whole number of at least 1."
                raise ConfigurationError(msg)
        self.header: GGUFHeader = read_gguf(model)
        self.name = self.header.path.stem if name is None else name
        self._key = secrets.token_urlsafe(24)
        trained = self.header.context_length
        settings = {
            "path": str(self.header.path),
            "name": self.name,
            "n_ctx": (n_ctx if trained is None else min(n_ctx, trained)) * n_parallel,
            "n_parallel": n_parallel,
            "n_threads": threads,
            "api_key": self._key,
            "verbosity": _EVERYTHING if log else _ERRORS_ONLY,
        }
        self._process, address = _start(settings, log=log)
        self._stop = weakref.finalize(self, _end, self._process, os.getpid())
        self._port = urlsplit(address).port
        self.url = f"{address}/v1"
        self.context_length: int = self._ask("/props")["default_generation_settings"]["n_ctx"]

    def __repr__(self) -> str:
        state = f"at {self.url}" if self.running else "closed"
        return f"<LocalServer {self.name!r} {state}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def running(self) -> bool:
        """Whether the engine's process lives."""
        return self._process.poll() is None

    def close(self) -> None:
        """Stop the engine at once; calls in flight fail with a connection error. Closing twice does nothing."""
        self._stop()

    def chat_model(self, name: str | None = None, **options: Any) -> BaseChatModel:
        """A chat model over this server, with the tags that its file states as `metadata`.

        Args:
            name: What the model is called; by default the server's name.
            **options: Passed to `ChatOpenAI`: `temperature`, `timeout`, `metadata` (adds to the tags and
                overrides them) and so on. `max_completion_tokens` is a quarter of the context unless given: a small
                model that does not find its end would hold its slot until the context is full.
        """
        name = self.name if name is None else name
        options["metadata"] = {**self._tags(), "name": name, **options.get("metadata", {})}
        options.setdefault("max_completion_tokens", max(1, self.context_length // 4))
        return local_chat_model(self, url=self.url, key=self._key, name=name, **options)

    def tokenize(self, text: str, *, special: bool = False) -> list[int]:
        """The tokens of a text in the model's vocabulary; with `special`, also those that begin every prompt."""
        tokens: list[int] = self._ask("/tokenize", {"content": text, "add_special": special})["tokens"]
        return tokens

    def prompt(self, messages: list[dict[str, Any]], tools: list[dict[str, Any]] | None = None) -> str:
        """The text that the model reads for messages and tools in OpenAI's form."""
        text: str = self._ask("/apply-template", {"messages": messages, "tools": tools or []})["prompt"]
        return text

    def _tags(self) -> dict[str, Any]:
        # The engine holds any model to a JSON schema by a grammar; a chat needs the model's own template.
        chat = ["CHAT", "STRUCTURED_OUTPUT"] if self.header.chat_template else []
        return {
            "size_gb": self.header.size_gb,
            "quantization": self.header.quantization,
            "capabilities": chat,
            "context_length": self.context_length,
            "local": True,
        }

    def _ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        method = "GET" if body is None else "POST"
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        with contextlib.closing(HTTPConnection("127.0.0.1", self._port)) as connection:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            return json.load(connection.getresponse())


def local_models(
    models: Iterable[str | os.PathLike[str]],
    *,
    n_ctx: int = _DEFAULT_CONTEXT,
    n_threads: int | None = None,
    log: bool = False,
    cache_dir: str | os.PathLike[str] | None = None,
    **options: Any,
) -> list[BaseChatModel]:
    """Start a server for each model, and give chat models ready for `ScaffoldingRouterLLM(models=...)`.

    The servers live as long as the models, and stop with the program. Nothing is downloaded.

    Args:
        models: GGUF files, or names of weights on this machine ("smollm2").
        n_ctx: As for `LocalServer`.
        n_threads: As for `LocalServer`.
        log: As for `LocalServer`.
        cache_dir: Where the named weights are; by default the user's cache folder.
        **options: As for `LocalServer.chat_model`.

    Raises:
        ConfigurationError: A model is neither a file nor the name of weights that are on this machine.
        GGUFError: A file is no whole GGUF file.
        ModelLoadError: The engine cannot load a model.

    Example:
        >>> router = ScaffoldingRouterLLM(models=local_models(["smollm2", "models/qwen.gguf"]))  # doctest: +SKIP
    """
    files = [_file(model, cache_dir) for model in models]
    servers: list[LocalServer] = []
    with contextlib.ExitStack() as started:
        for name, file in files:
            server = LocalServer(file, name=name, n_ctx=n_ctx, n_threads=n_threads, log=log)
            servers.append(started.enter_context(server))
        started.pop_all()
    return [server.chat_model(**options) for server in servers]


def _file(model: str | os.PathLike[str], cache_dir: str | os.PathLike[str] | None) -> tuple[str, Path]:
    if isinstance(model, str) and model in weights.CATALOGUE:
        return model, weights.path(model, cache_dir=cache_dir)
    file = Path(model)
    if not file.is_file():
        known = ", ".join(weights.CATALOGUE)
        msg = f"{str(model)!r} is neither a GGUF file nor the name of weights. Known weights: {known}."
        raise ConfigurationError(msg)
    return file.stem, file


def _start(settings: dict[str, Any], *, log: bool) -> tuple[subprocess.Popen[str], str]:
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as complaints:
        process = subprocess.Popen(  # noqa: S603 - our own program, by this interpreter
            [sys.executable, "-P", str(_PROGRAM)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if log else complaints,
            encoding="utf-8",
        )
        try:
            answer = _handshake(process, settings)
        except BaseException:
            _end(process, os.getpid())
            raise
        if "url" in answer:
            return process, answer["url"]
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_PATIENCE)
        _end(process, os.getpid())
        why = _first_error(complaints) or f"its process ended with exit code {process.returncode}"
        raise ModelLoadError(f"{settings['path']}: the engine cannot load it ({why}).")


def _handshake(process: subprocess.Popen[str], settings: dict[str, Any]) -> dict[str, str]:
    if process.stdin is None or process.stdout is None:
        raise AssertionError
    with contextlib.suppress(BrokenPipeError):  # it died before it listened: its output says nothing, and that is seen
        process.stdin.write(json.dumps(settings) + "\n")
        process.stdin.flush()
    answer: dict[str, str] = json.loads(process.stdout.readline() or "{}")
    return answer


def _first_error(complaints: IO[str]) -> str | None:
    """The first line that the engine logged as an error, else the last line of whatever it said."""
    complaints.seek(0)
    lines = [line.strip() for line in complaints if line.strip()]
    logged = (line.partition(" E ")[2] for line in lines)
    return next((line for line in logged if line), lines[-1] if lines else None)


def _end(process: subprocess.Popen[str], owner: int) -> None:
    if os.getpid() != owner:
        return  # a fork of this program has the object, but not the right to end its server
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
