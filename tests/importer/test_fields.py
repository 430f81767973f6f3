"""Columns become the API's fields; what cannot be sent is found and explained."""

from __future__ import annotations

import datetime as dt
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_socialscrm.importer.dead_letter import OWN_COLUMNS
from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.importer.fields import check_columns, encode, has_side_effects
from airflow_provider_socialscrm.importer.source import Batch, open_source

NUMBER = "8615266667780"
READABLE = st.text(st.characters(exclude_categories=["Cs"]))


def encoded(data, *, agent_in_row=False, start=0):
    """Return the rows and the invalid rows of a table that fits one batch."""
    table = data if isinstance(data, pa.Table) else pd.DataFrame(data)
    [batch] = open_source(table).batches()
    return encode(Batch(start, batch.records), agent_in_row=agent_in_row)


def sent(data, **options):
    """Return what the CRM would read of a table whose rows can all be sent."""
    rows, invalid = encoded(data, **options)
    assert invalid == []
    return [json.loads(row.body) for row in rows]


def codes(data, **options):
    """Return the reasons of each row that cannot be sent, by position."""
    _, invalid = encoded(data, **options)
    return {row.position: [reason.code for reason in row.reasons] for row in invalid}


def test_a_row_is_a_flat_object_of_texts_in_the_order_of_the_columns():
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
        ("friendName", "Nov\u00e1k \U0001f600"),
        ("whatsApp", NUMBER),
        ("birthday", "1990/03/08"),
        ("tabName", "VIP,Prague"),
        ("Shoe Size", "42"),
        ("Active", "true"),
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
        ("8.6152666677e+12", "bad-number"),
        ("\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668", "bad-number"),
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
    assert codes({"whatsApp": pd.Series([number], dtype=object)}) == {0: [code]}


@pytest.mark.parametrize(("digits", "sendable"), [(6, False), (7, True), (15, True), (16, False)])
def test_a_number_has_seven_to_fifteen_digits(digits, sendable):
    rows, invalid = encoded({"whatsApp": ["1" * digits]})
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
        ("08.03.1990", False),
        ("03/08/1990", False),
        ("19900308", False),
        ("1990", False),
        ("1990/03/08x", False),
        ("1990/03/08 10:00", False),
        ("1990/ 3/ 8", False),
        ("unknown", False),
    ],
)
def test_a_birthday_is_a_day_of_the_calendar(birthday, real):
    assert codes({"whatsApp": [NUMBER], "birthday": [birthday]}) == ({} if real else {0: ["bad-birthday"]})


@settings(deadline=None, max_examples=100)
@given(st.dates())
def test_each_real_day_is_a_birthday_as_date_and_as_text(day):
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
    ("columns", "agent_in_row", "named"),
    [
        (["friendName"], False, ["no column whatsApp"]),
        (["friendName"], True, ["no column whatsApp", "no column agentAccount", "header scheme"]),
        (["whatsApp"], True, ["no column agentAccount", "header scheme"]),
        (["agentAccount"], True, ["no column whatsApp"]),
        (["whatsapp", "AgentAccount"], True, ["Rename whatsapp, AgentAccount", "case-sensitive"]),
        (["WHATSAPP", "agentaccount"], False, ["Rename WHATSAPP:"]),
        ([], False, ["no column whatsApp"]),
    ],
)
def test_a_missing_column_is_named_and_so_is_its_wrongly_cased_form(columns, agent_in_row, named):
    with pytest.raises(InputError) as caught:
        check_columns(columns, agent_in_row=agent_in_row)
    assert [part for part in named if part not in str(caught.value)] == []


@pytest.mark.parametrize(
    ("columns", "agent_in_row"), [(["whatsApp"], False), (["x", "agentAccount", "whatsApp"], True)]
)
def test_enough_columns_are_enough(columns, agent_in_row):
    check_columns(columns, agent_in_row=agent_in_row)


@pytest.mark.parametrize(
    ("fields", "harmful"),
    [
        ({"welcome": "Hello"}, True),
        ({"desc": "welcome"}, False),
        ({"desc": '"welcome":"x"'}, False),
        ({"welcomes": "x", "Welcome": "y"}, False),
        ({"welcome": None}, False),
        ({"welcome": " "}, False),
    ],
)
def test_only_a_welcome_that_is_sent_makes_a_repeat_harmful(fields, harmful):
    rows, _ = encoded({"whatsApp": [NUMBER]} | {name: [value] for name, value in fields.items()})
    assert [has_side_effects(row) for row in rows] == [harmful]


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
    rows, invalid = encode(Batch(start, records), agent_in_row=agent_in_row)
    sendable, refused = [row.position for row in rows], [row.position for row in invalid]

    assert sendable == sorted(sendable)
    assert refused == sorted(refused)
    assert sorted(sendable + refused) == list(range(start, start + records.num_rows))
    assert [row.position for row in invalid if not row.reasons] == []


@settings(deadline=None, max_examples=150)
@given(st.lists(READABLE, min_size=1), READABLE)
def test_any_text_survives_up_to_trimming_and_so_does_any_columns_name(texts, name):
    column = f"x{name}"
    rows = sent({"whatsApp": pd.Series([NUMBER] * len(texts)), column: pd.Series(texts, dtype=object)})
    assert [row.get(column, "") for row in rows] == [text.strip() for text in texts]
