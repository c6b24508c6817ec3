"""Processes that record into one store; run as a script, since they must be real and some of them are to be killed.

    python recorder.py URL leave 3 COUNT              each records COUNT outcomes and ends without a word to the store:
                                                      a forked one, a spawned one, and this one
    python recorder.py URL finish PROCESSES COUNT     each records COUNT outcomes and ends in order
    python recorder.py URL kill PROCESSES SEED        each records until it is killed; a line per process says what was
                                                      acknowledged: its source and how many

The processes are forked from one that has imported everything.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import select
import signal
import sys
import time

import langchain_scaffolding.performance.database  # noqa: F401 - once, and not in every process
from langchain_scaffolding.outcomes import ErrorClass, Outcome
from langchain_scaffolding.performance import OutcomeStore, PerformanceTracker


def outcome(process: int, number: int) -> Outcome:
    """The outcome with a number: every fifth is a failure, three models take turns."""
    failed = number % 5 == 4
    return Outcome(
        task="title",
        model=f"model-{number % 3}",
        decision_id=f"{process}-{number}",
        error=ErrorClass.OVERLOADED if failed else None,
        total_s=0.1 + number % 7 / 10,
        measured=not failed,
        at=1_700_000_000.0 + number,
    )


def finish(url: str, process: int, count: int) -> None:
    store = OutcomeStore(url, when_full="block", block_s=60.0, timeout_s=60.0, retention_s=None)
    tracker = PerformanceTracker(store=store)
    for number in range(count):
        tracker.record(outcome(process, number))
        if number % 10 == 0 and number % 5 != 4:
            tracker.record_feedback(f"{process}-{number}", 1.0)
    store.flush(300.0)
    tracker.close()
    health = store.health
    assert (health.queued, health.dropped, health.refused) == (0, 0, 0), health


def leave(url: str, process: int, count: int) -> None:
    tracker = PerformanceTracker(store=OutcomeStore(url, timeout_s=60.0, retention_s=None))
    for number in range(count):
        tracker.record(outcome(process, number))


def record_until_killed(url: str, process: int, acknowledged: int) -> None:
    store = OutcomeStore(url, timeout_s=60.0, retention_s=None)
    tracker = PerformanceTracker(store=store)
    source = tracker._knowledge.sources.own_id
    number, parent = 0, os.getppid()
    # if whoever was to kill it has gone, nobody else will
    while os.getppid() == parent:
        for _ in range(1 + number % 40):
            tracker.record(outcome(process, number))
            number += 1
        if store.flush(60.0):
            os.write(acknowledged, f"{source} {number}\n".encode())


def kill(url: str, process: int, rng: random.Random) -> None:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        record_until_killed(url, process, writing)
    os.close(writing)
    said = b""
    select.select([reading], [], [], 60.0)
    give_up = time.monotonic() + rng.uniform(0.0, 0.15)
    while (left := give_up - time.monotonic()) > 0:
        if select.select([reading], [], [], left)[0]:
            said += os.read(reading, 65536)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    while more := os.read(reading, 65536):
        said += more
    os.close(reading)
    source, number = said.decode().splitlines()[-1].split()
    sys.stdout.write(json.dumps({"source": source, "acknowledged": int(number)}) + "\n")
    sys.stdout.flush()


def main(url: str, what: str, processes: str, number: str) -> int:
    if what == "kill":
        rng = random.Random(int(number))
        for process in range(int(processes)):
            kill(url, process, rng)
        return 0
    if what == "leave":
        for process, method in enumerate(("fork", "spawn")):
            child = multiprocessing.get_context(method).Process(target=leave, args=(url, process, int(number)))
            child.start()
            child.join()
        leave(url, 2, int(number))
        return 0
    children = []
    for process in range(int(processes)):
        child = os.fork()
        if child == 0:
            finish(url, process, int(number))
            os._exit(0)
        children.append(child)
    return max(os.waitpid(child, 0)[1] for child in children)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
