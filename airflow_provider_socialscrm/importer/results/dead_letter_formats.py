"""How a dead letter is written in each of its formats."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_socialscrm.importer.columns.spreadsheet_cells import escaped, escaped_text
from airflow_provider_socialscrm.importer.reasons import IMPORT_COLUMN
from airflow_provider_socialscrm.importer.sources.dead_letters import MARK


class Writer(Protocol):
    """Writes tables to an open file, until it is closed."""

    def write(self, rows: pa.Table) -> Any:
        """Write some rows."""

    def close(self) -> Any:
        """Write the end."""


def _parquet(file: Any, schema: pa.Schema) -> Writer:
    import pyarrow.parquet as pq  # noqa: PLC0415 - only those who write Parquet pay for it

    writer: Writer = pq.ParquetWriter(file, schema)
    return writer


class _Csv:
    """Escapes cells, because this format is opened in spreadsheets."""

    def __init__(self, file: Any, schema: pa.Schema) -> None:
        from pyarrow import csv  # noqa: PLC0415

        self._schema = pa.schema([(escaped_text(name), pa.string()) for name in schema.names])
        self._writer = csv.CSVWriter(file, self._schema)

    def write(self, rows: pa.Table) -> None:
        columns = [
            pc.binary_join_element_wise(MARK, column, "") if name == IMPORT_COLUMN else escaped(column)
            for name, column in zip(rows.schema.names, rows.columns, strict=True)
        ]
        self._writer.write(pa.Table.from_arrays(columns, schema=self._schema))

    def close(self) -> None:
        self._writer.close()


class _JsonLines:
    def __init__(self, file: Any, schema: pa.Schema) -> None:  # noqa: ARG002 - all writers are made alike
        self._file = file

    def write(self, rows: pa.Table) -> None:
        self._file.write(b"".join(msgspec.json.encode(row) + b"\n" for row in rows.to_pylist()))

    def close(self) -> None:
        """Do nothing: each line is written at once."""


WRITERS: Final[dict[str, Callable[[Any, pa.Schema], Writer]]] = {
    ".parquet": _parquet,
    ".csv": _Csv,
    ".jsonl": _JsonLines,
}
"""Makers of writers, by the endings of file names. Each gets the open file and the columns."""
