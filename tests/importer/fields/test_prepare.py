"""Columns become the API's fields; what cannot be sent is found and explained."""

from __future__ import annotations

import datetime as dt
import json
from array import array
from decimal import Decimal
from fractions import Fraction
from itertools import count

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_socialscrm.importer.columns.cleaning import clean_text
from airflow_provider_socialscrm.importer.fields.mapping import plan_fields, tidy_name
from airflow_provider_socialscrm.importer.fields.prepare import RowPreparer
from airflow_provider_socialscrm.importer.fields.rules import SAMPLE
from airflow_provider_socialscrm.importer.fields.table_facts import TableFacts
from airflow_provider_socialscrm.importer.options import Rules
from airflow_provider_socialscrm.importer.reasons import OWN_COLUMNS, unreadable
from airflow_provider_socialscrm.importer.sources.base import Batch
from airflow_provider_socialscrm.importer.sources.open_source import open_source

NUMBER = "8615266667780"
TODAY = dt.date(2026, 11, 26)
READABLE = st.text(st.characters(exclude_categories=["Cs"]))


def prepared(data, *, agent_in_row=False, start=0, bytes_per_call=10**6, superseded=None, **rules):
    """Return the rows of a table that fits one batch, judged."""
    records = data
    if not isinstance(data, pa.RecordBatch):
        [batch] = open_source(data if isinstance(data, pa.Table) else pd.DataFrame(data)).batches()
        records = batch.records
    chosen = Rules(**({"extension_fields": "all"} | rules))
    names = list(records.schema.names)
    plan = plan_fields(
        [*names, *({"agentAccount"} - {*names} if agent_in_row else ())], chosen, agent_in_row=agent_in_row
    )
    preparer = RowPreparer(
        plan, chosen, agent_in_row, bytes_per_call, lambda agent: 100 + len(agent or ""), TableFacts(TODAY)
    )
    return preparer.check(Batch(start, records)).prepared(superseded or {}, count())


def encoded(data, **options):
    """Return the rows and the invalid rows of a table that fits one batch."""
    found = prepared(data, **options)
    return found.rows, found.invalid


def sent(data, **options):
    """Return what the CRM would read of a table whose rows can all be sent."""
    rows, invalid = encoded(data, **options)
    assert invalid == []
    return [json.loads(row.body) for row in rows]


def codes(data, **options):
    """Return the reasons of each row that cannot be sent, by position."""
    _, invalid = encoded(data, **options)
    return {row.position: [reason.code for reason in row.reasons] for row in invalid}


def test_a_row_is_a_flat_object_of_texts_with_the_number_first_and_the_others_by_name():
    data = {
        "friendName": ["Nov\u00e1k \U0001f600"],
        "whatsApp": [8615266667780],
        "birthday": [dt.date(1990, 3, 8)],
        "tabName": [["VIP", "Prague"]],
        "Shoe Size": [42.0],
        "Active": [True],
    }
    rows, invalid = encoded(data)

    assert invalid == []
    assert list(json.loads(rows[0].body).items()) == [
        ("whatsApp", NUMBER),
        ("Active", "true"),
        ("Shoe Size", "42"),
        ("birthday", "1990/03/08"),
        ("friendName", "Nov\u00e1k \U0001f600"),
        ("tabName", "VIP,Prague"),
    ]


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, pd.NaT, "", "  ", []])
def test_a_missing_value_is_left_out(missing):
    column = pd.Series([None, "x"], dtype=object)
    column.iat[0] = missing
    assert sent({"whatsApp": [NUMBER] * 2, "desc": column}) == [
        {"whatsApp": NUMBER},
        {"whatsApp": NUMBER, "desc": "x"},
    ]


def test_what_is_no_data_of_the_customer_is_not_sent():
    added = {name: ["x"] for name in OWN_COLUMNS}
    data = pa.table({"whatsApp": [NUMBER], "socialscrm_like": ["kept"], "__index_level_0__": [7]} | added)
    assert sent(data) == [{"whatsApp": NUMBER, "socialscrm_like": "kept"}]


