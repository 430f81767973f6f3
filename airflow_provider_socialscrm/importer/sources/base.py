"""A table as record batches of a set size, whose rows keep their position in the input."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from airflow_provider_socialscrm.importer.reasons import Reason

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_ROWS: Final = 10_000
"""Rows converted at a time: large enough for columns to pay, a few megabytes of customers in memory."""


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Piece:
    """Rows of the input as a reader hands them over: ``BATCH_ROWS`` of them, fewer only where the table or file ends.

    :param records: the rows; a row that could not be read is there, too, with no value in any column.
    :param file: where they are from, in words for a person; ``None`` for a table in memory.
    :param unreadable: why, for each row that could not be read, by its place in ``records``.
    """

    records: pa.RecordBatch
    file: str | None = None
    unreadable: Mapping[int, Reason] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Batch:
    """Some consecutive rows of the input.

    :param start: position in the input of the first row, from 0.
    :param records: the rows.
    :param file: the file they are from, if any.
    :param unreadable: why, for each row that could not be read, by its place in ``records``.
    """

    start: int
    records: pa.RecordBatch
    file: str | None = None
    unreadable: Mapping[int, Reason] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, repr=False)
class Source:
    """A table that can be read from the start as often as needed.

    :param columns: names, in order, each once. A batch may lack some of them, as files may that are read together.
    :param describe: the kind and shape in words, without a value of it.
    :param read: opens the table and yields its rows; of a table in memory only the columns that are named, if any are.
    :param in_memory: whether reading it once more costs next to nothing and cannot fail.
    """

    columns: tuple[str, ...]
    describe: str
    read: Callable[[frozenset[str] | None], Iterator[Piece]]
    in_memory: bool = False

    def batches(self, only: frozenset[str] | None = None) -> Iterator[Batch]:
        """Yield the rows in order, with their positions.

        :param only: columns that are needed; others may be left out where that saves work.
        """
        start = 0
        for piece in self.read(only):
            yield Batch(start, piece.records, piece.file, piece.unreadable)
            start += piece.records.num_rows
