"""Copies, configurations and wrappings of a router: what they share, what they keep, and what they forget."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
from typing import Any

import pytest
from langchain_core.load import dumps
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import ConfigurableField, RunnableBinding, RunnableWithFallbacks

from langchain_scaffolding import Candidate, ModelTags, RoutingProfile, ScaffoldingConfig, ScaffoldingRouterLLM
from langchain_scaffolding.errors import AllAttemptsFailedError, NoCandidateError
from langchain_scaffolding.testing import RecordingHandler, ScriptedChatModel, obedient, structured_reply
from tests.langchain.models import TEXT, add, down, large, router_of, small
from tests.langchain.test_structured_output import VALUES, Joke
from tests.paths import PATHS, call, routing


def pickled(subject: Any) -> Any:
    return pickle.loads(pickle.dumps(subject))


def calls(router: Any) -> int:
    """How many calls the router's statistics count."""
    return sum(row.calls for row in router.performance.snapshot())


@pytest.mark.parametrize("path", PATHS)
def test_a_copy_shares_what_is_learned(path: str) -> None:
    router = router_of(small(), large())
    twin = router.model_copy()
    call(twin, path)
    call(router, path)
    assert twin.performance is router.performance
    assert calls(router) == 2


def test_a_copy_with_other_options_acts_on_them() -> None:
    router = router_of(small(), large(obedient), temperature=0.1)
    assert routing(router.model_copy(update={"models": [large()]}).invoke("hi"))["model"] == "large"
    assert router.model_copy(update={"config": ScaffoldingConfig(preferred_model_size="large")}).explain("x").names
    warm = router.model_copy(update={"temperature": 0.9})
    warm.invoke("hi")
    assert router.models[0].chat_model.history[-1].kwargs["temperature"] == 0.9
    router.invoke("hi")
    assert router.models[0].chat_model.history[-1].kwargs["temperature"] == 0.1


@pytest.mark.parametrize("name", ["profile", "routing_profile"])
def test_a_profile_given_to_a_copy_holds_there(name: str) -> None:
    """It must never fail open, whichever of its two names it was given under."""
    config = ScaffoldingConfig(fallback_to_rule_based=False)
    private = router_of(config=config).model_copy(update={name: RoutingProfile(name="private", local_only=True)})
    with pytest.raises(NoCandidateError, match="'private' allows local models only"):
        private.invoke("hi")


def test_what_a_router_says_of_its_abilities_follows_its_models() -> None:
    seeing = Candidate(name="seeing", model=small(), tags=ModelTags(capabilities={"CHAT", "VISION"}))
    blind = Candidate.of(large(name="blind"))
    router = ScaffoldingRouterLLM(models=[blind])
    assert "image_inputs" not in router.profile
    assert router.model_copy(update={"models": [seeing]}).profile["image_inputs"] is True
    router.models = [seeing, blind]
    assert router.profile["image_inputs"] is True


def test_an_option_that_is_set_later_holds_from_then_on() -> None:
    seen, model = RecordingHandler(), small(obedient)
    router = router_of(model)
    router.invoke("hi")
    router.temperature = 0.5
    router.callbacks = [seen]
    router.tags = ["later"]
    router.invoke("hi")
    assert [each.kwargs.get("temperature") for each in model.history] == [None, 0.5]
    assert {run.tags for run in seen.runs("chain")} == {("later",)}
    router.config = ScaffoldingConfig(preferred_capabilities=["CODE"])
    assert router.explain("x").names == []
    assert calls(router) == 2


@pytest.mark.parametrize("path", PATHS)
def test_a_deep_copy_is_a_router_of_its_own(path: str) -> None:
    router = router_of(small(), large())
    call(router, path)
    twin = copy.deepcopy(router)
    assert twin.performance is not router.performance
    assert calls(twin) == 1
    call(twin, path)
    assert (calls(router), calls(twin)) == (1, 2)
    assert twin.models[0].model is not router.models[0].model
    assert router.model_copy(deep=True).performance is not router.performance


@pytest.mark.parametrize("path", PATHS)
def test_a_router_survives_pickling_with_what_it_learned(path: str) -> None:
    router = router_of(small(), large(), tags=["t"], cache=True, temperature=0.5)
    call(router, path)
    twin = pickled(router)
    assert calls(twin) == 1
    answer = call(twin, path, "Something else.")
    assert (answer.content, routing(answer)["model"]) == (TEXT, "small")
    assert (twin.tags, twin.temperature) == (["t"], 0.5)
    assert (calls(router), calls(twin)) == (1, 2)


def test_bound_and_structured_routers_survive_pickling() -> None:
    bound = pickled(router_of(small(obedient)).bind_tools([add]))
    assert bound.invoke("Add 1 and 2.").tool_calls[0]["args"] == {"a": 1, "b": 2}
    assert copy.deepcopy(bound).invoke("Add 1 and 2.").tool_calls[0]["name"] == "add"
    joker = pickled(router_of(small("no joke")).with_structured_output(Joke))
    with pytest.raises(AllAttemptsFailedError):
        joker.invoke("hi")


