"""Open anything tabular as a source of record batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.importer.sources.base import Source
from airflow_provider_socialscrm.importer.sources.dead_letters import restored
from airflow_provider_socialscrm.importer.sources.files import files_source
from airflow_provider_socialscrm.importer.sources.tables import arrow_source, is_pandas, pandas_source, records_source


def open_source(data: Any, *, encoding: str = "utf-8", delimiter: str = ",") -> Source:
    """Return the table in ``data`` as a source, after checking its columns.

    :param data: a pandas DataFrame; anything with the Arrow PyCapsule interface (pyarrow, polars, DuckDB); a list of
        dictionaries; or a path or glob of Parquet, CSV or JSONL files. The index of a DataFrame is not sent.
    :param encoding: of CSV and JSONL files.
    :param delimiter: the character between the values of CSV files.
    :raises InputError: when ``data`` is none of these, does not exist, or column names repeat.
    """
    return restored(_opened(data, encoding, delimiter))


def _opened(data: Any, encoding: str, delimiter: str) -> Source:
    if is_pandas(data):
        return pandas_source(data)
    if isinstance(data, list | tuple):
        return records_source(data)
    if hasattr(data, "open") and hasattr(data, "exists"):
        return files_source(data, encoding=encoding, delimiter=delimiter)
    if hasattr(data, "__arrow_c_stream__") or hasattr(data, "__arrow_c_array__"):
        try:
            return arrow_source(data)
        except (pa.ArrowException, TypeError):  # a single column has the interface, too
            raise _no_table(data, _foreign_types(data)) from None
    raise _no_table(data)


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


def _no_table(data: Any, foreign: Sequence[str] = ()) -> InputError:
    what = f"data is a {type(data).__module__}.{type(data).__qualname__}"
    if foreign:
        return InputError(
            f"{what} with columns of a type that Arrow does not have: {', '.join(foreign)}. Cast them to another type, "
            "such as text."
        )
    return InputError(
        f"{what}, which is not a table: give a pandas DataFrame, an Arrow table, a list of dictionaries, or the path "
        "of Parquet, CSV or JSONL files."
    )
