"""Write the input with its verdicts, as Parquet, CSV or JSONL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_socialscrm.importer.columns.text import as_text
from airflow_provider_socialscrm.importer.columns.values import as_utf8
from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.importer.results.dead_letter_formats import WRITERS, Writer
from airflow_provider_socialscrm.importer.sources.base import Batch, Source
from airflow_provider_socialscrm.importer.whole_files import delete_unfinished, write_whole
from airflow_provider_socialscrm.screening.numbers import TableNumbers
from airflow_provider_socialscrm.screening.verdicts import Verdicts

FORMATS: Final = (".parquet", ".csv", ".jsonl")
"""Endings of an output's name."""

RAW: Final = "_raw"
"""How the name of the column with the CRM's own item ends, after that of the column with the verdict."""

_KEPT_TYPES: Final = (
    pa.types.is_boolean,
    pa.types.is_integer,
    pa.types.is_floating,
    pa.types.is_decimal,
    pa.types.is_temporal,
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_null,
)
"""Types that Parquet keeps. Columns of others, and of several types, become text as an import would send it."""


@dataclass(frozen=True, slots=True)
class Output:
    """Where the input goes with its verdicts.

    :param path: of the file.
    :param column: the column with the verdict.
    :param only: verdicts whose rows are written; all rows if empty.
    """

    path: Any
    column: str = "screened"
    only: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, str]:
        """The columns that are added."""
        return self.column, f"{self.column}{RAW}"


def check_output(output: Output, columns: Sequence[str]) -> None:
    """Check that the output has a format and columns of its own.

    :raises InputError: in one sentence.
    """
    if output.path.suffix.lower() not in FORMATS:
        raise InputError(
            f"path is {output.path}, whose ending is not known: let it end in {', '.join(FORMATS)} or in /."
        )
    if taken := [name for name in output.columns if name in columns]:
        raise InputError(f"data has a column {taken[0]!r} already: choose another result_column.")


def write_screened(source: Source, numbers: TableNumbers, verdicts: Verdicts, output: Output) -> int:
    """Write the table with its verdicts, and return how many rows were written.

    :raises InputError: if the table has changed since its numbers were read.
    :raises OSError: if the file cannot be written.
    """
    suffix = output.path.suffix.lower()
    schema = _schema(source.columns, numbers.schemas, output, is_text=suffix != ".parquet")
    written = 0

    def write(file: Any) -> None:
        nonlocal written
        writer = (_csv if suffix == ".csv" else WRITERS[suffix])(file, schema)
        for part in _parts(source, numbers, verdicts, output, schema):
            written += part.num_rows
            writer.write(part)
        writer.close()

    delete_unfinished(output.path)
    write_whole(output.path, write)
    return written


def _csv(file: Any, schema: pa.Schema) -> Writer:
    from pyarrow import csv  # noqa: PLC0415 - only those who write CSV pay for it

    writer: Writer = csv.CSVWriter(file, schema)
    return writer


def _schema(names: Sequence[str], schemas: Sequence[pa.Schema], output: Output, *, is_text: bool) -> pa.Schema:
    fields = [pa.field(name, pa.string() if is_text else _type(name, schemas)) for name in names]
    return pa.schema([*fields, *(pa.field(name, pa.string()) for name in output.columns)])


def _type(name: str, schemas: Sequence[pa.Schema]) -> pa.DataType:
    kinds = {schema.field(name).type for schema in schemas if name in schema.names}
    known = [kind for kind in kinds if not pa.types.is_null(kind)]
    kept = len(known) == 1 and any(test(known[0]) for test in _KEPT_TYPES)
    return known[0] if kept else pa.string()


def _parts(
    source: Source, numbers: TableNumbers, verdicts: Verdicts, output: Output, schema: pa.Schema
) -> Iterator[pa.Table]:
    rows = 0
    for batch in source.batches():
        places = numbers.places.slice(batch.start, batch.records.num_rows)
        if len(places) != batch.records.num_rows:
            raise _changed()
        rows += batch.records.num_rows
        added = [verdicts.texts.take(places), verdicts.raw.take(places)]
        columns = [_column(batch, name, schema.field(name).type) for name in source.columns]
        part = pa.Table.from_arrays([*columns, *added], schema=schema)
        yield part.filter(pc.is_in(added[0], pa.array(output.only, pa.string()))) if output.only else part
    if rows != numbers.rows:
        raise _changed()


def _column(batch: Batch, name: str, kind: pa.DataType) -> pa.Array:
    if name not in batch.records.schema.names:
        return pa.nulls(batch.records.num_rows, kind)
    column = batch.records.column(name)
    if column.type.equals(kind):
        return column
    return pa.nulls(len(column), kind) if pa.types.is_null(column.type) else as_text(as_utf8(column))


def _changed() -> InputError:
    return InputError(
        "data changed while its numbers were screened, so nothing was written: let nothing write to it meanwhile, and "
        "clear the task. Nothing is ordered again."
    )
