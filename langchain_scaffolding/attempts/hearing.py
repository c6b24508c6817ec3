"""Whether anybody listens to a call: asking costs a tenth of making a callback manager to find out."""

from __future__ import annotations

from types import FunctionType
from typing import TYPE_CHECKING, Any

from langchain_core.callbacks import AsyncCallbackManager, BaseCallbackManager, CallbackManager, base, manager
from langchain_core.globals import get_debug
from langchain_core.tracers import context
from langchain_core.utils.env import env_var_is_set

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from langchain_core.callbacks import Callbacks
    from langchain_core.runnables import RunnableConfig


def own(function: object, module: ModuleType) -> Any:
    """A function if it is the module's own; `None` if something else stands in its place.

    Libraries that observe programs, as those of OpenInference, Sentry and Datadog, replace functions of LangChain to be
    told of every run.
    """
    return function if isinstance(function, FunctionType) and function.__globals__ is vars(module) else None


# What LangChain itself asks, and where it keeps the handlers that libraries add to every run. They are its own, and may
# go: then a manager is made to find out.
hooks: list[Any] | None = getattr(context, "_configure_hooks", None)
_is_traced: Callable[[], Any] | None = getattr(context, "_tracing_v2_is_enabled", None)

# what is compared with before each call, since a library may come later
_INIT = own(BaseCallbackManager.__init__, base)
_CONFIGURE = own(getattr(manager, "_configure", None), manager)
_SYNC, _ASYNC = (
    vars(cls)["configure"] if own(getattr(cls.configure, "__func__", None), manager) else None
    for cls in (CallbackManager, AsyncCallbackManager)
)


def nobody_listens(config: RunnableConfig, callbacks: Callbacks, *, verbose: bool) -> bool:
    """Whether a callback manager made of a config, callbacks of one's own and all that surrounds them had no handler.

    If it says no, somebody may listen: whether it is so shows a manager.
    """
    return not (
        _has_handlers(config.get("callbacks"))
        or callbacks
        or verbose
        or hooks is None
        or _is_traced is None
        or BaseCallbackManager.__init__ is not _INIT
        or getattr(manager, "_configure", manager) is not _CONFIGURE
        or CallbackManager.__dict__.get("configure") is not _SYNC
        or AsyncCallbackManager.__dict__.get("configure") is not _ASYNC
        or get_debug()
        or _is_traced()
        or _is_hooked(hooks)
    )


def _has_handlers(callbacks: Callbacks) -> bool:
    if isinstance(callbacks, BaseCallbackManager):  # what a chain hands on may well have none
        return bool(callbacks.handlers or callbacks.inheritable_handlers)
    return bool(callbacks)


def _is_hooked(hooks: list[Any]) -> bool:
    for hook, _, _, variable in hooks:  # noqa: SIM110 - asked before every call, and `any` needs a generator
        if hook.get() is not None or (variable and env_var_is_set(variable)):
            return True
    return False
