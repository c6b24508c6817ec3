"""How an attempt ended: `Outcome`, and `classify`, which names the class of an error."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

from langchain_core.exceptions import (
    ContextOverflowError,
    ModelAPIError,
    ModelAuthenticationError,
    ModelConnectionError,
    ModelInvalidRequestError,
    ModelNotFoundError,
    ModelPermissionDeniedError,
    ModelRateLimitError,
    ModelTimeoutError,
    OutputParserException,
)

from langchain_scaffolding.errors import ScaffoldingError


class ErrorClass(StrEnum):
    """Why an attempt gave no usable answer.

    The class decides whether a retry can help, how long the model is left alone, and whether another model may do
    better. It is the same for every provider.
    """

    AUTH = "auth"
    PERMISSION = "permission"
    NOT_FOUND = "not_found"
    INVALID_REQUEST = "invalid_request"
    RATE_LIMIT = "rate_limit"
    OVERLOADED = "overloaded"
    TIMEOUT = "timeout"
    CONNECTION = "connection"
    CONTEXT_OVERFLOW = "context_overflow"
    REFUSAL = "refusal"
    EMPTY = "empty"
    TRUNCATED = "truncated"
    INVALID_OUTPUT = "invalid_output"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How one attempt ended, as it is learned from.

    Attributes:
        task: The task of the call.
        model: The name of the candidate.
        decision_id: The id of the routing decision the attempt belongs to.
        error: The class of failure; `None` means an accepted answer.
        detail: The error's type and message for people, without prompt text; `None` for an accepted answer.
        retry_after_s: How long the provider asked to be left alone, in seconds; `None` if it said nothing.
        total_s: Seconds from the model's start to its end, measured by callback; for a failure or a missed deadline the
            time spent until then (a lower bound of what it would have taken); `None` if the model never started.
        first_token_s: Seconds from the start to the first token; `None` if it was not streamed.
        output_tokens: Tokens of the answer as the provider counted them; `None` if it did not.
        measured: True if a model really computed: not a cache hit, not the rules.
        pinned: True if the caller named the model, so the attempt says nothing about the choice.
        at: Wall-clock time of the end, in seconds since the epoch.
        run_id: The id of the model's own run; `None` if it never started.
        policy: Name and version of the policy that decided; `None` for one that gives a bare order.
        propensity: How likely the policy was to try this model first, from 0 to 1; `None` if it did not say.
        features: What the policy saw of the text, as named numbers; `None` if it looked at none.
        points: What each scorer gave the model.

    Example:
        >>> Outcome(task="title", model="tiny", decision_id="d1", total_s=0.4, measured=True).ok
        True
    """

    task: str
    model: str
    decision_id: str
    error: ErrorClass | None = None
    detail: str | None = None
    retry_after_s: float | None = None
    total_s: float | None = None
    first_token_s: float | None = None
    output_tokens: int | None = None
    measured: bool = False
    pinned: bool = False
    at: float = 0.0
    run_id: str | None = None
    policy: str | None = None
    propensity: float | None = None
    features: Mapping[str, float] | None = None
    points: Mapping[str, float] | None = None

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Outcome:
        """The outcome with these facts, past the constructor, which makes a call for each field of a frozen value.

        One is made for every attempt, and most of its fields keep their defaults.
        """
        outcome = object.__new__(cls)
        vars(outcome).update(facts)
        return outcome

    @property
    def ok(self) -> bool:
        """Whether the answer was accepted."""
        return self.error is None

    def as_dict(self) -> dict[str, object]:
        """The outcome as it stands in `response_metadata["routing"]["attempts"]`: plain values, for JSON."""
        return {
            "model": self.model,
            "error": None if self.error is None else str(self.error),
            "detail": self.detail,
            "seconds": self.total_s,
            "first_token_seconds": self.first_token_s,
        }


_VALUES = frozenset(map(str, ErrorClass))

