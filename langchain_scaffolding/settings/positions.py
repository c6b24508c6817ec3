"""Where each key of a TOML or YAML text stands, since `tomllib` and `yaml.safe_load` do not say.

Asked only of texts that their parsers have accepted. TOML's grammar: https://toml.io/en/v1.0.0.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from langchain_scaffolding.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

KeyPath: TypeAlias = "tuple[str | int, ...]"
"""Keys and places in lists, from the outermost on."""

_BLANK: Final = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_STRING: Final = re.compile(r'"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'', re.DOTALL)
_KEY: Final = re.compile(r'\s*("(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'|[A-Za-z0-9_-]+)\s*')
_PLAIN: Final = re.compile(r"[^\"'#\[\]{}\n]+")


def toml_lines(text: str) -> dict[KeyPath, int]:
    r"""The line of every table and key of a TOML text; keys of inline tables stand where their table begins.

    Example:
        >>> toml_lines('a = 1\n[[models]]\nname = "x"\n[models.tags]\nlocal = true')
        {('a',): 1, ('models',): 2, ('models', 0): 2, ('models', 0, 'name'): 3, ('models', 0, 'tags'): 4,
            ('models', 0, 'tags', 'local'): 5}
    """
    lines: dict[KeyPath, int] = {}
    last: dict[KeyPath, int] = {}
    table: KeyPath = ()
    at = _end(_BLANK, text, 0)
    while at < len(text):
        line = text.count("\n", 0, at) + 1
        brackets = 2 if text.startswith("[[", at) else 1 if text[at] == "[" else 0
        keys, at = _keys(text, at + brackets)
        path = _inside(last, () if brackets else table, keys)
        if brackets == 2:
            last[path] = last.get(path, -1) + 1
            lines.setdefault(path, line)
            path = (*path, last[path])
        for length in range(len(() if brackets else table) + 1, len(path) + 1):
            lines.setdefault(path[:length], line)
        if brackets:
            table, at = path, at + brackets
        else:
            at = _after_value(text, at + 1)
        at = _end(_BLANK, text, at)
    return lines


def _inside(last: Mapping[KeyPath, int], table: KeyPath, keys: list[str]) -> KeyPath:
    """The path of keys in a table: a list of tables on the way means its last one."""
    path = table
    for number, key in enumerate(keys, start=1):
        path = (*path, key)
        if number < len(keys) and path in last:
            path = (*path, last[path])
    return path


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    return at if match is None else match.end()


def _keys(text: str, at: int) -> tuple[list[str], int]:
    keys: list[str] = []
    while match := _KEY.match(text, at):
        key = match[1]
        keys.append(key[1:-1] if key[0] in "\"'" else key)
        at = match.end()
        if not text.startswith(".", at):
            break
        at += 1
    return keys, at


def _after_value(text: str, at: int) -> int:
    depth = 0
    while at < len(text):
        if match := _STRING.match(text, at) or _PLAIN.match(text, at):
            at = match.end()
        elif text[at] == "#":
            at = _end(re.compile(r"[^\n]*"), text, at)
        elif text[at] == "\n" and not depth:
            return at
        else:
            depth += (text[at] in "[{") - (text[at] in "]}")
            at += 1
    return at


def yaml_lines(text: str, name: str) -> dict[KeyPath, int]:
    """The line of every key of a YAML text.

    Raises:
        ConfigurationError: A key stands twice; YAML's parser would silently take the last one.
    """
    import yaml  # type: ignore[import-untyped]

    return dict(_nodes(yaml.compose(text, Loader=yaml.SafeLoader), (), name))


def _nodes(node: Any, path: KeyPath, name: str) -> Iterator[tuple[KeyPath, int]]:
    if node is None:
        return
    if node.id == "mapping":
        seen: set[str] = set()
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.value in seen:
                raise ConfigurationError(f"{name}:{line}: the key {key.value!r} stands twice; remove one of them.")
            seen.add(key.value)
            yield (*path, key.value), line
            yield from _nodes(value, (*path, key.value), name)
    elif node.id == "sequence":
        for place, item in enumerate(node.value):
            yield (*path, place), item.start_mark.line + 1
            yield from _nodes(item, (*path, place), name)
