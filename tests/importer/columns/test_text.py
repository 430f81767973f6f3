"""A column of any type becomes text, and nothing of its machine form shows."""

from __future__ import annotations

import datetime as dt
import sys
import uuid
from decimal import Decimal
from unicodedata import category

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_socialscrm.importer.columns.text import EXACT_FLOAT, as_text, value_as_text, visible_edges
from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.importer.sources.open_source import open_source

DAY = dt.date(2020, 3, 8)
EVENING = dt.datetime(2020, 3, 8, 23, 59, 59)  # noqa: DTZ001 - a column without a zone is what is tested
WEST, EAST = dt.timezone(-dt.timedelta(hours=5)), dt.timezone(dt.timedelta(hours=8))
MACHINE_FORMS = ("nan", "none", "nat", "<na>", "null")


def texts(column):
    """Return a pandas column as the import sees it."""
    [batch] = open_source(pd.DataFrame({"x": column})).batches()
    return as_text(batch.records.column(0)).to_pylist()


def objects(*values):
    """Return a column that keeps each value's own type."""
    column = pd.Series([None] * len(values), dtype=object)
    for index, value in enumerate(values):
        column.iat[index] = value
    return column


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64", "uint8", "uint64", "Int8", "Int64", "UInt32"])
@pytest.mark.parametrize("backend", ["numpy", "pyarrow"])
def test_an_integer_column_is_written_in_digits(dtype, backend):
    dtype = dtype if backend == "numpy" else f"{dtype.lower()}[pyarrow]"
    assert texts(pd.Series([0, 1, 100], dtype=dtype)) == ["0", "1", "100"]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "Float32", "Float64", "double[pyarrow]"])
