"""Record batches of bounded size, whose rows have their position in the input."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from airflow_provider_socialscrm.importer.reasons import Reason

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_ROWS: Final = 10_000
"""Rows converted at a time: enough to make work by column worthwhile, and a few megabytes of customers in memory."""


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Batch:
    """Some consecutive rows of the input: as many as the source's ``batch_rows``, fewer where the table or a file ends.

    :param start: position of the first row in the input. A reader leaves it at 0; :meth:`Source.batches` sets it.
    :param records: the rows; a row that could not be read has no value in any column.
    :param file: the file they are from, as shown to users; ``None`` for a table in memory.
    :param unreadable: the reason for each row that could not be read, by its place in ``records``.
    """

    start: int
    records: pa.RecordBatch
    file: str | None = None
    unreadable: Mapping[int, Reason] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, repr=False)
class Source:
    """A table that can be read from the start as often as needed.

    :param columns: names, in order, each once. A batch may lack some of them when several files are read together.
    :param describe: the kind and shape in words, without any of its values.
    :param read: opens the table and yields its rows, in batches of the number of rows that it is given.
    :param batch_rows: the number of rows in a batch.
    """

    columns: tuple[str, ...]
    describe: str
    read: Callable[[int], Iterator[Batch]]
    batch_rows: int = BATCH_ROWS

    def batches(self) -> Iterator[Batch]:
        """Yield the rows in order, with their positions."""
        start = 0
        for batch in self.read(self.batch_rows):
            yield replace(batch, start=start)
            start += batch.records.num_rows
