"""Texts of every kind for the property tests."""

from __future__ import annotations

from hypothesis import strategies as st

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=400)
"""Every code point, lone surrogates, controls and unassigned ones included."""

_WRITTEN_WORDS = """
the of and not If but because we pump fee bridge 2024 3.14 1,150 don't snake_case foo(bar) Dr. Ms. e.g. et al. U.S.
der die nicht Straße für wenn z.B. L'eau n'est pas qu'on мост река не т. е. الماء في الصحراء لا 茶叶 的 普洱茶 給食 です
ありがとう 한국어 문장 สวัสดี हिन्दी में 😀 ŉ ﬁn İ ß Σς ǅ a\u0301 x\u200dy [link](http://a.b)
**bold** `code` a*b 5% #tag @you
"""
_WORDS = st.sampled_from(_WRITTEN_WORDS.split())
_GLUE = st.sampled_from([
    *([" "] * 12), ". ", "! ", "? ", ", ", "; ", ": ", "。", "、", "？", "، ", "؟ ", "… ", " – ", ".", "-", "\n",
])  # fmt: skip
_LINES = st.sampled_from(
    [
        "",
        "",
        "# ",
        "## ",
        "- ",
        "* ",
        "1. ",
        "2) ",
        "a) ",
        "II. ",
        "一、",
        "  - ",
        "> ",
        "| ",
        "Anna: ",
        "```",
        "---",
        "===",
    ]
)
_SENTENCE = st.lists(st.tuples(_WORDS, _GLUE), max_size=14).map(lambda parts: "".join(a + b for a, b in parts))
WRITTEN_TEXT = st.lists(
    st.tuples(_LINES, _SENTENCE, st.sampled_from(["\n", "\n", "\n\n", "\r\n", "\u2028"])), max_size=14
).map(lambda lines: "".join(a + b + c for a, b, c in lines))
"""Texts with sentences, headings and lists in many scripts, well and badly formed."""

TEXT = st.one_of(ANY_TEXT, WRITTEN_TEXT, WRITTEN_TEXT)
