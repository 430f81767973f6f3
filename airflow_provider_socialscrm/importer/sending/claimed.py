"""Claims before their calls the rows with fields that are sent once, several at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

from airflow_provider_socialscrm.importer.rows import Row
from airflow_provider_socialscrm.importer.sending.chunks import Chunk

Rows = Sequence[Row]


def claimed(
    chunks: Iterable[Chunk], claim: Callable[[Rows], Rows], leave: Callable[[Rows], None], at_once: int
) -> Iterator[Chunk]:
    """Yield chunks, those with fields that are sent once when their rows are claimed.

    A kill leaves the claims of at most so many calls in doubt, so they are no more than what may be in flight.

    :param claim: returns when the claims are written, with the rows that another import has claimed.
    :param leave: takes these rows, which are not sent.
    :param at_once: chunks whose rows are claimed together.
    """
    chunks = iter(chunks)
    for chunk in chunks:
        if not _has_once(chunk):
            yield chunk
            continue
        some = [chunk, *islice(chunks, at_once - 1)]
        others = claim([row for each in some for row in each.rows])
        leave(others)
        yield from some if not others else _without(some, {row.order for row in others})


def _has_once(chunk: Chunk) -> bool:
    return any(row.ledger is not None and row.ledger.once for row in chunk.rows)


def _without(chunks: Iterable[Chunk], places: set[int]) -> Iterator[Chunk]:
    for chunk in chunks:
        if left := [row for row in chunk.rows if row.order not in places]:
            yield Chunk(left, chunk.agent)
