"""Several tables are one source: their rows run on, and it has the columns of all."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from dataclasses import replace
from io import StringIO

import numpy as np
import pandas as pd
import polars
import pyarrow as pa
import pytest

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


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ([FRAME, None], "Item 1 of data is a NoneType, not a table like others"),
        ([None, FRAME], "Item 0 of data is a NoneType"),
        ([FRAME, {"whatsApp": "1"}], "Item 1 of data is a dict"),
        (iter([FRAME, "Xanthippe"]), "Item 1 of data is a str"),
        (Lazy(FRAME, 7), "Item 1 of data is a int"),
        (iter([[1, 2]]), "Item 0 of data is a list"),
        (iter([("8613900000001", "Xanthippe")]), "Name the columns with pandas.DataFrame(data, columns=[...])."),
        (StringIO("whatsApp\nXanthippe\n"), "Give the path of the open file."),
        (
            [[{"whatsApp": "1"}], [{"whatsApp": "2"}]],
            "data is a list of 2 lists of rows: join them with first.output.concat",
        ),
        ([["1", "2"]], "Row 0 of the list is a list, not a dictionary of its columns. Name the columns with"),
        ({"whatsApp": ["1"]}, "Columns become a table with pandas.DataFrame(data), a row with [data]."),
        (pd.Series(["Xanthippe"]), "A column becomes a table with data.to_frame()."),
        (np.array([["1", "2"]]), "An array becomes a table with pandas.DataFrame(data, columns=[...])."),
        ({"1"}, "A set has no order: give a list."),
        (polars.LazyFrame({"whatsApp": ["1"]}), "data.collect()"),
        (len, "Call the function, and give what it returns."),
        (b"Xanthippe", "data is a builtins.bytes, which is not a table"),
        ([FRAME, pd.Series(["1"])], "data.to_frame()"),
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
