"""Several named profiles: chosen by call, and only ever narrowing what is permitted."""

from __future__ import annotations

import asyncio
import copy
import logging
import pickle
from typing import Any

import pytest
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda

from langchain_scaffolding import RoutingProfile, ScaffoldingConfig, ScaffoldingRouterLLM
from langchain_scaffolding.config import Profiles
from langchain_scaffolding.errors import AllAttemptsFailedError, ConfigurationError, NoPermittedModelError
from langchain_scaffolding.scorers import default_scorers
from langchain_scaffolding.testing import ScriptedChatModel, provider_error
from tests.paths import PATHS, call, routing

PRIVATE = RoutingProfile(name="private", local_only=True)
SMALL = RoutingProfile(name="small", max_size_gb=2)
MODERATE = RoutingProfile(name="moderate", max_cost=1, tasks={"title": {"parameters": {"temperature": 0.7}}})


def model(name: str, *script: Any, **tags: Any) -> ScriptedChatModel:
    return ScriptedChatModel(*(script or (f"from {name}",)), name=name, metadata=tags)


def models() -> list[ScriptedChatModel]:
    return [
        model("cloud", size_gb=1, local=False, cost=9),
        model("cheap", size_gb=3, local=False, cost=0.5),
        model("tiny", size_gb=5, local=True),
    ]


def router(**options: Any) -> ScaffoldingRouterLLM:
    options.setdefault("profiles", [PRIVATE, SMALL, MODERATE])
    options.setdefault("scorers", default_scorers(ScaffoldingConfig())[:1])  # by size alone: nothing learned counts
    return ScaffoldingRouterLLM(models=models(), **options)


def chosen(name: Any) -> dict[str, Any]:
    return {"configurable": {"routing_profile": name}}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("name", "answered"),
    [("private", "tiny"), ("small", "cloud"), ("moderate", "cheap"), (["moderate", "private"], "tiny")],
)
def test_S19_a_call_chooses_its_profile_by_the_config(path: str, name: Any, answered: str) -> None:
    assert call(router(), path, "hi", chosen(name)).content == f"from {answered}"


def test_S19_a_keyword_chooses_too_and_a_call_that_chooses_nothing_is_as_before() -> None:
    every = router()
    assert every.invoke("hi", routing_profile="private").content == "from tiny"
    assert every.bind(routing_profile="private").invoke("hi").content == "from tiny"
    assert every.with_config(configurable={"routing_profile": "private"}).invoke("hi").content == "from tiny"
    assert every.invoke("hi").content == "from cloud"


@pytest.mark.parametrize("path", ["stream_events", "astream_events"])
@pytest.mark.filterwarnings("ignore:.*is in beta:langchain_core._api.beta_decorator.LangChainBetaWarning")
def test_S19_events_of_version_3_keep_to_the_profile_too(path: str) -> None:
    every = router()

    async def later() -> Any:
        return await (await every.astream_events("hi", chosen("private"), version="v3")).output

    told = every.stream_events("hi", chosen("private"), version="v3").output if path == "stream_events" else None
    assert (told or asyncio.run(later())).text == "from tiny"


@pytest.mark.parametrize("path", PATHS)
def test_S19_a_choice_below_narrows_what_the_chain_above_permits_and_never_widens_it(path: str) -> None:
    every = router()
    step = RunnableLambda(lambda prompt: every.invoke(prompt, chosen("moderate")))
    chain = ChatPromptTemplate.from_template("{x}") | step
    assert call(chain, path, {"x": "hi"}, chosen("private")).content == "from tiny"
    assert call(chain, path, {"x": "hi"}).content == "from cheap"


@pytest.mark.parametrize("path", PATHS)
def test_S19_the_profile_of_the_router_holds_whatever_a_call_chooses(path: str) -> None:
    every = router(profile=PRIVATE)
    assert call(every, path, "hi", chosen("moderate")).content == "from tiny"
    message = call(every, path, "hi", chosen("small"))
    assert routing(message)["source"] == "rule_based"


@pytest.mark.parametrize("path", PATHS)
def test_S19_an_unknown_profile_is_one_error_that_lists_those_there_are(path: str) -> None:
    with pytest.raises(
        ConfigurationError, match="Unknown routing profile 'privat'. Known profiles: moderate, private, small"
    ):
        call(router(), path, "hi", chosen("privat"))
    with pytest.raises(ConfigurationError, match="Known profiles: none"):
        call(router(profiles=None), path, "hi", chosen("private"))


@pytest.mark.parametrize("name", [7, "", [], ["private", 3], {"private"}])
def test_S19_what_is_no_name_of_a_profile_chooses_nothing_and_calls_nobody(name: Any) -> None:
    every = router()
    with pytest.raises(ConfigurationError, match="routing profile"):
        every.invoke("hi", chosen(name))
    assert [each.chat_model.calls for each in every.models] == [0, 0, 0]


def test_S19_explain_says_what_the_chosen_profile_excludes_and_why() -> None:
    ranking = router().explain("hi", chosen("moderate"))
    assert ranking.names == ["cheap", "tiny"]
    assert [(each.name, each.reason) for each in ranking.rejected] == [
        ("cloud", "profile 'moderate' allows $1 per million tokens, cost is $9 per million tokens")
    ]


@pytest.mark.parametrize("path", PATHS)
def test_S19_an_error_says_what_was_excluded_by_which_profile(path: str) -> None:
    strict = ScaffoldingConfig(fallback_to_rule_based=False)
    nothing = RoutingProfile(name="nothing", allow=[])
    with pytest.raises(NoPermittedModelError) as raised:
        call(router(profiles=[nothing], config=strict), path, "hi", chosen("nothing"))
    assert raised.value.rejections == tuple(
        (name, "profile 'nothing' allows only nothing") for name in ("cloud", "cheap", "tiny")
    )
    down = [model("cloud", local=False), model("tiny", RuntimeError("down"), local=True)]
    with pytest.raises(AllAttemptsFailedError, match="cloud: profile 'private' allows local models only"):
        call(ScaffoldingRouterLLM(models=down, profiles=[PRIVATE], config=strict), path, "hi", chosen("private"))


