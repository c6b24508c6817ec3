"""What is seen of a text."""

from __future__ import annotations

import pickle
import re
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_scaffolding.policies.features import BUCKETS, MEASURES, TextFeatures


def buckets(*words: str) -> set[int]:
    return {zlib.crc32(word.encode()) % BUCKETS for word in words}


@given(st.text(st.characters(max_codepoint=127), max_size=300))
def test_the_quick_way_for_plain_texts_finds_the_words_that_a_regular_expression_finds(text: str) -> None:
    words = {word[:5] for word in re.findall(r"[a-z0-9]+", text.lower())}
    assert set(TextFeatures.of(text).stems) == buckets(*words)


@given(st.text(max_size=3000))
def test_any_text_has_finite_measures_and_small_buckets(text: str) -> None:
    features = TextFeatures.of(text)
    assert len(features.measures) == len(MEASURES)
    assert all(0 <= value < 50 for value in features.values())
    assert all(0 <= stem < BUCKETS for stem in features.stems)
    assert len(set(features.stems)) == len(features.stems)
    assert pickle.loads(pickle.dumps(features)) == features


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Übersetzung für Grüße", ["übers", "für", "grüße"]),
        ("Переведите это", ["перев", "это"]),
        ("翻訳して", ["翻", "訳", "し", "て"]),
        ("naïve 12 mal", ["naïve", "12", "mal"]),
    ],
)
def test_words_of_other_languages_are_words(text: str, words: list[str]) -> None:
    assert set(TextFeatures.of(text).stems) == buckets(*words)


def test_nothing_of_the_text_is_kept() -> None:
    features = TextFeatures.of("The password is swordfish.")
    assert "swordfish" not in repr(dict(features)) + repr(features.stems) + str(pickle.dumps(features))
    assert dict(TextFeatures.of("")) == dict.fromkeys(MEASURES, 0.0)
