"""What was found is kept current in the background: models come and go, and nobody waits for it."""

from __future__ import annotations

import copy
import gc
import logging
import pickle
import subprocess
import sys
import threading
import weakref

import pytest

from langchain_scaffolding import ModelTags
from langchain_scaffolding.discovery import Discovery, LiveDiscovery, SourceUnavailableError
from langchain_scaffolding.errors import ConfigurationError
from langchain_scaffolding.testing import FakeClock
from tests.discovery.shelf import Shelf


class Listener:
    """Remembers what was known whenever something changed."""

    def __init__(self, live: LiveDiscovery) -> None:
        self.heard: list[tuple[list[str], list[str]]] = []
        self.told = threading.Event()
        self._live = live
        live.subscribe(self.hear)

    def hear(self) -> None:
        self.heard.append((names(self._live.found), sorted(self._live.gone)))
        self.told.set()


def names(found: Discovery) -> list[str]:
    return [candidate.name for candidate in found]


def test_models_come_and_go_and_come_back() -> None:
    shelf = Shelf("shelf", "a", "b")
    live = LiveDiscovery([shelf])
    listener = Listener(live)
    live.refresh()
    del shelf.models["a"]
    shelf.models["c"] = ModelTags()
    live.refresh()
    assert dict(live.gone) == {"a": "shelf has it no more"}
    assert [candidate.name for candidate in live.known] == ["a", "b", "c"]
    shelf.models["a"] = ModelTags()
    live.refresh()
    live.refresh()
    assert listener.heard == [(["a", "b"], []), (["b", "c"], ["a"]), (["b", "c", "a"], [])]


def test_models_of_a_source_that_fails_are_gone_for_its_reason_and_others_stay() -> None:
    dead, alive = Shelf("dead", "a"), Shelf("alive", "b")
    live = LiveDiscovery([dead, alive])
    live.refresh()
    dead.fault = SourceUnavailableError("nothing listens at 127.0.0.1:1")
    live.refresh()
    assert names(live.found) == ["b"]
    assert dict(live.gone) == {"a": "nothing listens at 127.0.0.1:1"}


def test_a_model_that_did_not_change_is_the_same_object_and_one_that_did_is_another() -> None:
    shelf = Shelf("shelf", "a", "b")
    live = LiveDiscovery([shelf])
    a, b = live.refresh()
    shelf.models["b"] = ModelTags(extra={"loaded": True})
    same, other = live.refresh()
    assert same is a
    assert other is not b


def test_a_source_with_a_bug_is_raised_and_what_was_known_stays() -> None:
    shelf = Shelf("shelf", "a")
    live = LiveDiscovery([shelf])
    live.refresh()
    shelf.fault = KeyError("missing")
    with pytest.raises(KeyError):
        live.refresh()
    assert names(live.found) == ["a"]


def test_it_says_how_old_its_knowledge_is() -> None:
    clock = FakeClock()
    live = LiveDiscovery([Shelf("shelf", "a")], interval_s=7, clock=clock)
    assert live.age_s is None
    live.refresh()
    clock.advance(3)
    assert live.age_s == 3
    assert repr(live) == "<LiveDiscovery of shelf, every 7 s, 1 models>"


@pytest.mark.parametrize("interval_s", [0, -1, float("nan"), float("inf")])
def test_an_interval_is_a_time(interval_s: float) -> None:
    with pytest.raises(ConfigurationError, match="is no interval"):
        LiveDiscovery([], interval_s=interval_s)


def looking() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "discovery"]


def test_it_looks_in_the_background_until_it_is_closed() -> None:
    shelf = Shelf("shelf", "a")
    with LiveDiscovery([shelf], interval_s=0.01).start() as live:
        listener = Listener(live)
        (thread,) = looking()
        assert thread.daemon
        assert listener.told.wait(10)
        assert names(live.found) == ["a"]
    thread.join(10)
    assert not thread.is_alive()
    live.start()
    assert looking() == []


def test_the_thread_ends_with_the_object() -> None:
    live = LiveDiscovery([Shelf("shelf", "a")], interval_s=3600).start()
    (thread,) = looking()
    gone = weakref.ref(live)
    del live
    gc.collect()
    assert gone() is None
    thread.join(10)
    assert not thread.is_alive()


def test_a_bug_in_the_background_is_logged_and_the_next_look_comes(caplog: pytest.LogCaptureFixture) -> None:
    shelf = Shelf("shelf", "a")
    shelf.fault = KeyError("missing")
    failed = threading.Event()

    class Heard(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            failed.set()

    logger, handler = logging.getLogger("langchain_scaffolding.discovery.live"), Heard()
    logger.addHandler(handler)
    try:
        with LiveDiscovery([shelf], interval_s=0.01) as live:
            listener = Listener(live)
            assert failed.wait(10)
            shelf.fault = None
            assert listener.told.wait(10)
    finally:
        logger.removeHandler(handler)
    assert names(live.found) == ["a"]
    assert "A look for models failed" in caplog.text


def test_a_program_that_ends_while_it_looks_ends_in_silence() -> None:
    script = """if True:
        import time
        from langchain_scaffolding.discovery import LiveDiscovery
        from tests.discovery.shelf import Shelf
        lives = [LiveDiscovery([Shelf(str(n)) for n in range(6)], interval_s=0.0001).start() for _ in range(20)]
        time.sleep(0.05)
    """
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120)
    assert ended.stderr == ""


def test_a_listener_dies_with_its_object() -> None:
    live = LiveDiscovery([Shelf("shelf", "a")])
    listener = Listener(live)
    heard = listener.heard
    del listener
    gc.collect()
    live.refresh()
    assert heard == []


def test_copies_share_it_and_pickles_leave_it_out() -> None:
    live = LiveDiscovery([Shelf("shelf", "a")])
    assert copy.deepcopy(live) is live
    assert pickle.loads(pickle.dumps(live)) is None


def test_what_is_remembered_is_bounded() -> None:
    shelf = Shelf("shelf")
    live = LiveDiscovery([shelf])
    for generation in range(12):
        shelf.models = {f"{generation}-{number}": ModelTags() for number in range(100)}
        live.refresh()
    assert len(live.known) == 1000
    assert len(live.gone) == 900
    assert live.known[0].name == "2-0"
