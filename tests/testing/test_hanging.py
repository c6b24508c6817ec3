import asyncio
import subprocess
import sys
import threading

import pytest

from langchain_scaffolding.testing import FakeClock, Reply, ScriptedChatModel


class Hanging:
    """A model that hangs, and a wait for its calls to be under way, so that no test guesses a time."""

    def __init__(self, **options: bool) -> None:
        self.reached = threading.Semaphore(0)
        self.model = ScriptedChatModel(self._item, **options)

    def _item(self, messages: object, kwargs: object) -> Reply:
        self.reached.release()
        return Reply("late", hang=True)

    async def calls(self, count: int = 1) -> None:
        for _ in range(count):
            await asyncio.to_thread(self.reached.acquire)


def test_a_hanging_call_ends_with_its_release() -> None:
    hanging = Hanging()
    model = hanging.model
    answers: list[str] = []
    thread = threading.Thread(target=lambda: answers.append(str(model.invoke("hi").content)), daemon=True)
    thread.start()
    hanging.reached.acquire()
    assert thread.is_alive()
    assert answers == []
    model.release()
    thread.join(10)
    assert answers == ["late"]


@pytest.mark.parametrize("native_async", [True, False])
async def test_hanging_async_calls_leave_the_loop_free_and_end_with_the_release(native_async: bool) -> None:
    hanging = Hanging(native_async=native_async)
    model = hanging.model
    calls = [asyncio.ensure_future(model.ainvoke("hi")) for _ in range(3)]
    await hanging.calls(3)
    assert not any(call.done() for call in calls)
    model.release()
    assert [message.content for message in await asyncio.gather(*calls)] == ["late"] * 3


async def test_a_release_from_another_thread_wakes_the_loop() -> None:
    hanging = Hanging()
    model = hanging.model
    call = asyncio.ensure_future(model.ainvoke("hi"))
    await hanging.calls()
    await asyncio.to_thread(model.release)
    assert (await call).content == "late"


def test_calls_after_the_release_do_not_hang() -> None:
    hanging = Hanging()
    model = hanging.model
    model.release()
    assert model.invoke("hi").content == "late"


def test_a_hanging_stream_says_nothing_before_its_release() -> None:
    hanging = Hanging()
    model = hanging.model
    heard: list[str] = []
    thread = threading.Thread(target=lambda: heard.extend(str(c.content) for c in model.stream("hi")), daemon=True)
    thread.start()
    hanging.reached.acquire()
    assert heard == []
    model.release()
    thread.join(10)
    assert heard == ["late", ""]


async def test_a_cancelled_call_ends_and_is_counted() -> None:
    hanging = Hanging()
    model = hanging.model
    call = asyncio.ensure_future(model.ainvoke("hi"))
    await hanging.calls()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert model.cancelled == 1
    assert model.script._waiting == set()


async def test_a_cancelled_stream_is_counted() -> None:
    hanging = Hanging()
    model = hanging.model

    async def read() -> None:
        async for _ in model.astream("hi"):
            pass

    call = asyncio.ensure_future(read())
    await hanging.calls()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert model.cancelled == 1


async def test_a_call_that_ignores_cancellation_goes_on() -> None:
    hanging = Hanging(ignores_cancellation=True)
    model = hanging.model
    call = asyncio.ensure_future(model._agenerate([]))
    await hanging.calls()
    for count in (1, 2):
        call.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert model.cancelled == count
        assert not call.done()
    model.release()
    result = await call
    assert result.generations[0].message.content == "late"


async def test_a_deadline_around_a_call_that_ignores_cancellation_waits_for_it() -> None:
    """`asyncio.wait_for` cancels and then waits, so the limit is overrun: what a router must guard against."""
    hanging = Hanging(ignores_cancellation=True)
    call = asyncio.ensure_future(hanging.model.ainvoke("hi"))
    await hanging.calls()
    limited = asyncio.ensure_future(asyncio.wait_for(call, 0))
    for _ in range(100):  # turns of the loop, many more than a cancellation needs to get through
        await asyncio.sleep(0)
    assert hanging.model.cancelled == 1
    assert not limited.done()
    hanging.model.release()
    with pytest.raises(TimeoutError):
        await limited


def test_a_stream_closed_early_is_counted() -> None:
    model = ScriptedChatModel("one two three")
    stream = model.stream("hi")
    next(stream)
    assert model.closed_streams == 0
    stream.close()
    assert model.closed_streams == 1
    list(model.stream("hi"))
    assert model.closed_streams == 1


async def test_an_async_stream_closed_early_is_counted() -> None:
    model = ScriptedChatModel(Reply("one two", token_s=1.0), clock=FakeClock())
    hook = model._astream([])
    await anext(hook)
    await hook.aclose()
    assert (model.closed_streams, model.cancelled) == (1, 0)


@pytest.mark.parametrize(
    "start",
    [
        "threading.Thread(target=model.invoke, args=('hi',)).start()",
        "ThreadPoolExecutor(1).submit(model.invoke, 'hi')",
        "threading.Thread(target=lambda: asyncio.run(model.ainvoke('hi'))).start()",
    ],
    ids=["thread", "executor", "loop in a thread"],
)
def test_a_hang_does_not_keep_the_interpreter_from_ending(start: str) -> None:
    program = (
        "import asyncio, threading\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "from langchain_scaffolding.testing import Reply, ScriptedChatModel\n"
        "model = ScriptedChatModel(Reply('late', hang=True))\n"
        f"{start}\n"
        "while model.calls == 0: pass\n"
        "print('main ends')\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "main ends\n", "")
