"""What an e-mail carries beside what it says: headers, quoted mails, signatures."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

_HEADER: Final = re.compile(
    r"(?:from|to|cc|bcc|date|sent|reply-to|message-id|von|an|datum|gesendet|de|à|a|para|da|data|fecha|enviado|inviato"
    r"|envoyé|от|кому|дата|发件人|收件人|抄送|日期|差出人|宛先|日時|من|إلى|التاريخ)[ \t]?[:：](?:\s|$)",
    re.IGNORECASE,
)
_SUBJECT: Final = re.compile(
    r"(?:subject|betreff|objet|asunto|assunto|oggetto|тема|主题|件名|الموضوع)[ \t]?[:：]\s*"
    r"(?:(?:re|aw|fwd?|wg|tr|rv|enc|r|i|ответ|回复|转发)[ \t]?[:：]\s*){0,4}(?P<text>.*)",
    re.IGNORECASE,
)
_INTRODUCTION: Final = re.compile(
    r".*(?:\d.*\b(?:wrote|schrieb|escribió|escreveu|ha scritto|a écrit|написал\w*)\b|写道|書きました|كتب).*[:：]$",
    re.IGNORECASE,
)
_FORWARDED: Final = re.compile(
    r"-{3,}\s*(?:original message|forwarded message|ursprüngliche nachricht|weitergeleitete nachricht|message d'origine"
    r"|mensaje original|mensagem original|messaggio originale|исходное сообщение)\s*-{3,}$",
    re.IGNORECASE,
)
_FEWEST_HEADERS: Final = 2
_LONGEST_SIGNATURE: Final = 12
_WIDEST_SIGNATURE: Final = 100
_LONGEST_INTRODUCTION: Final = 300
_NEAR: Final = 4
"""Lines within which a quotation follows on its introduction."""
_FAR: Final = 40
"""Lines around a signature that are looked at."""


def without_envelope(text: str) -> str:
    r"""Return what the writer of a mail says, behind its subject as a heading; any other text as it is.

    Headers are left out, quoted mails that are introduced ("On 3 May, Tom wrote:"), forwarded ones, and signatures
    below a line of two dashes. Other quoted lines lose their mark. A mail that holds nothing else stays whole.

    >>> print(without_envelope("From: Ann\nSubject: Re: Lunch\n\nAt noon.\n\nOn 3 May, Tom wrote:\n> When?"))
    # Lunch
    <BLANKLINE>
    At noon.
    """
    lines = text.split("\n")
    subject, start = _headers(lines)
    own = _own_lines(lines[start:])
    if not any(map(_says_something, own)):
        return text
    return "\n".join([f"# {subject}", "", *own] if subject else own).strip("\n")


def _headers(lines: Sequence[str]) -> tuple[str, int]:
    """Return the subject and where the mail itself begins: at 0 if it has no headers."""
    subject, count = "", 0
    for place, line in enumerate(lines):
        found = _SUBJECT.fullmatch(line.strip())
        if found is not None:
            subject = found["text"].strip()
        elif _HEADER.match(line) is None and not (count and line[:1] in {" ", "\t"} and line.strip()):
            if not line.strip() and not count:
                continue
            return (subject, place) if count >= _FEWEST_HEADERS and not line.strip() else ("", 0)
        count += 1
    return "", 0


def _own_lines(lines: Sequence[str]) -> list[str]:
    """Return the lines that the writer wrote."""
    own: list[str] = []
    is_introduced = False
    for place, line in enumerate(lines):
        bare = line.strip()
        if _FORWARDED.match(bare) or (bare == "--" and _is_signature(own, lines[place + 1 : place + _FAR])):
            break
        if bare.startswith(">"):
            if not is_introduced:
                own.append(bare.lstrip("> "))
        elif _is_introduction(bare) and any(each.startswith(">") for each in lines[place + 1 : place + _NEAR]):
            is_introduced = True
        else:
            own.append(line)
            is_introduced = is_introduced and not bare
    return own


def _is_introduction(line: str) -> bool:
    """Tell whether a line says who wrote what follows; no paragraph does, and the pattern takes long over one."""
    return len(line) <= _LONGEST_INTRODUCTION and _INTRODUCTION.match(line) is not None


def _is_signature(above: Sequence[str], below: Sequence[str]) -> bool:
    """Tell whether what stands below two dashes is short, as lines and as a whole."""
    found = [line for line in below if line.strip() and not line.startswith(">")]
    is_short = len(found) <= _LONGEST_SIGNATURE and all(len(line) <= _WIDEST_SIGNATURE for line in found)
    return is_short and sum(map(len, found)) < 2 * sum(map(len, above[-_FAR:]))


def _says_something(line: str) -> bool:
    return any(map(str.isalnum, line))
