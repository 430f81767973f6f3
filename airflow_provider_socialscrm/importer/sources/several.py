"""Open several tables as one source: read one after the other, with the columns of all."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from airflow_provider_socialscrm.importer.sources.base import BATCH_ROWS, Batch, Source
from airflow_provider_socialscrm.importer.sources.shapes import closed_at_end, holds_tables, is_rows, is_stream
from airflow_provider_socialscrm.importer.sources.spool_file import (
    Part,
    SpoolFile,
    records_from_bytes,
    records_to_bytes,
)
from airflow_provider_socialscrm.importer.sources.tables import records_source
from airflow_provider_socialscrm.importer.sources.unusable import place_of, unusable_item
from airflow_provider_socialscrm.wording import counted

OpenTable = Callable[[Any], Source | None]
"""Returns a table as a source, and ``None`` for anything else."""


def tables_source(tables: Sequence[Any], open_table: OpenTable) -> Source:
    """Return a list of tables as a source.

    :param tables: in memory, one at least; lists of rows are tables, too, and so are lists of tables.
    :param open_table: opens one.
    :raises InputError: when an item is not a table.
    """
    if _has_stream(tables):
        return spooled_source(tables, open_table)
    sources = [source for place, table in enumerate(tables) for source in _sources(table, open_table, (place,))]
    columns = tuple(dict.fromkeys(name for source in sources for name in source.columns))

    def read(batch_rows: int) -> Iterator[Batch]:
        for source in sources:
            yield from source.read(batch_rows)

    return Source(columns, _describe(len(sources), columns), read)


def spooled_source(items: Iterable[Any], open_table: OpenTable) -> Source:
    """Return tables that can be read only once as a source.

    They are read to their end at once, one in memory at a time, because all columns must be known before the first row.
    Their rows wait in an unnamed temporary file. An iterator that can be closed is closed then, also after an error.

    :param items: tables, lists of rows or of tables, or single rows.
    :param open_table: opens a table.
    :raises InputError: when an item is none of these.
    """
    file = SpoolFile()
    columns: dict[str, None] = {}
    parts: list[Part] = []
    tables = 0
    for tables, source in enumerate(_streamed(items, open_table, ()), 1):  # noqa: B007 - the last number is their count
        columns.update(dict.fromkeys(source.columns))
        parts += [file.write(records_to_bytes(batch.records)) for batch in source.batches()]

    def read(batch_rows: int) -> Iterator[Batch]:
        for part in parts:
            records = records_from_bytes(file.read(part))
            yield from (Batch(0, piece) for piece in _pieces(records, batch_rows))

    weakref.finalize(read, file.close)
    return Source(tuple(columns), _describe(tables, columns), read)


def reader_source(reader: pa.RecordBatchReader, open_table: OpenTable) -> Source:
    """Return Arrow's record batches, which can be read only once, as a source; they are cut like those of a table.

    :param reader: is closed.
    :param open_table: opens a table.
    """
    rows = 0

    def tables() -> Iterator[pa.Table]:
        nonlocal rows
        with reader:
            yield reader.schema.empty_table()  # has the columns, also without a batch
            for table in _joined(reader):
                rows += table.num_rows
                yield table

    source = spooled_source(tables(), open_table)
    shape = f"{counted(rows, 'row')} x {counted(len(source.columns), 'column')}"
    return replace(source, describe=f"{type(reader).__name__} of {shape}")


def _joined(reader: pa.RecordBatchReader) -> Iterator[pa.Table]:
    """Return record batches joined to multiples of the usual size: those of a database may be very small."""
    held: list[pa.RecordBatch] = []
    rows = 0
    for batch in reader:
        held.append(batch)
        rows += batch.num_rows
        if rows >= BATCH_ROWS:
            table, whole = pa.Table.from_batches(held).combine_chunks(), rows - rows % BATCH_ROWS
            yield table.slice(0, whole)
            held, rows = table.slice(whole).to_batches(), rows - whole
    yield pa.Table.from_batches(held, reader.schema)


def _sources(item: Any, open_table: OpenTable, at: tuple[int, ...]) -> Iterator[Source]:
    """Return the tables that an item is or has in it.

    :param at: its place in the data, from the outermost list inwards.
    """
    if isinstance(item, list | tuple):
        if is_rows(item):
            yield records_source(item, place_of(at))
            return
        if not holds_tables(item):
            raise unusable_item(at, item)
        for place, each in enumerate(item):
            yield from _sources(each, open_table, (*at, place))
    elif is_stream(item):
        yield from _streamed(item, open_table, at)
    elif (source := open_table(item)) is not None:
        yield source
    else:
        raise unusable_item(at, item)


def _streamed(items: Iterable[Any], open_table: OpenTable, at: tuple[int, ...]) -> Iterator[Source]:
    rows: list[Any] = []
    with closed_at_end(items):
        for place, item in enumerate(items):
            if isinstance(item, Mapping):
                rows.append(item)
                if len(rows) < BATCH_ROWS:
                    continue
            if rows:
                yield records_source(rows)
                rows = []
            if not isinstance(item, Mapping):
                yield from _sources(item, open_table, (*at, place))
        if rows:
            yield records_source(rows)


def _has_stream(data: Any) -> bool:
    if isinstance(data, list | tuple):
        return not is_rows(data) and any(map(_has_stream, data))
    return is_stream(data)


def _describe(tables: int, columns: Iterable[str]) -> str:
    return f"{counted(tables, 'table')} of {counted(len(tuple(columns)), 'column')}"


def _pieces(records: pa.RecordBatch, rows: int) -> Iterator[pa.RecordBatch]:
    for start in range(0, records.num_rows, rows):
        yield records.slice(start, rows)
