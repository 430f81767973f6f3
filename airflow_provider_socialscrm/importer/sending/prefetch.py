"""One step ahead: what is needed next is made in another thread, while what is there is worked on."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final, TypeVar

Item = TypeVar("Item")

_END: Final = object()


@contextmanager
def one_ahead(items: Iterator[Item], name: str) -> Iterator[Iterator[Item]]:
    """Have items in order, the next one already being made; what goes wrong with it is raised in its turn.

    Judging a batch takes longer than a call has to wait for the next: made in between, it would make calls late.

    The thread ends with the block, however that is left. An iterator that owned the thread would end it when it is
    collected as garbage, which can be at a moment when no thread may be waited for.

    :param items: made one at a time, in one thread.
    :param name: the thread's.
    """
    with ThreadPoolExecutor(1, name) as pool:
        yield _ahead(items, pool)


def _ahead(items: Iterator[Item], pool: Executor) -> Iterator[Item]:
    upcoming = pool.submit(next, items, _END)
    while (item := upcoming.result()) is not _END:
        upcoming = pool.submit(next, items, _END)
        yield item  # type: ignore[misc]  # not the end, so an item
