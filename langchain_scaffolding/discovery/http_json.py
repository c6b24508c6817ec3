"""Reads JSON from servers that may be absent, slow or hostile: within a time limit, a size limit, and no further.

A time-out of a socket, of `http.client` as of httpx, begins anew with each byte that arrives: a server that sends one
byte a second is never late. So each read here is given the time that is left of one deadline.
"""

from __future__ import annotations

import io
import ipaddress
import json
import queue
import socket
import threading
import time
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from langchain_scaffolding.discovery.base import SourceUnavailableError
from langchain_scaffolding.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST_BYTES: Final = 2 * 1024 * 1024  # as Python's objects, JSON that means harm takes 25 times its bytes
_CHUNK: Final = 1 << 16
_SHOWN: Final = 60


class UnexpectedAnswerError(SourceUnavailableError):
    """A server answered, and not as the one does that it was taken for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """A server that is asked for JSON.

    Attributes:
        url: Where it listens, such as "http://127.0.0.1:11434"; a path is put before every path that is asked for.
        allow_remote: Whether it may be on another machine.
        api_key: Sent as a bearer token; never shown.
        limit_s: Seconds that one conversation with it may take, whatever the server does.

    Raises:
        ConfigurationError: The address is none, carries a password, or is of another machine.

    Example:
        >>> Endpoint(url="http://192.168.1.5:11434")
        Traceback (most recent call last):
        ...
        langchain_scaffolding.errors.ConfigurationError: 192.168.1.5 is not this machine. ...
    """

    url: str
    allow_remote: bool = False
    api_key: str | None = field(default=None, repr=False)
    limit_s: float = 2.0

    def __post_init__(self) -> None:
        """Check the address before anything is sent there."""
        if "@" in self.url:
            raise ConfigurationError("The address carries a name or password. Leave it out, and give `api_key=`.")
        try:
            parts = urlsplit(self.url)
            is_address = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        except ValueError:
            is_address = False
        if not is_address:
            msg = f"{self.url!r} is no address of a server. Give one such as 'http://127.0.0.1:8080'."
            raise ConfigurationError(msg)
        if not self.allow_remote and not self.is_loopback:
            raise ConfigurationError(f"{parts.hostname} is not this machine. Allow it with `allow_remote=True`.")
        if not self.limit_s > 0:
            raise ConfigurationError(f"limit_s={self.limit_s!r} is out of range: give seconds above 0.")

    @property
    def is_loopback(self) -> bool:
        """Whether the address is of this machine."""
        host = urlsplit(self.url).hostname or ""
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return host == "localhost"

    def conversation(self) -> Conversation:
        """Begin to ask; the time runs from now."""
        return Conversation(self, time.monotonic() + self.limit_s)


class Conversation:
    """Some questions to one server, which share one time limit."""

    def __init__(self, endpoint: Endpoint, deadline: float) -> None:
        self._endpoint = endpoint
        self._deadline = deadline
        parts = urlsplit(endpoint.url)
        self._secure = parts.scheme == "https"
        self._host, self._port = parts.hostname or "", parts.port
        self._path = parts.path.rstrip("/")
        port = self._port or (443 if self._secure else 80)
        self._where = f"[{self._host}]:{port}" if ":" in self._host else f"{self._host}:{port}"

    @property
    def left_s(self) -> float:
        """Seconds that are left."""
        return self._deadline - time.monotonic()

    def get(self, path: str) -> Any:
        """The JSON under a path.

        Raises:
            SourceUnavailableError: There is none; the message says why.
        """
        return self._ask("GET", path, None)

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """The JSON that a path answers a question with.

        Raises:
            SourceUnavailableError: There is none; the message says why.
        """
        return self._ask("POST", path, json.dumps(body).encode())

    def _ask(self, method: str, path: str, body: bytes | None) -> Any:
        if self.left_s <= 0:
            raise self._late()
        try:
            content = self._exchange(method, self._path + path, body)
        except ConnectionRefusedError:
            raise SourceUnavailableError(f"nothing listens at {self._where}") from None
        except TimeoutError:
            raise self._late() from None
        except OSError as error:
            why = error.strerror or type(error).__name__
            raise SourceUnavailableError(f"{self._where} cannot be reached ({why})") from None
        except (HTTPException, ValueError) as error:
            raise SourceUnavailableError(f"{self._where} does not speak HTTP ({type(error).__name__})") from None
        return self._parsed(path, content)

    def _exchange(self, method: str, path: str, body: bytes | None) -> bytes:
        # not httpx: it has no limit for the whole answer, and obeys the proxies of the environment
        kind = HTTPSConnection if self._secure else HTTPConnection
        connection = kind(self._host, self._port, timeout=self.left_s)
        connection._create_connection = self._connected  # type: ignore[attr-defined]  # noqa: SLF001 - its own hook
        inner: socket.socket | None = None
        headers = {"Accept": "application/json", "Connection": "close"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if self._endpoint.api_key is not None:
            headers["Authorization"] = f"Bearer {self._endpoint.api_key}"
        try:
            connection.connect()
            inner = connection.sock
            connection.sock = _HurriedSocket(inner, self._deadline)
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            self._check_status(path, response.status)
            content = bytearray()
            while chunk := response.read(_CHUNK):
                content += chunk
                if len(content) > _MOST_BYTES:
                    raise SourceUnavailableError(f"{self._where}{path} answers with more than {_MOST_BYTES:,} bytes")
            return bytes(content)
        finally:
            connection.close()
            if inner is not None:
                inner.close()

    def _connected(self, address: tuple[str, int], *_: object) -> socket.socket:
        """A socket that is connected to the first address that answers in time.

        `socket.create_connection` gives each address of a host the whole time, and the look-up of the host no limit.
        """
        failure: OSError = TimeoutError()
        for family, kind, protocol, _name, place in self._addresses(*address):
            opened = socket.socket(family, kind, protocol)
            try:
                opened.settimeout(self._time_left())
                opened.connect(place)
                opened.settimeout(self._time_left())  # of the handshake, where there is one
            except OSError as error:
                opened.close()
                failure = error
            else:
                return opened
        raise failure

    def _addresses(self, host: str, port: int) -> Any:
        """What a host's name stands for, found in a thread that is left behind if that takes too long."""
        answer: queue.SimpleQueue[Any] = queue.SimpleQueue()

        def look_up() -> None:
            try:
                answer.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
            except (OSError, UnicodeError) as error:
                answer.put(error)

        threading.Thread(target=look_up, name="look-up", daemon=True).start()
        try:
            found = answer.get(timeout=self._time_left())
        except queue.Empty:
            raise TimeoutError from None
        if isinstance(found, Exception):
            raise found
        return found

    def _time_left(self) -> float:
        if self.left_s <= 0:
            raise TimeoutError
        return self.left_s

    def _check_status(self, path: str, status: int) -> None:
        if 300 <= status < 400:
            raise SourceUnavailableError(f"{self._where}{path} redirects to another address, which is not followed")
        if status in {401, 403}:
            raise SourceUnavailableError(f"{self._where} asks for a key: give `api_key=`")
        if status >= 400:
            raise UnexpectedAnswerError(f"{self._where}{path} answers HTTP {status}")

    def _parsed(self, path: str, content: bytes) -> Any:
        try:
            return json.loads(content)
        except RecursionError:
            raise SourceUnavailableError(f"{self._where}{path} answers with JSON that is nested too deep") from None
        except ValueError:
            begin = content[:_SHOWN].decode("utf-8", errors="replace")
            what = "HTML" if begin.lstrip().startswith("<") else repr(begin) if begin else "nothing"
            msg = f"{self._where}{path} answers with {what} instead of JSON: another program listens at this port"
            raise UnexpectedAnswerError(msg) from None

    def _late(self) -> SourceUnavailableError:
        limit = self._endpoint.limit_s
        return SourceUnavailableError(f"{self._where} did not answer completely within {limit:g} s")


class _HurriedSocket:
    """A connected socket of which every operation ends at the deadline, with what `http.client` uses of one."""

    def __init__(self, inner: socket.socket, deadline: float) -> None:
        self._inner = inner
        self._deadline = deadline

    def makefile(self, *_: object) -> io.BufferedReader:
        return io.BufferedReader(_HurriedReader(self), _CHUNK)

    def sendall(self, data: bytes) -> None:
        self._hurried().sendall(data)

    def receive_into(self, buffer: Any) -> int:
        return self._hurried().recv_into(buffer)

    def close(self) -> None:
        """Nothing yet: `http.client` closes its socket as soon as it has the head of an answer."""

    def _hurried(self) -> socket.socket:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._inner.settimeout(left)
        return self._inner


class _HurriedReader(io.RawIOBase):
    def __init__(self, source: _HurriedSocket) -> None:
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._source.receive_into(buffer)