_BY_TYPE: tuple[tuple[type[BaseException], ErrorClass], ...] = (
    (ContextOverflowError, ErrorClass.CONTEXT_OVERFLOW),
    (ModelAuthenticationError, ErrorClass.AUTH),
    (ModelPermissionDeniedError, ErrorClass.PERMISSION),
    (ModelNotFoundError, ErrorClass.NOT_FOUND),
    (ModelRateLimitError, ErrorClass.RATE_LIMIT),
    (ModelTimeoutError, ErrorClass.TIMEOUT),
    (ModelConnectionError, ErrorClass.CONNECTION),
    (ModelAPIError, ErrorClass.OVERLOADED),
    (ModelInvalidRequestError, ErrorClass.INVALID_REQUEST),
    (OutputParserException, ErrorClass.INVALID_OUTPUT),
    (TimeoutError, ErrorClass.TIMEOUT),
    (ConnectionError, ErrorClass.CONNECTION),
)

_BY_STATUS = {
    400: ErrorClass.INVALID_REQUEST,
    401: ErrorClass.AUTH,
    402: ErrorClass.AUTH,
    403: ErrorClass.PERMISSION,
    404: ErrorClass.NOT_FOUND,
    408: ErrorClass.TIMEOUT,
    409: ErrorClass.OVERLOADED,
    413: ErrorClass.CONTEXT_OVERFLOW,
    422: ErrorClass.INVALID_REQUEST,
    429: ErrorClass.RATE_LIMIT,
    504: ErrorClass.TIMEOUT,
}

# Class names of the SDKs that LangChain packages let through, by what they have in common. Order matters: a
# `ConnectTimeout` is a time-out, a `RateLimitError` is no plain API error.
_BY_NAME = tuple(
    (re.compile(pattern), error_class)
    for pattern, error_class in (
        (r"contextoverflow|contextwindow|contextlength", ErrorClass.CONTEXT_OVERFLOW),
        (r"timeout|timedout|deadlineexceeded", ErrorClass.TIMEOUT),
        (r"ratelimit|resourceexhausted|toomanyrequests|throttl|quota", ErrorClass.RATE_LIMIT),
        (r"authentication|unauthenticated|unauthorized|invalidapikey", ErrorClass.AUTH),
        (r"permissiondenied|forbidden", ErrorClass.PERMISSION),
        (r"notfound", ErrorClass.NOT_FOUND),
        (r"overloaded|serviceunavailable|internalserver|servererror|badgateway", ErrorClass.OVERLOADED),
        (r"connect|network|remoteprotocol|(?:read|write)error", ErrorClass.CONNECTION),
        (r"contentfilter|refusal|safety", ErrorClass.REFUSAL),
        (r"badrequest|invalidargument|invalidrequest|unprocessable", ErrorClass.INVALID_REQUEST),
    )
)

_OVERFLOW = re.compile(
    r"context[ _](?:length|window|size)|maximum context|prompt is too long|too many tokens|exceed_context"
    r"|exceeds? the (?:model'?s )?(?:maximum|available) (?:context|token)|input (?:is )?too long",
    re.IGNORECASE,
)

_RETRYABLE = frozenset({
    ErrorClass.RATE_LIMIT,
    ErrorClass.OVERLOADED,
    ErrorClass.TIMEOUT,
    ErrorClass.CONNECTION,
    ErrorClass.EMPTY,
})  # fmt: skip


def is_retryable(error_class: ErrorClass) -> bool:
    """Whether the same request to the same model may succeed a little later."""
    return error_class in _RETRYABLE


def classify(error: BaseException) -> ErrorClass:
    """The class of an error, from LangChain's typed errors, an HTTP status, or the names of SDK errors.

    No SDK is imported: raw errors are told apart by status and by class name.

    Example:
        >>> classify(ConnectionRefusedError("nobody listens"))
        <ErrorClass.CONNECTION: 'connection'>
    """
    stated = getattr(error, "error_class", None)
    if stated in _VALUES:
        return ErrorClass(stated)
    by_type, by_name = _by_class(type(error))  # type: ignore[arg-type]  # mypy looks at the error's own hash
    if by_type is not None:
        return _overflow_or(by_type, error)
    status = _status(error)
    if status is not None:
        found = _BY_STATUS.get(status, ErrorClass.OVERLOADED if status >= 500 else None)
        if found is not None:
            return _overflow_or(found, error)
    if by_name is not None:
        return _overflow_or(by_name, error)
    return ErrorClass.CONTEXT_OVERFLOW if _OVERFLOW.search(str(error)) else ErrorClass.UNKNOWN


