"""The one way in which commands come by a router: a file, named places, or what is found on this machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from langchain_scaffolding.cli.options import err
from langchain_scaffolding.errors import ConfigurationError

if TYPE_CHECKING:
    from langchain_scaffolding.discovery import DiscoverySource, LiveDiscovery
    from langchain_scaffolding.router import ScaffoldingRouterLLM


@contextmanager
def open_router(
    config: str | None, models: Sequence[str] | None, *, may_be_empty: bool = False
) -> Iterator[ScaffoldingRouterLLM]:
    """The router of a file, of named places, or of what is found on this machine.

    Raises:
        ConfigurationError: There is none; the message says why.
    """
    if config is not None and models:
        raise ConfigurationError("Give --config or --model, not both: a router file names its models itself.")
    with err.status("looking for models ..."):
        router = _found(models) if config is None else _of_file(config)
    try:
        if not router.models and not may_be_empty:
            raise ConfigurationError(_nothing(router.discovery))
        yield router
    finally:
        if router.discovery is not None:
            router.discovery.close()
        router.performance.close()


def _of_file(config: str) -> ScaffoldingRouterLLM:
    from langchain_scaffolding.router import ScaffoldingRouterLLM

    return ScaffoldingRouterLLM.from_file(config)


def _found(models: Sequence[str] | None) -> ScaffoldingRouterLLM:
    from langchain_scaffolding.discovery import LiveDiscovery
    from langchain_scaffolding.router import ScaffoldingRouterLLM
    from langchain_scaffolding.scorers import recommended_scorers
    from langchain_scaffolding.settings import ProfileFile

    sources = None if not models else [_source(model) for model in models]
    discovery = LiveDiscovery(sources)
    found = discovery.refresh()
    for source in sources or ():
        if not any(candidate.tags.extra.get("source") == source.name for candidate in found):
            reasons = [reason for name, reason in found.troubles if name == source.name]
            raise ConfigurationError("\n".join(reasons) or f"{source.name} has no model.")
    return ScaffoldingRouterLLM(
        discovery=discovery, scorers=recommended_scorers(), profiles=ProfileFile.from_environment()
    )


def _source(where: str) -> DiscoverySource:
    """The source that a place on the command line names. Whoever types an address of another machine means it."""
    from langchain_scaffolding.cli.local import ensure_weights
    from langchain_scaffolding.discovery import GGUFFolderSource, OpenAICompatibleSource
    from langchain_scaffolding.local.weights import CATALOGUE

    if "://" in where:
        return OpenAICompatibleSource(url=where, name=where, allow_remote=True)
    if where in CATALOGUE and not Path(where).exists():
        return GGUFFolderSource(folder=ensure_weights([where])[where], name=where)
    return GGUFFolderSource(folder=where, name=where)


def _nothing(discovery: LiveDiscovery | None) -> str:
    troubles = () if discovery is None else discovery.found.troubles
    reasons = "; ".join(f"{source}: {reason}" for source, reason in troubles) or "no source has any"
    return (
        f"No model was found ({reasons}). Start a server, fetch one with `models get smollm2`, or say where it is with "
        "--model or --config."
    )
