"""Masked examples of each reason and of each column."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from airflow_provider_socialscrm.__main__ import command_parser
from airflow_provider_socialscrm.commands.check_options import request_of
from airflow_provider_socialscrm.importer import examples
from airflow_provider_socialscrm.importer.dry_run import preview_import
from airflow_provider_socialscrm.importer.reasons import Bucket
from airflow_provider_socialscrm.importer.sources.open_source import open_source

GOOD = "8615266667780"


def found_in(data, *options):
    request = request_of(command_parser().parse_args(["check", "table.csv", *options]))
    source = open_source(data)
    return preview_import(source, request.options, request.settings, lambda _: 200, with_examples=True).examples


def of_reason(data, code, *options, bucket=Bucket.INVALID):
    return [(each.position, each.values) for each in found_in(data, *options).of(bucket, code)]


@pytest.mark.parametrize(
    ("data", "options", "code", "values"),
    [
        ({"whatsApp": ["12ab"]}, [], "bad-number", {"whatsApp": "99aa"}),
        ({"whatsApp": [None], "city": ["x"]}, [], "no-number", {"whatsApp": ""}),
        ({"whatsApp": ["8.61527E+12"]}, [], "rounded-number", {"whatsApp": "9.99999A+99"}),
        ({"whatsApp": ["1@g.us"]}, [], "no-person", {"whatsApp": "9@a.aa"}),
        ({"whatsApp": [GOOD], "birthday": [" Whitsun"]}, [], "bad-birthday", {"birthday": " Aaaaaaa"}),
        ({"whatsApp": [GOOD], "birthday": ["1822-01-01"]}, [], "birthday-out-of-range", {"birthday": "9999-99-99"}),
        ({"whatsApp": [GOOD], "tabName": [["a,b"]]}, [], "comma-in-tag", {"tabName": "a,a"}),
        ({"whatsApp": [GOOD], "income": [float("inf")]}, [], "infinite", {"income": "aaa"}),
        (
            {"whatsApp": [GOOD], "Seen": ["soon"], "Left": ["2024-01-31"]},
            ["--extension-fields", "all", "--date-fields", "Seen", "--date-fields", "Left"],
            "bad-date",
            {"Seen": "aaaa"},
        ),
        ({"whatsApp": ["x"], "birthday": ["y"]}, [], "bad-number + bad-birthday", {"whatsApp": "a", "birthday": "a"}),
        ({"whatsApp": [GOOD], "desc": ["x" * 3000]}, ["--bytes-per-call", "2000"], "too-large", {}),
        (
            {"whatsApp": [GOOD], "birthday": [None]},
            ["--defaults", "birthday=Whitsun"],
            "bad-birthday",
            {"birthday": ""},
        ),
    ],
)
def test_an_example_has_the_values_that_are_to_blame_and_no_others(data, options, code, values):
    table = pd.DataFrame(data)

    assert of_reason(table, code, *options) == [(0, values)]


def test_a_header_without_an_agent_has_the_agent_as_its_example():
    table = pd.DataFrame({"whatsApp": [GOOD], "agentAccount": [None]})

    assert of_reason(table, "no-agent", "--auth-scheme", "header") == [(0, {"agentAccount": ""})]


def test_what_the_whole_table_says_of_a_value_holds_for_its_example():
    whole = [8615266667780 + 10**7 * place for place in range(40)]
    table = pd.DataFrame({"whatsApp": [float(number // 10**7 * 10**7) for number in whole]})

    assert [position for position, _ in of_reason(table, "rounded-number")] == [0, 1, 2]


@pytest.mark.parametrize("rows", [1, 2, 3, 4, 50])
def test_a_reason_has_three_examples_at_most_and_the_page_says_how_many_more(check, rows):
    Path("bad.csv").write_text("whatsApp\n" + "12ab\n" * rows, encoding="utf-8")
    lines = check("bad.csv").section("Why rows are left out")

    shown = [line.strip() for line in lines if line.strip().startswith("-")]
    more = {4: ["- and 1 more row"], 50: ["- and 47 more rows"]}.get(rows, [])
    assert shown == [f"- row {place}: whatsApp 99aa" for place in range(min(rows, 3))] + more


def test_duplicates_show_their_number_over_all_batches():
    batches = pa.table({"whatsApp": pa.chunked_array([[GOOD] * 2, [GOOD] * 3])})

    found = of_reason(batches, "duplicate", bucket=Bucket.DUPLICATE)

    assert found == [(place, {"whatsApp": "9" * 13}) for place in (0, 1, 2)]


def test_an_unreadable_row_has_no_values(check):
    assert "     - row 5" in check("mistakes.csv", "--columns", "mobile=whatsApp", "--extension-fields", "all").lines


def test_a_column_has_three_different_forms_at_most_and_no_customer_shows():
    names = ["Quillon", "Zyphora", "Mo", " Jörg ", "客户", "x1", "", None]
    table = pd.DataFrame({"whatsApp": [GOOD] * len(names), "friendName": names, "empty": [None] * len(names)})

    assert found_in(table).by_column == {"whatsApp": ["9" * 13], "friendName": ["Aaaaaaa", "Aa", "Aaaa"], "empty": []}


def test_words_for_missing_values_are_collected_where_they_are_sent():
    table = pd.DataFrame(
        {
            "whatsApp": [GOOD, "8615266667781", "NULL"],
            "friendName": ["NULL", "x", "y"],
            "desc": ["n/a", " - ", "z"],
            "birthday": ["NaT", "1990-01-01", ""],
            "city": ["None", "None", "None"],
        }
    )

    assert found_in(table).null_words == {"NULL", "n/a", "-"}
    assert found_in(table, "--null-values", "NULL", "--null-values", "n/a", "--null-values", "-").null_words == set()


def test_without_being_asked_nothing_is_collected():
    request = request_of(command_parser().parse_args(["check", "table.csv"]))

    found = preview_import(
        open_source(pd.DataFrame({"whatsApp": ["x"]})), request.options, request.settings, lambda _: 9
    )

    assert found.examples is None
    assert examples.MOST == 3
