"""`GuardedModel`: one chat model whose answers are cleaned and checked, with the task's rule below it.

A router does all of this itself, for many models; this is for a scaffold over a plain chat model, or over none.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage

from langchain_scaffolding.attempts import is_cut
from langchain_scaffolding.candidates import Candidate
from langchain_scaffolding.errors import (
    AllAttemptsFailedError,
    FailedAttempt,
    NoCandidateError,
    StreamBrokenError,
    UnacceptableAnswerError,
)
from langchain_scaffolding.outcomes import ErrorClass, Outcome, classify, describe, passes_through
from langchain_scaffolding.rules.answer import spoken
from langchain_scaffolding.scaffolds.ambient import aambient, ambient
from langchain_scaffolding.scaffolds.reply import Reply
from langchain_scaffolding.scaffolds.result import RULES, rule_metadata
from langchain_scaffolding.tasks import Acceptance, ThinkingBudgets, with_parameters

if TYPE_CHECKING:
    from langchain_core.runnables import Runnable, RunnableConfig


@dataclass(frozen=True, kw_only=True, slots=True)
class GuardedModel:
    """A chat model whose answers are cleaned and checked, with the task's rule below it.

    Attributes:
        candidate: The model; `None` if there is none, and the rule answers.
        fallback_to_rule_based: Whether the rule answers when the model does not; `False` raises instead.
        budgets: Whether the model is known to need tokens for thinking.
        clock: Seconds from any start, never running backwards.
    """

    candidate: Candidate | None
    fallback_to_rule_based: bool = True
    budgets: ThinkingBudgets = field(default_factory=ThinkingBudgets)
    clock: Callable[[], float] = time.perf_counter

    def invoke(
        self, messages: list[BaseMessage], config: RunnableConfig, *, acceptance: Acceptance, **parameters: Any
    ) -> AIMessage:
        """The model's answer, cleaned, else the rule's."""
        call = _Call(self, acceptance, parameters)
        for model, keywords in call.tries():
            try:
                message = model.invoke(messages, config, **keywords)
            except Exception as error:  # noqa: BLE001 - whatever a model raises is its failure
                call.failed(error)
                continue
            answer = call.accepted(message)
            if answer is not None:
                return answer
        return call.last_resort()

    async def ainvoke(
        self, messages: list[BaseMessage], config: RunnableConfig, *, acceptance: Acceptance, **parameters: Any
    ) -> AIMessage:
        """The model's answer, cleaned, else the rule's."""
        call = _Call(self, acceptance, parameters)
        for model, keywords in call.tries():
            try:
                message = await model.ainvoke(messages, config, **keywords)
            except Exception as error:  # noqa: BLE001 - whatever a model raises is its failure
                call.failed(error)
                continue
            answer = call.accepted(message)
            if answer is not None:
                return answer
        return call.last_resort()

    def stream(
        self, messages: list[BaseMessage], config: RunnableConfig, *, acceptance: Acceptance, **parameters: Any
    ) -> Iterator[AIMessageChunk]:
        """The chunks of the model's answer, cleaned, else the rule's answer."""
        call = _Call(self, acceptance, parameters)
        for model, keywords in call.tries():
            reply = Reply(acceptance)
            with closing(ambient(model.stream(messages, config, **keywords), config)) as chunks:
                while reply.is_open:
                    try:
                        chunk = next(chunks, None)
                    except Exception as error:  # noqa: BLE001 - whatever a model raises is its failure
                        call.failed(error, reply)
                        break
                    yield from call.heard(reply, chunk)
            if reply.is_accepted:
                return
        yield from call.last_resort_chunks()

    async def astream(
        self, messages: list[BaseMessage], config: RunnableConfig, *, acceptance: Acceptance, **parameters: Any
    ) -> AsyncIterator[AIMessageChunk]:
        """The chunks of the model's answer, cleaned, else the rule's answer."""
        call = _Call(self, acceptance, parameters)
        for model, keywords in call.tries():
            reply = Reply(acceptance)
            async with aclosing(aambient(model.astream(messages, config, **keywords), config)) as chunks:
                while reply.is_open:
                    try:
                        chunk = await anext(chunks, None)
                    except Exception as error:  # noqa: BLE001 - whatever a model raises is its failure
                        call.failed(error, reply)
                        break
                    for ready in call.heard(reply, chunk):
                        yield ready
            if reply.is_accepted:
                return
        for ready in call.last_resort_chunks():
            yield ready


class _Call:
    """One call on its way: what is tried next, and what its end means."""

    def __init__(self, guarded: GuardedModel, acceptance: Acceptance, parameters: dict[str, Any]) -> None:
        self._guarded = guarded
        self._acceptance = acceptance
        self._parameters = {**acceptance.parameters, **parameters}
        self._attempts: list[Outcome] = []
        self._error: Exception | None = None
        self._started = self._began = guarded.clock()
        self._id = str(uuid4())

    def tries(self) -> Iterator[tuple[Runnable[Any, Any], dict[str, Any]]]:
        """The model and the keywords of its call; a second time if it spent its token limit thinking."""
        candidate = self._guarded.candidate
        if candidate is None:
            return
        budgets, may_repeat = self._guarded.budgets, True
        while may_repeat:
            parameters = dict(self._parameters)
            if "max_tokens" in parameters:
                parameters["max_tokens"] = budgets.limit(candidate.name, parameters["max_tokens"])
            self._began = self._guarded.clock()
            yield with_parameters(candidate.model, parameters)
            ran_out = bool(self._attempts) and self._attempts[-1].error is ErrorClass.EMPTY
            may_repeat = ran_out and "max_tokens" in parameters and budgets.ran_out(candidate.name)

    def accepted(self, message: AIMessage) -> AIMessage | None:
        """The answer, cleaned; `None` if it cannot be used."""
        try:
            text = self._acceptance.accepted(str(message.text), is_cut=is_cut(message))
        except UnacceptableAnswerError as error:
            self.failed(error)
            return None
        self._book(None)
        metadata = {**message.response_metadata, "routing": self._routing()}
        return AIMessage(content=text, id=message.id, response_metadata=metadata, usage_metadata=message.usage_metadata)

    def heard(self, reply: Reply, chunk: AIMessageChunk | None) -> Iterator[AIMessageChunk]:
        """What may be handed out after a chunk, or after the end."""
        if chunk is not None:
            yield from reply.feed(chunk)
        last = reply.end() if chunk is None else None
        if reply.error is not None and not reply.has_spoken:
            self.failed(reply.error)
        elif last is not None:
            self._book(reply.error)
            yield last.model_copy(update={"response_metadata": {**last.response_metadata, "routing": self._routing()}})

    def failed(self, error: Exception, reply: Reply | None = None) -> None:
        """Note a failure.

        Raises:
            Exception: The error itself where it is no failure of the model.
            StreamBrokenError: A part of the answer was handed out already.
        """
        if passes_through(error):
            raise error
        self._book(error)
        self._error = error
        if reply is not None and reply.has_spoken:
            raise StreamBrokenError(self._name, reply.text, str(classify(error)), describe(error)) from error

    def last_resort(self) -> AIMessage:
        """What the rule says.

        Raises:
            NoCandidateError: There is no model, and the rules may not answer.
            AllAttemptsFailedError: The model failed, and the rules may not answer.
        """
        if not self._guarded.fallback_to_rule_based:
            raise self._nobody()
        answer = self._acceptance.last_resort()
        metadata = {**rule_metadata(answer), "routing": self._routing(by_rule=True)}
        return AIMessage(content=answer.text, response_metadata=metadata)

    def last_resort_chunks(self) -> Iterator[AIMessageChunk]:
        """What the rule says, word by word."""
        message = self.last_resort()
        *pieces, last = spoken(str(message.text))
        yield from (AIMessageChunk(content=piece) for piece in pieces)
        yield AIMessageChunk(content=last, response_metadata=message.response_metadata, chunk_position="last")

    def _nobody(self) -> NoCandidateError | AllAttemptsFailedError:
        if not self._attempts:
            return NoCandidateError([("none", "no model is registered")])
        attempts = [
            FailedAttempt(
                model=each.model, error_class=str(each.error), seconds=each.total_s, message=each.detail or ""
            )
            for each in self._attempts
        ]
        error = AllAttemptsFailedError(attempts)
        error.__cause__ = self._error
        return error

    @property
    def _name(self) -> str:
        return RULES if self._guarded.candidate is None else self._guarded.candidate.name

    def _book(self, error: Exception | None) -> None:
        outcome = Outcome(
            task=self._acceptance.task.name,
            model=self._name,
            decision_id=self._id,
            error=None if error is None else classify(error),
            detail=None if error is None else describe(error),
            total_s=self._guarded.clock() - self._began,
        )
        self._attempts.append(outcome)

    def _routing(self, *, by_rule: bool = False) -> dict[str, Any]:
        return {
            "model": RULES if by_rule else self._name,
            "task": self._acceptance.task.name,
            "source": "rule_based" if by_rule else "llm",
            "decision_id": self._id,
            "score": None,
            "attempts": [each.as_dict() for each in self._attempts],
            "seconds": self._guarded.clock() - self._started,
        }
