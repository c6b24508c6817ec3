"""Phrases that models put before and after an answer, in the languages they do it in."""

from __future__ import annotations

import re
from typing import Final

_OCCASIONS: Final = (
    "as requested", "as you requested", "per your request", "based on", "after reading", "after reviewing",
    "thank you for", "thanks for",
)  # fmt: skip
_INTERJECTIONS: Final = (
    "sure", "sure thing", "certainly", "of course", "absolutely", "definitely", "okay", "ok", "alright", "all right",
    "great", "got it", "no problem", "understood", "happy to help", "glad to help", "i'd be happy to help",
    "klar", "natürlich", "gerne", "selbstverständlich", "bien sûr", "d'accord", "avec plaisir", "claro", "claro que sí",
    "por supuesto", "con gusto", "desde luego", "claro que sim", "com certeza", "certo", "certamente", "va bene",
    "конечно", "хорошо", "разумеется", "当然", "当然可以", "好的", "没问题", "もちろん", "もちろんです", "はい",
    "承知しました", "かしこまりました", "بالطبع", "بالتأكيد", "حسنًا", "حسنا",
)  # fmt: skip
_INTRODUCTIONS: Final = (
    "here is", "here are", "here's", "here’s", "below is", "below are", "the following is", "the following are",
    "this is the", "this is a", "these are the", "hier ist", "hier sind", "hier kommt", "im folgenden", "nachfolgend",
    "voici", "voilà", "ci-dessous", "aquí está", "aquí están", "aquí tienes", "a continuación", "este es", "aqui está",
    "aqui estão", "a seguir", "segue", "ecco", "di seguito", "questo è", "вот", "ниже", "以下是", "这是", "以下は",
    "以下に", "こちらが", "إليك", "فيما يلي", "هذا هو",
)  # fmt: skip
_PRODUCTS: Final = (
    "answer|response|summary|outline|list|title|headline|plan|steps?|points?|structure|sections?|scaffold|reasoning"
    "|continuation|completion|passage|text|version|rewrite|rewritten|query|question|bullets?"
    "|antwort|zusammenfassung|gliederung|liste|titel|überschrift|schritte|punkte|struktur|fortsetzung|fassung|anfrage"
    "|réponse|résumé|titre|étapes|suite|requête|respuesta|resumen|esquema|título|pasos|puntos|continuación|consulta"
    "|resposta|resumo|esboço|passos|pontos|continuação|riassunto|schema|titolo|passaggi|punti|ответ|резюме|план|список"
    "|заголовок|шаги|структура|продолжение|запрос|总结|摘要|大纲|标题|步骤|列表|要約|概要|タイトル|手順|ملخص|عنوان|خطوات"
)
_CLOSING_STARTS: Final = (
    "note", "please note", "word count", "total word", "---", "===",
    "let me know", "please let me know", "i hope", "hope this helps", "feel free to", "please feel free",
    "would you like me to", "do you want me to", "is there anything else", "if you", "should you", "need any",
    "ich hoffe", "lass mich wissen", "lassen sie mich wissen", "möchtest du, dass ich", "möchten sie, dass ich",
    "n'hésite", "j'espère que", "faites-moi savoir", "espero que", "déjame saber", "avísame", "avise-me", "me avise",
    "spero che", "fammi sapere", "надеюсь", "дайте знать", "如果您", "如果你", "希望这", "希望对", "何かご不明",
    "أتمنى أن",
)  # fmt: skip
_CLOSING: Final = re.compile(
    r"(?:-{3,}|={3,})\s*$|(?:total )?word count\b.{0,6}\d"
    r"|(?:please )?note(?: that)?\b[:*]{0,3} .{0,60}"
    r"\b(?:(?:this|the|my) (?:summary|outline|title|answer|response|list|query)"
    r"|i (?:have |['’]ve )?(?:left|kept|used|tried|omitted|did|made))\b"
    r"|(?:please )?let me know\b(?! (?:that|how much|who)\b)|(?:i )?hope (?:this|that|it|these)\b.{0,40}"
    r"\b(?:helps?|useful|works|suits|meets|answers|clear)\b"
    r"|(?:please )?feel free to (?:ask|reach|let|contact|request|adjust|modify|share|customi[sz]e)\b"
    r"|(?:would you like|do you want) me to\b|is there anything else (?:i|you)\b"
    r"|(?:if you|should you|need any)\b.{0,120}\b(?:let me know|i can|i['’](?:d|ll|m)|i am|feel free|ask me|happy to)\b"
    r"|ich hoffe,? .{0,40}\b(?:hilft|hilfreich|nützlich)\b|lass(?:en sie)? mich wissen\b"
    r"|möchte(?:st du|n sie),? dass ich\b"
    r"|n['’]hésite[zs]? pas à (?:me|demander|poser)\b|j['’]espère que (?:cela|ce|cette).{0,40}\b(?:aide|aidera|utile)"
    r"|espero que (?:esto|te|le|isso|isto|ajude)\b.{0,40}(?:ayud|útil|ajud|sirv)|d[ée]jame saber\b|avísame si\b"
    r"|avise-me\b"
    r"|spero che (?:questo|ti|sia)\b.{0,40}(?:aiut|util)|fammi sapere\b|надеюсь, .{0,40}помо|дайте (?:мне )?знать\b"
    r"|如果[您你]需要.{0,40}(?:告诉我|请|可以)|希望(?:这|对).{0,20}(?:帮助|有用)|何かご不明"
    r"|أتمنى أن .{0,30}(?:مفيد|يساعد)",
    re.IGNORECASE,
)
LONGEST_PREAMBLE: Final = 480
"""No preamble is longer than this, in characters: each part of the patterns below is bounded."""


