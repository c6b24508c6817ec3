"""Libraries that replace functions of LangChain hear every run once, be they there before the router or later."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from functools import wraps
from types import MethodType
from typing import Any

import pytest
from langchain_core.callbacks import AsyncCallbackManager, BaseCallbackManager, CallbackManager, manager
from langchain_core.language_models import BaseChatModel

from langchain_scaffolding.testing import RecordingHandler
from tests.langchain.models import TEXT, down, large, router_of, small
from tests.paths import PATHS, call

TREE = (("ScaffoldingRouterLLM", (("small", ()), ("large", ()))),)


class Wrapped:
    """A function in another's place that is no function, as those of wrapt are not."""

    def __init__(self, wrapped: Any, wrapper: Callable[..., Any]) -> None:
        self.wrapped, self.wrapper = wrapped, wrapper

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return Wrapped(self.wrapped.__get__(instance, owner), self.wrapper)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.wrapper(self.wrapped, *args, **kwargs)


def as_function(wrapped: Any, wrapper: Callable[..., Any]) -> Any:
    @wraps(wrapped)
    def replacement(*args: Any, **kwargs: Any) -> Any:
        return wrapper(wrapped, *args, **kwargs)

    return replacement


def init_hears(patch: pytest.MonkeyPatch, seen: RecordingHandler, wrap: Callable[..., Any]) -> None:
    """As OpenInference and traceloop do: every callback manager is made with their handler."""

    def wrapper(wrapped: Any, *args: Any, **kwargs: Any) -> None:
        wrapped(*args, **kwargs)
        made = wrapped.__self__ if isinstance(wrapped, MethodType) else args[0]
        if seen not in made.inheritable_handlers:
            made.add_handler(seen, inherit=True)

    patch.setattr(BaseCallbackManager, "__init__", wrap(BaseCallbackManager.__init__, wrapper))


def configure_hears(patch: pytest.MonkeyPatch, seen: RecordingHandler, wrap: Callable[..., Any]) -> None:
    """As Sentry does: every run is configured with their handler, which those below it do not inherit."""

    def wrapper(wrapped: Any, cls: Any, inheritable: Any = None, local: Any = None, *args: Any, **kwargs: Any) -> Any:
        given = inheritable.handlers if isinstance(inheritable, BaseCallbackManager) else inheritable or ()
        if seen not in given:
            local = [*(local or ()), seen]
        return wrapped(cls, inheritable, local, *args, **kwargs)

    patch.setattr(manager, "_configure", wrap(manager._configure, wrapper))


def managers_hear(patch: pytest.MonkeyPatch, seen: RecordingHandler, wrap: Callable[..., Any]) -> None:
    """As smaller ones do, by replacing what a run is configured by."""

    def wrapper(wrapped: Any, *args: Any, **kwargs: Any) -> Any:
        made = wrapped(*args, **kwargs)
        if seen not in made.handlers:
            made.add_handler(seen, inherit=False)
        return made

    for cls in (CallbackManager, AsyncCallbackManager):
        patch.setattr(cls, "configure", staticmethod(wrap(cls.configure, wrapper)))


HEARING = [
    (init_hears, as_function),
    (init_hears, Wrapped),
    (configure_hears, as_function),
    (configure_hears, Wrapped),
    (managers_hear, as_function),
    (managers_hear, Wrapped),
]


@pytest.mark.parametrize("comes", ["first", "later"])
@pytest.mark.parametrize(("library", "wrap"), HEARING)
@pytest.mark.parametrize("path", PATHS)
def test_a_library_that_adds_a_handler_hears_each_run_once(
    path: str, library: Callable[..., None], wrap: Callable[..., Any], comes: str
) -> None:
    seen = RecordingHandler()
    router = router_of(down(), large())
    with pytest.MonkeyPatch.context() as patch:
        if comes == "first":
            library(patch, seen, wrap)
            router = router_of(down(), large())
        else:
            call(router, path)
            library(patch, seen, wrap)
        assert call(router, path).content == "from large"
    assert seen.tree() == TREE
    assert [run.state for run in seen.runs()] == ["end", "error", "end"]
    call(router, path)
    assert seen.tree() == TREE


