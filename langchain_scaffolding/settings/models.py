"""Models that a settings file names, made ready to be called. A file cannot name code: providers stand in a list."""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from langchain_scaffolding.candidates import Candidate
from langchain_scaffolding.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from langchain_scaffolding.settings.document import Document
    from langchain_scaffolding.settings.positions import KeyPath
    from langchain_scaffolding.settings.schema import ModelEntry

PROVIDERS: Final[Mapping[str, tuple[str, str]]] = {
    "anthropic": ("langchain_anthropic", "ChatAnthropic"),
    "azure_openai": ("langchain_openai", "AzureChatOpenAI"),
    "bedrock_converse": ("langchain_aws", "ChatBedrockConverse"),
    "cohere": ("langchain_cohere", "ChatCohere"),
    "deepseek": ("langchain_deepseek", "ChatDeepSeek"),
    "fireworks": ("langchain_fireworks", "ChatFireworks"),
    "google_genai": ("langchain_google_genai", "ChatGoogleGenerativeAI"),
    "google_vertexai": ("langchain_google_vertexai", "ChatVertexAI"),
    "groq": ("langchain_groq", "ChatGroq"),
    "mistralai": ("langchain_mistralai", "ChatMistralAI"),
    "nvidia": ("langchain_nvidia_ai_endpoints", "ChatNVIDIA"),
    "ollama": ("langchain_ollama", "ChatOllama"),
    "openai": ("langchain_openai", "ChatOpenAI"),
    "openrouter": ("langchain_openrouter", "ChatOpenRouter"),
    "perplexity": ("langchain_perplexity", "ChatPerplexity"),
    "together": ("langchain_together", "ChatTogether"),
    "upstage": ("langchain_upstage", "ChatUpstage"),
    "xai": ("langchain_xai", "ChatXAI"),
}
"""Package and class by provider, under the names of LangChain's `init_chat_model`.

Those that may run code that they download, or take classes by name, are not among them.
"""

_TAKEN: Final = ("model", "model_name", "name", "metadata", "callbacks", "cache", "rate_limiter", "profile")
"""Options that the file says elsewhere, or that are objects."""


def open_candidate(
    entry: ModelEntry, at: KeyPath, document: Document, environ: Mapping[str, str] = os.environ
) -> Candidate:
    """The candidate that an entry describes; for a GGUF file its server is started.

    Raises:
        ConfigurationError: The entry cannot be used; the message names its line.
        ImportError: The extra for local models is not installed.
    """
    options, secrets = _options(entry, at, document, environ)
    if entry.gguf is not None:
        return _local_candidate(entry, at, document, options)
    provider, _, name = str(entry.model).partition(":")
    cls = _class_of(provider, (*at, "model"), document)
    try:
        model = cls(model=name, **options)
    except Exception as error:  # noqa: BLE001 - the class is another package's, and its errors are the file's faults
        raise document.fault((*at, "model"), f"{cls.__name__} refuses it ({_said(error, secrets)}).") from None
    return Candidate(name=entry.name or name, model=model, tags=entry.tags.as_tags())


def name_of(entry: ModelEntry, folder: Path) -> str:
    """What the model of an entry is called."""
    if entry.name is not None:
        return entry.name
    return (folder / entry.gguf).stem if entry.gguf is not None else str(entry.model).partition(":")[2]


def resolved(value: Any, at: KeyPath, document: Document, environ: Mapping[str, str]) -> tuple[Any, list[str]]:
    """A value with the environment's in place of its references, and the values that were taken from there.

    Raises:
        ConfigurationError: A variable is not set.
    """
    if isinstance(value, dict) and set(value) == {"env"}:
        found = environ.get(str(value["env"]))
        if not found:
            raise document.fault(at, f"the environment variable {value['env']} is not set.")
        return found, [found]
    if isinstance(value, dict):
        parts = {key: resolved(each, (*at, key), document, environ) for key, each in value.items()}
        return {key: part for key, (part, _) in parts.items()}, [text for _, found in parts.values() for text in found]
    if isinstance(value, list):
        items = [resolved(each, (*at, place), document, environ) for place, each in enumerate(value)]
        return [item for item, _ in items], [text for _, found in items for text in found]
    return value, []


def _options(
    entry: ModelEntry, at: KeyPath, document: Document, environ: Mapping[str, str]
) -> tuple[dict[str, Any], list[str]]:
    for name in entry.options:
        if name in _TAKEN:
            where = "`name` of the model" if name == "name" else "`tags`" if name == "metadata" else "code"
            raise document.fault((*at, "options", name), f"no option of a file; it is set by {where}.")
    options, secrets = resolved(entry.options, (*at, "options"), document, environ)
    return options, secrets


def _class_of(provider: str, at: KeyPath, document: Document) -> Any:
    if provider not in PROVIDERS:
        raise document.fault(at, f"unknown provider {provider!r}. Known are {', '.join(PROVIDERS)}.")
    package, name = PROVIDERS[provider]
    try:
        return getattr(import_module(package), name)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        problem = f"{name} is not installed: pip install {package.replace('_', '-')}"
        raise document.fault(at, problem) from None


def _local_candidate(entry: ModelEntry, at: KeyPath, document: Document, options: dict[str, Any]) -> Candidate:
    from langchain_scaffolding.local.engine import ModelLoadError, local_models

    path = (document.path.parent / str(entry.gguf)).expanduser() if entry.gguf else document.path
    if not path.is_file():
        raise document.fault((*at, "gguf"), f"there is no file {path}.")
    try:
        (model,) = local_models([path], **options)
    except (ModelLoadError, ConfigurationError) as error:
        raise document.fault((*at, "gguf"), str(error)) from None
    return Candidate(name=entry.name or path.stem, model=model, tags=entry.tags.as_tags())


def _said(error: Exception, secrets: list[str]) -> str:
    """What an error says, without what was taken from the environment."""
    if isinstance(error, ValidationError):
        text = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
    else:
        text = f"{type(error).__name__}: {error}".splitlines()[0]
    for secret in secrets:
        text = text.replace(secret, "...")
    return text
