import asyncio
import copy
import logging
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from langchain_core.callbacks import adispatch_custom_event
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool

from langchain_scaffolding.testing import RecordingHandler, Reply, ScriptedChatModel


@tool
def shout(text: str) -> str:
    """Say it loudly."""
    return text.upper()


def chain_of(model: ScriptedChatModel):
    return ChatPromptTemplate.from_template("{x}") | model


TREE = (("RunnableSequence", (("ChatPromptTemplate", ()), ("tiny", ()))),)


def test_the_tree_shows_what_ran_below_what() -> None:
    seen = RecordingHandler()
    chain_of(ScriptedChatModel("a b", name="tiny")).invoke({"x": "hi"}, {"callbacks": [seen], "tags": ["t"]})
    assert seen.tree() == TREE
    (llm,) = seen.runs("llm")
    sequence, _ = seen.runs("chain")
    assert llm.parent_run_id == sequence.run_id
    assert "t" in llm.tags
    assert llm.metadata["ls_model_name"] == "tiny"
    assert llm.value.generations[0][0].text == "a b"
    assert [run.state for run in seen.runs()] == ["end"] * 3


async def test_async_runs_are_recorded_the_same_and_in_order() -> None:
    seen = RecordingHandler()
    chain = chain_of(ScriptedChatModel("a b", name="tiny"))
    async for _ in chain.astream({"x": "hi"}, {"callbacks": [seen]}):
        pass
    assert seen.tree() == TREE
    assert seen.tokens() == ("a", " b")
    kinds = [event.kind for event in seen.events if event.name == "tiny"]
    assert kinds == ["chat_model_start", *["llm_new_token"] * 3, "llm_end"]


def test_a_token_reported_twice_is_seen_twice() -> None:
    """The doubling that a router must avoid is visible to the handler."""
    seen = RecordingHandler()
    model = ScriptedChatModel("a b", name="tiny")
    for _ in model.stream("hi", {"callbacks": [seen, RecordingHandler()]}):
        pass
    assert seen.tokens() == ("a", " b")
    (run,) = seen.runs("llm")
    seen.on_llm_new_token("a", run_id=run.run_id)
    assert seen.tokens() == seen.tokens(run.run_id) == ("a", " b", "a")


def test_errors_tools_and_custom_events_are_recorded() -> None:
    seen = RecordingHandler()
    shout.invoke("hi", {"callbacks": [seen]})
    with pytest.raises(ValueError, match="down"):
        ScriptedChatModel(ValueError("down")).invoke("hi", {"callbacks": [seen]})
    (ran,), (failed,) = seen.runs("tool"), seen.runs("llm")
    assert (ran.name, ran.state) == ("shout", "end")
    assert (failed.state, str(failed.value)) == ("error", "down")


async def test_custom_events_keep_their_own_name() -> None:
    seen = RecordingHandler()

    async def report(value: str) -> str:
        await adispatch_custom_event("progress", {"done": value})
        return value

    await RunnableLambda(report).ainvoke("half", {"callbacks": [seen]})
    (event,) = [event for event in seen.events if event.kind == "custom_event"]
    assert (event.name, event.value) == ("progress", {"done": "half"})


async def test_a_cancelled_ainvoke_is_left_pending_by_langchain() -> None:
    """What langchain-core does (no `on_llm_error`), and a router has to make up for."""
    seen = RecordingHandler()
    reached = threading.Semaphore(0)

    def hang(messages: object, kwargs: object) -> Reply:
        reached.release()
        return Reply("late", hang=True)

    model = ScriptedChatModel(hang, name="tiny")
    call = asyncio.ensure_future(model.ainvoke("hi", {"callbacks": [seen]}))
    await asyncio.to_thread(reached.acquire)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert [run.name for run in seen.pending()] == ["tiny"]


def test_nothing_is_lost_between_threads() -> None:
    seen = RecordingHandler()
    model = ScriptedChatModel("a")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: model.invoke("hi", {"callbacks": [seen]}), range(100)))
    assert len(seen.runs("llm")) == 100
    assert seen.pending() == ()


def test_a_failing_handler_is_logged_or_raised_as_asked(caplog: pytest.LogCaptureFixture) -> None:
    model = ScriptedChatModel("a")
    quiet = RecordingHandler(fail_on={"llm_end"})
    with caplog.at_level(logging.WARNING):
        assert model.invoke("hi", {"callbacks": [quiet]}).content == "a"
    assert "told to fail on llm_end" in caplog.text
    with pytest.raises(RuntimeError, match="told to fail on llm_end"):
        model.invoke("hi", {"callbacks": [RecordingHandler(fail_on={"llm_end"}, raise_error=True)]})


def test_a_handler_can_be_copied() -> None:
    seen = RecordingHandler()
    ScriptedChatModel("a").invoke("hi", {"callbacks": [seen]})
    assert [event.kind for event in copy.deepcopy(seen).events] == [event.kind for event in seen.events]
