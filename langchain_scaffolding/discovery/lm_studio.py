"""Models of LM Studio."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from langchain_scaffolding.candidates import Capability, ModelTags
from langchain_scaffolding.discovery.base import Discovery
from langchain_scaffolding.discovery.chat_models import open_openai
from langchain_scaffolding.discovery.found import Found, as_discovery
from langchain_scaffolding.discovery.guessed import guessed_capabilities
from langchain_scaffolding.discovery.http_json import Endpoint, UnexpectedAnswerError
from langchain_scaffolding.discovery.json_values import count, items, listed, mapping, text, words

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, kw_only=True, slots=True)
class LMStudioSource:
    """The models of LM Studio, loaded or not, each a `ChatOpenAI` (extra `openai`).

    LM Studio loads a model when it is called. It is asked at `/api/v1/models` (0.4 and newer), else at
    `/api/v0/models`, which does not say how large a model is.

    Args:
        url: Where it listens.
        name: What the source is called in reports.
        api_key: LM Studio's token, if it asks for one; never shown.
        allow_remote: Whether it may be on another machine.
        limit_s: Seconds it may take to answer.
        tags: What you know of a model by its name; it stands before what the server says and what is guessed.
        options: Passed to `ChatOpenAI`: `temperature`, `timeout` and so on.

    Raises:
        ConfigurationError: The address is none, or of another machine.

    Example:
        >>> LMStudioSource().url
        'http://127.0.0.1:1234'
    """

    url: str = "http://127.0.0.1:1234"
    name: str = "lm_studio"
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
        """The models that it has now.

        Raises:
            SourceUnavailableError: It does not answer, or is no LM Studio.
        """
        asked = self.endpoint.conversation()
        try:
            found = [_found_in_v1(entry) for entry in listed(asked.get("/api/v1/models"), "models", "LM Studio")]
        except UnexpectedAnswerError:
            found = [_found_in_v0(entry) for entry in listed(asked.get("/api/v0/models"), "data", "LM Studio")]
        return as_discovery(self.name, found, self.tags, self._open, local=self.endpoint.is_loopback, url=self.url)

    def _open(self, name: str) -> Any:
        key = "none" if self.api_key is None else self.api_key
        base_url = f"{self.endpoint.url}/v1"
        return open_openai(direct=self.endpoint.is_loopback, model=name, base_url=base_url, api_key=key, **self.options)


def _found_in_v1(entry: dict[str, Any]) -> Found:
    """As LM Studio 0.4 and newer list a model: https://lmstudio.ai/docs/developer/rest/list."""
    instances = [each for each in items(entry.get("loaded_instances")) if isinstance(each, dict)]
    contexts = [count(mapping(each.get("config")).get("context_length")) for each in instances]
    known = [context for context in contexts if context is not None]
    can = mapping(entry.get("capabilities"))
    able = {
        Capability.VISION: can.get("vision") is True,
        Capability.TOOLS: can.get("trained_for_tool_use") is True,
        Capability.REASONING: bool(can.get("reasoning")),
    }
    size = count(entry.get("size_bytes"))
    return Found(
        name=entry.get("key"),
        left_out=None if entry.get("type") == "llm" else "it writes no text (an embedding model)",
        tags=ModelTags(
            size_gb=None if size is None else size / 1e9,
            quantization=text(mapping(entry.get("quantization")).get("name")),
            context_length=min(known) if known else count(entry.get("max_context_length")),
            capabilities=_with_chat(able) if can else None,
        ),
        facts={
            "family": text(entry.get("architecture")),
            "trained_context_length": count(entry.get("max_context_length")),
            "loaded": bool(instances),
            "guessed": [] if can else guessed_capabilities(None, text(entry.get("architecture"))),
        },
    )


def _found_in_v0(entry: dict[str, Any]) -> Found:
    """As LM Studio 0.3.6 and newer list a model: https://lmstudio.ai/docs/developer/rest/endpoints."""
    kind, state = entry.get("type"), text(entry.get("state"))
    sees = kind == "vlm"
    able = {Capability.VISION: sees, Capability.TOOLS: "tool_use" in words(entry.get("capabilities"))}
    says = sees or "capabilities" in entry
    loaded = count(entry.get("loaded_context_length"))
    return Found(
        name=entry.get("id"),
        left_out=None if kind in {"llm", "vlm"} else "it writes no text (an embedding model)",
        tags=ModelTags(
            quantization=text(entry.get("quantization")),
            context_length=count(entry.get("max_context_length")) if loaded is None else loaded,
            capabilities=_with_chat(able) if says else None,
        ),
        facts={
            "family": text(entry.get("arch")),
            "trained_context_length": count(entry.get("max_context_length")),
            "loaded": None if state is None else state == "loaded",
            "guessed": [] if says else guessed_capabilities(None, text(entry.get("arch"))),
        },
    )


def _with_chat(able: dict[Capability, bool]) -> frozenset[str]:
    return frozenset({str(Capability.CHAT), *(str(name) for name, can in able.items() if can)})