@pytest.mark.parametrize(
    "number",
    [
        NUMBER,
        8615266667780,
        8615266667780.0,
        "8615266667780.0",
        "+8615266667780",
        "+86 152-6666 7780",
        "  +86 (152) 6666.7780 ",
        "008615266667780",
        "0086 152 6666 7780",
        "(0086) 152 6666 7780",
        "+86 (0)152 6666 7780",
        "\uff0b\uff18\uff16 \uff11\uff15\uff12 6666 7780",
        "+86\uff08152\uff0966667780",
        "\uff10\uff10\uff18\uff1615266667780",
        "86\u00a0152\u202f6666\u30007780",
        "86\u2011152\u20106666\u20137780",
        "\u200e+8615266667780\u200b",
        "\ufeff8615266667780",
        "86\t1526666\n7780",
        b"8615266667780",
        "8.615266667780E+12",
        "\u0668\u0666\u0661\u0665\u0662\u0666\u0666\u0666\u0666\u0667\u0667\u0668\u0660",
    ],
)
def test_a_number_is_sent_as_digits_however_it_is_written(number):
    assert sent({"whatsApp": pd.Series([number], dtype=object)}) == [{"whatsApp": NUMBER}]


@pytest.mark.parametrize("column", [["8615266667780", 8615266667780], [8615266667780.0, None], [8615266667780, 1.5]])
def test_a_number_keeps_its_digits_whatever_stands_below_it(column):
    rows, _ = encoded({"whatsApp": pd.Series(column, dtype=object)})
    assert json.loads(rows[0].body) == {"whatsApp": NUMBER}


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("123456", "bad-number"),
        ("1234567890123456", "bad-number"),
        ("+", "bad-number"),
        ("00", "bad-number"),
        ("abc", "bad-number"),
        ("8615266667780x", "bad-number"),
        ("8.6152666e+12", "rounded-number"),
        ("015266667780", "national-number"),
        ("-1", "bad-number"),
        (8615266667780.5, "bad-number"),
        (True, "bad-number"),
        (None, "no-number"),
        ("", "no-number"),
        (" \u00a0", "no-number"),
        (np.nan, "no-number"),
    ],
)
def test_what_is_no_number_is_invalid_with_one_reason(number, code):
    assert codes({"whatsApp": pd.Series([number], dtype=object), "friendName": ["Xan"]}) == {0: [code]}


@pytest.mark.parametrize("empty", [None, "", " ", "\u00a0", np.nan, pd.NA])
def test_a_row_without_any_value_is_blank_and_no_failure(empty):
    data = {"whatsApp": [NUMBER, empty, empty], "friendName": ["Xan", empty, "Bo"], "Unnamed: 0": [0, 1, 2]}
    found = prepared({name: pd.Series(column, dtype=object) for name, column in data.items()}, extension_fields=None)
    assert [row.position for row in found.rows] == [0]
    assert found.blank == [1]
    assert [row.position for row in found.invalid] == [2]


def test_a_row_of_a_dead_letter_is_not_blank_since_its_line_could_not_be_read():
    data = {"whatsApp": [NUMBER, None, None], "friendName": ["Xan", None, None], "socialscrm_import": ["a", "a", None]}
    found = prepared(data)
    assert [row.position for row in found.invalid] == [1]
    assert found.blank == [2]  # which a spreadsheet added


def test_a_row_of_the_users_null_values_only_is_blank():
    found = prepared({"whatsApp": [NUMBER, "NULL"], "friendName": ["Xan", "NULL"]}, null_values=["NULL"])
    assert (found.blank, found.invalid) == ([1], [])


@pytest.mark.parametrize(("digits", "sendable"), [(6, False), (8, True), (15, True), (16, False)])
def test_a_number_has_seven_to_fifteen_digits(digits, sendable):
    rows, invalid = encoded({"whatsApp": ["+" + "4915123456789012"[:digits]]})
    assert (len(rows), len(invalid)) == ((1, 0) if sendable else (0, 1))


@pytest.mark.parametrize(
    "birthday",
    [
        "1990/03/08",
        "1990/3/8",
        "1990-03-08",
        "1990-3-08",
        " 1990/03/08 ",
        dt.date(1990, 3, 8),
        dt.datetime(1990, 3, 8, 23),  # noqa: DTZ001
        dt.datetime(1990, 3, 8, 1, tzinfo=dt.timezone(dt.timedelta(hours=8))),
        pd.Timestamp("1990-03-08"),
        np.datetime64("1990-03-08"),
    ],
)
def test_a_birthday_is_sent_in_the_vendors_form(birthday):
    data = {"whatsApp": [NUMBER], "birthday": pd.Series([birthday], dtype=object)}
    assert sent(data) == [{"whatsApp": NUMBER, "birthday": "1990/03/08"}]


