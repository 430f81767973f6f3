"""Several tables are one source: their rows run on, and it has the columns of all."""

from __future__ import annotations

import csv
import sqlite3
import weakref
from collections import ChainMap, OrderedDict, UserDict, deque, namedtuple
from collections.abc import Sequence
from dataclasses import dataclass, replace
from io import BytesIO, StringIO
from tempfile import SpooledTemporaryFile
from types import MappingProxyType

import numpy as np
import pandas as pd
import polars
import pyarrow as pa
import pytest
import sqlalchemy

from airflow_provider_socialscrm.importer.errors import EmptyInputError, InputError
from airflow_provider_socialscrm.importer.sources import several
from airflow_provider_socialscrm.importer.sources.open_source import open_source

FRAME = pd.DataFrame({"whatsApp": ["1", "2"], "stage": ["New", None]})
ARROW = pa.table({"whatsApp": ["3"], "City": ["Oslo"]})
POLARS = polars.DataFrame({"City": ["Rome"], "whatsApp": [4]})
TABLES = [FRAME, ARROW, POLARS]


class Lazy(Sequence):
    """Tables of which one is loaded when it is asked for, like the outputs of a mapped task."""

    def __init__(self, *items):
        self._items = items

    def __len__(self):
        return len(self._items)

    def __getitem__(self, place):
        return self._items[place]


def rows_of(source):
    return [
        (batch.start + place, {name: value for name, value in row.items() if value is not None})
        for batch in source.batches()
        for place, row in enumerate(batch.records.to_pylist())
    ]


ROWS = [
    (0, {"whatsApp": "1", "stage": "New"}),
    (1, {"whatsApp": "2"}),
    (2, {"whatsApp": "3", "City": "Oslo"}),
    (3, {"whatsApp": 4, "City": "Rome"}),
]


@pytest.mark.parametrize(
    "data", [TABLES, tuple(TABLES), iter(TABLES), (each for each in TABLES), Lazy(*TABLES)], ids=type
)
@pytest.mark.parametrize("batch_rows", [1, 3, 10_000])
def test_tables_are_read_one_after_the_other_with_the_columns_of_all(data, batch_rows):
    if iter(data) is data:
        data = iter(TABLES)
    source = replace(open_source(data), batch_rows=batch_rows)

    assert source.columns == ("whatsApp", "stage", "City")
    assert source.describe == "3 tables of 3 columns"
    assert rows_of(source) == rows_of(source) == ROWS


def test_lists_of_rows_and_single_rows_may_come_from_many_tasks():
    rows = [{"whatsApp": "1"}, {"whatsApp": "2", "City": "Oslo"}]
    expected = list(enumerate(rows))

    for data in (rows, iter(rows), Lazy(*rows), Lazy(rows), Lazy(rows[:1], [], rows[1:]), iter([rows[:1], rows[1:]])):
        assert rows_of(open_source(data)) == expected


def test_rows_and_tables_keep_their_order(monkeypatch):
    monkeypatch.setattr(several, "BATCH_ROWS", 2)
    items = [{"n": 0}, {"n": 1}, {"n": 2}, pa.table({"n": [3, 4]}), {"n": 5}, [{"n": 6}]]

    assert rows_of(open_source(iter(items))) == [(n, {"n": n}) for n in range(7)]


def test_no_table_at_all_is_no_rows():
    for data in ([], iter([]), Lazy(), Lazy([])):
        source = open_source(data)
        assert (source.columns, rows_of(source)) == ((), [])


def test_a_generator_is_read_once_and_has_one_table_in_memory():
    alive = []

    def tables():
        for number in range(5):
            table = pd.DataFrame({"n": [number]})
            alive.append(weakref.ref(table))
            yield table
            del table
            assert sum(each() is not None for each in alive) <= 2

    source = open_source(tables())

    assert [row["n"] for _, row in rows_of(source)] == [0, 1, 2, 3, 4]
    assert [each() for each in alive] == [None] * 5


def chunks_of_csv(folder):
    FRAME.to_csv(folder / "a.csv", index=False)
    return pd.read_csv(folder / "a.csv", dtype=str, chunksize=1)


