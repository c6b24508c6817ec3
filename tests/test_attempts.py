"""What happens between the choice and the answer, on all four paths."""

from __future__ import annotations

import asyncio
import gc
import threading

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models import BaseChatModel, FakeListChatModel
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.runnables import RunnableLambda, RunnableWithFallbacks

from langchain_scaffolding import Candidate, ScaffoldingConfig, ScaffoldingRouterLLM
from langchain_scaffolding.attempts import AttemptChain
from langchain_scaffolding.attempts.limits import Abandoned, Pace, call_within
from langchain_scaffolding.attempts.probe import Probe
from langchain_scaffolding.errors import (
    AllAttemptsFailedError,
    AttemptTimeoutError,
    NoCandidateError,
    StreamBrokenError,
)
from langchain_scaffolding.records import RouteRecord
from langchain_scaffolding.testing import FakeClock, Reply, ScriptedChatModel, provider_error
from tests.paths import PATHS, STREAMS, call, chunks, routing

TEXT = "Tea is made of leaves. First the water is boiled. Then it is poured over the leaves. It steeps for minutes."


def small(*script: object, **options: object) -> ScriptedChatModel:
    return ScriptedChatModel(*script, name="small", metadata={"size_gb": 1.0}, **options)


def large(*script: object, **options: object) -> ScriptedChatModel:
    return ScriptedChatModel(*(script or ("from large",)), name="large", metadata={"size_gb": 9.0}, **options)


def attempts(message: AIMessage) -> list[tuple[str, str | None]]:
    return [(attempt["model"], attempt["error"]) for attempt in routing(message)["attempts"]]


@pytest.mark.parametrize("path", PATHS)
def test_the_chain_is_a_runnable_with_fallbacks_that_ends_in_the_last_resort(path: str) -> None:
    router = ScaffoldingRouterLLM(models=[large(), small("from small")])
    chain = router.attempt_chain("x")
    assert isinstance(chain, AttemptChain)
    assert isinstance(chain, RunnableWithFallbacks)
    assert [step.name for step in chain.steps()] == ["small", "large", "rules"]
    assert [step.name for step in chain.fallbacks[:2]] == ["large", "rules"]
    assert (chain.fallbacks[-1].name, len(chain.fallbacks)) == ("rules", 2)
    assert chain.fallbacks == list(chain.steps())[1:]
    assert repr(chain.fallbacks) == repr(list(chain.steps())[1:])
    assert call(chain, path, [AIMessage("x")]).content == "from small"


@pytest.mark.parametrize("path", PATHS)
def test_S10_the_next_best_answers_then_the_next_then_the_rules(path: str) -> None:
    first, second = small(ValueError("down")), large(ConnectionError("gone"))
    router = ScaffoldingRouterLLM(models=[second, first])
    message = call(router, path, TEXT, task="outline")
    assert routing(message)["source"] == "rule_based"
    assert attempts(message) == [("small", "unknown"), ("large", "connection")]
    assert (first.calls, second.calls) == (1, 1)
    router = ScaffoldingRouterLLM(models=[large(), small(ValueError("down"))])
    message = call(router, path, TEXT, task="outline")
    assert (message.content, routing(message)["model"], routing(message)["source"]) == ("from large", "large", "llm")


@pytest.mark.parametrize("path", PATHS)
def test_S10_without_the_rules_one_error_lists_every_attempt(path: str) -> None:
    config = ScaffoldingConfig(fallback_to_rule_based=False)
    router = ScaffoldingRouterLLM(models=[small(provider_error("openai", status=429)), large("")], config=config)
    with pytest.raises(AllAttemptsFailedError) as caught:
        call(router, path)
    assert [(each.model, each.error_class) for each in caught.value.attempts] == [
        ("small", "rate_limit"),
        ("large", "empty"),
    ]
    assert caught.value.is_retryable
    assert caught.value.decision_id is not None
    assert "small: rate_limit" in str(caught.value)


