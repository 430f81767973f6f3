"""One step ahead: what is needed next is made in another thread, while what is there is worked on."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

Item = TypeVar("Item")

_END: Final = object()


def one_ahead(items: Iterator[Item], name: str) -> Iterator[Item]:
    """Yield items in order, the next one already being made; what goes wrong with it is raised in its turn.

    Judging a batch takes longer than a call has to wait for the next: made in between, it would make calls late.

    :param items: made one at a time, in one thread.
    :param name: the thread's.
    """
    with ThreadPoolExecutor(1, name) as pool:
        upcoming = pool.submit(next, items, _END)
        while (item := upcoming.result()) is not _END:
            upcoming = pool.submit(next, items, _END)
            yield item  # type: ignore[misc]  # not the end, so an item
