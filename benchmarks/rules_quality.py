"""How good the rule-based summaries are, and how fast the rules.

Compares the rule of the task `summary` with lead sentences, random sentences and sumy's LexRank, TextRank and LSA on
`benchmarks/data/texts.jsonl`: self-written texts in ten languages, each with a reference summary and key facts. All
see the same sentences, as `langchain_scaffolding.rules.document.read` cuts them, and may spend the same number of
tokens. Every second text of a language was used to set the weights of the rules (`dev`); the others (`test`) were not.

Run with `python benchmarks/rules_quality.py`; needs `pip install sumy`, for this comparison only.
"""

from __future__ import annotations

import argparse
import json
import random
import time
import tracemalloc
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import log, sqrt
from pathlib import Path
from statistics import fmean, stdev

from langchain_scaffolding.rules import BUILT_IN
from langchain_scaffolding.rules.document import Document, read
from langchain_scaffolding.rules.ranking import choose, factor
from langchain_scaffolding.rules.stopwords import STOP_WORDS
from langchain_scaffolding.rules.words import terms, tokens, words

DATA = Path(__file__).parent / "data" / "texts.jsonl"
BUDGET = 120
SEEDS = range(20)
MEASURES = ("ROUGE-1", "ROUGE-2", "ROUGE-L", "key facts", "redundancy")
STEMMERS = {
    "en": "english",
    "de": "german",
    "fr": "french",
    "es": "spanish",
    "it": "italian",
    "pt": "portuguese",
    "ru": "russian",
}


@dataclass(frozen=True, kw_only=True)
class Case:
    """A text with what a good summary of it says."""

    id: str
    language: str
    genre: str
    text: str
    summary: str
    facts: tuple[str, ...]

    @cached_property
    def document(self) -> Document:
        return read(self.text)


Choice = Callable[[Case], Sequence[int]]


def cases() -> tuple[list[Case], list[Case]]:
    """Return the texts for setting weights and those for measuring, in turn within each language."""
    halves: tuple[list[Case], list[Case]] = ([], [])
    seen: Counter[str] = Counter()
    for line in DATA.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        case = Case(**{**record, "facts": tuple(record["facts"])})
        halves[seen[case.language] % 2].append(case)
        seen[case.language] += 1
    return halves


# --- measures ---------------------------------------------------------------------------------------------------------


def folded(text: str) -> list[str]:
    return [word.casefold() for word in words(text)]


def f1(hits: int, reference: int, candidate: int) -> float:
    return 2 * hits / (reference + candidate) if reference + candidate else 0.0


def rouge_n(candidate: Sequence[str], reference: Sequence[str], n: int) -> float:
    """Return the F1 of Lin, 2004, "ROUGE"; a word of Chinese or Japanese is one sign."""
    ours, theirs = (Counter(zip(*(text[i:] for i in range(n)), strict=False)) for text in (candidate, reference))
    return f1((ours & theirs).total(), theirs.total(), ours.total())


def rouge_l(candidate: Sequence[str], reference: Sequence[str]) -> float:
    row = [0] * (len(reference) + 1)
    for word in candidate:
        diagonal = 0
        for place, other in enumerate(reference):
            above = row[place + 1]
            row[place + 1] = diagonal + 1 if word == other else max(above, row[place])
            diagonal = above
    return f1(row[-1], len(reference), len(candidate))


def fact_coverage(sentences: Iterable[str], facts: Sequence[str]) -> float:
    """Share of the facts whose words one sentence holds, all of them and in this order."""
    found = [folded(sentence) for sentence in sentences]
    return fmean(any(_is_within(folded(fact), sentence) for sentence in found) for fact in facts)


def _is_within(part: Sequence[str], whole: Sequence[str]) -> bool:
    rest = iter(whole)
    return all(word in rest for word in part)


def redundancy(sentences: Sequence[str], language: str) -> float:
    """Mean over the sentences of the cosine with the one most like it, function words left out; lower is better."""
    stop = STOP_WORDS.get(language, frozenset())
    counts = [Counter(word for word in folded(sentence) if word not in stop) for sentence in sentences]
    if len(counts) < 2:
        return 0.0
    return fmean(max(_cosine(one, other) for other in counts if other is not one) for one in counts)


