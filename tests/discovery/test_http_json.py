"""A server may be absent, slow, wrong or hostile: each is one clear line, within the time and memory that were set."""

from __future__ import annotations

import json
import socket
import threading
import tracemalloc
from typing import Any

import pytest

from langchain_scaffolding.discovery.base import SourceUnavailableError
from langchain_scaffolding.discovery.http_json import Endpoint
from langchain_scaffolding.errors import ConfigurationError
from tests.discovery.servers import dripping, free_port, serving

pytestmark = pytest.mark.enable_socket


def reason(url: str, *, limit_s: float = 2.0, path: str = "/models") -> str:
    with pytest.raises(SourceUnavailableError) as raised:
        Endpoint(url=url, limit_s=limit_s).conversation().get(path)
    text = str(raised.value)
    assert "\n" not in text
    return text


def test_it_reads_json_and_sends_the_key() -> None:
    with serving({"/base/models": {"data": [1]}, "/base/show": lambda body: {"you": body}}) as server:
        asked = Endpoint(url=f"{server.url}/base/", api_key="s3cret").conversation()
        assert asked.get("/models") == {"data": [1]}
        assert asked.post("/show", {"model": "ü"}) == {"you": {"model": "ü"}}
    assert {key for _, key in server.asked} == {"Bearer s3cret"}


def test_a_key_is_never_shown() -> None:
    assert "s3cret" not in repr(Endpoint(url="http://127.0.0.1:1", api_key="s3cret"))
    with pytest.raises(ConfigurationError) as raised:
        Endpoint(url="http://user:s3cret@127.0.0.1:1")
    assert "s3cret" not in str(raised.value)


def test_where_nobody_listens_it_says_so() -> None:
    port = free_port()
    assert reason(f"http://127.0.0.1:{port}") == f"nothing listens at 127.0.0.1:{port}"
    assert reason(f"http://[::1]:{port}").startswith(("nothing listens at [::1]:", "[::1]:"))


def test_a_name_that_stands_for_no_machine_or_is_never_looked_up_is_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    asked = Endpoint(url="http://models.example", allow_remote=True, limit_s=0.15)
    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(SourceUnavailableError, match=r"models.example:80 cannot be reached .Name or service not known"):
        asked.conversation().get("/models")
    go_on = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: go_on.wait(30))
    with pytest.raises(SourceUnavailableError, match="did not answer completely within 0.15 s"):
        asked.conversation().get("/models")
    go_on.set()


def test_all_addresses_of_a_name_are_tried_within_one_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving({"/models": {"a": 1}}) as server, socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        ports = [free_port(), server.server_port]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [address(port) for port in ports])
        assert Endpoint(url="http://localhost:1").conversation().get("/models") == {"a": 1}
        # of a machine that swallows what is sent to it: its queue is full
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        ports[:] = [full.getsockname()[1]] * 3
        assert reason("http://localhost:1", limit_s=0.15).endswith("did not answer completely within 0.15 s")
        for one in waiting:
            one.close()


def address(port: int) -> Any:
    return socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)


def test_a_handshake_that_never_ends_is_left_at_the_deadline() -> None:
    with dripping(b"", b"") as url:
        told = reason(url.replace("http:", "https:"), limit_s=0.15)
    assert told.endswith("did not answer completely within 0.15 s")


def test_json_that_means_harm_fills_no_memory() -> None:
    page = b"[" + b"{}," * 690_000 + b"{}]"
    with serving({"/models": page}) as server:
        tracemalloc.start()
        try:
            Endpoint(url=server.url, limit_s=30).conversation().get("/models")
            assert tracemalloc.get_traced_memory()[1] < 100_000_000
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize(
    ("page", "says"),
    [
        (b"<!DOCTYPE html><title>Router login</title>", "answers with HTML instead of JSON: another program listens"),
        (b"", "answers with nothing instead of JSON"),
        (b"hello there", "answers with 'hello there' instead of JSON"),
        (b"\xff\xfe\x00", "instead of JSON"),
        (b"[" * 500_000, "nested too deep"),
        (b"1" * 100_000, "instead of JSON"),
        (500, "/models answers HTTP 500"),
        (404, "/models answers HTTP 404"),
        (401, "asks for a key: give `api_key=`"),
        (302, "redirects to another address, which is not followed"),
        (308, "redirects to another address, which is not followed"),
    ],
)
def test_a_wrong_answer_is_one_clear_line(page: bytes | int, says: str) -> None:
    with serving({"/models": page}) as server:
        assert says in reason(server.url)
        assert server.paths == ["/models"]


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    ("first", "drip"),
    [
        (b"", b""),
        (b"", b"H"),
        (b"HTTP/1.1 200 OK\r\n", b"X"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (HEAD + b"\r\n", b" "),
        (HEAD + b"Content-Length: 1000000\r\n\r\n", b" "),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    ],
    ids=["silence", "status", "header", "continue", "body", "length", "chunks"],
)
def test_a_server_that_never_ends_is_left_at_the_deadline(first: bytes, drip: bytes) -> None:
    with dripping(first, drip) as url:
        assert reason(url, limit_s=0.15).endswith("did not answer completely within 0.15 s")


def test_one_time_limit_holds_for_all_questions_of_a_conversation() -> None:
    with dripping(b"", b"") as url:
        asked = Endpoint(url=url, limit_s=0.15).conversation()
        for _ in range(3):
            with pytest.raises(SourceUnavailableError, match="within 0.15 s"):
                asked.get("/models")
        assert asked.left_s <= 0


def test_an_endless_answer_does_not_fill_the_memory() -> None:
    with dripping(HEAD + b"\r\n" + b" " * 1_000_000, b" " * 4_000_000) as url:
        tracemalloc.start()
        try:
            assert reason(url, limit_s=10).endswith("answers with more than 2,097,152 bytes")
            assert tracemalloc.get_traced_memory()[1] < 20_000_000  # the server's own buffers are counted too
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize(
    "first", [b"SSH-2.0-OpenSSH_9.2\r\n", b"\x15\x03\x01\x00\x02\x02\x16", b"HTTP/1.1 abc\r\n\r\n"]
)
def test_what_is_no_web_server_is_told_as_such(first: bytes) -> None:
    with dripping(first, b"\r\n") as url:
        assert "does not speak HTTP" in reason(url)


@pytest.mark.parametrize(
    "url",
    ["http://192.168.1.5:11434", "https://example.com", "http://localhost.example.com", "http://[2001:db8::1]:80"],
)
def test_another_machine_is_asked_only_where_that_is_allowed(url: str) -> None:
    with pytest.raises(ConfigurationError, match="is not this machine. Allow it with `allow_remote=True`"):
        Endpoint(url=url)
    assert not Endpoint(url=url, allow_remote=True).is_loopback


@pytest.mark.parametrize(
    "url", ["127.0.0.1:8080", "ftp://127.0.0.1", "http://", "http://127.0.0.1:99999", "", "http://[::1"]
)
def test_what_is_no_address_is_refused_at_once(url: str) -> None:
    with pytest.raises(ConfigurationError, match="is no address of a server"):
        Endpoint(url=url)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://localhost:1", "http://127.9.9.9:1", "https://[::1]:1"])
def test_this_machine_has_several_addresses(url: str) -> None:
    assert Endpoint(url=url).is_loopback


def test_the_proxies_of_the_environment_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    with serving({"/models": json.dumps({"a": 1}).encode()}) as server:
        assert Endpoint(url=server.url).conversation().get("/models") == {"a": 1}
