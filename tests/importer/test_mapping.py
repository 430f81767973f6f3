"""Columns become fields by a plan that is right, or refused with everything that is wrong."""

from __future__ import annotations

import pytest

from airflow_provider_socialscrm.importer.dead_letter import OWN_COLUMNS
from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.importer.mapping import API_FIELDS, Field, plan_fields
from airflow_provider_socialscrm.importer.options import Rules


def plan(names, /, *, agent_in_row=False, **rules):
    return plan_fields(names, Rules(**rules), agent_in_row=agent_in_row)


def targets(names, /, **rules):
    """Return what each column goes to."""
    return {field.column: field.name for field in plan(names, **rules).fields}


def refusal(names, /, *, agent_in_row=False, **rules):
    with pytest.raises(InputError) as caught:
        plan(names, agent_in_row=agent_in_row, **rules)
    return str(caught.value)


def test_columns_go_to_the_fields_they_are_called_like_and_others_become_extension_fields():
    found = plan(["Tier", *API_FIELDS])
    assert [(field.column, field.name) for field in found.fields] == [(name, name) for name in ("Tier", *API_FIELDS)]
    assert found.extensions == ("Tier",)
    assert found.doubts == ()


def test_columns_are_mapped_renamed_and_left_out():
    columns = {"mobile": "whatsApp", "full_name": "friendName", "id": None, "tier": "Loyalty Level"}
    found = targets(
        ["id", "mobile", "full_name", "tier", "Note"], columns=columns, extension_fields=["Loyalty Level", "Note"]
    )
    assert found == {
        "mobile": "whatsApp", "full_name": "friendName", "tier": "Loyalty Level", "Note": "Note",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("extension_fields", "going"), [(None, ["whatsApp", "a", "b"]), ([], ["whatsApp"]), (["b"], ["whatsApp", "b"])]
)
def test_extension_fields_say_which_other_columns_go_along(extension_fields, going):
    assert list(targets(["whatsApp", "a", "b"], extension_fields=extension_fields)) == going


def test_defaults_fill_a_column_or_stand_for_one_as_clean_text():
    found = plan(
        ["whatsApp", "stage"],
        defaults={"stage": "New", "source": " Sys\x00tem ", "Level": 1.0},
        extension_fields=["Level"],
    )
    assert found.fields == (
        Field("whatsApp", "whatsApp"), Field("stage", "stage", "New"), Field("source", None, "System"),
        Field("Level", None, "1"),
    )  # fmt: skip


def test_a_default_can_be_the_agent_that_each_row_needs():
    assert [field.name for field in plan(["whatsApp"], agent_in_row=True, defaults={"agentAccount": "w"}).fields] == [
        "whatsApp", "agentAccount",
    ]  # fmt: skip


def test_what_is_no_data_of_the_customer_is_left_out():
    assert list(targets([*OWN_COLUMNS, "", "  ", "__index_level_0__", "whatsApp"])) == ["whatsApp"]


def test_an_empty_value_is_sent_for_all_fields_but_those_where_it_would_do_harm_or_nothing():
    found = plan([*API_FIELDS, "Level"], empty="send")
    assert [field.name for field in found.fields if not field.send_empty] == [
        "agentAccount", "whatsApp", "cancelTabName", "welcome",
    ]  # fmt: skip


def test_an_empty_value_is_sent_for_the_fields_that_are_named():
    found = plan(["whatsApp", "desc", "welcome", "email"], empty={"desc": "send", "welcome": "send", "email": "omit"})
    assert [field.name for field in found.fields if field.send_empty] == ["desc", "welcome"]


