"""The frozen view of one call that filters, scorers and policies decide on."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING, Any

from langchain_core.messages import HumanMessage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_core.messages import BaseMessage

DEFAULT_TASK = "chat"

# A token of the usual byte-pair vocabularies is about four characters of English; scripts without spaces take about one
# token a character, so the estimate counts UTF-8 bytes, of which those scripts need three.
_BYTES_PER_TOKEN = 4
_TOKENS_PER_MESSAGE = 4
_TOKENS_PER_IMAGE = 600

_AI = frozenset({"ai", "AIMessageChunk"})  # a merged stream is as good an answer as a whole one
_IMAGE_BLOCKS = frozenset({"image", "image_url", "input_image"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Needs:
    """What a model must be able to do to serve a request; inferred, hashable, part of every cache key."""

    tools: bool = False
    structured_output: bool = False
    images: bool = False


_NEEDS = {
    (tools, structured_output, images): Needs(tools=tools, structured_output=structured_output, images=images)
    for tools, structured_output, images in product((False, True), repeat=3)
}


@dataclass(frozen=True, kw_only=True)
class RouteRequest:
    """One call, as filters and scorers see it.

    Attributes:
        task: The task label; "chat" if the caller named none.
        needs: What the model must be able to do.
        input_tokens: Estimated length of the input in tokens.
        pinned: The model that the caller named, or `None`.
        conversation_model: The model whose tool call the last messages answer, or `None`; the call stays with it.
        profiles: The routing profiles that the call chose, beside the router's own.
        routing: What chooses for the call, where that is not the router's own; `None` for the usual call.
        deterministic: Whether the caller asks for the same answer every time, by temperature 0 or a seed.
        arrived: When the call arrived, by the router's clock, so that waiting counts; `None` if it was not noted.
        prompt: What the caller gave: text or messages; kept out of `repr`.

    Example:
        >>> from langchain_core.messages import HumanMessage
        >>> request = RouteRequest.from_messages([HumanMessage("List three steps to make tea.")], task="outline")
        >>> request.task, request.needs.images, request.input_tokens
        ('outline', False, 11)
        >>> request
        RouteRequest(task='outline', needs=Needs(tools=False, structured_output=False, images=False), input_tokens=11,
            pinned=None, conversation_model=None)
    """

    task: str = DEFAULT_TASK
    needs: Needs = Needs()
    input_tokens: int = 0
    pinned: str | None = None
    conversation_model: str | None = None
    profiles: tuple[str, ...] = field(default=(), repr=False)
    routing: Any = field(default=None, repr=False, compare=False)
    deterministic: bool = field(default=False, repr=False, compare=False)
    arrived: float | None = field(default=None, repr=False, compare=False)
    prompt: str | Sequence[BaseMessage] = field(default=(), repr=False, compare=False)

    @classmethod
    def from_messages(
        cls,
        prompt: str | Sequence[BaseMessage],
        *,
        task: str = DEFAULT_TASK,
        tools: bool = False,
        structured_output: bool = False,
        pinned: str | None = None,
        deterministic: bool = False,
        arrived: float | None = None,
        profiles: tuple[str, ...] = (),
        routing: Any = None,
    ) -> RouteRequest:
        """The request that these messages, or this text, make."""
        if isinstance(prompt, str):
            tokens, images = _bytes(prompt) // _BYTES_PER_TOKEN + _TOKENS_PER_MESSAGE, False
            asker = None
        else:
            tokens, images = measure(prompt)
            asker = conversation_model(prompt)
        request = object.__new__(cls)
        # past the constructor, which makes a call for each field of a frozen value: one is made for every call
        vars(request).update(
            task=task,
            needs=_NEEDS[tools, structured_output, images],
            input_tokens=tokens,
            pinned=pinned,
            deterministic=deterministic,
            conversation_model=asker,
            arrived=arrived,
            profiles=profiles,
            routing=routing,
            prompt=prompt,
        )
        return request

    def without_prompt(self) -> RouteRequest:
        """The same request without what the caller gave."""
        request = object.__new__(type(self))
        vars(request).update(vars(self), prompt=())
        return request

    @property
    def messages(self) -> list[BaseMessage]:
        """The messages; text is one human message."""
        return as_messages(self.prompt)

    @property
    def text(self) -> str:
        """The text of the last human message, or "" if there is none."""
        if isinstance(self.prompt, str):
            return self.prompt
        for message in reversed(self.prompt):
            if message.type == "human":
                return str(message.text)
        return ""


def as_messages(prompt: str | Sequence[BaseMessage]) -> list[BaseMessage]:
    """Messages as they are; text as one human message."""
    if isinstance(prompt, str):
        return [HumanMessage(prompt)]
    return prompt if isinstance(prompt, list) else list(prompt)


def measure(messages: Sequence[BaseMessage]) -> tuple[int, bool]:
    """Estimated tokens of the messages, and whether one of them shows an image."""
    size, images = 0, 0
    for message in messages:
        content = message.content
        if isinstance(content, str):
            size += _bytes(content)
        else:
            for block in content:
                if isinstance(block, str):
                    size += _bytes(block)
                elif block.get("type") in _IMAGE_BLOCKS:
                    images += 1
                else:
                    size += _bytes(str(block.get("text", "")))
    tokens = size // _BYTES_PER_TOKEN + _TOKENS_PER_MESSAGE * len(messages)
    return tokens + _TOKENS_PER_IMAGE * images, images > 0


def _bytes(text: str) -> int:
    # `isascii` reads a flag of the string, so the common case never encodes
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))


def conversation_model(messages: Sequence[BaseMessage]) -> str | None:
    """The registered name of the model whose tool call is being answered, or `None`.

    Providers reject a history that holds another provider's tool-call ids or signed reasoning, so a tool loop stays
    with the model that started it.
    """
    if not messages or messages[-1].type != "tool":
        return None
    for message in reversed(messages):
        if message.type in _AI:
            routing = message.response_metadata.get("routing")
            return routing.get("model") if isinstance(routing, dict) else None
    return None
