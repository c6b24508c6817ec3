"""Streams with their config ambient: a bound model prefers the ambient config to the one it is given."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from typing import TYPE_CHECKING, TypeVar

from langchain_core.runnables.config import var_child_runnable_config

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig

T = TypeVar("T")


def ambient(items: Iterator[T], config: RunnableConfig) -> Generator[T, None, None]:
    """The items, with `config` ambient while each is made and never across a `yield`; closes the iterator."""
    try:
        while True:
            token = var_child_runnable_config.set(config)
            try:
                item = next(items)
            except StopIteration:
                return
            finally:
                var_child_runnable_config.reset(token)
            yield item
    finally:
        close = getattr(items, "close", None)
        if close is not None:
            close()


async def aambient(items: AsyncIterator[T], config: RunnableConfig) -> AsyncGenerator[T, None]:
    """The items, with `config` ambient while each is made and never across a `yield`; closes the iterator."""
    try:
        while True:
            token = var_child_runnable_config.set(config)
            try:
                item = await anext(items)
            except StopAsyncIteration:
                return
            finally:
                var_child_runnable_config.reset(token)
            yield item
    finally:
        aclose = getattr(items, "aclose", None)
        if aclose is not None:
            await aclose()
