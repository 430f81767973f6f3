"""Anything tabular becomes batches whose rows keep their position."""

from __future__ import annotations

import io
import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_socialscrm.importer import source as source_module
from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.importer.source import open_source
from airflow_provider_socialscrm.importer.text import as_text

SECRETS = ("8615266667780", "Nov\u00e1k", "Secret")
BLOCK = 1024 * 1024
"""Bytes that pyarrow reads of a CSV or JSON file at a time."""


class ArrowStream:
    """A table of another library: all that shows is the Arrow PyCapsule interface, as with polars or DuckDB."""

    def __init__(self, table):
        self._table = table

    def __arrow_c_stream__(self, requested_schema=None):
        return self._table.__arrow_c_stream__(requested_schema)


class FlakyPath:
    """A path to storage whose network breaks, or that gives no reason in the usual place."""

    suffix, parent = ".csv", None

    def __init__(self, failure):
        self._failure = failure

    def exists(self):
        return True

    def open(self, _mode):
        raise self._failure


class WatchedFile(io.BytesIO):
    """A file that remembers when it was read in blocks, as pyarrow does, and when it was set back to its start."""

    def __init__(self, content):
        super().__init__(content)
        self.log = []

    def read(self, *size):
        self.log.append("read")
        return super().read(*size)

    def seek(self, *place):
        self.log.append("seek")
        return super().seek(*place)


class MemoryPath:
    """A path to a file in memory that keeps every file it opened."""

    parent = None

    def __init__(self, suffix, content):
        self.suffix, self.content, self.opened = suffix, content, []

    def exists(self):
        return True

    def open(self, _mode):
        self.opened.append(WatchedFile(self.content))
        return self.opened[-1]


@pytest.fixture
def small_batches(monkeypatch):
    monkeypatch.setattr(source_module, "BATCH_ROWS", 3)


def rows_of(data):
    """Return all rows as they came in."""
    return [row for batch in open_source(data).batches() for row in batch.records.to_pylist()]


def texts_of(data, column):
    """Return a column as text over all batches."""
    index = open_source(data).columns.index(column)
    return [text for batch in open_source(data).batches() for text in as_text(batch.records.column(index)).to_pylist()]


