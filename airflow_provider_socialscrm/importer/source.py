"""Anything tabular, as Arrow record batches whose rows keep their position in the input."""

from __future__ import annotations

import csv as python_csv
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

import pyarrow as pa

from airflow_provider_socialscrm.api.privacy import redact
from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.importer.text import value_as_text

if TYPE_CHECKING:
    import pandas as pd

BATCH_ROWS: Final = 10_000
"""Rows converted at a time: large enough for columns to pay, a few megabytes of customers in memory."""


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Batch:
    """Some consecutive rows of the input.

    :param start: position in the input of the first row, from 0.
    :param records: the rows.
    """

    start: int
    records: pa.RecordBatch


@dataclass(frozen=True, slots=True, repr=False)
class Source:
    """A table that can be read from the start as often as needed.

    :param columns: names, in order, each once.
    :param describe: the kind and shape in words, without a value of it.
    :param read: opens the table and yields its record batches.
    """

    columns: tuple[str, ...]
    describe: str
    read: Callable[[], Iterator[pa.RecordBatch]]

    def batches(self) -> Iterator[Batch]:
        """Yield the rows in order, with their positions."""
        start = 0
        for records in self.read():
            yield Batch(start, records)
            start += records.num_rows


class OpenablePath(Protocol):
    """What is asked of a path; ``pathlib.Path`` and Airflow's ``ObjectStoragePath`` have it."""

    @property
    def suffix(self) -> str:
        """The last extension, with its dot."""

    @property
    def parent(self) -> Any:
        """The folder."""

    @property
    def name(self) -> str:
        """The last part."""

    def exists(self) -> bool:
        """Say whether there is something to read."""

    def unlink(self) -> None:
        """Remove the file."""

    def open(self, mode: str) -> Any:
        """Open the file."""


def open_source(data: Any) -> Source:
    """Return the table in ``data``, checked for what no row can mend.

    :param data: a pandas DataFrame, anything with the Arrow PyCapsule interface (pyarrow, polars, DuckDB), or a path
        to a Parquet, CSV or JSONL file. The index of a DataFrame is not sent.
    :raises InputError: when it is none of these, is not there, or its columns cannot be told apart.
    """
    if _is_pandas(data):
        return _from_pandas(data)
    if hasattr(data, "__arrow_c_stream__"):
        return _from_arrow(data)
    if hasattr(data, "open") and hasattr(data, "exists"):
        return _from_path(data)
    raise _no_table(data)


def _no_table(data: Any) -> InputError:
    return InputError(
        f"data is a {type(data).__module__}.{type(data).__qualname__}, which is no table: give a pandas DataFrame, an "
        "Arrow table or the path of a Parquet, CSV or JSONL file."
    )


def _is_pandas(data: Any) -> bool:
    names = ((kind.__module__.split(".")[0], kind.__name__) for kind in type(data).__mro__)
    return ("pandas", "DataFrame") in names


def _from_pandas(frame: pd.DataFrame) -> Source:
    for axis, index in (("columns", frame.columns), ("rows", frame.index)):
        if index.nlevels > 1:
            raise InputError(f"The DataFrame has a MultiIndex on its {axis}: flatten it, for example by reset_index().")
    columns = _checked_names(frame.columns)

    def read() -> Iterator[pa.RecordBatch]:
        for start in range(0, len(frame), BATCH_ROWS):
            part = frame.iloc[start : start + BATCH_ROWS]
            arrays = [_column_to_arrow(part.iloc[:, number]) for number in range(len(columns))]
            yield pa.RecordBatch.from_arrays(arrays, names=list(columns))

    return Source(columns, f"DataFrame of {len(frame):,} rows x {len(columns)} columns", read)


def _from_arrow(data: Any) -> Source:
    try:
        table = pa.table(data)  # kept, because a stream can be read only once
    except (pa.ArrowException, TypeError):  # a single column has the interface, too
        raise _no_table(data) from None
    columns = _checked_names(table.column_names)
    describe = f"{type(data).__name__} of {table.num_rows:,} rows x {len(columns)} columns"
    return Source(columns, describe, lambda: iter(table.to_batches(max_chunksize=BATCH_ROWS)))


