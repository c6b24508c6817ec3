"""What every LangChain chat model takes as options, on a router."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage
from langchain_core.rate_limiters import InMemoryRateLimiter

from langchain_scaffolding import Candidate, ModelTags, ScaffoldingConfig, ScaffoldingRouterLLM
from langchain_scaffolding.testing import FakeClock, Reply, ScriptedChatModel, obedient
from tests.langchain.models import TEXT, add, down, get_weather, large, router_of, small
from tests.langchain.test_events import events_of, tokens
from tests.paths import PATHS, STREAMS, call, chunks, routing

# --- output_version ---------------------------------------------------------------------------------------------------

RICH = Reply(
    [{"type": "text", "text": "Let me see."}],
    reasoning="Two numbers are to be added.",
    tool_calls=[{"name": "add", "args": {"a": 1, "b": 2}, "id": "1"}],
)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("reply", [Reply(TEXT), RICH, Reply("Let me see.", tool_calls=RICH.tool_calls)])
def test_version_1_content_is_what_the_models_own_version_1_would_be(path: str, reply: Reply) -> None:
    message = call(router_of(small(reply), output_version="v1"), path)
    bare = call(small(reply, output_version="v1"), path)
    assert message.content == bare.content
    assert message.response_metadata["output_version"] == "v1"
    assert message.tool_calls == bare.tool_calls
    assert message.text == bare.text
    assert routing(message)["model"] == "small"


@pytest.mark.parametrize("path", STREAMS)
def test_the_blocks_of_version_1_chunks_are_numbered_through(path: str) -> None:
    parts = chunks(router_of(small(RICH), output_version="v1"), path, "hi")
    numbers = [block["index"] for part in parts for block in part.content]
    assert len(set(numbers)) == 3
    assert all(isinstance(part, AIMessageChunk) for part in parts)


@pytest.mark.parametrize("path", PATHS)
def test_the_rules_speak_version_1_too(path: str) -> None:
    message = call(router_of(down(), output_version="v1"), path, "Tea is made of leaves. It is hot.")
    assert routing(message)["source"] == "rule_based"
    assert {block["type"] for block in message.content} == {"text"}
    assert message.text


@pytest.mark.parametrize("path", PATHS)
def test_a_candidates_own_version_1_stays(path: str) -> None:
    message = call(router_of(small(RICH, output_version="v1")), path)
    assert [block["type"] for block in message.content] == ["reasoning", "text", "tool_call"]


# --- streaming turned off ---------------------------------------------------------------------------------------------

OFF: list[dict[str, Any]] = [{"disable_streaming": True}, {"streaming": False}]


@pytest.mark.parametrize("path", STREAMS)
@pytest.mark.parametrize("off", OFF)
def test_a_router_that_does_not_stream_gives_its_answer_whole(path: str, off: dict[str, Any]) -> None:
    model = small()
    (message,) = chunks(router_of(model, **off), path, "hi")
    assert (type(message), message.content) == (AIMessage, TEXT)
    assert routing(message)["model"] == "small"
    assert {each.run_kind for each in model.history} <= {"invoke", "ainvoke"}


@pytest.mark.parametrize("off", OFF)
async def test_it_does_not_stream_below_an_event_stream_either(off: dict[str, Any]) -> None:
    for model in (small(), Candidate(name="bound", model=small().bind(temperature=0).with_config(tags=["x"]))):
        assert tokens(await events_of(router_of(model, **off))) == ()
        assert tokens(await events_of(router_of(model))) != ()


@pytest.mark.parametrize("path", STREAMS)
def test_streaming_can_be_turned_off_for_tool_calls_alone(path: str) -> None:
    router = router_of(small(obedient), disable_streaming="tool_calling")
    assert len(chunks(router, path, "hi there")) > 1
    (message,) = chunks(router.bind_tools([add]), path, "Add 1 and 2.")
    assert message.tool_calls[0]["args"] == {"a": 1, "b": 2}


@pytest.mark.parametrize("path", STREAMS)
def test_a_call_can_turn_streaming_off(path: str) -> None:
    (message,) = chunks(router_of(), path, "hi", stream=False)
    assert message.content == TEXT


# --- limits and defaults ----------------------------------------------------------------------------------------------


class CountingLimiter(InMemoryRateLimiter):
    def __init__(self) -> None:
        super().__init__(requests_per_second=1e9)
        self.asked: list[str] = []

    def acquire(self, *, blocking: bool = True) -> bool:
        self.asked.append("sync")
        return True

    async def aacquire(self, *, blocking: bool = True) -> bool:
        self.asked.append("async")
        return True


@pytest.mark.parametrize("path", PATHS)
def test_a_rate_limiter_of_the_router_is_asked_once_per_call_and_one_of_a_model_once_per_attempt(path: str) -> None:
    whole, each = CountingLimiter(), CountingLimiter()
    router = router_of(down(rate_limiter=each), large(), rate_limiter=whole)
    call(router, path)
    kind = "async" if path.startswith("a") else "sync"
    assert (whole.asked, each.asked) == ([kind], [kind])


@pytest.mark.parametrize("path", PATHS)
def test_a_rate_limiter_is_waited_for_no_longer_than_the_call_may_take(path: str) -> None:
    clock, model = FakeClock(), small("ok")
    limiter = InMemoryRateLimiter(requests_per_second=0.001, max_bucket_size=1)
    config = ScaffoldingConfig(max_response_time_ms=2000)
    router = ScaffoldingRouterLLM(models=[model], rate_limiter=limiter, config=config, clock=clock)
    message = call(router, path, "Tea is made of leaves. It steeps for minutes.", task="outline")
    assert (routing(message)["model"], model.calls) == ("rules", 0)
    assert 2 <= clock() <= 2.1


@pytest.mark.parametrize("path", PATHS)
def test_a_turn_that_comes_in_time_is_taken(path: str) -> None:
    class Patient(CountingLimiter):
        """Lets the third who asks pass."""

        def acquire(self, *, blocking: bool = True) -> bool:
            assert not blocking
            return super().acquire() and len(self.asked) >= 3

        async def aacquire(self, *, blocking: bool = True) -> bool:
            return self.acquire(blocking=blocking)

    clock, limiter = FakeClock(), Patient()
    config = ScaffoldingConfig(max_response_time_ms=2000)
    router = ScaffoldingRouterLLM(models=[small("ok")], rate_limiter=limiter, config=config, clock=clock)
    assert call(router, path).content == "ok"
    assert len(limiter.asked) == 3


@pytest.mark.parametrize("path", PATHS)
def test_parameters_of_the_router_are_defaults_for_every_call(path: str) -> None:
    model = small("ok")
    router = router_of(model, temperature=0.0, max_tokens=100, stop=["END"])
    call(router, path)
    call(router, path, max_tokens=5, stop=["."])
    sent = [(each.kwargs["temperature"], each.kwargs["max_tokens"], each.kwargs["stop"]) for each in model.history]
    assert sent == [(0.0, 100, ["END"]), (0.0, 5, ["."])]


@pytest.mark.parametrize("path", PATHS)
def test_options_of_the_call_reach_the_model_and_those_of_the_router_do_not(path: str) -> None:
    model = small("ok")
    call(router_of(model), path, task="title", model="small", seed=7)
    assert dict(model.history[0].kwargs) == {"seed": 7}


# --- what is read off a model -----------------------------------------------------------------------------------------


def told(name: str, *capabilities: str, length: int | None = None, **options: Any) -> Candidate:
    tags = ModelTags(capabilities=set(capabilities) or None, context_length=length)
    return Candidate(name=name, model=ScriptedChatModel("ok", name=name, **options), tags=tags)


def test_the_profile_tells_what_some_model_can_and_what_all_cannot() -> None:
    one, two = told("one", "CHAT", "TOOLS", length=1000), told("two", "CHAT", "VISION", length=9000)
    profile = ScaffoldingRouterLLM(models=[one, two]).profile
    assert (profile["tool_calling"], profile["image_inputs"], profile["max_input_tokens"]) == (True, True, 9000)
    assert profile["structured_output"] is False
    unknown = ScaffoldingRouterLLM(models=[told("unknown")]).profile
    assert "tool_calling" not in unknown
    assert "max_input_tokens" not in unknown
    told_not = ScaffoldingRouterLLM(models=[told("not", profile={"tool_calling": False})]).profile
    assert told_not["tool_calling"] is False
    own = ScaffoldingRouterLLM(models=[one], profile={"max_input_tokens": 7}).profile
    assert own == {"max_input_tokens": 7}


def test_structured_output_is_promised_only_if_every_model_has_it() -> None:
    one, two = told("one", "CHAT", "STRUCTURED_OUTPUT"), told("two", profile={"structured_output": True})
    assert ScaffoldingRouterLLM(models=[one, two]).profile["structured_output"] is True
    assert ScaffoldingRouterLLM(models=[one, two, told("three")]).profile["structured_output"] is False


def test_tokens_are_estimated_without_a_tokenizer() -> None:
    router = router_of()
    assert router.get_num_tokens("a" * 400) == 100
    messages = [HumanMessage("a" * 400)]
    assert router.get_num_tokens_from_messages(messages) == 104
    assert router.get_num_tokens_from_messages(messages, tools=[get_weather]) > 104


def test_a_router_names_itself_neutrally() -> None:
    """Agents look for the names of known models and then send what only those understand."""
    router = router_of(small(name="gpt-5"))
    assert isinstance(router, BaseChatModel)
    assert router._llm_type == "scaffolding-router"
    assert not hasattr(router, "model_name")
    assert not hasattr(router, "model")
    params = router._get_ls_params(model="gpt-5")
    assert (params["ls_provider"], params["ls_model_name"]) == ("langchain-scaffolding", "gpt-5")


@pytest.mark.parametrize("path", PATHS)
def test_a_timeout_in_seconds_and_retries_are_understood_as_on_any_model(path: str) -> None:
    hanging = small(Reply(hang=True))
    router = ScaffoldingRouterLLM(models=[hanging], timeout=0.03, max_retries=1)
    assert router.config == ScaffoldingConfig(max_response_time_ms=30, max_retries=1)
    message = call(router, path, "Tea is made of leaves. It is hot.")
    assert routing(message)["attempts"][0]["error"] == "timeout"
    hanging.release()


@pytest.mark.parametrize("path", ["generate", "agenerate"])
async def test_generate_takes_stop_words_and_labels_and_raises_what_a_call_raises(path: str) -> None:
    model = small("ok")
    router = router_of(model, large(), config=ScaffoldingConfig(fallback_to_rule_based=False))

    async def run(*prompts: list[Any], **options: Any) -> Any:
        return (
            router.generate([*prompts], **options)
            if path == "generate"
            else await router.agenerate([*prompts], **options)
        )

    result = await run([HumanMessage("hi")], stop=["END"], task="title", model="large")
    assert result.generations[0][0].text == "from large"
    assert (await run()).generations == []
    failing = router_of(down(), config=ScaffoldingConfig(fallback_to_rule_based=False))
    with pytest.raises(Exception, match="Every attempt failed"):
        failing.generate([[HumanMessage("hi")]]) if path == "generate" else await failing.agenerate(
            [[HumanMessage("hi")], [HumanMessage("ho")]]
        )


def test_a_router_shows_as_its_models_and_what_was_set() -> None:
    models = [ScriptedChatModel(name="small"), ScriptedChatModel(name="large")]
    router = ScaffoldingRouterLLM(models=models, temperature=0.2, metadata={"owner": "me"})
    assert repr(router) == "ScaffoldingRouterLLM(models=['small', 'large'], temperature=0.2)"
    assert str(router) == "models=['small', 'large'] temperature=0.2"
