"""Columns say which of their values lost digits or are no text, whatever types they came in."""

from __future__ import annotations

import json
import uuid
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from airflow_provider_socialscrm.importer.columns.text import as_text
from airflow_provider_socialscrm.importer.columns.values import as_utf8, inexact, rounded, unsendable, values_to_arrow
from airflow_provider_socialscrm.importer.sources.open_source import open_source

PHONE = 8615266667783
BROKEN, FINE = b"Nov\xe1k", "Novák".encode()


class Packed(pa.ExtensionType):
    """A type of somebody's own over bytes."""

    def __init__(self, storage=None):
        super().__init__(storage or pa.binary(), "tests.packed")

    def __arrow_ext_serialize__(self):
        return b""

    @classmethod
    def __arrow_ext_deserialize__(cls, storage, serialized):
        return cls(storage)


@pytest.fixture
def registered():
    pa.register_extension_type(Packed())
    yield
    pa.unregister_extension_type("tests.packed")


def column_of(data):
    """Return the first column of a table as fields are made of it."""
    [batch] = open_source(data).batches()
    return as_utf8(batch.records.column(0))


def objects(*values):
    column = pd.Series([None] * len(values), dtype=object)
    for place, value in enumerate(values):
        column.iat[place] = value
    return column


FORMS = {
    "object column": lambda values: pd.DataFrame({"x": objects(*values)}),
    "records": lambda values: [{"x": value} for value in values],
    "sparse column": lambda values: pd.DataFrame({"x": pd.arrays.SparseArray(np.array(values))}),
    "plain column": lambda values: pd.DataFrame({"x": np.array(values)}),
    "Arrow column": lambda values: pa.table({"x": pa.array(np.array(values))}),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_number_in_32_bits_is_rounded_wherever_it_stands(form):
    column = column_of(FORMS[form]([np.float32(PHONE), np.float32(12345), np.float32(-PHONE), np.float32(0.1)]))
    assert rounded(column).to_pylist() == [True, False, True, False]
    assert as_text(column).to_pylist()[1::2] == ["12345", "0.1"]


@pytest.mark.parametrize("form", FORMS)
def test_a_number_in_64_bits_is_not_rounded(form):
    column = column_of(FORMS[form]([np.float64(PHONE), np.float64(0.1)]))
    assert rounded(column).to_pylist() == [False, False]
    assert as_text(column).to_pylist() == [str(PHONE), "0.1"]


def test_only_the_values_that_are_rounded_are_marked():
    values = ["x", PHONE, np.float32(PHONE), float(PHONE), [np.float32(PHONE)], np.array([1, PHONE], "f4"), None]
    assert rounded(values_to_arrow(values)).to_pylist() == [False, False, True, False, True, True, False]


@pytest.mark.parametrize("column", [pa.array(["x"]), pa.nulls(1), pa.array([PHONE]), pa.array([[PHONE]])])
def test_columns_without_floats_have_nothing_rounded_nor_inexact(column):
    assert rounded(column).to_pylist() == inexact(column).to_pylist() == [False]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.float32(0.1), "0.1"),
        (np.float16(1.1), "1.1"),
        (np.float32("nan"), None),
        ([np.float32(0.1), np.float16(2)], "0.1,2"),
        (np.array([[0.1, np.nan], [0.3, 4]], "f4"), "0.1,0.3,4"),
        ({"k": np.float32(0.1)}, '{"k":"0.1"}'),
        (np.float64(0.1), "0.1"),
        (np.float32(PHONE), "8615266615296"),
    ],
)
def test_narrow_floats_have_the_digits_they_show(value, text):
    assert as_text(values_to_arrow([value, "x"])).to_pylist() == [text, "x"]


def test_a_value_has_all_that_is_wrong_with_it():
    column = values_to_arrow([[np.float32("inf"), BROKEN, np.float32(PHONE)], "x"])
    assert {reason.code: found.to_pylist() for reason, found in unsendable(column)} == {
        "infinite": [True, False],
        "not-text": [True, False],
    }
    assert rounded(column).to_pylist() == [True, False]


EXACT, LARGE = 2.0**53 - 1, 98_765_432_109_876_540.0


@pytest.mark.parametrize(
    "column",
    [
        pa.array([EXACT, LARGE, -LARGE, None, float("nan"), float("inf")]),
        pa.array([EXACT, LARGE, -LARGE, None, 1, 2], pa.float32()).cast(pa.float64()),
        pa.array([[EXACT, 1], [1, LARGE], [-LARGE], None, [], [None]]),
        pa.array([[EXACT], [LARGE], [-LARGE], None, [], [float("nan")]], pa.large_list(pa.float64())),
        values_to_arrow([EXACT - 1, LARGE, [1, -LARGE], None, "x", 98_765_432_109_876_543]),
    ],
)
def test_floats_beyond_every_integer_are_inexact(column):
    expected = [False, True, True, False, False, False]
    if not pa.types.is_struct(column.type) and pa.types.is_floating(column.type) and column[0].as_py() > EXACT:
        expected[0] = True  # in 32 bits it is one more
    assert inexact(column).to_pylist() == expected


def packed(storage):
    return pa.ExtensionArray.from_storage(Packed(storage.type), storage)


