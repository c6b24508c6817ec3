"""Guesses what a model can do where nobody declares it: by its chat template and its family.

A guess stands in `tags.extra["guessed"]` and never among the capabilities: a model that declares what a request needs
goes before one of which it is guessed.
"""

from __future__ import annotations

import re
from typing import Final

from langchain_scaffolding.candidates import Capability

# What templates write where tools, thinking or images are part of the prompt: Jinja of model hubs, Go of Ollama.
_IN_TEMPLATES: Final = (
    (Capability.TOOLS, re.compile(r"\{%-?[^%]*\btools\b|\.Tools\b|<tool_call>|\[TOOL_CALLS\]|<\|python_tag\|>")),
    (Capability.REASONING, re.compile(r"</?think(?:ing)?>|\benable_thinking\b|\breasoning_content\b|\.Thinking\b")),
    (Capability.VISION, re.compile(r"<\|?(?:image|vision_start|image_pad|begin_of_image)\|?>|\[IMG\]|\bimage_url\b")),
)
_FAMILIES: Final = (
    (
        Capability.VISION,
        re.compile(r"clip|mllama|llava|pixtral|idefics|minicpm-?v|qwen\d(?:\.?\d)?[-_]?vl|internvl|paligemma"),
    ),
    (Capability.REASONING, re.compile(r"gpt-?oss|qwq|deepseek-?r1")),
)
_LONGEST: Final = 1 << 18  # characters of a template that are looked at; 10,000 are usual


def guessed_capabilities(template: str | None, *families: str | None) -> list[str]:
    """What a model can probably do, in alphabetical order.

    Args:
        template: Its chat template, in Jinja or Go; `None` if it is unknown.
        *families: Names of its family or architecture, as far as they are known.

    Example:
        >>> guessed_capabilities("{%- if tools %}...{% endif %}<think>", "qwen3")
        ['REASONING', 'TOOLS']
        >>> guessed_capabilities(None, "mllama")
        ['VISION']
    """
    text = (template or "")[:_LONGEST]
    found = {name for name, sign in _IN_TEMPLATES if sign.search(text)}
    for family in families:
        found |= {name for name, sign in _FAMILIES if sign.search((family or "").lower())}
    return sorted(map(str, found))
