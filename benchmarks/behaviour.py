"""What others do that choose between models, seen by running them: `python -m benchmarks.behaviour`.

Everybody gets the same two models, `first` and `second`, from one small server on this machine that speaks OpenAI's
protocol, and is asked the same things while `first` fails in one way or another. Who is not installed is left out;
they have dependencies of their own, so give them an environment of their own:

    pip install -e . langchain langchain-openai langchain-model-router cascadeflow langchain-litellm routellm
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from importlib.metadata import distribution
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any, TypeAlias

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # it would fetch a list of prices on import
os.environ.setdefault("OPENAI_API_KEY", "none")  # RouteLLM makes a client on import

from langchain_openai import ChatOpenAI
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from pydantic import BaseModel

from benchmarks.failing_server import WORDS, Server, serving
from benchmarks.peers import installed

TEXT = "Give this text a title: boil water, add the leaves, wait."
LIMIT_S = 2.0


class Title(BaseModel):
    """A title."""

    title: str


def look_up(word: str) -> str:
    """Look a word up."""
    return word


# --- who is asked ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Entrant:
    """Somebody over both models.

    Attributes:
        model: What is called; a LangChain runnable where there is one.
        invoke: Gives a text for a text.
        stream: Gives the pieces of one.
        with_limit: The same with a time limit of its own; `None` if it has no such option.
        as_agent: Makes an agent of it, if it is none but a part of agents.
    """

    model: Any
    invoke: Callable[[str], str]
    stream: Callable[[str], Iterator[str]] | None
    with_limit: Callable[[], Entrant] | None = None
    as_agent: Callable[..., Any] | None = None


Made: TypeAlias = Callable[[Server], Entrant]


def chat(server: Server, name: str) -> ChatOpenAI:
    return ChatOpenAI(model=name, base_url=server.base(), api_key="none", max_retries=0)


def _langchain(model: Any, with_limit: Callable[[], Entrant] | None = None) -> Entrant:
    return Entrant(
        model=model,
        invoke=lambda text: str(model.invoke(text).content),
        stream=lambda text: (str(chunk.content) for chunk in model.stream(text)),
        with_limit=with_limit,
    )


def scaffolding(server: Server, **options: Any) -> Entrant:
    from langchain_scaffolding import Candidate, ModelTags, ScaffoldingConfig, ScaffoldingRouterLLM

    sizes = {"first": 1.5, "second": 9}
    models = [
        Candidate(name=name, model=chat(server, name), tags=ModelTags(size_gb=size)) for name, size in sizes.items()
    ]
    router = ScaffoldingRouterLLM(models=models, **options)
    config = ScaffoldingConfig(attempt_timeout_ms=LIMIT_S * 1000)
    return _langchain(router, lambda: scaffolding(server, config=config))


def with_fallbacks(server: Server) -> Entrant:
    return _langchain(chat(server, "first").with_fallbacks([chat(server, "second")]))


def _agent(server: Server, *middleware: Any) -> Entrant:
    from langchain.agents import create_agent

    def made(**options: Any) -> Any:
        return create_agent(chat(server, "first"), middleware=middleware, **options)

    agent = made()

    def stream(text: str) -> Iterator[str]:
        for chunk, _ in agent.stream({"messages": [("user", text)]}, stream_mode="messages"):
            yield str(chunk.content)

    return Entrant(model=agent, invoke=lambda text: _said(agent, text), stream=stream, as_agent=made)


def _said(agent: Any, text: str) -> str:
    return str(agent.invoke({"messages": [("user", text)]})["messages"][-1].content)


def fallback_middleware(server: Server) -> Entrant:
    from langchain.agents.middleware import ModelFallbackMiddleware

    return _agent(server, ModelFallbackMiddleware(chat(server, "second")))


def router_middleware(server: Server) -> Entrant:
    from langchain.agents.middleware import ModelChoice, ModelRouterMiddleware
    from langchain_core.decisions import BaseDecisionModel, ClassifierResponse
    from langchain_core.decisions.types import ChoiceAnswer

    class AlwaysFirst(BaseDecisionModel):
        model: str = "rule"

        @property
        def _provider(self) -> str:
            return "none"

        def _classify(self, state: Any, questions: Any) -> ClassifierResponse:  # noqa: ARG002
            answer = ChoiceAnswer(
                type="choice", choice="first", probabilities={"first": 1.0, "second": 0.0}, confidence=1.0
            )
            return ClassifierResponse(model=self.model, answers=dict.fromkeys(questions, answer))

    choices = {name: ModelChoice(model=chat(server, name), criteria=name) for name in ("first", "second")}
    return _agent(server, ModelRouterMiddleware(choices=choices, instructions="-", classifier=AlwaysFirst()))


def model_router(server: Server) -> Entrant:
    from langchain_model_router import ChatRouter, HeuristicStrategy

    routes = {name: chat(server, name) for name in ("first", "second")}
    return _langchain(ChatRouter(routes=routes, default_route="first", strategy=HeuristicStrategy("first", "second")))


def cascade(server: Server) -> Entrant:
    from cascadeflow.langchain import CascadeFlow

    return _langchain(CascadeFlow(drafter=chat(server, "first"), verifier=chat(server, "second")))


def litellm_router(server: Server, **options: Any) -> Entrant:
    from langchain_litellm import ChatLiteLLMRouter
    from litellm import Router

    deployments = [
        {
            "model_name": name,
            "litellm_params": {"model": f"openai/{name}", "api_base": server.base(), "api_key": "none"},
        }
        for name in ("first", "second")
    ]
    router = Router(model_list=deployments, fallbacks=[{"first": ["second"]}], num_retries=0, **options)
    return _langchain(
        ChatLiteLLMRouter(router=router, model_name="first"), lambda: litellm_router(server, timeout=LIMIT_S)
    )


def routellm(server: Server) -> Entrant:
    from routellm.controller import Controller

    # its trained routers need weights from the network; the threshold sends everything to the weak model
    controller = Controller(
        routers=["random"],
        strong_model="openai/second",
        weak_model="openai/first",
        api_base=server.base(),
        api_key="none",
    )

    def complete(text: str, **options: Any) -> Any:
        return controller.completion(
            model="router-random-1.0", messages=[{"role": "user", "content": text}], max_retries=0, **options
        )

    return Entrant(
        model=controller,
        invoke=lambda text: complete(text).choices[0].message.content,
        stream=lambda text: (chunk.choices[0].delta.content or "" for chunk in complete(text, stream=True)),
    )


ENTRANTS: Mapping[str, tuple[str, Made]] = {
    "langchain-scaffolding": ("langchain-scaffolding", scaffolding),
    "with_fallbacks": ("langchain-core", with_fallbacks),
    "fallback middleware": ("langchain", fallback_middleware),
    "router middleware": ("langchain", router_middleware),
    "langchain-model-router": ("langchain-model-router", model_router),
    "cascadeflow": ("cascadeflow", cascade),
    "LiteLLM Router": ("langchain-litellm", litellm_router),
    "RouteLLM": ("routellm", routellm),
}


# --- what is asked ---------------------------------------------------------------------------------------------------

WHOLE = "".join(WORDS)
Probe: TypeAlias = Callable[[Server, Entrant], str]


def told(ask: Callable[[], str], *, good: Callable[[str], bool] = lambda text: text == WHOLE) -> str:
    """What came of a question, in few words."""
    started = time.perf_counter()
    try:
        text = ask()
    except Exception as error:  # noqa: BLE001 - whatever they raise is what is told
        return f"no: {type(error).__name__}"
    if not good(text):
        return f"no: gave {text!r}"
    return "yes" if time.perf_counter() - started < LIMIT_S + 1 else f"after {time.perf_counter() - started:.0f} s"


def plain(server: Server, entrant: Entrant) -> str:
    server.behave()
    answer = told(lambda: entrant.invoke(TEXT))
    return f"{answer}, {len(server.asked)} call{'' if len(server.asked) == 1 else 's'}"


def is_chat_model(_server: Server, entrant: Entrant) -> str:
    from langchain_core.language_models import BaseChatModel

    return "yes" if isinstance(entrant.model, BaseChatModel) else f"no: {type(entrant.model).__name__}"


def falls_back(server: Server, entrant: Entrant) -> str:
    server.behave(first="503")
    return told(lambda: entrant.invoke(TEXT))


def streams(server: Server, entrant: Entrant) -> str:
    server.behave()
    pieces: list[str] = []

    def ask() -> str:
        pieces.extend(piece for piece in entrant.stream(TEXT) if piece)
        return "".join(pieces)

    answer = told(ask)
    return answer if answer != "yes" or len(pieces) > 1 else "no: all at once"


def streams_after_a_failure(server: Server, entrant: Entrant) -> str:
    server.behave(first="503")
    return told(lambda: "".join(entrant.stream(TEXT)))


def broken_stream(server: Server, entrant: Entrant) -> str:
    server.behave(first="breaks")
    pieces: list[str] = []
    try:
        pieces.extend(entrant.stream(TEXT))
    except Exception as error:  # noqa: BLE001 - whatever they raise is what is told
        kept = getattr(error, "partial", None)
        return f"{type(error).__name__}" + (", keeps the text so far" if kept is not None else "")
    return f"gave {''.join(pieces)!r}"


def empty_answer(server: Server, entrant: Entrant) -> str:
    server.behave(first="empty")
    return told(lambda: entrant.invoke(TEXT))


def hang(server: Server, entrant: Entrant) -> str:
    limited = entrant if entrant.with_limit is None else entrant.with_limit()
    server.behave(first="hangs")
    return told(lambda: limited.invoke(TEXT))


def nobody(server: Server, entrant: Entrant) -> str:
    server.behave(first="503", second="503")
    return told(lambda: entrant.invoke("Boil water. Add the leaves."), good=bool)


def tools(server: Server, entrant: Entrant) -> str:
    server.behave(first="no tools")
    if entrant.as_agent is not None:
        agent = entrant.as_agent(tools=[look_up])
        return told(lambda: _said(agent, TEXT))
    return told(lambda: str(entrant.model.bind_tools([look_up]).invoke(TEXT).tool_calls[0]["name"]), good=bool)


def agents(server: Server, entrant: Entrant) -> str:
    from langchain.agents import create_agent

    server.behave(first="503")
    make = entrant.as_agent or (lambda **options: create_agent(entrant.model, **options))
    return told(lambda: _said(make(tools=[look_up]), TEXT))


def structured(server: Server, entrant: Entrant) -> str:
    server.behave(first="503")
    if entrant.as_agent is not None:
        agent = entrant.as_agent(response_format=Title)
        return told(lambda: str(agent.invoke({"messages": [("user", TEXT)]})["structured_response"].title), good=bool)
    return told(lambda: str(entrant.model.with_structured_output(Title).invoke(TEXT).title), good=bool)


def packages(package: str) -> int:
    """How many packages come with one, itself and what is optional not counted."""
    found, ahead = set(), [package]
    while ahead:
        for line in distribution(ahead.pop()).requires or ():
            needed = Requirement(line)
            name = canonicalize_name(needed.name)
            if name not in found and (needed.marker is None or needed.marker.evaluate({"extra": ""})):
                found.add(name)
                ahead.append(name)
    return len(found)


PROBES: Mapping[str, Probe] = {
    "a call, both models well": plain,
    "is a chat model": is_chat_model,
    "first model down: the second answers": falls_back,
    "streams as it comes": streams,
    "streams, first model down": streams_after_a_failure,
    "stream breaks after two words": broken_stream,
    "empty answer: the second answers": empty_answer,
    f"first model hangs, {LIMIT_S:g} s allowed: the second answers": hang,
    "both down: still an answer": nobody,
    "tools, first model refuses them": tools,
    "in an agent, first model down": agents,
    "structured output, first model down": structured,
}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=list(ENTRANTS), help=f"of {', '.join(ENTRANTS)}")
    asked = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    there = {**installed(), "langchain": version_of("langchain")}
    names = [name for name in asked.names if there.get(ENTRANTS[name][0])]
    print(", ".join(f"{package} {version}" for package, version in there.items() if version), end="\n\n")
    print(f"| | {' | '.join(names)} |\n|{'---|' * (len(names) + 1)}")
    with serving() as server:
        for question, probe in PROBES.items():
            found = []
            for name in names:
                with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
                    found.append(probe(server, ENTRANTS[name][1](server)))
            print(f"| {question} | {' | '.join(found)} |", flush=True)
    print(f"| packages it needs | {' | '.join(str(packages(ENTRANTS[name][0])) for name in names)} |")


if __name__ == "__main__":
    main()
