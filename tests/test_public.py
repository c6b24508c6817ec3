"""What the package promises to whoever imports it."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
import subprocess
import sys
from importlib.metadata import version

import pytest

import langchain_scaffolding
from langchain_scaffolding import ScaffoldingConfig

MODULES = [
    name
    for _, name, _ in pkgutil.walk_packages(langchain_scaffolding.__path__, "langchain_scaffolding.")
    if not name.endswith("__main__") and ".local.serve" not in name
]


def test_the_public_names_are_these() -> None:
    assert langchain_scaffolding.__all__ == [
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
    assert all(hasattr(langchain_scaffolding, name) for name in langchain_scaffolding.__all__)
    assert set(langchain_scaffolding.__all__) <= set(dir(langchain_scaffolding))
    assert langchain_scaffolding.__version__ == version("langchain-scaffolding")


@pytest.mark.parametrize("name", MODULES)
def test_public_dataclasses_take_keywords_so_that_a_new_field_breaks_nobody(name: str) -> None:
    module = importlib.import_module(name)
    loose = [
        each.__name__
        for each in vars(module).values()
        if inspect.isclass(each)
        and each.__module__ == name
        and dataclasses.is_dataclass(each)
        and not each.__name__.startswith("_")
        and sum(field.init and not field.kw_only for field in dataclasses.fields(each)) > 1
    ]
    # values of two parts whose order is their meaning; this list shrinks
    assert [each for each in loose if each not in {"RawTools", "Schema", "Source", "Metrics"}] == []


def test_importing_the_package_brings_nothing_heavy_and_opens_nothing() -> None:
    program = (
        "import sys; from langchain_scaffolding import ScaffoldingConfig, ScaffoldingRouterLLM; "
        "heavy = {'numpy', 'sqlalchemy', 'langchain_community', 'pandas', 'xllamacpp', 'ddsketch', 'rich', 'typer', "
        "'sentencex', 'langchain', 'langgraph', 'openai'}; "
        "print(sorted(heavy & set(sys.modules) ))"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_a_configuration_is_a_value() -> None:
    assert ScaffoldingConfig() == ScaffoldingConfig()
    with pytest.raises(ValueError, match="frozen"):
        ScaffoldingConfig().max_retries = 3
