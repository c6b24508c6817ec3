"""Numbers and names: whether those of an answer stand in its source."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from langchain_scaffolding.rules.languages import guess_language
from langchain_scaffolding.rules.stopwords import STOP_WORDS
from langchain_scaffolding.rules.words import WORD

_NUMBER: Final = re.compile(r"\d+(?:[.,'’\u00a0\u202f]\d+)*")
_PROSE = 2
"""So many words in lower case, beside function words, show that capitals are not just those of a title."""
_COUNTED = 12
"""Up to here a number may be counted or spelled out differently: "three reasons", "12 points"."""

_SCALES: Final = tuple(Decimal(10) ** exponent for exponent in (0, 3, 6, 9, 12, -2, 2))
# A source that spells numbers out may be told in digits. Of words in the first list alone no number of four digits is
# made, unless one follows on the other, as in "twenty twenty-four".
_SMALL_WORDS: Final = (
    r"(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|dozen)s?"
    r"|zwanzig|dreißig|vierzig|fünfzig|sechzig|siebzig|achtzig|neunzig|hundert|dutzend"
    r"|vingts?|trente|quarante|cinquante|soixante|cents?|douzaine"
    r"|veinte|treinta|cuarenta|cincuenta|sesenta|setenta|ochenta|noventa|cien(?:to|tos|tas)?"
    r"|vinte|trinta|quarenta|cinquenta|cem|cento|venti|trenta|quaranta|cinquanta|двадцать|тридцать|сорок|пятьдесят|сто"
)
_SMALL: Final = re.compile(_SMALL_WORDS)
_SMALL_PAIR: Final = re.compile(rf"\b(?:{_SMALL_WORDS})\s+(?:{_SMALL_WORDS})\b")
_LARGE: Final = re.compile(
    r"\w*(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand|million|billion|dozen|teen)s?"
    r"|\w*(?:zwanzig|dreißig|vierzig|fünfzig|sechzig|siebzig|achtzig|neunzig|hundert|tausend|million|milliarde|dutzend)\w*"
    r"|mille|millions?|milliards?|mil(?:es)?|millón|millones|milhão|milhões|mila|milioni"
    r"|двести|тысяч\w*|миллион\w*|миллиард\w*|.*[十百千万億亿].*|.*(?:مائة|مئة|ألف|مليون).*"
)
_COUNTED_UNIT: Final = re.compile(r"(?<=\d)[ \u00a0]\w+")
"""What "million" is in "1.2 million": no number spelled out."""
_OTHER_DIGIT: Final = re.compile(r"[^\D0-9]")
_THOUSAND = 1000
_CALENDAR: Final = frozenset(
    {
        "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
        "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
        "december",
    }
)  # fmt: skip
_SENTENCE_START: Final = re.compile(r"(?:^|[.!?:;\n\"“”(\[—–-])[\s\"“'‘(*_]*$")
_QUOTED: Final = re.compile(r"[\"“«「]([^\"”»」]{2,80})[\"”»」]")
_CAPITALISED: Final = re.compile(r"[^\W\d_][\w’'-]*")


def invented_numbers(answer: str, source: str) -> list[str]:
    """The numbers of an answer that its source neither holds nor rounds to.

    Numbers up to 12 may be counted, and a source that spells numbers out may be told in digits; neither is reported.
    Where it only says "twenty" or "hundred", numbers from a thousand are.

    Example:
        >>> invented_numbers("It cost 1.2 million in 2023.", "In 2023 the bridge cost 1,234,567 euros.")
        []
        >>> invented_numbers("It cost 5 million in 2024.", "In 2023 the bridge cost 1,234,567 euros.")
        ['2024']
    """
    found = _numbers(answer)
    least = _blind_to(source) if found else None
    if least is None:
        return []
    known = {value for values in _numbers(source).values() for value in values}
    return [
        text
        for text, readings in found.items()
        if min(readings) > least and not any(_is_among(value, known) for value in readings)
    ]


def _blind_to(source: str) -> int | None:
    """Up to which number a source may have been told in digits; `None` if it spells out numbers of any size."""
    plain = _COUNTED_UNIT.sub("", source.casefold())
    # told by the words of the source, each once: a search in the text itself takes seconds on a long one
    words = set(WORD.findall(plain))
    unlike = {word for word in words if _SMALL.fullmatch(word) is None}
    if any(map(_LARGE.fullmatch, unlike)) or _SMALL_PAIR.search(plain) is not None:
        return None
    return _COUNTED if len(unlike) == len(words) else _THOUSAND


def _numbers(text: str) -> dict[str, set[Decimal]]:
    """The numbers of a text with their readings: "1.234" is a thousand and some, or one and some."""
    digits = _OTHER_DIGIT.sub(lambda match: str(unicodedata.decimal(match.group())), text)
    return {match.group(): _readings(match.group()) for match in _NUMBER.finditer(digits)}


def _readings(number: str) -> set[Decimal]:
    *before, last = re.split(r"\D", number)
    whole = "".join(before)
    return {Decimal(whole + last), Decimal(f"{whole or last}.{last if before else 0}")}


def _is_among(value: Decimal, known: Iterable[Decimal]) -> bool:
    """Whether a number is one of those known, at any scale, rounded to the digits that it shows."""
    _, _, fraction = str(value).partition(".")
    half = Decimal(1).scaleb(-len(fraction)) / 2
    return any(abs(other / scale - value) <= half for other in known for scale in _SCALES)


def invented_names(answer: str, source: str) -> list[str]:
    """The names of an answer in prose that its source does not hold; none where capitals do not mark names.

    A name is a capitalised word inside a sentence. German writes every noun so, and titles every word: there nothing is
    reported. Neither are words that share their stem with the source ("French" and "France"), initials of the source,
    and days and months.

    Example:
        >>> source = "The bridge was opened by Maria Lopez, who leads the city council."
        >>> invented_names("On Monday the bridge was opened by Mayor John Miller.", source)
        ['Mayor', 'John', 'Miller']
    """
    language = guess_language(answer)
    if language in {None, "de"} or language not in STOP_WORDS:
        return []
    stems = {word[:4] for word in (term.casefold() for term in WORD.findall(source))}
    initials = "".join(word[0] for word in WORD.findall(source)).casefold()
    content = [match for match in _CAPITALISED.finditer(answer) if match.group().casefold() not in STOP_WORDS[language]]
    capitalised = [match for match in content if match.group()[0].isupper()]
    if len(content) - len(capitalised) < _PROSE:
        return []
    names = [match.group() for match in capitalised if not _SENTENCE_START.search(answer[: match.start()])]
    return [name for name in dict.fromkeys(names) if not _is_known(name, stems, initials)]


def _is_known(name: str, stems: set[str], initials: str) -> bool:
    word = name.casefold()
    return (
        word[:4] in stems
        or word in _CALENDAR
        or (name.isupper() and word in initials)
        or any(part[:4] in stems for part in re.split(r"[-’']", word) if part)
    )


def lost_terms(answer: str, source: str) -> list[str]:
    """What a rewritten query must keep and did not: the numbers, quoted phrases and names of the query.

    Example:
        >>> lost_terms("cheap hotels in the city", 'what are some cheap hotels in "Old Town" Lisbon for 2 nights')
        ['2', 'Old Town', 'Lisbon']
    """
    said = answer.casefold()
    kept = {value for values in _numbers(answer).values() for value in values}
    lost = [text for text, readings in _numbers(source).items() if not readings & kept]
    lost += [phrase for phrase in _QUOTED.findall(source) if phrase.casefold() not in said]
    language = guess_language(source)
    stop = STOP_WORDS.get(language or "", frozenset())
    words = [match for match in _CAPITALISED.finditer(source) if match.group().casefold() not in stop]
    names = [match.group() for match in words if match.group()[0].isupper() and match.start() > 0]
    if 2 * len(names) > len(words) or language == "de":
        return lost
    stems = {term.casefold()[:4] for term in WORD.findall(answer)}
    told = " ".join(lost)
    return lost + [name for name in dict.fromkeys(names) if name.casefold()[:4] not in stems and name not in told]
