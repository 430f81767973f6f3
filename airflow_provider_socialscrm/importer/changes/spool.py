"""Rows by hash bucket, a column at a time, in an unnamed temporary file; in memory while they are few."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, Final

import numpy as np

from airflow_provider_socialscrm.importer.changes.table import Columns, Table
from airflow_provider_socialscrm.importer.sources.spool_file import named_errors

if TYPE_CHECKING:
    from airflow_provider_socialscrm.importer.changes.arrays import Bytes, Column, Numbers, Places

FINE_BUCKETS: Final = 256
"""Buckets of a spool, and the most a base has: with 100 million customers each has 400,000."""

BLOCK_ROWS: Final = 2**18
"""Rows that are put in order at a time, 4 MiB of pairs: more no longer fit into the processor's caches."""

MEMORY_BYTES: Final = 32 * 1024 * 1024
"""Bytes held in memory before they are written to a file: two million pairs."""


class BucketSpool:
    """Holds rows in blocks; within a block they are in the order of their buckets, and of coming.

    A block is written a column after the other.

    :param dtype: of a row; it has a ``key``.
    :param buckets_of: returns the fine bucket of each key.
    :param block_rows: rows of a block.
    :param memory_bytes: bytes to hold in memory before they are written to a file.
    """

    def __init__(
        self,
        dtype: np.dtype[np.void],
        buckets_of: Callable[[Numbers], Bytes],
        *,
        block_rows: int = BLOCK_ROWS,
        memory_bytes: int = MEMORY_BYTES,
    ) -> None:
        self.buckets_of = buckets_of
        self.rows = 0
        self.offsets: list[Places] = []
        """For each block the place among all rows of the first row of each bucket, and of the block's end."""
        self._dtype = dtype
        self._block_rows = block_rows
        self._file = SpooledTemporaryFile(max_size=memory_bytes)  # noqa: SIM115 - closed by close()
        self._waiting: Table | None = None
        self._waiting_rows = 0

    def add(self, rows: Columns) -> None:
        """Take the next rows.

        :raises OSError: when the disk is full.
        """
        start = 0
        while start < len(rows):
            if self._waiting is None:
                self._waiting = self._empty(self._block_rows)
            part = slice(start, start + self._block_rows - self._waiting_rows)
            end = self._waiting_rows + len(rows["key"][part])
            for name in self._waiting.names:
                self._waiting[name][self._waiting_rows : end] = rows[name][part]
            start, self._waiting_rows = part.stop, end
            if self._waiting_rows == self._block_rows:
                self.flush()

    def flush(self) -> None:
        """Write the rows that wait for their block to be full: none may come behind them."""
        if self._waiting is None or not self._waiting_rows:
            return
        waiting = {name: self._waiting[name][: self._waiting_rows] for name in self._waiting.names}
        buckets = self.buckets_of(waiting["key"])
        order = np.argsort(buckets, kind="stable")
        counts = np.bincount(buckets, minlength=FINE_BUCKETS)
        self.offsets.append(self.rows + np.append(0, np.cumsum(counts)))
        with named_errors():
            self._file.seek(self.rows * self._dtype.itemsize)
            for column in waiting.values():
                self._file.write(_content(column.take(order, axis=0)))
        self.rows += self._waiting_rows
        self._waiting_rows = 0

    def segments(self, first: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield where the rows of some buckets are: from and to which place among all rows."""
        for offsets in self.offsets:
            if offsets[first] < offsets[end]:
                yield int(offsets[first]), int(offsets[end])

    def read(self, first: int, end: int) -> Table:
        """Return the rows of buckets ``first`` to before ``end``, in the order of the file."""
        found = self._empty(sum(int(offsets[end] - offsets[first]) for offsets in self.offsets))
        done = 0
        with named_errors():
            for offsets in self.offsets:
                start, rows = int(offsets[first] - offsets[0]), int(offsets[end] - offsets[first])
                column_at = int(offsets[0]) * self._dtype.itemsize
                for name in found.names if rows else ():
                    column = found[name][done : done + rows]
                    self._file.seek(column_at + start * self._dtype[name].itemsize)
                    self._file.readinto(_content(column))
                    column_at += int(offsets[-1] - offsets[0]) * self._dtype[name].itemsize
                done += rows
        return found

    def close(self) -> None:
        """Give the file back."""
        self._file.close()
        self._waiting = None

    def _empty(self, rows: int) -> Table:
        types = ((name, self._dtype[name]) for name in self._dtype.names or ())
        return Table({name: np.empty((rows, *dtype.shape), dtype.base) for name, dtype in types})


def _content(column: Column) -> memoryview:
    """Return the bytes of a column, which is one piece of memory, without a copy."""
    return column.reshape(-1).view(np.uint8).data
