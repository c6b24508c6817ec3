"""`ProfileFile`: profiles out of a file, read anew when it changes."""

from __future__ import annotations

import logging
import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from langchain_scaffolding.config import Profiles, RoutingProfile
from langchain_scaffolding.errors import ConfigurationError
from langchain_scaffolding.settings.document import SUFFIXES, Document, read_document
from langchain_scaffolding.settings.schema import ProfilesPart, RouterFile, checked

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

logger = logging.getLogger(__name__)

VARIABLE: Final = "LANGCHAIN_SCAFFOLDING_PROFILE"
"""The environment variable that names a profile, or a file of profiles: `profiles.toml#private`."""


def profiles_of(document: Document, profile: str | None = None) -> Profiles:
    """The profiles that a file holds: those to choose from, and those that hold for every call.

    Args:
        document: The file, of a whole router or of profiles alone.
        profile: The one that holds for every call, instead of the one that the file names.

    Raises:
        ConfigurationError: It holds something else, or there is no profile of this name.
    """
    part: ProfilesPart = checked(document, RouterFile)
    chosen = part.profile if profile is None else profile
    if chosen is not None and chosen not in part.profiles:
        known = ", ".join(sorted(part.profiles)) or "none"
        if profile is None:
            raise document.fault(("profile",), f"there is no such profile. Profiles of this file: {known}.")
        raise ConfigurationError(f"{document.path}: there is no profile {profile!r}. Profiles of this file: {known}.")
    always: list[RoutingProfile] = []
    if part.tasks:
        always.append(RoutingProfile(name=document.path.name, tasks=dict(part.tasks)))
    by_name = {name: part.named(name) for name in part.profiles}
    if chosen is not None:
        always.append(by_name[chosen])
    return Profiles(always=tuple(always), by_name=by_name)


class ProfileFile:
    r"""Profiles out of a TOML or YAML file, for `ScaffoldingRouterLLM(profiles=...)`.

    The first call after `every_s` seconds looks at the file again. If it has changed it is read; if it has become
    unreadable or wrong, the old profiles stay in force, and the log says so once.

    Args:
        path: The file: of profiles, or of a whole router.
        profile: The profile that holds for every call, instead of the one that the file names by `profile = "..."`.
        every_s: Seconds between two looks at the file.
        clock: Seconds from any start, never running backwards.

    Raises:
        ConfigurationError: The file cannot be read or holds something else.

    Example:
        >>> import tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> file = Path(folder.name, "profiles.toml")
        >>> _ = file.write_text("[profiles.private]\nlocal_only = true\n")
        >>> ProfileFile(file)().by_name["private"].local_only
        True
        >>> folder.cleanup()
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        profile: str | None = None,
        every_s: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not every_s > 0:
            raise ConfigurationError(f"`every_s` is {every_s!r}: give seconds above 0.")
        self.path = Path(path)
        self._profile = profile
        self._every_s = every_s
        self._clock = clock
        self._looking = threading.Lock()
        self._stamp = _stamp_of(self.path)
        self._profiles = profiles_of(read_document(self.path), profile)
        self._next = clock() + every_s

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ, **options: Any) -> Self | None:
        """The file that `LANGCHAIN_SCAFFOLDING_PROFILE` names as `file.toml` or `file.toml#profile`; `None` if unset.

        Raises:
            ConfigurationError: It names no file, or the file is wrong.
        """
        value = environ.get(VARIABLE)
        if not value:
            return None
        if not names_file(value):
            msg = (
                f"{VARIABLE}={value!r} names no file of profiles. Write profiles.toml#{value}, or give the name to a "
                "router that is made by `ScaffoldingRouterLLM.from_file`."
            )
            raise ConfigurationError(msg)
        path, _, profile = value.partition("#")
        return cls(path, profile=profile or None, **options)

    def __call__(self) -> Profiles:
        """The profiles that hold now."""
        # whoever finds another thread looking takes what holds until then
        if self._clock() >= self._next and self._looking.acquire(blocking=False):
            try:
                self._next = self._clock() + self._every_s
                self._look()
            finally:
                self._looking.release()
        return self._profiles

    def _look(self) -> None:
        stamp = _stamp_of(self.path)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            profiles = profiles_of(read_document(self.path), self._profile)
        except ConfigurationError as error:
            logger.warning("The profiles have changed and cannot be read; the old ones stay in force. %s", error)
            return
        if profiles != self._profiles:
            self._profiles = profiles
            logger.info("Profiles were read anew from %s.", self.path)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.path)!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles read the file themselves."""
        return _again, (type(self), self.path, self._profile, self._every_s, self._clock)


def _again(cls: type[ProfileFile], path: Path, profile: str | None, every_s: float, clock: Any) -> ProfileFile:
    return cls(path, profile=profile, every_s=every_s, clock=clock)


def _stamp_of(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def names_file(value: str) -> bool:
    """Whether a value names a file rather than a profile."""
    return value.partition("#")[0].lower().endswith(SUFFIXES)
