"""Words that show what a clause does: give a reason, set a condition, object, conclude, ask to act."""

from __future__ import annotations

import re
from typing import Final

# What opens a reason, a condition, an objection or a given fact.
_OPENERS: Final[dict[str, str]] = {
    "en": "because|since|as a result of|due to|owing to|if|unless|provided|assuming|as long as|in case|but"
    "|however|although|though|yet|nevertheless|on the other hand|while|whereas|given|considering"
    "|we have|there are|there is",
    "de": "weil|da|denn|wegen|aufgrund|wenn|falls|sofern|vorausgesetzt|solange|aber|jedoch|doch|obwohl"
    "|allerdings|dennoch|trotzdem|während|andererseits|angesichts|gegeben|wir haben|es gibt",
    "fr": "parce que|car|puisque|à cause de|grâce à|comme|si|à condition|à moins que|en cas de|pourvu que"
    "|mais|cependant|pourtant|toutefois|bien que|en revanche|tandis que|néanmoins|étant donné|vu que"
    "|sachant que|nous avons|il y a",
    "es": "porque|ya que|puesto que|debido a|pues|si|a menos que|siempre que|en caso de|salvo que|pero"
    "|sin embargo|aunque|no obstante|en cambio|mientras que|dado que|teniendo en cuenta|considerando"
    "|tenemos|hay",
    "pt": "porque|pois|já que|visto que|devido a|por causa|se|a menos que|desde que|caso|mas|porém|contudo"
    "|embora|no entanto|todavia|enquanto|dado que|considerando|tendo em conta|temos|há",
    "it": "perché|poiché|siccome|dato che|a causa di|grazie a|se|a meno che|purché|nel caso|qualora|ma|però"
    "|tuttavia|sebbene|benché|anche se|invece|mentre|considerando|tenendo conto|visto che|abbiamo"
    "|ci sono|c'è|c’è",
    "ru": "потому что|так как|поскольку|из-за|ибо|благодаря|если|при условии|в случае|когда|но|однако|хотя"
    "|зато|тем не менее|несмотря|учитывая|с учётом|имеется|у нас|у меня",
    "zh": "因为|由于|如果|要是|假如|只要|一旦|但是|但|然而|不过|虽然|尽管|可是|考虑到|鉴于|已知|我们有",
    "ja": "なぜなら|というのは|もし|仮に|万一|しかし|だが|ただし|ところが|けれども|一方|現在|前提として",
    "ar": "لأن|لأنه|لأنها|بسبب|نظرا|إذا|لو|إن|في حال|بشرط|لكن|ولكن|غير أن|بينما|رغم|مع ذلك|بالنظر إلى|علما|لدينا|هناك",
}
# What opens a conclusion.
_CONCLUSIONS: Final[dict[str, str]] = {
    "en": "therefore|so|thus|hence|consequently|as a result|that is why|this is why",
    "de": "deshalb|daher|also|somit|folglich|darum|deswegen",
    "fr": "donc|ainsi|c'est pourquoi|c’est pourquoi|par conséquent|alors",
    "es": "por eso|por lo tanto|por tanto|así que|entonces|en consecuencia",
    "pt": "por isso|portanto|assim|logo|então|por conseguinte",
    "it": "quindi|perciò|dunque|pertanto|per questo|allora",
    "ru": "поэтому|следовательно|значит|таким образом|итак",
    "zh": "因此|所以|于是|总之",
    "ja": "だから|したがって|そのため|よって|つまり",
    "ar": "لذلك|وبالتالي|إذن|ولهذا|من ثم",
}
# What states a duty, a request, a decision or a date to meet.
_ACTIONS: Final[dict[str, str]] = {
    "en": "must|should|shall|need to|needs to|have to|has to|please|will|by (?:monday|tuesday|wednesday"
    "|thursday|friday|saturday|sunday|tomorrow)|deadline|recommend\\w*|agreed to|decided to|required",
    "de": "muss|müssen|soll|sollen|sollte|sollten|bitte|wird|werden|frist|bis zum|empfehl\\w*|fordere"
    "|beschloss\\w*|erforderlich|notwendig",
    "fr": "doit|doivent|devez|devrait|devra|il faut|veuillez|merci de|avant le|délai|recommand\\w*"
    "|s'engage|s’engage|décid\\w*|prière de",
    "es": "debe|deben|debería|hay que|tiene que|tienen que|por favor|antes del|plazo|recom\\w*|se decidió"
    "|conviene|hace falta",
    "pt": "deve|devem|deveria|é preciso|tem de|tem que|por favor|até|prazo|recomend\\w*|propõe-se"
    "|decidiu\\w*|é necessário",
    "it": "deve|devono|dovrebbe|bisogna|occorre|per favore|entro|scadenza|raccomand\\w*|conviene|deciso|è necessario",
    "ru": "нужно|надо|необходимо|должен|должна|должны|следует|прошу|пожалуйста|срок|до конца|требуется"
    "|рекоменд\\w*|решили|решено",
    "zh": "必须|应当|应该|需要|请|务必|截止|之前|建议|决定",
    "ja": "必要|べき|ください|までに|締め切り|期限|お願い|なければ|予定|決定",
    "ar": "يجب|ينبغي|نرجو|يرجى|من فضلك|قبل|موعد|نطلب|نوصي|يلزم|قرر",
}
# What may be dropped from the front of a sentence that is shown without its neighbours.
_CONNECTIVES: Final[dict[str, str]] = {
    "en": "however|therefore|moreover|furthermore|in addition|also|thus|hence|consequently|as a result"
    "|for example|for instance|of course|first|second|third|finally|then|next|so|and|but|in fact"
    "|indeed|meanwhile|nevertheless|on the other hand",
    "de": "allerdings|außerdem|zudem|jedoch|also|ferner|zum Beispiel|erstens|zweitens|drittens|schließlich",
    "fr": "cependant|toutefois|en effet|de plus|en outre|par exemple|enfin|ensuite|d'abord|donc|pourtant"
    "|par conséquent|à l'inverse|en revanche",
    "es": "sin embargo|además|por lo tanto|por ejemplo|en cambio|por último|finalmente|primero|segundo"
    "|tercero|no obstante|así",
    "pt": "no entanto|além disso|por isso|portanto|por exemplo|contudo|finalmente|porém|antes de mais|depois|assim",
    "it": "tuttavia|inoltre|quindi|perciò|per esempio|ad esempio|infine|infatti|però|dunque|anzitutto",
    "ru": "однако|кроме того|поэтому|например|таким образом|наконец|во-первых|во-вторых|итак|впрочем",
    "zh": "但是|然而|不过|因此|所以|另外|此外|首先|其次|然后|最后|例如|于是",
    "ja": "しかし|また|さらに|そのため|したがって|例えば|ただし|なお|さて|そして|まず|次に|最後に",
    "ar": "ومع ذلك|لذلك|على سبيل المثال|أخيرا|أولا|ثانيا|ثالثا|بالإضافة إلى ذلك",
}
_WITHOUT_SPACES: Final = frozenset({"zh", "ja"})


