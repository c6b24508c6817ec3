"""A router whose models come and go: no restart, no waiting, and a reason for each that is gone."""

from __future__ import annotations

import asyncio
import copy
import gc
import itertools
import os
import pickle
import subprocess
import sys
import threading
from typing import Any

import pytest

from langchain_scaffolding import Candidate, ModelTags, RoutingProfile, ScaffoldingConfig, ScaffoldingRouterLLM
from langchain_scaffolding.config import Profiles
from langchain_scaffolding.discovery import LiveDiscovery, OllamaSource, OpenAICompatibleSource, SourceUnavailableError
from langchain_scaffolding.doctor import diagnose
from langchain_scaffolding.errors import NoCandidateError, NoPermittedModelError, UnknownModelError
from langchain_scaffolding.insight import counterfactuals
from langchain_scaffolding.scorers import recommended_scorers
from langchain_scaffolding.testing import FakeClock, ScriptedChatModel, provider_error
from tests.discovery.servers import LLAMA_CPP, OLLAMA, serving
from tests.discovery.shelf import Shelf
from tests.paths import PATHS, call, routing

STRICT = ScaffoldingConfig(fallback_to_rule_based=False)


def live_router(*sources: Shelf, **options: Any) -> ScaffoldingRouterLLM:
    """A router that looks only when the test says `refresh`."""
    return ScaffoldingRouterLLM.from_discovery(sources, live=True, interval_s=3600, **options)


def answered_by(router: ScaffoldingRouterLLM, path: str = "invoke", **options: Any) -> str:
    model: str = routing(call(router, path, "hello", **options))["model"]
    return model


@pytest.mark.parametrize("path", PATHS)
def test_S02_a_model_that_appears_is_called_and_one_that_is_gone_is_rejected_for_its_reason(path: str) -> None:
    shelf = Shelf("shelf", "a")
    router = live_router(shelf)
    assert answered_by(router, path) == "a"
    shelf.models = {"b": ModelTags(size_gb=1)}
    router.discovery.refresh()
    assert answered_by(router, path) == "b"
    ranking = router.explain("hello")
    assert [(each.name, each.reason) for each in ranking.rejected] == [("a", "is gone (shelf has it no more)")]
    assert [each.name for each in router.models] == ["a", "b"]
    (finding,) = diagnose(router, tasks=["chat"])
    assert (finding.model, finding.constraint, finding.found) == ("a", "discovery", "shelf has it no more")


@pytest.mark.enable_socket
def test_S02_a_server_that_starts_later_joins_and_one_that_ends_leaves_without_a_restart() -> None:
    with serving(LLAMA_CPP) as llama_cpp, serving({}) as later:
        sources: list[Any] = [OpenAICompatibleSource(url=llama_cpp.url), OllamaSource(url=later.url)]
        router = ScaffoldingRouterLLM.from_discovery(sources, live=True, interval_s=0.02)
        told = Told(router)
        assert router.explain("hello").names == ["tiny"]
        later.pages = OLLAMA
        told.wait_for({"tiny", "qwen2:1.5b", "gpt-oss:120b-cloud"})
        llama_cpp.pages = {}
        told.wait_for({"qwen2:1.5b", "gpt-oss:120b-cloud"})
        (gone,) = router.explain("hello").rejected
        assert (gone.name, gone.by) == ("tiny", "is_here")
        assert gone.reason.endswith("/v1/models answers HTTP 404)")
        router.discovery.close()


class Told:
    """Waits until the router has other models."""

    def __init__(self, router: ScaffoldingRouterLLM) -> None:
        self.router = router
        self.changed = threading.Condition()
        router.discovery.subscribe(self.tell)

    def tell(self) -> None:
        with self.changed:
            self.changed.notify_all()

    def wait_for(self, names: set[str]) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: set(self.router.explain("hello").names) == names, timeout=30)


@pytest.mark.parametrize("path", PATHS)
def test_S02_no_call_waits_for_a_look(path: str) -> None:
    shelf = Shelf("shelf", "a")
    router = ScaffoldingRouterLLM.from_discovery([shelf], live=True, interval_s=0.01)
    shelf.open.clear()
    shelf.asked.clear()
    assert shelf.asked.wait(30)  # the background waits for the source, and goes on waiting
    assert answered_by(router, path) == "a"
    shelf.open.set()
    router.discovery.close()


async def test_the_event_loop_goes_on_while_a_router_is_made() -> None:
    shelf = Shelf("shelf", "a")
    shelf.open.clear()
    making = asyncio.create_task(ScaffoldingRouterLLM.afrom_discovery([shelf], live=True, interval_s=3600))
    while not shelf.asked.is_set():
        await asyncio.sleep(0)
    shelf.open.set()
    router = await making
    assert (await router.ainvoke("hello")).content == "from a"


