"""Opens LangChain's chat models for what was found; the packages they live in are optional."""

from __future__ import annotations

import ssl
from functools import lru_cache
from importlib import import_module
from typing import Any

from langchain_scaffolding.discovery.base import SourceUnavailableError


def open_ollama(*, direct: bool, **options: Any) -> Any:
    """A `ChatOllama`; a `direct` one asks no proxy, and is not led to another machine.

    Raises:
        SourceUnavailableError: langchain-ollama is not installed; the message holds the line that installs it.
    """
    if direct:
        # each client would read all certificates, which takes 20 ms, to speak to this machine without any
        client = {"trust_env": False, "verify": _certificates(), "follow_redirects": False}
        client |= options.pop("client_kwargs", {})
        options["client_kwargs"] = client
    return _class("langchain_ollama", "ChatOllama", "ollama")(**options)


def open_openai(*, direct: bool, **options: Any) -> Any:
    """A `ChatOpenAI` for a server that speaks its protocol; a `direct` one asks no proxy.

    Raises:
        SourceUnavailableError: langchain-openai is not installed; the message holds the line that installs it.
    """
    cls = _class("langchain_openai", "ChatOpenAI", "openai")
    defaults: dict[str, Any] = {"stream_usage": True, "max_retries": 0}
    if direct:
        sync, concurrent = _direct_clients()
        defaults |= {"http_client": sync, "http_async_client": concurrent, "openai_proxy": None}
    return cls(**{**defaults, **options})


def _class(package: str, name: str, extra: str) -> Any:
    try:
        return getattr(import_module(package), name)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        msg = f'calling what is found there takes {package}: pip install "langchain-scaffolding[{extra}]"'
        raise SourceUnavailableError(msg) from None


@lru_cache(maxsize=1)
def _certificates() -> ssl.SSLContext:
    return ssl.create_default_context()


@lru_cache(maxsize=1)
def _direct_clients() -> tuple[Any, Any]:
    """Clients for this machine. No connection outlives its call, nor the event loop that it was made in."""
    httpx = import_module("httpx")  # comes with langchain-core
    limits = httpx.Limits(max_keepalive_connections=0)
    options = {
        "trust_env": False,
        "verify": _certificates(),
        "limits": limits,
        "timeout": httpx.Timeout(600, connect=5),
    }
    return httpx.Client(**options), httpx.AsyncClient(**options)
