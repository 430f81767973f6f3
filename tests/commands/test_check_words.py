"""The importer speaks of arguments, the command of options."""

from __future__ import annotations

import pytest

from airflow_provider_socialscrm.commands.check_arguments import Parser, add_to
from airflow_provider_socialscrm.commands.check_words import OPTIONS, counted, duration, in_options, shown


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        (
            "The data has no column whatsApp. Is it 'whats app'? Then set columns={'whats app': 'whatsApp'}.",
            "The data has no column whatsApp. Is it 'whats app'? Then give --column 'whats app=whatsApp'.",
        ),
        ("columns maps 'a', which is not there.", "--column maps 'a', which is not there."),
        ("defaults names 'x', which is no field.", "--default names 'x', which is no field."),
        ("empty for 'desc' is 'x', not omit or send.", "--empty for 'desc' is 'x', not omit or send."),
        ("name it in extension_fields.", "name it in --extension-field."),
        ("map all but one of them to None, which leaves a column out.",
         "map all but one of them to nothing (--column NAME=), which leaves a column out."),
        ("set encoding='gb18030'.", "set --encoding 'gb18030'."),
        ("set delimiter='\\t'.", "set --delimiter '\\t'."),
        ("duplicates='first' or 'send' chooses another row.", "--duplicates 'first' or 'send' chooses otherwise."),
        ("Set dayfirst to True or False, or write dates.", "Give --dayfirst or --no-dayfirst, or write dates."),
        ("or raise bytes_per_call.", "or raise --bytes-per-call."),
        ("rejects_path x.txt says no format.", "--rejects-path x.txt says no format."),
        ("The dead letter names that row.", "The file at --rejects-path names that row."),
        ("x.csv is not there: check the path in data, and that the worker can reach it.",
         "x.csv is not there: check the path."),
        # What only looks like an argument.
        ("/data/rejects_path/max_rejected.csv is empty: look at it.",
         "/data/rejects_path/max_rejected.csv is empty: look at it."),
        ("These columns of x.csv are there more than once: a.", "These columns of x.csv are there more than once: a."),
        ("--empty is given.", "--empty is given."),
        ("two\nlines", "two lines"),
    ],
)  # fmt: skip
def test_arguments_become_options(sentence, expected):
    assert in_options(sentence) == expected


def test_options_are_those_of_the_command():
    parser = Parser()
    add_to(parser)

    assert set(OPTIONS.values()) <= {option for action in parser._actions for option in action.option_strings}


def test_names_are_shown_without_what_steers_a_terminal():
    assert shown("a\x1b[2Jb\tc\u202ed\udce9") == "a [2Jb c d "
    assert shown("客户 – «x»") == "客户 – «x»"


@pytest.mark.parametrize(("number", "text"), [(0, "0 rows"), (1, "1 row"), (2, "2 rows"), (2400, "2,400 rows")])
def test_numbers_with_their_things(number, text):
    assert counted(number, "row") == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (1, "1 s"),
        (60, "1 min"),
        (200, "3 min 20 s"),
        (3600, "1 h"),
        (3660, "1 h 1 min"),
        (7384, "2 h 3 min"),
    ],
)
def test_durations(seconds, text):
    assert duration(seconds) == text