@pytest.mark.parametrize("path", PATHS)
def test_S10_without_the_rules_and_without_a_candidate_the_error_says_why(path: str) -> None:
    model = ScriptedChatModel(name="painter", metadata={"capabilities": ["IMAGE"]})
    router = ScaffoldingRouterLLM(models=[model], config=ScaffoldingConfig(fallback_to_rule_based=False))
    with pytest.raises(NoCandidateError, match="painter: has IMAGE, needs CHAT or REASONING"):
        call(router, path)
    assert model.calls == 0


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("bad", "error"),
    [
        (Reply(content=""), "empty"),
        (Reply(content="  \n "), "empty"),
        (Reply(content="half an ans", finish_reason="length"), "truncated"),
        (Reply(content="<think>hmm, tea</think>Tea."), "invalid_output"),
        (Reply(content="<think>hmm, tea, I would say"), "invalid_output"),
        (Reply(content="", finish_reason="content_filter"), "refusal"),
    ],
)
def test_an_unacceptable_answer_is_a_failed_attempt(path: str, bad: Reply, error: str) -> None:
    router = ScaffoldingRouterLLM(models=[small(bad), large()])
    message = call(router, path)
    if path in STREAMS and error == "truncated":
        # it had been handed out before its end showed that it was cut: reported, and not spliced with another answer
        assert attempts(message) == [("small", "truncated")]
        assert message.content == "half an ans"
    else:
        assert attempts(message) == [("small", error), ("large", None)]
        assert message.content == "from large"


def test_an_answer_that_the_caller_cut_is_acceptable() -> None:
    router = ScaffoldingRouterLLM(models=[small(Reply(content="half an ans", finish_reason="length"))])
    assert attempts(router.invoke("x", max_tokens=3)) == [("small", None)]


@pytest.mark.parametrize("path", STREAMS)
def test_an_empty_first_chunk_does_not_commit_a_stream(path: str) -> None:
    broken = small(Reply(content="never heard", empty_first=True, break_after=1, error=ConnectionError("gone")))
    message = call(ScaffoldingRouterLLM(models=[broken, large()]), path)
    assert attempts(message) == [("small", "connection"), ("large", None)]
    assert message.content == "from large"


@pytest.mark.parametrize("is_bound", [False, True])
@pytest.mark.parametrize("path", STREAMS)
def test_a_stream_is_measured_at_its_start_its_first_token_and_its_end(path: str, is_bound: bool) -> None:
    clock, records = FakeClock(), list[RouteRecord]()
    model = small(Reply("one two three", first_token_s=0.5, token_s=0.25, usage=(7, 3)), clock=clock)
    candidate = Candidate(name="small", model=model.bind(stop=["."]) if is_bound else model)
    router = ScaffoldingRouterLLM(models=[candidate], observers=[records.append], clock=clock)
    assert call(router, path).content == "one two three"
    outcome = records[0].outcomes[0]
    assert (outcome.first_token_s, outcome.total_s, outcome.output_tokens) == (0.5, 1.0, 3)


def test_of_a_streams_tokens_the_probe_hears_the_first_and_the_end() -> None:
    """Being told of every token would be the largest part of what routing a stream costs."""
    heard = list[str]()

    class Counting(Probe):
        def on_llm_new_token(self, *args: object, **kwargs: object) -> None:
            heard.append("token")
            super().on_llm_new_token(*args, **kwargs)

        def on_llm_end(self, *args: object, **kwargs: object) -> None:
            heard.append("end")
            super().on_llm_end(*args, **kwargs)

    probe = Counting(FakeClock())
    probe.may_doze = True
    for chunk in small("one two three four").stream("x", {"callbacks": [probe]}):
        if chunk.chunk_position == "last":
            probe.wake()
    assert heard[0] == "token"
    assert heard[-1] == "end"
    assert heard.count("token") == 1


class Shouting(ScriptedChatModel):
    """A model with a way of its own to be called."""

    def invoke(self, *args: object, **kwargs: object) -> AIMessage:
        return AIMessage(super().invoke(*args, **kwargs).content.upper())

    async def ainvoke(self, *args: object, **kwargs: object) -> AIMessage:
        return AIMessage((await super().ainvoke(*args, **kwargs)).content.upper())


@pytest.mark.parametrize("callbacks", [[], [BaseCallbackHandler()]], ids=["unheard", "heard"])
@pytest.mark.parametrize("path", ["invoke", "ainvoke"])
def test_a_model_that_overrides_invoke_is_called_by_its_own(path: str, callbacks: list[BaseCallbackHandler]) -> None:
    router = ScaffoldingRouterLLM(models=[Shouting("quiet", name="loud")])
    assert call(router, path, TEXT, {"callbacks": callbacks}).content == "QUIET"
    assert [(row["model"], row["measured"]) for row in router.performance.snapshot()] == [("loud", 1)]


