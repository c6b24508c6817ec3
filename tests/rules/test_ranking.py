"""Which sentences are chosen, and where topics turn."""

from __future__ import annotations

import random
import sys
from collections import Counter

import pytest

from langchain_scaffolding.rules.document import Document, read
from langchain_scaffolding.rules.keyphrases import key_phrases
from langchain_scaffolding.rules.ranking import choose
from langchain_scaffolding.rules.topics import topics
from langchain_scaffolding.rules.words import tokens

_NOUNS = ["pump", "garden", "fee", "club", "rain", "roof", "wall", "door", "tree", "road", "lamp", "boat"]
TEXT = (
    "The pump of the garden failed. The garden needs a new pump for 900 pounds. The garden needs a new pump for 900 "
    "pounds. Cats slept. The fee of the club rises in May. Is it fair?"
)


def test_what_is_said_already_is_not_said_again() -> None:
    assert {1, 2} - set(choose(read(TEXT))) in ({1}, {2})


def test_no_more_is_chosen_than_the_limit_and_the_budget_allow() -> None:
    document = read(TEXT)
    assert len(choose(document, limit=2)) == 2
    chosen = choose(document, budget=16)
    assert 0 < sum(tokens(document.sentences[index].text + " ") for index in chosen) <= 16


def test_a_sentence_that_does_not_fit_is_passed_over_for_one_that_does() -> None:
    document = read(TEXT)
    assert [document.sentences[index].text for index in choose(document, budget=4)] == ["Cats slept."]


def test_favour_lifts_a_sentence() -> None:
    document = read(TEXT)
    assert choose(document, limit=1, favour={3: 100.0}) == [3]


def test_only_what_is_offered_is_chosen() -> None:
    assert set(choose(read(TEXT), among=[0, 4])) == {0, 4}


def test_the_lazy_choice_is_the_greedy_one() -> None:
    """Each choice must be the best of all that are left, as an exhaustive search finds it."""
    rng = random.Random(7)
    for _ in range(30):
        sentences = (" ".join(rng.sample(_NOUNS, rng.randint(4, 9))).capitalize() for _ in range(12))
        document = read(". ".join(sentences) + ".")
        said: set[str] = set()
        for index in choose(document, brevity=0.0, favour={0: 1 / 1.2}):
            worths = {one: _new_weight(document, one, said) for one in document.body}
            assert worths[index] == pytest.approx(max(worths.values()))
            said |= set(document.terms[index])


def _new_weight(document: Document, index: int, said: set[str]) -> int:
    return sum(document.term_weights[term] for term in set(document.terms[index]) - said)


def test_topics_are_runs_that_cover_the_body_in_order() -> None:
    document = read(" ".join([TEXT] * 30))
    for most in (1, 3, 10):
        found = topics(document, most)
        assert len(found) <= most
        assert [index for run in found for index in run] == document.body


def test_a_topic_turns_where_the_words_do() -> None:
    text = (
        "The pump failed in June. A pump needs oil. The old pump is loud. "
        "The fee will rise. Members pay the fee late. Low fees help members."
    )
    assert topics(read(text), 2) == [[0, 1, 2], [3, 4, 5]]


def test_key_phrases_are_stretches_of_the_text_that_share_no_word() -> None:
    found = key_phrases(
        read("The harbour bridge is closed. Trams cross the harbour bridge. 84 million crowns are spent."), 5
    )
    assert found[0] == "harbour bridge"
    assert "million crowns" not in found


def test_the_work_grows_with_the_text_and_not_with_its_square() -> None:
    """Eight times the text takes about eight times the calls, where squares would take 64 times."""
    rng = random.Random(3)
    vocabulary = ["".join(rng.choices("abcdefghijklmnop", k=rng.randint(3, 9))) for _ in range(2_000)]

    def calls(count: int) -> int:
        text = " ".join(" ".join(rng.choices(vocabulary, k=12)).capitalize() + "." for _ in range(count))
        made = Counter[str]()
        sys.setprofile(lambda _frame, event, _argument: made.update([event]))
        document = read(text)
        choose(document, limit=50)
        topics(document, 5)
        key_phrases(document, 5)
        sys.setprofile(None)
        return made["call"] + made["c_call"]

    assert calls(2_400) < 12 * calls(300)