def _any_of(phrases: tuple[str, ...]) -> str:
    return "|".join(re.escape(phrase) for phrase in sorted(phrases, key=len, reverse=True))


_SPOKEN = rf"(?:{_any_of(_INTERJECTIONS)})(?:[,!.]? (?:i can|i'll|i will|let me)\b[^.!:\n]{{0,60}})?[ \t]{{0,4}}"
_INTRODUCED = (
    rf"(?:{_any_of(_INTRODUCTIONS)})(?:"
    # a line that ends with a colon, or one that names what follows
    r"[^\n:：]{0,200}[:：][*_]{0,2}[ \t]{0,8}\n\s{0,8}"
    rf"|[^\n:：.!?。]{{0,60}}(?:{_PRODUCTS})[^\n:：.!?。]{{0,60}}(?:[:：]\s{{0,8}}|[.。][ \t]{{0,8}}\n\s{{0,8}}))"
)
PREAMBLES: Final = (
    # "Sure, the river rose" begins an answer; "Sure!" and "Sure, here is the summary:" do not
    re.compile(rf"{_SPOKEN}[,，、،][ \t]{{0,4}}{_INTRODUCED}", re.IGNORECASE),
    re.compile(rf"{_SPOKEN}[!.:。！：]{{1,3}}\s{{0,8}}", re.IGNORECASE),
    re.compile(rf"(?:{_any_of(_OCCASIONS)})[^\n.:!?,]{{0,80}}[,.!][ \t]{{0,4}}{_INTRODUCED}", re.IGNORECASE),
    re.compile(_INTRODUCED, re.IGNORECASE),
    re.compile(
        r"(?:#{1,4}[ \t])?assistant[:：]\s{0,8}"
        r"|#{1,4}[ \t](?:response|answer|output)[:：]?[ \t]{0,8}\n\s{0,8}",
        re.IGNORECASE,
    ),
)
"""What a model says before its answer."""

_STARTS: Final = tuple(sorted({*_OCCASIONS, *_INTERJECTIONS, *_INTRODUCTIONS, "assistant"}))
_HEADS: Final = ("assistant", "response", "answer", "output")


def may_be_preamble(start: str) -> bool:
    """Whether the beginning of an answer, in lower case, is or may still turn out to be a preamble."""
    bare = start.lstrip("# \t")
    phrases = _STARTS if bare == start else _HEADS
    return any(bare.startswith(phrase) or phrase.startswith(bare) for phrase in phrases)


def is_closing(sentence: str) -> bool:
    """Whether what begins here offers help or hopes to have helped.

    Example:
        >>> is_closing("Let me know if you need more!"), is_closing("If you need a permit, apply by May.")
        (True, False)
    """
    return _CLOSING.match(sentence.lstrip(" *_(")) is not None


def may_be_closing(sentence: str) -> bool:
    """Whether the beginning of a sentence is, or may still turn out to be, that of a closing."""
    start = sentence.lstrip(" *_(").lower()
    return any(start.startswith(phrase) or phrase.startswith(start) for phrase in _CLOSING_STARTS)