@pytest.mark.parametrize(
    ("birthday", "real"),
    [
        ("2000/02/29", True),
        ("1900/02/29", False),
        ("1990/02/30", False),
        ("1990/04/31", False),
        ("1990/13/01", False),
        ("1990/00/10", False),
        ("1990/03/00", False),
        ("1990/03/32", False),
        ("90/03/08", False),
        ("19900308", True),
        ("1990", False),
        ("1990/03/08x", False),
        ("1990/03/08 10:00", True),
        ("1990/ 3/ 8", False),
        ("unknown", False),
    ],
)
def test_a_birthday_is_a_day_of_the_calendar(birthday, real):
    assert codes({"whatsApp": [NUMBER], "birthday": [birthday]}) == ({} if real else {0: ["bad-birthday"]})


@settings(deadline=None, max_examples=100)
@given(st.dates(dt.date(1900, 1, 1), dt.date(2025, 12, 31)))
def test_each_day_from_1900_is_a_birthday_as_date_and_as_text(day):
    expected = f"{day.year:04}/{day.month:02}/{day.day:02}"
    data = {"whatsApp": [NUMBER] * 2, "birthday": [day.isoformat(), f"{day.year:04}/{day.month}/{day.day}"]}
    assert [row["birthday"] for row in sent(data)] == [expected, expected]
    assert sent({"whatsApp": [NUMBER], "birthday": [day]})[0]["birthday"] == expected


@pytest.mark.parametrize("column", ["tabName", "cancelTabName"])
@pytest.mark.parametrize("kind", [pa.list_(pa.string()), pa.large_list(pa.string()), pa.list_(pa.string(), 2)])
def test_a_comma_within_a_listed_tag_would_make_two_tags_of_it(column, kind):
    tags = pa.array([["a", "b"], ["c", "d, e"], None, ["f,", None]], kind)
    data = pa.table({"whatsApp": [NUMBER] * 4, column: tags})
    assert codes(data) == {1: ["comma-in-tag"], 3: ["comma-in-tag"]}
    assert codes(data.slice(1)) == {0: ["comma-in-tag"], 2: ["comma-in-tag"]}


def test_commas_are_fine_in_a_text_of_tags_and_in_lists_of_other_columns():
    data = {"whatsApp": [NUMBER], "tabName": ["a,b"], "Hobbies": [["chess, rapid", "go"]]}
    assert sent(data) == [{"whatsApp": NUMBER, "tabName": "a,b", "Hobbies": "chess, rapid,go"}]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "Float64", "double[pyarrow]", "category"])
def test_an_infinite_number_is_invalid_and_a_missing_one_is_not(dtype):
    column = pd.Series([1.0, np.inf, -np.inf, None]).astype(dtype)
    assert codes({"whatsApp": [NUMBER] * 4, "Points": column}) == {1: ["infinite"], 2: ["infinite"]}


def test_the_longest_integers_that_can_be_written_are_sent_whole():
    longest = 10**4299 - 1
    data = {"whatsApp": [NUMBER] * 3, "Points": pd.Series([longest, -longest, "x"], dtype=object)}
    assert [row["Points"] for row in sent(data)] == [str(longest), str(-longest), "x"]


def test_what_the_driver_of_a_database_or_a_calculation_returns_is_sent_as_text():
    values = [memoryview(b"abc"), array("i", [1, 2]), Fraction(1, 3), Decimal("sNaN"), Decimal("1E-4300"), "x"]
    found = sent({"whatsApp": [NUMBER] * 6, "Note": pd.Series(values, dtype=object)})
    assert [row.get("Note") for row in found] == ["abc", "1,2", "1/3", None, f"0.{'0' * 4299}1", "x"]


def test_a_row_has_every_reason_it_cannot_be_sent_for():
    data = {
        "whatsApp": ["12", NUMBER],
        "agentAccount": [None, "novak"],
        "birthday": ["1990/02/30", None],
        "tabName": [["a,b"], ["c"]],
        "Points": [np.inf, 1],
    }
    assert {code for found in codes(data).values() for code in found} == {
        "bad-number", "no-agent", "bad-birthday", "comma-in-tag", "infinite",
    }  # fmt: skip
    assert list(codes(data)) == [0]


