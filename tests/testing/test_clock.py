import asyncio
import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import pytest

from langchain_scaffolding.testing import FakeClock


def test_time_moves_only_when_told() -> None:
    clock = FakeClock(10.0)
    assert clock() == clock() == 10.0
    clock.advance(2.5)
    clock.sleep(0.5)
    assert clock() == 13.0


async def test_asleep_advances_and_lets_other_tasks_run() -> None:
    clock = FakeClock()
    order: list[str] = []

    async def other() -> None:
        order.append("other")

    task = asyncio.ensure_future(other())
    await clock.asleep(3.0)
    order.append("sleeper")
    await task
    assert clock() == 3.0
    assert order == ["other", "sleeper"]


@pytest.mark.parametrize("seconds", [-1.0, float("nan")])
def test_it_never_goes_back(seconds: float) -> None:
    with pytest.raises(ValueError, match="cannot be advanced"):
        FakeClock().advance(seconds)


def test_threads_add_up() -> None:
    clock = FakeClock()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(clock.sleep, [1.0] * 400))
    assert clock() == 400.0


def test_copies_stand_on_their_own() -> None:
    clock = FakeClock(5.0)
    for clone in (copy.deepcopy(clock), pickle.loads(pickle.dumps(clock))):
        clone.advance(1.0)
        assert (clone(), clock()) == (6.0, 5.0)
