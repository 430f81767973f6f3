"""Read Parquet files in bounded memory, however large their row groups are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import IO, Final

import pyarrow as pa

from airflow_provider_socialscrm.importer.sources.base import BATCH_ROWS, Batch
from airflow_provider_socialscrm.importer.sources.text_lines import TextForm

READ_BYTES: Final = 8 * 1024 * 1024
"""Bytes of the file to hold in memory, for all columns together. Without a limit it would be a whole row group."""

AHEAD_BYTES: Final = 256 * 1024
"""Bytes to prefetch from object storage: few, because the next read is of another column, which lies far away."""

INT96_UNIT: Final = "us"
"""Unit of the 96-bit timestamps of Spark and Hive: in nanoseconds, years after 2262 would overflow."""

LEAST_READ_BYTES: Final = 64 * 1024
"""Least bytes of one column to hold, so that a wide table does not cause a request for every few values."""


def columns(file: IO[bytes], _name: str, _form: TextForm) -> Sequence[str]:
    """Return the names of the columns, from the end of the file only.

    :param file: open at its start.
    """
    import pyarrow.parquet as pq  # noqa: PLC0415 - only those who read Parquet pay for it

    names: list[str] = pq.ParquetFile(file, coerce_int96_timestamp_unit=INT96_UNIT).schema_arrow.names
    return names


def batches(
    file: IO[bytes],
    name: str,
    _form: TextForm,
    columns: Sequence[str],
    batch_rows: int = BATCH_ROWS,
    *,
    read_bytes: int = READ_BYTES,
) -> Iterator[Batch]:
    """Yield the rows with their own types.

    :param file: open at its start.
    :param name: of the file, for messages.
    :param columns: its columns.
    :param batch_rows: rows in a batch.
    :param read_bytes: bytes of the file to hold in memory, for all columns together.
    """
    for records in in_equal_parts(_batches(file, batch_rows, read_bytes // max(len(columns), 1)), batch_rows):
        yield Batch(0, records, name)


def in_equal_parts(parts: Iterable[pa.RecordBatch], rows: int) -> Iterator[pa.RecordBatch]:
    """Yield the same rows in batches of the given size; only the last may be smaller.

    :param parts: batches of at most that size.
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


def _batches(file: IO[bytes], most_rows: int, column_bytes: int) -> Iterator[pa.RecordBatch]:
    import pyarrow.parquet as pq  # noqa: PLC0415

    held = max(LEAST_READ_BYTES, column_bytes)
    opened = pq.ParquetFile(file, buffer_size=held, pre_buffer=False, coerce_int96_timestamp_unit=INT96_UNIT)
    for group in range(opened.num_row_groups):  # one by one, or two of them could be in memory at once
        # Threads would decode several columns at once: more memory, for a speed that no import needs.
        yield from opened.iter_batches(batch_size=most_rows, row_groups=[group], use_threads=False)


def _joined(parts: list[pa.RecordBatch]) -> pa.RecordBatch:
    if len(parts) == 1:
        return parts[0]
    arrays = [pa.concat_arrays(columns) for columns in zip(*(part.columns for part in parts), strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=parts[0].schema)