# what is replaced, and which calls of a router come to it
ENTRIES = [
    ("invoke", ("generate",)),
    ("invoke", ("invoke", "generate")),
    ("invoke", ("generate_prompt",)),
    ("invoke", ("_generate_with_cache",)),
    ("ainvoke", ("agenerate",)),
    ("ainvoke", ("ainvoke", "agenerate")),
    ("ainvoke", ("agenerate_prompt",)),
    ("ainvoke", ("_agenerate_with_cache",)),
    ("stream", ("stream",)),
    ("astream", ("astream",)),
]


@pytest.mark.parametrize("is_heard", [False, True])
@pytest.mark.parametrize("comes", ["first", "later"])
@pytest.mark.parametrize("wrap", [as_function, Wrapped])
@pytest.mark.parametrize(("path", "names"), ENTRIES)
def test_a_library_that_replaces_a_models_way_sees_each_call_once(
    path: str, names: tuple[str, ...], wrap: Callable[..., Any], comes: str, is_heard: bool
) -> None:
    """As Datadog does."""
    calls: list[str] = []
    config = {"callbacks": [RecordingHandler()]} if is_heard else None
    router = router_of(down(), large())
    with pytest.MonkeyPatch.context() as patch:
        if comes == "later":
            call(router, path, "hi", config)
        for name in names:

            def wrapper(wrapped: Any, *args: Any, _name: str = name, **kwargs: Any) -> Any:
                calls.append(_name)
                return wrapped(*args, **kwargs)

            patch.setattr(BaseChatModel, name, wrap(getattr(BaseChatModel, name), wrapper))
        if comes == "first":
            router = router_of(down(), large())
        assert call(router, path, "hi", config).content == "from large"
    assert calls == [*names, *names]
    call(router, path, "hi", config)
    assert calls == [*names, *names]


def test_a_call_is_direct_again_when_a_library_has_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    router, opened = router_of(small()), list[Any]()
    with pytest.MonkeyPatch.context() as patch:
        managers_hear(patch, RecordingHandler(), Wrapped)
        init_hears(patch, RecordingHandler(), Wrapped)
        patch.setattr(BaseChatModel, "invoke", Wrapped(BaseChatModel.invoke, lambda own, *args, **_: own(*args)))
        call(router, "invoke")
    monkeypatch.setattr(BaseChatModel, "_get_ls_params_with_defaults", lambda *_, **__: opened.append(1))
    assert call(router, "invoke").content == TEXT
    assert opened == []


def test_a_library_may_come_before_the_package_itself() -> None:
    """What is compared with is LangChain's own, and not what was found on import."""
    script = """
import asyncio
from langchain_core.callbacks import BaseCallbackManager
from langchain_core.language_models import BaseChatModel

own, generate, agenerate, calls = BaseCallbackManager.__init__, BaseChatModel.generate, BaseChatModel.agenerate, []

def init(self, *args, **kwargs):
    own(self, *args, **kwargs)
    for handler in seen:
        if handler not in self.handlers:
            self.add_handler(handler, True)

def replaced(self, *args, **kwargs):
    calls.append("generate")
    return generate(self, *args, **kwargs)

def areplaced(self, *args, **kwargs):
    calls.append("agenerate")
    return agenerate(self, *args, **kwargs)

seen = []
BaseCallbackManager.__init__ = init
BaseChatModel.generate, BaseChatModel.agenerate = replaced, areplaced

from langchain_scaffolding import ScaffoldingRouterLLM
from langchain_scaffolding.testing import RecordingHandler, ScriptedChatModel

router = ScaffoldingRouterLLM(models=[ScriptedChatModel(name="small")])
router.invoke("hi")
asyncio.run(router.ainvoke("hi"))
assert calls == ["generate", "agenerate"], calls
seen.append(RecordingHandler())
router.invoke("hi")
asyncio.run(router.ainvoke("hi"))
assert seen[0].tree() == (("ScaffoldingRouterLLM", (("small", ()),)),) * 2, seen[0].tree()
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=120)
