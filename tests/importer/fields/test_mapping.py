"""Columns become fields by a plan that is right, or refused with everything that is wrong."""

from __future__ import annotations

from decimal import Decimal

import pytest

from airflow_provider_socialscrm.api.customers import API_FIELDS
from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.importer.fields.mapping import Field, plan_fields
from airflow_provider_socialscrm.importer.options import Rules
from airflow_provider_socialscrm.importer.reasons import OWN_COLUMNS


def plan(names, /, *, agent_in_row=False, **rules):
    return plan_fields(names, Rules(**rules), agent_in_row=agent_in_row)


def targets(names, /, **rules):
    """Return what each column goes to."""
    return {field.column: field.name for field in plan(names, **rules).fields}


def refusal(names, /, *, agent_in_row=False, **rules):
    with pytest.raises(InputError) as caught:
        plan(names, agent_in_row=agent_in_row, **rules)
    return str(caught.value)


def test_columns_go_to_the_fields_they_are_called_like_and_others_stay_behind():
    found = plan(["Tier", *API_FIELDS, "password_hash"])
    assert [(field.column, field.name) for field in found.fields] == [(name, name) for name in API_FIELDS]
    assert (found.extensions, found.renamed, found.doubts) == ((), {}, ())
    assert found.left_out == ("Tier", "password_hash")


@pytest.mark.parametrize(
    ("column", "field"),
    [
        (" welcome", "welcome"), ("welcome\u00a0", "welcome"), ("\ufeffwhatsApp", "whatsApp"),
        ("agent\u200bAccount", "agentAccount"),
        ("WHATSAPP", "whatsApp"), ("WHATS_APP", "whatsApp"), ("whats app", "whatsApp"), ("friend_name", "friendName"),
        ("Friend Name ", "friendName"), ("AGENT_ACCOUNT", "agentAccount"), ("tabname", "tabName"), ("_sex_", "sex"),
    ],
)  # fmt: skip
def test_a_name_that_differs_in_case_blanks_and_underscores_is_the_fields(column, field):
    found = plan([column, *({"whatsApp"} - {field})])
    assert (found.fields[0].column, found.fields[0].name) == (column, field)
    assert found.left_out == ()
    differs = column.strip().strip("\ufeff\u200b\u00a0") != field
    assert found.renamed == ({column: field} if differs else {})


@pytest.mark.parametrize(
    ("columns", "given", "field"),
    [
        (["whatsApp", "WHATSAPP"], {}, "whatsApp"),
        (["mobile", "WHATSAPP"], {"mobile": "whatsApp"}, "whatsApp"),
        (["mobile", "whatsApp"], {"mobile": "whatsApp"}, "whatsApp"),
        (["whatsApp", "friendName", "Friend Name"], {}, "friendName"),
        (["whatsApp", "friend_name", "Friend Name"], {}, "friendName"),
        (["whatsApp", "agentAccount", "Agent Account"], {}, "agentAccount"),
    ],
)
def test_columns_that_are_one_field_are_refused_unless_all_but_one_are_left_out(columns, given, field):
    # Those of several tables are one row's values and another's: to take one of them would lose the other.
    *others, first, second = columns
    with pytest.raises(InputError, match=rf"{field} would come from '{first}', '{second}': if they are columns of"):
        plan(columns, columns=given)

    found = plan(columns, columns=given | {second: None})
    assert [each.column for each in found.fields] == [*others, first]


def test_a_column_that_is_nearly_an_extension_field_is_refused_where_another_is_that_field():
    with pytest.raises(InputError, match="The column 'member_tier' is not sent, but its name differs from the exten"):
        plan(["whatsApp", "Member Tier", "member_tier"], extension_fields=["Member Tier"])

    given = {"member_tier": None}
    found = plan(["whatsApp", "Member Tier", "member_tier"], extension_fields=["Member Tier"], columns=given)
    assert [each.name for each in found.fields] == ["whatsApp", "Member Tier"]


def test_an_extension_field_is_found_by_its_name_without_blanks_around_it():
    found = plan(["whatsApp", "Sex "], extension_fields=["Sex"])
    assert [(field.column, field.name) for field in found.fields] == [("whatsApp", "whatsApp"), ("Sex ", "Sex")]


