"""`Call`: one call on its way through a chain. It decides; the chain's four drivers act."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from langchain_core.messages import BaseMessage, HumanMessage

from langchain_scaffolding.attempts.checks import check, refuse, thinks
from langchain_scaffolding.attempts.limits import Abandoned, Deadline, Limits
from langchain_scaffolding.attempts.probe import Probe
from langchain_scaffolding.attempts.reply import CleanedReply, StreamedReply, as_message, labelled
from langchain_scaffolding.attempts.step import Step
from langchain_scaffolding.errors import (
    AllAttemptsFailedError,
    FailedAttempt,
    NoCandidateError,
    NoPermittedModelError,
    RoutingError,
    StreamBrokenError,
    UnacceptableAnswerError,
)
from langchain_scaffolding.outcomes import (
    ErrorClass,
    Outcome,
    classify,
    describe,
    is_retryable,
    passes_through,
    retry_after_s,
)
from langchain_scaffolding.performance.breaker import CircuitBreakers
from langchain_scaffolding.records import RouteRecord
from langchain_scaffolding.request import as_messages

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_core.messages import AIMessageChunk

    from langchain_scaffolding.attempts.hedging import Hedging
    from langchain_scaffolding.ranking import Ranking
    from langchain_scaffolding.records import Observer
    from langchain_scaffolding.request import RouteRequest
    from langchain_scaffolding.tasks.acceptance import Acceptance
    from langchain_scaffolding.tasks.budgets import ThinkingBudgets

logger = logging.getLogger(__name__)


_ANSWER_FAULTS = frozenset(
    {ErrorClass.REFUSAL, ErrorClass.EMPTY, ErrorClass.TRUNCATED, ErrorClass.INVALID_OUTPUT},
)
_LIMITS = ("max_tokens", "temperature")
_RAN_OUT = frozenset({ErrorClass.EMPTY, ErrorClass.TRUNCATED})
_CUTS = ("max_tokens", "max_completion_tokens", "max_output_tokens", "max_new_tokens", "num_predict", "stop")


@dataclass(frozen=True, kw_only=True, slots=True)
class CallSettings:
    """What all calls of a router share.

    Attributes:
        learners: What is told of every outcome, in this order.
        breakers: Which models are left alone for a while; told of every attempt that has shown something.
        budgets: Which models need more tokens than a scaffold's answer, because they think first.
        clock: Seconds from any start, never running backwards.
        limits: Limits in time.
        max_retries: How often a step is repeated on an error that may pass.
        observers: Who is told of every call.
        abandoned: Where calls that were left behind are counted.
        hedging: When a second model is asked beside one that is late; `None`: never.
        tells_circumstances: Whether any learner or observer asks how a choice was made, and not only how it ended.
        is_limited: Whether any limit in time is set for an answer as a whole.
        is_stream_limited: Whether any limit in time is set for a stream.
    """

    learners: tuple[Callable[[Outcome], None], ...]
    breakers: CircuitBreakers
    budgets: ThinkingBudgets
    clock: Callable[[], float]
    limits: Limits = field(default_factory=Limits)
    max_retries: int = 0
    observers: tuple[Observer, ...] = ()
    abandoned: Abandoned = field(default_factory=Abandoned)
    hedging: Hedging | None = None
    tells_circumstances: bool = True
    is_limited: bool = field(init=False)
    is_stream_limited: bool = field(init=False)

    def __post_init__(self) -> None:
        """Work out what every call asks."""
        limits = self.limits
        is_limited = limits.response_s is not None or limits.attempt_s is not None
        is_stream_limited = is_limited or limits.first_token_s is not None or limits.stall_s is not None
        object.__setattr__(self, "is_limited", is_limited)
        object.__setattr__(self, "is_stream_limited", is_stream_limited)


class Call:
    """One call on its way: which step comes next, what its end means, what is learned and reported.

    Args:
        settings: What all calls share.
        ranking: The candidates in the order in which they are tried.
        request: What is asked for.
        decision_id: The call's id.
        kwargs: The arguments of the call, for the models.
    """

    # on the class, since most calls leave them so
    _acceptance: Acceptance | None = None
    _cut_is_asked_for: bool = False
    _more_tokens_for: str | None = None
    _last_error: Exception | None = None
    _shortened_to: int | None = None
    _called_beside: frozenset[str | None] = frozenset()

    def __init__(
        self,
        settings: CallSettings,
        ranking: Ranking,
        request: RouteRequest,
        decision_id: str,
        kwargs: dict[str, Any],
    ) -> None:
        self.settings = settings
        self.ranking = ranking
        self.request = request
        self.decision_id = decision_id
        self.kwargs = kwargs
        self.outcomes: list[Outcome] = []
        self.started = settings.clock() if request.arrived is None else request.arrived
        if kwargs:
            self._acceptance = kwargs.pop("acceptance", None)
            # the token limit of a scaffold is its own, and meant to leave room: an answer that reaches it is cut off
            self._cut_is_asked_for = self._acceptance is None and any(kwargs.get(name) is not None for name in _CUTS)

    @cached_property
    def deadline(self) -> Deadline:
        """What is left of the call's limits."""
        return Deadline(self.settings.limits, self.settings.clock, self.started)

    def steps(self, steps: Iterable[Step]) -> Iterator[tuple[Step, Probe, float]]:
        """The steps to take, each with the probe that measures it and the seconds to wait before it.

        Asked for the next step only after one has failed. Once the time of the whole call is over no further model is
        called; the last resort still answers.
        """
        left_alone: list[Step] = []
        has_called = False
        for step in steps:
            if step.name in self._called_beside:
                continue
            if step.is_model and self._is_left_alone(step):
                left_alone.append(step)
                continue
            if not step.is_model and not has_called:
                yield from self._least_bad(left_alone)
            has_called = True
            yield from self._tries(step)
        if not has_called:
            yield from self._least_bad(left_alone)

    def _is_left_alone(self, step: Step) -> bool:
        breakers = self.settings.breakers
        if breakers.all_closed or self.request.pinned is not None:
            return False
        return not breakers.admit(step.name or "")

    def runner_up(self, steps: Iterator[Step]) -> Step | None:
        """The best model that nothing speaks against and that was not called yet."""
        breakers = self.settings.breakers
        known_bad = {outcome.model for outcome in self.outcomes}
        for step in steps:
            is_well = breakers.all_closed or breakers.health(step.name or "").state == "closed"
            if step.is_model and is_well and step.name not in known_bad:
                return step
        return None

    def call_beside(self, step: Step) -> None:
        """Note that a step is called beside another, so that its turn does not come again."""
        self._called_beside |= {step.name}
        self.deadline.begin_attempt()

    def _least_bad(self, steps: list[Step]) -> Iterator[tuple[Step, Probe, float]]:
        """Where every model is to be left alone, the one whose time is over first is called all the same."""
        if steps:
            breakers = self.settings.breakers
            yield from self._tries(min(steps, key=lambda step: breakers.open_for_s(step.name or "")))

    def _tries(self, step: Step) -> Iterator[tuple[Step, Probe, float]]:
        pause: float | None = 0.0
        retries = 0
        is_limited = self.settings.is_stream_limited
        while pause is not None and not (is_limited and step.is_model and self.deadline.over):
            if is_limited:
                self.deadline.begin_attempt(after_s=pause)
            yield step, Probe(self.settings.clock), pause
            retries += 1
            pause = self._pause_before_retry(step, retries)

    def _pause_before_retry(self, step: Step, retries: int) -> float | None:
        """Seconds to wait before the same step is repeated, or `None` if it is not to be repeated."""
        last = next(outcome for outcome in reversed(self.outcomes) if outcome.model == step.name)
        if self._more_tokens_for == step.name:
            self._more_tokens_for = None
            return 0.0
        if not step.is_model or retries > self.settings.max_retries or last.error is None:
            return None
        if not is_retryable(last.error):
            return None
        pause = last.retry_after_s
        if pause is None:
            pause = _backoff(retries)
        return pause if pause < self.deadline.response_left_s else None

    def arguments(self, step: Step) -> dict[str, Any]:
        """The keyword arguments of a step's call."""
        if step.is_model:
            return self.kwargs if self._acceptance is None else self._scaffold_arguments(step)
        options = {} if self._acceptance is None else self._acceptance.rule_options()
        return {"task": self.request.task, "schema": self.kwargs.get("schema"), **options}

    def _scaffold_arguments(self, step: Step) -> dict[str, Any]:
        """A scaffold's own limits apart from the rest: each model takes them under a name of its own."""
        limits = {name: self.kwargs[name] for name in _LIMITS if self.kwargs.get(name) is not None}
        if "max_tokens" in limits:
            limits["max_tokens"] = self.settings.budgets.limit(step.name or "", limits["max_tokens"])
        rest = {name: value for name, value in self.kwargs.items() if name not in _LIMITS}
        return {**rest, "limits": limits}

    def prompt(self, step: Step, prompt: str | list[BaseMessage]) -> str | list[BaseMessage]:
        """The messages for a step: the rules work on the text itself, and not on the prompt around it."""
        if step.is_model:
            return prompt
        messages = as_messages(prompt)
        if not step.is_rules:
            return messages
        readable = self.deadline.readable
        if self._acceptance is None and readable is None:
            return messages
        text = _question(messages) if self._acceptance is None else self._acceptance.source
        if readable is not None and len(text) > readable:
            text = text[:readable].rsplit(maxsplit=1)[0]
            self._shortened_to = len(text)
        return [HumanMessage(text)]

    def answered(
        self, step: Step, probe: Probe, output: object, losers: Sequence[tuple[Step, Probe]] = ()
    ) -> Any | None:
        """The answer to return, with its routing facts, or `None` if it is not acceptable and the next step is due.

        Args:
            step: Who gave it.
            probe: What measured it.
            output: What it gave.
            losers: Attempts that are left if it is acceptable.
        """
        try:
            answer = self._accepted(step, output)
        except UnacceptableAnswerError as error:
            self.failed(step, probe, error)
            self._consider_more_tokens(step, error, thought=thinks(output))
            return None
        for loser in losers:
            self.interrupted(*loser)
        self._book(step, probe, None)
        if isinstance(answer, dict):
            answer["raw"] = labelled(answer["raw"], self.routing(step))
            return answer
        return labelled(answer, self.routing(step))

    def _accepted(self, step: Step, output: object) -> BaseMessage | dict[str, Any]:
        if "schema" in self.kwargs:
            fields = cast("dict[str, Any]", output)
            if fields.get("parsing_error") is not None or fields.get("parsed") is None:
                why = fields.get("parsing_error")
                raise UnacceptableAnswerError(
                    ErrorClass.INVALID_OUTPUT,
                    "the answer does not fill the schema" + (f" ({type(why).__name__})" if why is not None else ""),
                )
            return dict(fields)
        message = output if isinstance(output, BaseMessage) else as_message(output)
        if not step.is_model:
            return message
        # `text` finds out who asks, which costs more than looking
        text = message.content if isinstance(message.content, str) else str(message.text)
        if self._acceptance is None:
            check(text, message, cut_is_asked_for=self._cut_is_asked_for)
            return message
        refuse(message, cut_is_asked_for=False)
        return message.model_copy(update={"content": self._acceptance.accepted(text)})

    def _consider_more_tokens(self, step: Step, error: UnacceptableAnswerError, *, thought: bool) -> None:
        """A model that spent a scaffold's tokens on thinking is asked once more with more of them, and ever after."""
        if self._acceptance is not None and thought and error.error_class in _RAN_OUT:
            self._more_tokens_for = step.name if self.settings.budgets.ran_out(step.name or "") else None

    def reply(self, step: Step, probe: Probe) -> StreamedReply:
        """A fresh reply for the stream of a step."""
        if self._acceptance is not None and step.is_model:
            return CleanedReply(self._acceptance, at_last=probe.wake)
        return StreamedReply(cut_is_asked_for=self._cut_is_asked_for, at_last=probe.wake)

    def streamed(self, step: Step, probe: Probe, reply: StreamedReply) -> Sequence[AIMessageChunk]:
        """The last chunks of a stream that ended; none if it is not acceptable and the next step is due."""
        error: UnacceptableAnswerError | None = None
        try:
            if step.is_model:
                reply.end()
        except UnacceptableAnswerError as fault:
            error = fault
        if error is not None and not reply.committed:
            self.failed(step, probe, error)
            self._consider_more_tokens(step, error, thought=reply.thought)
            return ()
        reply.accepted = True
        self._book(step, probe, error)
        return reply.rest(self.routing(step))

    def failed(self, step: Step, probe: Probe, error: Exception, reply: StreamedReply | None = None) -> None:
        """Note a failure; the next step is due.

        Raises:
            Exception: The error itself where it is no failure of a model.
            StreamBrokenError: Content was handed out already, so no other model may continue.
        """
        if passes_through(error):
            self.interrupted(step, probe, reply)
            raise error
        self._book(step, probe, error)
        self._last_error = error
        if reply is not None and reply.committed:
            raise StreamBrokenError(step.name or "", reply.text, str(classify(error)), describe(error)) from error

    def interrupted(self, step: Step, probe: Probe, reply: StreamedReply | None = None) -> None:
        """The caller went before the step had ended: an attempt of which only is known that it would have gone on."""
        if not step.is_model or (reply is not None and reply.accepted):
            return
        # how long a reader took to read says nothing of the model
        was_heard = reply is not None and reply.committed
        facts: dict[str, Any] = {
            "task": self.request.task,
            "model": step.name or "",
            "decision_id": self.decision_id,
            "detail": "left before its end",
            "total_s": (probe.first_token_seconds or 0.0) if was_heard else probe.seconds,
            "first_token_s": probe.first_token_seconds,
            "pinned": self.request.pinned is not None,
        }
        if self.settings.tells_circumstances:
            self._add_circumstances(facts, probe)
        outcome = Outcome.of(facts)
        self.outcomes.append(outcome)
        self._record(outcome)
        if was_heard:
            self.settings.breakers.record(outcome)

    def exhausted(self) -> RoutingError:
        """The error of a call that nobody answered; it names every attempt."""
        rejections = [(rejected.name, rejected.reason) for rejected in self.ranking.rejected]
        tried = {outcome.model for outcome in self.outcomes}
        rejections += [
            (name, self.settings.breakers.why_not(name) or "no time was left")
            for name in self.ranking.names
            if name not in tried
        ]
        if not self.outcomes:
            return NoCandidateError(rejections)
        attempts = [
            FailedAttempt(
                model=outcome.model,
                error_class=str(outcome.error),
                seconds=outcome.total_s,
                message=outcome.detail or "",
            )
            for outcome in self.outcomes
        ]
        retryable = any(outcome.error is not None and is_retryable(outcome.error) for outcome in self.outcomes)
        error = AllAttemptsFailedError(attempts, rejections, is_retryable=retryable)
        error.__cause__ = self._last_error
        return error

    def routing(self, step: Step) -> dict[str, Any]:
        """The facts that travel with the answer in `response_metadata["routing"]`; plain values, for JSON."""
        facts: dict[str, Any] = {
            "model": step.name,
            "task": self.request.task,
            "source": "llm" if step.is_model else "rule_based",
            "decision_id": self.decision_id,
            "attempts": list(map(Outcome.as_dict, self.outcomes)),
            "seconds": self.settings.clock() - self.started,
        }
        if step.is_model:
            facts["score"] = self.ranking.scores.get(step.name or "")
        else:
            facts["rejected"] = {rejected.name: rejected.reason for rejected in self.ranking.rejected}
        if self._shortened_to is not None:
            facts["shortened_to"] = self._shortened_to
        return facts

    def close(self, step: Step | None, error: BaseException | None = None) -> None:
        """The call has ended: tell the observers."""
        # its traceback holds this call: the two would keep each other until the next full garbage collection
        self._last_error = None
        if isinstance(error, RoutingError):
            error.decision_id = self.decision_id
        if self.settings.observers:
            self._report(None if error is not None else step)

    def _book(self, step: Step, probe: Probe, error: Exception | None) -> None:
        error_class = None if error is None else classify(error)
        answered = error_class is None or error_class in _ANSWER_FAULTS
        request = self.request
        facts: dict[str, Any] = {
            "task": request.task,
            "model": step.name or "",
            "decision_id": self.decision_id,
            "total_s": probe.seconds,
            "measured": answered and step.is_model and probe.started is not None and not probe.cached,
        }
        if probe.first_token is not None:
            facts["first_token_s"] = probe.first_token_seconds
        if probe.output_tokens is not None:
            facts["output_tokens"] = probe.output_tokens
        if request.pinned is not None:
            facts["pinned"] = True
        if error is not None:
            facts.update(error=error_class, detail=describe(error), retry_after_s=retry_after_s(error))
        if step.is_model and self.settings.tells_circumstances:
            self._add_circumstances(facts, probe)
        outcome = Outcome.of(facts)
        if step.is_model or error is not None:
            self.outcomes.append(outcome)
        if step.is_model:
            self._record(outcome)
            self.settings.breakers.record(outcome)
        hedging = self.settings.hedging
        # of the models asked beside another, only quick answers are heard to their end
        if hedging is not None and outcome.ok and outcome.measured and outcome.model not in self._called_beside:
            hedging.observe(outcome.task, outcome.model, outcome.total_s or 0.0)

    def _add_circumstances(self, facts: dict[str, Any], probe: Probe) -> None:
        """Add what tells those who evaluate the choice later how it was made."""
        if probe.run_id is not None:
            facts["run_id"] = str(probe.run_id)
        name, decision = facts["model"], self.ranking.decision
        facts["points"] = self.ranking.points_of(name)
        if decision is not None:
            facts["policy"], facts["features"] = decision.policy, decision.features
            facts["propensity"] = decision.propensities.get(name)

    def _record(self, outcome: Outcome) -> None:
        for learn in self.settings.learners:
            learn(outcome)

    def _report(self, step: Step | None) -> None:
        record = RouteRecord(
            decision_id=self.decision_id,
            task=self.request.task,
            ranking=self.ranking,
            outcomes=tuple(self.outcomes),
            chosen=None if step is None else step.name,
            source=None if step is None else ("llm" if step.is_model else "rule_based"),
            seconds=self.settings.clock() - self.started,
        )
        for observer in self.settings.observers:
            try:
                observer(record)
            except Exception:
                # an answer in hand is worth more than a metric, and the observer is the user's code
                logger.exception("observer %r failed on decision %s", observer, self.decision_id)


def _question(messages: Sequence[BaseMessage]) -> str:
    """The text of the last human message, which is what the rules work on."""
    return next((str(message.text) for message in reversed(messages) if message.type == "human"), "")


def no_candidate(ranking: Ranking) -> NoCandidateError:
    """The error of a request that every candidate was rejected for."""
    by_profile = any(rejected.by == "permitted_by_profile" for rejected in ranking.rejected)
    error = NoPermittedModelError if by_profile else NoCandidateError
    return error([(rejected.name, rejected.reason) for rejected in ranking.rejected])


def _backoff(retries: int) -> float:
    """Seconds before a retry: random up to a bound that doubles, so that many callers do not come back together."""
    from tenacity import RetryCallState, wait_random_exponential

    state = RetryCallState(retry_object=cast("Any", None), fn=None, args=(), kwargs={})
    state.attempt_number = retries
    return wait_random_exponential(multiplier=0.4, max=10.0)(state)