def _pattern(words: str, language: str, *, opening: bool) -> re.Pattern[str]:
    front = r"\W*" if opening else ""
    if language in _WITHOUT_SPACES:
        return re.compile(f"{front}(?:{words})")
    return re.compile(rf"{front}(?<!\w)(?:{words})(?!\w)", re.IGNORECASE)


_OPENER_PATTERNS: Final = {
    language: _pattern(f"{words}|{_CONCLUSIONS[language]}", language, opening=True)
    for language, words in _OPENERS.items()
}
_ACTION_PATTERNS: Final = {language: _pattern(words, language, opening=False) for language, words in _ACTIONS.items()}
_CONNECTIVE_PATTERNS: Final = {
    language: re.compile(
        rf"(?:{words})[，、,]\s*" if language in _WITHOUT_SPACES else rf"(?:{words})[,،]\s+",
        re.IGNORECASE,
    )
    for language, words in _CONNECTIVES.items()
}
_SPLITS: Final = {
    language: re.compile(rf"\s+(?=(?:{words})\s)", re.IGNORECASE)
    for language, words in _OPENERS.items()
    if language not in _WITHOUT_SPACES
}


def opens_with_cue(clause: str, language: str | None) -> bool:
    """Tell whether the first words of a clause say what it does, as "because", "if" and "so" do.

    >>> opens_with_cue("because the pump failed", "en"), opens_with_cue("Die Pumpe fiel aus", "de")
    (True, False)
    """
    pattern = _OPENER_PATTERNS.get(language or "")
    return pattern is not None and pattern.match(clause) is not None


def asks_to_act(sentence: str, language: str | None) -> bool:
    """Tell whether a sentence states a duty, a request, a decision or a date to meet.

    >>> asks_to_act("Please call Mr. Abel.", "en"), asks_to_act("The pump is old.", "en")
    (True, False)
    """
    pattern = _ACTION_PATTERNS.get(language or "")
    return pattern is not None and pattern.search(sentence) is not None


def without_connective(sentence: str, language: str | None) -> str:
    """Return a sentence without the word that ties it to the one before.

    >>> without_connective("However, zinc dissolves first.", "en")
    'Zinc dissolves first.'
    """
    pattern = _CONNECTIVE_PATTERNS.get(language or "")
    match = None if pattern is None else pattern.match(sentence)
    return sentence if match is None else capitalized(sentence[match.end() :])


def capitalized(text: str) -> str:
    """Return `text` with a capital first letter, where that is still the same letter and no name like "iPhone".

    >>> capitalized("rain"), capitalized("iPhone 13")
    ('Rain', 'iPhone 13')
    """
    first = text[:1].upper()
    is_name = text[1:2].isupper() and text[:1].islower()
    return first + text[1:] if len(first) == 1 and first.lower() == text[:1] and not is_name else text


def split_at_cues(clause: str, language: str | None) -> list[str]:
    """Return a clause cut before the words that open a reason, a condition or an objection.

    >>> split_at_cues("Should we move house if the rent rises", "en")
    ['Should we move house', 'if the rent rises']
    """
    pattern = _SPLITS.get(language or "")
    return [clause] if pattern is None else [part for part in pattern.split(clause) if part]
