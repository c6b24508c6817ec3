"""Words of any script, and the terms by which texts are compared."""

from __future__ import annotations

import re
import unicodedata
from math import ceil
from typing import Final

from langchain_scaffolding.rules.stopwords import STOP_WORDS

# Python's \w leaves out combining marks, which would cut Hindi, Tamil or pointed Arabic words.
MARKS: Final = "\u200c\u200d" + "".join(
    chr(code) for code in range(0x300, 0x1E00) if unicodedata.category(chr(code))[0] == "M"
)
# Scripts that put no space between words: Thai to Tibetan, Myanmar, Khmer, kana, Han.
UNSPACED: Final = (
    "\u0e01-\u0e4e\u0e81-\u0ece\u0f00-\u0fbc\u1000-\u109f\u1780-\u17d3"
    "\u3005-\u3007\u3041-\u3096\u30a1-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9d\U00020000-\U000323af"
)
HANGUL: Final = "\u1100-\u11ff\u3131-\u318e\uac00-\ud7a3"

WORD: Final = re.compile(rf"[\w{MARKS}]+")
_MIXED_WORD: Final = re.compile(rf"[{UNSPACED}]|(?:(?![{UNSPACED}])[\w{MARKS}])+")
_UNSPACED: Final = re.compile(rf"[{UNSPACED}]")
_TERM: Final = re.compile(rf"\d+(?:[.,]\d+)+|[\w{MARKS}]+")
_RUN: Final = re.compile(rf"([{UNSPACED}{HANGUL}]+)|\d+(?:[.,]\d+)*|(?:(?![{UNSPACED}{HANGUL}\d])[\w{MARKS}])+")
_IN_BIGRAMS: Final = re.compile(rf"[{UNSPACED}{HANGUL}]")
_HIRAGANA: Final = re.compile("[\u3041-\u3096]+")
_STOP_CHARACTERS: Final = frozenset(
    "的了是在和与及也就都而但把被对这那有没不会我你他她它们个之以其从到说着很更最已还又再让给向于"
)
_ARABIC_MARKS: Final = re.compile("[\u064b-\u065f\u0670\u0640]")
_ARABIC_PREFIXES: Final = ("وال", "بال", "فال", "كال", "ال", "لل")
_NO_WORDS: Final[frozenset[str]] = frozenset()
STEM: Final = 6
"""Characters by which two words count as one term: inflection sits at the end of a word."""


def words(text: str) -> list[str]:
    """Return the words of `text`; a character of a script without spaces is one word.

    >>> words("Dr. Smith’s 3-D 公司")
    ['Dr', 'Smith', 's', '3', 'D', '公', '司']
    """
    pattern = WORD if _UNSPACED.search(text) is None else _MIXED_WORD
    return pattern.findall(text)


def terms(text: str, language: str | None = None) -> list[str]:
    """Return what a text is compared by: its content words, cut to a stem; bigrams where no spaces are.

    Overlapping character bigrams stand for the words of Chinese, Japanese, Korean or Thai, which
    needs no dictionary (J. Y. Nie, J. Gao, J. Zhang, M. Zhou, 2000, "On the use of words and
    n-grams for Chinese information retrieval"). The stem is a prefix (P. McNamee, J. Mayfield,
    2004, "Character n-gram tokenization for European language text retrieval").

    >>> terms("The engineers had warned the engineering firm.", "en")
    ['engine', 'warned', 'engine', 'firm']
    >>> terms("茶叶的寿命", "zh")
    ['茶叶', '寿命']
    """
    text = text.casefold()
    stop = STOP_WORDS.get(language, _NO_WORDS) if language is not None else _NO_WORDS
    if _IN_BIGRAMS.search(text) is not None:
        return _terms_of_runs(text, stop)
    found = _TERM.findall(text)
    if language in {"ar", "fa", "ur"}:
        found = [_ARABIC_MARKS.sub("", word) for word in found]
        return [_bare_arabic(word)[:STEM] for word in found if word not in stop and len(word) > 1]
    return [
        word if word[0].isdigit() else word[:STEM]
        for word in found
        if word not in stop and (len(word) > 1 or word.isdigit())
    ]


def _terms_of_runs(text: str, stop: frozenset[str]) -> list[str]:
    result: list[str] = []
    for run in _RUN.finditer(text):
        characters = run.group(1)
        if characters is None:
            word = run.group()
            if word not in stop and (len(word) > 1 or word.isdigit()):
                result.append(word[:STEM])
        elif len(characters) == 1:
            result.append(characters)
        else:
            result.extend(_bigrams(characters))
    return result


def _bigrams(run: str) -> list[str]:
    pairs = (run[place : place + 2] for place in range(len(run) - 1))
    return [
        pair
        for pair in pairs
        if pair[0] not in _STOP_CHARACTERS and pair[1] not in _STOP_CHARACTERS and _HIRAGANA.fullmatch(pair) is None
    ]


def _bare_arabic(word: str) -> str:
    for prefix in _ARABIC_PREFIXES:
        if word.startswith(prefix) and len(word) > len(prefix) + 2:
            return word[len(prefix) :]
    return word


def is_unspaced(text: str) -> bool:
    """Tell whether most of a text is written in a script that puts no space between words.

    >>> is_unspaced("茶叶的寿命"), is_unspaced("tea 茶")
    (True, False)
    """
    return 2 * len(_UNSPACED.findall(text)) > len(text)


def tokens(text: str) -> int:
    """Estimate the tokens a model's tokenizer would make of `text`: a quarter of its UTF-8 bytes.

    >>> tokens("Four characters each"), tokens("四个字")
    (5, 3)
    """
    return ceil(len(text.encode("utf-8", "replace")) / 4)


def characters(text: str, count: int) -> int:
    """Estimate how many characters of a text like `text` make `count` tokens.

    >>> characters("plain text", 5), characters("四个字", 3)
    (20, 4)
    """
    return count * 4 * len(text) // max(1, len(text.encode("utf-8", "replace")))