def test_every_reason_says_what_is_wrong_and_what_to_mend_without_the_value():
    _, invalid = encoded({"whatsApp": ["secret"], "birthday": ["secret"], "agentAccount": [""], "Points": [np.inf]})
    assert [len(row.reasons) for row in invalid] == [4]
    assert [
        reason for reason in invalid[0].reasons if "secret" in str(reason) or not (reason.meaning and reason.hint)
    ] == []


@pytest.mark.parametrize("agent_in_row", [True, False])
@pytest.mark.parametrize("agent", [None, "", "  "])
def test_a_row_without_its_agent_is_invalid_where_the_column_exists(agent_in_row, agent):
    data = {"whatsApp": [NUMBER] * 2, "agentAccount": [agent, "novak"]}
    assert codes(data, agent_in_row=agent_in_row) == {0: ["no-agent"]}


def test_the_body_scheme_takes_the_agent_out_of_the_row():
    rows, _ = encoded({"whatsApp": [NUMBER] * 2, "agentAccount": ["novak", " wang "]})
    assert [row.agent for row in rows] == ["novak", "wang"]
    assert [json.loads(row.body) for row in rows] == [{"whatsApp": NUMBER}] * 2


def test_the_body_scheme_without_the_column_leaves_the_agent_to_the_connection():
    rows, _ = encoded({"whatsApp": [NUMBER]})
    assert [row.agent for row in rows] == [None]


def test_the_header_scheme_sends_the_agent_in_the_row():
    rows, _ = encoded({"whatsApp": [NUMBER], "agentAccount": ["novak"]}, agent_in_row=True)
    assert [row.agent for row in rows] == [None]
    assert [json.loads(row.body) for row in rows] == [{"whatsApp": NUMBER, "agentAccount": "novak"}]


def test_a_rows_repr_shows_no_customer():
    rows, invalid = encoded({"whatsApp": ["420777123456", "12345"], "agentAccount": ["novak", "novak"]})
    shown = f"{rows!r} {rows[0]} {invalid!r} {rows[0].batch!r}"
    assert [secret for secret in ("420777123456", "12345", "novak") if secret in shown] == []
    assert "position=0" in shown


@pytest.mark.parametrize(
    ("fields", "harmful"),
    [
        ({"welcome": "Hello"}, True),
        ({"desc": "welcome"}, False),
        ({"desc": '"welcome":"x"'}, False),
        ({"Greeting": "x", "Note on welcome": "y"}, False),
        ({"welcome": None}, False),
        ({"welcome": " "}, False),
    ],
)
def test_only_a_welcome_that_is_sent_makes_a_repeat_harmful(fields, harmful):
    rows, _ = encoded({"whatsApp": [NUMBER]} | {name: [value] for name, value in fields.items()})
    assert [row.has_side_effects for row in rows] == [harmful]


values = st.one_of(st.none(), READABLE, st.sampled_from(["1990/03/08", "+86 152 6666 7780", "12", "a,b"]))
tables = st.integers(0, 8).flatmap(
    lambda rows: st.fixed_dictionaries(
        {
            name: st.lists(values, min_size=rows, max_size=rows)
            for name in ("whatsApp", "agentAccount", "birthday", "Note")
        }
    )
)


@settings(deadline=None, max_examples=150)
@given(tables, st.booleans(), st.integers(0, 10**9))
def test_each_row_is_sent_or_invalid_once_and_in_order(table, agent_in_row, start):
    records = pa.RecordBatch.from_pydict({name: pa.array(column, pa.string()) for name, column in table.items()})
    found = prepared(records, agent_in_row=agent_in_row, start=start)
    rows, invalid = found.rows, found.invalid
    sendable, refused = [row.position for row in rows], [row.position for row in invalid]

    assert [row.order for row in rows] == list(range(len(rows)))
    assert [
        row.position for agent in dict.fromkeys(r.agent for r in rows) for row in rows if row.agent == agent
    ] == sendable
    assert refused == sorted(refused)
    assert sorted([*sendable, *refused, *found.blank]) == list(range(start, start + records.num_rows))
    assert [row.position for row in invalid if not row.reasons] == []


