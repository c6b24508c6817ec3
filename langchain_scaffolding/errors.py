"""What can go wrong, as one tree.

```
ScaffoldingError
├── ConfigurationError (ValueError)      something was set up wrongly; nothing was called
│   ├── DuplicateCandidateError          two models of one name
│   ├── UnknownModelError                `model=` names no registered model
│   ├── UnknownTaskError                 `task=` names no task
│   └── EmptyInputError                  a call without a message
└── RoutingError (ModelError)            a call was made and no model answered it
    ├── NoCandidateError                 every model was rejected before it was called
    │   └── NoPermittedModelError        the profile excludes every model that could serve
    ├── AllAttemptsFailedError           every model that was called failed
    ├── AttemptTimeoutError (ModelTimeoutError, TimeoutError)
    │                                    one attempt ran into a limit
    ├── UnacceptableAnswerError          a model answered, and the answer cannot be used
    └── StreamBrokenError                a stream broke after its first content was handed out
```

Every `RoutingError` answers LangChain's `is_retryable`, so its retry and fallback middleware treat it as
they treat a provider's own error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from langchain_core.exceptions import ModelError, ModelTimeoutError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class ScaffoldingError(Exception):
    """Base of everything this library raises itself."""

    def __reduce__(self) -> tuple[object, ...]:
        """Rebuild from the message and the facts, since these are not what the constructors take."""
        return _rebuilt, (type(self), self.args, self.__dict__)


def _rebuilt(cls: type[ScaffoldingError], args: tuple[object, ...], facts: dict[str, object]) -> ScaffoldingError:
    error = cls.__new__(cls, *args)
    error.args = args  # an `OSError`, as a time-out is, sets them in its `__init__`, which is not called
    error.__dict__.update(facts)
    return error


class ConfigurationError(ScaffoldingError, ValueError):
    """Something was set up wrongly; the message names the value and the remedy."""


class DuplicateCandidateError(ConfigurationError):
    """Two models share one name, so a route to that name would be ambiguous."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"Two models are named {name!r}. Give one of them its own name: "
            f'`Candidate(name="...", model=...)` or `metadata={{"name": "..."}}` on the model.'
        )


class UnknownModelError(ConfigurationError):
    """A call pins a model that is not registered."""

    def __init__(self, name: object, known: Iterable[str]) -> None:
        self.name = name
        self.known = tuple(known)
        super().__init__(
            f"Unknown model {name!r}. Registered models: {', '.join(self.known)}. "
            "Use one of these names, or leave `model=` out to let the router choose."
        )


class UnknownTaskError(ConfigurationError):
    """A call names a task that the router does not know."""

    def __init__(self, name: object, known: Iterable[str]) -> None:
        self.name = name
        self.known = tuple(sorted(known))
        super().__init__(
            f"Unknown task {name!r}. Known tasks: {', '.join(self.known)}. "
            "Register another with `ScaffoldingRouterLLM(tasks=[...])`."
        )


class EmptyInputError(ConfigurationError):
    """A call carries no message at all."""

    def __init__(self) -> None:
        super().__init__("The list of messages is empty. Pass at least one message or a string.")


class RoutingError(ScaffoldingError, ModelError):
    """A call was made and no model answered it.

    Attributes:
        decision_id: The id of the routing decision, to find it in records and traces; `None` before one is made.
    """

    decision_id: str | None = None


class NoCandidateError(RoutingError):
    """Every model was rejected before it was called.

    Attributes:
        rejections: Pairs of model name and reason.
    """

    def __init__(self, rejections: Sequence[tuple[str, str]]) -> None:
        self.rejections = tuple(rejections)
        why = "; ".join(f"{name}: {reason}" for name, reason in self.rejections) or "none has been found yet"
        super().__init__(f"No candidate can serve this request ({why}).")


class NoPermittedModelError(NoCandidateError):
    """The routing profile excludes every model that could have served."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FailedAttempt:
    """One line of an `AllAttemptsFailedError`.

    Attributes:
        model: The name of the candidate, or "last resort".
        error_class: The class of failure.
        seconds: How long the attempt took; `None` if the model never started.
        message: The error's type and message.
    """

    model: str
    error_class: str
    seconds: float | None
    message: str

    def __str__(self) -> str:
        """The attempt as one readable phrase."""
        took = "" if self.seconds is None else f" after {self.seconds:.3g} s"
        return f"{self.model}: {self.error_class}{took} ({self.message})"


class AllAttemptsFailedError(RoutingError):
    """Every model that was called failed, and no last resort was allowed or able to answer.

    Attributes:
        attempts: Every attempt in order.
        rejections: Pairs of model name and reason for the models that were not called.
        is_retryable: Whether one of the failures may pass by itself.
    """

    def __init__(
        self,
        attempts: Sequence[FailedAttempt],
        rejections: Sequence[tuple[str, str]] = (),
        *,
        is_retryable: bool = False,
    ) -> None:
        self.attempts = tuple(attempts)
        self.rejections = tuple(rejections)
        self.is_retryable = is_retryable
        tried = "; ".join(map(str, self.attempts))
        rest = "; ".join(f"{name}: {reason}" for name, reason in self.rejections)
        super().__init__(f"Every attempt failed ({tried})." + (f" Not tried ({rest})." if rest else ""))


class AttemptTimeoutError(RoutingError, ModelTimeoutError, TimeoutError):
    """One attempt ran into a limit.

    Attributes:
        limit: Which limit it was: "response", "attempt", "first token" or "stall".
        seconds: How long the attempt was given, in seconds.
    """

    is_retryable = True

    def __init__(self, limit: str, seconds: float) -> None:
        self.limit = limit
        self.seconds = seconds
        super().__init__(f"No answer within the {limit} limit ({seconds:.3g} s were left).")


class UnacceptableAnswerError(RoutingError):
    """A model answered, and the answer cannot be used.

    Attributes:
        error_class: The class of failure, as `langchain_scaffolding.outcomes.ErrorClass` names it.
        reason: What was wrong with the answer, without quoting it.
    """

    is_retryable = True

    def __init__(self, error_class: str, reason: str) -> None:
        self.error_class = error_class
        self.reason = reason
        super().__init__(reason)


class StreamBrokenError(RoutingError):
    """A stream broke after its first content was handed out, so no other model may continue it.

    Attributes:
        model: The model that was speaking.
        partial: The text that was handed out before the break.
        error_class: The class of failure.
    """

    is_retryable = True

    def __init__(self, model: str, partial: str, error_class: str, why: str) -> None:
        self.model = model
        self.partial = partial
        self.error_class = error_class
        self.why = why
        super().__init__(
            f"The stream of {model!r} broke after {len(partial)} characters ({error_class}: {why}). "
            "The text so far is in `.partial`; call again for a whole answer."
        )
