"""Models of an Ollama server."""

from __future__ import annotations

import os
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from langchain_scaffolding.candidates import Capability, ModelTags
from langchain_scaffolding.discovery.base import Discovery, SourceUnavailableError
from langchain_scaffolding.discovery.chat_models import open_ollama
from langchain_scaffolding.discovery.found import Found, as_discovery
from langchain_scaffolding.discovery.guessed import guessed_capabilities
from langchain_scaffolding.discovery.http_json import Conversation, Endpoint
from langchain_scaffolding.discovery.json_values import count, items, listed, mapping, model_name, text, words

if TYPE_CHECKING:
    from collections.abc import Mapping

_PORT: Final = 11434
_AT_ONCE: Final = 8
# The context that Ollama gives a model on a machine with little graphics memory, unless it is told another:
# https://docs.ollama.com/context-length. What is longer it cuts off without a word.
_SMALLEST_CONTEXT: Final = 4096
_CAPABILITIES: Final = {
    "completion": Capability.CHAT,
    "tools": Capability.TOOLS,
    "vision": Capability.VISION,
    "thinking": Capability.REASONING,
}
_NUM_CTX: Final = re.compile(r"^num_ctx\s+(\d{1,9})\s*$", re.MULTILINE)
_PARAMETERS: Final = re.compile(r"(\d{1,6}(?:\.\d{1,6})?)\s*([KMBT])", re.IGNORECASE)
_THOUSANDS: Final = {"K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}


def ollama_url(host: str | None) -> str:
    """The address that `OLLAMA_HOST` means, as Ollama's own programs read it.

    >>> [ollama_url(host) for host in (None, "0.0.0.0", "127.0.0.1:4000", "http://10.0.0.5:11434")]
    ['http://127.0.0.1:11434', 'http://127.0.0.1:11434', 'http://127.0.0.1:4000', 'http://10.0.0.5:11434']
    """
    host = (host or "").strip() or "127.0.0.1"
    scheme, separator, rest = host.partition("://")
    if not separator:
        scheme, rest = "http", host
    address, _, path = rest.partition("/")
    if address.startswith(":"):
        address = f"127.0.0.1{address}"
    address = re.sub(r"^(?:0\.0\.0\.0|\[::\])", "127.0.0.1", address)
    if not re.search(r":\d+$", address):
        address += f":{443 if scheme == 'https' else 80 if separator else _PORT}"
    return f"{scheme}://{address}" + (f"/{path}" if path else "")


@dataclass(frozen=True, kw_only=True, slots=True)
class OllamaSource:
    """The models of an Ollama server, each a `ChatOllama` (extra `ollama`).

    Ollama cuts off what is longer than the context that it has loaded a model with. So a model's `context_length` is
    the one it is loaded with, else the `num_ctx` of its Modelfile, else Ollama's smallest default of 4096 tokens; what
    it was trained with stands in `tags.extra["trained_context_length"]`. For more give `num_ctx`.

    Models that Ollama hands on to its cloud are not local, and a profile with `local_only` never calls them.

    Args:
        url: Where it listens; by default what the environment's `OLLAMA_HOST` says, else port 11434 of this machine.
        name: What the source is called in reports.
        num_ctx: Tokens of context that every model is asked to be loaded with; at most what it was trained with.
        api_key: A key, if one stands before the server; never shown.
        allow_remote: Whether it may be on another machine.
        limit_s: Seconds it may take to answer everything.
        tags: What you know of a model by its name; it stands before what the server says and what is guessed.
        options: Passed to `ChatOllama`: `temperature`, `keep_alive` and so on.

    Raises:
        ConfigurationError: The address is none, or of another machine.

    Example:
        >>> OllamaSource(url="http://127.0.0.1:11434", num_ctx=16384).name
        'ollama'
    """

    url: str = field(default_factory=lambda: ollama_url(os.environ.get("OLLAMA_HOST")))
    name: str = "ollama"
    num_ctx: int | None = None
    api_key: str | None = field(default=None, repr=False)
    allow_remote: bool = False
    limit_s: float = 2.0
    tags: Mapping[str, ModelTags] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    endpoint: Endpoint = field(init=False, repr=False, compare=False)
    _shown: dict[str, dict[str, Any]] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Check the address."""
        url = self.url.rstrip("/")
        endpoint = Endpoint(url=url, allow_remote=self.allow_remote, api_key=self.api_key, limit_s=self.limit_s)
        object.__setattr__(self, "endpoint", endpoint)

    def discover(self) -> Discovery:
        """The models that it has now.

        Raises:
            SourceUnavailableError: It does not answer, or is no Ollama.
        """
        asked = self.endpoint.conversation()
        entries = listed(asked.get("/api/tags"), "models", "Ollama")
        loaded, unknown = _loaded(asked)
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="ollama") as threads:
            shown = list(threads.map(partial(self._show, asked), entries))
        self._keep(entries, shown)
        troubles = [(self.name, reason) for reason in (unknown, *(why for _, why in shown)) if reason is not None]
        found = [
            _found(entry, details, loaded, self.num_ctx) for entry, (details, _) in zip(entries, shown, strict=True)
        ]
        contexts = {model_name(each.name): each.tags.context_length for each in found}
        discovery = as_discovery(
            self.name,
            found,
            self.tags,
            lambda name: self._open(name, contexts[name]),
            local=self.endpoint.is_loopback,
            url=self.url,
        )
        return Discovery(candidates=discovery.candidates, troubles=(*troubles, *discovery.troubles))

    def _show(self, asked: Conversation, entry: dict[str, Any]) -> tuple[dict[str, Any], str | None]:
        """What it says of one model, or why it says nothing; asked again only when the model has changed."""
        name, kept = model_name(entry.get("name")), self._shown.get(str(entry.get("digest")))
        if name is None or kept is not None:
            return kept or {}, None
        try:
            return mapping(asked.post("/api/show", {"model": name})), None
        except SourceUnavailableError as error:
            return {}, f"{name}: no details ({error})"

    def _keep(self, entries: list[dict[str, Any]], shown: list[tuple[dict[str, Any], str | None]]) -> None:
        kept = {
            digest: details
            for entry, (details, _) in zip(entries, shown, strict=True)
            if details and (digest := text(entry.get("digest"))) is not None
        }
        self._shown.clear()
        self._shown.update(kept)

    def _open(self, name: str, context: int | None) -> Any:
        options = dict(self.options)
        if self.num_ctx is not None:
            options.setdefault("num_ctx", context)
        if self.api_key is not None:
            headers = {"Authorization": f"Bearer {self.api_key}"}
            options.setdefault("client_kwargs", {"headers": headers})
        return open_ollama(direct=self.endpoint.is_loopback, model=name, base_url=self.url, **options)


def _loaded(asked: Conversation) -> tuple[dict[str, dict[str, Any]] | None, str | None]:
    """What is in memory, by name; or `None` and why that is unknown."""
    try:
        entries = listed(asked.get("/api/ps"), "models", "Ollama")
    except SourceUnavailableError as error:
        return None, f"which models are loaded is unknown ({error})"
    return {str(entry.get("name")): entry for entry in entries}, None


def _found(
    entry: dict[str, Any], shown: dict[str, Any], loaded: dict[str, dict[str, Any]] | None, num_ctx: int | None
) -> Found:
    details = mapping(entry.get("details"))
    info = mapping(shown.get("model_info"))
    family = text(info.get("general.architecture")) or text(details.get("family"))
    trained = count(info.get(f"{family}.context_length"))
    running = None if loaded is None else loaded.get(str(entry.get("name")))
    stated = words(shown.get("capabilities"))
    families = [*(text(each) for each in items(details.get("families"))), family]
    is_cloud = any(text(each.get(key)) for each in (entry, shown) for key in ("remote_host", "remote_model"))
    size = None if is_cloud else count(entry.get("size"))
    level = text(details.get("quantization_level"))
    return Found(
        name=entry.get("name"),
        left_out="it writes no text (it can do " + ", ".join(sorted(stated)) + ")"
        if stated and "completion" not in stated
        else None,
        local=False if is_cloud else None,
        tags=ModelTags(
            size_gb=None if size is None else size / 1e9,
            quantization=None if level is None or level.lower() == "unknown" else level,
            context_length=_context(trained, running, shown, num_ctx, is_cloud=is_cloud),
            capabilities=_declared(stated, is_cloud=is_cloud),
        ),
        facts={
            "family": family,
            "parameters": count(info.get("general.parameter_count")) or _parameters(details.get("parameter_size")),
            "trained_context_length": trained,
            "loaded": None if loaded is None or is_cloud else running is not None,
            "guessed": [] if stated else guessed_capabilities(text(shown.get("template")), *families),
        },
    )


def _context(
    trained: int | None, running: dict[str, Any] | None, shown: dict[str, Any], num_ctx: int | None, *, is_cloud: bool
) -> int | None:
    if is_cloud:
        return trained
    if num_ctx is not None:
        return num_ctx if trained is None else min(num_ctx, trained)
    if running is not None and (given := count(running.get("context_length"))) is not None:
        return given
    written = _NUM_CTX.search(text(shown.get("parameters")) or "")
    given = _SMALLEST_CONTEXT if written is None else count(int(written[1])) or _SMALLEST_CONTEXT
    return given if trained is None else min(given, trained)


def _declared(stated: frozenset[str], *, is_cloud: bool) -> frozenset[str] | None:
    """What the server declares; it holds any model of its own to a JSON schema by a grammar."""
    if not stated:
        return None
    able = {str(capability) for word, capability in _CAPABILITIES.items() if word in stated}
    return frozenset(able if is_cloud else able | {str(Capability.STRUCTURED_OUTPUT)})


def _parameters(size: object) -> int | None:
    """The number that "8.0B" means."""
    match = _PARAMETERS.fullmatch((text(size) or "").strip())
    return None if match is None else round(float(match[1]) * _THOUSANDS[match[2].upper()]) or None
