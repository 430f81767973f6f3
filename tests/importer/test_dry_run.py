"""A dry run finds what the import would, makes no call and shows no customer."""

from __future__ import annotations

import json
from dataclasses import replace

import pandas as pd
import pytest

from airflow_provider_socialscrm.api.client import Client
from airflow_provider_socialscrm.api.settings import AuthScheme, Settings
from airflow_provider_socialscrm.importer.dry_run import SAMPLE_ROWS, SampleField, preview_import
from airflow_provider_socialscrm.importer.errors import InputError, RejectedRowsError
from airflow_provider_socialscrm.importer.masking import LONGEST_SHOWN, masked
from airflow_provider_socialscrm.importer.options import Options, Rules
from airflow_provider_socialscrm.importer.results.dead_letter import FLUSH_ROWS
from airflow_provider_socialscrm.importer.run import Import
from airflow_provider_socialscrm.importer.sources.base import BATCH_ROWS
from airflow_provider_socialscrm.importer.sources.open_source import open_source
from tests.support.imports import run_through
from tests.support.sandbox import NO_LIMIT

NAMES = ["Ann Secret", "\u674e\u5c0f\u9f99", "Bo Secret", None, "Cy Secret", "Di Secret"]
CUSTOMERS = pd.DataFrame(
    {
        "mobile": ["+86 152 6666 7780", "8615266667781", "12", "8615266667780", "8615266667783", None],
        "friendName": NAMES,
        "sex": ["Male", "m", None, None, None, None],
        "birthday": ["1990-03-08", None, "soon", None, None, None],
    }
)
RULES = Rules(columns={"mobile": "whatsApp"}, defaults={"stage": "New"})


def settings_of(url="http://127.0.0.1:1", **changes):
    return Settings(url, "1", "key", "agent_wang", **({"calls_per_second": 45.0} | changes))


def previewed(data, options, settings=None, *, batch_rows=BATCH_ROWS, **more):
    settings = settings or settings_of()
    source = replace(open_source(data), batch_rows=batch_rows)
    return preview_import(source, options, settings, Client(settings).envelope_size, **more)


LEFT_OUT = {"unknown": 0, "duplicate": 1, "blank": 0, "unchanged": 0, "known_bad": 0}


def test_rows_reasons_calls_and_seconds_are_those_of_the_import():
    found = previewed(CUSTOMERS, Options(rows_per_call=1, rules=RULES), settings_of(calls_per_second=2))
    manifest = found.manifest()
    reasons = [(each["bucket"], each["code"], each["first_positions"]) for each in manifest.pop("refusals")]
    assert manifest == {
        "dry_run": True,
        "rows": {"total": 6, "sendable": 3, "invalid": 2} | LEFT_OUT,
        "calls": 3,
        "seconds": 2,
        "broke_off": None,
        "changes": None,
        "remarks": [],
        "ambiguous_numbers": {},
        "countries": {"CN": 3},
        "left_out": [],
    }
    assert sorted(reasons) == [
        ("duplicate", "duplicate", [0]), ("invalid", "bad-number + bad-birthday", [2]), ("invalid", "no-number", [5]),
    ]  # fmt: skip


@pytest.mark.one_in(2)
@pytest.mark.parametrize("scheme", ["body", "header"])
@pytest.mark.parametrize("on_unknown", ["hold", "resend"])
def test_the_calls_are_as_many_as_an_import_makes(crm, scheme, on_unknown):
    crm.configure(agents=["agent_wang", "agent_li"])
    frame = pd.DataFrame({"whatsApp": [8615200000000 + n for n in range(500)]})
    frame["agentAccount"] = ["agent_wang", "agent_li"] * 250
    frame["welcome"] = [None] * 480 + ["hello"] * 20
    options = Options(rows_per_call=7, on_unknown=on_unknown)
    key = crm.settings.api_key
    settings = Settings(crm.url, "1", key, "agent_wang", AuthScheme(scheme), calls_per_second=NO_LIMIT)
    expected = previewed(frame, options, settings)
    assert crm.customers() == []

    run = run_through(Import(open_source(frame), Client(settings, connections=12), options))
    assert run.manifest()["calls"]["sent"] == expected.calls
    assert run.manifest()["rows"]["accepted"] == expected.sendable