def test_a_whole_float_is_written_as_an_integer_and_a_gap_as_nothing(dtype):
    assert texts(pd.Series([1, None, 2.5, 2048, -0.0], dtype=dtype)) == ["1", None, "2.5", "2048", "0"]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pd.Series([1, None], dtype="Int64"), ["1", None]),
        (pd.Series([1, None], dtype="int64[pyarrow]"), ["1", None]),
        (pd.Series([8615266667780, None]), ["8615266667780", None]),
        (pd.Series([2.0**53 - 1, 1e15]), ["9007199254740991", "1000000000000000"]),
        (pd.Series([True, False]), ["true", "false"]),
        (pd.Series([True, None], dtype="boolean"), ["true", None]),
        (pd.Series([True, None], dtype="bool[pyarrow]"), ["true", None]),
        (objects(True, None, np.nan), ["true", None, None]),
        (pd.Series([" a\t", "", " \n", None]), ["a", None, None, None]),
        (pd.Series(["a", None], dtype="string"), ["a", None]),
        (pd.Series(["a", None], dtype="string[python]"), ["a", None]),
        (pd.Series(["a", None], dtype="string[pyarrow]"), ["a", None]),
        (pd.Series(["0086", "1.0", "nan"], dtype=object), ["0086", "1.0", "nan"]),
        (pd.Series(["\u3000 x\u00a0"]), ["x"]),
        (pd.Series(["a", None, "b"], dtype="category"), ["a", None, "b"]),
        (pd.Series([1.0, None, 2.5], dtype="category"), ["1", None, "2.5"]),
        (pd.Series([True, None], dtype="category"), ["true", None]),
        (pd.Series([1, "a", None], dtype="category"), ["1", "a", None]),
        (pd.Series([EVENING, None]).astype("category"), ["2020/03/08", None]),
        (pd.cut(pd.Series([1, 20]), [0, 10, 40]), ["(0, 10]", "(10, 40]"]),
        (pd.Series(pd.interval_range(0, 1)), ["(0, 1]"]),
        (pd.Series(pd.period_range("2020-01", periods=1, freq="M")), ["2020-01"]),
        (pd.Series([1.0, None], dtype="Sparse[float]"), ["1", None]),
        (pd.Series([dt.timedelta(days=1, hours=2), None]), ["1 day, 2:00:00", None]),
        (pd.Series([1 + 2j]), ["(1+2j)"]),
        (objects(None, None), [None, None]),
        (objects(np.nan), [None]),
        (objects(pd.NA, pd.NaT, None, np.nan), [None] * 4),
        (objects(uuid.UUID(int=5)), ["00000000-0000-0000-0000-000000000005"]),
    ],
)
def test_a_column_of_any_type_has_its_text(column, expected):
    assert texts(column) == expected


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "Asia/Shanghai", "America/New_York", WEST, EAST])
def test_a_moment_is_written_as_the_day_in_its_own_zone(unit, zone):
    column = pd.Series([EVENING, dt.datetime(2020, 7, 1), None]).astype(f"datetime64[{unit}]").dt.tz_localize(zone)  # noqa: DTZ001
    assert texts(column) == ["2020/03/08", "2020/07/01", None]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (objects(DAY, None, np.nan, pd.NaT, pd.NA), ["2020/03/08", None, None, None, None]),
        (objects(dt.date(1, 1, 1), dt.date(9999, 12, 31)), ["0001/01/01", "9999/12/31"]),
        (objects(dt.date(1, 1, 1), "x"), ["0001/01/01", "x"]),
        (objects(DAY, EVENING), ["2020/03/08", "2020/03/08"]),
        (objects(EVENING, DAY), ["2020/03/08", "2020/03/08"]),
        (objects(pd.Timestamp(EVENING), pd.NaT), ["2020/03/08", None]),
        (objects(np.datetime64("2020-03-08T23", "ns"), np.datetime64("NaT", "ns")), ["2020/03/08", None]),
        (objects("x", np.datetime64("2020-03-08T23", "ns"), np.datetime64("NaT", "ns")), ["x", "2020/03/08", None]),
        (pd.Series([DAY, None], dtype="date32[pyarrow]"), ["2020/03/08", None]),
        (pd.Series(np.array(["0999-01-01", "9999-12-31"], "datetime64[s]")), ["0999/01/01", "9999/12/31"]),
    ],
)
def test_a_date_is_written_as_year_month_day(column, expected):
    assert texts(column) == expected


@pytest.mark.parametrize("zones", [(WEST, EAST), (EAST, WEST), (None, EAST), (EAST, None), (WEST, None)])
def test_moments_of_several_zones_in_one_column_each_keep_their_own_day(zones):
    midnights = [dt.datetime(1990, 3, 8, tzinfo=zone) for zone in zones]
    assert texts(objects(*midnights)) == ["1990/03/08", "1990/03/08"]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (objects(Decimal("1.50"), Decimal("20.00"), None), ["1.50", "20.00", None]),
        (objects(Decimal(8615266667780), Decimal("NaN")), ["8615266667780", None]),
        (objects(Decimal("1E+3"), Decimal("0E-9")), ["1000", "0.000000000"]),
        (objects(Decimal("Infinity"), Decimal(1)), ["Infinity", "1"]),
        (objects("a", Decimal("1E+3"), Decimal("NaN")), ["a", "1000", None]),
        (pd.Series([Decimal(0), None], dtype=pd.ArrowDtype(pa.decimal128(38, 9))), ["0.000000000", None]),
    ],
)
def test_a_decimal_is_written_with_its_digits_and_no_exponent(column, expected):
    assert texts(column) == expected


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (objects(["A", "B"], [], None), ["A,B", None, None]),
        (objects(("A", "B"), None), ["A,B", None]),
        (objects(np.array(["A", "B"]), None), ["A,B", None]),
        (objects({"A"}), ["A"]),
        (objects([" A ", None, "", " ", np.nan, "B"]), ["A,B"]),
        (objects([1, 2], [3.0, None]), ["1,2", "3"]),
        (objects([True], [False, True]), ["true", "false,true"]),
        (objects([DAY]), ["2020/03/08"]),
        (objects([["A"], ["B", "C"]]), ["A,B,C"]),
        (objects(["A", 1, None, " B "]), ["A,1,B"]),
        (objects(["A", "B"], "C", None), ["A,B", "C", None]),
        (objects(np.array([1.0, np.nan]), "C"), ["1", "C"]),
        (objects(np.array(["2020-03-08"], "datetime64[ns]"), "C"), ["2020/03/08", "C"]),
        (pd.Series([["A", "B"], None], dtype=pd.ArrowDtype(pa.list_(pa.string()))), ["A,B", None]),
    ],
)
def test_a_list_is_its_values_with_commas(column, expected):
    assert texts(column) == expected


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (objects(b"abc", None), ["abc", None]),
        (objects("M\u00fcller".encode()), ["M\u00fcller"]),
        (objects(b"\xff", b"ok"), ["\N{REPLACEMENT CHARACTER}", "ok"]),
        (objects(b"abc", 1), ["abc", "1"]),
        (objects(b"\xff", 1), ["\N{REPLACEMENT CHARACTER}", "1"]),
        (objects(bytearray(b"abc"), 1), ["abc", "1"]),
        (objects("a\ud800b", "c"), ["ab", "c"]),
        (objects("\ud83d\ude00", "cut \ud83d"), ["\U0001f600", "cut"]),
    ],
)
def test_bytes_and_broken_text_never_stop_an_import(column, expected):
    assert texts(column) == expected


