"""One clear error at the border, which names the value and the remedy."""

from __future__ import annotations

import pytest

from langchain_scaffolding import Candidate, ModelTags, RoutingProfile, ScaffoldingConfig, ScaffoldingRouterLLM
from langchain_scaffolding.errors import (
    ConfigurationError,
    DuplicateCandidateError,
    EmptyInputError,
    UnknownModelError,
    UnknownTaskError,
)
from langchain_scaffolding.filters import fits_context
from langchain_scaffolding.scorers import SizeScorer
from langchain_scaffolding.testing import ScriptedChatModel


def model(name: str = "tiny", **metadata: object) -> ScriptedChatModel:
    return ScriptedChatModel("ok", name=name, metadata=metadata)


def test_no_models() -> None:
    with pytest.raises(ConfigurationError, match="`models` is empty. Register at least one chat model"):
        ScaffoldingRouterLLM(models=[])


@pytest.mark.parametrize("models", ["gpt", b"bytes", None, 3])
def test_models_that_are_no_list(models: object) -> None:
    with pytest.raises(ConfigurationError, match="takes a list of chat models"):
        ScaffoldingRouterLLM(models=models)


def test_something_that_is_no_chat_model() -> None:
    with pytest.raises(ConfigurationError, match=r"str is not a chat model: 'gpt-4'.*init_chat_model"):
        ScaffoldingRouterLLM(models=["gpt-4"])
    with pytest.raises(ConfigurationError, match="Candidate 'x' is a int, not a chat model"):
        Candidate(name="x", model=3)


def test_two_models_of_one_name() -> None:
    with pytest.raises(DuplicateCandidateError, match="Two models are named 'tiny'. Give one of them its own name"):
        ScaffoldingRouterLLM(models=[model(), model()])


@pytest.mark.parametrize(
    ("metadata", "found"),
    [
        ({"size_gb": -1}, "size_gb=-1"),
        ({"size_gb": "abc"}, "size_gb='abc'"),
        ({"size_gb": float("nan")}, "size_gb=nan"),
        ({"context_length": 0}, "context_length=0"),
        ({"capabilities": "CHAT"}, "capabilities='CHAT'"),
        ({"quantization": 4}, "quantization=4"),
    ],
)
def test_a_tag_that_cannot_be_read(metadata: dict[str, object], found: str) -> None:
    with pytest.raises(ConfigurationError, match=f"The metadata of model 'tiny' cannot be read.*{found}.*Correct"):
        ScaffoldingRouterLLM(models=[model(**metadata)])


def test_explicit_tags_that_cannot_be_read() -> None:
    with pytest.raises(ValueError, match="size_gb"):
        ModelTags(size_gb=-1)
    with pytest.raises(ValueError, match="sise_gb"):
        ModelTags(sise_gb=1)


def test_metadata_with_unknown_keys_is_kept_and_ignored() -> None:
    subject = model(size_gb="1.5", owner="me", temperature_c=21)
    router = ScaffoldingRouterLLM(models=[subject])
    assert router.models[0].tags.size_gb == 1.5
    assert router.models[0].tags.extra == {"owner": "me", "temperature_c": 21}
    assert subject.metadata["owner"] == "me"


@pytest.mark.parametrize("call", ["invoke", "explain"])
def test_an_unknown_model_or_task(call: str) -> None:
    router = ScaffoldingRouterLLM(models=[model()])
    with pytest.raises(UnknownModelError, match="Unknown model 'big'. Registered models: tiny."):
        getattr(router, call)("x", model="big")
    with pytest.raises(UnknownTaskError, match=r"Unknown task 'poem'. Known tasks: chat, fill, .*tasks=\[...\]"):
        getattr(router, call)("x", task="poem")


async def test_an_empty_message_list_in_every_path() -> None:
    router = ScaffoldingRouterLLM(models=[model()])
    with pytest.raises(EmptyInputError, match="The list of messages is empty"):
        router.invoke([])
    with pytest.raises(EmptyInputError):
        await router.ainvoke([])
    with pytest.raises(EmptyInputError):
        list(router.stream([]))
    with pytest.raises(EmptyInputError):
        [chunk async for chunk in router.astream([])]


def test_a_misspelt_option() -> None:
    with pytest.raises(ConfigurationError, match="has no option `polcy`. Did you mean `policy`?"):
        ScaffoldingRouterLLM(models=[model()], polcy="greedy")


@pytest.mark.parametrize(
    ("option", "value"),
    [("scorers", SizeScorer("small")), ("filters", fits_context), ("observers", print), ("tasks", "poem")],
)
def test_one_where_a_list_is_taken(option: str, value: object) -> None:
    with pytest.raises(ConfigurationError, match=rf"`{option}` takes a list, not one \w+: write `{option}=\[...\]`"):
        ScaffoldingRouterLLM(models=[model()], **{option: value})
    ScaffoldingRouterLLM(models=[model()], **{option: [value]})


def test_an_unknown_policy() -> None:
    with pytest.raises(ConfigurationError, match=r"Unknown policy 'clever'. Known policies: .*greedy"):
        ScaffoldingRouterLLM(models=[model()], policy="clever")
    with pytest.raises(ConfigurationError, match="A policy has `order"):
        ScaffoldingRouterLLM(models=[model()], policy=object())


@pytest.mark.parametrize(
    "name",
    ["max_response_time_ms", "attempt_timeout_ms", "first_token_timeout_ms", "stall_timeout_ms", "min_tokens_per_s"],
)
@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), "soon"])
def test_limits_that_are_none(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=name):
        ScaffoldingConfig(**{name: value})


def test_a_pace_without_the_time_it_is_an_average_over() -> None:
    with pytest.raises(ValueError, match="average over `stall_timeout_ms`; set that too"):
        ScaffoldingConfig(min_tokens_per_s=5)


def test_a_profile_that_names_an_unknown_model() -> None:
    with pytest.raises(UnknownModelError, match="Unknown model 'big'"):
        ScaffoldingRouterLLM(models=[model()], profile=RoutingProfile(name="p", deny=["big"]))


def test_a_profile_that_contradicts_itself() -> None:
    with pytest.raises(ValueError, match="pins 'tiny' and denies it"):
        RoutingProfile(name="p", pin="tiny", deny=["tiny"])
