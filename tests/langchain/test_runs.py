"""Runs as handlers and tracers see them: one chain run for the router, one model run below it for each attempt."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from langchain_core.callbacks import get_usage_metadata_callback
from langchain_core.messages import HumanMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda, RunnableParallel
from langchain_core.tracers.context import collect_runs

from langchain_scaffolding import Candidate, ScaffoldingConfig, ScaffoldingRouterLLM
from langchain_scaffolding.errors import AllAttemptsFailedError, StreamBrokenError
from langchain_scaffolding.testing import RecordingHandler, Reply, obedient
from tests.langchain.models import ANSWER_TOKENS, PROMPT_TOKENS, TEXT, WORDS, add, down, large, router_of, small
from tests.paths import PATHS, STREAMS, call, routing

ROUTER = "ScaffoldingRouterLLM"
ONE_CALL = ((ROUTER, (("small", ()),)),)


def seen_by(handler: RecordingHandler) -> dict[str, Any]:
    return {"callbacks": [handler]}


def states(handler: RecordingHandler) -> list[tuple[str, str, str]]:
    return [(run.type, run.name, run.state) for run in handler.runs()]


@pytest.mark.parametrize("path", PATHS)
def test_a_served_call_is_one_chain_run_with_one_model_run_below_it(path: str) -> None:
    seen = RecordingHandler()
    call(router_of(small(), large()), path, "hi", seen_by(seen))
    assert seen.tree() == ONE_CALL
    assert states(seen) == [("chain", ROUTER, "end"), ("llm", "small", "end")]
    (model_run,) = seen.runs("llm")
    assert model_run.metadata["ls_model_name"] == "small"
    assert model_run.metadata["ls_provider"] == "scripted"
    assert model_run.metadata["ls_model_type"] == "chat"


@pytest.mark.parametrize("path", PATHS)
def test_the_run_is_named_after_the_router_or_by_the_config(path: str) -> None:
    seen = RecordingHandler()
    router = router_of(name="auxiliary")
    call(router, path, "hi", seen_by(seen))
    call(router, path, "hi", {**seen_by(seen), "run_name": "title of the page"})
    assert seen.tree() == (("auxiliary", (("small", ()),)), ("title of the page", (("small", ()),)))


@pytest.mark.parametrize("path", PATHS)
def test_the_id_of_the_run_is_the_id_of_the_decision(path: str) -> None:
    seen, run_id = RecordingHandler(), uuid4()
    router = router_of()
    message = call(router, path, "hi", {**seen_by(seen), "run_id": run_id})
    assert seen.runs("chain")[0].run_id == run_id
    assert seen.runs("llm")[0].run_id != run_id
    assert routing(message)["decision_id"] == str(run_id)
    assert router.record_feedback(run_id, 1.0)
    unnamed = call(router, path, "hi", seen_by(seen))
    assert routing(unnamed)["decision_id"] == str(seen.runs("chain")[1].run_id)


@pytest.mark.parametrize("path", PATHS)
def test_starts_tokens_usage_and_ends_are_heard_once(path: str) -> None:
    seen = RecordingHandler()
    call(router_of(small(), large()), path, "hi", seen_by(seen))
    kinds = [event.kind for event in seen.events]
    assert (kinds.count("chat_model_start"), kinds.count("llm_end"), kinds.count("llm_start")) == (1, 1, 0)
    assert (kinds.count("chain_start"), kinds.count("chain_end")) == (1, 1)
    assert seen.tokens() == (WORDS if path in STREAMS else ())
    (run,) = seen.runs("llm")
    usage = run.value.generations[0][0].message.usage_metadata
    assert (usage["input_tokens"], usage["output_tokens"]) == (PROMPT_TOKENS, ANSWER_TOKENS)


@pytest.mark.parametrize("path", PATHS)
def test_the_run_ends_with_the_answer_and_its_routing_facts(path: str) -> None:
    seen = RecordingHandler()
    message = call(router_of(), path, "hi", seen_by(seen))
    (run,) = seen.runs("chain")
    assert run.value.content == TEXT
    assert routing(run.value) == routing(message)


def usage_of(work: Callable[[], Any]) -> dict[str, Any]:
    with get_usage_metadata_callback() as usage:
        work()
    return {name: (each["input_tokens"], each["output_tokens"]) for name, each in usage.usage_metadata.items()}


@pytest.mark.parametrize("path", PATHS)
def test_the_usage_callback_counts_once_and_under_the_models_own_name(path: str) -> None:
    assert usage_of(lambda: call(router_of(), path)) == {"small": (PROMPT_TOKENS, ANSWER_TOKENS)}
    chain = ChatPromptTemplate.from_template("{x}") | router_of() | StrOutputParser()
    assert usage_of(lambda: call_chain(chain, path)) == {"small": (PROMPT_TOKENS, ANSWER_TOKENS)}


def call_chain(chain: Any, path: str, config: Any = None) -> str:
    """A chain over text: its chunks are strings."""
    if path == "invoke":
        return str(chain.invoke({"x": "hi"}, config))
    if path == "ainvoke":
        return str(asyncio.run(chain.ainvoke({"x": "hi"}, config)))
    if path == "stream":
        return "".join(chain.stream({"x": "hi"}, config))

    async def collect() -> str:
        return "".join([chunk async for chunk in chain.astream({"x": "hi"}, config)])

    return asyncio.run(collect())


@pytest.mark.parametrize("path", ["generate", "agenerate"])
def test_generate_counts_once_too(path: str) -> None:
    seen = RecordingHandler()
    router = router_of()
    prompts = [[HumanMessage("hi")], [HumanMessage("ho")]]

    def work() -> Any:
        if path == "generate":
            return router.generate(prompts, callbacks=[seen], tags=["two"])
        return asyncio.run(router.agenerate(prompts, callbacks=[seen], tags=["two"]))

    results: list[Any] = []
    assert usage_of(lambda: results.append(work())) == {"small": (2 * PROMPT_TOKENS, 2 * ANSWER_TOKENS)}
    assert seen.tree() == ONE_CALL * 2
    (result,) = results
    assert [generations[0].text for generations in result.generations] == [TEXT, TEXT]
    assert [str(run.run_id) for run in result.run] == [
        routing(generations[0].message)["decision_id"] for generations in result.generations
    ]
    assert all(run.tags == ("two",) for run in seen.runs("chain"))


@pytest.mark.parametrize("path", PATHS)
def test_in_a_chain_the_router_is_a_child_of_the_chain(path: str) -> None:
    seen = RecordingHandler()
    chain = ChatPromptTemplate.from_template("{x}") | router_of() | StrOutputParser()
    assert call_chain(chain, path, seen_by(seen)) == TEXT
    prompt, router, parser = ("ChatPromptTemplate", ()), ONE_CALL[0], ("StrOutputParser", ())
    ((name, below),) = seen.tree()
    assert name == "RunnableSequence"
    assert sorted(below) == sorted((prompt, router, parser))
    assert seen.pending() == ()


@pytest.mark.parametrize("path", PATHS)
def test_a_call_inside_a_function_finds_its_parent_without_being_told(path: str) -> None:
    seen, router = RecordingHandler(), router_of()

    def work(text: str) -> str:
        return str((router.invoke(text) if path == "invoke" else next(iter(router.stream(text)))).content)

    async def awork(text: str) -> str:
        if path == "ainvoke":
            return str((await router.ainvoke(text)).content)
        return "".join([str(chunk.content) async for chunk in router.astream(text)])

    if path in ("invoke", "stream"):
        RunnableLambda(work, name="function").invoke("hi", seen_by(seen))
    else:
        asyncio.run(RunnableLambda(awork, name="function").ainvoke("hi", seen_by(seen)))
    assert seen.tree() == (("function", ONE_CALL),)
    assert seen.pending() == ()


def variants() -> dict[str, Any]:
    router = router_of(small(obedient))
    return {
        "bound": router.bind(task="title"),
        "with_tools": router.bind_tools([add]),
        "with_config": router.with_config(tags=["x"]),
        "with_tools_and_config": router.bind_tools([add]).with_config(tags=["x"]),
        "bound_candidate": router_of(Candidate(name="small", model=small(obedient).bind(temperature=0))),
        "configured_candidate": router_of(Candidate(name="small", model=small(obedient).with_config(tags=["x"]))),
        "bound_candidate_with_tools": router_of(
            Candidate(name="small", model=small(obedient).bind(temperature=0))
        ).bind_tools([add]),
        "within_limits": router_of(small(obedient), config=ScaffoldingConfig(max_response_time_ms=60_000)),
        "tools_within_limits": router_of(
            small(obedient), config=ScaffoldingConfig(attempt_timeout_ms=60_000, first_token_timeout_ms=60_000)
        ).bind_tools([add]),
    }


@pytest.mark.parametrize("ambient", [False, True])
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("variant", variants())
def test_parents_are_right_for_whatever_is_bound_or_limited(variant: str, path: str, ambient: bool) -> None:
    seen, subject = RecordingHandler(), variants()[variant]
    if not ambient:
        call(subject, path, "Add 1 and 2.", seen_by(seen))
        assert seen.tree() == ONE_CALL
        return
    if path in ("invoke", "stream"):
        RunnableLambda(lambda text: call(subject, path, text), name="function").invoke("Add 1 and 2.", seen_by(seen))
    else:

        async def work(text: str) -> Any:
            if path == "ainvoke":
                return await subject.ainvoke(text)
            return [chunk async for chunk in subject.astream(text)]

        asyncio.run(RunnableLambda(work, name="function").ainvoke("Add 1 and 2.", seen_by(seen)))
    assert seen.tree() == (("function", ONE_CALL),)


def test_a_retried_candidate_keeps_its_runs_below_the_router() -> None:
    seen = RecordingHandler()
    model = small(ValueError("once"), "ok").with_retry(stop_after_attempt=2, wait_exponential_jitter=False)
    message = router_of(Candidate(name="small", model=model)).invoke("hi", seen_by(seen))
    assert message.content == "ok"
    retry_run = ("small", (("small", ()), ("small", ())))
    assert seen.tree() == ((ROUTER, (retry_run,)),)
    assert [run.state for run in seen.runs("llm")] == ["error", "end"]


@pytest.mark.parametrize("path", ["batch", "abatch"])
def test_each_call_of_a_batch_has_a_run_of_its_own(path: str) -> None:
    seen, router = RecordingHandler(), router_of(small(lambda messages, _: messages[-1].text))
    config = {**seen_by(seen), "max_concurrency": 4}
    inputs = [str(number) for number in range(12)]
    answers = router.batch(inputs, config) if path == "batch" else asyncio.run(router.abatch(inputs, config))
    assert [answer.content for answer in answers] == inputs
    assert seen.tree() == ONE_CALL * 12
    assert {routing(answer)["decision_id"] for answer in answers} == {str(run.run_id) for run in seen.runs("chain")}
    assert seen.pending() == ()


@pytest.mark.parametrize("sync", [True, False])
def test_calls_in_threads_and_tasks_find_their_parent(sync: bool) -> None:
    seen, router = RecordingHandler(), router_of()
    parallel = RunnableParallel(title=router.bind(task="title"), outline=router.bind(task="outline"))
    if sync:
        parallel.invoke("hi", seen_by(seen))
    else:
        asyncio.run(parallel.ainvoke("hi", seen_by(seen)))
    assert seen.tree() == (("RunnableParallel<title,outline>", ONE_CALL * 2),)


def test_tracers_get_the_same_tree() -> None:
    with collect_runs() as collected:
        router_of(down(), large()).invoke("hi")
    (root,) = collected.traced_runs
    assert (root.run_type, root.name) == ("chain", ROUTER)
    assert [(run.run_type, run.name, run.error is None) for run in root.child_runs] == [
        ("llm", "small", False),
        ("llm", "large", True),
    ]
    assert all(run.trace_id == root.trace_id for run in root.child_runs)


@pytest.mark.parametrize("path", PATHS)
def test_a_failed_attempt_is_a_failed_model_run_beside_the_one_that_served(path: str) -> None:
    seen = RecordingHandler()
    call(router_of(down(), large()), path, "hi", seen_by(seen))
    assert seen.tree() == ((ROUTER, (("small", ()), ("large", ()))),)
    assert states(seen) == [("chain", ROUTER, "end"), ("llm", "small", "error"), ("llm", "large", "end")]
    assert isinstance(seen.runs("llm")[0].value, ConnectionError)


@pytest.mark.parametrize("path", PATHS)
def test_the_rules_are_a_model_run_of_their_own_and_use_no_tokens(path: str) -> None:
    seen = RecordingHandler()
    usage = usage_of(lambda: call(router_of(down()), path, "hi there, this is a text.", seen_by(seen)))
    assert [(run.name, run.state) for run in seen.runs("llm")] == [("small", "error"), ("RuleBasedChatModel", "end")]
    assert usage == {}


@pytest.mark.parametrize("path", PATHS)
def test_no_run_is_left_pending_when_everything_fails(path: str) -> None:
    seen = RecordingHandler()
    router = router_of(down(), large(ValueError("no")), config=ScaffoldingConfig(fallback_to_rule_based=False))
    with pytest.raises(AllAttemptsFailedError) as caught:
        call(router, path, "hi", seen_by(seen))
    assert [run.state for run in seen.runs()] == ["error"] * 3
    assert seen.runs("chain")[0].value is caught.value
    assert caught.value.decision_id == str(seen.runs("chain")[0].run_id)


class Interrupt(KeyboardInterrupt):
    """An interrupt of our own, which pytest does not mistake for the user's."""


