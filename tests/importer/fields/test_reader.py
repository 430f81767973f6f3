"""The table is read to its end before any call, and each of its rows goes once, or is kept back with a reason."""

from __future__ import annotations

import json
import logging
from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.importer.fields.reader import InputReader
from airflow_provider_socialscrm.importer.options import Options, Rules
from airflow_provider_socialscrm.importer.sources.base import BATCH_ROWS, Source
from airflow_provider_socialscrm.importer.sources.open_source import open_source


def reader_of(data, *, agent_in_row=False, batch_rows=BATCH_ROWS, **rules):
    source = replace(data if isinstance(data, Source) else open_source(data), batch_rows=batch_rows)
    return InputReader(source, Options(rules=Rules(**rules)), agent_in_row=agent_in_row, envelope=lambda _: 100)


def taken(data, **options):
    """Return the positions that go, those that cannot, and those that another row goes for."""
    reader = reader_of(data, **options)
    reader.read()
    found = list(reader.prepared_batches())
    return (
        [row.position for prepared in found for row in prepared.rows],
        [row.position for prepared in found for row in prepared.invalid],
        {row.position: row.winner for prepared in found for row in prepared.superseded},
    )


def numbered(*numbers, **columns):
    """Return a table; a number that is written short is made one that can be sent."""
    return pd.DataFrame({"whatsApp": [n and f"+86 152 {n:08}" for n in numbers]} | columns)


@pytest.mark.parametrize(
    ("duplicates", "going", "superseded"),
    [
        ("last", [1, 3], {0: None, 2: None, 4: None}),
        ("first", [1, 3], {0: None, 2: None, 4: None}),
        ("send", [0, 1, 2, 3, 4], {}),
    ],
)
@pytest.mark.parametrize("dtype", ["object", "category", "string"])
def test_a_row_of_a_dead_letter_for_which_another_one_went_does_not_go(duplicates, going, superseded, dtype):
    bucket = pd.Series(["duplicate", "rejected", "duplicate", None, "duplicate"], dtype=dtype)
    table = numbered(1, 1, 2, 3, 3, socialscrm_bucket=bucket)

    assert taken(table, duplicates=duplicates, batch_rows=3) == (going, [], superseded)


@pytest.mark.parametrize(
    ("duplicates", "going", "superseded"),
    [
        ("last", [2, 3, 6, 7], {0: 3, 1: 6, 4: 6}),
        ("first", [0, 1, 2, 7], {3: 0, 4: 1, 6: 1}),
        ("send", [0, 1, 2, 3, 4, 6, 7], {}),
    ],
)
def test_of_the_rows_with_one_number_one_goes_or_all(duplicates, going, superseded):
    table = numbered(1, 2, 3, 1, 2, None, 2, 4, friendName="Ann")
    assert taken(table, duplicates=duplicates, batch_rows=3) == (going, [5], superseded)


def test_a_number_is_the_same_however_it_is_written():
    table = pd.DataFrame(
        {"whatsApp": ["+86 152 6666 7780", "008615266667780", "x", "8615266667780.0", "8.615266667780E+12"]}
    )
    assert taken(table, batch_rows=3) == ([4], [2], {0: 4, 1: 4, 3: 4})


@pytest.mark.parametrize(
    ("duplicates", "going", "invalid", "superseded"),
    [("last", [1, 3], [2, 4], {0: 1}), ("first", [1, 3], [0], {2: 1, 4: 3}), ("send", [1, 3], [0, 2, 4], {})],
)
def test_a_row_that_cannot_be_sent_goes_for_no_other(duplicates, going, invalid, superseded):
    birthdays = ["bad", "1990/01/01", "bad", None, "bad"]
    table = numbered(1, 1, 1, 2, 2, birthday=birthdays)
    assert taken(table, duplicates=duplicates, batch_rows=3) == (going, invalid, superseded)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.sampled_from([None, *range(1, 6)]), st.booleans()), max_size=14),
    st.sampled_from(["last", "first", "send"]),
    st.sampled_from([None, "a"]),
)
def test_every_row_goes_or_is_kept_back_once(rows, duplicates, agent):
    table = numbered(
        *(n for n, _ in rows), birthday=[None if good else "bad" for _, good in rows], agentAccount=agent or "b"
    )
    going, invalid, superseded = taken(table, duplicates=duplicates, batch_rows=4)
    assert sorted([*going, *invalid, *superseded]) == list(range(len(rows)))
    assert {rows[place][0] for place in going} == {n for n, good in rows if n and good}
    assert [place for place, winner in superseded.items() if rows[place][0] != rows[winner][0]] == []
    assert set(superseded.values()) <= set(going)