def chunks_of_json(folder):
    FRAME.to_json(folder / "a.jsonl", orient="records", lines=True)
    return pd.read_json(folder / "a.jsonl", orient="records", lines=True, chunksize=1, dtype=False)


def chunks_of_stata(folder):
    FRAME.fillna("").to_stata(folder / "a.dta", write_index=False)
    return pd.read_stata(folder / "a.dta", chunksize=1)


READERS = {
    "read_csv": chunks_of_csv,
    "read_json": chunks_of_json,
    "read_stata": chunks_of_stata,
    "reader in a list": lambda folder: [chunks_of_csv(folder), []],
    "readers of a generator": lambda folder: (each for each in [chunks_of_csv(folder)]),
    "collect_batches": lambda _: polars.from_pandas(FRAME).lazy().collect_batches(chunk_size=1),
    "iter_slices": lambda _: polars.from_pandas(FRAME).iter_slices(1),
    "iter_rows": lambda _: polars.from_pandas(FRAME).iter_rows(named=True),
    "RecordBatchReader": lambda _: pa.Table.from_pandas(FRAME).to_reader(max_chunksize=1),
    "DictReader": lambda _: csv.DictReader(StringIO(FRAME.to_csv(index=False))),
}


@pytest.mark.parametrize("name", READERS)
def test_a_reader_that_gives_tables_or_rows_is_read_to_its_end_once(name, tmp_path):
    if name == "collect_batches" and not hasattr(polars.LazyFrame, name):
        pytest.skip("polars 1.34 and newer have this")
    source = open_source(READERS[name](tmp_path))

    assert source.columns == ("whatsApp", "stage")
    assert [row["whatsApp"] for _, row in rows_of(source)] == ["1", "2"]
    assert rows_of(source) == rows_of(source)


def test_a_reader_is_closed_also_after_an_error(tmp_path):
    whole = chunks_of_csv(tmp_path)
    broken = chunks_of_csv(tmp_path)
    closed = []

    def generator(*items):
        try:
            yield from items
        finally:
            closed.append(len(items))

    open_source(whole)
    with pytest.raises(InputError, match="Item 1 of data is an int"):
        open_source(generator(broken, 7))
    open_source(iter([generator(FRAME)]))

    assert (whole.handles.handle.closed, broken.handles.handle.closed, closed) == (True, True, [2, 1])


