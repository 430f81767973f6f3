"""Open several tables as one source: read one after the other, with the columns of all."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_socialscrm.importer.sources.base import BATCH_ROWS, Batch, Source
from airflow_provider_socialscrm.importer.sources.spool_file import (
    Part,
    SpoolFile,
    records_from_bytes,
    records_to_bytes,
)
from airflow_provider_socialscrm.importer.sources.tables import records_source
from airflow_provider_socialscrm.importer.sources.unusable import unusable_item
from airflow_provider_socialscrm.wording import counted

if TYPE_CHECKING:
    import pyarrow as pa

OpenTable = Callable[[Any], Source | None]
"""Returns a table as a source, and ``None`` for anything else."""


def tables_source(tables: Sequence[Any], open_table: OpenTable) -> Source:
    """Return a list of tables as a source.

    :param tables: in memory, one at least; lists of dictionaries are tables, too.
    :param open_table: opens one.
    :raises InputError: when an item is not a table.
    """
    sources: list[Source] = []
    for place, table in enumerate(tables):
        source = records_source(table) if _is_rows(table) else open_table(table)
        if source is None:
            raise unusable_item(place, table)
        sources.append(source)
    columns = tuple(dict.fromkeys(name for source in sources for name in source.columns))

    def read(batch_rows: int) -> Iterator[Batch]:
        for source in sources:
            yield from source.read(batch_rows)

    return Source(columns, f"{counted(len(sources), 'table')} of {counted(len(columns), 'column')}", read)


def spooled_source(items: Iterable[Any], open_table: OpenTable) -> Source:
    """Return tables that can be read only once as a source.

    They are read to their end at once, one in memory at a time, because all columns must be known before the first row.
    Their rows wait in an unnamed temporary file.

    :param items: tables, lists of dictionaries, or single rows as dictionaries.
    :param open_table: opens a table.
    :raises InputError: when an item is none of these.
    """
    file = SpoolFile()
    columns: dict[str, None] = {}
    parts: list[Part] = []
    tables = 0
    for tables, source in enumerate(_sources(items, open_table), 1):  # noqa: B007 - the last number is their count
        columns.update(dict.fromkeys(source.columns))
        parts += [file.write(records_to_bytes(batch.records)) for batch in source.batches()]

    def read(batch_rows: int) -> Iterator[Batch]:
        for part in parts:
            records = records_from_bytes(file.read(part))
            yield from (Batch(0, piece) for piece in _pieces(records, batch_rows))

    weakref.finalize(read, file.close)
    return Source(tuple(columns), f"{counted(tables, 'table')} of {counted(len(columns), 'column')}", read)


def _sources(items: Iterable[Any], open_table: OpenTable) -> Iterator[Source]:
    rows: list[Any] = []
    for place, item in enumerate(items):
        if isinstance(item, dict):
            rows.append(item)
            if len(rows) < BATCH_ROWS:
                continue
        if rows:
            yield records_source(rows)
            rows = []
        if not isinstance(item, dict):
            source = records_source(item) if _is_rows(item) else open_table(item)
            if source is None:
                raise unusable_item(place, item)
            yield source
    if rows:
        yield records_source(rows)


def _is_rows(item: Any) -> bool:
    return isinstance(item, list | tuple) and (not item or isinstance(item[0], dict))


def _pieces(records: pa.RecordBatch, rows: int) -> Iterator[pa.RecordBatch]:
    for start in range(0, records.num_rows, rows):
        yield records.slice(start, rows)