def written(folder, name, content):
    """Return the path of a new file."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def refusal(data):
    """Return why a table is not taken, whether that shows at once or while it is read."""
    with pytest.raises(InputError) as caught:
        for _ in open_source(data).batches():
            pass
    return str(caught.value)


NUMBERS = [f"86{n:09}" for n in range(8)]
FRAME = pd.DataFrame({"whatsApp": NUMBERS, "n": range(8)})


def as_file(write):
    """Return a function that writes the eight rows to a file and gives its path."""
    return lambda folder: write(folder) or next(folder.iterdir())


FORMS = {
    "frame": lambda _: FRAME,
    "frame with a repeated index": lambda _: FRAME.set_axis([7] * 8, axis=0),
    "frame with a text index": lambda _: FRAME.set_axis(list("hgfedcba"), axis=0),
    "frame with a date index": lambda _: FRAME.set_axis(pd.date_range("2020-01-01", periods=8, tz="UTC"), axis=0),
    "frame of a subclass": lambda _: type("GeoDataFrame", (pd.DataFrame,), {})(FRAME).set_axis(
        list("hgfedcba"), axis=0
    ),
    "sorted slice of a frame": lambda _: FRAME.iloc[::-1].sort_values("n"),
    "arrow table": lambda _: pa.Table.from_pandas(FRAME),
    "arrow table in pieces": lambda _: pa.concat_tables(
        [pa.table(FRAME[:5]), pa.table(FRAME[:0]), pa.table(FRAME[5:])]
    ),
    "arrow batch": lambda _: pa.RecordBatch.from_pandas(FRAME),
    "arrow reader": lambda _: pa.Table.from_pandas(FRAME).to_reader(max_chunksize=5),
    "other library": lambda _: ArrowStream(pa.Table.from_pandas(FRAME)),
    "parquet": as_file(lambda folder: FRAME.to_parquet(folder / "a.parquet", row_group_size=5)),
    "csv": as_file(lambda folder: FRAME.to_csv(folder / "a.csv", index=False)),
    "csv in capitals": as_file(lambda folder: FRAME.to_csv(folder / "A.CSV", index=False)),
    "jsonl": as_file(lambda folder: FRAME.to_json(folder / "a.jsonl", orient="records", lines=True)),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_yields_the_rows_in_order_with_positions_that_run_on(form, tmp_path, small_batches):
    source = open_source(FORMS[form](tmp_path))
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


@pytest.mark.parametrize("form", [form for form in FORMS if "csv" not in form])  # pyarrow cuts CSV by bytes
def test_a_batch_is_never_larger_than_the_limit(form, tmp_path, small_batches):
    sizes = [batch.records.num_rows for batch in open_source(FORMS[form](tmp_path)).batches()]
    assert max(sizes) <= 3
    assert sum(sizes) == 8


@pytest.mark.parametrize("form", FORMS)
def test_a_description_says_the_kind_and_no_value(form, tmp_path):
    source = open_source(FORMS[form](tmp_path))
    assert "2 columns" in source.describe
    assert [number for number in NUMBERS if number in f"{source.describe} {source!r} {next(source.batches())!r}"] == []


@settings(deadline=None, max_examples=50)
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
        ([{"whatsApp": "1"}], "builtins.list"),
        ({"whatsApp": ["1"]}, "builtins.dict"),
        ("customers.csv", "builtins.str"),
        (8615266667780, "builtins.int"),
        (None, "builtins.NoneType"),
        (pd.Series(["8615266667780"]), "pandas.Series"),
        (pa.array(["8615266667780"]), "StringArray"),
        (pa.chunked_array([["8615266667780"]]), "ChunkedArray"),
    ],
)
def test_what_is_no_table_is_refused_by_its_type_and_without_its_values(data, named):
    message = refusal(data)
    assert named in message
    assert "give a pandas DataFrame, an Arrow table or the path" in message
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
        (pd.DataFrame(index=[1, 2]), ()),
        (pd.DataFrame({"whatsApp": []}), ("whatsApp",)),
        (pa.table({"whatsApp": pa.array([], pa.string())}), ("whatsApp",)),
        (pa.table({}), ()),
    ],
)
def test_an_empty_table_is_a_table_without_rows(frame, columns):
    source = open_source(frame)
    assert source.columns == columns
    assert [row for batch in source.batches() for row in batch.records.to_pylist()] == []


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_a_file_with_columns_and_no_rows_is_a_table_without_rows(tmp_path, suffix):
    path = tmp_path / f"none{suffix}"
    empty = FRAME[:0]
    empty.to_parquet(path) if suffix == ".parquet" else empty.to_csv(path, index=False)
    assert open_source(path).columns == ("whatsApp", "n")
    assert rows_of(path) == []


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


def test_a_columns_type_may_change_between_batches(small_batches):
    values = [1, 2, 3, "x", 4.0, None, 5.5, None, 6]
    frame = pd.DataFrame({"x": pd.Series(values, dtype=object)})
    assert texts_of(frame, "x") == ["1", "2", "3", "x", "4", None, "5.5", None, "6"]


def test_a_csv_files_values_stay_the_text_they_are(tmp_path):
    path = written(tmp_path, "a.csv", "whatsApp,b\n0086,1.10\n,NA\n1e5,null\nTRUE,2020-01-01\n")
    assert rows_of(path) == [
        {"whatsApp": "0086", "b": "1.10"},
        {"whatsApp": None, "b": "NA"},
        {"whatsApp": "1e5", "b": "null"},
        {"whatsApp": "TRUE", "b": "2020-01-01"},
    ]


def test_a_csv_file_may_have_a_byte_order_mark_and_windows_line_ends(tmp_path):
    path = written(tmp_path, "a.csv", b"\xef\xbb\xbfwhatsApp,b\r\n1,2\r\n")
    assert rows_of(path) == [{"whatsApp": "1", "b": "2"}]


def test_quoted_values_of_a_csv_file_may_hold_commas_quotes_and_newlines_over_many_blocks(tmp_path):
    values = [f'{n},\n\n"quoted",\r\n{"x" * 90}\n' for n in range(20_000)]
    frame = pd.DataFrame({'a "b"\nc': values, "n": [str(n) for n in range(20_000)]})
    frame.to_csv(tmp_path / "a.csv", index=False)

    assert (tmp_path / "a.csv").stat().st_size > 2 * BLOCK
    assert rows_of(tmp_path / "a.csv") == frame.to_dict("records")


def test_a_csv_file_has_one_reader_that_reads_ahead_so_that_no_other_loses_rows():
    content = b"whatsApp,b\n" + b"".join(b"86152%08d,%s\n" % (n, b"x" * 90) for n in range(30_000))
    path = MemoryPath(".csv", content)

    assert [row["whatsApp"] for row in rows_of(path)] == [f"86152{n:08}" for n in range(30_000)]
    assert len(path.opened) == 2
    for file in path.opened:
        assert "seek" in file.log
        assert "read" not in file.log[: file.log.index("seek")]


@pytest.mark.parametrize("first_lines", ["", "\n", "\n\r\n"])
def test_a_csv_files_header_may_span_lines_and_come_after_empty_ones(tmp_path, first_lines):
    path = written(tmp_path, "a.csv", first_lines + '"whatsApp","a ""b"",\n\nc"\n0086,007\n')
    assert rows_of(path) == [{"whatsApp": "0086", 'a "b",\n\nc': "007"}]


@pytest.mark.parametrize(
    "text", ["2020-01-01", "2020-01-01 12:30:00", "2020-01-01T12:30:00Z", "0086", "1.0", "true", "null"]
)
@pytest.mark.parametrize("listed", [False, True])
def test_a_jsonl_files_texts_stay_the_text_they_are(tmp_path, text, listed):
    value = [text] if listed else text
    path = written(tmp_path, "a.jsonl", json.dumps({"x": value}) + "\n")
    assert rows_of(path) == [{"x": value}]
    assert texts_of(path, "x") == [text]


def test_a_jsonl_files_rows_may_lack_keys_and_vary_between_whole_and_other_numbers(tmp_path):
    rows = [{"whatsApp": 8615266667780, "n": 1}, {}, {"n": 2.5, "tags": ["a", "b"]}, {"late": None}]
    path = written(tmp_path, "a.jsonl", "\n".join(map(json.dumps, rows)))
    assert open_source(path).columns == ("whatsApp", "n", "tags", "late")
    assert texts_of(path, "whatsApp") == ["8615266667780", None, None, None]
    assert texts_of(path, "n") == ["1", None, "2.5", None]
    assert texts_of(path, "tags") == [None, None, "a,b", None]


def test_a_parquet_file_keeps_its_types(tmp_path):
    table = pa.table(
        {"whatsApp": NUMBERS, "tags": [["a", "b"]] * 8, "kind": pa.array(["x", "y"] * 4).dictionary_encode()}
    )
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=3)
    assert rows_of(tmp_path / "a.parquet") == table.to_pylist()
    assert texts_of(tmp_path / "a.parquet", "kind") == ["x", "y"] * 4


def test_a_missing_file_is_named(tmp_path):
    message = refusal(tmp_path / "customers.csv")
    assert f"{tmp_path / 'customers.csv'} is not there" in message


@pytest.mark.parametrize("name", ["customers.xlsx", "customers.json", "customers", "customers.csv.gz"])
def test_a_file_of_another_kind_is_refused_with_the_kinds_there_are(tmp_path, name):
    message = refusal(written(tmp_path, name, "x"))
    assert f"{tmp_path / name} is not a file this import reads" in message
    assert ".parquet, .csv, .jsonl" in message


def parquet_bytes():
    """Return a file of two columns without compression."""
    table = pa.table({"whatsApp": ["8615266667780"] * 5000, "friendName": [f"Nov\u00e1k {n}" for n in range(5000)]})
    file = io.BytesIO()
    pq.write_table(table, file, compression="none", use_dictionary=False)
    return file.getvalue()


BROKEN = {
    "empty.csv": (b"", "Empty CSV file"),
    "too many values.csv": ("whatsApp,b\n8615266667780,Nov\u00e1k,Secret\n", "Expected 2 columns, got 3"),
    "too few values.csv": ("whatsApp,b,c\n8615266667780,Nov\u00e1k\n", "Expected 3 columns, got 2"),
    "other encoding.csv": ("whatsApp,b\n8615266667780,Nov\u00e1k\n".encode("latin-1"), "invalid UTF8 data"),
    "header in other encoding.csv": ("whatsApp,Nov\u00e1k\n1,2\n".encode("latin-1"), "can't decode byte"),
    "utf-16.csv": ("whatsApp,b\n8615266667780,Nov\u00e1k\n".encode("utf-16"), "can't decode byte"),
    "open quote.csv": ('whatsApp,"b\n' + "8615266667780,Secret\n" * 20_000, "field larger than field limit"),
    "twice.csv": ("whatsApp,whatsApp\n8615266667780,1\n", "more than once: whatsApp"),
    "empty.jsonl": (b"", "Empty JSON file"),
    "cut.jsonl": ('{"b":"Nov\u00e1k"}\n{"b":"Secret', "JSON parse error"),
    "list.jsonl": ('[{"b":"Nov\u00e1k"}]', "JSON parse error"),
    "scalar.jsonl": ("8615266667780\n", "JSON parse error"),
    "other encoding.jsonl": ('{"b":"Nov\u00e1k"}\n'.encode("latin-1"), "UTF8"),
    "mixed.jsonl": ('{"b":8615266667780}\n{"b":"Nov\u00e1k"}\n', "changed from number to string"),
    "text.parquet": ("whatsApp,8615266667780,Nov\u00e1k", "Parquet"),
    "empty.parquet": (b"", "Parquet file size is 0 bytes"),
    "cut.parquet": (parquet_bytes()[:1000], "Parquet"),
    "damaged.parquet": (parquet_bytes()[:4] + b"\0" * 1000 + parquet_bytes()[1004:], "thrift"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_named_with_what_is_wrong_and_no_customer(tmp_path, name):
    content, reason = BROKEN[name]
    message = refusal(written(tmp_path, name, content))
    if "more than once" not in reason:
        assert f"{tmp_path / name} is not a readable {Path(name).suffix[1:].upper()} file" in message
    assert reason in message
    assert [secret for secret in SECRETS if secret in message] == []
    assert len(message.splitlines()) == 1


@pytest.mark.parametrize(
    ("last_line", "reason"),
    [
        ("8615266667780,Nov\u00e1k,Secret\n".encode(), "Expected 2 columns, got 3"),
        ("8615266667780,Nov\u00e1k\n".encode("latin-1"), "invalid UTF8 data"),
    ],
)
def test_a_csv_file_that_breaks_in_a_later_block_yields_what_is_before_and_then_says_so(tmp_path, last_line, reason):
    good = b"".join(b"86152%08d,%s\n" % (n, b"x" * 90) for n in range(30_000))
    path = written(tmp_path, "late.csv", b"whatsApp,b\n" + good + last_line)
    seen = []

    with pytest.raises(InputError) as caught:
        seen.extend(batch.start for batch in open_source(path).batches())

    assert seen[0] == 0
    assert reason in str(caught.value)
    assert str(path) in str(caught.value)
    assert [secret for secret in SECRETS if secret in str(caught.value)] == []


@pytest.mark.parametrize("name", ["folder.csv", "folder.jsonl", "folder.parquet"])
def test_a_folder_is_no_file(tmp_path, name):
    (tmp_path / name).mkdir()
    assert f"{tmp_path / name} is not a readable" in refusal(tmp_path / name)


def test_a_file_that_may_not_be_read_is_a_mistake_to_mend():
    assert "Permission denied" in refusal(FlakyPath(PermissionError(13, "Permission denied")))


@pytest.mark.parametrize("failure", [ConnectionResetError(104, "reset"), TimeoutError("slow"), OSError(5, "I/O error")])
def test_a_network_that_breaks_keeps_its_own_error_so_that_a_retry_makes_sense(failure):
    with pytest.raises(type(failure)) as caught:
        open_source(FlakyPath(failure))
    assert caught.value is failure
