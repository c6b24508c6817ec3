"""Where the time of a call goes: `python -m benchmarks.layers`.

Floors that stand on each other, in interleaved blocks: the bare model; that half of its call which does the work, and
which the router makes where nobody listens; a chat model that hands the call on and does nothing else; any callback
handler on the inner call; the handler the router measures with; LangChain's own fallback, which measures nothing; the
router, alone and with a handler. And the parts of the router that can be called alone. `--profile` samples instead what
the router's calls are busy with.
"""

from __future__ import annotations

import argparse
import json
import signal
import statistics
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from types import FrameType
from typing import Any

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models import BaseChatModel, FakeListChatModel
from langchain_core.messages import BaseMessage, HumanMessage
from langchain_core.outputs import ChatResult
from uuid_utils import uuid7

from benchmarks.contenders import TEXT, Deaf, bare, heard, invoking, router_over, talking
from benchmarks.harness import Contender, Ratio, block_times, micros_per_call
from langchain_scaffolding.attempts.probe import Probe
from langchain_scaffolding.attempts.unheard import ask
from langchain_scaffolding.outcomes import Outcome
from langchain_scaffolding.performance import PerformanceTracker
from langchain_scaffolding.request import RouteRequest


class PassingOn(BaseChatModel):
    """The least that a chat model around another can do."""

    inner: FakeListChatModel

    def invoke(self, input: Any, config: Any = None, **kwargs: Any) -> Any:
        return self.inner.invoke(input, config, **kwargs)

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        return self.inner._generate(messages)  # noqa: SLF001 - never reached, but a chat model has it

    @property
    def _llm_type(self) -> str:
        return "passing-on"


class HearingTokens(Deaf):
    """A handler that hears every token."""

    def on_llm_new_token(self, *_: Any, **__: Any) -> None:
        pass


def _heard(handler: Callable[[], BaseCallbackHandler]) -> Callable[[], dict[str, Any]]:
    return lambda: {"callbacks": [handler()]}


def _working(model: FakeListChatModel) -> Contender:
    def run(calls: int) -> None:
        for _ in range(calls):
            ask(model, [HumanMessage(TEXT)], Probe(time.monotonic), {})

    return run


def _streaming(model: Any, config: Callable[[], Any] = lambda: None) -> Contender:
    def run(calls: int) -> None:
        for _ in range(calls):
            for _chunk in model.stream(TEXT, config()):
                pass

    return run


def floors() -> dict[str, dict[str, Contender]]:
    """The floors, of a call and of a stream."""
    probe = _heard(partial(Probe, time.monotonic))
    stream = talking(50)
    return {
        "invoke": {
            "bare model": invoking(bare()),
            "its work alone": _working(bare()),
            "handing the call on": invoking(PassingOn(inner=bare())),
            "any handler on the inner call": invoking(bare(), heard),
            "the router's own handler": invoking(bare(), probe),
            "with_fallbacks": invoking(bare().with_fallbacks([bare()])),
            "the router": invoking(router_over(bare(), bare())),
            "the router, with a handler": invoking(router_over(bare(), bare()), heard),
        },
        "stream of 50 chunks": {
            "bare model": _streaming(stream),
            "any handler on the inner call": _streaming(stream, heard),
            "one that hears every token": _streaming(stream, _heard(HearingTokens)),
            "with_fallbacks": _streaming(stream.with_fallbacks([bare()])),
            "the router": _streaming(router_over(stream, bare())),
            "the router, with a handler": _streaming(router_over(stream, bare()), heard),
        },
    }


def parts() -> dict[str, float]:
    """Microseconds of what the router does in a call, each alone: the fastest of many blocks."""
    router, tracker = router_over(bare(), bare()), PerformanceTracker()
    router.invoke(TEXT)
    request = RouteRequest.from_messages(TEXT)
    outcome = Outcome(task="chat", model="m0", decision_id="d", total_s=0.001, measured=True, at=time.time())
    alone: dict[str, Callable[[], object]] = {
        "a kept choice": partial(router.routing.selector.select, request),
        "reading the request off the text": partial(RouteRequest.from_messages, TEXT),
        "learning from the outcome": partial(tracker.record, outcome),
        "an id": lambda: str(uuid7()),
    }
    return {name: micros_per_call(work, calls=1000) for name, work in alone.items()}


def profile(seconds: float, model: BaseChatModel) -> dict[str, float]:
    """Microseconds of a call spent in each function and what it calls, by a thousand samples a second.

    Samples fall between Python's instructions, so a short function may be taken for its caller.
    """
    within: Counter[str] = Counter()

    def sample(_signal: int, frame: FrameType | None) -> None:
        names = set()
        while frame is not None:
            module = frame.f_globals.get("__name__", "?")
            names.add(f"{module}.{frame.f_code.co_qualname}")
            frame = frame.f_back
        within.update(names)
        within["samples"] += 1

    before = signal.signal(signal.SIGPROF, sample)
    signal.setitimer(signal.ITIMER_PROF, 0.001, 0.001)
    start, calls = time.process_time(), 0
    while (spent := time.process_time() - start) < seconds:
        model.invoke(TEXT)
        calls += 1
    signal.setitimer(signal.ITIMER_PROF, 0)
    signal.signal(signal.SIGPROF, before)
    samples = within.pop("samples", 1)
    return {name: number / samples * spent / calls * 1e6 for name, number in within.most_common()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", action="store_true", help="sample the router's calls for ten seconds instead")
    parser.add_argument("--blocks", type=int, default=41, help="blocks of each floor (default 41)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    given = parser.parse_args()
    if given.profile:
        for name, micros in list(profile(10.0, router_over(bare(), bare())).items())[:60]:
            print(f"{micros:7.1f} µs  {name}")
        return
    shown: dict[str, Any] = {}
    for name, contenders in floors().items():
        times = block_times(contenders, calls=60 if name == "invoke" else 15, blocks=given.blocks)
        base = times["bare model"]
        shown[name] = {}
        for who, each in times.items():
            above = statistics.median([(one - bare_) * 1e6 for one, bare_ in zip(each, base, strict=True)])
            shown[name][who] = {**asdict(Ratio.of(who, each, base)), "above_us": above}
    shown["parts"] = parts()
    if given.json:
        print(json.dumps(shown, indent=2))
        return
    for name in floors():
        print(f"| {name} | µs | above the bare model, µs | times it |\n| --- | --: | --: | --: |")
        for who, each in shown[name].items():
            print(f"| {who} | {each['micros']:,.0f} | {each['above_us']:+,.0f} | {each['median']:.2f} |")
        print()
    print("| alone | µs |\n| --- | --: |")
    for name, micros in shown["parts"].items():
        print(f"| {name} | {micros:.1f} |")


if __name__ == "__main__":
    main()
