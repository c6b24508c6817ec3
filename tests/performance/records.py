"""What the tests of learning record, and how they look at what became of it."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import uuid
from pathlib import Path
from typing import TypeVar

import pytest
import sqlalchemy as sa

from langchain_scaffolding.outcomes import Outcome

NOW = 1_700_000_000.0

# Newer Pythons warn of what these tests are about.
FORKS = pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")

_T = TypeVar("_T")


def answer(seconds: float | None = 0.5, **facts: object) -> Outcome:
    """An accepted answer of the model "tiny" at the task "title", unless told otherwise."""
    given = {
        "task": "title",
        "model": "tiny",
        "decision_id": uuid.uuid4().hex,
        "total_s": seconds,
        "measured": True,
        **facts,
    }
    return Outcome(**given)  # type: ignore[arg-type]


def query(url: str, statement: str) -> list[tuple[object, ...]]:
    """What a database answers, asked without the library."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        rows = [tuple(row) for row in connection.execute(sa.text(statement))]
    engine.dispose()
    return rows


def run_recorders(*arguments: object, timeout_s: float = 600.0) -> str:
    """Run `recorder.py` and return what it prints."""
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("recorder.py")), *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def pickled(one: _T) -> _T:
    """What comes out of a pickle."""
    return unpickled(pickle.dumps(one), type(one))


def unpickled(told: bytes, kind: type[_T]) -> _T:
    """What comes out of a pickle that another process of the test has made."""
    found = pickle.loads(told)
    assert isinstance(found, kind)
    return found
