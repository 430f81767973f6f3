"""Each reason's hint works when it is followed to the letter: the row is accepted, the remark is gone."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

from airflow_provider_socialscrm.api.client import Client
from airflow_provider_socialscrm.importer import reasons
from airflow_provider_socialscrm.importer.options import Options, Rules
from airflow_provider_socialscrm.importer.reasons import Reason
from airflow_provider_socialscrm.importer.run import Import
from airflow_provider_socialscrm.importer.sources.open_source import open_source
from airflow_provider_socialscrm.sandbox.server import Sandbox
from tests.support.sandbox import settings_of

NUMBER = "8615266667780"
AGENT = "agent_wang"


class Way(NamedTuple):
    """What a part of a hint says to do: other values, or other arguments."""

    says: str
    data: dict
    arguments: dict


class Case(NamedTuple):
    data: dict
    arguments: dict
    ways: tuple[Way, ...]


def number(bad, region=None, **ways):
    """Return a case of a bad number, which is corrected or read by other arguments."""
    return Case(
        {"whatsApp": [bad]},
        {"default_region": region},
        tuple(
            Way(says, {"whatsApp": [value]} if isinstance(value, str) else {}, {} if isinstance(value, str) else value)
            for says, value in ways.values()
        ),
    )


OMIT = {"bad_values": "omit"}
WITH_PLUS = "+ and its country code"

REJECTED = {
    reasons.NO_NUMBER: Case(
        {"whatsApp": [None], "friendName": ["Xan"]},
        {},
        (Way("Give the customer's number with + and its country code", {"whatsApp": [f"+{NUMBER}"]}, {}),),
    ),
    reasons.BAD_NUMBER: number(
        "+65 9123 4567/68", a=("Write one number", "+65 9123 4567"), b=(WITH_PLUS, f"+{NUMBER}")
    ),
    reasons.UNKNOWN_AGENT: Case(
        {"whatsApp": [NUMBER], "agentAccount": ["agent_wnag"]},
        {"check_agents": True},
        (Way("Correct agentAccount", {"agentAccount": [AGENT]}, {}),),
    ),
    reasons.NATIONAL_NUMBER: number(
        "0171 1234567", a=(WITH_PLUS, "+49 171 1234567"), b=("set default_region", {"default_region": "DE"})
    ),
    reasons.ROUNDED_NUMBER: number("8.61527E+12", a=("Export the column as text", NUMBER)),
    reasons.NUMBER_NOT_IN_USE: number(
        "8 (916) 123-45-67",
        a=("write it with + and its country code", "+7 916 123 45 67"),
        b=("set default_region to the country that the number belongs to", {"default_region": "RU"}),
        c=("correct it", "79161234567"),
    ),
    reasons.TWO_COUNTRIES: number(
        "13105550123",
        a=(WITH_PLUS, "+13105550123"),
        b=("ambiguous_numbers='international'", {"ambiguous_numbers": "international"}),
        c=("default_region='US'", {"default_region": "US"}),
        d=(
            "default_region='CN' and ambiguous_numbers='national'",
            {"default_region": "CN", "ambiguous_numbers": "national"},
        ),
    ),
    reasons.OTHER_COUNTRIES: number(
        "13105550123",
        "DE",
        a=(WITH_PLUS, "+13105550123"),
        b=("ambiguous_numbers='international'", {"ambiguous_numbers": "international"}),
    ),
    reasons.AMBIGUOUS_NUMBER: number(
        "15512345678",
        "MX",
        a=(WITH_PLUS, "+15512345678"),
        b=("ambiguous_numbers to 'national'", {"ambiguous_numbers": "national"}),
        c=("or 'international'", {"ambiguous_numbers": "international"}),
    ),
    reasons.NO_PERSON: number("120363041234567890@g.us", a=("the customer's own number", f"+{NUMBER}")),
    reasons.NO_AGENT: Case(
        {"whatsApp": [NUMBER], "agentAccount": [None]},
        {},
        (Way("Give the login of the agent", {"agentAccount": [AGENT]}, {}),),
    ),
    reasons.BAD_BIRTHDAY: Case(
        {"whatsApp": [NUMBER], "birthday": ["32940"]},
        {},
        (
            Way("a date column", {"birthday": [dt.date(1990, 3, 8)]}, {}),
            Way("1990/03/08", {"birthday": ["1990/03/08"]}, {}),
            Way("format the column as a date", {"birthday": ["1990-03-08"]}, {}),
            Way("bad_values='omit'", {}, OMIT),
        ),
    ),
    reasons.BIRTHDAY_OUT_OF_RANGE: Case(
        {"whatsApp": [NUMBER], "birthday": ["2533/03/08"]},
        {},
        (Way("to the Gregorian one", {"birthday": ["1990/03/08"]}, {}), Way("bad_values='omit'", {}, OMIT)),
    ),
    reasons.AMBIGUOUS_BIRTHDAY: Case(
        {"whatsApp": [NUMBER], "birthday": ["01/02/1990"]},
        {},
        (
            Way("Set dayfirst to True", {}, {"dayfirst": True}),
            Way("or False", {}, {"dayfirst": False}),
            Way("as 1990/03/08", {"birthday": ["1990/02/01"]}, {}),
            Way("bad_values='omit'", {}, OMIT),
        ),
    ),
    reasons.BAD_DATE: Case(
        {"whatsApp": [NUMBER], "Last Order": ["soon"]},
        {"extension_fields": ["Last Order"], "date_fields": ["Last Order"]},
        (
            Way("Write 1990/03/08", {"Last Order": ["1990/03/08"]}, {}),
            Way("a date column", {"Last Order": [dt.date(2026, 1, 2)]}, {}),
            Way("out of date_fields", {}, {"date_fields": []}),
            Way("bad_values='omit'", {}, OMIT),
        ),
    ),
    reasons.AMBIGUOUS_DATE: Case(
        {"whatsApp": [NUMBER], "Last Order": ["01/02/2026"]},
        {"extension_fields": ["Last Order"], "date_fields": ["Last Order"]},
        (
            Way("Set dayfirst to True", {}, {"dayfirst": True}),
            Way("or False", {}, {"dayfirst": False}),
            Way("as 1990/03/08", {"Last Order": ["2026/02/01"]}, {}),
            Way("bad_values='omit'", {}, OMIT),
        ),
    ),
    reasons.COMMA_IN_TAG: Case(
        {"whatsApp": [NUMBER], "tabName": [["VIP, gold"]]},
        {},
        (Way("Rename the tag", {"tabName": [["VIP gold"]]}, {}), Way("bad_values='omit'", {}, OMIT)),
    ),
    reasons.BAD_TAGS: Case(
        {"whatsApp": [NUMBER], "tabName": ["['VIP' 'New']"]},
        {},
        (
            Way("as in VIP,New", {"tabName": ["VIP,New"]}, {}),
            Way("as in ['VIP', 'New']", {"tabName": ["['VIP', 'New']"]}, {}),
            Way("bad_values='omit'", {}, OMIT),
        ),
    ),
    reasons.NOT_A_NUMBER: Case(
        {"whatsApp": [NUMBER], "income": [float("inf")]},
        {},
        (
            Way("with a number", {"income": [100]}, {}),
            Way("leave them empty", {"income": [None]}, {}),
            Way("bad_values='omit'", {}, OMIT),
        ),
    ),
    reasons.NOT_TEXT: Case(
        {"whatsApp": [NUMBER], "desc": [b"\xff\xfe"]},
        {},
        (
            Way("Decode the column", {"desc": ["text"]}, {}),
            Way("columns={'desc': None}".replace("desc", "NAME"), {}, {"columns": {"desc": None}}),
            Way("bad_values='omit'", {}, OMIT),
        ),
    ),
    reasons.TOO_LARGE: Case(
        {"whatsApp": [NUMBER], "desc": ["x" * 2_000]},
        {"bytes_per_call": 1_000},
        (Way("Shorten its texts", {"desc": ["x"]}, {}), Way("raise bytes_per_call", {}, {"bytes_per_call": 4_000})),
    ),
}
"""By reason, a row that is rejected for it, and each thing that its hint says to do about it."""

NOTED = {
    reasons.ODD_SEX: Case(
        {"whatsApp": [NUMBER], "sex": ["Herr"]},
        {},
        (Way("Set values={'sex': ", {}, {"values": {"sex": {"Herr": "male"}}}),),
    ),
    reasons.NULL_WORD: Case(
        {"whatsApp": [NUMBER], "friendName": ["NULL"]},
        {},
        (Way("null_values=['NULL']", {}, {"null_values": ["NULL"]}),),
    ),
    reasons.OTHER_SEPARATOR: Case(
        {"whatsApp": [NUMBER], "tabName": ["VIP;New"]}, {}, (Way("plain commas", {"tabName": ["VIP,New"]}, {}),)
    ),
    reasons.INEXACT_NUMBER: Case(
        {"whatsApp": [NUMBER], "income": [98765432109876543.0]},
        {},
        (
            Way("as text", {"income": ["98765432109876543"]}, {}),
            Way("as integers", {"income": np.array([98765432109876543])}, {}),
        ),
    ),
    reasons.FIXED_LINE: Case(
        {"whatsApp": ["07797 712345"]},
        {"default_region": "CN"},
        (Way("write it with + and its country code", {"whatsApp": ["+44 7797 712345"]}, {}),),
    ),
    reasons.TWO_FORMS: Case(
        {"whatsApp": ["5215512345678", "525512345678"]},
        {},
        (Way("Keep one of them", {"whatsApp": ["5215512345678"]}, {}),),
    ),
}
"""The same for remarks, whose rows are sent."""

NO_HINT_TO_FOLLOW = {
    "duplicate",  # wanted, and chosen by an argument: tests of duplicates
    "unreadable",  # a file's lines: tests of files
    "stopped", "nothing-sent", "named", "not-in-response", "cut-short", "in-doubt",
    "broke-off", "earlier-try", "no-checkpoint", "started-over", "decided-before", "claimed-elsewhere",
    # about the run or the CRM, not about a value
}  # fmt: skip


@pytest.fixture
def crm(crm: Sandbox) -> Sandbox:
    crm.configure(extension_fields={"Last Order": "text"})
    return crm


def imported(crm, data, arguments):
    """Import a table and return the run."""
    of_calls = {name: value for name, value in arguments.items() if name in {"bytes_per_call", "check_agents"}}
    rules = Rules(**{name: value for name, value in arguments.items() if name not in of_calls})
    client = Client(settings_of(crm, "body"), connections=1)
    try:
        run = Import(open_source(pd.DataFrame(data)), client, Options(max_rejected=None, rules=rules, **of_calls))
        run.run()
    finally:
        client.close()
    return run.manifest()


def ways_of(cases):
    return [
        pytest.param(reason, way, id=f"{reason.code}: {way.says}")
        for reason, case in cases.items()
        for way in case.ways
    ]


def test_there_is_a_case_for_every_reason():
    codes = {value.code for value in vars(reasons).values() if isinstance(value, Reason)}
    assert {reason.code for reason in (*REJECTED, *NOTED)} == codes - NO_HINT_TO_FOLLOW


@pytest.mark.parametrize("reason", REJECTED, ids=lambda reason: reason.code)
def test_a_row_is_rejected_for_its_reason_alone(reason, crm):
    data, arguments, _ = REJECTED[reason]
    manifest = imported(crm, data, arguments)
    assert [(refusal["bucket"], refusal["code"], refusal["rows"]) for refusal in manifest["refusals"]] == [
        ("invalid", reason.code, 1)
    ]
    assert crm.customers() == []


@pytest.mark.parametrize(("reason", "way"), ways_of(REJECTED))
def test_a_row_is_accepted_once_its_hint_is_followed(reason, way, crm):
    data, arguments, _ = REJECTED[reason]
    assert way.says in reason.hint
    manifest = imported(crm, data | way.data, arguments | way.arguments)
    assert manifest["rows"]["accepted"] == 1
    assert len(crm.customers()) == 1


@pytest.mark.parametrize("reason", NOTED, ids=lambda reason: reason.code)
def test_a_remark_is_made_and_the_rows_are_sent(reason, crm):
    data, arguments, _ = NOTED[reason]
    manifest = imported(crm, data, arguments)
    assert [remark["code"] for remark in manifest["remarks"]] == [reason.code]
    assert manifest["rows"]["accepted"] == len(data["whatsApp"])


@pytest.mark.parametrize(("reason", "way"), ways_of(NOTED))
def test_a_remark_is_gone_once_its_hint_is_followed(reason, way, crm):
    data, arguments, _ = NOTED[reason]
    assert way.says in reason.hint
    assert imported(crm, data | way.data, arguments | way.arguments)["remarks"] == []