def test_S24_parameters_of_the_chosen_profile_reach_the_model() -> None:
    every = router()
    every.invoke("hi", chosen("moderate"), task="title")
    every.invoke("hi", task="title")
    cloud, cheap = every.models[0].chat_model, every.models[1].chat_model
    assert (cheap.history[0].kwargs.get("temperature"), cloud.history[0].kwargs.get("temperature")) == (0.7, None)


def test_S24_a_task_may_be_kept_on_the_machine_though_the_others_are_not() -> None:
    profile = RoutingProfile(
        name="p", tasks={"summary": {"local_only": True}, "title": {"max_size_gb": 4, "max_cost": 1}}
    )
    every = router(profile=profile)
    assert [every.explain("hi", task=task).names for task in ("chat", "summary", "title")] == [
        ["cloud", "cheap", "tiny"],
        ["tiny"],
        ["cheap"],
    ]


def test_S24_of_two_deadlines_the_shorter_holds() -> None:
    loose = RoutingProfile(name="loose", tasks={"title": {"max_response_time_ms": 9000}})
    tight = RoutingProfile(name="tight", tasks={"title": {"max_response_time_ms": 500}})
    every = router(profile=tight, profiles=[loose])
    chain = every.attempt_chain("hi", chosen("loose"), task="title")
    assert chain.settings.limits.response_s == 0.5


def test_S19_calls_under_different_profiles_share_what_is_learned_and_the_breakers() -> None:
    refused = model("tiny", provider_error("openai", status=401), local=True, size_gb=1)
    every = ScaffoldingRouterLLM(models=[refused, model("spare", local=True, size_gb=9)], profiles=[PRIVATE])
    assert every.invoke("hi", chosen("private")).content == "from spare"
    assert every.performance.stats("chat", "tiny").errors == 1
    assert [each.state for each in every.health()] == ["open", "closed"]
    assert every.invoke("hi").content == "from spare"
    assert refused.calls == 1


@pytest.mark.parametrize("twin", [copy.copy, copy.deepcopy, lambda each: each.model_copy()])
def test_S19_copies_keep_the_profiles(twin: Any) -> None:
    assert twin(router()).invoke("hi", chosen("private")).content == "from tiny"


def test_S19_a_pickled_router_keeps_the_profiles() -> None:
    every = router(clock=_zero)
    assert pickle.loads(pickle.dumps(every.profiles))() == every.profiles()


def _zero() -> float:
    return 0.0


def test_S19_what_is_kept_under_one_profile_is_not_given_under_another() -> None:
    every = router(cache=True)
    assert every.invoke("hi", chosen("moderate")).content == "from cheap"
    assert every.invoke("hi", chosen("private")).content == "from tiny"
    assert every.invoke("hi").content == "from cloud"
    assert every.invoke("hi", chosen("moderate")).content == "from cheap"
    assert [each.chat_model.calls for each in every.models] == [1, 1, 1]


def test_S19_a_source_of_profiles_is_asked_by_every_call() -> None:
    given = [Profiles.of([PRIVATE]), Profiles.of([SMALL.model_copy(update={"name": "private"})])]
    every = router(profiles=lambda: given[0])
    assert every.invoke("hi", chosen("private")).content == "from tiny"
    given.pop(0)
    assert every.invoke("hi", chosen("private")).content == "from cloud"


def test_S19_new_profiles_that_name_no_model_leave_the_old_ones_in_force(caplog: pytest.LogCaptureFixture) -> None:
    given = [Profiles.of([PRIVATE]), Profiles(always=(RoutingProfile(name="typo", allow=["tinny"]),))]
    every = router(profiles=lambda: given[0])
    every.invoke("hi", chosen("private"))
    given.pop(0)
    for _ in range(3):
        assert every.invoke("hi", chosen("private")).content == "from tiny"
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == [
        "The new profiles name 'tinny', which there is not; the old ones stay in force."
    ]


def test_S19_profiles_are_checked_when_the_router_is_made() -> None:
    for profiles, told in (
        ([PRIVATE, PRIVATE], "Two profiles are named 'private'"),
        (["private"], "takes `RoutingProfile`s, not 'private'"),
        ([RoutingProfile(name="p", deny=["nobody"])], "Unknown model 'nobody'"),
        ([RoutingProfile(name="p", tasks={"titel": {"local_only": True}})], "Unknown task 'titel'"),
    ):
        with pytest.raises(ConfigurationError, match=told):
            router(profiles=profiles)


def test_S19_a_profile_that_contradicts_itself_is_refused() -> None:
    with pytest.raises(ValueError, match="not among those it allows"):
        RoutingProfile(name="p", pin="a", allow=["b"])
    with pytest.raises(ValueError, match="pins 'a' and denies it"):
        RoutingProfile(name="p", tasks={"title": {"pin": "a", "deny": ["a"]}})
    with pytest.raises(ValueError, match="give a list of model names"):
        RoutingProfile(name="p", allow="tiny")


@pytest.mark.parametrize("cost", ["free", True, None])
def test_a_cost_that_cannot_be_read_is_unknown_and_unknown_is_not_permitted(cost: Any) -> None:
    every = ScaffoldingRouterLLM(
        models=[model("a", cost=cost, local=False)], profile=RoutingProfile(name="p", max_cost=1)
    )
    assert every.explain("hi").names == []
