"""Exceptions that look like those of provider SDKs, without the SDKs.

Class names, bases, modules and attributes were read off openai 3.54, anthropic 2.12, google-genai 3.4,
ollama 0.6, httpx 0.28 and httpx2 2.16. What tells errors apart by name, status or header meets the same here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from typing import Any, Literal, TypeAlias

Provider: TypeAlias = Literal["openai", "anthropic", "google", "ollama", "httpx", "httpx2"]
Status: TypeAlias = int | Literal["timeout", "connection"]

_OPENAI_STATUS = {
    400: "BadRequestError",
    401: "AuthenticationError",
    403: "PermissionDeniedError",
    404: "NotFoundError",
    409: "ConflictError",
    422: "UnprocessableEntityError",
    429: "RateLimitError",
}
_ANTHROPIC_STATUS = {
    **_OPENAI_STATUS,
    402: "PaymentRequiredError",
    408: "RequestTimeoutError",
    412: "PreconditionFailedError",
    413: "ContentTooLargeError",
    431: "RequestHeaderFieldsTooLargeError",
    499: "ClientClosedRequestError",
    501: "HTTPNotImplementedError",
    503: "ServiceUnavailableError",
    504: "GatewayTimeoutError",
    529: "OverloadedError",
}
_OPENAI_CODE = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}
_ANTHROPIC_CODE = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_GOOGLE_CODE = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_HTTPX_TIMEOUT = ("HTTPError", "RequestError", "TransportError", "TimeoutException", "ReadTimeout")
_HTTPX_CONNECTION = ("HTTPError", "RequestError", "TransportError", "NetworkError", "ConnectError")


class Headers(dict[str, str]):
    """Response headers: asked for in any case, as those of httpx."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        super().__init__({name.lower(): value for name, value in headers.items()})

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name.lower() if isinstance(name, str) else name)

    def get(self, name: str, default: Any = None) -> Any:
        """The header, or `default`."""
        return super().get(name.lower(), default)


@dataclass(frozen=True, kw_only=True, slots=True)
class ErrorResponse:
    """What an SDK's error keeps of the HTTP response."""

    status_code: int
    headers: Headers


@dataclass(frozen=True, kw_only=True, slots=True)
class _Failure:
    provider: str
    status: Status
    retry_after: float | str | None
    message: str
    code: str | None

    @property
    def number(self) -> int:
        return self.status if isinstance(self.status, int) else 0

    def response(self) -> ErrorResponse:
        headers = {} if self.retry_after is None else {"retry-after": _seconds(self.retry_after)}
        return ErrorResponse(status_code=self.number, headers=Headers(headers))


class _ProviderError(Exception):
    """Rebuilt by name on unpickling: its class is made on demand and cannot be imported."""

    failure: _Failure

    def __reduce__(self) -> tuple[Any, ...]:
        return _build, (self.failure,)


def provider_error(
    provider: Provider,
    *,
    status: Status = 429,
    retry_after: float | str | None = None,
    message: str = "a scripted error",
    code: str | None = None,
) -> Exception:
    """An exception as the SDK of `provider` raises it.

    Args:
        provider: Whose error: "openai", "anthropic", "google" (google-genai), "ollama", or raw "httpx" or "httpx2".
        status: The HTTP status, 400 to 599; or "timeout" or "connection" where none was received.
        retry_after: The header of that name: seconds or an HTTP date. Ollama's client drops all headers.
        message: The provider's words.
        code: The provider's own name of the error, where the usual one of the status is not meant, such as
            "context_length_exceeded" or "insufficient_quota" of OpenAI.

    Raises:
        ValueError: If the provider or the status is unknown.

    Example:
        >>> error = provider_error("openai", status=429, retry_after=20)
        >>> type(error).__module__, type(error).__name__, error.status_code
        ('openai', 'RateLimitError', 429)
        >>> error.response.headers["Retry-After"]
        '20'
    """
    if provider not in _BUILDERS:
        raise ValueError(f"No errors of {provider!r} are known here: give one of {sorted(_BUILDERS)}.")
    if status not in ("timeout", "connection") and not (isinstance(status, int) and 400 <= status < 600):
        raise ValueError(f'status is {status!r}: give an HTTP error status (400 to 599), "timeout" or "connection".')
    failure = _Failure(provider=provider, status=status, retry_after=retry_after, message=message, code=code)
    return _build(failure)


