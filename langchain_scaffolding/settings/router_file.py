"""`options_from_file`: what a router file says, as the arguments of a router."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from langchain_scaffolding.errors import ConfigurationError
from langchain_scaffolding.scorers import recommended_scorers
from langchain_scaffolding.settings.document import read_document
from langchain_scaffolding.settings.models import name_of, open_candidate, resolved
from langchain_scaffolding.settings.profile_file import VARIABLE, ProfileFile, names_file, profiles_of
from langchain_scaffolding.settings.schema import EnvReference, RouterFile, checked
from langchain_scaffolding.tasks import known_tasks

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from langchain_scaffolding.discovery import DiscoverySource, LiveDiscovery
    from langchain_scaffolding.performance import PerformanceTracker
    from langchain_scaffolding.settings.document import Document
    from langchain_scaffolding.settings.positions import KeyPath

_NEVER_S = 3600.0  # of a thread that is not started
_NAMES = ("prefer", "allow", "deny", "pin")


def options_from_file(
    path: str | os.PathLike[str],
    *,
    profile: str | None = None,
    environ: Mapping[str, str] = os.environ,
    sources: Iterable[DiscoverySource] | None = None,
) -> dict[str, Any]:
    """The arguments for `ScaffoldingRouterLLM` that a file describes. Models are made ready to be called.

    Args:
        path: A TOML or YAML file.
        profile: The profile that holds for every call, instead of the file's own `profile`.
        environ: Where references such as `{env = "OPENAI_API_KEY"}` are looked up, and
            `LANGCHAIN_SCAFFOLDING_PROFILE`, which names the profile if `profile` does not.
        sources: Where models are discovered, instead of the default sources, if the file says so.

    Raises:
        ConfigurationError: The file is wrong; each line names the file, line, key, value and what is allowed.
        ImportError: The extra for local models is not installed.
    """
    document = read_document(path)
    file = checked(document, RouterFile)
    check(document, file)
    profile = profile if profile is not None else _profile_from(environ)
    profiles_of(document, profile)
    entries = list(enumerate(file.models))
    candidates = [open_candidate(entry, ("models", place), document, environ) for place, entry in entries]
    discovery = _discovery(document, file, sources)
    if discovery is None or file.discover_every_s is None:
        found = () if discovery is None else discovery.known
        check_names(document, [candidate.name for candidate in (*candidates, *found)])
    options: dict[str, Any] = {
        "models": candidates,
        "config": file.config,
        "policy": file.policy,
        "scorers": recommended_scorers(file.config) if file.scorers == "recommended" else None,
        "tasks": tuple(file.tasks),
        "profiles": ProfileFile(document.path, profile=profile),
    }
    if discovery is not None:
        options["discovery"] = discovery if file.discover_every_s is None else discovery.start()
    if file.store is not None:
        options["performance"] = _performance(document, file.store, environ)
    return options


def performance_from_file(
    path: str | os.PathLike[str], *, environ: Mapping[str, str] = os.environ
) -> PerformanceTracker | None:
    """What a router's file has kept of earlier calls; `None` if it names no store. No model is opened.

    Raises:
        ConfigurationError: The file is wrong, or its store cannot be opened.
    """
    document = read_document(path)
    file = checked(document, RouterFile)
    return None if file.store is None else _performance(document, file.store, environ)


def check(document: Document, file: RouterFile) -> None:
    """Check what the file alone can tell: names of models and tasks that it uses and does not have.

    Raises:
        ConfigurationError: A name is unknown, or stands twice.
    """
    names: set[str] = set()
    for place, entry in enumerate(file.models):
        name = name_of(entry, document.path.parent)
        if name in names:
            raise document.fault(("models", place), f"two models are named {name!r}; give one of them another `name`.")
        names.add(name)
    try:
        known = known_tasks(tuple(file.tasks))
    except ConfigurationError as error:
        raise document.fault(("tasks",), str(error)) from None
    for name, profile in file.profiles.items():
        for task in profile.tasks:
            if task not in known:
                problem = f"unknown task. Known are {', '.join(sorted(known))}; a new one is named under [tasks]."
                raise document.fault(("profiles", name, "tasks", task), problem)
    if file.models and not file.discover:
        check_names(document, names)


def check_names(document: Document, known: Iterable[str]) -> None:
    """Check that profiles and tasks name only models that there are.

    Raises:
        ConfigurationError: One names another.
    """
    known = list(known)
    for at, name in _named(document.data, ()):
        if name not in known:
            raise document.fault(at, f"there is no model {name!r}. Models are {', '.join(known)}.")


def _named(data: Any, at: KeyPath) -> list[tuple[KeyPath, str]]:
    """Where profiles and tasks name models."""
    found: list[tuple[KeyPath, str]] = []
    if not isinstance(data, dict):
        return found
    for key in ("profiles", "tasks"):
        if isinstance(data.get(key), dict):
            for name, part in data[key].items():
                found += _named(part, (*at, key, name))
    for key in _NAMES if at else ():
        value = data.get(key) or ()
        found += [((*at, key), name) for name in ([value] if isinstance(value, str) else value)]
    return found


def _profile_from(environ: Mapping[str, str]) -> str | None:
    value = environ.get(VARIABLE) or None
    if value is not None and names_file(value):
        msg = (
            f"{VARIABLE}={value!r} names a file, and the router's file has profiles of its own. Set it to the name of "
            "one of these, or unset it."
        )
        raise ConfigurationError(msg)
    return value


def _discovery(document: Document, file: RouterFile, sources: Iterable[DiscoverySource] | None) -> LiveDiscovery | None:
    """What sources have found, if the file asks for it; it does not look again by itself."""
    if not file.discover:
        if not file.models:
            problem = "no model. Add [[models]], or discover = true to take those that are found."
            raise document.fault(("models",), problem)
        if file.discover_every_s is not None:
            raise document.fault(("discover_every_s",), "nothing is looked for. Add discover = true.")
        return None
    from langchain_scaffolding.discovery import LiveDiscovery, default_sources

    every = list(default_sources() if sources is None else sources)
    if isinstance(file.discover, list):
        by_name = {source.name: source for source in every}
        for place, name in enumerate(file.discover):
            if name not in by_name:
                raise document.fault(("discover", place), f"unknown source. Known are {', '.join(by_name)}.")
        every = [by_name[name] for name in file.discover]
    discovery = LiveDiscovery(every, interval_s=file.discover_every_s or _NEVER_S)
    found = discovery.refresh()
    if not found.candidates and not file.models and file.discover_every_s is None:
        reasons = "; ".join(f"{source}: {reason}" for source, reason in found.troubles) or "no source has any"
        raise document.fault(("discover",), f"no model was found ({reasons}).")
    return discovery


def _performance(document: Document, store: str | EnvReference, environ: Mapping[str, str]) -> PerformanceTracker:
    from langchain_scaffolding.performance import PerformanceTracker
    from langchain_scaffolding.performance.store import OutcomeStore

    given = store if isinstance(store, str) else store.model_dump()
    url, _ = resolved(given, ("store",), document, environ)
    try:
        return PerformanceTracker(store=OutcomeStore(url))
    except ConfigurationError as error:
        raise document.fault(("store",), str(error)) from None
