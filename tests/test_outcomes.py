"""One classifier for what every provider raises."""

from __future__ import annotations

import asyncio
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core import exceptions as core
from langchain_core.exceptions import ModelError

from langchain_scaffolding import errors
from langchain_scaffolding.outcomes import (
    _SECRETS,
    ErrorClass,
    classify,
    describe,
    is_retryable,
    passes_through,
    retry_after_s,
    without_secrets,
)
from langchain_scaffolding.testing import provider_error

PROVIDERS = ("openai", "anthropic", "google", "ollama", "httpx")


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, ErrorClass.INVALID_REQUEST),
        (401, ErrorClass.AUTH),
        (403, ErrorClass.PERMISSION),
        (404, ErrorClass.NOT_FOUND),
        (408, ErrorClass.TIMEOUT),
        (429, ErrorClass.RATE_LIMIT),
        (500, ErrorClass.OVERLOADED),
        (503, ErrorClass.OVERLOADED),
        (529, ErrorClass.OVERLOADED),
        ("timeout", ErrorClass.TIMEOUT),
        ("connection", ErrorClass.CONNECTION),
    ],
)
def test_raw_sdk_errors_are_told_by_status_and_name(provider: str, status: int | str, expected: ErrorClass) -> None:
    assert classify(provider_error(provider, status=status)) is expected


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (core.ModelAuthenticationError("x"), ErrorClass.AUTH),
        (core.ModelPermissionDeniedError("x"), ErrorClass.PERMISSION),
        (core.ModelNotFoundError("x"), ErrorClass.NOT_FOUND),
        (core.ModelRateLimitError("x"), ErrorClass.RATE_LIMIT),
        (core.ModelAPIError("x"), ErrorClass.OVERLOADED),
        (core.ModelTimeoutError("x"), ErrorClass.TIMEOUT),
        (core.ModelConnectionError("x"), ErrorClass.CONNECTION),
        (core.ContextOverflowError("x"), ErrorClass.CONTEXT_OVERFLOW),
        (core.ModelInvalidRequestError("x"), ErrorClass.INVALID_REQUEST),
        (core.ModelInvalidRequestError("maximum context length is 4096"), ErrorClass.CONTEXT_OVERFLOW),
        (core.OutputParserException("x"), ErrorClass.INVALID_OUTPUT),
        (TimeoutError(), ErrorClass.TIMEOUT),
        (ConnectionResetError(), ErrorClass.CONNECTION),
        (errors.AttemptTimeoutError("attempt", 1.0), ErrorClass.TIMEOUT),
        (errors.UnacceptableAnswerError(ErrorClass.REFUSAL, "no"), ErrorClass.REFUSAL),
        (ValueError("the prompt is too long: 9000 tokens"), ErrorClass.CONTEXT_OVERFLOW),
        (ValueError("what"), ErrorClass.UNKNOWN),
    ],
)
def test_typed_errors_and_messages(error: Exception, expected: ErrorClass) -> None:
    assert classify(error) is expected


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_context_overflow_hides_in_an_invalid_request(provider: str) -> None:
    message = "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens."
    assert classify(provider_error(provider, status=400, message=message)) is ErrorClass.CONTEXT_OVERFLOW


@pytest.mark.parametrize("provider", ["openai", "anthropic", "httpx"])
def test_the_provider_says_when_to_come_back(provider: str) -> None:
    assert retry_after_s(provider_error(provider, status=429, retry_after=12.5)) == 12.5
    assert retry_after_s(provider_error(provider, status=429)) is None
    assert retry_after_s(ValueError("no response at all")) is None


def test_what_may_pass_by_itself() -> None:
    passing = {"rate_limit", "overloaded", "timeout", "connection", "empty"}
    assert {each for each in ErrorClass if is_retryable(each)} == passing


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(), GeneratorExit(), asyncio.CancelledError()])
def test_interrupts_and_cancellation_pass_through(error: BaseException) -> None:
    assert passes_through(error)


def test_the_control_flow_of_langgraph_passes_through() -> None:
    from langgraph.errors import GraphBubbleUp, GraphInterrupt, ParentCommand

    assert all(passes_through(error) for error in (GraphBubbleUp(), GraphInterrupt(), ParentCommand(None)))
    assert not passes_through(ValueError())


SECRETS = (
    "sk-proj-abcdefgh12345678",
    "AIzaSyA1234567890abcdefghijk",
    "Bearer eyJhbGciOi.payload.signature",
    "api_key=verysecretvalue",
    '"Authorization": "Basic dXNlcjpwYXNz"',
    "gsk_abcdefgh12345678",
    "hf_abcdefgh12345678",
)


FRAGMENTS = ["sk", "pk", "hf", "xai", "gsk", "key", "token", "-", "_", " ", ":", "=", "AIza", "api", "Bearer", "beareR"]
FRAGMENTS += [
    "abcdefgh12",
    "Ab3" * 9,
    "authoriZation",
    "Secret",
    "PassWord",
    "\u017fecret",
    "api\u212aey",
    "basic ",
    "é",
    '"',
]


@settings(deadline=None, max_examples=500)
@given(st.lists(st.sampled_from(FRAGMENTS), max_size=8).map("".join) | st.text(max_size=40))
def test_looking_for_signs_first_strikes_out_the_same(text: str) -> None:
    assert without_secrets(text) == _SECRETS.sub("***", text)


@pytest.mark.parametrize("secret", SECRETS)
def test_a_description_holds_no_key(secret: str) -> None:
    told = describe(ValueError(f"request failed with {secret} in it"))
    assert "***" in told
    for word in ("abcdefgh", "AIza", "payload", "verysecret", "dXNlcj"):
        assert word not in told


def test_a_description_is_one_short_line() -> None:
    told = describe(ValueError("a\nb " * 500))
    assert len(told) < 230
    assert "\n" not in told


# --- the tree of errors -------------------------------------------------------------------------------------------

RAISED = (
    errors.DuplicateCandidateError("a"),
    errors.UnknownModelError("a", ["b"]),
    errors.UnknownTaskError("a", ["b"]),
    errors.EmptyInputError(),
    errors.NoCandidateError([("a", "is tired")]),
    errors.NoPermittedModelError([("a", "is tired")]),
    errors.AllAttemptsFailedError(
        [errors.FailedAttempt(model="a", error_class="timeout", seconds=1.0, message="late")], is_retryable=True
    ),
    errors.AttemptTimeoutError("attempt", 1.0),
    errors.UnacceptableAnswerError("empty", "the answer is empty"),
    errors.StreamBrokenError("a", "half a poem", "timeout", "late"),
)


@pytest.mark.parametrize("error", RAISED, ids=lambda error: type(error).__name__)
def test_every_error_survives_pickling_with_its_facts(error: errors.ScaffoldingError) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert copy.__dict__ == error.__dict__


@pytest.mark.parametrize("error", RAISED, ids=lambda error: type(error).__name__)
def test_every_error_of_a_call_is_a_model_error_and_answers_is_retryable(error: errors.ScaffoldingError) -> None:
    assert isinstance(error, errors.RoutingError) == isinstance(error, ModelError)
    if isinstance(error, ModelError):
        assert error.is_retryable in {True, False}


def test_the_tree_in_the_docstring_names_every_error() -> None:
    defined = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.ScaffoldingError)
    }
    assert {name for name in defined if name not in (errors.__doc__ or "")} == set()


def test_a_broken_stream_does_not_print_what_it_holds() -> None:
    assert "half a poem" not in str(errors.StreamBrokenError("a", "half a poem", "timeout", "late"))
