"""What others cost that choose between models, beside the same bare model in one run: `python -m benchmarks.peers`.

They are optional and have dependencies of their own, so `make bench-peers` gives them an environment of their own;
whoever is not installed is named as left out. Every model answers at once with the same words: LangChain's own fake,
and LiteLLM's `mock_response`, which takes the way of a real call up to where the network would begin. No network is
used.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stdout
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

# LiteLLM would fetch a list of prices on import
os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
os.environ.setdefault("OPENAI_API_KEY", "none")  # RouteLLM makes a client on import

from benchmarks.contenders import (
    ANSWER,
    TEXT,
    ainvoking,
    at_once,
    bare,
    broken,
    invoking,
    many,
    router_behind,
    router_over,
    streaming,
    talking,
)
from benchmarks.harness import Contender, Ratio, compare

PACKAGES = ("langchain-core", "langchain-scaffolding", "litellm", "langchain-litellm", "langchain-model-router")
PACKAGES += ("cascadeflow", "routellm")
MESSAGES = [{"role": "user", "content": TEXT}]
Peer = Callable[[], Contender]


def installed() -> dict[str, str | None]:
    """The version of each package; `None` if it is not there."""
    found: dict[str, str | None] = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


# --- LiteLLM ---------------------------------------------------------------------------------------------------------


def _deployments(number: int, **of_all: Any) -> list[dict[str, Any]]:
    parameters = {"api_key": "none", "mock_response": ANSWER, **of_all}
    return [{"model_name": "m", "litellm_params": {"model": f"openai/m{each}", **parameters}} for each in range(number)]


def _litellm_router(number: int, **options: Any) -> Any:
    from litellm import Router

    return Router(model_list=_deployments(number), **options)


def _litellm_failing() -> Any:
    from litellm import Router

    first = {"model": "openai/broken", "api_key": "none", "mock_response": "litellm.InternalServerError"}
    return Router(
        model_list=[{"model_name": "first", "litellm_params": first}, *_deployments(1)],
        fallbacks=[{"first": ["m"]}],
        num_retries=0,
        disable_cooldowns=True,  # it is to fail in every call, as the others' first models do
    )


def _completing(router: Any, model: str = "m") -> Contender:
    def run(calls: int) -> None:
        for _ in range(calls):
            router.completion(model=model, messages=MESSAGES)

    return run


def _completing_at_once(router: Any, number: int) -> Contender:
    import asyncio

    async def gather(calls: int) -> None:
        for _ in range(calls):
            await asyncio.gather(*(router.acompletion(model="m", messages=MESSAGES) for _ in range(number)))

    return lambda calls: asyncio.run(gather(calls))


def _litellm_alone() -> Contender:
    import litellm

    def run(calls: int) -> None:
        for _ in range(calls):
            litellm.completion(model="openai/m", api_key="none", messages=MESSAGES, mock_response=ANSWER)

    return run


def _routellm() -> Contender:
    from routellm.controller import Controller

    # its trained routers need weights from the network; this one throws dice, so what is left is the call
    controller = Controller(routers=["random"], strong_model="openai/strong", weak_model="openai/weak")

    def run(calls: int) -> None:
        for _ in range(calls):
            controller.completion(model="router-random-0.5", messages=MESSAGES, mock_response=ANSWER)

    return run


def _chat_litellm_router() -> Any:
    from langchain_litellm import ChatLiteLLMRouter

    return ChatLiteLLMRouter(router=_litellm_router(2), model_name="m")


# --- LangChain packages ----------------------------------------------------------------------------------------------


def _chat_router(first: Any) -> Any:
    from langchain_model_router import ChatRouter, HeuristicStrategy

    strategy = HeuristicStrategy("small", "large")
    return ChatRouter(routes={"small": first, "large": first}, default_route="small", strategy=strategy)


def _cascade(first: Any) -> Any:
    from cascadeflow.langchain import CascadeFlow

    # an answer that its heuristic does not accept is asked for twice, which is not what is compared
    return CascadeFlow(drafter=first, verifier=bare(), quality_validator=lambda _result: 1.0)


def rows() -> Mapping[str, tuple[int, Mapping[str, tuple[str, Peer]]]]:
    """For each row the calls in a block, and the peers with the package that each of them needs."""
    us, lite, chat = "langchain-scaffolding", "litellm", "langchain-litellm"
    core = "langchain-core"
    return {
        "invoke": (
            10,
            {
                "bare": (core, lambda: invoking(bare())),
                "with_fallbacks": (core, lambda: invoking(bare().with_fallbacks([bare()]))),
                "langchain-scaffolding": (us, lambda: invoking(router_over(bare(), bare()))),
                "langchain-model-router": ("langchain-model-router", lambda: invoking(_chat_router(bare()))),
                "cascadeflow": ("cascadeflow", lambda: invoking(_cascade(bare()))),
                "LiteLLM without a router": (lite, _litellm_alone),
                "LiteLLM Router": (lite, lambda: _completing(_litellm_router(2))),
                "RouteLLM, random router": ("routellm", _routellm),
                "ChatLiteLLMRouter": (chat, lambda: invoking(_chat_litellm_router())),
            },
        ),
        "ainvoke": (
            10,
            {
                "bare": (core, lambda: ainvoking(bare())),
                "langchain-scaffolding": (us, lambda: ainvoking(router_over(bare(), bare()))),
                "langchain-model-router": ("langchain-model-router", lambda: ainvoking(_chat_router(bare()))),
                "cascadeflow": ("cascadeflow", lambda: ainvoking(_cascade(bare()))),
                "ChatLiteLLMRouter": (chat, lambda: ainvoking(_chat_litellm_router())),
            },
        ),
        "stream of 50 chunks": (
            5,
            {
                "bare": (core, lambda: streaming(talking(50))),
                "with_fallbacks": (core, lambda: streaming(talking(50).with_fallbacks([bare()]))),
                "langchain-scaffolding": (us, lambda: streaming(router_over(talking(50), bare()))),
                "langchain-model-router": ("langchain-model-router", lambda: streaming(_chat_router(talking(50)))),
            },
        ),
        "1 failing first": (
            5,
            {
                "bare": (core, lambda: invoking(bare())),
                "with_fallbacks": (core, lambda: invoking(broken().with_fallbacks([bare()]))),
                "langchain-scaffolding": (
                    us,
                    lambda: invoking(router_behind([broken()], bare(), breaker_threshold=10**9)),
                ),
                "LiteLLM Router": (lite, lambda: _completing(_litellm_failing(), "first")),
            },
        ),
        "1,000 candidates": (
            3,
            {
                "bare": (core, lambda: invoking(bare())),
                "langchain-scaffolding": (us, lambda: invoking(many(1000))),
                "LiteLLM Router": (lite, lambda: _completing(_litellm_router(1000))),
                "LiteLLM Router, by latency": (
                    lite,
                    lambda: _completing(_litellm_router(1000, routing_strategy="latency-based-routing")),
                ),
            },
        ),
        "100 at once": (
            1,
            {
                "bare": (core, lambda: at_once(bare(), 100)),
                "langchain-scaffolding": (us, lambda: at_once(router_over(bare(), bare()), 100)),
                "LiteLLM Router": (lite, lambda: _completing_at_once(_litellm_router(2), 100)),
            },
        ),
    }


def measure(blocks: int, there: Mapping[str, str | None]) -> Iterator[tuple[str, dict[str, Ratio]]]:
    """Each row, with the peers that are installed."""
    for name, (calls, peers) in rows().items():
        # cascadeflow prints a line in every call with a model whose price it does not know
        with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
            contenders = {who: make() for who, (package, make) in peers.items() if there[package] is not None}
            found = compare(contenders, calls=calls, blocks=blocks)
        yield name, found


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer blocks: a first look, not a result")
    shape = parser.add_mutually_exclusive_group()
    shape.add_argument("--json", action="store_true", help="print JSON")
    shape.add_argument("--markdown", action="store_true", help="print a table in Markdown")
    given = parser.parse_args(arguments)
    # what the others log and warn of is not what is measured, and would be written to the screen in every call
    logging.disable(logging.ERROR)
    warnings.simplefilter("ignore")
    there = installed()
    results = {}
    if given.markdown:
        print("| | | µs | times the bare model |\n| --- | --- | --: | --: |")
    for name, ratios in measure(5 if given.quick else 31, there):
        results[name] = {who: asdict(ratio) for who, ratio in ratios.items()}
        for who, each in ratios.items():
            if given.json:
                continue
            cell = f"{each.median:.2f} ({each.low:.2f}-{each.high:.2f})"
            line = f"| {name} | {who} | {each.micros:,.0f} | {cell} |"
            print(line if given.markdown else f"{name:20} {who:26} {each.micros:10,.0f} µs  {cell:>22}", flush=True)
    if given.json:
        print(json.dumps({"versions": there, "rows": results}, indent=2))
        return
    print()
    print(", ".join(f"{name} {each}" for name, each in there.items() if each is not None))
    absent = [name for name, each in there.items() if each is None]
    if absent:
        print(f"left out, not installed: {', '.join(absent)}")


if __name__ == "__main__":
    main()
