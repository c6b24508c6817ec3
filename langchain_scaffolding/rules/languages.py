"""The language of a text, told by its script and its function words, or not at all."""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

from langchain_scaffolding.rules.stopwords import STOP_WORDS
from langchain_scaffolding.rules.words import WORD

SAMPLE: Final = 6_000
"""Characters that are looked at: function words show within a few sentences."""

# Scripts that one living language with sentences on the web nearly owns.
_OWN_SCRIPT: Final = {
    "ko": "\u1100-\u11ff\u3131-\u318e\uac00-\ud7a3",
    "th": "\u0e01-\u0e5b",
    "el": "\u0370-\u03ff\u1f00-\u1fff",
    "he": "\u0590-\u05ff",
    "ka": "\u10a0-\u10ff",
    "hy": "\u0530-\u058f",
    "ta": "\u0b80-\u0bff",
    "te": "\u0c00-\u0c7f",
    "kn": "\u0c80-\u0cff",
    "ml": "\u0d00-\u0d7f",
    "gu": "\u0a80-\u0aff",
    "km": "\u1780-\u17ff",
    "my": "\u1000-\u109f",
}
_SCRIPTS: Final = {
    **{language: re.compile(f"[{span}]") for language, span in _OWN_SCRIPT.items()},
    "kana": re.compile("[\u3041-\u30ff\uff66-\uff9d]"),
    "han": re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]"),
    "cyrillic": re.compile("[\u0400-\u052f]"),
    "arabic": re.compile("[\u0600-\u06ff\u0750-\u077f]"),
    "devanagari": re.compile("[\u0900-\u097f]"),
    "latin": re.compile("[a-zA-Z\u00c0-\u024f\u1e00-\u1eff]"),
}
_SPOKEN_IN: Final = {
    "cyrillic": ("ru", "uk", "bg"),
    "arabic": ("ar", "fa"),
    "devanagari": ("hi",),
    "latin": (
        "en", "de", "fr", "es", "it", "pt", "nl", "sv", "da", "pl", "cs", "ro", "ca", "tr", "fi", "hu",
        "id", "vi",
    ),
}  # fmt: skip
# How many of these languages share a function word: "de" says little, "the" says much.
_SHARED: Final = Counter(word for languages in _SPOKEN_IN.values() for name in languages for word in STOP_WORDS[name])
# Letters that rule a language out.
_FOREIGN_LETTERS: Final = {
    "ru": re.compile("[іїєґўђјљњћџѓќ]"),
    "bg": re.compile("[ыэёіїєґ]"),
    "ar": re.compile("[پچژگٹڈڑںےۀ]"),
}
_ENOUGH: Final = 1.0
_BY_ONE_WORD: Final = frozenset({"en", "de", "fr", "es", "it", "pt", "ru", "ar"})
"""Languages of which one word is enough; of the others it is likelier a greeting or a name, as "hi" is."""
_CLEARLY: Final = 1.25


def guess_language(text: str) -> str | None:
    """Return the ISO 639-1 code of the language of `text`, `None` where that would be a guess only.

    >>> guess_language("How do I get from the airport to the old town?")
    'en'
    >>> guess_language("茶叶的寿命"), guess_language("これは箱です")
    ('zh', 'ja')
    >>> guess_language("PostgreSQL 17.2")
    """
    sample = text[:SAMPLE]
    counts = {name: len(pattern.findall(sample)) for name, pattern in _SCRIPTS.items()}
    # A character of Chinese or Japanese carries about as much as three Latin letters.
    counts["han"] = 3 * (counts["han"] + counts["kana"])
    kana = 3 * counts.pop("kana")
    script = max(counts, key=lambda name: counts[name])
    if counts[script] == 0 or 2 * counts[script] < sum(counts.values()):
        return None
    if script == "han":
        return "ja" if 10 * kana > counts["han"] else "zh"
    if script in _OWN_SCRIPT:
        return script
    return _by_function_words(sample.casefold(), _SPOKEN_IN[script])


def _by_function_words(sample: str, languages: tuple[str, ...]) -> str | None:
    # one letter alone is a variable, a bullet or an initial as well
    found = Counter(word for word in WORD.findall(sample) if len(word) > 1 or not word.isascii() or word in "aiouey")
    scores = {name: _points(found, name) for name in languages}
    for name in languages:
        foreign = _FOREIGN_LETTERS.get(name)
        if foreign is not None and foreign.search(sample) is not None:
            scores[name] = 0.0
    best, *others = sorted(scores, key=lambda name: scores[name], reverse=True)
    if (
        scores[best] < _ENOUGH
        or (sum(found.values()) == 1 and best not in _BY_ONE_WORD)
        or any(scores[best] < _CLEARLY * scores[o] for o in others)
    ):
        return None
    return best


def _points(found: Counter[str], language: str) -> float:
    stop = STOP_WORDS[language]
    return sum(count / _SHARED[word] for word, count in found.items() if word in stop)
