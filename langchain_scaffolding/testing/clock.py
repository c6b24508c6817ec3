"""Time that moves only when a test moves it."""

from __future__ import annotations

import asyncio
import threading


class FakeClock:
    """A clock in seconds that stands still until it is advanced or slept on.

    Give `clock` to whatever reads the time and `sleep` or `asleep` to whatever waits: delays then
    cost no real time and add up exactly. One clock may be shared by threads and tasks.

    Args:
        now: The first reading, in seconds.

    Example:
        >>> clock = FakeClock()
        >>> clock.sleep(1.5)
        >>> clock.advance(0.5)
        >>> clock()
        2.0
    """

    def __init__(self, now: float = 0.0) -> None:
        self._now = now
        self._lock = threading.Lock()

    def __call__(self) -> float:
        """The time, in seconds."""
        return self._now

    def __repr__(self) -> str:
        return f"FakeClock({self._now!r})"

    def __reduce__(self) -> tuple[type[FakeClock], tuple[float]]:
        return type(self), (self._now,)

    def advance(self, seconds: float) -> None:
        """Move the time on by `seconds`.

        Raises:
            ValueError: If `seconds` is negative: a monotonic clock never goes back.
        """
        if not seconds >= 0:
            raise ValueError(f"A clock cannot be advanced by {seconds!r} s: give 0 or more.")
        with self._lock:
            self._now += seconds

    def sleep(self, seconds: float) -> None:
        """Stand in for `time.sleep`: the time moves on at once."""
        self.advance(seconds)

    async def asleep(self, seconds: float) -> None:
        """Stand in for `asyncio.sleep`: the time moves on, and the loop runs once."""
        self.advance(seconds)
        await asyncio.sleep(0)
