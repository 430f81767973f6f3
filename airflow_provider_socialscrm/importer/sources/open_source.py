"""Open anything tabular as a source of record batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from airflow_provider_socialscrm.importer.sources.base import Source
from airflow_provider_socialscrm.importer.sources.dead_letters import restored
from airflow_provider_socialscrm.importer.sources.files import files_source
from airflow_provider_socialscrm.importer.sources.several import reader_source, spooled_source, tables_source
from airflow_provider_socialscrm.importer.sources.shapes import (
    has_table_type,
    holds_tables,
    is_pandas,
    is_record,
    is_rows,
    is_stream,
)
from airflow_provider_socialscrm.importer.sources.tables import arrow_source, pandas_source, records_source
from airflow_provider_socialscrm.importer.sources.unusable import foreign_columns, unusable, unusable_list


def open_source(data: Any, *, encoding: str = "utf-8", delimiter: str = ",") -> Source:
    """Return the table in ``data`` as a source, after checking its columns.

    :param data: a pandas DataFrame; anything with the Arrow PyCapsule interface (pyarrow, polars, DuckDB); a list of
        dictionaries; a path or glob of Parquet, CSV or JSONL files; a list of tables or of paths; or an iterator or
        sequence of tables or rows, which is read once. The index of a DataFrame is not sent.
    :param encoding: of CSV and JSONL files.
    :param delimiter: the character between the values of CSV files.
    :raises InputError: when ``data`` is none of these, does not exist, or column names repeat.
    """
    return restored(_opened(data, encoding, delimiter))


def _opened(data: Any, encoding: str, delimiter: str) -> Source:
    if isinstance(data, list | tuple) and not is_record(data):
        return _list_source(data, encoding, delimiter)
    if _is_path(data):
        return files_source(data, encoding=encoding, delimiter=delimiter)
    if (source := _table_source(data)) is not None:
        return source
    if is_stream(data):
        return spooled_source(data, _table_source)
    raise unusable(data)


def _list_source(data: Sequence[Any], encoding: str, delimiter: str) -> Source:
    if is_rows(data):
        return records_source(data)
    if all(map(_is_path, data)):
        return files_source(list(data), encoding=encoding, delimiter=delimiter)
    if any(map(holds_tables, data)):
        return tables_source(data, _table_source)
    raise unusable_list(data)


def _table_source(data: Any) -> Source | None:
    """Return a table as a source, and ``None`` for anything else."""
    if is_pandas(data):
        return pandas_source(data)
    if not has_table_type(data):
        return None
    if isinstance(data, pa.RecordBatchReader):  # which may be larger than the memory
        return reader_source(data, _table_source)
    try:
        return arrow_source(data)
    except (pa.ArrowException, TypeError):  # a single column has the interface, too
        types = _foreign_types(data)
        raise (foreign_columns(data, types) if types else unusable(data)) from None


def _is_path(data: Any) -> bool:
    return hasattr(data, "open") and hasattr(data, "exists") and not is_pandas(data)  # whose columns are attributes


def _foreign_types(data: Any) -> list[str]:
    """Return the types of a table's columns that Arrow does not have, such as the 128-bit integers of polars."""
    schema = getattr(data, "schema", None)
    found: dict[str, None] = {}
    for name, kind in schema.items() if isinstance(schema, Mapping) else ():
        try:
            pa.table(data.select(name))
        except (pa.ArrowException, TypeError):
            found[str(kind)] = None
    return list(found)