@pytest.mark.parametrize("path", STREAMS)
def test_a_stream_that_has_spoken_does_not_fall_back(path: str) -> None:
    broken = small(Reply(content="one two three four", break_after=2, error=ConnectionError("gone")))
    other = large()
    with pytest.raises(StreamBrokenError) as caught:
        call(ScaffoldingRouterLLM(models=[broken, other]), path)
    assert (caught.value.model, caught.value.partial, caught.value.error_class) == ("small", "one two", "connection")
    assert isinstance(caught.value.__cause__, ConnectionError)
    assert other.calls == 0


@pytest.mark.parametrize("path", STREAMS)
def test_only_the_last_chunk_of_a_stream_carries_the_routing_facts(path: str) -> None:
    parts = chunks(ScaffoldingRouterLLM(models=[small("one two three")]), path, "x")
    assert [("routing" in part.response_metadata) for part in parts] == [False] * (len(parts) - 1) + [True]
    assert parts[-1].chunk_position == "last"
    assert len({part.id for part in parts}) == 1


@pytest.mark.parametrize("path", STREAMS)
def test_a_model_that_cannot_stream_gives_its_answer_as_one_chunk(path: str) -> None:
    parts = chunks(ScaffoldingRouterLLM(models=[small("one two", streams=False)]), path, "x")
    assert all(isinstance(part, AIMessageChunk) for part in parts)
    assert "".join(part.content for part in parts) == "one two"
    assert parts[-1].response_metadata["routing"]["model"] == "small"


def test_a_reader_that_stops_closes_the_models_stream() -> None:
    model = small("one two three four")
    router = ScaffoldingRouterLLM(models=[model])
    stream = router.stream("x")
    assert next(stream).content == "one"
    stream.close()
    assert model.closed_streams == 1
    row = router.performance.snapshot()[0]
    assert (row.calls, row.errors, row.measured) == (1, 0, 0)


async def test_a_reader_that_stops_closes_the_models_asynchronous_stream() -> None:
    model = small("one two three four")
    stream = ScaffoldingRouterLLM(models=[model]).astream("x")
    assert (await anext(stream)).content == "one"
    await stream.aclose()
    assert model.closed_streams == 1


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("limit", ["max_response_time_ms", "attempt_timeout_ms"])
def test_a_model_that_hangs_is_left_behind_and_counted(path: str, limit: str) -> None:
    hanging = small(Reply(hang=True))
    router = ScaffoldingRouterLLM(models=[hanging, large()], config=ScaffoldingConfig(**{limit: 40}))
    message = call(router, path, TEXT, task="outline")
    expected = {"max_response_time_ms": ("rules", 1), "attempt_timeout_ms": ("large", 2)}[limit]
    assert (routing(message)["model"], len(attempts(message))) == expected
    assert attempts(message)[0] == ("small", "timeout")
    hanging.release()


def test_the_time_that_a_thread_takes_to_start_is_part_of_the_limit() -> None:
    left = iter([(60.0, "response"), (0.0, "response")])
    with pytest.raises(AttemptTimeoutError):
        call_within(threading.Event().wait, lambda: next(left), Abandoned(), "small")


@pytest.mark.parametrize("path", STREAMS)
def test_the_first_token_limit_holds_until_the_first_content(path: str) -> None:
    late = small(Reply(content="one two", empty_first=True, first_token_s=30))
    router = ScaffoldingRouterLLM(models=[late, large()], config=ScaffoldingConfig(first_token_timeout_ms=40))
    assert attempts(call(router, path)) == [("small", "timeout"), ("large", None)]
    late.release()


@pytest.mark.parametrize("path", STREAMS)
def test_a_stream_that_stalls_after_it_has_spoken_ends_in_an_error_with_the_text_so_far(path: str) -> None:
    stalling = small(Reply(content="one two three", token_s=30))
    router = ScaffoldingRouterLLM(models=[stalling, large()], config=ScaffoldingConfig(attempt_timeout_ms=60))
    with pytest.raises(StreamBrokenError) as caught:
        call(router, path)
    assert caught.value.error_class == "timeout"
    assert caught.value.partial == "one"
    assert isinstance(caught.value.__cause__, AttemptTimeoutError)
    stalling.release()


