"""One LangChain chat model that holds all the models you have and picks the right one for every small call.

Example:
    >>> from langchain_scaffolding import ScaffoldingRouterLLM
    >>> from langchain_scaffolding.testing import ScriptedChatModel
    >>> small = ScriptedChatModel("1. Boil water. 2. Steep.", name="small", metadata={"size_gb": 1.5})
    >>> large = ScriptedChatModel("Tea, step by step ...", name="large", metadata={"size_gb": 14})
    >>> router = ScaffoldingRouterLLM(models=[large, small])
    >>> router.invoke("Outline how to make tea.", task="outline").response_metadata["routing"]["model"]
    'small'
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from langchain_scaffolding.candidates import Candidate, Capability, ModelTags
    from langchain_scaffolding.config import RoutingProfile, ScaffoldingConfig
    from langchain_scaffolding.router import ScaffoldingRouterLLM
    from langchain_scaffolding.scaffolds import ScaffoldingResult
    from langchain_scaffolding.scaffolds.scaffold import scaffold
    from langchain_scaffolding.service import IntelligentScaffoldingService, get_intelligent_scaffolding_service
    from langchain_scaffolding.tasks import Task

    __version__: str

__all__ = [
    "Candidate",
    "Capability",
    "IntelligentScaffoldingService",
    "ModelTags",
    "RoutingProfile",
    "ScaffoldingConfig",
    "ScaffoldingResult",
    "ScaffoldingRouterLLM",
    "Task",
    "get_intelligent_scaffolding_service",
    "scaffold",
]

_HOMES = {
    "Candidate": "candidates",
    "Capability": "candidates",
    "IntelligentScaffoldingService": "service",
    "ModelTags": "candidates",
    "RoutingProfile": "config",
    "ScaffoldingConfig": "config",
    "ScaffoldingResult": "scaffolds",
    "ScaffoldingRouterLLM": "router",
    "Task": "tasks",
    "get_intelligent_scaffolding_service": "service",
    "scaffold": "scaffolds",
}


def __getattr__(name: str) -> Any:
    """Import a public name on its first use, so that whoever needs one room does not pay for all."""
    if name == "__version__":
        return import_module("importlib.metadata").version("langchain-scaffolding")
    if name not in _HOMES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    """The public names, for completion."""
    return [*globals(), *__all__]
