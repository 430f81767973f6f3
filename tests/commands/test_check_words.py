"""The importer speaks of arguments; a page says how to give them as options."""

from __future__ import annotations

import re

import pytest

from airflow_provider_socialscrm.commands.check_arguments import Parser, add_to
from airflow_provider_socialscrm.commands.check_words import OPTIONS, counted, duration, label, options_for, shown
from airflow_provider_socialscrm.operators.arguments import RULES


@pytest.mark.parametrize(
    ("sentence", "names"),
    [
        ("Is it 'whats app'? Then set columns={'whats app': 'whatsApp'}.", ["columns"]),
        ("columns maps 'a', which is not there.", ["columns"]),
        ("defaults names 'x', which is no field.", ["defaults"]),
        ("values for 'sex' is a list, not a dictionary.", ["values"]),
        ("Set values={'sex': {'1': 'male'}}, with the words of your data.", ["values"]),
        ("empty for 'desc' is 'x', not omit or send.", ["empty"]),
        ("empty cannot send an empty 'welcome'.", ["empty"]),
        ("name it in extension_fields.", ["extension_fields"]),
        ("It looks like UTF-8: set encoding='utf-8'.", ["encoding"]),
        ("Set encoding to the one in which these letters read right.", ["encoding"]),
        ("set delimiter='\\t'.", ["delimiter"]),
        ("The dead letter names that row; duplicates='first' or 'send' chooses.", ["duplicates", "dead letter"]),
        ("Set dayfirst to True or False, or set bad_values='omit'.", ["dayfirst", "bad_values"]),
        ("set ambiguous_numbers to 'national', or default_region.", ["default_region", "ambiguous_numbers"]),
        ("take it out of date_fields. Set null_values=['NULL'].", ["date_fields", "null_values"]),
        ("rejects_path x.txt says no format.", ["rejects_path"]),
        # What only looks like an argument.
        ("/data/rejects_path/max_rejected.csv is empty: look at it.", []),
        ("These columns of x.csv are there more than once: a.", []),
        ("The CRM takes none of its values.", []),
        ("--empty is given for all fields and for some.", []),
        ("", []),
    ],
)
def test_arguments_that_a_sentence_names_are_found(sentence, names):
    assert list(options_for([sentence])) == names


def test_all_sentences_count_and_each_argument_once():
    assert options_for(["set dayfirst", "raise bytes_per_call", "set dayfirst"]) == {
        "dayfirst": "--dayfirst or --no-dayfirst",
        "bytes_per_call": "--bytes-per-call N",
    }


def test_options_are_those_of_the_command_and_all_of_the_rules_have_one():
    parser = Parser()
    add_to(parser)
    known = {option for action in parser._actions for option in action.option_strings}

    assert {option for text in OPTIONS.values() for option in re.findall(r"--[a-z-]+", text)} <= known
    assert set(RULES) <= set(OPTIONS)


def test_names_are_shown_without_a_customers_number_or_address():
    assert label(" city ") == "city"
    assert label("8615266667780") == label("a@b.example") == "[hidden]"
    assert label("") == "(no name)"


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
