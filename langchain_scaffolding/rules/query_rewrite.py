"""The rule of the task `query_rewrite`: the words of a question that a search needs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from langchain_scaffolding.rules.answer import RuleAnswer, abstain
from langchain_scaffolding.rules.document import Document, read
from langchain_scaffolding.rules.ranking import choose, is_question
from langchain_scaffolding.rules.stopwords import heavy_words

_MOST_WORDS: Final = 16
_ENOUGH_WORDS: Final = 4
_MOST_SENTENCES: Final = 2
_TOKEN: Final = re.compile(r"[\"“„«][^\"“”„«»]{1,80}[\"”“»]|\S+")
_EDGE: Final = " .,;:!?…¿¡،؛؟()[]{}。，、；：！？（）"
# Chinese and Japanese put no spaces between words: these go from the front and the end.
_FRONT: Final[dict[str, re.Pattern[str]]] = {
    "zh": re.compile(
        "^(?:你好|您好|请问|请|麻烦|能不能|可以|能|帮我|帮忙|告诉我|我想知道|我想|想知道|一下|问|[，、！。\\s])+"
    ),
    "ja": re.compile("^(?:こんにちは|すみませんが|すみません|あの|えっと|ちなみに|教えて|[、。！\\s])+"),
}
_BACK: Final[dict[str, re.Pattern[str]]] = {
    "zh": re.compile("(?:是什么|有什么|什么|吗|呢|啊|吧|谢谢|一下|怎么样|[?？。！，\\s])+$"),
    "ja": re.compile(
        "(?:を?教えてください|を?教えて|は?何ですか|は?なんですか|でしょうか|ですか|ますか|のか|ください|か|[?？。！、\\s])+$"
    ),
}


def query_rewrite(text: str) -> RuleAnswer:
    """Return a question as a search query: its content words in order, names and numbers kept.

    Of several sentences the last question counts most; what says most is added where a question
    alone is too few words. A text that is a query
    already, or in a language whose function words are not known, comes back as it is with
    `abstained` set, so that a search can go on with it.

    >>> query_rewrite("Hi, could you please tell me what the side effects of ibuprofen 400 mg are?").text
    'side effects ibuprofen 400 mg'
    """
    document = read(text)
    if not document.body:
        return abstain("no_text", document.language)
    found: dict[str, int] = {}
    for index in _by_importance(document):
        for word in _kept(document.said(index), document.language):
            found.setdefault(word, index)
        if len(found) >= _ENOUGH_WORDS:
            break
    kept = [*found][:_MOST_WORDS]
    query = " ".join(kept)
    source = document.source.strip()
    if not query or len(query) >= len(source):
        return RuleAnswer(text=source, abstained=True, language=document.language)
    used = {found[word] for word in kept}
    return RuleAnswer(text=query, sentences=tuple(sorted(used)), language=document.language)


def _by_importance(document: Document) -> list[int]:
    """Return the sentences that a query is made of, questions first, the last of them before all."""
    questions = [index for index in document.body if is_question(document.sentences[index].text)]
    best = choose(document, limit=_MOST_SENTENCES, brevity=0.0) or document.body[:1]
    return list(dict.fromkeys([*reversed(questions[-_MOST_SENTENCES:]), *best]))


def _kept(sentence: str, language: str | None) -> Iterator[str]:
    if language in _FRONT:
        bare = _BACK[language].sub("", _FRONT[language].sub("", sentence))
        if bare:
            yield bare
        return
    found = [word for token in _TOKEN.findall(sentence) if (word := token.strip(_EDGE))]
    yield from (word for word, is_heavy in zip(found, heavy_words(found, language), strict=True) if is_heavy)
