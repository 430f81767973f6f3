"""Parquet files come in equal pieces and little memory, whatever their groups of rows."""

from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_socialscrm.importer.columns.text import as_text
from airflow_provider_socialscrm.importer.sources import parquet_files
from airflow_provider_socialscrm.importer.sources.base import BATCH_ROWS
from airflow_provider_socialscrm.importer.sources.parquet_files import in_equal_parts
from airflow_provider_socialscrm.importer.sources.text_lines import TextForm


class WatchedFile(io.BytesIO):
    """A file that remembers how much was asked of it at a time."""

    def __init__(self, content):
        super().__init__(content)
        self.sizes = []

    def read(self, size=-1):
        self.sizes.append(size)
        return super().read(size)


def file_of(table, **options):
    """Return a table's bytes as a Parquet file."""
    file = io.BytesIO()
    pq.write_table(table, file, **options)
    return file.getvalue()


def pieces_of(content, batch_rows=BATCH_ROWS):
    names = parquet_files.columns(io.BytesIO(content), "x.parquet", TextForm())
    return names, list(parquet_files.batches(io.BytesIO(content), "x.parquet", TextForm(), names, batch_rows))


TABLE = pa.table(
    {
        "whatsApp": [f"86152{n:08}" for n in range(30)],
        "n": range(30),
        "tags": [["a", None, "b"], [], None] * 10,
        "kind": pa.array([f"kind {n % 7}" for n in range(30)]).dictionary_encode(),
        "none": pa.nulls(30),
        "late": [None] * 29 + ["x"],
        "more": [{"a": n} for n in range(30)],
    }
)


@pytest.mark.parametrize("group", [1, 2, 3, 4, 5, 7, 30])
@pytest.mark.parametrize("table", [TABLE, TABLE.select(["whatsApp", "n"])], ids=["all types", "texts"])
def test_pieces_are_equal_wherever_groups_of_rows_end_and_types_stay(table, group):
    content = file_of(table, row_group_size=group)
    names, pieces = pieces_of(content, batch_rows=4)
    assert names == table.column_names
    assert [piece.records.num_rows for piece in pieces] == [4] * 7 + [2]
    assert {piece.file for piece in pieces} == {"x.parquet"}
    assert [dict(piece.unreadable) for piece in pieces] == [{}] * 8
    assert [row for piece in pieces for row in piece.records.to_pylist()] == table.to_pylist()
    assert {piece.records.schema for piece in pieces} == {pq.read_schema(io.BytesIO(content))}


def test_categories_that_differ_between_groups_of_rows_keep_their_names():
    schema = pa.schema([("kind", pa.dictionary(pa.int32(), pa.string()))])
    file = io.BytesIO()
    with pq.ParquetWriter(file, schema) as writer:
        for letters in ("abc", "xyz", "cba"):
            writer.write_table(pa.table({"kind": pa.array(list(letters)).dictionary_encode()}, schema))
    _, pieces = pieces_of(file.getvalue(), batch_rows=4)
    rows = [value for piece in pieces for value in piece.records["kind"].to_pylist()]
    assert rows == list("abcxyzcba")


@given(st.lists(st.integers(0, 5), max_size=9))
def test_equal_parts_have_every_row_once_and_in_order(sizes):
    numbers = iter(range(sum(sizes)))
    schema = pa.schema([("n", pa.int64())])
    parts = [pa.record_batch([[next(numbers) for _ in range(size)]], schema) for size in sizes]

    equal = list(in_equal_parts(parts, 5))

    assert [number for part in equal for number in part["n"].to_pylist()] == list(range(sum(sizes)))
    assert [part.num_rows for part in equal] == [5] * (sum(sizes) // 5) + [sum(sizes) % 5] * bool(sum(sizes) % 5)


YEARS = ["0001-01-01", "1582-10-15", "1677-09-21", "1900-01-01", "1970-01-01", "2262-04-12", "9999-12-31"]


@pytest.mark.parametrize("flavor", [None, "spark"])
@pytest.mark.parametrize("nested", [False, True])
def test_moments_in_96_bits_are_those_that_were_written_in_any_year(flavor, nested):
    moments = pa.array(YEARS).cast(pa.timestamp("us"))
    column = pa.ListArray.from_arrays(range(len(YEARS) + 1), moments) if nested else moments
    content = file_of(pa.table({"t": column}), use_deprecated_int96_timestamps=True, flavor=flavor)
    [piece] = pieces_of(content)[1]
    assert as_text(piece.records["t"]).to_pylist() == [year.replace("-", "/") for year in YEARS]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC"])
def test_moments_in_64_bits_keep_their_unit_and_every_digit(unit, zone):
    column = pa.array([0, 1, -1, 8_615_266_667, None], pa.timestamp(unit, zone))
    [piece] = pieces_of(file_of(pa.table({"t": column})))[1]
    assert piece.records["t"].type == pa.timestamp("ms" if unit == "s" else unit, zone)
    assert piece.records["t"].cast(pa.timestamp(unit, zone)).equals(column)


def test_a_file_without_rows_has_columns():
    assert pieces_of(file_of(TABLE.slice(0, 0)))[0] == TABLE.column_names
    assert pieces_of(file_of(TABLE.slice(0, 0)))[1] == []
    assert pieces_of(file_of(pa.table({}))) == ([], [])


def test_columns_are_found_at_the_end_of_a_file():
    content = file_of(pa.table({"a": [f"{n * 7919 % 10**9:09}" for n in range(200_000)]}), compression="none")
    file = WatchedFile(content)
    assert parquet_files.columns(file, "x.parquet", TextForm()) == ["a"]
    assert sum(file.sizes) <= 128 * 1024 < len(content)


def test_one_large_group_of_rows_is_not_read_as_a_whole():
    texts = [f"{n * 7919 % 10**9:09}" for n in range(200_000)]
    table = pa.table({"a": texts, "b": texts})
    content = file_of(table, compression="none", use_dictionary=False, data_page_size=10_000, row_group_size=10**6)
    file = WatchedFile(content)

    pieces = parquet_files.batches(file, "x.parquet", TextForm(), ["a", "b"], read_bytes=200 * 1024)
    file.sizes.clear()
    rows = next(pieces).records.num_rows

    assert rows == BATCH_ROWS
    assert sum(file.sizes) < len(content) / 2
    rows += sum(piece.records.num_rows for piece in pieces)
    assert rows == 200_000
    assert max(file.sizes) <= 128 * 1024
    assert sum(file.sizes) < len(content) * 1.2
