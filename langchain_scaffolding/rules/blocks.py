"""A text's own structure: its headings, list items and paragraphs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, TypeAlias

BlockKind: TypeAlias = Literal["heading", "item", "paragraph"]

_UNDERLINE: Final = re.compile(r"(={3,}|-{3,})$")
_RULE: Final = re.compile(r"[-*_=|:+ ]{3,}$")
_MARKER: Final = re.compile(
    r"""(?P<bullet>[-*+•‣▪◦·●○]\s+(?:\[[ xX]\]\s+)?)(?=\S)
    |(?P<number>\(?\d{1,3}[.)]\s+)(?=\S)
    |(?P<chinese>[(（]?(?:[一二三四五六七八九十]{1,3}|\d{1,2})[、）]\s*)(?=\S)
    |(?P<roman>\(?[ivxIVX]{1,5}[.)]\s+)(?=\S)
    |(?P<letter>\(?[^\W\d_][.)]\s+)(?=\S)""",
    re.VERBOSE,
)
_SECTION: Final = re.compile(r"(\d{1,2}(?:\.\d{1,2})*)\.?\s+(?=\S)")
NAMED: Final = re.compile(r"(?P<name>[^\W\d_][\w .'’()-]{0,30})[:：]\s*\S")
_BOLD: Final = re.compile(r"\*\*([^*]{1,200})\*\*:?$")
_SENTENCE_END: Final = (".", "!", "?", "…", "。", "！", "？", "؟", "।", "．")
_NO_HEADING_END: Final = (*_SENTENCE_END, ",", ";", "，", "、", "；", "،", "؛", '"', "”", "»", "」")
_LONGEST_HEADING: Final = 70
_HEAD_OF_TABLE: Final = 6
"""The level of a table's head: below every other heading."""
_LONGEST_WRAPPED_LINE: Final = 130
"""Nobody wraps by hand beyond this: a longer line is a paragraph of its own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """One heading, list item or paragraph; `level` counts from 0, `lines` are stripped."""

    kind: BlockKind
    lines: tuple[str, ...]
    level: int = 0


class _Line(NamedTuple):
    text: str
    indent: int = 0
    marker: str | None = None
    content: str = ""


_EMPTY: Final = _Line("")


def blocks(text: str) -> list[Block]:
    r"""Return the blocks of `text` in order; fenced code and ruled lines are left out, rows of tables are items.

    A marker makes a list only if its kind occurs twice: "A. Smith called." is a paragraph.

    >>> [(block.kind, block.lines) for block in blocks("# Rain\n\n- wet\n- cold\n\nIt fell.")]
    [('heading', ('Rain',)), ('item', ('wet',)), ('item', ('cold',)), ('paragraph', ('It fell.',))]
    """
    lines = [_line(raw) for raw in _unfenced(text.splitlines())]
    counts = Counter(line.marker for line in lines)
    listed = {marker for marker, count in counts.items() if marker is not None and count > 1}
    reader = _Reader()
    for line in lines:
        reader.take(line, is_item=line.marker in listed)
    reader.close()
    names = Counter(match["name"] for line in lines if (match := NAMED.match(line.text)) is not None)
    return list(_with_plain_headings(reader.blocks, frozenset(name for name, count in names.items() if count > 1)))


def _unfenced(lines: Sequence[str]) -> Iterator[str]:
    fences = [line.lstrip().startswith(("```", "~~~")) for line in lines]
    # A fence that is never closed hides nothing: the rest of the text may be all there is.
    closed = fences.count(True) // 2 * 2
    seen = 0
    for line, is_fence in zip(lines, fences, strict=True):
        if is_fence:
            seen += 1
            yield ""
        elif seen % 2 == 0 or seen > closed:
            yield line


def _line(raw: str) -> _Line:
    text = raw.strip()
    if not text:
        return _EMPTY
    marker = _MARKER.match(text)
    indent = len(raw) - len(raw.lstrip())
    if marker is None:
        return _Line(text, indent)
    return _Line(text, indent, marker.lastgroup, text[marker.end() :])


def _cells(line: str) -> str | None:
    """Return what stands between the bars of a table's row; `None` if the line is none."""
    if len(line) < 3 or line[0] != "|" or line[-1] != "|":  # no pattern: on a line of spaces it would never end
        return None
    cells = line[1:-1].strip()
    return cells if cells and cells[0] != "|" else None


class _Reader:
    """Puts lines together to blocks by what they show themselves: marks, gaps, indentation."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self._kind: BlockKind = "paragraph"
        self._level = 0
        self._lines: list[str] = []
        self._indents: list[int] = []
        self._is_row = False

    def take(self, line: _Line, *, is_item: bool) -> None:
        """Add one line to the open block, or end that and begin another."""
        if not line.text:
            self.close()
        elif _RULE.match(line.text):
            if _UNDERLINE.match(line.text) and self._is_one_title_line():
                self._kind, self._level = "heading", int(line.text[0] == "-")
            elif self._is_row and "|" in line.text:
                self._kind, self._level = "heading", _HEAD_OF_TABLE
            self.close()
        elif (cells := _cells(line.text)) is not None:
            self._open("item", 0, cells)
            self._is_row = True
        elif line.text.startswith("#") and line.text.lstrip("#").startswith((" ", "\t")):
            marks = len(line.text) - len(line.text.lstrip("#"))
            self._open("heading", marks - 1, line.text.strip("#").strip())
            self.close()
        elif is_item:
            self._open("item", self._depth(line.indent), line.content)
        else:
            self._continue(line)

    def close(self) -> None:
        """End the open block, if there is one."""
        lines = tuple(filter(None, self._lines))
        if lines:
            self.blocks.append(Block(kind=self._kind, lines=lines, level=self._level))
        self._kind, self._level, self._lines, self._is_row = "paragraph", 0, [], False

    def _open(self, kind: BlockKind, level: int, text: str) -> None:
        self.close()
        if kind == "heading":
            self._indents = []
        self._kind, self._level, self._lines = kind, level, [text]

    def _continue(self, line: _Line) -> None:
        after_item = self._kind == "item" and line.indent == 0
        long = max(len(line.text), len(self._lines[-1]) if self._lines else 0)
        if long > _LONGEST_WRAPPED_LINE or (after_item and self._lines[-1].endswith(_SENTENCE_END)):
            self.close()
        self._lines.append(line.text)

    def _depth(self, indent: int) -> int:
        """Count the open lists that are indented less than this item."""
        while self._indents and self._indents[-1] > indent:
            self._indents.pop()
        if not self._indents or self._indents[-1] < indent:
            self._indents.append(indent)
        return len(self._indents) - 1

    def _is_one_title_line(self) -> bool:
        return self._kind == "paragraph" and len(self._lines) == 1 and is_title(self._lines[0])


def is_title(line: str) -> bool:
    """Tell whether a line that stands alone reads as a heading: short, and no sentence.

    >>> is_title("Results of the trial"), is_title("It worked."), is_title("Dear Ms. Reyes,")
    (True, False, False)
    """
    return (
        len(line) <= _LONGEST_HEADING
        and not line.endswith(_NO_HEADING_END)
        and any(character.isalpha() for character in line)
    )


def _with_plain_headings(found: Sequence[Block], speakers: frozenset[str]) -> Iterator[Block]:
    """Yield the blocks, short unmarked lines above a text as the headings they are.

    A numbered line is one too if it stands alone: the last item of a list stands below another. A line behind a name
    that comes again is what somebody says.
    """
    before: Block | None = None
    for block, following in zip(found, (*found[1:], None), strict=False):
        in_list = block.kind == "item" and before is not None and before.kind == "item"
        before = block
        named = NAMED.match(block.lines[0])
        is_said = named is not None and named["name"] in speakers
        if block.kind == "heading" or in_list or is_said or following is None:
            yield block
        else:
            yield _heading(block, following) or block


def _heading(block: Block, following: Block) -> Block | None:
    line = block.lines[0]
    if len(block.lines) > 1 or not is_title(line):
        return None
    bold = _BOLD.match(line)
    if bold is not None:
        return Block(kind="heading", lines=(bold.group(1),), level=2)
    if following.kind == "paragraph" and len("".join(following.lines)) > len(line):
        section = _SECTION.match(line)
        level = 1 if section is None else section.group(1).count(".") + 1
        title = line if section is None else line[section.end() :]
        return Block(kind="heading", lines=(title.rstrip(":："),), level=level)
    if following.kind == "item" and block.kind == "paragraph":
        return Block(kind="heading", lines=(line.rstrip(":："),), level=2)
    return None