WRONG = {
    "a column that is not there": (
        ["mobile"], {"columns": {"mobil": "whatsApp"}},
        ["columns maps 'mobil', which the data does not have (is it 'mobile'?)"],
    ),
    "a field that does not exist": (
        ["mobile"], {"columns": {"mobile": "WhatsAp"}},
        ["maps 'mobile' to 'WhatsAp', which is no field of the API (is it 'whatsApp'?)", "name it in extension_fields"],
    ),
    "two columns to one field": (
        ["whatsApp", "mobile"], {"columns": {"mobile": "whatsApp"}},
        ["whatsApp would come from 'whatsApp', 'mobile'", "map all but one of them to None"],
    ),
    "two names that are one when they are sent": (
        ["whatsApp", "No\u0308te", "N\u00f6te"], {}, ["N\u00f6te would come from 'No\u0308te', 'N\u00f6te'"],
    ),
    "a default for no field": (
        ["whatsApp"], {"defaults": {"stages": "New"}},
        ["defaults names 'stages', which is no field of the API (is it 'stage'?)"],
    ),
    "an extension field that is one of the API's": (
        ["whatsApp", "desc"], {"extension_fields": ["desc"]}, ["extension_fields names 'desc'", "as it is"],
    ),
    "an extension field that nothing goes to": (
        ["whatsApp", "Tier"], {"extension_fields": ["tier"]},
        ["extension_fields names 'tier', which is no column and no field (is it 'Tier'?)"],
    ),
    "empty for nothing": (["whatsApp"], {"empty": {"desc": "send"}}, ["empty names 'desc', which no column goes to"]),
    "empty with another word": (
        ["whatsApp", "desc"], {"empty": {"desc": "clear"}}, ["empty for 'desc' is 'clear', not omit or send"],
    ),
    "empty for what each row needs": (
        ["whatsApp"], {"empty": {"whatsApp": "send"}}, ["cannot send an empty 'whatsApp'"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG)
def test_a_plan_that_cannot_be_is_refused_with_what_to_mend(wrong):
    columns, rules, named = WRONG[wrong]
    message = refusal(columns, **rules)
    assert [part for part in named if part not in message] == []


def test_everything_that_is_wrong_is_said_at_once():
    message = refusal(
        ["a", "b"],
        columns={"x": "desc", "a": "nothing", "b": "email"},
        defaults={"nobody": 1},
        extension_fields=["c"],
        empty={"d": "send"},
    )
    assert [
        name for name in ("'x'", "'nothing'", "'nobody'", "'c'", "'d'", "no column whatsApp") if name not in message
    ] == []


@pytest.mark.parametrize(
    ("columns", "agent_in_row", "named"),
    [
        (["friendName"], False, ["no column whatsApp"]),
        (["friendName"], True, ["no column whatsApp and no column agentAccount", "header scheme"]),
        (["whatsApp"], True, ["no column agentAccount", "header scheme", "defaults can give one for all"]),
        (["agentAccount"], True, ["no column whatsApp"]),
        (["whatsapp", "AgentAccount"], True, ["{'whatsapp': 'whatsApp'}", "{'AgentAccount': 'agentAccount'}"]),
        (["whats_app"], False, ["Is it 'whats_app'? Then set columns={'whats_app': 'whatsApp'}"]),
        ([], False, ["no column whatsApp"]),
    ],
)
def test_a_missing_column_is_named_and_so_is_what_looks_like_it(columns, agent_in_row, named):
    message = refusal(columns, agent_in_row=agent_in_row)
    assert [part for part in named if part not in message] == []


@pytest.mark.parametrize(
    ("column", "field"),
    [("freindName", "friendName"), ("friend_name", "friendName"), ("EMail", "email"), ("birth-day", "birthday")],
)
def test_a_name_like_one_of_the_apis_is_pointed_out(column, field):
    [doubt] = plan(["whatsApp", column]).doubts
    assert f"'{column}' is sent as an extension field" in doubt
    assert f"columns={{'{column}': '{field}'}}" in doubt


@pytest.mark.parametrize("columns", [["whatsApp", "Loyalty Level"], ["whatsApp", "email", "EMail"]])
def test_a_name_unlike_all_others_or_like_one_that_is_there_is_not_pointed_out(columns):
    assert plan(columns).doubts == ()


@pytest.mark.parametrize(
    ("rules", "named"),
    [
        ({"columns": ["whatsApp"]}, "columns is a list, not a dictionary"),
        ({"defaults": "x"}, "defaults is a str, not a dictionary"),
        ({"duplicates": "newest"}, "duplicates is 'newest', not last or first or send"),
        ({"on_invalid": "stop"}, "on_invalid is 'stop', not reject or fail"),
        ({"empty": "clear"}, "empty is 'clear', not omit or send"),
        ({"extension_fields": "Tier"}, "extension_fields is 'Tier', not a list of names"),
        ({"dayfirst": "yes"}, "dayfirst is 'yes', not True, False or None"),
        ({"duplicates": "x", "on_invalid": "y"}, "duplicates is 'x', not last or first or send; on_invalid is 'y'"),
    ],
)
def test_rules_that_make_no_sense_are_refused_by_name(rules, named):
    with pytest.raises(InputError) as caught:
        Rules(**rules)
    assert named in str(caught.value)