def test_places_in_the_order_of_sending_run_on_over_batches_and_skip_what_is_kept_back():
    reader = reader_of(numbered(1, None, 2, 1, 3, 4, None), batch_rows=3)
    reader.read()
    found = [(row.order, row.position) for prepared in reader.prepared_batches() for row in prepared.rows]
    assert found == [(0, 2), (1, 3), (2, 4), (3, 5)]


def test_rows_that_cannot_be_sent_leave_no_gaps_in_the_places_of_many_batches():
    rows = [{"whatsApp": f"86997700{n:05}" if n % 3 else "none", "agentAccount": f"a{n % 2}"} for n in range(25_000)]
    reader = reader_of(rows)
    reader.read()
    places = [row.order for prepared in reader.prepared_batches() for row in prepared.rows]
    assert places == list(range(sum(n % 3 > 0 for n in range(25_000))))


def test_the_rows_that_go_can_be_asked_for_again_and_are_the_same():
    reader = reader_of(numbered(1, 2, 1, 3, None), batch_rows=3)
    reader.read()
    first, again = ([prepared.rows for prepared in reader.prepared_batches()] for _ in range(2))
    assert sum(map(len, first)) == 3
    assert [[(r.position, r.body, r.order) for r in rows] for rows in first] == [
        [(r.position, r.body, r.order) for r in rows] for rows in again
    ]


@pytest.mark.parametrize("data", [[], pd.DataFrame()])
def test_no_rows_at_all_need_no_columns(data):
    assert taken(data) == ([], [], {})
    assert taken(data, agent_in_row=True) == ([], [], {})


@pytest.mark.parametrize("data", [pd.DataFrame(index=[1]), [{}], pd.DataFrame({"friendName": []})])
def test_rows_or_columns_need_the_columns_that_each_row_needs(data):
    with pytest.raises(InputError, match="no column whatsApp"):
        reader_of(data)


def test_a_region_that_does_not_exist_is_refused_before_anything_is_read():
    with pytest.raises(InputError, match="default_region"):
        reader_of(numbered(1), default_region="China")


def test_national_numbers_get_the_country_code_of_the_region():
    reader = reader_of(pd.DataFrame({"whatsApp": ["152 6666 7780", "+49 30 901820"]}), default_region="CN")
    reader.read()
    assert [json.loads(row.body)["whatsApp"] for prepared in reader.prepared_batches() for row in prepared.rows] == [
        "8615266667780", "4930901820",
    ]  # fmt: skip


def test_a_file_that_breaks_at_its_end_is_found_before_any_row_is_given(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"whatsApp\n" + b"".join(b"86152%08d\n" % n for n in range(30)) + b"\xff\n")
    reader = reader_of(path, batch_rows=3)
    with pytest.raises(InputError, match=r"a\.csv, line 32"):
        reader.read()


def test_a_file_that_changes_or_goes_after_it_was_read_is_sent_as_it_was(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("whatsApp,note\n8615200000000,a\n")
    reader = reader_of(path)
    reader.read()
    path.unlink()
    [prepared] = reader.prepared_batches()
    assert [json.loads(row.body) for row in prepared.rows] == [{"whatsApp": "8615200000000"}]
    assert prepared.rows[0].batch.records.to_pylist() == [{"whatsApp": "8615200000000", "note": "a"}]


def test_unreadable_lines_are_rows_and_the_log_names_the_first_of_them(tmp_path, caplog):
    path = tmp_path / "a.csv"
    path.write_text("whatsApp,b\n" + "8615200000000,Secret,x\n" * 15 + "8615200000001,y\n")
    with caplog.at_level(logging.WARNING):
        assert taken(path) == ([15], list(range(15)), {})
    named = [record.getMessage() for record in caplog.records]
    lines = [f"{path}, line {line}: it has 3 values, but the header names 2" for line in range(2, 12)]
    assert named == [*lines, "... and 5 more lines of these 16 rows"]


def test_what_becomes_of_columns_is_said_once(caplog):
    table = numbered(1, 2, Level="Gold", FRIEND_NAME="Secret", password_hash="x", id=7)
    reader = reader_of(table, extension_fields=["Level"])
    with caplog.at_level(logging.INFO):
        reader.read()
        list(reader.prepared_batches())
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("INFO", "Column FRIEND_NAME goes to the field friendName"),
        ("INFO", "Extension fields, sent under their own names: Level"),
        ("INFO", "Columns that are not sent: password_hash, id. Name those to send in extension_fields"),
    ]
    assert reader.left_out == ["password_hash", "id"]


