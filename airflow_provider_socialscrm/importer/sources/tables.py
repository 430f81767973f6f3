"""Open tables in memory as sources: pandas, anything with Arrow's PyCapsule interface, lists of dictionaries."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_socialscrm.importer.columns.text import decoded_runs, is_list
from airflow_provider_socialscrm.importer.columns.values import values_to_arrow
from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.importer.sources.base import Batch, Source
from airflow_provider_socialscrm.importer.sources.files import checked_names
from airflow_provider_socialscrm.importer.sources.unusable import not_a_row
from airflow_provider_socialscrm.wording import counted

if TYPE_CHECKING:
    import pandas as pd


def pandas_source(frame: pd.DataFrame) -> Source:
    """Return a DataFrame as a source; its index is not a column.

    :raises InputError: when column names repeat, or the index or the columns have several levels.
    """
    for axis, index in (("columns", frame.columns), ("rows", frame.index)):
        if index.nlevels > 1:
            raise InputError(f"The DataFrame has a MultiIndex on its {axis}: flatten it, for example by reset_index().")
    columns = checked_names(frame.columns)

    def read(batch_rows: int) -> Iterator[Batch]:
        series = [frame.iloc[:, number] for number in range(len(columns))]
        for start in range(0, len(frame), batch_rows):
            arrays = [_column_to_arrow(column.iloc[start : start + batch_rows]) for column in series]
            yield _batch(columns, arrays, min(batch_rows, len(frame) - start))

    return Source(columns, f"DataFrame of {_shape(len(frame), columns)}", read)


def arrow_source(data: Any) -> Source:
    """Return anything with Arrow's PyCapsule interface as a source: polars, DuckDB, pyarrow.

    :raises pa.ArrowException: when it is not a table.
    :raises TypeError: the same, from other libraries.
    """
    table = pa.table(data)  # in memory, because a stream can be read only once
    columns = checked_names(table.column_names)

    def read(batch_rows: int) -> Iterator[Batch]:
        for start in range(0, table.num_rows, batch_rows):
            part = table.slice(start, batch_rows)
            yield _batch(columns, [_plain(_one_array(column)) for column in part.columns], part.num_rows)

    describe = f"{type(data).__name__} of {_shape(table.num_rows, columns)}"
    return Source(columns, describe, read)


def records_source(records: Sequence[Any], of: str = "the list") -> Source:
    """Return a list of rows as a source; a row may lack keys that others have.

    :param records: dictionaries, or other mappings.
    :param of: what the list is called in an error.
    :raises InputError: when an element is not a mapping, or two keys have the same name.
    """
    for position, record in enumerate(records):
        if not isinstance(record, Mapping):
            raise not_a_row(position, record, of)
    keys = dict.fromkeys(key for record in records for key in record)
    columns = checked_names(keys)

    def read(batch_rows: int) -> Iterator[Batch]:
        for start in range(0, len(records), batch_rows):
            part = records[start : start + batch_rows]
            arrays = [values_to_arrow([record.get(key) for record in part]) for key in keys]
            yield _batch(columns, arrays, len(part))

    return Source(columns, f"list of {_shape(len(records), columns)}", read)


def _batch(names: Sequence[str], arrays: Collection[pa.Array], rows: int) -> Batch:
    if not arrays:  # a batch without columns would have no rows either
        names, arrays = [""], [pa.nulls(rows)]
    return Batch(0, pa.RecordBatch.from_arrays(list(arrays), names=list(names)))


def _one_array(column: pa.ChunkedArray) -> pa.Array:
    if column.num_chunks == 1:
        return column.chunk(0)
    combined = column.combine_chunks()  # usually an array; pyarrow before 19 may return chunks
    return combined if isinstance(combined, pa.Array) else pa.concat_arrays(combined.chunks)


def _plain(array: pa.Array) -> pa.Array:
    """Return a column of views, as in polars and DuckDB, in the older layout, which all of Arrow's kernels support."""
    if pa.types.is_dictionary(array.type):
        values = _plain(array.dictionary)
        return array if values is array.dictionary else pa.DictionaryArray.from_arrays(array.indices, values)
    if pa.types.is_run_end_encoded(array.type):
        return _plain(decoded_runs(array))
    if _has_view(array.type) and is_list(array.type):
        return _list_of_view(array)
    if _has_view(array.type) and pa.types.is_struct(array.type):
        names = [field.name for field in array.type]
        return pa.StructArray.from_arrays([_plain(part) for part in array.flatten()], names, mask=array.is_null())
    kind = _plain_type(array.type)
    return array if kind.equals(array.type) else array.cast(kind)


def _is_view(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list_view(kind) or pa.types.is_large_list_view(kind))


def _has_view(kind: pa.DataType) -> bool:
    return _is_view(kind) or any(_has_view(kind.field(place).type) for place in range(kind.num_fields))


def _list_of_view(array: pa.Array) -> pa.Array:
    """Return lists in the older layout."""
    # Not by a cast, which fails for a slice of a longer column.
    lengths = pc.fill_null(pc.list_value_length(array), 0).cast(pa.int64())
    offsets = pa.concat_arrays([pa.array([0], pa.int64()), pc.cumulative_sum(lengths)])
    return pa.LargeListArray.from_arrays(offsets, _plain(pc.list_flatten(array)), mask=array.is_null())


def _plain_type(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_string_view(kind):
        return pa.large_string()
    if pa.types.is_binary_view(kind):
        return pa.large_binary()
    if pa.types.is_list(kind):
        return pa.list_(_plain_type(kind.value_type))
    if pa.types.is_large_list(kind):
        return pa.large_list(_plain_type(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_plain_type(field.type)) for field in kind])
    return kind


def _column_to_arrow(column: pd.Series[Any]) -> pa.Array:
    if column.dtype == object:
        return values_to_arrow(column.tolist())
    try:
        array = pa.array(column, from_pandas=True)
    except (
        ValueError,
        TypeError,
        NotImplementedError,
        OverflowError,
    ):  # pandas' own types; Arrow's errors are among these
        return values_to_arrow(column.tolist())
    kind = array.type.value_type if pa.types.is_dictionary(array.type) else array.type
    if isinstance(kind, pa.BaseExtensionType):  # periods and intervals, which Arrow stores as numbers
        return values_to_arrow(column.tolist())
    return _plain(_one_array(array) if isinstance(array, pa.ChunkedArray) else array)


def _shape(rows: int, columns: Sequence[str]) -> str:
    return f"{counted(rows, 'row')} x {counted(len(columns), 'column')}"
