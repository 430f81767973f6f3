"""Anything tabular becomes batches whose rows keep their position."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import duckdb
import numpy as np
import pandas as pd
import polars
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_socialscrm.importer.columns.text import as_text
from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.importer.sources.base import Source
from airflow_provider_socialscrm.importer.sources.open_source import open_source

SECRETS = ("8615266667780", "Nov\u00e1k", "Secret")


class ArrowStream:
    """A table of another library: all that shows is the Arrow PyCapsule interface, as with polars or DuckDB."""

    def __init__(self, table):
        self._table = table

    def __arrow_c_stream__(self, requested_schema=None):
        return self._table.__arrow_c_stream__(requested_schema)


def in_threes(data):
    """Return data as a source with three rows in a batch."""
    return replace(open_source(data), batch_rows=3)


def rows_of(data):
    """Return all rows as they came in."""
    return [row for batch in open_source(data).batches() for row in batch.records.to_pylist()]


def texts_of(data, column):
    """Return a column as text over all batches."""
    source = data if isinstance(data, Source) else open_source(data)
    index = source.columns.index(column)
    return [text for batch in source.batches() for text in as_text(batch.records.column(index)).to_pylist()]


def refusal(data):
    """Return why a table is not taken, whether that shows at once or while it is read."""
    with pytest.raises(InputError) as caught:
        for _ in open_source(data).batches():
            pass
    return str(caught.value)


NUMBERS = [f"86{n:09}" for n in range(8)]
FRAME = pd.DataFrame({"whatsApp": NUMBERS, "n": range(8)})


class CustomersFrame(pd.DataFrame):
    """A subclass, made as pandas wants them."""

    @property
    def _constructor(self):
        return CustomersFrame


def as_file(write):
    """Return a function that writes the eight rows to a file and gives its path."""
    return lambda folder: write(folder) or next(folder.iterdir())


FORMS = {
    "frame": lambda _: FRAME,
    "frame with a repeated index": lambda _: FRAME.set_axis([7] * 8, axis=0),
    "frame with a text index": lambda _: FRAME.set_axis(list("hgfedcba"), axis=0),
    "frame with a date index": lambda _: FRAME.set_axis(pd.date_range("2020-01-01", periods=8, tz="UTC"), axis=0),
    "frame of a subclass": lambda _: CustomersFrame(FRAME).set_axis(list("hgfedcba"), axis=0),
    "sorted slice of a frame": lambda _: FRAME.iloc[::-1].sort_values("n"),
    "arrow table": lambda _: pa.Table.from_pandas(FRAME),
    "arrow table in pieces": lambda _: pa.concat_tables(
        [pa.table(FRAME[:5]), pa.table(FRAME[5:5], pa.Table.from_pandas(FRAME).schema), pa.table(FRAME[5:])]
    ),
    "arrow batch": lambda _: pa.RecordBatch.from_pandas(FRAME),
    "arrow reader": lambda _: pa.Table.from_pandas(FRAME).to_reader(max_chunksize=5),
    "other library": lambda _: ArrowStream(pa.Table.from_pandas(FRAME)),
    "list of dictionaries": lambda _: FRAME.to_dict("records"),
    "tuple of dictionaries": lambda _: tuple(FRAME.to_dict("records")),
    "polars": lambda _: polars.from_pandas(FRAME),
    "polars in pieces": lambda _: polars.concat([polars.from_pandas(FRAME[:5]), polars.from_pandas(FRAME[5:])]),
    "duckdb": lambda _: duckdb.from_df(FRAME),
    "parquet": as_file(lambda folder: FRAME.to_parquet(folder / "a.parquet", row_group_size=5)),
    "csv": as_file(lambda folder: FRAME.to_csv(folder / "a.csv", index=False)),
    "csv in capitals": as_file(lambda folder: FRAME.to_csv(folder / "A.CSV", index=False)),
    "jsonl": as_file(lambda folder: FRAME.to_json(folder / "a.jsonl", orient="records", lines=True)),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_yields_the_rows_in_order_with_positions_that_run_on(form, tmp_path):
    source = in_threes(FORMS[form](tmp_path))
    batches = list(source.batches())

    assert source.columns == ("whatsApp", "n")
    assert [batch.start for batch in batches] == np.cumsum([0, *(b.records.num_rows for b in batches)])[:-1].tolist()
    assert [text for b in batches for text in as_text(b.records["whatsApp"]).to_pylist()] == NUMBERS
    assert [text for b in batches for text in as_text(b.records["n"]).to_pylist()] == list("01234567")


@pytest.mark.parametrize("form", FORMS)
def test_every_form_can_be_read_from_the_start_again(form, tmp_path):
    source = open_source(FORMS[form](tmp_path))
    first, again = ([batch.records.to_pylist() for batch in source.batches()] for _ in range(2))
    assert first == again != []


@pytest.mark.parametrize("form", FORMS)
def test_batches_are_cut_alike_whatever_the_form(form, tmp_path):
    assert [batch.records.num_rows for batch in in_threes(FORMS[form](tmp_path)).batches()] == [3, 3, 2]


@pytest.mark.parametrize("form", FORMS)
def test_a_description_says_the_kind_and_no_value(form, tmp_path):
    source = open_source(FORMS[form](tmp_path))
    assert "2 columns" in source.describe
    assert [number for number in NUMBERS if number in f"{source.describe} {source!r} {next(source.batches())!r}"] == []


@given(st.lists(st.integers(0, 12), max_size=5))
def test_pieces_of_any_size_keep_every_row_once_and_in_order(sizes):
    edges = np.cumsum([0, *sizes]).tolist()
    schema = pa.schema([("whatsApp", pa.int64())])
    pieces = [pa.record_batch([pa.array(range(a, b), pa.int64())], schema) for a, b in pairwise(edges)]
    source = open_source(pa.RecordBatchReader.from_batches(schema, iter(pieces)))

    found = [(b.start + i, row["whatsApp"]) for b in source.batches() for i, row in enumerate(b.records.to_pylist())]
    assert found == [(number, number) for number in range(sum(sizes))]


@pytest.mark.parametrize(
    ("data", "named"),
    [
        ({"whatsApp": ["1"]}, "data is a dict,"),
        ("customers.csv", "data is a str,"),
        (8615266667780, "data is an int,"),
        (None, "data is a NoneType,"),
        (pd.Series(["8615266667780"]), "Series"),
        (pa.array(["8615266667780"]), "StringArray"),
        (pa.chunked_array([["8615266667780"]]), "ChunkedArray"),
    ],
)
def test_what_is_no_table_is_refused_by_its_type_and_without_its_values(data, named):
    message = refusal(data)
    assert named in message
    assert "give a pandas DataFrame, an Arrow table, a list of dictionaries, or the path" in message
    assert [secret for secret in SECRETS if secret in message] == []


@pytest.mark.parametrize(
    ("frame", "named"),
    [
        (pd.DataFrame([[1, 2, 3]], columns=["b", "a", "b"]), "more than once: b."),
        (pd.DataFrame([[1, 2]], columns=[1, "1"]), "more than once: 1."),
        (
            pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", "b"), ("a", "c")])),
            "MultiIndex on its columns",
        ),
        (pd.DataFrame({"a": [1]}, index=pd.MultiIndex.from_tuples([(1, 2)])), "MultiIndex on its rows"),
        (pa.table([pa.array([1]), pa.array([2])], names=["a", "a"]), "more than once: a."),
    ],
)
def test_columns_that_cannot_be_told_apart_are_refused(frame, named):
    assert named in refusal(frame)


def test_a_column_named_by_a_number_is_named_by_its_text():
    assert open_source(pd.DataFrame([[1, 2]], columns=[5, "b"])).columns == ("5", "b")


@pytest.mark.parametrize(
    ("frame", "columns"),
    [
        (pd.DataFrame(), ()),
        (pd.DataFrame({"whatsApp": []}), ("whatsApp",)),
        (pa.table({"whatsApp": pa.array([], pa.string())}), ("whatsApp",)),
        (pa.table({}), ()),
        ([], ()),
    ],
)
def test_an_empty_table_is_a_table_without_rows(frame, columns):
    source = open_source(frame)
    assert source.columns == columns
    assert [row for batch in source.batches() for row in batch.records.to_pylist()] == []


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, "a", None], ["1", "a", None]),
        ([8615266667780, "0086"], ["8615266667780", "0086"]),
        ([["A", "B"], "C", None], ["A,B", "C", None]),
        ([1.5, "x", float("nan")], ["1.5", "x", None]),
        ([b"x", 1], ["x", "1"]),
    ],
)
def test_a_column_of_mixed_types_is_taken_value_by_value(values, expected):
    column = pd.Series([None] * len(values), dtype=object)
    for index, value in enumerate(values):
        column.iat[index] = value
    assert texts_of(pd.DataFrame({"x": column}), "x") == expected


def test_a_columns_type_may_change_between_batches():
    values = [1, 2, 3, "x", 4.0, None, 5.5, None, 6]
    frame = pd.DataFrame({"x": pd.Series(values, dtype=object)})
    assert texts_of(in_threes(frame), "x") == ["1", "2", "3", "x", "4", None, "5.5", None, "6"]


@pytest.mark.parametrize(
    ("records", "named"),
    [
        ([{"whatsApp": "8615266667780"}, ["Secret"]], "Row 1 of the list is a list"),
        (["Secret"], "Row 0 of the list is a str"),
    ],
)
def test_a_list_of_something_else_is_refused_by_its_first_row_and_without_its_values(records, named):
    message = refusal(records)
    assert f"{named}, not a dictionary of its columns." in message
    assert [secret for secret in SECRETS if secret in message] == []


def test_records_may_lack_keys_and_their_columns_are_all_keys_in_order_of_appearance():
    source = open_source([{"a": 1}, {"b": [1, "x"], "a": None}, {}])
    assert source.columns == ("a", "b")
    assert texts_of([{"a": 1}, {"b": [1, "x"], "a": None}, {}], "b") == [None, "1,x", None]


def test_keys_that_are_one_as_text_are_refused():
    assert "more than once: 1." in refusal([{1: "x", "1": "y"}])


MISSING_VALUES_NAMES = ("nan", "none", "nat", "<na>", "null")
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text(), st.binary(max_size=4), st.dates(),
    st.datetimes(), st.decimals(allow_nan=False), st.lists(st.one_of(st.none(), st.text(max_size=3), st.integers())),
    st.dictionaries(st.text(max_size=3), st.one_of(st.none(), st.floats(), st.text(max_size=3)), max_size=2),
)  # fmt: skip


@given(st.lists(VALUES, min_size=1, max_size=6))
def test_any_values_give_the_same_texts_as_objects_of_a_frame_and_as_records(values):
    column = pd.Series([None] * len(values), dtype=object)
    for place, value in enumerate(values):
        column.iat[place] = value
    found = texts_of(pd.DataFrame({"x": column}), "x")
    assert found == texts_of([{"x": value} for value in values], "x")
    assert len(found) == len(values)
    own_texts = str | bytes | list | dict  # which may spell anything
    written = [text for text, value in zip(found, values, strict=True) if not isinstance(value, own_texts)]
    assert [text for text in written if text is not None and text.lower() in MISSING_VALUES_NAMES] == []


def test_rows_without_columns_are_rows():
    assert len(rows_of(pd.DataFrame(index=[1, 2]))) == 2


LISTS = [["a", "b"], None, [], ["c"], ["d", None]]


@pytest.mark.parametrize("kind", [pa.list_view, pa.large_list_view])
@pytest.mark.parametrize("start", [0, 1, 9_998, 10_001])
def test_views_of_lists_are_taken_whatever_part_of_a_column_they_are(kind, start):
    column = pa.array(LISTS * 3_000, kind(pa.string()))
    expected = ["a,b", None, None, "c", "d"] * 3_000
    assert texts_of(pa.table({"x": column}).slice(start, 12_000), "x") == expected[start : start + 12_000]
    assert texts_of(pa.table({"x": column.slice(start)}), "x") == expected[start:]


def test_views_of_lists_keep_their_values_in_any_order_and_place():
    views = pa.ListViewArray.from_arrays([2, 0, 1], [1, 2, 0], pa.array(["a", "b", "c"]))
    assert texts_of(pa.table({"x": views}), "x") == ["c", "a,b", None]
    assert texts_of(pa.table({"x": views.slice(1)}), "x") == ["a,b", None]


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (pa.list_view(pa.list_view(pa.string_view())), [["a"], ["b", "c"]], "a,b,c"),
        (pa.list_(pa.list_view(pa.string())), [["a"], ["b"]], "a,b"),
        (pa.struct([("k", pa.list_view(pa.string()))]), {"k": ["a", "b"]}, '{"k":["a","b"]}'),
        (pa.list_view(pa.struct([("k", pa.list_view(pa.string()))])), [{"k": ["a"]}], '{"k":["a"]}'),
    ],
)
def test_views_of_lists_within_other_types_are_taken(kind, value, text):
    column = pa.array([value, None] * 6_000, kind)
    assert texts_of(pa.table({"x": column}).slice(1, 11_000), "x") == [None, text] * 5_500


def test_a_type_that_arrow_does_not_have_is_named():
    frame = polars.DataFrame({"whatsApp": polars.Series([1], dtype=polars.Int128), "n": [1]})
    with pytest.raises(InputError, match=r"DataFrame with columns of a type that Arrow does not have: Int128\. Cast"):
        open_source(frame)


def test_a_single_column_is_still_no_table():
    with pytest.raises(InputError, match="which is not a table"):
        open_source(polars.Series([1]))