def test_each_value_of_a_mixed_column_is_written_as_its_own_type_would_be():
    column = objects(
        1, "a", 2.0, 2.5, True, None, np.nan, pd.NA, pd.NaT, np.int64(3), np.float64(4.0), np.bool_(False), DAY, EVENING
    )
    day = "2020/03/08"
    expected = ["1", "a", "2", "2.5", "true", None, None, None, None, "3", "4", "false", day, day]
    assert texts(column) == expected


@pytest.mark.parametrize("moment", [np.datetime64("2020-03-08"), np.datetime64("NaT", "ns"), np.datetime64("NaT")])
@pytest.mark.parametrize(("number", "expected"), [(np.int64(1), "1"), (np.bool_(True), "true"), (np.float64(1), "1")])
def test_numpys_moments_beside_numpys_numbers_do_not_end_the_process(moment, number, expected):
    day = None if np.isnat(moment) else "2020/03/08"
    assert texts(objects(moment, number, moment)) == [day, expected, day]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (objects(2**63, 2**64), ["9223372036854775808", "18446744073709551616"]),
        (objects(2**53 + 1, 0.5), ["9007199254740993", "0.5"]),
        (objects(1, True), ["1", "true"]),
        (objects(0.0, False), ["0", "false"]),
        (objects("a", 2.0**53), ["a", "9007199254740992"]),
        (objects(False, 1.0), ["false", "1"]),
        (objects(1, Decimal("1.50"), 2.0), ["1", "1.50", "2"]),
        (objects(8615266667780, "+86 152"), ["8615266667780", "+86 152"]),
    ],
)
def test_integers_keep_every_digit_beside_other_types(column, expected):
    assert texts(column) == expected


