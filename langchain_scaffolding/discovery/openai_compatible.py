"""Models behind servers that speak OpenAI's protocol: llama.cpp, vLLM and others."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from langchain_scaffolding.candidates import Capability, ModelTags
from langchain_scaffolding.discovery.base import Discovery, SourceUnavailableError
from langchain_scaffolding.discovery.chat_models import open_openai
from langchain_scaffolding.discovery.found import Found, as_discovery
from langchain_scaffolding.discovery.guessed import guessed_capabilities
from langchain_scaffolding.discovery.http_json import Conversation, Endpoint
from langchain_scaffolding.discovery.json_values import count, items, listed, mapping, model_name, text, words

if TYPE_CHECKING:
    from collections.abc import Mapping

_WRITES: Final = frozenset({"completion", "chat"})


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenAICompatibleSource:
    """The models of a server that answers `/v1/models`, each a `ChatOpenAI` (extra `openai`).

    llama.cpp says most of its model: size, parameters, quantization, the context one call may take, whether it sees
    images. vLLM says the context. Of others only the names are known, and also not whether they compute on this
    machine: a proxy on this machine may hand calls on, so a profile with `local_only` does not call them unless
    `tags` say `local=True`.

    Args:
        url: Where it listens, with or without "/v1".
        name: What the source is called in reports.
        api_key: The server's key; never shown.
        allow_remote: Whether it may be on another machine.
        limit_s: Seconds it may take to answer.
        tags: What you know of a model by its name; it stands before what the server says and what is guessed.
        options: Passed to `ChatOpenAI`: `temperature`, `timeout` and so on.

    Raises:
        ConfigurationError: The address is none, or of another machine.

    Example:
        >>> OpenAICompatibleSource(url="http://127.0.0.1:8080/v1", name="llama.cpp").url
        'http://127.0.0.1:8080/v1'
    """

    url: str
    name: str = "openai_compatible"
    api_key: str | None = field(default=None, repr=False)
    allow_remote: bool = False
    limit_s: float = 2.0
    tags: Mapping[str, ModelTags] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    endpoint: Endpoint = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check the address."""
        root = self.url.rstrip("/").removesuffix("/v1")
        endpoint = Endpoint(url=root, allow_remote=self.allow_remote, api_key=self.api_key, limit_s=self.limit_s)
        object.__setattr__(self, "endpoint", endpoint)

    def discover(self) -> Discovery:
        """The models that it lists now.

        Raises:
            SourceUnavailableError: It does not answer, or is no such server.
        """
        asked = self.endpoint.conversation()
        answer = asked.get("/v1/models")
        entries = listed(answer, "data", "OpenAI-compatible server")
        props = _props(asked) if len(entries) == 1 and _is_llama_cpp(entries[0]) else {}
        more = {model_name(mapping(each).get("name")): mapping(each) for each in items(mapping(answer).get("models"))}
        found = [_found(entry, more.get(model_name(entry.get("id")), {}), props) for entry in entries]
        return as_discovery(self.name, found, self.tags, self._open, local=self._is_local(entries), url=self.url)

    def _is_local(self, entries: list[dict[str, Any]]) -> bool | None:
        if not self.endpoint.is_loopback:
            return False
        computes = entries and all(_is_llama_cpp(entry) or entry.get("owned_by") == "vllm" for entry in entries)
        return True if computes else None

    def _open(self, name: str) -> Any:
        key = "none" if self.api_key is None else self.api_key
        base_url = f"{self.endpoint.url}/v1"
        return open_openai(direct=self.endpoint.is_loopback, model=name, base_url=base_url, api_key=key, **self.options)


def _is_llama_cpp(entry: dict[str, Any]) -> bool:
    return entry.get("owned_by") == "llamacpp" or "n_params" in mapping(entry.get("meta"))


def _props(asked: Conversation) -> dict[str, Any]:
    """What llama.cpp says of its one model; servers that speak like it may not have the page."""
    try:
        return mapping(asked.get("/props"))
    except SourceUnavailableError:
        return {}


def _found(entry: dict[str, Any], more: dict[str, Any], props: dict[str, Any]) -> Found:
    meta = mapping(entry.get("meta"))
    size = count(meta.get("size"))
    context = count(mapping(props.get("default_generation_settings")).get("n_ctx"))
    for stated in (meta.get("n_ctx"), entry.get("max_model_len")):
        context = count(stated) if context is None else context
    ftype = text(meta.get("ftype")) or text(props.get("model_ftype"))
    capabilities = _declared(entry, props)
    guessed = guessed_capabilities(text(props.get("chat_template")), model_name(entry.get("id")))
    does = words(more.get("capabilities"))
    return Found(
        name=entry.get("id"),
        left_out="it writes no text (its server says so)" if does and not does & _WRITES else None,
        tags=ModelTags(
            size_gb=None if size is None else size / 1e9,
            quantization=None if ftype is None else ftype.replace(" - Medium", "_M").replace(" - Small", "_S"),
            context_length=context,
            capabilities=capabilities,
        ),
        facts={
            "parameters": count(meta.get("n_params")),
            "trained_context_length": count(meta.get("n_ctx_train")),
            "loaded": True if _is_llama_cpp(entry) or entry.get("owned_by") == "vllm" else None,
            "guessed": guessed,
        },
    )


def _declared(entry: dict[str, Any], props: dict[str, Any]) -> frozenset[str] | None:
    """What llama.cpp declares; it holds any model to a JSON schema by a grammar."""
    modalities = mapping(props.get("modalities"))
    if not isinstance(modalities.get("vision"), bool):
        inputs = words(mapping(entry.get("architecture")).get("input_modalities"))
        if not inputs:
            return None
        modalities = {"vision": "image" in inputs}
    sees = {Capability.VISION} if modalities["vision"] else set()
    return frozenset(map(str, {Capability.CHAT, Capability.STRUCTURED_OUTPUT, *sees}))
