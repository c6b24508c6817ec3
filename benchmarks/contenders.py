"""What is measured: the models, the router over them, and the ways to call either."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models import BaseChatModel, FakeListChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tracers.run_collector import RunCollectorCallbackHandler

from benchmarks.harness import Contender
from langchain_scaffolding import Candidate, ModelTags, ScaffoldingConfig, ScaffoldingRouterLLM

TEXT = "Name three steps to make tea, in order, in one short line each."
ANSWER = "First boil the water, then add the leaves, then wait three minutes before you pour the tea."


class Plain(FakeListChatModel):
    """LangChain's own fake, with native async and the usual batching, as chat models of providers have them.

    The fake hops to a thread for every asynchronous call, which costs more than all that is to be measured.
    """

    async def _agenerate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        return self._generate(messages)

    def batch(self, *args: Any, **kwargs: Any) -> list[AIMessage]:
        return BaseChatModel.batch(self, *args, **kwargs)

    async def abatch(self, *args: Any, **kwargs: Any) -> list[AIMessage]:
        return await BaseChatModel.abatch(self, *args, **kwargs)


class Broken(Plain):
    """A model that always fails."""

    def _call(self, *_: Any, **__: Any) -> str:
        raise ConnectionError("nobody listens")


class Deaf(BaseCallbackHandler):
    """A handler that does nothing with what it hears of."""

    def on_chat_model_start(self, *_: Any, **__: Any) -> None:
        pass

    def on_llm_end(self, *_: Any, **__: Any) -> None:
        pass


def bare(answer: str = ANSWER) -> FakeListChatModel:
    return Plain(responses=[answer])


def broken() -> FakeListChatModel:
    return Broken(responses=["never"])


def talking(chunks: int) -> FakeListChatModel:
    """A model that streams so many chunks: LangChain's own fake sends one for each letter."""
    return bare((ANSWER * (chunks // len(ANSWER) + 1))[:chunks])


def router_over(*models: Runnable[Any, Any], **options: Any) -> ScaffoldingRouterLLM:
    """A router with these fields of its configuration, else the defaults, which tries the models in this order."""
    candidates = [
        Candidate(name=f"m{place}", model=model, tags=ModelTags(size_gb=float(place)))
        for place, model in enumerate(models)
    ]
    return ScaffoldingRouterLLM(models=candidates, config=ScaffoldingConfig(**options))


def router_behind(failing: list[FakeListChatModel], last: Runnable[Any, Any], **options: Any) -> ScaffoldingRouterLLM:
    """A router that keeps trying the failing models first, however good the last one turns out to be."""
    best = ModelTags(size_gb=1.0, capabilities={"CHAT", "REASONING"}, quantization="Q4_K_M")
    candidates = [Candidate(name=f"m{place}", model=model, tags=best) for place, model in enumerate(failing)]
    candidates.append(Candidate(name="last", model=last, tags=ModelTags(size_gb=100.0)))
    return ScaffoldingRouterLLM(models=candidates, config=ScaffoldingConfig(**options))


def many(number: int) -> ScaffoldingRouterLLM:
    """A router over one model that answers and many others behind it."""
    return router_over(bare(), *(bare("never") for _ in range(number - 1)))


def traced() -> dict[str, Any]:
    """A configuration with a tracer that collects runs."""
    return {"callbacks": [RunCollectorCallbackHandler()]}


def heard() -> dict[str, Any]:
    """A configuration with a handler that costs nothing by itself."""
    return {"callbacks": [Deaf()]}


def invoking(model: Runnable[Any, Any], config: Callable[[], Any] = lambda: None) -> Contender:
    def run(calls: int) -> None:
        for _ in range(calls):
            model.invoke(TEXT, config())

    return run


def ainvoking(model: Runnable[Any, Any], config: Callable[[], Any] = lambda: None) -> Contender:
    async def calls_in_a_row(calls: int) -> None:
        for _ in range(calls):
            await model.ainvoke(TEXT, config())

    return lambda calls: asyncio.run(calls_in_a_row(calls))


def streaming(model: Runnable[Any, Any]) -> Contender:
    def run(calls: int) -> None:
        for _ in range(calls):
            for _chunk in model.stream(TEXT):
                pass

    return run


def starting(model: Runnable[Any, Any]) -> Contender:
    """Streams to the end, and counts the time to the first chunk."""

    def run(calls: int) -> float:
        counted = 0.0
        for _ in range(calls):
            start = time.perf_counter()
            stream = model.stream(TEXT)
            next(stream)
            counted += time.perf_counter() - start
            for _chunk in stream:
                pass
        return counted

    return run


def batching(model: Runnable[Any, Any], size: int) -> Contender:
    def run(calls: int) -> None:
        for _ in range(calls):
            model.batch([TEXT] * size)

    return run


def abatching(model: Runnable[Any, Any], size: int) -> Contender:
    async def batches(calls: int) -> None:
        for _ in range(calls):
            await model.abatch([TEXT] * size)

    return lambda calls: asyncio.run(batches(calls))


def at_once(model: Runnable[Any, Any], number: int) -> Contender:
    """So many asynchronous calls under way together."""

    async def gather(calls: int) -> None:
        for _ in range(calls):
            await asyncio.gather(*(model.ainvoke(TEXT) for _ in range(number)))

    return lambda calls: asyncio.run(gather(calls))


def in_threads(model: Runnable[Any, Any], pool: ThreadPoolExecutor, threads: int) -> Contender:
    """As many calls in all, shared by so many threads."""
    one = invoking(model)

    def run(calls: int) -> None:
        for done in [pool.submit(one, calls // threads) for _ in range(threads)]:
            done.result()

    return run