def test_a_dump_names_the_router_and_no_secret() -> None:
    secret = ScriptedChatModel("ok", name="small", metadata={"note": "sk-abcdef1234567890"})
    dumped = json.loads(dumps(ScaffoldingRouterLLM(models=[secret])))
    assert dumped["type"] == "not_implemented"
    assert dumped["id"][-1] == "ScaffoldingRouterLLM"
    assert "sk-abcdef" not in json.dumps(dumped)
    assert "sk-abcdef" not in repr(ScaffoldingRouterLLM(models=[secret]))


# --- wrappings --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PATHS)
def test_a_configured_router_keeps_its_tags_and_its_learning(path: str) -> None:
    seen, router = RecordingHandler(), router_of()
    configured = router.with_config(tags=["x"], run_name="named", callbacks=[seen])
    assert isinstance(configured, RunnableBinding)
    call(configured, path)
    assert seen.tree() == (("named", (("small", ()),)),)
    assert all("x" in run.tags for run in seen.runs())
    assert calls(router) == 1


@pytest.mark.parametrize("path", ["invoke", "ainvoke"])
def test_a_retried_router_tries_again(path: str) -> None:
    config = ScaffoldingConfig(fallback_to_rule_based=False)
    router = router_of(small(ConnectionError("down"), TEXT), config=config)
    assert call(router.with_retry(stop_after_attempt=2, wait_exponential_jitter=False), path).content == TEXT
    assert calls(router) == 2


@pytest.mark.parametrize("path", PATHS)
def test_a_router_falls_back_to_another_and_keeps_its_tools_and_schemas(path: str) -> None:
    config = ScaffoldingConfig(fallback_to_rule_based=False)
    both = router_of(down(), config=config).with_fallbacks([router_of(large(obedient), config=config)])
    assert isinstance(both, RunnableWithFallbacks)
    assert routing(call(both, path, "hi"))["model"] == "large"
    assert call(both.bind_tools([add]), path, "Add 1 and 2.").tool_calls[0]["args"] == {"a": 1, "b": 2}
    joking = router_of(down(), config=config).with_fallbacks([router_of(large(structured_reply(**VALUES)))])
    assert call(joking.with_structured_output(Joke), path) == Joke(**VALUES)


@pytest.mark.parametrize("path", PATHS)
def test_a_configurable_router_is_configured_by_the_call_and_learns_in_one_place(path: str) -> None:
    router = router_of(small(obedient), large(obedient), cache=True)
    configurable = router.configurable_fields(
        temperature=ConfigurableField(id="heat"), config=ConfigurableField(id="routing_config")
    )
    call(configurable, path, "hi", {"configurable": {"heat": 0.3}})
    assert router.models[0].chat_model.history[-1].kwargs["temperature"] == 0.3
    call(configurable, path, "ho")
    assert "temperature" not in router.models[0].chat_model.history[-1].kwargs
    large_first = {"configurable": {"routing_config": ScaffoldingConfig(preferred_model_size="large")}}
    call(configurable, path, "ha", large_first)
    assert calls(router) == 3
    again = call(configurable, path, "hi", {"configurable": {"heat": 0.3}})
    assert routing(again)["cached"] is True
    assert calls(router) == 3


@pytest.mark.parametrize("path", PATHS)
def test_a_router_is_an_alternative_like_any_other(path: str) -> None:
    either = router_of().configurable_alternatives(
        ConfigurableField(id="which"), default_key="first", second=router_of(large())
    )
    assert call(either, path).content == TEXT
    assert call(either, path, "hi", {"configurable": {"which": "second"}}).content == "from large"


def test_a_call_inside_a_chain_takes_its_task_from_the_config_around_it() -> None:
    chain = ChatPromptTemplate.from_template("{x}") | router_of() | StrOutputParser()
    assert chain.invoke({"x": "hi"}, {"configurable": {"scaffold_task": "title"}}) == TEXT
    router = router_of()
    (ChatPromptTemplate.from_template("{x}") | router).invoke({"x": "hi"}, {"configurable": {"scaffold_task": "title"}})
    assert router.performance.snapshot()[0].task == "title"


def test_a_router_may_be_a_candidate_of_another() -> None:
    seen = RecordingHandler()
    inner = router_of(down(), large(obedient), name="inner")
    outer = ScaffoldingRouterLLM(models=[Candidate(name="inner", model=inner)], name="outer")
    message = outer.bind_tools([add]).invoke("Add 1 and 2.", {"callbacks": [seen]})
    assert message.tool_calls[0]["args"] == {"a": 1, "b": 2}
    assert routing(message)["model"] == "inner"
    assert seen.tree() == (("outer", (("inner", (("small", ()), ("large", ()))),)),)
    asyncio.run(outer.ainvoke("hi"))
    assert calls(outer) == 2