@pytest.mark.parametrize(
    "columns",
    [
        ["whatsapp", "WHATSAPP"],
        ["whatsApp", "whatsApp "],
        ["whatsApp", "WELCOME", "wel_come"],
        [" welcome", "welcome", "whatsApp"],
    ],
)
def test_two_columns_that_are_one_field_are_refused(columns):
    assert " would come from " in refusal(columns)


def test_a_column_is_named_in_the_arguments_with_or_without_what_nobody_sees():
    for key in (" Mobile ", "Mobile"):
        assert targets([" Mobile ", "Level\u200b"], columns={key: "whatsApp"}, extension_fields=["Level"]) == {
            " Mobile ": "whatsApp", "Level\u200b": "Level",
        }  # fmt: skip


@pytest.mark.parametrize("name", ["", "Unnamed: 0", "Unnamed: 12", "Unnamed: 0.1", "Unnamed: 1_level_1"])
def test_a_column_without_a_name_is_left_out_whatever_goes_along(name):
    found = plan(["whatsApp", name], extension_fields="all")
    assert ([field.name for field in found.fields], found.left_out) == (["whatsApp"], (name,))


def test_columns_are_mapped_renamed_and_left_out():
    columns = {"mobile": "whatsApp", "full_name": "friendName", "id": None, "tier": "Loyalty Level"}
    found = targets(
        ["id", "mobile", "full_name", "tier", "Note"], columns=columns, extension_fields=["Loyalty Level", "Note"]
    )
    assert found == {
        "mobile": "whatsApp", "full_name": "friendName", "tier": "Loyalty Level", "Note": "Note",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("extension_fields", "going"),
    [("all", ["whatsApp", "a", "b"]), (None, ["whatsApp"]), ([], ["whatsApp"]), (["b"], ["whatsApp", "b"])],
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
    found = plan([*API_FIELDS, "Level"], empty="send", extension_fields="all")
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
        ["maps 'mobile' to 'WhatsAp', which is not a field of the API (is it 'whatsApp'?)", "name it in extension"],
    ),
    "two columns to one field": (
        ["whatsApp", "mobile"], {"columns": {"mobile": "whatsApp"}},
        ["whatsApp would come from 'whatsApp', 'mobile'", "map all but one of them to None"],
    ),
    "two names that are one when they are sent": (
        ["whatsApp", "No\u0308te", "N\u00f6te"], {"extension_fields": "all"},
        ["N\u00f6te would come from 'No\u0308te', 'N\u00f6te'"],
    ),
    "a default for no field": (
        ["whatsApp"], {"defaults": {"stages": "New"}},
        ["defaults names 'stages', which is not a field of the API (is it 'stage'?)"],
    ),
    "an extension field that is one of the API's": (
        ["whatsApp", "desc"], {"extension_fields": ["desc"]}, ["extension_fields names 'desc'", "remove it here"],
    ),
    "an extension field that nothing goes to": (
        ["whatsApp", "Tier"], {"extension_fields": ["tier"]},
        ["extension_fields names 'tier', which is neither a column nor a field (is it 'Tier'?)"],
    ),
    "a date field that is one of the API's": (
        ["whatsApp", "birthday"], {"date_fields": ["birthday"]},
        ["date_fields names 'birthday', which is one of the API's"],
    ),
    "a date field that is not sent": (
        ["whatsApp", "Last Order"], {"date_fields": ["Last Order"]},
        ["date_fields names 'Last Order', which is not sent: name it in extension_fields"],
    ),
    "values of a field that nothing goes to": (
        ["whatsApp", "sexe"], {"values": {"sex": {"M": "male"}}, "columns": {"sexe": None}},
        ["values names 'sex', which no column maps to"],
    ),
    "values of no field": (
        ["whatsApp"], {"values": {"gender": {}}}, ["values names 'gender', which is not a field of the API"],
    ),
    "values that are none": (
        ["whatsApp", "sex"], {"values": {"sex": "male"}}, ["values for 'sex' is a str, not a dictionary"],
    ),
    "empty for nothing": (["whatsApp"], {"empty": {"desc": "send"}}, ["empty names 'desc', which no column maps to"]),
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
        (["whatsApp"], True, ["no column agentAccount", "header scheme", "set one for all in defaults"]),
        (["agentAccount"], True, ["no column whatsApp"]),
        (["whatsap", "Agent-Acount"], True, ["{'whatsap': 'whatsApp'}", "{'Agent-Acount': 'agentAccount'}"]),
        (["whats-app"], False, ["Is it 'whats-app'? Then set columns={'whats-app': 'whatsApp'}"]),
        ([], False, ["no column whatsApp"]),
    ],
)
def test_a_missing_column_is_named_and_so_is_what_looks_like_it(columns, agent_in_row, named):
    message = refusal(columns, agent_in_row=agent_in_row)
    assert [part for part in named if part not in message] == []