def _cosine(one: Counter[str], other: Counter[str]) -> float:
    shared = sum(count * other[word] for word, count in one.items())
    return shared / sqrt(sum(c * c for c in one.values()) * sum(c * c for c in other.values())) if shared else 0.0


def measured(case: Case, indices: Sequence[int]) -> tuple[float, ...]:
    sentences = [case.document.sentences[index].text for index in sorted(indices)]
    ours, theirs = folded(" ".join(sentences)), folded(case.summary)
    return (
        rouge_n(ours, theirs, 1),
        rouge_n(ours, theirs, 2),
        rouge_l(ours, theirs),
        fact_coverage(sentences, case.facts),
        redundancy(sentences, case.language),
    )


# --- systems ----------------------------------------------------------------------------------------------------------


def length(case: Case, index: int) -> int:
    return tokens(case.document.sentences[index].text + " ")


def filled(case: Case, order: Iterable[int]) -> list[int]:
    """Return what of an order fits the budget; what does not is passed over."""
    chosen: list[int] = []
    left = BUDGET
    for index in order:
        if length(case, index) <= left:
            chosen.append(index)
            left -= length(case, index)
    return chosen


def lead(case: Case) -> Sequence[int]:
    chosen: list[int] = []
    for index in case.document.body:
        if sum(length(case, one) for one in [*chosen, index]) > BUDGET:
            break
        chosen.append(index)
    return chosen


def at_random(seed: int) -> Choice:
    def system(case: Case) -> Sequence[int]:
        order = list(case.document.body)
        random.Random(f"{seed} {case.id}").shuffle(order)
        return filled(case, order)

    return system


def rule(style: str) -> Choice:
    def system(case: Case) -> Sequence[int]:
        return BUILT_IN["summary"](case.text, style=style, max_tokens=BUDGET).sentences

    return system


def lexrank(case: Case) -> tuple[list[float], list[list[float]]]:
    """Return the LexRank of each sentence (Erkan, Radev, 2004; continuous) and their cosines, on our own terms."""
    bags = [Counter(case.document.terms[index]) for index in case.document.body]
    df = Counter(term for bag in bags for term in bag)
    weighted = [Counter({term: count * log(1 + len(bags) / df[term]) for term, count in bag.items()}) for bag in bags]
    size = range(len(bags))
    alike = [[0.0 if i == j else _cosine(weighted[i], weighted[j]) for j in size] for i in size]
    sums = [sum(line) or 1.0 for line in alike]
    rank = [1 / len(bags) for _ in size]
    for _ in range(50):
        rank = [0.15 / len(bags) + 0.85 * sum(rank[j] * alike[j][i] / sums[j] for j in size) for i in size]
    return [one / max(rank) for one in rank], alike


def lexrank_mmr(case: Case) -> Sequence[int]:
    """Choose by LexRank with MMR (Carbonell, Goldstein, 1998; lambda 0.7)."""
    rank, alike = lexrank(case)
    order: list[int] = []
    left = set(range(len(rank)))
    while left:
        worth = {i: 0.7 * rank[i] - 0.3 * max((alike[i][j] for j in order), default=0.0) for i in left}
        order.append(max(sorted(left), key=worth.__getitem__))
        left.discard(order[-1])
    return filled(case, [case.document.body[place] for place in order])


def favouring(prior: Callable[[Case], dict[int, float]], brevity: float = 1.0) -> Choice:
    """Return the rule's choice with a further factor for each sentence."""
    return lambda case: choose(case.document, budget=BUDGET, favour=prior(case), brevity=brevity)


def central(power: float) -> Callable[[Case], dict[int, float]]:
    return lambda case: {index: one**power for index, one in zip(case.document.body, lexrank(case)[0], strict=True)}


def early(case: Case) -> dict[int, float]:
    return {index: 1 + 1 / (1 + place) for place, index in enumerate(case.document.body)}


