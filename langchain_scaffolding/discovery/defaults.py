"""The sources that need no configuration."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from langchain_scaffolding.discovery.base import SourceUnavailableError
from langchain_scaffolding.discovery.gguf_folder import FOLDER, GGUFFolderSource
from langchain_scaffolding.discovery.lm_studio import LMStudioSource
from langchain_scaffolding.discovery.ollama import OllamaSource, ollama_url
from langchain_scaffolding.discovery.openai_compatible import OpenAICompatibleSource
from langchain_scaffolding.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from langchain_scaffolding.candidates import Candidate
    from langchain_scaffolding.discovery.base import DiscoverySource


def default_sources(
    *, environ: Mapping[str, str] = os.environ, allow_remote: bool = False
) -> tuple[DiscoverySource, ...]:
    """The sources that need no configuration.

    | name | where it looks |
    |---|---|
    | `gguf` | the folder `LANGCHAIN_SCAFFOLDING_MODELS`, else where `models get` keeps its weights |
    | `ollama` | `OLLAMA_HOST`, else port 11434 of this machine |
    | `lm_studio` | port 1234 |
    | `llama_cpp` | port 8080 |

    Where nobody listens, asking takes a millisecond and is one line among the troubles.

    Args:
        environ: The environment.
        allow_remote: Whether `OLLAMA_HOST` may name another machine.

    Example:
        >>> [source.name for source in default_sources(environ={})]
        ['gguf', 'ollama', 'lm_studio', 'llama_cpp']
    """
    return (
        GGUFFolderSource(folder=environ.get(FOLDER) or None),
        _ollama(environ.get("OLLAMA_HOST"), allow_remote=allow_remote),
        LMStudioSource(),
        OpenAICompatibleSource(url="http://127.0.0.1:8080", name="llama_cpp"),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Refused:
    """A source that the environment describes wrongly: a line of the report, since nobody wrote it for this program."""

    name: str
    why: str

    def discover(self) -> list[Candidate]:
        raise SourceUnavailableError(self.why)


def _ollama(host: str | None, *, allow_remote: bool) -> DiscoverySource:
    try:
        return OllamaSource(url=ollama_url(host), allow_remote=allow_remote)
    except ConfigurationError as error:
        return _Refused(name="ollama", why=f"OLLAMA_HOST={host!r}: {error}")
