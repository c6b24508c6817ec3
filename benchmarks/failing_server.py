"""Two models behind OpenAI's protocol, on this machine, that fail in the way they are told to."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

HANG_S = 8.0
WORDS = ("Tea ", "in ", "three ", "steps")


class Server(ThreadingHTTPServer):
    """Two models, each of which behaves as it is told to.

    Attributes:
        modes: By model: "ok", "503", "empty", "breaks" (in a stream, after two words), "hangs", "no tools".
        asked: The models that were asked, in order.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.modes: dict[str, str] = {}
        self.asked: list[str] = []

    def base(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    def behave(self, first: str = "ok", second: str = "ok") -> None:
        self.modes, self.asked = {"first": first, "second": second}, []


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        model = body["model"].split("/")[-1]
        self.server.asked.append(model)
        mode = self.server.modes[model]
        if mode == "hangs":
            time.sleep(HANG_S)
        if mode == "503" or (mode == "no tools" and body.get("tools")):
            self._send(503 if mode == "503" else 400, {"error": {"message": f"{model} {mode}", "type": "server_error"}})
        elif body.get("stream"):
            self._stream(model, () if mode == "empty" else WORDS, breaks=mode == "breaks")
        else:
            self._send(200, _answer(model, body, empty=mode == "empty"))

    def _send(self, status: int, body: Mapping[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _stream(self, model: str, words: tuple[str, ...], *, breaks: bool) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}, *({"content": word} for word in words)]
        for number, delta in enumerate(deltas):
            if breaks and number == 3:
                self.close_connection = True
                return  # without the last chunk
            self._chunk({"model": model, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
        self._chunk({"model": model, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        self._write(b"data: [DONE]\n\n")
        self.wfile.write(b"0\r\n\r\n")

    def _chunk(self, facts: Mapping[str, Any]) -> None:
        whole = {"id": "c", "object": "chat.completion.chunk", "created": 0, **facts}
        self._write(f"data: {json.dumps(whole)}\n\n".encode())

    def _write(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()


def _answer(model: str, body: Mapping[str, Any], *, empty: bool) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": "" if empty else "".join(WORDS)}
    called = any(each["role"] == "tool" for each in body["messages"])
    if body.get("tools") and not called and not empty:
        function = {"name": body["tools"][0]["function"]["name"], "arguments": '{"word": "tea", "title": "Tea"}'}
        message = {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "t", "type": "function", "function": function}],
        }
    elif body.get("response_format"):
        message["content"] = '{"title": "Tea"}'
    usage = {"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 14}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if message.get("tool_calls") else "stop"}
    return {"id": "c", "object": "chat.completion", "created": 0, "model": model, "choices": [choice], "usage": usage}


@contextmanager
def serving() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