MISSPELT = [
    ("freindName", "friendName"),
    ("birth-day", "birthday"),
    ("agentAcount", "agentAccount"),
    ("wellcome", "welcome"),
]


@pytest.mark.parametrize(("column", "field"), MISSPELT)
def test_a_left_out_name_close_to_a_fields_is_refused_unless_columns_says_what_it_is(column, field):
    message = refusal(["whatsApp", column])
    assert f"The column '{column}' is not sent, but its name is close to the field {field}" in message
    assert f"columns={{'{column}': '{field}'}}" in message
    assert f"columns={{'{column}': None}}" in message
    assert targets(["whatsApp", column], columns={column: field})[column] == field
    assert targets(["whatsApp", column], columns={column: None}) == {"whatsApp": "whatsApp"}
    assert targets(["whatsApp", column, field]) == {"whatsApp": "whatsApp", field: field}


@pytest.mark.parametrize(("column", "field"), MISSPELT)
def test_a_name_like_a_fields_that_goes_along_with_all_is_pointed_out(column, field):
    [doubt] = plan(["whatsApp", column], extension_fields="all").doubts
    assert f"'{column}' is sent as an extension field" in doubt
    assert f"columns={{'{column}': '{field}'}}" in doubt


@pytest.mark.parametrize("columns", [["whatsApp", "Loyalty Level"], ["whatsApp", "email", "E-Mail"]])
def test_a_name_unlike_all_others_or_like_one_that_is_there_is_not_pointed_out(columns):
    assert plan(columns, extension_fields="all").doubts == ()


@pytest.mark.parametrize(
    ("rules", "named"),
    [
        ({"columns": ["whatsApp"]}, "columns is a list, not a dictionary"),
        ({"defaults": "x"}, "defaults is a str, not a dictionary"),
        ({"duplicates": "newest"}, "duplicates is 'newest', not last or first or send"),
        ({"on_invalid": "stop"}, "on_invalid is 'stop', not reject or fail"),
        ({"empty": "clear"}, "empty is 'clear', not omit or send"),
        ({"extension_fields": "Tier"}, "extension_fields is 'Tier', not 'all' or a list of names"),
        ({"date_fields": "Last Order"}, "date_fields is 'Last Order', not a list of names"),
        (
            {"defaults": {"Note": float("inf")}},
            "defaults has an infinite number, one with thousands of digits, or bytes that are not UTF-8: give text",
        ),
        ({"defaults": {"Note": [1, 10**5000]}}, "defaults has an infinite number"),
        ({"defaults": {"Note": Decimal("1E-99999")}}, "defaults has an infinite number"),
        ({"values": {"Note": {"x": b"\xff"}}}, "values has an infinite number"),
        ({"null_values": "NULL"}, "null_values is 'NULL', not a list of names"),
        ({"null_values": [0]}, "null_values is [0], not a list of names"),
        ({"values": ["sex"]}, "values is a list, not a dictionary"),
        ({"ambiguous_numbers": "guess"}, "ambiguous_numbers is 'guess', not reject or national or international"),
        ({"bad_values": "skip"}, "bad_values is 'skip', not reject or omit"),
        ({"dayfirst": "yes"}, "dayfirst is 'yes', not True, False or None"),
        ({"duplicates": "x", "on_invalid": "y"}, "duplicates is 'x', not last or first or send; on_invalid is 'y'"),
    ],
)
def test_rules_that_make_no_sense_are_refused_by_name(rules, named):
    with pytest.raises(InputError) as caught:
        Rules(**rules)
    assert named in str(caught.value)