def test_record_batches_are_cut_like_a_table_and_each_is_given_back():
    schema = pa.schema([("text", pa.string())])
    before, most = pa.total_allocated_bytes(), 0

    def batches():
        nonlocal most
        for number in range(50):
            yield pa.record_batch([pa.array([f"{number:0200}"] * 1_000)], schema)
            most = max(most, pa.total_allocated_bytes() - before)

    source = open_source(pa.RecordBatchReader.from_batches(schema, batches()))

    assert source.describe == "RecordBatchReader of 50,000 rows x 1 column"
    assert [batch.records.num_rows for batch in source.batches()] == [10_000] * 5
    assert [int(row["text"]) for _, row in rows_of(source)] == [n // 1_000 for n in range(50_000)]
    assert most < 30_000 * 200  # of 50,000 rows


def test_record_batches_without_rows_have_their_columns():
    schema = pa.schema([("whatsApp", pa.string())])
    source = open_source(pa.RecordBatchReader.from_batches(schema, []))
    assert (source.columns, rows_of(source)) == (("whatsApp",), [])


ONE, TWO = {"whatsApp": "1"}, {"whatsApp": "2", "City": "Oslo"}


@pytest.mark.parametrize(
    "data",
    [
        [[ONE], [TWO]],
        ([ONE], (TWO,)),
        [(ONE, TWO), ()],
        [[], [ONE, TWO]],
        [[[ONE]], [[TWO]]],
        [[ONE], pd.DataFrame([TWO])],
        [iter([ONE]), [TWO]],
        [Lazy(ONE), Lazy([TWO])],
        deque([ONE, TWO]),
        [MappingProxyType(ONE), OrderedDict(TWO)],
        [UserDict(ONE), ChainMap(TWO)],
        Lazy(UserDict(ONE), (MappingProxyType(TWO),)),
    ],
)
def test_rows_in_lists_of_any_depth_and_of_any_mapping_are_rows(data):
    source = open_source(data)

    assert source.columns == ("whatsApp", "City")
    assert rows_of(source) == rows_of(source) == [(0, ONE), (1, TWO)]


def test_a_generator_of_lists_of_rows_may_give_empty_ones():
    assert rows_of(open_source(iter([[], [ONE], (), (TWO,), []]))) == [(0, ONE), (1, TWO)]


@pytest.mark.parametrize("data", [[[]], [[], ()], [[[]]], iter([[]])])
def test_lists_without_anything_in_them_have_no_rows(data):
    source = open_source(data)
    assert (source.columns, rows_of(source)) == ((), [])


def test_the_mappings_of_a_query_are_rows():
    engine = sqlalchemy.create_engine("sqlite://")
    with engine.connect() as connection:

        def result():
            return connection.execute(sqlalchemy.text("select '1' as whatsApp, 'New' as stage"))

        for data in (result().mappings(), result().mappings().all(), [row._mapping for row in result()]):
            assert rows_of(open_source(data)) == ROWS[:1]
        for data in (result(), result().all()):
            with pytest.raises(InputError, match=r"is a Row, .*Give row\._asdict\(\) for each row\."):
                open_source(data)
    engine.dispose()


def test_rows_of_a_database_without_the_names_of_their_columns_are_rejected_with_advice():
    database = sqlite3.connect(":memory:")
    names = r"Name the columns with pandas\.DataFrame\(data, columns="
    with pytest.raises(InputError, match=names):
        open_source(database.execute("select 'Xanthippe'"))
    database.row_factory = sqlite3.Row
    for data in (database.execute("select 'Xanthippe'"), database.execute("select 'Xanthippe'").fetchall()):
        with pytest.raises(InputError, match=r"is a Row, .*Give dict\(row\) for each row\."):
            open_source(data)
    database.close()


def test_a_list_of_rows_is_a_table_beside_others():
    source = open_source([FRAME, [{"whatsApp": "5", "City": "Lima"}], []])

    assert source.columns == ("whatsApp", "stage", "City")
    assert [row["whatsApp"] for _, row in rows_of(source)] == ["1", "2", "5"]


def test_what_a_generator_raises_is_not_changed():
    def tables():
        yield FRAME
        raise ConnectionError("the warehouse is closed")

    with pytest.raises(ConnectionError, match="the warehouse is closed"):
        open_source(tables())


Named = namedtuple("Named", "friendName")


@dataclass
class Person:
    """A row as an object."""

    name: str


async def tables_later():
    yield FRAME


async def table_later():
    return FRAME


def test_what_is_not_awaited_is_rejected_with_advice():
    for data in (table := table_later(), [table]):
        with pytest.raises(InputError, match=r"Await it, and give what it returns\."):
            open_source(data)
    table.close()


def test_an_open_file_stays_refused_however_it_was_opened(tmp_path):
    (tmp_path / "a.csv").write_text("whatsApp\nXanthippe\n", encoding="utf-8")
    with (
        (tmp_path / "a.csv").open(encoding="utf-8") as text,
        (tmp_path / "a.csv").open("rb") as binary,
        pa.OSFile(str(tmp_path / "a.csv")) as arrow,
        SpooledTemporaryFile() as temporary,
    ):
        for data in (text, binary, arrow, temporary):
            with pytest.raises(InputError, match=r"Give the path of the open file\."):
                open_source(data)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ([FRAME, None], "Item 1 of data, counted from 0, has no value: leave it out, or give a table."),
        ([None, FRAME], "Item 0 of data, counted from 0, has no value"),
        ([FRAME, {"whatsApp": "1"}], "Item 1 of data is a dict"),
        (iter([FRAME, "Xanthippe"]), "Item 1 of data is a str"),
        (Lazy(FRAME, 7), "Item 1 of data is an int"),
        (iter([[1, 2]]), "Item 0 of data is a list"),
        (iter([("8613900000001", "Xanthippe")]), "Name the columns with pandas.DataFrame(data, columns=[...])."),
        (StringIO("whatsApp\nXanthippe\n"), "Give the path of the open file."),
        ([["1", "2"]], "Row 0 of the list is a list, not a dictionary of its columns. Name the columns with"),
        ({"whatsApp": ["1"]}, "Columns become a table with pandas.DataFrame(data), a row with [data]."),
        (pd.Series(["Xanthippe"]), "A column becomes a table with data.to_frame()."),
        (np.array([["1", "2"]]), "An array becomes a table with pandas.DataFrame(data, columns=[...])."),
        ({"1"}, "A set has no order: give a list."),
        (polars.LazyFrame({"whatsApp": ["1"]}), "data.collect()"),
        (len, "Call the function, and give what it returns."),
        (b"Xanthippe", "data is a bytes, which is not a table"),
        ([FRAME, pd.Series(["1"])], "data.to_frame()"),
        (pa.array(["Xanthippe"]), "A column becomes a table with pyarrow.table({'whatsApp': data})."),
        ([[ONE, "Xanthippe"]], "Row 1 of item 0 of data is a str, not a dictionary of its columns."),
        ([[ONE], [[ONE, ["Xanthippe"]]]], "Row 1 of item 0 of item 1 of data is a list"),
        ([[ONE], ["Xanthippe"]], "Item 1 of data is a list, not a table like others"),
        ([[ONE], ["Xanthippe"]], "Name the columns with pandas.DataFrame(data, columns=[...])."),
        ([[ONE], "Xanthippe"], "Item 1 of data is a str"),
        ([ONE, [ONE]], "Row 1 of the list is a list, not a dictionary of its columns."),
        (zip(ONE, ["Xanthippe"], strict=True), "Item 0 of data is a tuple"),
        (enumerate([ONE]), "Item 0 of data is a tuple"),
        ({"Xanthippe": FRAME}.values(), "Give list(data), if its items are tables or rows."),
        (BytesIO(b"Xanthippe"), "Give the path of the open file."),
        ([StringIO("Xanthippe")], "Give the path of the open file."),
        (memoryview(b"Xanthippe"), "data is a memoryview, which is not a table"),
        (7, "data is an int, which is not a table"),
        (True, "data is a bool, which is not a table"),
        (frozenset({"Xanthippe"}), "A set has no order: give a list."),
        (Named("Xanthippe"), "Give row._asdict() for each row."),
        ([Named("Xanthippe")], "Give row._asdict() for each row."),
        ([Person("Xanthippe")], "Give dataclasses.asdict(row) for each row."),
        (Person, "Call the function, and give what it returns."),
        (tables_later(), "Give a list of what it yields, by async for."),
        (FRAME.itertuples(), "Give row._asdict() for each row."),
        (range(3), "Item 0 of data is an int"),
    ],
)
def test_what_is_not_a_table_is_rejected_with_advice(data, sentence):
    with pytest.raises(InputError) as caught:
        open_source(data)
    assert sentence in str(caught.value)
    assert "Xanthippe" not in str(caught.value)


def test_a_list_of_paths_is_read_in_its_order_with_patterns_in_it(tmp_path):
    for name, number in (("a1", 1), ("a2", 2), ("b", 3)):
        (tmp_path / f"{name}.csv").write_text(f"whatsApp\n{number}\n", encoding="utf-8")
    (tmp_path / "empty.csv").touch()

    source = open_source([tmp_path / "b.csv", tmp_path / "empty.csv", tmp_path / "a*.csv"])

    assert [row["whatsApp"] for _, row in rows_of(source)] == ["3", "1", "2"]
    assert source.describe == "4 files of 1 column"


def test_a_path_that_is_missing_among_others_is_an_error_and_not_an_empty_input(tmp_path):
    (tmp_path / "a.csv").write_text("whatsApp\n1\n", encoding="utf-8")

    with pytest.raises(InputError, match=r"b\.csv does not exist") as some:
        open_source([tmp_path / "a.csv", tmp_path / "b.csv"])
    with pytest.raises(EmptyInputError, match=r"b\.csv does not exist"):
        open_source([tmp_path / "b.csv", tmp_path / "c*.csv"])

    assert not isinstance(some.value, EmptyInputError)