@pytest.mark.parametrize("path", PATHS)
def test_no_run_is_left_pending_after_an_interrupt(path: str) -> None:
    seen = RecordingHandler()
    with pytest.raises(Interrupt):
        call(router_of(small(Interrupt())), path, "hi", seen_by(seen))
    assert [run.state for run in seen.runs()] == ["error"] * 2


@pytest.mark.parametrize("path", STREAMS)
def test_no_run_is_left_pending_when_a_stream_breaks(path: str) -> None:
    seen = RecordingHandler()
    with pytest.raises(StreamBrokenError):
        call(router_of(small(Reply(TEXT, break_after=2)), large()), path, "hi", seen_by(seen))
    assert states(seen) == [("chain", ROUTER, "error"), ("llm", "small", "error")]


@pytest.mark.parametrize("limited", [False, True])
@pytest.mark.parametrize("path", ["ainvoke", "astream"])
async def test_no_run_is_left_pending_when_the_call_is_cancelled(path: str, limited: bool) -> None:
    seen, model = RecordingHandler(), small(Reply(hang=True))
    config = ScaffoldingConfig(max_response_time_ms=60_000 if limited else None)
    router = router_of(model, large(), config=config)

    async def work() -> None:
        if path == "ainvoke":
            await router.ainvoke("hi", seen_by(seen))
        async for _ in router.astream("hi", seen_by(seen)):
            pass

    task = asyncio.create_task(work())
    while not model.calls:
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    while model.cancelled < 1 or seen.pending():
        await asyncio.sleep(0)
    assert states(seen) == [("chain", ROUTER, "error"), ("llm", "small", "error")]