@lru_cache(maxsize=256)
def _by_class(cls: type[BaseException]) -> tuple[ErrorClass | None, ErrorClass | None]:
    """What a class of errors says of itself: by what it is, and by what it is called."""
    by_type = next((error_class for error_type, error_class in _BY_TYPE if issubclass(cls, error_type)), None)
    names = [each.__name__.lower() for each in cls.__mro__]
    by_name = (error_class for name in names for pattern, error_class in _BY_NAME if pattern.search(name))
    return by_type, next(by_name, None)


def _overflow_or(error_class: ErrorClass, error: BaseException) -> ErrorClass:
    """Providers report an overflow as an invalid request or a server error, and only the message tells."""
    if error_class in {ErrorClass.INVALID_REQUEST, ErrorClass.OVERLOADED} and _OVERFLOW.search(str(error)):
        return ErrorClass.CONTEXT_OVERFLOW
    return error_class


def _status(error: BaseException) -> int | None:
    for holder in (error, getattr(error, "response", None)):
        for name in ("status_code", "http_status", "code", "status"):
            value = getattr(holder, name, None)
            if isinstance(value, int) and not isinstance(value, bool) and 400 <= value < 600:
                return value
    return None


def retry_after_s(error: BaseException) -> float | None:
    """Seconds that the provider asked to be left alone, from the error's response headers; `None` if it did not say."""
    headers = getattr(getattr(error, "response", None), "headers", None) or getattr(error, "headers", None)
    if headers is None or not isinstance(headers, Mapping):
        return None
    found = {str(name).lower(): value for name, value in headers.items()}
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            seconds = float(found[name]) / unit
        except (KeyError, TypeError, ValueError):
            continue  # absent, or an HTTP date, whose clock is not ours
        if 0 <= seconds < math.inf:
            return seconds
    return None


_SECRETS = re.compile(
    r"(?:sk|pk|rk|gsk|xai|hf|key|token)[-_][A-Za-z0-9_\-]{8,}|AIza[\w\-]{20,}|(?i:bearer)\s+[\w.\-=]+"
    r"|(?i:(?:api[-_ ]?key|authorization|token|secret|password)(?:[\"' ]*[:=][\"' ]*)(?:basic\s+)?[^\s\"',;}]+)"
)
# Whatever the pattern finds holds one of these; looking for them is quicker than looking for it.
_SIGNS = (
    *("sk-", "sk_", "pk-", "pk_", "rk-", "rk_", "xai", "hf-", "hf_", "key", "token", "aiza"),
    *("bearer", "authorization", "secret", "password"),
)
_DETAIL_LENGTH = 200


def without_secrets(text: str) -> str:
    """A text with keys and tokens struck out.

    Example:
        >>> without_secrets("refused: api_key=abcdef123456")
        'refused: ***'
    """
    lowered = text.lower()
    # beyond ASCII there are letters that the pattern takes for others
    if text.isascii() and not any(map(lowered.__contains__, _SIGNS)):
        return text
    return _SECRETS.sub("***", text)


def describe(error: BaseException) -> str:
    """The error's type and message for people: one line, shortened, with keys and tokens struck out.

    Example:
        >>> describe(ValueError("Incorrect API key provided: sk-abcdef123456"))
        'ValueError: Incorrect API key provided: ***'
    """
    message = without_secrets(" ".join(str(error).split()))
    if len(message) > _DETAIL_LENGTH:
        message = message[: _DETAIL_LENGTH - 1] + "…"
    if isinstance(error, ScaffoldingError):
        return message  # our own say it all, and their type stands in the error class
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


# LangGraph steers a graph by raising; these names are looked up instead of imported so that it stays optional.
_CONTROL_FLOW = frozenset({"GraphBubbleUp", "GraphInterrupt", "ParentCommand", "NodeInterrupt"})


def passes_through(error: BaseException) -> bool:
    """Whether an error is no failure of the model and must reach the caller untouched.

    That holds for interrupts, cancellation and everything else that is no `Exception`, and for LangGraph's control
    flow.
    """
    return not isinstance(error, Exception) or _is_control_flow(type(error))  # type: ignore[arg-type]


@lru_cache(maxsize=256)
def _is_control_flow(cls: type[BaseException]) -> bool:
    return any(each.__name__ in _CONTROL_FLOW for each in cls.__mro__)