def test_a_router_may_begin_without_any_model() -> None:
    shelf = Shelf("shelf")
    router = live_router(shelf, config=STRICT)
    with pytest.raises(NoCandidateError, match="none has been found yet"):
        router.invoke("hello")
    with pytest.raises(UnknownModelError):
        router.invoke("hello", model="a")
    assert "tool_calling" not in router.profile
    shelf.models = {"a": ModelTags(capabilities={"CHAT", "TOOLS"}, context_length=2000)}
    router.discovery.refresh()
    assert answered_by(router, model="a") == "a"
    assert (router.profile["tool_calling"], router.profile["max_input_tokens"]) == (True, 2000)


def test_models_of_ones_own_stay_and_stand_before_those_found_by_the_same_name() -> None:
    own = ScriptedChatModel("my own", name="a", metadata={"size_gb": 1})
    shelf = Shelf("shelf", "a", "b")
    router = ScaffoldingRouterLLM(models=[own], discovery=LiveDiscovery([shelf]))
    router.discovery.refresh()
    assert [each.name for each in router.models] == ["a", "b"]
    shelf.models = {}
    router.discovery.refresh()
    assert router.invoke("hello").content == "my own"
    assert [each.name for each in router.explain("hello").rejected] == ["b"]
    router.models = (*router.models, ScriptedChatModel("another", name="c"))
    shelf.models = {"b": ModelTags()}
    router.discovery.refresh()
    assert [each.name for each in router.models] == ["a", "c", "b"]


def test_a_model_profile_that_was_given_stays() -> None:
    shelf = Shelf("shelf", "a")
    router = live_router(shelf, profile={"max_input_tokens": 77})
    shelf.models["b"] = ModelTags(context_length=9000)
    router.discovery.refresh()
    assert router.profile == {"max_input_tokens": 77}


@pytest.mark.parametrize("path", PATHS)
def test_S19_what_appears_later_is_held_to_the_profile(path: str) -> None:
    shelf = Shelf("shelf", "local")
    shelf.models = {"local": ModelTags(local=True, size_gb=20)}
    router = live_router(shelf, profile=RoutingProfile(name="private", local_only=True), config=STRICT)
    assert answered_by(router, path) == "local"
    shelf.models = {"hosted": ModelTags(local=False, size_gb=1), "unknown": ModelTags(size_gb=1)}
    router.discovery.refresh()
    with pytest.raises(NoPermittedModelError, match="hosted: profile 'private' allows local models only"):
        call(router, path, "hello")
    assert [each.chat_model.calls for each in router.models if each.name != "local"] == [0, 0]


@pytest.mark.parametrize("path", PATHS)
def test_S19_a_model_that_is_handed_on_to_a_cloud_meanwhile_is_no_longer_local(path: str) -> None:
    shelf = Shelf("shelf")
    shelf.models = {"a": ModelTags(local=True)}
    router = live_router(shelf, profile=RoutingProfile(name="private", local_only=True))
    assert answered_by(router, path) == "a"
    shelf.models = {"a": ModelTags(local=False)}
    router.discovery.refresh()
    assert answered_by(router, path) == "rules"


def test_S19_a_profile_may_name_a_model_that_is_yet_to_come_and_holds_until_then() -> None:
    shelf = Shelf("shelf", "a")
    router = live_router(shelf, profile=RoutingProfile(name="only b", allow=["b"]))
    assert answered_by(router) == "rules"
    (finding,) = diagnose(router, tasks=["chat"]).about("setup")
    assert (finding.constraint, finding.found) == ("profile 'only b'", "it names 'b', which is not there")
    shelf.models["b"] = ModelTags()
    router.discovery.refresh()
    assert answered_by(router) == "b"


