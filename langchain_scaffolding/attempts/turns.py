"""Waiting for a rate limiter, at most as long as the call may take."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from langchain_scaffolding.attempts.limits import Deadline

if TYPE_CHECKING:
    from langchain_core.rate_limiters import BaseRateLimiter

    from langchain_scaffolding.attempts.call import CallSettings
    from langchain_scaffolding.request import RouteRequest

_POLL_S: Final = 0.01
"""LangChain's limiters can be asked, or waited for without an end."""


def take_turn(limiter: BaseRateLimiter, settings: CallSettings, request: RouteRequest) -> None:
    """Wait until a limiter lets the call pass, or its time is over: then no model is called, and the rules answer."""
    deadline = _deadline(settings, request)
    if deadline is None:
        limiter.acquire(blocking=True)
        return
    sleep = getattr(settings.clock, "sleep", time.sleep)
    while not (limiter.acquire(blocking=False) or deadline.over):
        sleep(min(_POLL_S, max(deadline.response_left_s, 0.0)))


async def atake_turn(limiter: BaseRateLimiter, settings: CallSettings, request: RouteRequest) -> None:
    """Wait as `take_turn` does."""
    deadline = _deadline(settings, request)
    if deadline is None:
        await limiter.aacquire(blocking=True)
        return
    sleep = getattr(settings.clock, "asleep", asyncio.sleep)
    while not (await limiter.aacquire(blocking=False) or deadline.over):
        await sleep(min(_POLL_S, max(deadline.response_left_s, 0.0)))


def _deadline(settings: CallSettings, request: RouteRequest) -> Deadline | None:
    if settings.limits.response_s is None:
        return None
    started = settings.clock() if request.arrived is None else request.arrived
    return Deadline(settings.limits, settings.clock, started)
