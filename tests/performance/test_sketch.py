"""The sketch of durations: what it promises of quantiles, sums and size."""

from __future__ import annotations

import math
import pickle
import random
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_scaffolding.performance.sketch import Sketch, count, count_all, merge, quantile, scale

SHARES = (0.0, 0.01, 0.5, 0.9, 0.95, 0.99, 1.0)
durations = st.floats(1e-6, 1e6, exclude_min=True, exclude_max=True)
weights = st.floats(2.0**-40, 2.0**64)
observed = st.lists(st.tuples(durations, weights), min_size=1, max_size=60)


def sketch_of(pairs: list[tuple[float, float]]) -> Sketch:
    sketch = Sketch()
    for seconds, weight in pairs:
        count(sketch, seconds, weight)
    return sketch


def quantiles(sketch: Sketch) -> list[float | None]:
    return [quantile(sketch, share) for share in SHARES]


@given(st.lists(durations, min_size=1, max_size=300), st.floats(2.0**-40, 2.0**64))
def test_every_quantile_is_within_one_percent(seconds: list[float], weight: float) -> None:
    sketch = sketch_of([(each, weight) for each in seconds])
    for share in SHARES:
        true = sorted(seconds)[max(math.ceil(share * len(seconds) * (1 - 1e-12)) - 1, 0)]
        assert quantile(sketch, share) == pytest.approx(true, rel=0.01 + 1e-9)


@given(observed)
def test_a_quantile_of_weighted_durations_has_its_share_of_the_weight_below(pairs: list[tuple[float, float]]) -> None:
    sketch, total = sketch_of(pairs), sum(weight for _, weight in pairs)
    for share in (0.05, 0.5, 0.95):
        found = quantile(sketch, share)
        assert found is not None
        below = sum(weight for seconds, weight in pairs if seconds < found / 1.011)
        until = sum(weight for seconds, weight in pairs if seconds <= found * 1.011)
        assert below <= (share + 0.07) * total
        assert until >= (share - 0.07) * total


@given(observed, st.randoms(use_true_random=False), st.integers(-70, 70))
def test_neither_the_order_nor_who_added_what_shows(
    pairs: list[tuple[float, float]], rng: random.Random, doublings: int
) -> None:
    factor = 2.0**doublings
    whole = sketch_of([(seconds, weight * factor) for seconds, weight in pairs])
    shuffled = rng.sample(pairs, len(pairs))
    cut = rng.randrange(len(pairs) + 1)
    for first, second in ((pairs[:cut], pairs[cut:]), (shuffled[cut:], shuffled[:cut])):
        merged = sketch_of([(seconds, weight * factor) for seconds, weight in first])
        merge(merged, sketch_of(second), factor)
        assert quantiles(merged) == quantiles(whole)
    together = Sketch()
    for some in (pairs[:cut], pairs[cut:]):
        if some:
            count_all(together, [seconds for seconds, _ in some], [weight * factor for _, weight in some])
    assert quantiles(together) == quantiles(whole)
    scaled = sketch_of(shuffled)
    scale(scaled, factor)
    count(scaled, 1.0, factor)
    count(whole, 1.0, factor)
    assert quantiles(scaled) == quantiles(whole)
    assert quantiles(pickle.loads(pickle.dumps(scaled))) == quantiles(whole)


def test_what_weighs_nothing_does_not_count() -> None:
    sketch = sketch_of([(1.0, 1.0), (9.0, 0.0), (9.0, 2.0**-1070)])
    merge(sketch, sketch_of([(9.0, 1.0)]), 0.0)
    merge(sketch, sketch_of([(9.0, 1.0)]), 2.0**-1070)
    assert quantiles(sketch) == [pytest.approx(1.0, rel=0.01)] * len(SHARES)
    scale(sketch, 0.0)
    assert quantile(sketch, 0.5) is None
    count(sketch, 3.0, 2.0**-1000)
    assert quantile(sketch, 0.5) == pytest.approx(3.0, rel=0.01)
    count(sketch, 5.0, 2.0**60)
    assert quantiles(sketch) == [pytest.approx(5.0, rel=0.01)] * len(SHARES)


def test_weights_may_grow_without_end() -> None:
    """As they do in a process that runs for thousands of half-lives: the older fades, and nothing else is lost."""
    sketch = Sketch()
    for number in range(100):
        count(sketch, 1.0 + number % 5 / 10, 2.0 ** (7 * number))
    assert quantile(sketch, 0.5) == pytest.approx(1.4, rel=0.01)
    later = sketch_of([(4.0, 2.0**1000), (8.0, 2.0**1000)])
    merge(later, sketch, 2.0**300)
    assert quantiles(later)[0] == quantile(sketch, 0.0), "the shortest of what is left"
    assert quantile(later, 0.4) == pytest.approx(4.0, rel=0.01)
    merge(sketch, later)
    merge(sketch, later)
    assert [quantile(sketch, share) for share in (0.4, 0.6)] == [pytest.approx(each, rel=0.01) for each in (4.0, 8.0)]
    count(sketch, 2.0, 2.0**1002)
    assert quantile(sketch, 0.4) == pytest.approx(2.0, rel=0.01)


@pytest.mark.parametrize(("calls", "most"), [(1, 150), (100, 350), (10_000, 600), (300_000, 1_100)])
def test_it_stays_small(calls: int, most: int) -> None:
    rng = random.Random(1)
    sketch = sketch_of([(rng.lognormvariate(0.0, 0.5), 3.0) for _ in range(calls)])
    assert sys.getsizeof(sketch) <= most
