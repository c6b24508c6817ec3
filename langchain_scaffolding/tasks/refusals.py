"""Refusals: what a model says when it will not or cannot do a task, in the languages it says so."""

from __future__ import annotations

import re
from typing import Final

_UNABLE = r"(?: can(?:no|['’])t|['’]m (?:not able|unable) to| am (?:not able|unable) to)"
_REFUSALS: Final = (
    # English
    (
        r"(?:(?:i(?:['’]m| am) (?:very |really |so )?sorry|sorry|i apologi[sz]e|unfortunately)?[ ,.]*(?:but )?"
        rf"i(?:{_UNABLE}| won['’]t) (?:assist|help|provide|fulfil|comply|create|generate|summari[sz]e|complete|continue"
        r"|process|produce|do that))"
    ),
    (
        rf"i{_UNABLE} (?:access|open|view|see|read)\b.{{0,24}}"
        r"\b(?:text|file|link|document|content|article|attachment|image)"
    ),
    r"as an? (?:ai|artificial intelligence|(?:large )?language model)\b",
    # there was no text, or so it thinks
    r"please (?:provide|share|paste|send)\b.{0,60}\b(?:you(?:['’]d| would)? (?:like|want)|so (?:that )?i can|for me)",
    (
        r"(?:it (?:seems|looks|appears)(?: like| that)?,? )?"
        r"(?:there (?:is|was) no|no|you (?:haven['’]t|have not|didn['’]t|did not)(?: provided?)?(?: any| a| the)?) "
        r"(?:text|content|passage|article)\b(?: (?:was|has been|is))? ?(?:provided|given|to (?:summari[sz]e|work))"
    ),
    # German
    (
        r"(?:es tut mir leid|entschuldigung|leider)[ ,.]*(?:aber )?(?:\w+ ){0,3}?(?:kann ich|ich kann)\b"
        r".{0,60}\b(?:nicht|kein)"
    ),
    r"ich kann (?:dir|ihnen|ihre|deine|dabei|diese\w?|das)\b.{0,40}\bnicht (?:helfen|erfüllen|beantworten)",
    r"als (?:ki|sprachmodell)\b",
    # French
    r"(?:je suis )?(?:désolée?|navrée?)[ ,.]*(?:mais )?je ne (?:peux|puis)\b",
    r"je ne (?:peux|puis) pas (?:vous |t['’])?(?:aid|fourn|répond|résum)",
    r"en tant (?:qu['’](?:ia|intelligence artificielle)\b|que modèle)",
    # Spanish
    r"lo siento[ ,.]*(?:pero )?no puedo|no puedo (?:ayudar|proporcionar|cumplir|resumir)",
    r"como (?:una? )?(?:ia|inteligencia artificial|modelo de lenguaje)\b",
    # Portuguese
    r"(?:sinto muito|desculpe|lamento)[ ,.]*(?:mas )?(?:eu )?não posso|não posso (?:ajudar|fornecer|cumprir|resumir)",
    r"como (?:uma? )?(?:inteligência artificial|modelo de linguagem)\b",
    # Italian
    r"mi dispiace[ ,.]*(?:ma )?(?:io )?non posso|non posso (?:aiutar|fornire|riassumere)",
    # Russian
    r"(?:извините|простите|к сожалению|прошу прощения)[ ,.]*(?:но )?я не (?:могу|умею)",
    r"я не могу (?:помочь|выполнить|предоставить)|как (?:языковая модель|искусственный интеллект)",
    # Chinese, Japanese, Arabic
    r"(?:对不起|很?抱歉|非常抱歉|不好意思)[，,。！ ]*(?:但是?)?我?(?:无法|不能|没办法)",
    r"我(?:无法|不能)(?:帮助|协助|提供|回答|满足|完成|总结)|作为(?:一个|一名)?(?:人工智能|ai|大?语言模型)",
    r"(?:申し訳(?:ありません|ございません)|すみません|ごめんなさい).{0,40}(?:できません|できかねます)",
    r"(?:عذر[اً]+|آسف|أعتذر|للأسف)[ ،,.]*(?:و?لكن )?لا (?:أستطيع|يمكنني)|بصفتي (?:نموذج|ذكاء)",
)
_REFUSAL: Final = re.compile("|".join(_REFUSALS), re.IGNORECASE)


def refuses(answer: str) -> bool:
    """Whether an answer begins by refusing the task, or by asking for a text that it was given.

    Example:
        >>> refuses("Es tut mir leid, aber dabei kann ich nicht helfen."), refuses("Leider kann die Stadt nicht bauen.")
        (True, False)
        >>> refuses("Please provide the text you'd like me to summarize."), refuses("Please provide proof of payment.")
        (True, False)
    """
    return _REFUSAL.match(answer.lstrip(" *_#\"'“")) is not None
