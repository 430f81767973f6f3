"""What an ``async`` function returns or yields, for code that is not."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Iterator
from typing import Any

_END = object()


def finished(value: Any) -> Any:
    """Return what a value becomes once it is awaited; an asynchronous generator becomes one that is not.

    :param value: what a function returned, ``async`` or not.
    """
    if inspect.isawaitable(value):
        return asyncio.run(_result(value))
    return _each(value) if isinstance(value, AsyncIterator) else value


async def _result(awaitable: Awaitable[Any]) -> Any:
    return await awaitable


def _each(values: AsyncIterator[Any]) -> Iterator[Any]:
    with asyncio.Runner() as runner:  # one event loop for all, which their connections belong to
        while (value := runner.run(_next(values))) is not _END:
            yield value


async def _next(values: AsyncIterator[Any]) -> Any:
    return await anext(values, _END)