def _build(failure: _Failure) -> Exception:
    error = _BUILDERS[failure.provider](failure)
    if isinstance(error, _ProviderError):
        error.failure = failure
    return error


def _openai(failure: _Failure) -> Exception:
    if failure.number == 0:
        return _no_response("openai", "OpenAIError", failure)
    leaf = ("InternalServerError",) if failure.number >= 500 else _leaf(_OPENAI_STATUS, failure)
    code = failure.code or _OPENAI_CODE.get(failure.number)
    body = {"message": failure.message, "type": None, "param": None, "code": code}
    made = _class("openai", "OpenAIError", "APIError", "APIStatusError", *leaf)
    text = f"Error code: {failure.number} - {failure.message}"
    return _filled(made(text), failure, message=text, body=body, request_id=None, type=None, param=None, code=code)


def _anthropic(failure: _Failure) -> Exception:
    if failure.number == 0:
        return _no_response("anthropic", "AnthropicError", failure)
    server = ("InternalServerError",) if failure.number >= 500 else ()
    kind = failure.code or _ANTHROPIC_CODE.get(failure.number, "api_error")
    body = {"type": "error", "error": {"type": kind, "message": failure.message}}
    names = ("AnthropicError", "APIError", "APIStatusError", *server, *_leaf(_ANTHROPIC_STATUS, failure))
    text = f"Error code: {failure.number} - {body}"
    made = _class("anthropic", *names)
    return _filled(made(text), failure, message=text, body=body, request_id=None, type=kind)


def _no_response(module: str, root: str, failure: _Failure) -> Exception:
    leaf = ("APITimeoutError",) if failure.status == "timeout" else ()
    error = _class(module, root, "APIError", "APIConnectionError", *leaf)(failure.message)
    error.__dict__.update(message=failure.message, body=None)
    return error


def _google(failure: _Failure) -> Exception:
    if failure.number == 0:
        return _httpx(failure)
    status = failure.code or _GOOGLE_CODE.get(failure.number, "UNKNOWN")
    details = {"error": {"code": failure.number, "message": failure.message, "status": status}}
    made = _class("google.genai.errors", "APIError", "ClientError" if failure.number < 500 else "ServerError")
    error = made(f"{failure.number} {status}. {details}")
    error.__dict__.update(
        code=failure.number,
        status=status,
        message=failure.message,
        details=details,
        response=failure.response(),
    )
    return error


def _ollama(failure: _Failure) -> Exception:
    if failure.status == "connection":
        return ConnectionError(failure.message)
    if failure.number == 0:
        return _httpx(failure)
    error = _class("ollama._types", "ResponseError")(f"{failure.message} (status code: {failure.number})")
    error.__dict__.update(error=failure.message, status_code=failure.number)
    return error


def _httpx(failure: _Failure) -> Exception:
    module = "httpx2" if failure.provider == "httpx2" else "httpx"
    if failure.number == 0:
        return _class(module, *(_HTTPX_TIMEOUT if failure.status == "timeout" else _HTTPX_CONNECTION))(failure.message)
    error = _class(module, "HTTPError", "HTTPStatusError")(
        f"{'Client' if failure.number < 500 else 'Server'} error '{failure.number} {_phrase(failure.number)}'"
        f" for url 'http://provider.invalid/': {failure.message}"
    )
    error.__dict__["response"] = failure.response()
    return error


_BUILDERS: dict[str, Callable[[_Failure], Exception]] = {
    "openai": _openai,
    "anthropic": _anthropic,
    "google": _google,
    "ollama": _ollama,
    "httpx": _httpx,
    "httpx2": _httpx,
}


@cache
def _class(module: str, *names: str) -> type[_ProviderError]:
    *bases, name = names
    base = _class(module, *bases) if bases else _ProviderError
    return type(name, (base,), {"__module__": module, "__qualname__": name})


def _leaf(names: Mapping[int, str], failure: _Failure) -> tuple[str, ...]:
    name = names.get(failure.number)
    return () if name is None else (name,)


def _filled(error: Exception, failure: _Failure, **attributes: Any) -> Exception:
    error.__dict__.update(attributes, status_code=failure.number, response=failure.response())
    return error


def _seconds(retry_after: float | str) -> str:
    return retry_after if isinstance(retry_after, str) else f"{retry_after:g}"


def _phrase(status: int) -> str:
    return next((known.phrase for known in HTTPStatus if known == status), "Error")
