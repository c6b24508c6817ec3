"""How a store is doing: `StoreHealth`, and `StoreError` for what it could not do."""

from __future__ import annotations

from dataclasses import dataclass

from langchain_scaffolding.errors import ScaffoldingError


class StoreError(ScaffoldingError):
    """A store could not be read or written just now; what was asked may succeed later."""


class RefusedError(StoreError):
    """The database does not accept a value, now or later."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StoreHealth:
    """How a store is doing.

    Attributes:
        ok: Whether the last attempts to write and to read succeeded, and nothing was dropped or refused.
        error: What went wrong last, while it does; `None` if nothing does.
        queued: Attempts and judgements that are not written yet.
        written: Those that are written, by this process.
        dropped: Those that were given up, because the queue was full or the process ended during an outage.
        refused: Those that the database did not accept.
    """

    ok: bool
    error: str | None
    queued: int
    written: int
    dropped: int
    refused: int