def test_no_name_shows_where_the_first_line_may_be_a_customer(caplog):
    columns = {"8615266667780": ["8615266667781"], "Annabel": ["Bo"], "a@b.example": ["c@d.example"]}
    reader = reader_of(pd.DataFrame(columns), defaults={"whatsApp": "6591234567"})
    with caplog.at_level(logging.INFO):
        reader.read()
    assert reader.left_out == ["3 with names that may be a customer's"]
    assert "Annabel" not in caplog.text


ROUNDED_FLOATS = [float(8615266000000 + 10 * n) for n in range(10)]


@pytest.mark.parametrize(
    "numbers",
    [
        ROUNDED_FLOATS,
        [f"{number:.1f}" for number in ROUNDED_FLOATS],
        [f"{number:.11e}" for number in ROUNDED_FLOATS],
        pd.Categorical(ROUNDED_FLOATS, categories=[*ROUNDED_FLOATS, *(n + 1 for n in ROUNDED_FLOATS), 6591234567.0]),
    ],
)
def test_numbers_are_rounded_or_not_by_the_whole_table(numbers):
    going, invalid, _ = taken(pd.DataFrame({"whatsApp": numbers}), batch_rows=3)
    assert (going, invalid) == ([], list(range(10)))


def test_a_number_lacks_its_zero_where_another_batch_shows_all_digits():
    numbers = [f"8.61526600{n:04}e12".replace("0e12", "e12") for n in range(1, 12)]
    table = pd.DataFrame({"whatsApp": [*numbers, "8.61526600001e12"]})
    going, invalid, superseded = taken(table, batch_rows=3)
    assert (sorted([*going, *superseded]), invalid) == (list(range(12)), [])
    assert superseded == {9: 11}  # ...010 is written without its zero


def test_letters_for_sexes_mean_what_the_whole_table_says():
    table = numbered(*range(1, 8), sex=["M", "M", "M", "M", "H", "H", "H"])
    reader = reader_of(table, batch_rows=3)
    reader.read()
    sent = [json.loads(row.body)["sex"] for prepared in reader.prepared_batches() for row in prepared.rows]
    assert sent == ["M"] * 4 + ["H"] * 3


def test_extension_fields_and_likely_misspellings_are_said_once(caplog):
    reader = reader_of(numbered(1, 2, Level="Gold", freindName="Secret"), extension_fields="all")
    with caplog.at_level(logging.INFO):
        reader.read()
        list(reader.prepared_batches())
    found = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert found == [
        ("INFO", "Extension fields, sent under their own names: Level, freindName"),
        (
            "WARNING",
            (
                "'freindName' is sent as an extension field. "
                "If friendName is meant, set columns={'freindName': 'friendName'}."
            ),
        ),
    ]


def test_what_is_odd_about_rows_that_go_is_counted_and_said_once(caplog):
    reader = reader_of(numbered(*range(1, 8), sex=["m", "f", "male", None, "m", "x", "Female"]), batch_rows=3)
    reader.read()
    list(reader.prepared_batches())
    with caplog.at_level(logging.WARNING):
        reader.log_remarks()
    assert [record.getMessage().split(" sex")[0] for record in caplog.records] == ["1 row:"]


def test_a_column_that_is_missing_is_said_with_the_input_and_its_columns():
    with pytest.raises(InputError) as caught:
        reader_of(pd.DataFrame({"mobile": ["8615266667780"], "name": ["Ann"]}))

    assert str(caught.value).endswith(" The input is a DataFrame of 1 row x 2 columns: mobile, name.")


def test_of_many_columns_twenty_are_named():
    with pytest.raises(InputError, match=r": c0, .*, c19 and 5 more\.$"):
        reader_of(pd.DataFrame({f"c{place}": ["x"] for place in range(25)}))


def test_a_header_that_may_be_a_customer_is_not_shown():
    with pytest.raises(InputError) as caught:
        reader_of(pd.DataFrame({"8615266667780": ["8615266667781"], "Quillon": ["Zyphora"]}))

    assert "make sure that the first line names the columns" in str(caught.value)
    assert [hidden for hidden in ("8615266667780", "Quillon") if hidden in str(caught.value)] == []
