"""The language of an answer: named to the model beforehand, checked afterwards."""

from __future__ import annotations

from typing import Final

from langchain_scaffolding.rules.languages import guess_language
from langchain_scaffolding.rules.stopwords import STOP_WORDS
from langchain_scaffolding.rules.words import WORD, words

_NAMES: Final = {
    "ar": "Arabic", "bg": "Bulgarian", "ca": "Catalan", "cs": "Czech", "da": "Danish", "de": "German", "el": "Greek",
    "en": "English", "es": "Spanish", "fa": "Persian", "fi": "Finnish", "fr": "French", "gu": "Gujarati",
    "he": "Hebrew", "hi": "Hindi", "hu": "Hungarian", "hy": "Armenian", "id": "Indonesian", "it": "Italian",
    "ja": "Japanese", "ka": "Georgian", "km": "Khmer", "kn": "Kannada", "ko": "Korean", "ml": "Malayalam",
    "my": "Burmese", "nl": "Dutch", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian", "ru": "Russian",
    "sv": "Swedish", "ta": "Tamil", "te": "Telugu", "th": "Thai", "tr": "Turkish", "uk": "Ukrainian",
    "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip

# Languages that share so many words that a short text may be taken for the other.
_ALIKE: Final = (
    frozenset({"es", "pt", "ca", "it"}),
    frozenset({"da", "sv"}),
    frozenset({"ru", "uk", "bg"}),
    frozenset({"ar", "fa"}),
    frozenset({"zh", "ja"}),
)
_ENOUGH_WORDS = 4
_ENOUGH_FUNCTION_WORDS = 2


def language_to_write(text: str) -> str:
    """The language of a text as a phrase for a prompt.

    Example:
        >>> language_to_write("Der Zug fuhr nach dem Sturm nicht mehr."), language_to_write("???")
        ('German', 'the language of the text')
    """
    return _NAMES.get(guess_language(text) or "", "the language of the text")


def another_language(answer: str, source: str) -> str | None:
    """The name of the language of an answer that is clearly not that of its source; `None` where that is not certain.

    Words that stand in the source do not count, so names and quotations in another language raise no alarm.

    Example:
        >>> source = "Der Zug fuhr nach dem Sturm nicht mehr, weil die Gleise unter Wasser standen."
        >>> another_language("The train did not run because of the storm.", source)
        'English'
        >>> another_language("The Rise and Fall of Rome", "Rezension von The Rise and Fall of Rome, einem Buch.")
    """
    spoken = guess_language(source)
    if spoken is None:
        return None
    known = {word.casefold() for word in WORD.findall(source)}
    own = " ".join(word for word in WORD.findall(answer) if word.casefold() not in known)
    found = guess_language(own)
    if found is None or found == spoken or not _is_certain(own, found):
        return None
    if any({found, spoken} <= alike for alike in _ALIKE):
        return None
    return _NAMES.get(found, found)


def _is_certain(text: str, language: str) -> bool:
    """Whether a text is long enough for its guessed language to be more than a coincidence of letters."""
    found = words(text.casefold())
    function_words = [word for word in found if len(word) > 1 and word in STOP_WORDS.get(language, ())]
    is_spaced = len(found) <= len(text.split())
    return len(found) >= _ENOUGH_WORDS and (not is_spaced or len(function_words) >= _ENOUGH_FUNCTION_WORDS)