def test_S19_models_come_and_go_though_the_profiles_have_gone_wrong_and_the_old_ones_hold(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now = Profiles(always=(RoutingProfile(name="private", local_only=True),))
    shelf = Shelf("shelf", "hosted")
    router = live_router(shelf, profiles=lambda: now)
    now = Profiles(always=(RoutingProfile(name="wrong", tasks={"no such task": {}}),))
    for name in ("a", "b"):
        shelf.models[name] = ModelTags(local=True)
        router.discovery.refresh()
        assert name in router.explain("hello").names
        assert "hosted" not in router.explain("hello").names
    assert len([line for line in caplog.messages if "the old ones stay in force" in line]) == 1
    now = Profiles()
    assert router.explain("hello").names == ["a", "b", "hosted"]


def test_a_model_that_has_come_back_starts_without_a_grudge() -> None:
    shelf, clock = Shelf("shelf", "a"), FakeClock()
    shelf.answers["a"] = [provider_error("httpx", status="connection"), "well again"]
    router = live_router(shelf, config=ScaffoldingConfig(breaker_threshold=1), clock=clock)
    assert answered_by(router) == "rules"
    assert router.health()[0].state == "open"
    shelf.fault = SourceUnavailableError("nothing listens")
    router.discovery.refresh()
    assert router.health()[0].state == "open"
    shelf.fault = None
    router.discovery.refresh()
    assert router.health()[0].state == "closed"
    assert answered_by(router) == "a"


def test_what_was_counted_and_learned_stays_when_models_change() -> None:
    shelf = Shelf("shelf", "a")
    router = live_router(shelf, config=ScaffoldingConfig(hedge_after_ms=50))  # of one model: another may come
    before = router.routing
    router.performance.reset()
    router.routing.budgets.ran_out("thinker")
    shelf.models["b"] = ModelTags()
    router.discovery.refresh()
    settings = router.routing._settings
    assert router.routing is not before
    assert settings.hedging is before._settings.hedging is not None
    assert settings.abandoned is before._settings.abandoned
    assert router.routing.budgets.limit("thinker", 60) > 60


def test_a_model_that_was_loaded_meanwhile_is_preferred_from_the_next_look_on() -> None:
    shelf = Shelf("shelf")
    shelf.models = {"a": ModelTags(extra={"loaded": False}), "b": ModelTags(extra={"loaded": False})}
    router = live_router(shelf, scorers=recommended_scorers())
    assert router.explain("hello").names == ["a", "b"]
    shelf.models["b"] = ModelTags(extra={"loaded": True})
    router.discovery.refresh()
    assert router.explain("hello").names == ["b", "a"]


def test_what_would_change_the_winner_is_told_of_a_live_router_too() -> None:
    shelf = Shelf("shelf", "gone")
    router = live_router(shelf)
    shelf.models = {"a": ModelTags(size_gb=1), "b": ModelTags(size_gb=1)}
    router.discovery.refresh()
    told = [str(each) for each in counterfactuals(router, router.explain("hello"))]
    assert "`b` wins if `a` is not there" in told
    assert router.explain("hello").names == ["a", "b"]


def test_calls_go_on_while_models_come_and_go_all_the_time() -> None:
    shelf = Shelf("shelf", "a")
    router = ScaffoldingRouterLLM.from_discovery([shelf], live=True, interval_s=0.0005)
    answers: list[tuple[str, str]] = []

    def work() -> None:
        for _ in range(60):
            message = router.invoke("hello")
            answers.append((routing(message)["model"], message.content))

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    turns = itertools.cycle([("a",), ("a", "b"), ("b", "c"), ("c",)])
    while any(worker.is_alive() for worker in workers):
        shelf.models = {name: ModelTags() for name in next(turns)}
    router.discovery.close()
    assert len(answers) == 240
    assert all(content == f"from {model}" for model, content in answers)


def looking() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "discovery"]


def test_it_ends_with_the_router_or_when_it_is_closed() -> None:
    gc.collect()
    before = set(looking())
    router = live_router(Shelf("shelf", "a"))
    (thread,) = set(looking()) - before
    del router
    gc.collect()
    thread.join(30)
    assert not thread.is_alive()
    router = live_router(Shelf("shelf", "a"))
    (thread,) = set(looking()) - before
    router.discovery.close()
    thread.join(30)
    assert not thread.is_alive()
    assert answered_by(router) == "a"


@pytest.mark.parametrize("twin", [copy.copy, copy.deepcopy, lambda router: router.model_copy()])
def test_copies_follow_too(twin: Any) -> None:
    shelf = Shelf("shelf", "a")
    router = live_router(shelf)
    other = twin(router)
    shelf.models = {"b": ModelTags()}
    router.discovery.refresh()
    assert router.explain("hello").names == ["b"]
    assert other.explain("hello").names == ["b"]


def test_a_pickled_router_keeps_the_models_of_that_moment() -> None:
    router = pickle.loads(pickle.dumps(live_router(Shelf("shelf", "a"))))
    assert router.discovery is None
    assert answered_by(router) == "a"


def test_options_that_are_set_while_models_change_are_not_lost() -> None:
    shelf = Shelf("shelf", "a")
    router = ScaffoldingRouterLLM.from_discovery([shelf], live=True, interval_s=0.0001)
    for number in range(200):
        shelf.models = {f"m{number % 3}": ModelTags()}
        router.temperature = number / 1000
        assert router.call_defaults == {"temperature": number / 1000}
    router.discovery.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows does not fork")
def test_a_forked_process_looks_itself() -> None:
    script = """if True:
        import os, threading, warnings
        from langchain_scaffolding import ScaffoldingRouterLLM
        from tests.discovery.shelf import Shelf
        router = ScaffoldingRouterLLM.from_discovery([Shelf("shelf", "a")], live=True, interval_s=3600)
        router.discovery._looking.acquire(), router.discovery.telling.acquire()
        warnings.simplefilter("ignore")
        child = os.fork()
        if child == 0:
            names = [thread.name for thread in threading.enumerate()]
            router.discovery.refresh()
            os._exit(0 if "discovery" in names and router.explain("x").names == ["a"] else 1)
        raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """
    subprocess.run([sys.executable, "-c", script], check=True, timeout=120)


def test_candidates_that_change_their_tags_are_ranked_by_the_new_ones() -> None:
    shelf = Shelf("shelf", "a", "b")
    router = live_router(shelf)
    shelf.models["b"] = ModelTags(size_gb=1)
    router.discovery.refresh()
    assert router.explain("hello").names == ["b", "a"]
    assert isinstance(router.models[1], Candidate)
    assert router.models[1].tags.size_gb == 1
