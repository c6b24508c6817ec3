"""`RuleBasedChatModel`: the rules as a LangChain chat model, which no network and no key can fail."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, Final

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LangSmithParams
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import Field

from langchain_scaffolding.rules.answer import Rule, RuleAnswer, spoken
from langchain_scaffolding.rules.built_in import BUILT_IN
from langchain_scaffolding.rules.generic import generic

_LONG_TEXT: Final = 50_000
"""Characters from which a rule works for so long that it would hold up an event loop."""


class RuleBasedChatModel(BaseChatModel):
    """A chat model that answers the last human message by a rule.

    The call keyword `task` names the rule; without one, or with one that has no rule, the answer
    is an honest note. Options that the rule declares (`style`, `max_points`, `max_tokens` ...) are
    passed to it as call keywords; an option that is `None` counts as not given, and everything else
    a chat model may be called with (`stop`, `temperature`, `tools` ...) is ignored.

    `response_metadata` of the answer holds `rule` (the task), `abstained`, `sentences` (indices of
    the source's sentences) and `language`.

    >>> model = RuleBasedChatModel()
    >>> text = "The pump failed twice in May. The fee rises to 75 pounds. It was a fine day."
    >>> answer = model.invoke(text, task="outline", style="numbered", max_points=1)
    >>> answer.content, answer.response_metadata["sentences"]
    ('1. The fee rises to 75 pounds', [1])
    """

    rules: Mapping[str, Rule] = Field(default=BUILT_IN, exclude=True, repr=False)
    """The rules by task name."""
    cache: Any = False
    """Off: an answer of the rules must never be taken for a model's."""

    @property
    def _llm_type(self) -> str:
        return "rule-based"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"rules": sorted(self.rules)}

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        params = super()._get_ls_params(stop=stop, **kwargs)
        params["ls_provider"] = "langchain-scaffolding"
        params["ls_model_name"] = kwargs.get("model", "rules")
        return params

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,  # noqa: ARG002
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,
    ) -> ChatResult:
        return _result(*self._answered(_question(messages), kwargs))

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,  # noqa: ARG002
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,
    ) -> ChatResult:
        return _result(*await self._aanswered(_question(messages), kwargs))

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,  # noqa: ARG002
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        for chunk in _chunks(*self._answered(_question(messages), kwargs)):
            if run_manager is not None:
                run_manager.on_llm_new_token(chunk.text, chunk=chunk)
            yield chunk

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,  # noqa: ARG002
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        for chunk in _chunks(*await self._aanswered(_question(messages), kwargs)):
            if run_manager is not None:
                await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
            yield chunk

    def _answered(self, text: str, options: Mapping[str, Any]) -> tuple[RuleAnswer, str | None]:
        """Return the rule's answer and the task whose rule gave it."""
        task = options.get("task")
        rule = self.rules.get(task) if isinstance(task, str) else None
        if rule is None:
            return generic(text), None
        declared = inspect.signature(rule).parameters.values()
        taken = {
            one.name: options[one.name]
            for one in declared
            if one.kind is one.KEYWORD_ONLY and options.get(one.name) is not None
        }
        return rule(text, **taken), task

    async def _aanswered(self, text: str, options: Mapping[str, Any]) -> tuple[RuleAnswer, str | None]:
        if len(text) > _LONG_TEXT:
            return await asyncio.to_thread(self._answered, text, options)
        return self._answered(text, options)


def _question(messages: list[BaseMessage]) -> str:
    """Return the text of the last human message, empty if there is none."""
    human = (message for message in reversed(messages) if isinstance(message, HumanMessage))
    return next((str(message.text) for message in human), "")


def _metadata(answer: RuleAnswer, task: str | None) -> dict[str, Any]:
    return {
        "model_name": "rules",
        "rule": task,
        "abstained": answer.abstained,
        "sentences": list(answer.sentences),
        "language": answer.language,
    }


def _result(answer: RuleAnswer, task: str | None) -> ChatResult:
    message = AIMessage(content=answer.text, response_metadata=_metadata(answer, task))
    return ChatResult(generations=[ChatGeneration(message=message)])


def _chunks(answer: RuleAnswer, task: str | None) -> Iterator[ChatGenerationChunk]:
    *pieces, last = spoken(answer.text)
    for piece in pieces:
        yield ChatGenerationChunk(message=AIMessageChunk(content=piece))
    yield ChatGenerationChunk(
        message=AIMessageChunk(content=last, chunk_position="last", response_metadata=_metadata(answer, task))
    )
