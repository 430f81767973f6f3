"""Parquet files in batches, however large the groups of rows are that they were written in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import IO, Final

import pyarrow as pa

from airflow_provider_socialscrm.importer.sources import base
from airflow_provider_socialscrm.importer.sources.base import Batch
from airflow_provider_socialscrm.importer.sources.text_lines import TextForm

READ_BYTES: Final = 8 * 1024 * 1024
"""Bytes of the file to hold, of all columns together. Without a limit it is all that a group of rows has."""

AHEAD_BYTES: Final = 256 * 1024
"""Bytes to fetch ahead from object storage: few, for the columns lie far apart, and the next read is of another."""

INT96_UNIT: Final = "us"
"""Unit of the moments that Spark and Hive write in 96 bits: in nanoseconds, years after 2262 become others."""

LEAST_READ_BYTES: Final = 64 * 1024
"""Bytes of one column to hold at least, so that storage is not asked for every few values of a wide table."""


def columns(file: IO[bytes], _name: str, _form: TextForm) -> Sequence[str]:
    """Return the names of the columns, for which only the end of the file is read.

    :param file: open at its start.
    """
    import pyarrow.parquet as pq  # noqa: PLC0415 - only those who read Parquet pay for it

    names: list[str] = pq.ParquetFile(file, coerce_int96_timestamp_unit=INT96_UNIT).schema_arrow.names
    return names


def batches(file: IO[bytes], name: str, _form: TextForm, columns: Sequence[str]) -> Iterator[Batch]:
    """Yield the rows, with the types they have.

    :param file: open at its start.
    :param name: of the file, for messages.
    :param columns: its columns.
    """
    for records in in_equal_parts(_batches(file, len(columns)), base.BATCH_ROWS):
        yield Batch(0, records, name)


def in_equal_parts(parts: Iterable[pa.RecordBatch], rows: int) -> Iterator[pa.RecordBatch]:
    """Yield the same rows in batches of a set size, the last of which may be smaller.

    :param parts: no larger than that.
    :param rows: the size.
    """
    waiting: list[pa.RecordBatch] = []
    missing = rows
    for part in parts:
        waiting.append(part.slice(0, missing))
        rest = part.slice(missing)
        missing -= waiting[-1].num_rows
        if not missing:
            yield _joined(waiting)
            waiting = [rest] if rest.num_rows else []
            missing = rows - rest.num_rows
    if missing < rows:
        yield _joined(waiting)


def _batches(file: IO[bytes], width: int) -> Iterator[pa.RecordBatch]:
    import pyarrow.parquet as pq  # noqa: PLC0415

    held = max(LEAST_READ_BYTES, READ_BYTES // max(width, 1))
    opened = pq.ParquetFile(file, buffer_size=held, pre_buffer=False, coerce_int96_timestamp_unit=INT96_UNIT)
    for group in range(opened.num_row_groups):  # of all of them together, two would be in memory at times
        # Threads would have several columns decoded at once: more memory, for a pace that no import needs.
        yield from opened.iter_batches(batch_size=base.BATCH_ROWS, row_groups=[group], use_threads=False)


def _joined(parts: list[pa.RecordBatch]) -> pa.RecordBatch:
    if len(parts) == 1:
        return parts[0]
    arrays = [pa.concat_arrays(columns) for columns in zip(*(part.columns for part in parts), strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=parts[0].schema)
