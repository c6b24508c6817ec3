"""HTML as plain text with the marks of Markdown."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Final

_CLOSING_TAG: Final = re.compile(
    r"</(?:html|body|p|div|h[1-6]|li|ul|ol|table|tr|td|article|section|span|a|b|strong|em)>", re.IGNORECASE
)
_FEWEST_TAGS: Final = 2
_UNSEEN: Final = re.compile(r"<(/?)(script|style|title)\b[^<>]{0,500}>", re.IGNORECASE)
_HEADING: Final = re.compile(r"<h([1-6])\b[^<>]{0,500}>", re.IGNORECASE)
_ITEM: Final = re.compile(r"<li\b[^<>]{0,500}>", re.IGNORECASE)
_CELL: Final = re.compile(r"</t[dh]>", re.IGNORECASE)
_BLOCK: Final = re.compile(
    r"</?(?:html|body|p|div|h[1-6]|li|ul|ol|dl|dt|dd|table|thead|tbody|tr|article|section|header|footer|nav|main|aside"
    r"|blockquote|pre|br|hr|figure|form)\b[^<>]{0,500}>",
    re.IGNORECASE,
)
_TAG: Final = re.compile(r"<[a-z/!][^<>]{0,500}>", re.IGNORECASE)


def without_tags(text: str) -> str:
    """Return the text of an HTML page with its headings and items marked; any other text as it is.

    >>> without_tags("<h2>Sale</h2><ul><li>All <b>lamps</b> &amp; chairs</li></ul>").split()
    ['##', 'Sale', '-', 'All', 'lamps', '&', 'chairs']
    >>> without_tags("List<String> names; a </b> here")
    'List<String> names; a </b> here'
    """
    if "</" not in text or sum(1 for _ in _CLOSING_TAG.finditer(text)) < _FEWEST_TAGS:
        return text
    text = "".join(_seen(text))
    text = _HEADING.sub(lambda match: f"\n\n{'#' * int(match[1])} ", text)
    text = _CELL.sub(" ", _ITEM.sub("\n- ", text))
    return html.unescape(_TAG.sub("", _BLOCK.sub("\n\n", text)))


def _seen(text: str) -> Iterator[str]:
    """Yield what stands outside of scripts, styles and the title of the window."""
    lower = text.lower()
    last = {name: lower.rfind(f"</{name}") for name in ("script", "style", "title")}
    hidden, start = None, 0
    for match in _UNSEEN.finditer(text):
        is_end, name = bool(match[1]), match[2].lower()
        if hidden is None and not is_end and match.start() < last[name]:
            yield text[start : match.start()]
            hidden = name
        elif is_end and name == hidden:
            hidden, start = None, match.end()
    yield text[start:]
