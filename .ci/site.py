#!/usr/bin/env python3
"""Fail if a public name of a room that the reference documents is not in the site that was built.

The builder fails for a name that a page asks for and that there is not; this looks the other way round.
"""

from __future__ import annotations

import importlib
import re
import sys
import zlib
from pathlib import Path

ROOT = Path(__file__).parents[1]
_ROOM = re.compile(r"^::: (langchain_scaffolding(?:\.[a-z_]+)*)$", re.MULTILINE)


def built() -> set[str]:
    """The names in the inventory of the site: four lines of text, then one compressed line for each."""
    *_, listed = (ROOT / "site" / "objects.inv").read_bytes().split(b"\n", 4)
    return {line.split(" ")[0] for line in zlib.decompress(listed).decode().splitlines()}


def missing(room: str, names: set[str]) -> list[str]:
    """What the room offers and the site does not have, neither here nor where it is defined."""
    if not (ROOT / room.replace(".", "/")).is_dir():
        return []  # a module or a single name, which the builder shows whole or fails
    module = importlib.import_module(room)
    offered = {name: getattr(module, name) for name in getattr(module, "__all__", ())}
    return [
        f"{room}.{name}"
        for name, each in offered.items()
        if not {f"{room}.{name}", f"{getattr(each, '__module__', room)}.{name}"} & names
    ]


def main() -> int:
    names = built()
    pages = sorted((ROOT / "docs" / "reference").glob("*.md"))
    rooms = [room for page in pages for room in _ROOM.findall(page.read_text(encoding="utf-8"))]
    left_out = [name for room in rooms for name in missing(room, names)]
    for name in left_out:
        print(f"{name} is public, and no page of docs/reference shows it: give it a docstring, or name it on a page.")
    print(f"{len(names)} names in the site, {len(left_out)} left out.")
    return 1 if left_out else 0


if __name__ == "__main__":
    sys.exit(main())
