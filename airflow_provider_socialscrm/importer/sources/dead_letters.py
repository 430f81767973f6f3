"""A dead letter that is given back as data, as a file or as a table that was read from one."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import replace
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_socialscrm.importer.columns.spreadsheet_cells import unescaped
from airflow_provider_socialscrm.importer.columns.values import as_utf8
from airflow_provider_socialscrm.importer.reasons import IMPORT_COLUMN
from airflow_provider_socialscrm.importer.sources.base import Batch, Source

MARK: Final = "'"
"""Begins the name of the import in rows whose cells are escaped, which are those of CSV files."""


def is_dead_letter(columns: Container[str]) -> bool:
    """Return whether a table is a dead letter, by the columns it has."""
    return IMPORT_COLUMN in columns


def restored(source: Source) -> Source:
    """Return a source whose cells are as they were before a dead letter escaped them; any other source as it is."""
    if not is_dead_letter(source.columns):
        return source
    return replace(source, read=lambda batch_rows: map(_restored, source.read(batch_rows)))


def _restored(batch: Batch) -> Batch:
    records = batch.records
    if IMPORT_COLUMN not in records.schema.names:
        return batch
    imports = as_utf8(records.column(IMPORT_COLUMN))
    if not _is_text(imports):  # such as a column without any value
        return batch
    is_marked = pc.fill_null(pc.starts_with(imports, MARK), False)
    if not pc.any(is_marked).as_py():
        return batch
    for place, name in enumerate(records.schema.names):
        column = imports if name == IMPORT_COLUMN else as_utf8(records.column(place))
        if _is_text(column):
            read = pc.utf8_slice_codeunits(column, len(MARK)) if name == IMPORT_COLUMN else unescaped(column)
            records = records.set_column(place, name, pc.if_else(is_marked, read, column))
    return replace(batch, records=records)


def _is_text(column: pa.Array) -> bool:
    return bool(pa.types.is_string(column.type) or pa.types.is_large_string(column.type))
