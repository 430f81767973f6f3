"""Rendered arguments get the types that the importer expects."""

from __future__ import annotations

import pytest

from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.runtime.rendered import typed_arguments

READ = [
    ("dry_run", "True", True),
    ("dry_run", "False", False),
    ("dry_run", " false\n", False),
    ("dry_run", False, False),
    ("dayfirst", "true", True),
    ("dayfirst", "None", None),
    ("dayfirst", "", None),
    ("rows_per_call", "500", 500),
    ("rows_per_call", " 500 ", 500),
    ("rows_per_call", "auto", "auto"),
    ("rows_per_call", "None", None),
    ("rows_per_call", "", None),
    ("parallel_tasks", "None", None),
    ("max_rejected", "10", 10),
    ("max_rejected", "1", 1),
    ("max_rejected", "1.0", 1.0),
    ("max_rejected", "0.02", 0.02),
    ("max_rejected", "None", None),
    ("max_rejected", "", ""),
    ("max_rejected", "none", "none"),
    ("default_region", "CN", "CN"),
    ("default_region", "None", None),
    ("extension_fields", "all", "all"),
    ("extension_fields", "['Loyalty Level']", ["Loyalty Level"]),
    ("extension_fields", '["Loyalty Level"]', ["Loyalty Level"]),
    ("extension_fields", "('a', 'b')", ["a", "b"]),
    ("null_values", "[]", []),
    ("columns", "{'mobile': 'whatsApp', 'note': None}", {"mobile": "whatsApp", "note": None}),
    ("columns", '{"mobile": "whatsApp", "note": null}', {"mobile": "whatsApp", "note": None}),
    ("defaults", "{'stage': '1e5'}", {"stage": "1e5"}),
    ("empty", "send", "send"),
    ("empty", "{'desc': 'send'}", {"desc": "send"}),
    ("delimiter", "\t", "\t"),
    ("delimiter", " ", " "),
    ("socialscrm_conn_id", "2024", "2024"),
    ("encoding", "None", "None"),
    ("data", "True", "True"),
    ("dayfirst", "yes", "yes"),
    ("rows_per_call", "1e3", 1000.0),
    ("rows_per_call", "many", "many"),
    ("max_rejected", "few", "few"),
    ("columns", "mobile", "mobile"),
    ("extension_fields", "Loyalty Level", "Loyalty Level"),
]


@pytest.mark.parametrize(("name", "text", "value"), READ)
def test_text_becomes_the_value_that_it_writes(name, text, value):
    typed = typed_arguments({name: text})[name]
    assert (typed, type(typed)) == (value, type(value))


WRONG = [
    ("dry_run", "maybe", "dry_run is 'maybe' (must be true or false)."),
    ("dry_run", "", "dry_run is '' (must be true or false)."),
    ("dry_run", "0", "dry_run is '0' (must be true or false)."),
    ("columns", "{mobile", "columns is text that does not write a mapping, as in {'mobile': 'whatsApp'}."),
    ("columns", "{1}", "columns is text that does not write a mapping, as in {'mobile': 'whatsApp'}."),
    ("columns", "{'a': __import__('os')}", "columns is text that does not write a mapping"),
    ("null_values", "[n/a", "null_values is text that does not write a list"),
    ("extension_fields", "(1)", "extension_fields is text that does not write a list"),
    ("dry_run", None, "dry_run is None (must be true or false)."),
    ("dry_run", 1, "dry_run is 1 (must be true or false)."),
]


@pytest.mark.parametrize(("name", "text", "says"), WRONG)
def test_text_that_writes_no_value_of_the_type_is_named(name, text, says):
    with pytest.raises(InputError) as caught:
        typed_arguments({name: text})
    assert str(caught.value).startswith(says)


def test_all_wrong_arguments_are_named_at_once():
    with pytest.raises(InputError, match=r"columns is text.*dry_run is 'x'"):
        typed_arguments({"dry_run": "x", "columns": "{", "encoding": "utf-8"})


@pytest.mark.parametrize(
    ("name", "bracket"), [("columns", "{"), ("defaults", "{"), ("values", "{"), ("null_values", "[")]
)
def test_text_of_lists_and_mappings_is_not_repeated(name, bracket):
    with pytest.raises(InputError) as caught:
        typed_arguments({name: f"{bracket}'Ann Lee': 8613800000000"})
    assert "Ann" not in str(caught.value)
    assert "8613800000000" not in str(caught.value)


@pytest.mark.parametrize("value", [5, None, ["a"], {"a": 1}, 0.5], ids=str)
def test_values_of_other_types_stay_as_they_are(value):
    assert typed_arguments({"rows_per_call": value, "columns": value}) == {"rows_per_call": value, "columns": value}