@pytest.mark.parametrize("path", STREAMS)
@pytest.mark.parametrize("options", [{}, {"native_async": False}, {"streams": True, "ignores_cancellation": True}])
def test_a_stream_that_falls_silent_breaks_though_no_other_limit_is_set(path: str, options: dict[str, bool]) -> None:
    stalling = small(Reply("one two three", token_s=30), **options)
    router = ScaffoldingRouterLLM(models=[stalling, large()], config=ScaffoldingConfig(stall_timeout_ms=60))
    with pytest.raises(StreamBrokenError, match="within the stall limit") as caught:
        call(router, path)
    assert (caught.value.error_class, caught.value.partial) == ("timeout", "one")
    stalling.release()


@pytest.mark.parametrize("path", STREAMS)
def test_a_stall_limit_does_not_hurry_the_first_content(path: str) -> None:
    late = small(Reply("one two", first_token_s=0.15))
    router = ScaffoldingRouterLLM(models=[late], config=ScaffoldingConfig(stall_timeout_ms=50))
    assert call(router, path).content == "one two"


@pytest.mark.parametrize("path", STREAMS)
def test_a_stream_that_trickles_breaks_though_it_is_never_silent_for_long(path: str) -> None:
    trickling = small(Reply("word " * 400, token_s=0.03))
    config = ScaffoldingConfig(stall_timeout_ms=300, min_tokens_per_s=100)
    with pytest.raises(StreamBrokenError, match="within the stall limit") as caught:
        call(ScaffoldingRouterLLM(models=[trickling, large()], config=config), path)
    assert 1 <= len(caught.value.partial.split()) < 400


@pytest.mark.parametrize(("tokens", "seconds"), [(10, 0.9), (1, 0.09), (30, 2.9)])
def test_a_stream_at_the_pace_it_must_have_is_never_late(tokens: int, seconds: float) -> None:
    pace = Pace(stall_s=3.0, tokens_per_s=10)
    for _ in range(1000):
        pace.heard(tokens=tokens, waited_s=seconds)
        assert pace.left_s > 0


def test_a_quick_beginning_excuses_no_silence() -> None:
    pace = Pace(stall_s=3.0, tokens_per_s=10)
    pace.heard(tokens=5000, waited_s=0.1)
    assert pace.left_s == 3.0


def test_a_slow_reader_makes_no_stream_late() -> None:
    pace = Pace(stall_s=1.0)
    for _ in range(5):
        pace.heard(tokens=1, waited_s=0.9)
    assert pace.left_s == 1.0
    pace.heard(tokens=0, waited_s=0.9)
    assert pace.left_s == pytest.approx(0.1)


async def test_a_model_that_ignores_cancellation_is_left_behind() -> None:
    stubborn = small(Reply(content="late", hang=True), ignores_cancellation=True)
    router = ScaffoldingRouterLLM(models=[stubborn, large()], config=ScaffoldingConfig(attempt_timeout_ms=30))
    assert attempts(await router.ainvoke("x")) == [("small", "timeout"), ("large", None)]
    stubborn.release()
    await asyncio.sleep(0)


@pytest.mark.parametrize("path", PATHS)
def test_a_model_with_eight_calls_left_behind_gets_no_further_one_until_one_ends(path: str) -> None:
    hanging = small(Reply("late", hang=True), native_async=False)
    config = ScaffoldingConfig(attempt_timeout_ms=20, breaker_threshold=100)
    router = ScaffoldingRouterLLM(models=[hanging], config=config)
    before = set(threading.enumerate())
    for _ in range(8):
        assert attempts(call(router, path)) == [("small", "timeout")]
    assert router.health()[0].abandoned == 8
    assert attempts(call(router, path)) == [("small", "overloaded")]
    hanging.release()
    for thread in set(threading.enumerate()) - before:
        thread.join()
    assert router.health()[0].abandoned == 0
    assert hanging.calls == 8


