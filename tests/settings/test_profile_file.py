"""Profiles out of a file: read anew when it changes, and held on to when it breaks."""

from __future__ import annotations

import copy
import logging
import os
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from langchain_scaffolding import RoutingProfile, ScaffoldingRouterLLM
from langchain_scaffolding.errors import ConfigurationError
from langchain_scaffolding.settings import ProfileFile
from langchain_scaffolding.testing import FakeClock, ScriptedChatModel

PRIVATE = "[profiles.private]\nlocal_only = true\n"
SMALL = "[profiles.private]\nmax_size_gb = 2\n"
CHOSEN = {"configurable": {"routing_profile": "private"}}


def models() -> list[ScriptedChatModel]:
    return [
        ScriptedChatModel("from cloud", name="cloud", metadata={"size_gb": 1, "local": False}),
        ScriptedChatModel("from tiny", name="tiny", metadata={"size_gb": 5, "local": True}),
    ]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "profiles.toml"
    path.write_text(PRIVATE, encoding="utf-8")
    return path


def test_S19_a_changed_file_holds_after_the_interval_and_not_before(path: Path) -> None:
    clock = FakeClock()
    router = ScaffoldingRouterLLM(models=models(), profiles=ProfileFile(path, every_s=5, clock=clock))
    assert router.invoke("hi", CHOSEN).content == "from tiny"
    path.write_text(SMALL, encoding="utf-8")
    clock.advance(4.9)
    assert router.invoke("hi", CHOSEN).content == "from tiny"
    clock.advance(0.1)
    assert router.invoke("hi", CHOSEN).content == "from cloud"


def test_S19_a_call_within_the_interval_touches_no_file(path: Path) -> None:
    profiles = ProfileFile(path, every_s=5, clock=FakeClock())
    path.unlink()
    assert profiles().by_name["private"].local_only
    assert profiles() is profiles()


@pytest.mark.parametrize("broken", ["[profiles", "[profiles.private]\nlocal_onyl = true\n", None])
def test_S19_a_broken_file_leaves_the_old_profile_in_force_and_says_so_once(
    path: Path, broken: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    clock = FakeClock()
    router = ScaffoldingRouterLLM(models=models(), profiles=ProfileFile(path, every_s=5, clock=clock))
    path.unlink() if broken is None else path.write_text(broken, encoding="utf-8")
    for _ in range(4):
        clock.advance(5)
        assert router.invoke("hi", CHOSEN).content == "from tiny"
    (told,) = (record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING)
    assert told.startswith(f"The profiles have changed and cannot be read; the old ones stay in force. {path}")
    path.write_text(SMALL, encoding="utf-8")
    clock.advance(5)
    assert router.invoke("hi", CHOSEN).content == "from cloud"


def test_S19_a_new_profile_name_is_known_and_an_old_one_is_not(path: Path) -> None:
    clock = FakeClock()
    router = ScaffoldingRouterLLM(models=models(), profiles=ProfileFile(path, every_s=5, clock=clock))
    path.write_text("[profiles.frugal]\nmax_size_gb = 2\n", encoding="utf-8")
    clock.advance(5)
    with pytest.raises(ConfigurationError, match="Unknown routing profile 'private'. Known profiles: frugal"):
        router.invoke("hi", CHOSEN)


def test_S19_a_file_may_name_the_profile_that_always_holds_and_what_holds_of_a_task(path: Path) -> None:
    path.write_text(f'profile = "private"\n[tasks.title]\npin = "cloud"\n{PRIVATE}', encoding="utf-8")
    router = ScaffoldingRouterLLM(models=models(), profiles=ProfileFile(path))
    assert router.invoke("hi").content == "from tiny"
    assert [(each.name, each.reason) for each in router.explain("hi", task="title").rejected] == [
        ("cloud", "profile 'private' allows local models only, and this one is not local"),
        ("tiny", "profile 'profiles.toml' pins cloud"),
    ]


def test_S19_the_environment_names_the_file_and_the_profile(path: Path) -> None:
    name = "LANGCHAIN_SCAFFOLDING_PROFILE"
    assert ProfileFile.from_environment({}) is None
    assert ProfileFile.from_environment({name: ""}) is None
    assert ProfileFile.from_environment({name: str(path)})().always == ()
    always = ProfileFile.from_environment({name: f"{path}#private"})().always
    assert always == (RoutingProfile(name="private", local_only=True),)
    with pytest.raises(ConfigurationError, match="names no file of profiles. Write profiles.toml#private"):
        ProfileFile.from_environment({name: "private"})
    with pytest.raises(ConfigurationError, match="no profile 'other'. Profiles of this file: private"):
        ProfileFile.from_environment({name: f"{path}#other"})


@pytest.mark.parametrize("every_s", [0, -1, float("nan")])
def test_an_interval_is_above_0(path: Path, every_s: float) -> None:
    with pytest.raises(ConfigurationError, match="every_s"):
        ProfileFile(path, every_s=every_s)


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each))])
def test_copies_and_pickles_read_the_file_themselves(path: Path, twin: Any) -> None:
    assert twin(ProfileFile(path))() == ProfileFile(path)()


def test_many_threads_read_a_changed_file_once(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    clock = FakeClock()
    profiles = ProfileFile(path, every_s=5, clock=clock)
    path.write_text(SMALL, encoding="utf-8")
    os.utime(path, ns=(1, 1))
    clock.advance(5)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: profiles(), range(200)))
    assert profiles().by_name["private"].max_size_gb == 2
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.INFO] == [
        f"Profiles were read anew from {path}."
    ]
