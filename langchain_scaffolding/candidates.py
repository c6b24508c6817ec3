"""The models one has: `ModelTags` says what is known of each, `Candidate` pairs a name, a model and its tags."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from langchain_core.language_models import BaseChatModel
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from langchain_scaffolding.errors import (
    ConfigurationError,
    DuplicateCandidateError,
)

if TYPE_CHECKING:
    from langchain_core.runnables import Runnable


class Capability(StrEnum):
    """The capability tags that the router itself reads; any other string may be used beside them."""

    CHAT = "CHAT"
    REASONING = "REASONING"
    CODE = "CODE"
    TOOLS = "TOOLS"
    STRUCTURED_OUTPUT = "STRUCTURED_OUTPUT"
    VISION = "VISION"


class ModelTags(BaseModel):
    """What is known of a model. `None` means unknown, which is never a reason to reject it.

    Attributes:
        size_gb: Size of the weights in GB (10^9 bytes).
        capabilities: What it can do, as upper-case words; case does not matter when given.
        quantization: Name of the weight format, such as "Q4_K_M", "AWQ" or "F16".
        context_length: Tokens it takes as input.
        local: Whether it runs on this machine.
        extra: Whatever else its metadata says; kept for scorers of your own.

    Raises:
        pydantic.ValidationError: A value cannot be read (a `ValueError`).

    Example:
        >>> tags = ModelTags(size_gb=1.5, capabilities={"chat", "Reasoning"}, quantization="Q4_K_M")
        >>> sorted(tags.capabilities), tags.bits_per_weight
        (['CHAT', 'REASONING'], 4.0)
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    size_gb: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    capabilities: frozenset[str] | None = None
    quantization: str | None = None
    context_length: int | None = Field(default=None, gt=0)
    local: bool | None = None
    extra: dict[str, Any] = Field(default_factory=dict, repr=False)

    @field_validator("capabilities", mode="before")
    @classmethod
    def _upper_case(cls, value: object) -> object:
        if isinstance(value, str):
            msg = f'give a list of capabilities, such as ["{value.upper()}"]'
            raise ValueError(msg)  # noqa: TRY004 - pydantic turns a ValueError into its own, a TypeError it lets fly
        if isinstance(value, (list, tuple, set, frozenset)):
            return frozenset(str(item).strip().upper() for item in value)
        return value

    @property
    def bits_per_weight(self) -> float | None:
        """Nominal bits per weight that `quantization` names; `None` if it names none."""
        return None if self.quantization is None else bits_per_weight(self.quantization)

    def or_else(self, other: ModelTags) -> ModelTags:
        """These tags, with what they do not know taken from `other`."""
        known = {
            name: getattr(self, name)
            for name in ("size_gb", "capabilities", "quantization", "context_length", "local")
            if getattr(self, name) is not None
        }
        return other.model_copy(update={**known, "extra": {**other.extra, **self.extra}})


# Families of names, most specific first. The bits are nominal: what matters is whether they are below 16.
_BITS = tuple(
    (re.compile(pattern), bits)
    for pattern, bits in (
        (r"\b(?:f|fp|float)[_-]?32\b", 32.0),
        (r"\b(?:f|fp|bf|float|bfloat)[_-]?16\b", 16.0),
        (r"\b(?:mx|nv)fp(\d)\b", None),
        (r"\b(?:fp|f|float)[_-]?(8|6|4)(?:[_-]?e\dm\d\w*)?\b", None),
        (r"\b(?:i|t)?q(\d)(?:[_-]\w+)*\b", None),
        (r"\bw(\d)a\d+\b", None),
        (r"\b(?:u?int|nf|af)[_-]?([1-8])\b", None),
        (r"\b([1-8])(?:\.\d+)?[_ -]?(?:bpw|bits?)\b", None),
        (r"\b(?:awq|gptq|bnb|bitsandbytes|hqq|aqlm|quip|marlin|eetq)\b", 4.0),
        (r"\bexl[23]\b", 4.0),
    )
)


def bits_per_weight(quantization: str) -> float | None:
    """Nominal bits per weight of a quantization name; `None` if the name is not recognised.

    Example:
        >>> [bits_per_weight(name) for name in ("Q4_K_M", "IQ4_XS", "AWQ", "int8", "mxfp4", "F16", "none")]
        [4.0, 4.0, 4.0, 8.0, 4.0, 16.0, None]
    """
    name = quantization.strip().lower()
    for pattern, bits in _BITS:
        match = pattern.search(name)
        if match:
            return float(match.group(1)) if bits is None else bits
    return None


def base_model(model: object) -> BaseChatModel | None:
    """The chat model inside bindings, retries and configurable fields; `None` if there is none."""
    inner = model
    while not isinstance(inner, BaseChatModel):
        # `__dict__` and not `getattr`: a binding forwards unknown names to what it binds
        facts = getattr(inner, "__dict__", {})
        inner = facts.get("bound", facts.get("default"))
        if inner is None:
            return None
    return inner


def _tags_from_metadata(metadata: Mapping[str, Any], name: str) -> ModelTags:
    known = {key: value for key, value in metadata.items() if key in ModelTags.model_fields and key != "extra"}
    extra = {key: value for key, value in metadata.items() if key not in known and key != "lc_versions"}
    try:
        return ModelTags(**known, extra=extra)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc'][:1]))}={fault['input']!r}: {fault['msg']}" for fault in error.errors()
        )
        msg = (
            f"The metadata of model {name!r} cannot be read ({faults}). "
            "Correct the value, or leave the key out if it is unknown."
        )
        raise ConfigurationError(msg) from None


