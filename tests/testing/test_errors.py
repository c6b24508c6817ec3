import copy
import pickle

import httpx
import pytest

from langchain_scaffolding.testing import provider_error

PROVIDERS = ["openai", "anthropic", "google", "ollama", "httpx", "httpx2"]


def names(error: BaseException) -> list[str]:
    return [kind.__name__ for kind in type(error).__mro__ if kind.__module__ == type(error).__module__]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 409, 422, 429, 500, 503])
def test_openai_errors_have_the_names_and_attributes_of_the_sdk(status: int) -> None:
    openai = pytest.importorskip("openai")
    httpx2 = pytest.importorskip("httpx2")
    request = httpx2.Request("POST", "http://provider.invalid/")
    response = httpx2.Response(
        status, request=request, headers={"Retry-After": "7"}, json={"error": {"message": "m", "code": "c"}}
    )
    real = openai.OpenAI(api_key="none")._make_status_error_from_response(response)
    fake = provider_error("openai", status=status, message="m", code="c", retry_after=7)
    assert names(fake) == names(real)
    assert type(fake).__module__ == type(real).__module__
    assert (fake.status_code, fake.code, fake.response.status_code) == (real.status_code, real.code, status)
    assert vars(real).keys() - {"request"} <= vars(fake).keys()
    assert fake.response.headers.get("retry-after") == real.response.headers.get("retry-after")
    assert str(fake) == str(real)


@pytest.mark.parametrize(("status", "kind"), [("timeout", "APITimeoutError"), ("connection", "APIConnectionError")])
def test_openai_errors_without_a_response(status, kind) -> None:
    openai = pytest.importorskip("openai")
    fake = provider_error("openai", status=status)
    real = getattr(openai, kind)
    assert names(fake) == [k.__name__ for k in real.__mro__ if k.__module__ == "openai"]
    assert not hasattr(fake, "response")


@pytest.mark.parametrize(
    ("status", "real"),
    [(500, httpx.HTTPStatusError), ("timeout", httpx.ReadTimeout), ("connection", httpx.ConnectError)],
)
def test_httpx_errors_have_the_names_of_httpx(status, real) -> None:
    fake = provider_error("httpx", status=status)
    assert names(fake) == [k.__name__ for k in real.__mro__ if k.__module__ == "httpx"]
    assert type(fake).__module__ == real.__module__ == "httpx"


@pytest.mark.parametrize(
    ("provider", "status", "expected"),
    [
        ("anthropic", 429, ("anthropic", "RateLimitError")),
        ("anthropic", 529, ("anthropic", "OverloadedError")),
        ("anthropic", 500, ("anthropic", "InternalServerError")),
        ("anthropic", "timeout", ("anthropic", "APITimeoutError")),
        ("google", 429, ("google.genai.errors", "ClientError")),
        ("google", 503, ("google.genai.errors", "ServerError")),
        ("google", "timeout", ("httpx", "ReadTimeout")),
        ("ollama", 404, ("ollama._types", "ResponseError")),
        ("ollama", "connection", ("builtins", "ConnectionError")),
        ("ollama", "timeout", ("httpx", "ReadTimeout")),
        ("httpx2", "connection", ("httpx2", "ConnectError")),
    ],
)
def test_each_provider_has_its_own_classes(provider, status, expected) -> None:
    error = provider_error(provider, status=status)
    assert (type(error).__module__, type(error).__name__) == expected


def test_the_attributes_are_those_of_each_sdk() -> None:
    anthropic = provider_error("anthropic", status=429, message="slow down")
    assert anthropic.body == {"type": "error", "error": {"type": "rate_limit_error", "message": "slow down"}}
    assert (anthropic.status_code, anthropic.type) == (429, "rate_limit_error")
    google = provider_error("google", status=429)
    assert (google.code, google.status) == (429, "RESOURCE_EXHAUSTED")
    assert not hasattr(google, "status_code")
    ollama = provider_error("ollama", status=404, message="model 'x' not found")
    assert str(ollama) == "model 'x' not found (status code: 404)"
    assert (ollama.status_code, ollama.error) == (404, "model 'x' not found")
    assert not hasattr(ollama, "response")
    assert provider_error("httpx", status=503).response.status_code == 503


@pytest.mark.parametrize("provider", ["openai", "anthropic", "google", "httpx", "httpx2"])
@pytest.mark.parametrize(("given", "sent"), [(20, "20"), (1.5, "1.5"), ("Wed, 21 Oct 2026 07:28:00 GMT",) * 2])
def test_retry_after_is_a_header_found_in_any_case(provider, given, sent) -> None:
    headers = provider_error(provider, retry_after=given).response.headers
    assert headers["Retry-After"] == headers.get("retry-after") == sent
    assert "RETRY-AFTER" in headers
    assert provider_error(provider).response.headers.get("retry-after") is None


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("status", [429, 500, "timeout", "connection"])
def test_errors_can_be_pickled_and_copied_and_keep_their_class(provider, status) -> None:
    error = provider_error(provider, status=status, message="m", retry_after=2)
    for clone in (pickle.loads(pickle.dumps(error)), copy.deepcopy(error), copy.copy(error)):
        assert type(clone) is type(error)
        assert str(clone) == str(error)
        assert getattr(clone, "response", None) == getattr(error, "response", None)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"provider": "acme"}, "No errors of 'acme'"),
        ({"provider": "openai", "status": 200}, "status is 200"),
        ({"provider": "openai", "status": "slow"}, "status is 'slow'"),
    ],
)
def test_unknown_providers_and_statuses_are_refused(arguments, complaint) -> None:
    with pytest.raises(ValueError, match=complaint):
        provider_error(**arguments)
