"""What size and price say before any answer."""

from __future__ import annotations

import itertools

import pytest

from langchain_scaffolding import ModelTags
from langchain_scaffolding.policies.prices import prices_of

LENGTHS = [-3.0, -1.0, 0.0, 1.0, 3.0]
BY_SIZE = [ModelTags(size_gb=size) for size in (0.3, 1.0, 4.0, 40.0)]
BY_COST = [ModelTags(extra={"cost": cost}) for cost in (0.1, 0.2, 25.0)]


@pytest.mark.parametrize("tags", [BY_SIZE, BY_COST], ids=["size", "cost"])
@pytest.mark.parametrize("length", LENGTHS)
def test_a_larger_or_dearer_model_is_never_expected_to_be_worse(tags: list[ModelTags], length: float) -> None:
    offsets = prices_of(tags).offsets(length)
    assert all(smaller <= larger for smaller, larger in itertools.pairwise(offsets))


def test_size_matters_more_for_longer_texts() -> None:
    gaps = [(offsets := prices_of(BY_SIZE).offsets(length))[-1] - offsets[0] for length in LENGTHS]
    assert gaps == sorted(gaps)
    assert gaps[0] == 0.0 < gaps[2] < gaps[-1]


def test_price_says_less_than_size() -> None:
    sizes, costs = (
        prices_of([ModelTags(size_gb=1), ModelTags(size_gb=10)]),
        prices_of([ModelTags(extra={"cost": 1}), ModelTags(extra={"cost": 10})]),
    )
    assert sizes.offsets(0.0)[1] > costs.offsets(0.0)[1] > 0


@pytest.mark.parametrize("tags", [[ModelTags(size_gb=1), ModelTags()], [ModelTags(), ModelTags()]])
def test_nothing_is_expected_of_models_that_cannot_be_compared(tags: list[ModelTags]) -> None:
    first, second = prices_of(tags).offsets(0.5)
    assert first == second