@settings(deadline=None, max_examples=150)
@given(st.lists(READABLE, min_size=1), READABLE)
def test_any_text_survives_up_to_cleaning_and_so_does_any_columns_name(texts, name):
    column = f"x{name}"
    rows = sent({"whatsApp": pd.Series([NUMBER] * len(texts)), column: pd.Series(texts, dtype=object)})
    assert [row.get(tidy_name(column), "") for row in rows] == [clean_text(text) for text in texts]


def test_rows_of_one_agent_follow_each_other_with_side_effects_first():
    data = {
        "whatsApp": [str(8615000000000 + n) for n in range(6)],
        "agentAccount": list("babaab"),
        "welcome": [None, "hi", "hi", None, "hi", None],
    }
    rows, _ = encoded(data)
    assert [(row.agent, row.position, row.has_side_effects) for row in rows] == [
        ("b", 2, True), ("b", 0, False), ("b", 5, False), ("a", 1, True), ("a", 4, True), ("a", 3, False),
    ]  # fmt: skip


def test_a_row_whose_number_another_has_is_neither_sent_nor_invalid():
    found = prepared({"whatsApp": [NUMBER, "12", NUMBER, NUMBER]}, start=10, superseded={0: 13, 1: 12})
    assert [row.position for row in found.rows] == [12, 13]
    assert found.invalid == []
    assert [(row.position, row.winner) for row in found.superseded] == [(10, 13), (11, 12)]


def test_a_row_too_large_for_any_call_is_invalid_beside_its_other_reasons():
    body = len(json.dumps({"whatsApp": NUMBER, "desc": "x" * 50}, separators=(",", ":")))
    data = {"whatsApp": [NUMBER, NUMBER, "12"], "desc": ["x" * 50, "x" * 51, "x" * 90]}
    assert codes(data, bytes_per_call=100 + body) == {1: ["too-large"], 2: ["bad-number", "too-large"]}


def test_the_room_for_a_row_depends_on_who_signs_for_it():
    data = {"whatsApp": [NUMBER] * 2, "agentAccount": ["a", "a" * 30]}
    assert codes(data, bytes_per_call=100 + 28 + 10) == {1: ["too-large"]}


def test_a_field_is_filled_emptied_or_left_out_as_the_rules_say():
    data = {
        "whatsApp": [NUMBER] * 2,
        "stage": [None, "Old"],
        "desc": [" ", "x"],
        "email": [None, "y"],
        "birthday": ["", ""],
    }
    rules = {"defaults": {"stage": "New", "source": "API"}, "empty": {"desc": "send", "birthday": "send"}}
    assert sent(data, **rules) == [
        {"whatsApp": NUMBER, "stage": "New", "desc": "", "birthday": "", "source": "API"},
        {"whatsApp": NUMBER, "stage": "Old", "desc": "x", "email": "y", "birthday": "", "source": "API"},
    ]


def test_a_default_follows_the_rule_of_its_field():
    assert sent({"whatsApp": [NUMBER]}, defaults={"birthday": dt.date(1990, 3, 8), "sex": "Male"}) == [
        {"whatsApp": NUMBER, "birthday": "1990/03/08", "sex": "male"}
    ]
    assert codes({"whatsApp": [NUMBER]}, defaults={"birthday": "soon"}) == {0: ["bad-birthday"]}


@pytest.mark.parametrize(
    ("sex", "expected", "odd"),
    [
        ("male", "male", 0),
        ("FEMALE", "female", 0),
        ("Unknown", "unknown", 0),
        ("m", "male", 0),
        ("\u7537", "male", 0),
        ("mixed", "mixed", 1),
    ],
)
def test_a_sex_is_sent_in_the_vendors_words_and_another_word_as_it_is_with_a_remark(sex, expected, odd):
    found = prepared({"whatsApp": [NUMBER] * 2, "sex": [sex, None]})
    assert [json.loads(row.body).get("sex") for row in found.rows] == [expected, None]
    assert {reason.code: rows for reason, rows in found.remarks.items()} == ({"odd-sex": 1} if odd else {})


