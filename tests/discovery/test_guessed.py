"""What nobody declares is guessed, labelled as a guess, and stands behind what is declared."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import HumanMessage

from langchain_scaffolding import Candidate, ModelTags, ScaffoldingConfig, ScaffoldingRouterLLM
from langchain_scaffolding.discovery import LMStudioSource, OllamaSource
from langchain_scaffolding.discovery.guessed import guessed_capabilities
from langchain_scaffolding.scorers import default_scorers
from langchain_scaffolding.scorers.loaded import LoadedScorer
from tests.discovery.servers import LM_STUDIO_V1, OLLAMA, OLLAMA_SHOW, serving

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage


# pieces of published templates: Qwen2.5, Llama 3.1, Mistral, DeepSeek R1, Qwen3, Qwen2-VL, SmolLM2; Go: qwen2, gpt-oss
@pytest.mark.parametrize(
    ("template", "guessed"),
    [
        ("{%- if tools %}\n    {{- '<|im_start|>system\\n' }}", ["TOOLS"]),
        ("{%- if not tools is defined %}{%- set tools = none %}{%- endif %}<|python_tag|>", ["TOOLS"]),
        ("{%- if message['tool_calls'] is defined %}{{- '[TOOL_CALLS] [' }}", ["TOOLS"]),
        ("{% if '</think>' in content %}{% set content = content.split('</think>')[-1] %}", ["REASONING"]),
        ("{%- if tools %}...{%- if enable_thinking is defined and enable_thinking is false %}", ["REASONING", "TOOLS"]),
        ("{% if 'image' in content %}<|vision_start|><|image_pad|><|vision_end|>{% endif %}", ["VISION"]),
        ("{% for message in messages %}{{ '<|im_start|>' + message['role'] }}{% endfor %}", []),
        ("{{- if or .System .Tools }}<|im_start|>system", ["TOOLS"]),
        ("{{ .Prompt }}", []),
        ("Be a helpful image of all tools.", []),
        (None, []),
    ],
)
def test_a_template_tells_what_its_model_can_probably_do(template: str | None, guessed: list[str]) -> None:
    assert guessed_capabilities(template) == guessed


@pytest.mark.parametrize(
    ("family", "guessed"),
    [
        ("mllama", ["VISION"]),
        ("qwen2_vl", ["VISION"]),
        ("qwen3vl", ["VISION"]),
        ("clip", ["VISION"]),
        ("gptoss", ["REASONING"]),
        ("QwQ-32B", ["REASONING"]),
        ("qwen2", []),
        ("llama", []),
    ],
)
def test_a_family_tells_what_its_models_can_probably_do(family: str, guessed: list[str]) -> None:
    assert guessed_capabilities(None, None, family) == guessed


@given(st.text(), st.text())
def test_any_template_and_family_give_an_answer(template: str, family: str) -> None:
    assert set(guessed_capabilities(template, family)) <= {"TOOLS", "VISION", "REASONING"}


OLDER_OLLAMA = {
    **OLLAMA,
    "/api/show": lambda body: {k: v for k, v in OLLAMA_SHOW[body["model"]].items() if k != "capabilities"},
}


def image() -> list[BaseMessage]:
    data = base64.b64encode(b"\x89PNG").decode()
    block = {"type": "image", "source_type": "base64", "data": data, "mime_type": "image/png"}
    return [HumanMessage([{"type": "text", "text": "What is this?"}, block])]


def get_weather(city: str) -> str:
    """The weather."""
    return city


@pytest.mark.enable_socket
def test_a_guess_never_satisfies_a_need_where_a_model_declares_it() -> None:
    with serving(OLDER_OLLAMA) as ollama, serving(LM_STUDIO_V1) as lm_studio:
        (guessed, *_) = OllamaSource(url=ollama.url).discover()
        (declared, *_) = LMStudioSource(url=lm_studio.url).discover()
    assert guessed.tags.extra["guessed"] == ["TOOLS"]
    assert guessed.tags.capabilities == {"CHAT"}
    both = ScaffoldingRouterLLM(models=[guessed, declared])
    assert both.explain("hello").names == [guessed.name, declared.name]  # it is the smaller one
    ranking = both.explain("hello", tools=[get_weather])
    assert ranking.names == [declared.name, guessed.name]
    assert [candidate.name for candidate in ranking.front] == [declared.name]
    assert ScaffoldingRouterLLM(models=[guessed]).explain("hello", tools=[get_weather]).names == [guessed.name]


@pytest.mark.enable_socket
def test_a_guess_is_overridden_by_what_the_user_knows() -> None:
    known = {"qwen2:1.5b": ModelTags(capabilities={"CHAT"}, extra={"guessed": []})}
    with serving(OLDER_OLLAMA) as server:
        (qwen, *_) = OllamaSource(url=server.url, tags=known).discover()
    assert qwen.tags.extra["guessed"] == []
    assert qwen.states_capabilities


@pytest.mark.enable_socket
def test_a_model_that_may_see_images_comes_behind_one_that_does() -> None:
    shown = {**OLLAMA_SHOW["qwen2:1.5b"], "template": "<|vision_start|>"}
    del shown["capabilities"]
    with serving({**OLLAMA, "/api/show": lambda body: shown}) as ollama, serving(LM_STUDIO_V1) as lm_studio:
        (maybe, *_) = OllamaSource(url=ollama.url).discover()
        sees, blind = LMStudioSource(url=lm_studio.url).discover()
    ranking = ScaffoldingRouterLLM(models=[maybe, blind, sees]).explain(image())
    assert ranking.names == [sees.name, maybe.name]
    assert [each.name for each in ranking.rejected] == [blind.name]


@pytest.mark.enable_socket
def test_a_model_in_memory_is_preferred_where_that_is_wanted() -> None:
    with serving(LM_STUDIO_V1) as server:
        loaded, cold = LMStudioSource(url=server.url).discover()
    larger = Candidate(name="larger", model=loaded.model, tags=ModelTags(size_gb=3.3, extra={"loaded": True}))
    smaller = Candidate(name="smaller", model=cold.model, tags=ModelTags(size_gb=2.5, extra={"loaded": False}))
    hosted = Candidate(name="hosted", model=cold.model, tags=ModelTags(size_gb=2.9))
    models = [larger, smaller, hosted]
    scorers = (*default_scorers(ScaffoldingConfig()), LoadedScorer())
    assert ScaffoldingRouterLLM(models=models).explain("hello").names == ["smaller", "hosted", "larger"]
    ranking = ScaffoldingRouterLLM(models=models, scorers=scorers).explain("hello")
    assert ranking.names == ["larger", "smaller", "hosted"]
    assert [ranked.parts.get("loaded") for ranked in ranking.ranked] == [1.0, 0.0, None]
