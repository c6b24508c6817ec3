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

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from langchain_scaffolding.candidates import Candidate, Capability, ModelTags
from langchain_scaffolding.config import RoutingProfile, ScaffoldingConfig
from langchain_scaffolding.router import ScaffoldingRouterLLM

if TYPE_CHECKING:
    from langchain_scaffolding.scaffolds import scaffold

__version__ = version("langchain-scaffolding")

__all__ = [
    "Candidate",
    "Capability",
    "ModelTags",
    "RoutingProfile",
    "ScaffoldingConfig",
    "ScaffoldingRouterLLM",
    "scaffold",
]


def __getattr__(name: str) -> Any:
    """Import on first use what brings the tasks' word lists: most programs only route."""
    if name == "scaffold":
        from langchain_scaffolding.scaffolds import scaffold

        return scaffold
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
