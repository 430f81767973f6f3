"""The file that an export writes: Parquet, CSV or JSONL, by the ending of its name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_socialscrm.importer.paths import is_plain, open_to_write
from airflow_provider_socialscrm.importer.results.dead_letter_formats import WRITERS
from airflow_provider_socialscrm.importer.whole_files import write_whole

ROW_GROUP: Final = 20_000
"""Messages that are written at once, which are a row group of a Parquet file; some 10 MB in memory."""

PARQUET: Final = ".parquet"


def write_file(path: Any, beside: Any, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
    """Write messages to a file, which appears only when it is complete. On a local disk only its owner may read it.

    :param path: the file; its ending says in which format.
    :param beside: where a local file is until it is complete.
    :raises OSError: if it cannot be written.
    """
    if is_plain(path):
        with open_to_write(beside) as file:
            _write(file, path.suffix.lower(), schema, batches)
        beside.replace(path)
        return
    write_whole(path, lambda file: _write(file, path.suffix.lower(), schema, batches))


def _write(file: Any, suffix: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
    is_text = suffix != PARQUET
    shown = pa.schema([(name, pa.string()) for name in schema.names]) if is_text else schema
    with closing(WRITERS[suffix](file, shown)) as writer:
        for table in grouped(schema, batches):
            writer.write(as_texts(table) if is_text else table)


def grouped(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Yield batches put together, since some have few rows."""
    waiting: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        waiting.append(batch)
        rows += len(batch)
        if rows >= ROW_GROUP:
            yield pa.Table.from_batches(waiting, schema).combine_chunks()
            waiting, rows = [], 0
    if rows:
        yield pa.Table.from_batches(waiting, schema).combine_chunks()


def as_texts(table: pa.Table) -> pa.Table:
    """Return a table with its times as ISO text in UTC, as formats without types need them."""
    columns = [_iso(column) if pa.types.is_timestamp(column.type) else column for column in table.columns]
    return pa.Table.from_arrays(columns, names=table.schema.names)


def _iso(times: pa.ChunkedArray) -> pa.ChunkedArray:
    texts = times.cast(pa.timestamp(times.type.unit)).cast(pa.string())  # 2026-01-31 08:30:00.000
    return pc.binary_join_element_wise(pc.replace_substring(texts, " ", "T"), "Z", "")