@pytest.mark.parametrize("limited", [False, True])
@pytest.mark.parametrize("path", STREAMS)
def test_no_run_is_left_pending_when_the_reader_stops(path: str, limited: bool) -> None:
    seen, model = RecordingHandler(), small()
    router = router_of(model, config=ScaffoldingConfig(max_response_time_ms=60_000 if limited else None))

    async def read() -> None:
        stream = router.astream("hi", seen_by(seen))
        assert (await anext(stream)).content == WORDS[0]
        await stream.aclose()
        while seen.pending():
            await asyncio.sleep(0)

    if path == "astream":
        asyncio.run(read())
    else:
        stream = router.stream("hi", seen_by(seen))
        assert next(stream).content == WORDS[0]
        stream.close()
    (run,) = seen.runs("chain")
    assert run.state == "end"
    assert run.value.content == WORDS[0]


async def test_no_run_is_left_pending_when_a_loop_over_a_stream_is_left() -> None:
    seen, model = RecordingHandler(), small()
    async for chunk in router_of(model).astream("hi", seen_by(seen)):
        assert chunk.content == WORDS[0]
        break
    while seen.pending():
        await asyncio.sleep(0)
    assert model.closed_streams == 1


@pytest.mark.parametrize("native_async", [True, False])
@pytest.mark.parametrize("path", PATHS)
def test_a_call_that_was_left_behind_ends_its_run_when_it_can(path: str, native_async: bool) -> None:
    """Python cannot stop a thread: its run is open until the model returns. A task is cancelled, and its run closed."""
    seen, model = RecordingHandler(), small(Reply(hang=True), native_async=native_async)
    router = router_of(model, large(), config=ScaffoldingConfig(attempt_timeout_ms=200))
    message = call(router, path, "hi", seen_by(seen))
    assert routing(message)["model"] == "large"
    model.release()
    for thread in threading.enumerate():
        if thread.name == "langchain-scaffolding small":
            thread.join(30)
    assert seen.pending() == ()
    kinds = [event.kind for event in seen.events if event.name == "small"]
    assert sum(kind in ("llm_end", "llm_error") for kind in kinds) == 1
    assert [run.name for run in seen.runs("llm")] == ["small", "large"]


def test_what_a_router_is_labelled_with_reaches_the_model_run() -> None:
    """Token filters of graphs and event streams look at the model run."""
    own, callers = RecordingHandler(), RecordingHandler()
    router = ScaffoldingRouterLLM(models=[small()], callbacks=[own], tags=["aux"], metadata={"team": "docs"})
    list(router.stream("hi", {**seen_by(callers), "tags": ["page"], "metadata": {"page": 7}}))
    for seen in (own, callers):
        assert seen.tree() == ONE_CALL
        assert seen.tokens() == WORDS
        for run in seen.runs():
            assert {"aux", "page"} <= set(run.tags)
            assert (run.metadata["team"], run.metadata["page"]) == ("docs", 7)


def test_a_handler_that_the_router_and_the_caller_share_hears_everything_once() -> None:
    seen = RecordingHandler()
    router = ScaffoldingRouterLLM(models=[small(callbacks=[seen])], callbacks=[seen])
    list(router.stream("hi", seen_by(seen)))
    assert seen.tree() == ONE_CALL
    assert seen.tokens() == WORDS


def test_verbose_prints_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    router_of(verbose=True).invoke("hi")
    assert ROUTER in capsys.readouterr().out
