"""Where candidates come from: files and servers that are there."""

from langchain_scaffolding.discovery.base import (
    Discovery,
    DiscoverySource,
    SourceUnavailableError,
    adiscover,
    discover,
)
from langchain_scaffolding.discovery.defaults import default_sources
from langchain_scaffolding.discovery.gguf_folder import GGUFFolderSource
from langchain_scaffolding.discovery.hosted import HostedSource
from langchain_scaffolding.discovery.live import LiveDiscovery
from langchain_scaffolding.discovery.lm_studio import LMStudioSource
from langchain_scaffolding.discovery.ollama import OllamaSource
from langchain_scaffolding.discovery.openai_compatible import OpenAICompatibleSource

__all__ = [
    "Discovery",
    "DiscoverySource",
    "GGUFFolderSource",
    "HostedSource",
    "LMStudioSource",
    "LiveDiscovery",
    "OllamaSource",
    "OpenAICompatibleSource",
    "SourceUnavailableError",
    "adiscover",
    "default_sources",
    "discover",
]
