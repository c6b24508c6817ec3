"""A text as the rules read it: its language, and its sentences with their place in its structure."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice, pairwise
from typing import Final

from langchain_scaffolding.rules.blocks import NAMED, Block, BlockKind, blocks
from langchain_scaffolding.rules.languages import guess_language
from langchain_scaffolding.rules.mail import without_envelope
from langchain_scaffolding.rules.markup import without_tags
from langchain_scaffolding.rules.sentences import ENDED, cut_sentences, unwrapped
from langchain_scaffolding.rules.words import WORD, terms, words

MOST_CHARACTERS: Final = 2_000_000
MOST_SENTENCES: Final = 40_000
"""What lies beyond is not read: an answer within seconds is the purpose of a rule."""

_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_LINE_BREAK: Final = re.compile("\r\n?|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_CONTROL: Final = re.compile("[\x00-\x08\x0e-\x1b\x1f\x7f\ufeff\ufffe\uffff]")
# Nothing may touch a word on the outside: taking the marks away must not put two words together.
_LINK: Final = re.compile(r"(?<!\w)!?\[([^\[\]\n]{1,300})\]\([^()\s]{1,1000}\)(?!\w)")
_STRONG: Final = re.compile(r"(?<![\w*])\*\*(?=\S)([^*\n]{1,300})(?<=\S)\*\*(?![\w*])")
_RUN_IN_HEADING_WORDS: Final = 2
_SENTENCES_OF_PROSE: Final = 3
_ADDRESS_CHARACTERS: Final = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Sentence:
    """A sentence, heading or list item.

    Attributes:
        text: The sentence on one line.
        kind: What block of the text it stands in.
        level: Depth of a heading or item, from 0.
        block: Index of its block.
    """

    text: str
    kind: BlockKind
    level: int
    block: int


@dataclass(frozen=True, kw_only=True)
class Document:
    """The sentences of a text in order."""

    source: str
    language: str | None
    sentences: tuple[Sentence, ...]

    @cached_property
    def terms(self) -> list[list[str]]:
        """The content terms of each sentence."""
        return [terms(self.said(index), self.language) for index in range(len(self.sentences))]

    @cached_property
    def term_weights(self) -> Counter[str]:
        """How many sentences of the body hold each term."""
        return Counter(term for index in self.body for term in set(self.terms[index]))

    @cached_property
    def body(self) -> list[int]:
        """Indices of the sentences that say something.

        Headings and bare symbols do not, nor in prose the short lines without an end: salutations,
        signatures, captions.
        """
        said = [
            index
            for index, sentence in enumerate(self.sentences)
            if sentence.kind != "heading" and WORD.search(sentence.text) is not None
        ]
        if self.is_dialogue:
            return said
        ended = [index for index in said if ENDED.search(self.sentences[index].text) is not None]
        if len(ended) < _SENTENCES_OF_PROSE or 2 * len(ended) < len(said):
            return said
        kept = set(ended)
        return [index for index in said if not self._is_address(index, ended=index in kept)]

    @cached_property
    def is_dialogue(self) -> bool:
        """Whether a third of the sentences, and more than one, begins with the name of who says it."""
        told = [sentence.text for sentence in self.sentences if sentence.kind != "heading"]
        turns = sum(NAMED.match(text) is not None for text in told)
        return turns > 1 and 3 * turns >= len(told)

    def said(self, index: int) -> str:
        """What a sentence says: in a dialogue without the name of who says it."""
        text = self.sentences[index].text
        match = NAMED.match(text) if self.is_dialogue else None
        return text if match is None else text[match.end() - 1 :]

    def _is_address(self, index: int, *, ended: bool) -> bool:
        sentence = self.sentences[index]
        if sentence.kind != "paragraph" or len(sentence.text) > _ADDRESS_CHARACTERS:
            return False
        return not ended or (sentence.text.endswith("!") and self.opens_block(index) and self.opens_block(index + 1))

    def opens_block(self, index: int) -> bool:
        """Tell whether a sentence is the first of its paragraph or list item."""
        if not 0 < index < len(self.sentences):
            return True
        return self.sentences[index - 1].block != self.sentences[index].block


def read(text: str) -> Document:
    r"""Read a text; what cannot be encoded or printed becomes a replacement sign or a space.

    Only the first two million characters are read, and of them the first forty thousand sentences. Of HTML the text is
    read, of a mail what its writer says. JSON has no sentences.

    >>> [sentence.text for sentence in read("# Rain\nIt fell. Dr. Wu left.").sentences]
    ['Rain', 'It fell.', 'Dr. Wu left.']
    """
    clean = printable(text)
    if is_json(clean):
        return Document(source=clean, language=None, sentences=())
    shown = without_envelope(without_tags(clean))
    language = guess_language(shown)
    cut = (
        Sentence(text=sentence, kind=block.kind, level=block.level, block=number)
        for number, block in enumerate(blocks(shown))
        for sentence in _sentences(block, language)
    )
    found = tuple(islice(cut, MOST_SENTENCES))
    return Document(source=clean, language=language, sentences=_with_run_in_headings(found))


def is_json(text: str) -> bool:
    """Tell whether a text is a JSON object or list.

    >>> is_json('{"a": 1}'), is_json("[1] See the list."), is_json("12")
    (True, False, False)
    """
    bare = text.strip()
    if (bare[:1], bare[-1:]) not in {("{", "}"), ("[", "]")}:
        return False
    try:
        json.loads(bare)
    except (ValueError, RecursionError):
        return False
    return True


def printable(text: str) -> str:
    """Return what of a text can be encoded as UTF-8 and shown, lines broken by newlines alone."""
    clean = _SURROGATE.sub("\ufffd", text[:MOST_CHARACTERS])
    clean = _CONTROL.sub(" ", _LINE_BREAK.sub("\n", clean))
    return _STRONG.sub(r"\1", _LINK.sub(r"\1", clean))


def _with_run_in_headings(sentences: tuple[Sentence, ...]) -> tuple[Sentence, ...]:
    """Return the sentences with "Water. The pump failed." known as a heading and its text.

    One paragraph that begins so may be a short sentence; several are a habit of the text.
    """
    starts = {
        index
        for index, (sentence, following) in enumerate(pairwise(sentences))
        if sentence.kind == "paragraph"
        and sentence.block == following.block
        and (index == 0 or sentences[index - 1].block != sentence.block)
        and sentence.text.endswith((".", ":"))
        and len(words(sentence.text)) <= _RUN_IN_HEADING_WORDS
    }
    if len(starts) < 2:
        return sentences
    return tuple(
        replace(sentence, kind="heading", level=3) if index in starts else sentence
        for index, sentence in enumerate(sentences)
    )


def _sentences(block: Block, language: str | None) -> Iterator[str]:
    for paragraph in unwrapped(block.lines):
        if block.kind == "heading":
            yield paragraph
        else:
            yield from cut_sentences(paragraph, language)
