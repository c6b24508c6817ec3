"""What stands before an item of a list: bullets, numbers, letters, romans, "Step 3:"."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

MarkerKind: TypeAlias = Literal["bullet", "number", "step", "letter", "roman"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Marker:
    """One reading of the marker of a line.

    Attributes:
        kind: What sort of marker it is.
        ordinal: The number it stands for; 0 for a bullet.
        content: What follows it on the line.
        parts: How many numbers it is made of: "1.2." has two.
    """

    kind: MarkerKind
    ordinal: int
    content: str
    parts: int = 1


_STEP_WORDS = (
    "step|phase|stage|schritt|étape|etape|paso|passo|etapa|fase|passaggio|шаг|этап|stap|krok|adım|bước|langkah"
    "|步骤|步驟|阶段|階段|ステップ|手順|단계|الخطوة|خطوة"
)
_BOLD = r"(?:\*\*|__)"

_BULLET: Final = re.compile(r"[-*+•‣▪◦·●○–—→➔⁃∙]\s+(?=\S)")
_NUMBER: Final = re.compile(rf"{_BOLD}?\(?(?P<n>\d+(?:\.\d+)*)(?:[.)]{_BOLD}?\s+|[、．]\s*)(?=\S)")
_CIRCLED: Final = re.compile(r"(?P<n>[①-⑳])\s*(?=\S)")
_HAN: Final = re.compile(r"[（(]?第?(?P<n>[一二三四五六七八九十]{1,3})(?:[、．）)]|步[：:、])\s*(?=\S)")
_STEP: Final = re.compile(
    rf"{_BOLD}?(?:{_STEP_WORDS})\s*(?P<n>\d+|[ivx]+)\s*{_BOLD}?\s*(?:[:.)–—-]\s*{_BOLD}?\s+|[：、]\s*)(?=\S)",
    re.IGNORECASE,
)
_LETTERS: Final = re.compile(rf"{_BOLD}?\(?(?P<n>[A-Za-z]{{1,7}})[.)]{_BOLD}?\s+(?=\S)")
_ROMAN: Final = re.compile(r"m{0,3}(?:cm|cd|d?c{0,3})(?:xc|xl|l?x{0,3})(?:ix|iv|v?i{0,3})", re.IGNORECASE)
_ROMAN_VALUES: Final = (
    (1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"),
    (50, "L"), (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"),
)  # fmt: skip
_HAN_DIGITS: Final = "零一二三四五六七八九十"


def readings(line: str) -> list[Marker]:
    """The readings of a line's marker, likeliest first; none if the line has no marker.

    Only one marker is read, so what looks like a second one is content.

    Example:
        >>> readings("12. 2024 budget")
        [Marker(kind='number', ordinal=12, content='2024 budget', parts=1)]
        >>> readings("- 3D printing")[0].content
        '3D printing'
        >>> [marker.kind for marker in readings("I. Origins")], readings("3D printing"), readings("3.14 is pi")
        (['roman', 'letter'], [], [])
    """
    found: list[Marker] = []
    if match := _BULLET.match(line):
        return [Marker(kind="bullet", ordinal=0, content=_content(line, match))]
    if match := _NUMBER.match(line):
        numbers = match["n"].split(".")
        found.append(Marker(kind="number", ordinal=int(numbers[-1]), content=_content(line, match), parts=len(numbers)))
    elif match := _CIRCLED.match(line):
        found.append(Marker(kind="number", ordinal=ord(match["n"]) - ord("①") + 1, content=_content(line, match)))
    elif match := _HAN.match(line):
        found.append(Marker(kind="number", ordinal=_han_number(match["n"]), content=_content(line, match)))
    elif match := _STEP.match(line):
        ordinal = int(match["n"]) if match["n"].isdigit() else from_roman(match["n"]) or 0
        found.append(Marker(kind="step", ordinal=ordinal, content=_content(line, match)))
    elif match := _LETTERS.match(line):
        roman = from_roman(match["n"])
        if roman is not None:
            found.append(Marker(kind="roman", ordinal=roman, content=_content(line, match)))
        if len(match["n"]) <= 2:
            found.append(Marker(kind="letter", ordinal=from_letters(match["n"]), content=_content(line, match)))
    return found


def _content(line: str, match: re.Match[str]) -> str:
    content, marker = line[match.end() :], match.group()
    for bold in ("**", "__"):
        # "**1. Title**" marks the whole item; of "**Step 1:** text" the marker alone, which has its own end
        if marker.startswith(bold) and marker.count(bold) == 1:
            content = content.replace(bold, "", 1)
    return content.strip()


def _han_number(text: str) -> int:
    tens, _, ones = text.rpartition("十")
    if "十" not in text:
        return _HAN_DIGITS.index(text[0])
    return (_HAN_DIGITS.index(tens[0]) if tens else 1) * 10 + (_HAN_DIGITS.index(ones[0]) if ones else 0)


def from_roman(text: str) -> int | None:
    """The value of a roman number; `None` if it is none.

    Example:
        >>> from_roman("XIV"), from_roman("IC")
        (14, None)
    """
    if not text or _ROMAN.fullmatch(text) is None:
        return None
    rest, value = text.upper(), 0
    for worth, sign in _ROMAN_VALUES:
        while rest.startswith(sign):
            rest, value = rest[len(sign) :], value + worth
    return value


def from_letters(text: str) -> int:
    """The place of a letter, or of letters that go on after "Z" as spreadsheets do.

    Example:
        >>> from_letters("c"), from_letters("AA")
        (3, 27)
    """
    value = 0
    for letter in text.upper():
        value = value * 26 + ord(letter) - ord("A") + 1
    return value