@pytest.mark.parametrize(
    ("tags", "expected"),
    [("a, b", "a,b"), (" a ,, b,", "a,b"), (",", None), ("a b", "a b"), (["a ", None, "b"], "a,b")],
)
def test_tags_are_names_with_single_commas_between(tags, expected):
    column = pd.Series([tags, "x"], dtype=object)
    assert [row.get("tabName") for row in sent({"whatsApp": [NUMBER] * 2, "tabName": column})] == [expected, "x"]


MIXED_TROUBLE = [
    ("tabName", ["a,b"], "comma-in-tag"), ("Points", float("inf"), "infinite"), ("Note", b"\xff\xfe", "not-text"),
    ("Points", [1.0, float("-inf")], "infinite"), ("Note", [b"\xff"], "not-text"),
    ("Points", Decimal("-Infinity"), "infinite"), ("Points", 10**4400, "infinite"), ("Points", -(10**4400), "infinite"),
    ("Points", [1, 10**4400], "infinite"), ("Points", {"a": 10**4400}, "infinite"),
    ("Points", [{"a": [10**4400]}], "infinite"), ("Points", Fraction(10**4400, 3), "infinite"),
    ("Points", Decimal("1E+999999999"), "infinite"), ("Points", Decimal("1E-999999999"), "infinite"),
    ("Points", Decimal("0E-999999999"), "infinite"), ("Points", {"a": [Decimal("-1E+999999999")]}, "infinite"),
    ("Points", np.array(10**4400, dtype=object), "infinite"), ("Note", memoryview(b"\xff"), "not-text"),
]  # fmt: skip


@pytest.mark.parametrize(("column", "value", "code"), MIXED_TROUBLE, ids=map(str, range(len(MIXED_TROUBLE))))
@pytest.mark.parametrize("beside", ["text", 1, ["a", "b"], None])
def test_what_no_text_stands_for_is_found_whatever_stands_beside_it(column, value, code, beside):
    values = pd.Series([None, None], dtype=object)
    values.iat[0], values.iat[1] = value, beside
    assert codes({"whatsApp": [NUMBER] * 2, column: values}) == {0: [code]}


@pytest.mark.parametrize(
    "broken",
    [
        pa.array([b"\xff", b"ok"]),
        pa.array([b"\xff", b"ok"], pa.large_binary()),
        pa.array([b"\xff", b"ok"], pa.binary_view()),
        pa.array([b"\xff\xfe", b"ok"], pa.binary(2)),
        pa.StringArray.from_buffers(2, pa.py_buffer(np.array([0, 1, 3], np.int32)), pa.py_buffer(b"\xffok")),
        pa.ListArray.from_arrays(
            pa.array([0, 1, 2], pa.int32()),
            pa.StringArray.from_buffers(2, pa.py_buffer(np.array([0, 1, 3], np.int32)), pa.py_buffer(b"\xffok")),
        ),
    ],
)
def test_bytes_that_are_no_text_are_found_in_every_kind_of_column(broken):
    data = pa.table({"whatsApp": [NUMBER] * 2, "Note": broken})
    assert codes(data) == {0: ["not-text"]}
    assert [json.loads(row.body)["Note"] for row in encoded(data)[0]] == ["ok"]


@pytest.mark.parametrize("dtype", ["float32", "float[pyarrow]", "Float32"])
def test_a_number_in_a_32_bit_float_has_lost_its_last_digits(dtype):
    numbers = pd.Series([8615266667780, 6907290, None]).astype(dtype)
    assert codes({"whatsApp": numbers, "friendName": ["Xan", "Bo", "Ann"]}) == {0: ["rounded-number"], 2: ["no-number"]}


def test_a_column_of_64_bit_floats_that_mostly_end_in_zero_was_rounded_before():
    numbers = pd.Series([8615266667780.0 + 10 * n for n in range(5)])
    assert codes({"whatsApp": numbers}) == {n: ["rounded-number"] for n in range(5)}
    assert codes({"whatsApp": pd.Series([8615266667780.0 + n for n in range(30)])}) == {}


def test_a_32_bit_float_among_values_of_other_types_has_lost_its_last_digits_too():
    numbers = pd.Series([np.float32(8615266667780), "8615266667781", np.float64(8615266667782)], dtype=object)
    assert codes({"whatsApp": numbers}) == {0: ["rounded-number"]}
    assert codes({"whatsApp": pd.arrays.SparseArray(np.array([8615266667780, 8615266667781], "f4"))}) == {
        0: ["rounded-number"],
        1: ["rounded-number"],
    }
    assert sent({"whatsApp": [NUMBER], "Points": pd.Series([np.float32(0.1)], dtype=object)})[0]["Points"] == "0.1"