@pytest.mark.parametrize(
    "column",
    [
        pytest.param(lambda: packed(pa.array([BROKEN, FINE, None])), id="of one's own"),
        pytest.param(
            lambda: pa.ExtensionArray.from_storage(pa.opaque(pa.binary(), "t", "v"), pa.array([BROKEN, FINE, None])),
            id="opaque",
        ),
        pytest.param(
            lambda: pa.ListArray.from_arrays([0, 1, 2, 2], packed(pa.array([BROKEN, FINE]))), id="within lists"
        ),
    ],
)
def test_bytes_of_any_extension_type_are_text_or_found_not_to_be(registered, column):
    found = column_of(pa.table({"x": column()}))
    assert as_text(found).to_pylist()[1:] == ["Novák", None]
    assert {reason.code for reason, mask in unsendable(found) if mask.to_pylist()[0]} == {"not-text"}
    assert [mask.to_pylist()[1] for _, mask in unsendable(found)] in ([False, False], [None, None])


@pytest.mark.parametrize(
    ("column", "texts"),
    [
        (lambda: packed(pa.array([PHONE, None])), [str(PHONE), None]),
        (lambda: packed(pa.array([["a", "b"], None])), ["a,b", None]),
        (
            lambda: pa.ExtensionArray.from_storage(pa.json_(), pa.array([json.dumps({"a": 1}), None])),
            ['{"a": 1}', None],
        ),
        (lambda: pa.ExtensionArray.from_storage(pa.bool8(), pa.array([1, 0], pa.int8())), ["true", "false"]),
        (
            lambda: pa.ExtensionArray.from_storage(pa.uuid(), pa.array([uuid.UUID(int=1).bytes], pa.binary(16))),
            ["00000000-0000-0000-0000-000000000001"],
        ),
    ],
)
def test_other_extension_types_are_what_they_are_stored_as_or_what_they_mean(registered, column, texts):
    assert as_text(column_of(pa.table({"x": column()}))).to_pylist() == texts


def test_periods_in_an_arrow_table_are_no_numbers():
    frame = pd.DataFrame({"x": pd.period_range("2020-01", periods=2, freq="M")})
    assert as_text(column_of(pa.Table.from_pandas(frame))).to_pylist() == ["2020-01", "2020-02"]


@pytest.mark.parametrize("other", [None, "x", 5, 2.5, True])
@pytest.mark.parametrize("form", ["records", "object column"])
def test_a_decimal_that_does_not_show_its_last_digits_may_have_lost_them(form, other):
    column = column_of(FORMS[form]([Decimal("8.61527E+12"), Decimal("1.50"), other]))
    assert rounded(column).to_pylist() == [True, False, False]
    assert as_text(column).to_pylist()[:2] == ["8615270000000", "1.50"]


def test_a_decimal_without_its_last_zero_is_whole_where_others_have_all_digits():
    column = column_of(FORMS["records"]([Decimal(8615266667780).normalize(), Decimal(8615266667781)]))
    assert rounded(column).to_pylist() == [False, False]
    assert as_text(column).to_pylist() == ["8615266667780", "8615266667781"]


def test_a_type_of_decimals_without_their_last_digits_has_lost_them():
    column = as_utf8(pa.array([Decimal("8.61527E+12"), None], pa.decimal128(6, -7)))
    assert rounded(column).to_pylist() == [True, False]
    assert as_text(column).to_pylist() == ["8615270000000", None]


def not_valid():
    """Return texts of which the second is not valid."""
    buffers = pa.array([b"ok", BROKEN]).buffers()
    return pa.Array.from_buffers(pa.string(), 2, buffers)


def each_in_a_list(values):
    return pa.ListArray.from_arrays(pa.array([0, 1, 2], pa.int32()), values)


NESTED = {
    "struct": lambda texts: pa.StructArray.from_arrays([texts], ["k"]),
    "struct of a struct": lambda texts: pa.StructArray.from_arrays([pa.StructArray.from_arrays([texts], ["k"])], ["k"]),
    "map": lambda texts: pa.MapArray.from_arrays(pa.array([0, 1, 2], pa.int32()), pa.array(["k", "k"]), texts),
    "keys": lambda texts: pa.MapArray.from_arrays(pa.array([0, 1, 2], pa.int32()), texts, pa.array(["k", "k"])),
    "lists": lambda texts: each_in_a_list(each_in_a_list(texts)),
    "list of structs": lambda texts: each_in_a_list(pa.StructArray.from_arrays([texts], ["k"])),
    "list of a dictionary": lambda texts: each_in_a_list(
        pa.DictionaryArray.from_arrays(pa.array([0, 1], pa.int32()), texts)
    ),
    "dictionary": lambda texts: pa.DictionaryArray.from_arrays(pa.array([0, 1], pa.int32()), texts),
}


@pytest.mark.parametrize("form", NESTED)
@pytest.mark.parametrize("kind", ["text", "bytes"])
def test_bytes_that_are_no_text_are_found_however_deep_they_are(form, kind):
    nested = NESTED[form](not_valid() if kind == "text" else pa.array([b"ok", BROKEN]))
    column = column_of(pa.table({"x": nested}))
    assert {reason.code: found.to_pylist() for reason, found in unsendable(column)}["not-text"] == [False, True]
    fine = as_text(as_utf8(NESTED[form](pa.array(["ok", "x"]))))
    assert as_text(column)[0] == fine[0]