STRING_LISTS = [["A", "B"], None, [], [" C"]]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.nulls(2), [None, None]),
        (pa.array(["a ", None], pa.large_string()), ["a", None]),
        (pa.array(["a ", None], pa.string_view()), ["a", None]),
        (pa.array([b"a", None], pa.large_binary()), ["a", None]),
        (pa.array([b"a"], pa.binary_view()), ["a"]),
        (pa.array([b"ab"], pa.binary(2)), ["ab"]),
        (pa.array(STRING_LISTS, pa.large_list(pa.string())), ["A,B", None, None, "C"]),
        (pa.array(STRING_LISTS, pa.list_view(pa.string())), ["A,B", None, None, "C"]),
        (pa.array([["A", "B"], None, ["C", None]], pa.list_(pa.string(), 2)), ["A,B", None, "C"]),
        (pa.array(STRING_LISTS)[1:], [None, None, "C"]),
        (pa.array([["A", "B"], None, ["C", None]], pa.list_(pa.string(), 2))[1:], [None, "C"]),
        (pa.array([DAY], pa.date64()), ["2020/03/08"]),
        (pa.array([Decimal("1.5")], pa.decimal256(40, 3)), ["1.500"]),
        (pa.array([Decimal("1E+3")], pa.decimal128(5, -3)), ["1000"]),
        (pa.array([(1, 2, 3)], pa.month_day_nano_interval()), ["1,2,3"]),
        (pa.array([uuid.UUID(int=5).bytes, None], pa.uuid()), ["00000000-0000-0000-0000-000000000005", None]),
        (pa.array([{"a": 1}, None]), ['{"a":"1"}', None]),
        (
            pa.array([{"a": {"b": [1.0, None], "c": DAY}, "d": None}]),
            ['{"a":{"b":["1"],"c":"2020/03/08"}}'],
        ),
        (pa.array([[("k", 1), ("l", None)], None], pa.map_(pa.string(), pa.int64())), ['{"k":"1"}', None]),
        (pa.RunEndEncodedArray.from_arrays([2, 3], pa.array(["a", None])), ["a", "a", None]),
    ],
)
def test_an_arrow_column_of_any_type_has_its_text(column, expected):
    assert as_text(column).to_pylist() == expected


def test_a_dictionary_of_string_views_is_written_too_as_polars_hands_it_over():
    values = pa.array(["a", None, " b"]).cast(pa.string_view())
    column = pa.DictionaryArray.from_arrays(pa.array([2, 1, None, 0], pa.uint32()), values)
    assert as_text(column).to_pylist() == ["b", None, None, "a"]


@pytest.mark.parametrize("zone", ["UTC+8", "gmt+8", "UTC+08:00", "+08", "+0800", "+08:00", "Asia/Shanghai"])
@pytest.mark.parametrize("form", [pa.array, lambda moments: moments.dictionary_encode()])
def test_a_zone_may_be_an_offset_however_it_is_written(zone, form):
    moments = pa.array([dt.datetime(2020, 3, 8, 16, 0, 1, tzinfo=dt.UTC), None], pa.timestamp("us", zone))
    assert as_text(form(moments)).to_pylist() == ["2020/03/09", None]


@pytest.mark.parametrize("zone", ["Z", "utc", "UTC", "GMT", "UTC-3:30", "-03", "Etc/GMT+8"])
def test_a_zone_may_be_that_of_greenwich_or_west_of_it(zone):
    moments = pa.array([dt.datetime(2020, 3, 8, 23, 59, 59, tzinfo=dt.UTC)], pa.timestamp("us", zone))
    assert as_text(moments).to_pylist() == ["2020/03/08"]


def test_a_zone_that_is_not_known_is_named_with_what_to_do():
    moments = pa.array([0], pa.timestamp("us", "Asia/Beijing"))
    for column in (moments, pa.StructArray.from_arrays([moments], ["k"]), pa.array([[0]], pa.list_(moments.type))):
        with pytest.raises(InputError, match=r"timestamp\[us, tz=Asia/Beijing\].* convert the column to UTC, to"):
            as_text(column)


@pytest.mark.parametrize("read", [as_text, lambda column: as_text(first_of(column))])
def test_runs_of_a_dictionary_are_written_too(read):
    values = pa.array(["a", None, "b"]).dictionary_encode()
    column = pa.RunEndEncodedArray.from_arrays([2, 3, 5], values)
    assert read(column).to_pylist() == ["a", "a", None, "b", "b"]
    assert read(column.slice(1, 3)).to_pylist() == ["a", None, "b"]