def _tags_from_profile(profile: Mapping[str, Any]) -> ModelTags:
    stated = {
        Capability.TOOLS: profile.get("tool_calling"),
        Capability.STRUCTURED_OUTPUT: profile.get("structured_output"),
        Capability.VISION: profile.get("image_inputs"),
        Capability.REASONING: profile.get("reasoning_output"),
    }
    chats = profile.get("text_inputs", True) and profile.get("text_outputs", True)
    capabilities = {name for name, value in stated.items() if value} | ({Capability.CHAT} if chats else set())
    return ModelTags(
        capabilities=frozenset(map(str, capabilities)),
        context_length=profile.get("max_input_tokens") or None,
    )


def _name_of(base: BaseChatModel, metadata: Mapping[str, Any]) -> str:
    for name in (
        metadata.get("name"),
        getattr(base, "model_name", None),
        getattr(base, "model", None),
    ):
        if isinstance(name, str) and name:
            return name
    return type(base).__name__


def _metadata_of(model: object, base: BaseChatModel) -> dict[str, Any]:
    """Metadata of the model, with that of a binding around it on top."""
    # a chat model may have a field of this name itself
    config = {} if model is base else getattr(model, "__dict__", {}).get("config") or {}
    return {**(base.metadata or {}), **(config.get("metadata") or {})}


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A model that calls may be routed to.

    Attributes:
        name: What it is called in pins, profiles, records and statistics.
        model: A LangChain chat model, or one with arguments bound to it.
        tags: What is known of it: the tags given, then those in the model's `metadata`, then those that follow from its
            LangChain `profile`. A chat model that says nothing about itself has CHAT.

    Raises:
        ConfigurationError: The model is no chat model, or its metadata cannot be read.

    Example:
        >>> from langchain_scaffolding.testing import ScriptedChatModel
        >>> model = ScriptedChatModel("Hello", metadata={"size_gb": 1.5})
        >>> Candidate(name="tiny", model=model, tags=ModelTags(quantization="Q4_K_M")).tags.size_gb
        1.5
    """

    name: str
    model: Runnable[Any, Any] = field(repr=False)
    tags: ModelTags = field(default_factory=ModelTags)
    chat_model: BaseChatModel = field(init=False, repr=False, compare=False)
    profile: Mapping[str, Any] = field(init=False, repr=False, compare=False)
    states_capabilities: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Complete the tags from what the model says about itself."""
        base = base_model(self.model)
        if base is None:
            msg = (
                f"Candidate {self.name!r} is a {type(self.model).__name__}, not a chat model. "
                'Give a LangChain chat model, for example `init_chat_model("...")`.'
            )
            raise ConfigurationError(msg)
        if not isinstance(self.name, str) or not self.name.strip():
            msg = f"A candidate's name must be a non-empty string, not {self.name!r}."
            raise ConfigurationError(msg)
        profile = base.profile or {}
        tags = self.tags.or_else(_tags_from_metadata(_metadata_of(self.model, base), self.name))
        object.__setattr__(self, "states_capabilities", tags.capabilities is not None)
        if profile:
            tags = tags.or_else(_tags_from_profile(profile))
        if tags.capabilities is None:
            tags = tags.model_copy(update={"capabilities": frozenset({str(Capability.CHAT)})})
        object.__setattr__(self, "tags", tags)
        object.__setattr__(self, "chat_model", base)
        object.__setattr__(self, "profile", profile)

    @classmethod
    def of(cls, model: Candidate | Runnable[Any, Any]) -> Candidate:
        """The candidate itself, or the one that a bare model makes.

        The name is `metadata["name"]`, else the model's `model_name` or `model`, else its class.

        Raises:
            ConfigurationError: It is no chat model, or its metadata cannot be read.
        """
        if isinstance(model, Candidate):
            return model
        base = base_model(model)
        if base is None:
            msg = (
                f"{type(model).__name__} is not a chat model: {str(model)[:60]!r}. "
                'Give LangChain chat models, for example `init_chat_model("...")`, or `Candidate`s.'
            )
            raise ConfigurationError(msg)
        return cls(name=_name_of(base, _metadata_of(model, base)), model=model)

    def has(self, capability: str) -> bool:
        """Whether the tags state a capability."""
        return capability in (self.tags.capabilities or ())


def register(models: Sequence[Candidate | Runnable[Any, Any]]) -> dict[str, Candidate]:
    """The candidates by name, in the order given.

    Raises:
        ConfigurationError: There is none, or one of them is no chat model.
        DuplicateCandidateError: Two have one name.
    """
    if isinstance(models, (str, bytes)) or not isinstance(models, Sequence):
        msg = f"`models` takes a list of chat models or candidates, not a {type(models).__name__}."
        raise ConfigurationError(msg)
    if not models:
        msg = "`models` is empty. Register at least one chat model: `ScaffoldingRouterLLM(models=[...])`."
        raise ConfigurationError(msg)
    by_name: dict[str, Candidate] = {}
    for model in models:
        candidate = Candidate.of(model)
        if candidate.name in by_name:
            raise DuplicateCandidateError(candidate.name)
        by_name[candidate.name] = candidate
    return by_name
