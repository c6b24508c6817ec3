"""The engine's own process: it loads one model, says where it listens, and ends with its parent.

It is run as a file, so that it starts without this package or LangChain. The first line on standard input
is a JSON object of settings; the only line on standard output is a JSON object with the `url`, or empty if the
model cannot be loaded: why stands on standard error, where the engine logs it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

import xllamacpp


def main() -> None:
    """Serve until standard input ends, which it does when the parent closes it or dies."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group: the parent decides
    settings = json.loads(sys.stdin.readline())
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as report:
        os.dup2(2, 1)  # nothing that the engine prints may pass for the report
        server, answer = _start(settings)
        report.write(json.dumps(answer) + "\n")
    if server is None:
        return  # and not at once: a thread of the engine is still writing why
    sys.stdin.read()
    os._exit(0)  # the engine's destructor waits for the calls in flight, for ever if need be


def _start(settings: dict[str, Any]) -> tuple[object, dict[str, str]]:
    params = xllamacpp.CommonParams()
    params.model.path = settings["path"]
    params.model_alias = {settings["name"]}
    params.n_ctx = settings["n_ctx"]
    params.n_parallel = settings["n_parallel"]
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = settings["n_threads"]
    params.verbosity = settings["verbosity"]
    params.port = 0
    # Loopback is open to every user of the machine and, through CORS, to every page in a browser.
    params.api_keys = [settings["api_key"]]
    params.cors_origins = "null"
    params.ui = params.endpoint_slots = False
    params.cache_ram_mib = 0  # by default up to 8 GB of old prompts stay in memory
    try:
        server = xllamacpp.Server(params)
    except RuntimeError:
        return None, {}
    return server, {"url": server.listening_address}


if __name__ == "__main__":
    main()