@settings(max_examples=settings.default.max_examples // 6)
@given(st.lists(st.sampled_from([None, "a", "b, c", " ", "\x00"]), min_size=SAMPLE, max_size=SAMPLE + 40))
def test_a_column_that_repeats_its_values_is_read_as_any_other(values):
    columns = ("desc", "tabName", "birthday", "sex", "agentAccount", "whatsApp")
    table = pa.table({name: pa.array(values, pa.string()) for name in columns})
    for rules in ({}, {"defaults": {"desc": "d"}, "empty": {"desc": "send", "tabName": "send"}}):
        repeating = prepared(table, **rules)
        parts = [prepared(table.slice(start, 200), start=start, **rules) for start in range(0, len(values), 200)]
        assert repeating.invalid == [row for part in parts for row in part.invalid]
        assert [row.body for row in repeating.rows] == [row.body for part in parts for row in part.rows]
        assert sum(repeating.remarks.values()) == sum(sum(part.remarks.values()) for part in parts)


@pytest.mark.parametrize("values", [["a", None, "b", "a"], [None, None, None, None]])
def test_a_categorys_missing_values_are_missing_values(values):
    found = prepared({"whatsApp": [NUMBER] * 4, "agentAccount": pd.Series(values, dtype="category")})
    assert [row.position for row in found.invalid] == [place for place, value in enumerate(values) if value is None]


def test_an_unreadable_row_has_that_reason_alone():
    records = pa.RecordBatch.from_pydict({"whatsApp": pa.array([None, NUMBER], pa.string()), "birthday": ["x", None]})
    reason = unreadable("a.csv, line 2", "it has 3 values, but the header names 2")
    rules = Rules()
    plan = plan_fields(["whatsApp", "birthday"], rules, agent_in_row=False)
    preparer = RowPreparer(plan, rules, False, 10**6, lambda _: 100, TableFacts(TODAY))
    found = preparer.check(Batch(5, records, "a.csv", {0: reason})).prepared({}, count())
    assert [(row.position, row.reasons) for row in found.invalid] == [(5, (reason,))]
    assert [row.position for row in found.rows] == [6]


@pytest.mark.parametrize("agent_in_row", [False, True])
def test_a_row_has_what_later_steps_ask_for(agent_in_row):
    data = {
        "whatsApp": [str(8615000000000 + n) for n in range(4)],
        "agentAccount": list("aabb"),
        "Level": ["Gold", None, "Gold", "Silver"],
        "Points": ["1", "2", "3", None],
        "City": "Brno",
        "desc": [None, "x", "y", "z"],
    }
    rows, _ = encoded(data, agent_in_row=agent_in_row)
    for row in rows:
        body, agent = json.loads(row.body), data["agentAccount"][row.position]
        assert (str(row.number), row.extension_fields) == (body["whatsApp"], body.keys() & {"Level", "Points", "City"})
        assert (row.agent, row.named_agent) == ((None, agent) if agent_in_row else (agent, None))
    assert {row.extension_fields for row in encoded({"whatsApp": data["whatsApp"]})[0]} == {frozenset()}


def test_the_extension_fields_of_a_row_are_those_that_are_not_the_apis_own():
    data = {"whatsApp": [NUMBER], "Gr\u00f6\u00dfe": "42", "welcome": "Hi", "Level": " "}
    [row], _ = encoded(data, empty={"Level": "send"})
    assert row.extension_fields == {"Gr\u00f6\u00dfe", "Level"}


def test_no_place_is_drawn_for_no_row():
    places = count()
    rules = Rules()
    preparer = RowPreparer(
        plan_fields(["whatsApp"], rules, agent_in_row=False), rules, False, 10**6, lambda _: 100, TableFacts(TODAY)
    )
    for start in (0, 3):
        records = pa.RecordBatch.from_pydict({"whatsApp": [NUMBER, "12", NUMBER]})
        preparer.check(Batch(start, records)).prepared({}, places)
    assert next(places) == 4