def first_of(column):
    """Return a column as tables in memory have it."""
    [batch] = open_source(pa.table({"x": column})).batches()
    return batch.records.column(0)


def test_a_column_without_rows_has_no_text():
    kinds = [pa.null(), pa.float64(), pa.timestamp("us", "UTC"), pa.list_(pa.string()), pa.decimal128(5, 2)]
    assert [as_text(pa.array([], kind)).to_pylist() for kind in kinds] == [[]] * len(kinds)


scalars = st.one_of(
    st.none(),
    st.sampled_from([pd.NA, pd.NaT, np.nan, np.datetime64("NaT"), Decimal("NaN")]),
    st.integers(),
    st.integers(-(2**63), 2**63 - 1).map(np.int64),
    st.floats(),
    st.floats().map(np.float64),
    st.booleans(),
    st.decimals(allow_infinity=False).filter(lambda value: not value.is_snan()),
    st.dates(),
    st.datetimes(),
)
columns = st.one_of(
    st.lists(scalars, min_size=1, max_size=6).map(lambda values: objects(*values)),
    st.lists(st.floats(), min_size=1).map(pd.Series),
    st.lists(st.floats(width=32), min_size=1).map(lambda values: pd.Series(values, dtype="float32")),
    st.lists(st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)), min_size=1).map(
        lambda values: pd.Series(values, dtype="Int64")
    ),
    st.lists(st.one_of(st.none(), st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1))), min_size=1).map(  # noqa: DTZ001
        lambda values: pd.Series(values, dtype="datetime64[ns]")
    ),
)


@given(columns)
def test_no_column_without_text_yields_a_missing_values_name(column):
    assert [text for text in texts(column) if text is not None and text.lower() in MACHINE_FORMS] == []


@given(st.lists(st.one_of(st.none(), st.integers(1 - 2**53, 2**53 - 1)), min_size=1), st.booleans())
def test_an_integer_comes_out_as_itself_however_pandas_keeps_it(numbers, mixed):
    expected = [None if number is None else str(number) for number in numbers]
    kinds = ["float64", "Float64", "Int64", "int64[pyarrow]", "double[pyarrow]", object]
    assert [texts(pd.Series(numbers, dtype=kind)) for kind in kinds] == [expected] * len(kinds)
    assert texts(objects("x", *map(float_or_none, numbers)))[1:] == expected


def float_or_none(number):
    return None if number is None else float(number)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_reads_back_as_itself_and_below_two_to_the_53_a_whole_one_has_digits_only(number):
    column_text, value_text = texts(pd.Series([number]))[0], value_as_text(number)

    assert float(column_text) == float(value_text) == number
    if number.is_integer() and abs(number) < EXACT_FLOAT:
        assert column_text == value_text == str(int(number))


@given(st.lists(st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"]))), min_size=1))
def test_a_text_is_trimmed_and_else_unchanged(values):
    written = texts(pd.Series(values, dtype=object))

    assert written == [(value or "").strip() or None for value in values]


def test_no_character_that_is_trimmed_or_invisible_counts_as_visible():
    characters = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000]
    begins, ends = visible_edges(pa.array(characters))
    seen = [character for character, *edges in zip(characters, begins, ends, strict=True) if any(edges)]
    assert not [each for each in seen if each.isspace() or category(each) in {"Cc", "Cf", "Zs", "Zl", "Zp"}]
    assert {"a", "~", "Я", "李"} <= set(seen)


@pytest.mark.parametrize("column", [[], [""], ["a", ""], ["a", None], [None]])
def test_a_column_without_a_text_in_each_row_has_no_edges(column):
    assert visible_edges(pa.array(column, pa.string())) is None


def test_edges_are_those_of_a_part_of_a_column():
    begins, ends = visible_edges(pa.array([" a", "b ", " c", "d"])[1:3])
    assert (begins.tolist(), ends.tolist()) == ([True, False], [False, True])
