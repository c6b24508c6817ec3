"""A real PostgreSQL, as the tests of learning start it."""

from tests.performance.conftest import new_postgres, postgres_server

__all__ = ["new_postgres", "postgres_server"]