def rare(case: Case) -> dict[int, float]:
    """Favour sentences of rare terms, as tf-idf does."""
    weights, count = case.document.term_weights, len(case.document.body)
    found = {index: set(case.document.terms[index]) for index in case.document.body}
    return {
        index: fmean(log(1 + count / weights[term]) for term in own) if own else 1.0 for index, own in found.items()
    }


def unweighted(case: Case) -> Sequence[int]:
    """The rule's coverage without its factors for numbers, places, questions and short sentences."""
    favour = {index: 1 / factor(case.document, index) for index in case.document.body}
    return choose(case.document, budget=BUDGET, favour=favour)


def sumy_system(name: str) -> Choice:
    from sumy.models.dom import ObjectDocumentModel, Paragraph, Sentence
    from sumy.nlp.stemmers import Stemmer
    from sumy.summarizers.lex_rank import LexRankSummarizer
    from sumy.summarizers.lsa import LsaSummarizer
    from sumy.summarizers.text_rank import TextRankSummarizer

    kind = {"LexRank": LexRankSummarizer, "TextRank": TextRankSummarizer, "LSA": LsaSummarizer}[name]

    class Tokenizer:
        """Our sentences and words, as sumy has none for Chinese, Japanese or Arabic without further packages."""

        def __init__(self, language: str) -> None:
            self.language = language

        def to_sentences(self, paragraph: str) -> tuple[str, ...]:
            return (paragraph,)

        def to_words(self, sentence: str) -> tuple[str, ...]:
            return tuple(terms(sentence, self.language) if self.language in {"zh", "ja"} else folded(sentence))

    def system(case: Case) -> Sequence[int]:
        tokenizer = Tokenizer(case.language)
        texts = [case.document.sentences[index].text for index in case.document.body]
        model = ObjectDocumentModel([Paragraph([Sentence(text, tokenizer) for text in texts])])
        stemmer = STEMMERS.get(case.language)
        summarizer = kind(Stemmer(stemmer)) if stemmer else kind()
        summarizer.stop_words = STOP_WORDS.get(case.language, frozenset())
        best: list[int] = []
        for count in range(1, len(texts) + 1):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                chosen = {str(sentence) for sentence in summarizer(model, count)}
            indices = [index for index in case.document.body if case.document.sentences[index].text in chosen]
            if sum(length(case, index) for index in indices) > BUDGET:
                break
            best = indices
        return best

    return system


# --- tables -----------------------------------------------------------------------------------------------------------


def row(name: str, scores: Sequence[Sequence[float]]) -> str:
    cells = [f"{fmean(column):.3f} ± {stdev(column) / sqrt(len(column)):.3f}" for column in zip(*scores, strict=True)]
    return f"| {name} | " + " | ".join(cells) + " |"


def quality(title: str, half: Sequence[Case]) -> None:
    print(f"\n{title}: {len(half)} texts, {BUDGET} tokens each; mean ± standard error over the texts\n")
    print("| system | " + " | ".join(MEASURES) + " |\n|---|" + "---|" * len(MEASURES))
    systems: dict[str, list[Choice]] = {
        "rules, detailed": [rule("detailed")],
        "rules, concise (three sentences at most)": [rule("concise")],
        "coverage without factors": [unweighted],
        "LexRank + MMR on the same terms": [lexrank_mmr],
        "sumy LSA": [sumy_system("LSA")],
        "sumy TextRank": [sumy_system("TextRank")],
        "sumy LexRank": [sumy_system("LexRank")],
        "lead": [lead],
        f"random, mean of {len(SEEDS)} seeds": [at_random(seed) for seed in SEEDS],
    }
    results: dict[str, list[tuple[float, ...]]] = {}
    for name, variants in systems.items():
        per_case = [[measured(case, system(case)) for system in variants] for case in half]
        results[name] = [tuple(fmean(column) for column in zip(*runs, strict=True)) for runs in per_case]
        print(row(name, results[name]), flush=True)
    ours = results["rules, detailed"]
    print("\nThe rules (detailed) less each other system, text by text:\n")
    print("| less | " + " | ".join(MEASURES) + " |\n|---|" + "---|" * len(MEASURES))
    for name in list(results)[2:]:
        differences = [
            tuple(a - b for a, b in zip(x, y, strict=True)) for x, y in zip(ours, results[name], strict=True)
        ]
        print(row(name, differences))