@pytest.mark.parametrize("path", PATHS)
def test_without_a_limit_no_thread_is_started(path: str) -> None:
    seen: list[int] = []
    model = small(lambda _messages, _kwargs: seen.append(threading.active_count()) or "ok")
    before = threading.active_count()
    assert call(ScaffoldingRouterLLM(models=[model]), path).content == "ok"
    assert seen == [before]


class Interrupt(KeyboardInterrupt):
    """An interrupt of our own, which pytest does not mistake for the user's."""


class GraphInterrupt(Exception):
    """Named as LangGraph's, which is looked up by name."""


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("error", [Interrupt(), GraphInterrupt()])
def test_what_is_no_failure_of_a_model_passes_straight_through(path: str, error: BaseException) -> None:
    other = large()
    router = ScaffoldingRouterLLM(models=[small(error), other])
    with pytest.raises(type(error)):
        call(router, path)
    assert other.calls == 0


async def test_a_cancelled_call_is_cancelled_and_calls_nobody_else() -> None:
    other = large()
    hanging = small(Reply(hang=True))
    task = asyncio.create_task(ScaffoldingRouterLLM(models=[hanging, other]).ainvoke("x"))
    while not hanging.calls:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert other.calls == 0
    assert hanging.cancelled == 1


@pytest.mark.parametrize("path", PATHS)
def test_a_bug_in_a_filter_is_raised_and_not_turned_into_a_fallback(path: str) -> None:
    def broken(_request: object, _candidate: object) -> str | None:
        return {}["missing"]

    with pytest.raises(KeyError):
        call(ScaffoldingRouterLLM(models=[small("ok")], filters=[broken]), path)


@pytest.mark.parametrize("path", PATHS)
def test_retries_stay_with_the_model_and_honour_retry_after(path: str) -> None:
    clock = FakeClock()
    model = small(provider_error("openai", status=429, retry_after=7), "ok")
    router = ScaffoldingRouterLLM(models=[model, large()], config=ScaffoldingConfig(max_retries=2), clock=clock)
    message = call(router, path)
    assert attempts(message) == [("small", "rate_limit"), ("small", None)]
    assert clock() == pytest.approx(7)


@pytest.mark.parametrize("path", PATHS)
def test_an_error_that_cannot_pass_is_not_retried(path: str) -> None:
    clock = FakeClock()
    config = ScaffoldingConfig(max_retries=3)
    models = [small(provider_error("openai", status=401)), large()]
    message = call(ScaffoldingRouterLLM(models=models, config=config, clock=clock), path)
    assert attempts(message) == [("small", "auth"), ("large", None)]
    assert clock() == 0


def test_a_retry_that_would_wait_beyond_the_limit_is_not_waited_for() -> None:
    clock = FakeClock()
    model = small(provider_error("openai", status=429, retry_after=60))
    config = ScaffoldingConfig(max_retries=3, max_response_time_ms=5000)
    message = ScaffoldingRouterLLM(models=[model, large()], config=config, clock=clock).invoke("x")
    assert attempts(message) == [("small", "rate_limit"), ("large", None)]
    assert clock() == 0


@pytest.mark.parametrize("path", PATHS)
def test_latency_is_measured_by_callback_and_learned_per_task_and_model(path: str) -> None:
    clock = FakeClock()
    model = small(Reply(content="one two", delay_s=0.5), sleep=clock.sleep, asleep=clock.asleep)
    router = ScaffoldingRouterLLM(models=[model], clock=clock)
    call(router, path, task="title")
    row = router.performance.snapshot()[0]
    assert (row.task, row.model, row.calls, row.measured, row.errors) == ("title", "small", 1, 1, 0)
    assert row.latency_mean_s == pytest.approx(0.5)


@pytest.mark.parametrize("path", PATHS)
def test_what_is_learned_changes_the_choice_for_that_task_alone(path: str) -> None:
    clock = FakeClock()
    slow = ScriptedChatModel(Reply(content="slow", delay_s=3), name="a", sleep=clock.sleep, asleep=clock.asleep)
    fast = ScriptedChatModel("fast", name="b")
    router = ScaffoldingRouterLLM(models=[slow, fast], clock=clock)
    assert call(router, path, task="title").content == "slow"
    call(router, path, task="title", model="b")
    assert call(router, path, task="title").content == "fast"
    assert call(router, path, task="summary").content == "slow"