def test_samples_show_the_form_of_rows_before_and_after():
    found = previewed(CUSTOMERS, Options(rules=RULES))
    assert list(found.samples) == [1, 3, 4]
    assert found.samples[1] == [
        SampleField("mobile", "whatsApp", "9" * 13, "9" * 13), SampleField("friendName", "friendName", "xxx", "xxx"),
        SampleField("sex", "sex", "a", "aaaa"), SampleField(None, "stage", "", "Aaa"),
    ]  # fmt: skip


def test_there_are_at_most_ten_samples_and_they_show_no_customer():
    frame = pd.DataFrame(
        {"whatsApp": [f"+86 152 {n:08}" for n in range(1, 40)], "friendName": "Ann Secret", "Level": "Gold"}
    )
    found = previewed(frame, Options())
    assert len(found.samples) == SAMPLE_ROWS
    shown = f"{found.samples} {json.dumps(found.manifest())}"
    assert [value for value in ("Ann", "Secret", "Gold", "152", "00000001") if value in shown] == []


def test_the_rows_that_would_not_go_are_written_where_they_are_wanted(tmp_path):
    path = tmp_path / "rejects.jsonl"
    previewed(CUSTOMERS, Options(rules=RULES), rejects_path=path)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    found = [(line["socialscrm_position"], line["socialscrm_code"], line["friendName"]) for line in lines]
    assert sorted(found) == [
        ("0", "duplicate", "Ann Secret"),
        ("2", "bad-number + bad-birthday", "Bo Secret"),
        ("5", "no-number", "Di Secret"),
    ]
    assert next(line for line in lines if line["socialscrm_position"] == "0")["socialscrm_meaning"].startswith("Row 3 ")


def test_rows_beside_the_one_file_go_also_when_the_dry_run_breaks_off(tmp_path, monkeypatch):
    unsendable = pd.DataFrame({"mobile": ["x"] * 3 * FLUSH_ROWS})

    def break_off(*_args, **_options):
        assert len(list((tmp_path / "rejects.csv.parts").glob("*.jsonl"))) == 3
        raise OSError("The disk is gone.")

    monkeypatch.setattr("airflow_provider_socialscrm.importer.dry_run.chunk_rows", break_off)
    with pytest.raises(OSError, match="gone"):
        previewed(unsendable, Options(rules=RULES), batch_rows=len(unsendable), rejects_path=tmp_path / "rejects.csv")
    assert [found.name for found in tmp_path.iterdir()] == ["rejects.csv"]


def test_rows_of_an_import_that_is_not_complete_are_left_alone(tmp_path):
    parts = tmp_path / "rejects.csv.parts"
    parts.mkdir()
    (parts / "00000001.jsonl").touch()
    with pytest.raises(InputError, match=r"An import that saves its rows at .*rejects\.csv is not complete"):
        previewed(CUSTOMERS, Options(rules=RULES), rejects_path=tmp_path / "rejects.csv")
    assert (parts / "00000001.jsonl").exists()


@pytest.mark.parametrize(
    ("options", "failure"),
    [
        (Options(rules=RULES), RejectedRowsError),
        (Options(rules=RULES, max_rejected=1), RejectedRowsError),
        (Options(rules=RULES, max_rejected=2), None),
        (Options(rules=RULES, max_rejected=0.34), None),
        (Options(rules=Rules(columns={"mobile": "whatsApp"}, on_invalid="fail"), max_rejected=9), InputError),
    ],
)
def test_it_fails_as_the_import_would(options, failure):
    found = previewed(CUSTOMERS, options)
    if failure is None:
        found.check(options)
    else:
        with pytest.raises(failure, match="2 of 6 rows were refused"):
            found.check(options)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("+86 152-6666", "+99 999-9999"), ("Ann O'Neil", "Aaa A'Aaaa"), ("\u674e\u5c0f\u9f99", "xxx"),
        ("\uff11\uff12", "\uff19\uff19"),
        ("a@b.cz", "a@a.aa"), ("", ""), (None, ""), ("a\nb\u200b", "a a "), ("\u0663", "9"), ("e\u0301", "ax"),
        ("x" * LONGEST_SHOWN, "a" * LONGEST_SHOWN), ("x" * (LONGEST_SHOWN + 1), "a" * (LONGEST_SHOWN - 1) + "\u2026"),
    ],
)  # fmt: skip
def test_a_masked_text_shows_its_form_alone(text, shown):
    assert masked(text) == shown
