"""The only words a rule adds: a few labels and honest notes, in the language of the text."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

Label: TypeAlias = Literal["given", "question", "topic"]
Reason: TypeAlias = Literal["no_model", "no_text", "too_short", "nothing_found"]

_LABELS: Final[dict[str, dict[Label, str]]] = {
    "en": {"given": "Given", "question": "Question", "topic": "Topic"},
    "de": {"given": "Gegeben", "question": "Frage", "topic": "Thema"},
    "fr": {"given": "Donnée", "question": "Question", "topic": "Sujet"},
    "es": {"given": "Dato", "question": "Pregunta", "topic": "Tema"},
    "pt": {"given": "Dado", "question": "Pergunta", "topic": "Tema"},
    "it": {"given": "Dato", "question": "Domanda", "topic": "Tema"},
    "ru": {"given": "Дано", "question": "Вопрос", "topic": "Тема"},
    "zh": {"given": "已知", "question": "问题", "topic": "主题"},
    "ja": {"given": "前提", "question": "問い", "topic": "話題"},
    "ar": {"given": "المعطى", "question": "السؤال", "topic": "الموضوع"},
}

_NOTES: Final[dict[str, dict[Reason, str]]] = {
    "en": {
        "no_model": "[Automatic note] No model could answer this.",
        "no_text": "[Automatic note] There is no text to work on.",
        "too_short": "[Automatic note] The text is too short to condense.",
        "nothing_found": "[Automatic note] The text holds nothing that fits here.",
    },
    "de": {
        "no_model": "[Automatischer Hinweis] Kein Modell konnte antworten.",
        "no_text": "[Automatischer Hinweis] Es gibt keinen Text zum Bearbeiten.",
        "too_short": "[Automatischer Hinweis] Der Text ist zu kurz, um ihn zu kürzen.",
        "nothing_found": "[Automatischer Hinweis] Der Text enthält nichts, was hier passt.",
    },
    "fr": {
        "no_model": "[Note automatique] Aucun modèle n’a pu répondre.",
        "no_text": "[Note automatique] Il n’y a pas de texte à traiter.",
        "too_short": "[Note automatique] Le texte est trop court pour être condensé.",
        "nothing_found": "[Note automatique] Le texte ne contient rien qui convienne ici.",
    },
    "es": {
        "no_model": "[Nota automática] Ningún modelo pudo responder.",
        "no_text": "[Nota automática] No hay texto que tratar.",
        "too_short": "[Nota automática] El texto es demasiado corto para condensarlo.",
        "nothing_found": "[Nota automática] El texto no contiene nada que encaje aquí.",
    },
    "pt": {
        "no_model": "[Nota automática] Nenhum modelo conseguiu responder.",
        "no_text": "[Nota automática] Não há texto para tratar.",
        "too_short": "[Nota automática] O texto é curto demais para ser condensado.",
        "nothing_found": "[Nota automática] O texto não contém nada que sirva aqui.",
    },
    "it": {
        "no_model": "[Nota automatica] Nessun modello ha potuto rispondere.",
        "no_text": "[Nota automatica] Non c’è testo da elaborare.",
        "too_short": "[Nota automatica] Il testo è troppo breve per essere condensato.",
        "nothing_found": "[Nota automatica] Il testo non contiene nulla di adatto.",
    },
    "ru": {
        "no_model": "[Автоматическая пометка] Ни одна модель не смогла ответить.",
        "no_text": "[Автоматическая пометка] Нет текста для обработки.",
        "too_short": "[Автоматическая пометка] Текст слишком короткий, чтобы его сжать.",
        "nothing_found": "[Автоматическая пометка] В тексте нет ничего подходящего.",
    },
    "zh": {
        "no_model": "[自动提示] 没有模型能够回答。",
        "no_text": "[自动提示] 没有可处理的文本。",
        "too_short": "[自动提示] 文本太短，无法压缩。",
        "nothing_found": "[自动提示] 文本中没有合适的内容。",
    },
    "ja": {
        "no_model": "[自動メッセージ] 回答できるモデルがありませんでした。",
        "no_text": "[自動メッセージ] 処理する文章がありません。",
        "too_short": "[自動メッセージ] 文章が短く、要約できません。",
        "nothing_found": "[自動メッセージ] 文章に該当する内容がありません。",
    },
    "ar": {
        "no_model": "[ملاحظة آلية] لم يتمكن أي نموذج من الإجابة.",
        "no_text": "[ملاحظة آلية] لا يوجد نص للمعالجة.",
        "too_short": "[ملاحظة آلية] النص أقصر من أن يختصر.",
        "nothing_found": "[ملاحظة آلية] لا يحتوي النص على ما يناسب هنا.",
    },
}


def label(name: Label, language: str | None) -> str | None:
    """Return a label in `language`, `None` in a language that has none here.

    >>> label("question", "de"), label("question", "fi")
    ('Frage', None)
    """
    return None if language is None else _LABELS.get(language, {}).get(name)


def labelled(name: Label, text: str, language: str | None) -> str:
    """Return `text` behind its label, or alone in a language without labels.

    >>> labelled("question", "Warum?", "de")
    'Frage: Warum?'
    """
    word = label(name, language)
    if word is None:
        return text
    return f"{word}\uff1a{text}" if language in {"zh", "ja"} else f"{word}: {text}"


def note(reason: Reason, language: str | None) -> str:
    """Return the note that says why there is no answer, in English where the language has none.

    >>> note("no_text", None)
    '[Automatic note] There is no text to work on.'
    """
    return _NOTES.get(language or "en", _NOTES["en"])[reason]
