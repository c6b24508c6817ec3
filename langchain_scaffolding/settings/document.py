"""`Document`: a settings file that was read, which knows where each of its keys stands."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from langchain_scaffolding.errors import ConfigurationError
from langchain_scaffolding.settings.positions import toml_lines, yaml_lines

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping

    from langchain_scaffolding.settings.positions import KeyPath

SUFFIXES: Final = (".toml", ".yaml", ".yml")
_MOST_BYTES: Final = 1_000_000

_SECRET_KEY: Final = re.compile(
    r"(?:.*[_-])?(?:api[_-]?key|access[_-]?key|private[_-]?key|secret(?:[_-]key)?|password|passwd|"
    r"(?:access|auth|api|bearer)[_-]?token|authorization|credentials?)|token|key",
    re.IGNORECASE,
)
_SECRET_VALUE: Final = re.compile(
    r"\b(?:sk|pk|rk|gsk|hf|ghp|glpat|xox[abp])[-_][A-Za-z0-9_-]{16,}|\bAKIA[0-9A-Z]{16}\b|\bAIza[0-9A-Za-z_-]{30,}"
    r"|\bBearer\s+\S{12,}|\beyJ[\w-]{10,}\.[\w-]{10,}|://[^/\s:@]*:[^/\s@]+@"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """What a file holds, and the line of each key.

    Attributes:
        path: The file.
        data: What it holds.
        lines: The line of each key, from 1.
    """

    path: Path
    data: dict[str, Any] = field(repr=False)
    lines: Mapping[KeyPath, int] = field(repr=False)

    def fault(self, at: KeyPath, problem: str) -> ConfigurationError:
        """The error that names the file, the line, the key and its value, and says what is wrong."""
        return ConfigurationError(self.fault_line(at, problem))

    def fault_line(self, at: KeyPath, problem: str) -> str:
        """The text of such an error."""
        line = self.line_of(at)
        place = str(self.path) if line is None else f"{self.path}:{line}"
        return f"{place}: {dotted(at)}{self._shown(at)}: {problem}"

    def line_of(self, at: KeyPath) -> int | None:
        """The line of a key, or of the nearest one around it that has a line."""
        return next((self.lines[at[:length]] for length in range(len(at), 0, -1) if at[:length] in self.lines), None)

    def _shown(self, at: KeyPath) -> str:
        """The value, if it is short and no secret."""
        value: Any = self.data
        for key in at:
            try:
                value = value[key]
            except (KeyError, IndexError, TypeError):
                return ""
        if any(isinstance(key, str) and _SECRET_KEY.fullmatch(key) for key in at) or is_secret(value):
            return " = ..."
        text = repr(value)
        return f" = {text}" if len(text) <= 60 and not isinstance(value, dict) else ""


def dotted(at: KeyPath) -> str:
    """A path of keys as people write it.

    Example:
        >>> dotted(("models", 0, "tags", "size_gb"))
        'models[0].tags.size_gb'
    """
    text = ""
    for key in at:
        text += f"[{key}]" if isinstance(key, int) else f".{key}" if text else key
    return text


def is_secret(value: object) -> bool:
    """Whether a text looks like a key, a token or a URL with a password."""
    return isinstance(value, str) and _SECRET_VALUE.search(value) is not None


def read_document(path: str | os.PathLike[str]) -> Document:
    """Read a TOML or YAML file, and refuse secrets in it.

    Raises:
        ConfigurationError: It cannot be read, is no valid TOML or YAML, or holds a secret.
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise ConfigurationError(f"{path}: a settings file ends in {', '.join(SUFFIXES)}; rename it.")
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ConfigurationError(f"{path}: larger than {_MOST_BYTES // 1_000_000} MB, so it is no settings file.")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigurationError(f"{path}: cannot be read ({why}).") from None
    document = _toml(path, text) if path.suffix.lower() == ".toml" else _yaml(path, text)
    for at in _secrets(document.data, ()):
        name = re.sub(r"\W", "_", str(at[-1])).upper()
        problem = f'a secret must not stand in a file. Set an environment variable, and write {{env = "{name}"}} here.'
        raise document.fault(at, problem)
    return document


def _toml(path: Path, text: str) -> Document:
    text = text.replace("\r\n", "\n")
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        what, _, where = str(error).rpartition(" (at ")
        line = re.match(r"line (\d+)", where)
        number = line[1] if line else text.count("\n") + 1
        raise ConfigurationError(f"{path}:{number}: no valid TOML ({what}).") from None
    return Document(path=path, data=data, lines=toml_lines(text))


def _yaml(path: Path, text: str) -> Document:
    import yaml  # type: ignore[import-untyped]

    try:
        data = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        place = f"{path}:{error.problem_mark.line + 1}" if error.problem_mark else str(path)
        raise ConfigurationError(f"{place}: no valid YAML ({error.problem}).") from None
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigurationError(f"{path}: no valid YAML ({error}).") from None
    if data is not None and not isinstance(data, dict):
        raise ConfigurationError(f"{path}: holds a {type(data).__name__}, not keys and values.")
    return Document(path=path, data=data or {}, lines=yaml_lines(text, str(path)))


def _secrets(value: object, at: KeyPath) -> Iterator[KeyPath]:
    """Where secrets stand."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _secrets(each, (*at, key))
    elif isinstance(value, list):
        for place, each in enumerate(value):
            yield from _secrets(each, (*at, place))
    elif isinstance(value, str):
        is_named = "options" in at and isinstance(at[-1], str) and _SECRET_KEY.fullmatch(at[-1])
        if is_named or is_secret(value):
            yield at
