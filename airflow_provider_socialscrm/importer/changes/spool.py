"""Records by hash bucket, in an unnamed temporary file; in memory while they are few."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, Final

import numpy as np

from airflow_provider_socialscrm.importer.sources.spool_file import named_errors

if TYPE_CHECKING:
    from airflow_provider_socialscrm.importer.changes.arrays import Bytes, Numbers, Places, Records

FINE_BUCKETS: Final = 256
"""Buckets of a spool, and the most a base has: with 100 million customers each has 400,000."""

BLOCK_ROWS: Final = 2**19
"""Records that are put in order at a time, 8 MiB of pairs."""

MEMORY_BYTES: Final = 32 * 1024 * 1024
"""Bytes held in memory before they are written to a file: two million pairs."""


class BucketSpool:
    """Holds records in blocks; within a block they are in the order of their buckets, and of coming.

    :param dtype: of a record; it has a ``key``.
    :param buckets_of: returns the fine bucket of each key.
    :param block_rows: records of a block.
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
        self.dtype = dtype
        self.buckets_of = buckets_of
        self.rows = 0
        self.offsets: list[Places] = []
        """For each block the place in the file of the first record of each bucket, and of the block's end."""
        self._block_rows = block_rows
        self._file = SpooledTemporaryFile(max_size=memory_bytes)  # noqa: SIM115 - closed by close()
        self._waiting: list[Records] = []
        self._waiting_rows = 0

    def add(self, records: Records) -> None:
        """Take the next records.

        :raises OSError: when the disk is full.
        """
        start = 0
        while start < len(records):
            part = records[start : start + self._block_rows - self._waiting_rows]
            start += len(part)
            self._waiting.append(part)
            self._waiting_rows += len(part)
            if self._waiting_rows == self._block_rows:
                self.flush()

    def flush(self) -> None:
        """Write the records that wait for their block to be full: none may come behind them."""
        if not self._waiting:
            return
        block = np.concatenate(self._waiting) if len(self._waiting) > 1 else self._waiting[0]
        self._waiting, self._waiting_rows = [], 0
        buckets = self.buckets_of(block["key"])
        order = np.argsort(buckets, kind="stable")
        counts = np.bincount(buckets, minlength=FINE_BUCKETS)
        self.offsets.append(self.rows + np.append(0, np.cumsum(counts)))
        with named_errors():
            self._file.seek(self.rows * self.dtype.itemsize)
            self._file.write(block.take(order).tobytes())  # 13 ns a record; an index in brackets takes 170
        self.rows += len(block)

    def segments(self, first: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield where the records of some buckets are: from and to which place in the file."""
        for offsets in self.offsets:
            if offsets[first] < offsets[end]:
                yield int(offsets[first]), int(offsets[end])

    def read(self, first: int, end: int) -> Records:
        """Return the records of buckets ``first`` to before ``end``, in the order of the file."""
        parts = []
        with named_errors():
            for start, stop in self.segments(first, end):
                self._file.seek(start * self.dtype.itemsize)
                parts.append(self._file.read((stop - start) * self.dtype.itemsize))
        return np.frombuffer(b"".join(parts), self.dtype)

    def close(self) -> None:
        """Give the file back."""
        self._file.close()
