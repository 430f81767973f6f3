"""The classes of rows: found bucket by bucket, and asked for in the order of the input."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, Final

import numpy as np

from airflow_provider_socialscrm.importer.changes.spool import FINE_BUCKETS, MEMORY_BYTES
from airflow_provider_socialscrm.importer.sources.spool_file import named_errors

if TYPE_CHECKING:
    from airflow_provider_socialscrm.importer.changes.arrays import Bytes, Numbers
    from airflow_provider_socialscrm.importer.changes.spool import BucketSpool

_VERDICT: Final = np.dtype("<u2")  # a byte for the class, and one for its detail
_DETAIL: Final = 8  # bits


class VerdictFile:
    """Holds a class and a detail for each row of a spool, in the order of its file."""

    def __init__(self) -> None:
        self._file = SpooledTemporaryFile(max_size=MEMORY_BYTES)  # noqa: SIM115 - closed by close()

    def add(self, changes: Bytes, details: Bytes, order: Numbers, segments: Iterable[tuple[int, int]]) -> None:
        """Take the classes of some rows.

        :param order: the place of each among these rows as their spool has them.
        :param segments: where these rows are in their spool.
        :raises OSError: when the disk is full.
        """
        verdicts = np.empty(len(changes), _VERDICT)
        verdicts[order] = details.astype(_VERDICT) << _DETAIL | changes
        done = 0
        with named_errors():
            for start, end in segments:
                self._file.seek(start * _VERDICT.itemsize)
                self._file.write(verdicts[done : done + end - start].data)
                done += end - start

    def read(self, start: int, end: int) -> np.ndarray[tuple[int], np.dtype[np.uint16]]:
        """Return the verdicts of rows that follow each other in the spool."""
        verdicts = np.empty(end - start, _VERDICT)
        with named_errors():
            self._file.seek(start * _VERDICT.itemsize)
            self._file.readinto(verdicts.data)
        return verdicts

    def close(self) -> None:
        """Give the file back."""
        self._file.close()


class Verdicts:
    """The classes of rows, in the order in which the rows were added.

    :param spool: of the rows.
    :param file: their classes.
    :param codes: codes of known bad rows, by their detail.
    """

    def __init__(self, spool: BucketSpool, file: VerdictFile, codes: Sequence[str]) -> None:
        self.codes = codes
        self._spool = spool
        self._file = file
        self._blocks = iter(spool.offsets)
        self._verdicts = np.empty(0, _VERDICT)
        self._next: Numbers = np.zeros(FINE_BUCKETS, np.int64)
        self._left = 0

    def of(self, keys: Numbers) -> tuple[Bytes, Bytes]:
        """Return the class of each of the next rows, with its detail.

        The detail of a row that is sent has a bit for each of the fields that go once and go now; that of a known bad
        row is the place of its code in :attr:`codes`.

        :param keys: of the rows, exactly those that were added, in the same order, in batches of any size.
        """
        verdicts = np.empty(len(keys), _VERDICT)
        start = 0
        while start < len(keys):
            if not self._left:
                self._load_block()
            end = min(len(keys), start + self._left)
            self._take(keys[start:end], verdicts[start:end])
            start = end
        return verdicts.astype(np.uint8), (verdicts >> _DETAIL).astype(np.uint8)

    def _load_block(self) -> None:
        offsets = next(self._blocks)
        start, end = int(offsets[0]), int(offsets[-1])
        self._verdicts = self._file.read(start, end)
        self._next, self._left = offsets[:-1] - start, end - start

    def _take(self, keys: Numbers, taken: np.ndarray[tuple[int], np.dtype[np.uint16]]) -> None:
        buckets = self._spool.buckets_of(keys)
        counts = np.bincount(buckets, minlength=FINE_BUCKETS)
        starts = np.cumsum(counts) - counts
        places = np.repeat(self._next - starts, counts)
        places += np.arange(len(keys))
        taken[np.argsort(buckets, kind="stable")] = self._verdicts.take(places)
        self._next = self._next + counts
        self._left -= len(keys)