@pytest.mark.parametrize("path", PATHS)
def test_a_custom_last_resort_answers_and_is_labelled(path: str) -> None:
    resort = RunnableLambda(lambda messages: f"sorry about {messages[-1].content!r}")
    router = ScaffoldingRouterLLM(models=[small(ValueError("down"))], last_resort=resort)
    message = call(router, path, "tea")
    assert message.content == "sorry about 'tea'"
    assert (routing(message)["model"], routing(message)["source"]) == ("last_resort", "rule_based")


@pytest.mark.parametrize("path", PATHS)
def test_a_last_resort_that_fails_is_listed_with_the_others(path: str) -> None:
    def broken(_messages: object) -> str:
        raise OSError("no disk")

    router = ScaffoldingRouterLLM(models=[small(ValueError("down"))], last_resort=RunnableLambda(broken))
    with pytest.raises(AllAttemptsFailedError) as caught:
        call(router, path)
    assert [each.model for each in caught.value.attempts] == ["small", "last_resort"]


@pytest.mark.parametrize("path", PATHS)
def test_two_apologies_are_two_messages(path: str) -> None:
    router = ScaffoldingRouterLLM(models=[small(ValueError("down"))])
    assert call(router, path).id != call(router, path).id


@pytest.mark.parametrize("path", PATHS)
def test_observers_are_told_of_every_call_and_cannot_break_one(path: str, caplog: pytest.LogCaptureFixture) -> None:
    records: list[RouteRecord] = []

    def broken(_record: RouteRecord) -> None:
        raise RuntimeError("no metrics today")

    router = ScaffoldingRouterLLM(models=[small(ValueError("x")), large()], observers=[broken, records.append])
    message = call(router, path, "secret text", task="title")
    assert message.content == "from large"
    (record,) = records
    assert (record.task, record.chosen, record.source) == ("title", "large", "llm")
    assert [outcome.model for outcome in record.outcomes] == ["small", "large"]
    assert record.decision_id == routing(message)["decision_id"]
    assert "secret text" not in repr(record)
    assert "no metrics today" in caplog.text


class Count(BaseCallbackHandler):
    def __init__(self) -> None:
        self.starts = 0

    def on_chat_model_start(self, *_: object, **__: object) -> None:
        self.starts += 1


def test_the_probe_is_left_on_nobody() -> None:
    handler = Count()
    handlers = [handler]
    model = small("ok", callbacks=[handler])
    router = ScaffoldingRouterLLM(models=[model])
    for _ in range(3):
        router.invoke("x", config={"callbacks": handlers})
    assert handlers == [handler]
    assert model.callbacks == [handler]
    gc.collect()


def test_a_pinned_model_is_the_only_one_called() -> None:
    first, second = small("from small"), large(ValueError("down"))
    router = ScaffoldingRouterLLM(models=[first, second])
    message = router.invoke(TEXT, task="outline", model="large")
    assert routing(message)["source"] == "rule_based"
    assert routing(message)["rejected"] == {"small": "the call pins 'large'"}
    assert first.calls == 0


def test_candidates_of_one_call_may_be_bindings() -> None:
    model = small("ok")
    router = ScaffoldingRouterLLM(models=[Candidate(name="cold", model=model.bind(temperature=0))])
    assert router.invoke("x").content == "ok"
    assert model.history[0].kwargs["temperature"] == 0


@pytest.mark.parametrize("path", PATHS)
def test_a_scaffolds_limits_reach_each_model_under_its_own_name(path: str) -> None:
    seen: list[tuple[int | None, dict[str, object]]] = []

    class Predicting(FakeListChatModel):
        """Takes its limit by another name and rejects unknown keywords, as some integrations do."""

        num_predict: int | None = None

        def _call(self, messages: object, stop: object = None, run_manager: object = None, **kwargs: object) -> str:
            seen.append((self.num_predict, kwargs))
            return "A rising river"

        _stream = BaseChatModel._stream
        _astream = BaseChatModel._astream

    router = ScaffoldingRouterLLM(models=[Predicting(responses=["never"])])
    text = "The river rose for a week, and the school had to close."
    assert call(router.scaffold("title", max_tokens=33), path, text).content == "A rising river"
    assert seen == [(33, {})]