def _from_path(path: OpenablePath) -> Source:
    if path.suffix.lower() not in _READERS:
        raise InputError(f"{path} is not a file this import reads: its name ends in {', '.join(_READERS)}.")
    if not path.exists():
        raise InputError(f"{path} is not there: check the path in data, and that the worker can reach it.")
    reader = _READERS[path.suffix.lower()]
    with _readable(path) as file:
        columns = _checked_names(reader(file).schema.names)

    def read() -> Iterator[pa.RecordBatch]:
        with _readable(path) as file:
            yield from reader(file)

    return Source(columns, f"file {path} of {len(columns)} columns", read)


@contextmanager
def _readable(path: OpenablePath) -> Iterator[Any]:
    try:
        with path.open("rb") as file:
            yield file
    except (pa.ArrowException, python_csv.Error, UnicodeDecodeError, OSError) as failure:
        if isinstance(failure, OSError) and not _is_lasting(failure):
            raise
        # Behind "got 3" the library quotes the line, and with it a customer.
        reason = redact(re.sub(r"(got \d+).*", r"\1", str(failure), flags=re.DOTALL))
        raise InputError(f"{path} is not a readable {path.suffix[1:].upper()} file: {reason}") from None


def _is_lasting(failure: OSError) -> bool:
    """Tell what is wrong with the file, which pyarrow raises without a number, from a network that may recover."""
    return isinstance(failure, IsADirectoryError | PermissionError) or (type(failure) is OSError and not failure.errno)


def _read_parquet(file: Any) -> pa.RecordBatchReader:
    import pyarrow.parquet as pq  # noqa: PLC0415 - only those who read Parquet pay for it

    parquet = pq.ParquetFile(file)
    return pa.RecordBatchReader.from_batches(parquet.schema_arrow, parquet.iter_batches(batch_size=BATCH_ROWS))


def _read_csv(file: Any) -> pa.RecordBatchReader:
    from pyarrow import csv  # noqa: PLC0415

    # Not with pyarrow: its first reader would go on reading ahead, and take rows away from the second.
    lines = (line.decode("utf-8-sig") for line in file)
    names = next(filter(None, python_csv.reader(lines)), [])
    file.seek(0)
    # Everything is read as text: a number guessed to be an integer would lose its leading zeros.
    as_text = csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True, null_values=[""]
    )
    return csv.open_csv(file, parse_options=csv.ParseOptions(newlines_in_values=True), convert_options=as_text)


def _read_jsonl(file: Any) -> pa.RecordBatchReader:
    from pyarrow import json  # noqa: PLC0415

    guessed = json.read_json(file).schema
    file.seek(0)
    # Text that looks like a moment stays text: as a date it would lose the time of day.
    as_text = pa.schema([field.with_type(_moments_as_text(field.type)) for field in guessed])
    options = json.ParseOptions(explicit_schema=as_text)
    table = json.read_json(file, parse_options=options)
    table.validate(full=True)  # the parser takes text that is not UTF-8
    return table.to_reader(max_chunksize=BATCH_ROWS)


def _moments_as_text(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_list(kind):
        return pa.list_(_moments_as_text(kind.value_type))
    return pa.string() if pa.types.is_timestamp(kind) else kind


_READERS: Final = {".parquet": _read_parquet, ".csv": _read_csv, ".jsonl": _read_jsonl}


def _checked_names(names: Any) -> tuple[str, ...]:
    columns = tuple(str(name) for name in names)
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        raise InputError(f"These columns are there more than once: {', '.join(twice)}. Rename or drop all but one.")
    return columns


def _column_to_arrow(column: pd.Series[Any]) -> pa.Array:
    if column.dtype == object and "datetime64" in {kind.__name__ for kind in set(map(type, column))}:
        return _each_as_text(column)  # pyarrow dies, process and all, of NumPy's moments before NumPy's integers
    try:
        array = pa.array(column, from_pandas=True)
    except (ValueError, TypeError, NotImplementedError, OverflowError):  # mixed types; Arrow's own errors are these
        return _each_as_text(column)
    if _loses_meaning(column, array.type):
        return _each_as_text(column)
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def _loses_meaning(column: pd.Series[Any], kind: pa.DataType) -> bool:
    if pa.types.is_timestamp(kind):
        # Single moments may each have a zone: Arrow brings them all to the first one's, which can be another day.
        return column.dtype == object
    # pandas' own types, periods and intervals, are numbers to Arrow.
    return isinstance(kind.value_type if pa.types.is_dictionary(kind) else kind, pa.BaseExtensionType)


def _each_as_text(column: pd.Series[Any]) -> pa.Array:
    return pa.array([value_as_text(value) for value in column], pa.string())