def variants(half: Sequence[Case]) -> None:
    """What was tried for the rules and did not help, on the texts that set their weights."""
    print(f"\nVariants: {len(half)} texts, {BUDGET} tokens each\n")
    print("| variant | " + " | ".join(MEASURES) + " |\n|---|" + "---|" * len(MEASURES))
    tried: dict[str, Choice] = {
        "as it is": favouring(lambda _case: {}),
        "length counts half (brevity 0.5)": favouring(lambda _case: {}, brevity=0.5),
        "length does not count (brevity 0)": favouring(lambda _case: {}, brevity=0.0),
        "early sentences favoured": favouring(early),
        "rare terms favoured (idf)": favouring(rare),
        "LexRank as a factor": favouring(central(1.0)),
        "square root of LexRank as a factor": favouring(central(0.5)),
    }
    for name, system in tried.items():
        print(row(name, [measured(case, system(case)) for case in half]), flush=True)


def long_text(half: Sequence[Case], language: str, size: int) -> str:
    """Return a text of `size` bytes, its words varied so that its vocabulary grows as a real one does."""
    rng = random.Random(1)
    sentences = [s.text for case in half if case.language == language for s in case.document.sentences]
    parts: list[str] = []
    total = 0
    while total < size:
        sentence = rng.choice(sentences)
        word = "".join(rng.choices("abcdefghijklmnoprstuvw", k=rng.randint(4, 9)))
        sentence = f"{word.capitalize()} {sentence}" + ("\n\n" if rng.random() < 0.2 else " ")
        parts.append(sentence)
        total += len(sentence.encode())
    return "".join(parts)


def speed(half: Sequence[Case]) -> None:
    print("\nSpeed: CPU time (best of five on 60 sentences, one run on more); peak of memory by tracemalloc\n")
    print("| task | 60 sentences, en | 60 sentences, zh | 0.25 MB, en | 1 MB, en | 1 MB, zh | peak at 1 MB, en |")
    print("|---|---|---|---|---|---|---|")
    sixty = {
        language: "\n".join(s.text for case in half if case.language == language for s in case.document.sentences[:60])
        for language in ("en", "zh")
    }
    sixty = {language: "\n".join((text.split("\n") * 3)[:60]) for language, text in sixty.items()}
    long = {(language, size): long_text(half, language, size) for language, size in
            (("en", 250_000), ("en", 1_000_000), ("zh", 1_000_000))}  # fmt: skip
    for task, answer in BUILT_IN.items():
        short = [min(_seconds(answer, sixty[language]) for _ in range(5)) * 1000 for language in ("en", "zh")]
        seconds = [_seconds(answer, text) for text in long.values()]
        tracemalloc.start()
        answer(long["en", 1_000_000])
        peak = tracemalloc.get_traced_memory()[1] / 1e6
        tracemalloc.stop()
        cells = [f"{one:.1f} ms" for one in short] + [f"{one:.2f} s" for one in seconds] + [f"{peak:.0f} MB"]
        print(f"| {task} | " + " | ".join(cells) + " |", flush=True)


def _seconds(answer: Callable[[str], object], text: str) -> float:
    begun = time.process_time()
    answer(text)
    return time.process_time() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", choices=["test", "dev", "variants", "speed", "all"], default="all")
    part = parser.parse_args().part
    dev, test = cases()
    if part in {"test", "all"}:
        quality("Held out", test)
    if part in {"dev", "all"}:
        quality("Used to set the weights", dev)
    if part in {"variants", "all"}:
        variants(dev)
    if part in {"speed", "all"}:
        speed([*dev, *test])


if __name__ == "__main__":
    main()
