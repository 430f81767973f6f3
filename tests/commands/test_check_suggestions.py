"""What a check says to add to the task does what it says, to the letter."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

from airflow_provider_socialscrm.commands.check_folders import folder_beside, name_of_data
from airflow_provider_socialscrm.commands.check_names import COMMON_NAMES, guesses
from airflow_provider_socialscrm.commands.check_page import ADDITIONS, CHOICES
from airflow_provider_socialscrm.commands.check_suggestions import Suggestion, enough_for
from airflow_provider_socialscrm.importer.results.threshold import allowed_number
from airflow_provider_socialscrm.sandbox.server import Sandbox
from tests.commands.test_check_promise import pasted
from tests.support.airflow import FakeTaskInstance

GOOD = "8615266667780"


def write(*lines: str) -> str:
    Path("own.csv").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return "own.csv"


def additions(page) -> dict[str, object]:
    """Return the arguments that a page explains, read as a person reads them, without the ``#`` of a choice."""
    if ADDITIONS not in page.lines:
        return {}
    code = [line[2:].removeprefix("# ") for line in page.section(ADDITIONS) if not line.startswith(" " * 6)]
    (call,) = ast.parse(f"f({''.join(line for line in code if line != CHOICES)})").body
    return {each.arg: ast.literal_eval(each.value) for each in call.value.keywords}


def with_choices(page) -> str:
    """Return the printed task in which a person has chosen everything but the ledger."""
    task = page.out[page.out.index("from airflow_provider_socialscrm") :]
    chosen = re.sub(r"^    # (?!ledger=)", "    ", task, flags=re.MULTILINE)
    for name in re.findall(r"  # instead of (\w+) above", chosen):
        chosen = re.sub(rf"^    {name}=.*\n", "", chosen, count=1, flags=re.MULTILINE)
    return chosen


def run_with_choices(page) -> dict[str, object]:
    return pasted(with_choices(page)).execute({"ti": FakeTaskInstance()})


@pytest.fixture
def with_city(connected_crm: Sandbox) -> None:
    connected_crm.configure(extension_fields={"city": "text"})


@pytest.mark.parametrize(
    ("lines", "options", "added", "rows"),
    [
        ((f"{GOOD},Bonn", "8615266667781,"), [], {}, {"accepted": 2}),
        (
            (f"{GOOD},n/a", "8615266667781,NULL"),
            ["--columns", "city=desc"],
            {"null_values": ["NULL", "n/a"]},
            {"accepted": 2},
        ),
        (
            ("+8613800000001,x", "013800000002,y"),
            ["--extension-fields", "city"],
            {"default_region": "CN", "max_rejected": 0.5},
            {"accepted": 2},
        ),
        (
            (f"{GOOD},01/02/2020", "8615266667781,2020-01-02"),
            ["--columns", "city=birthday"],
            {"dayfirst": True, "bad_values": "omit", "max_rejected": 0.5},
            {"accepted": 2},
        ),
        (
            (f"{GOOD},Whitsun", "8615266667781,2020-01-02"),
            ["--columns", "city=birthday"],
            {"bad_values": "omit", "max_rejected": 0.5},
            {"accepted": 2},
        ),
        (
            (f"{GOOD},x", "12ab,x"),
            ["--extension-fields", "city", "--on-invalid", "fail"],
            {"on_invalid": "reject", "max_rejected": 0.5},
            {"accepted": 1, "invalid": 1},
        ),
        (
            ("13879542916,x", "+8615266667781,y"),
            ["--extension-fields", "city"],
            {"default_region": "CN", "max_rejected": 0.5},
            {"accepted": 2},
        ),
        (
            ("15045554467,x", "+8615266667781,x"),
            ["--extension-fields", "city", "--default-region", "CN"],
            {"ambiguous_numbers": "national", "max_rejected": 0.5},
            {"accepted": 2},
        ),
        ((f"{GOOD},x", f"{GOOD},y"), ["--extension-fields", "city"], {}, {"accepted": 1, "duplicate": 1}),
    ],
)
@pytest.mark.usefixtures("with_city")
def test_the_task_with_the_additions_does_what_they_say(check, lines, options, added, rows):
    page = check(write("whatsApp,city", *lines), *options)
    found = additions(page)

    rejects = found.pop("rejects_path", None)
    assert found == added
    assert rejects in {None, f"{Path.cwd()}/rejects/"}
    manifest = run_with_choices(page)["rows"]
    assert {name: number for name, number in manifest.items() if number} == rows | {"total": 2}


def test_a_misspelt_extension_field_can_be_mapped(check, connected_crm: Sandbox):
    page = check(write("mobile,freindName", f"{GOOD},Xan"), "--columns", "mobile=whatsApp", "--extension-fields", "all")

    assert additions(page) == {"columns": {"mobile": "whatsApp", "freindName": "friendName"}}
    run_with_choices(page)
    assert connected_crm.customers()[0]["fields"]["friendName"] == "Xan"


@pytest.mark.usefixtures("connected_crm")
def test_the_rows_left_out_are_saved_where_the_addition_says(check, tmp_path):
    page = check(write("whatsApp", GOOD, "12ab"))

    manifest = run_with_choices(page)

    assert manifest["rejects_path"].startswith(f"{tmp_path}/rejects/")
    assert Path(manifest["rejects_path"]).exists()


def test_a_file_without_a_finding_needs_nothing(check):
    page = check(write("whatsApp", GOOD))

    assert ADDITIONS not in page.lines
    assert json.loads(check("own.csv", "--json").out)["add_to_task"] == []


def test_a_header_that_may_be_a_customer_is_never_suggested(check):
    page = check(write("whatsApp,8615266667780,city", f"{GOOD},x,y"))

    assert additions(page) == {}


def test_a_long_list_gets_a_line_for_each_item_and_is_valid_python():
    value = [f"column {place}" for place in range(20)]
    code = Suggestion("extension_fields", value, "x", is_choice=False).code

    assert max(map(len, code.splitlines())) <= 80
    assert ast.literal_eval(code.partition("=")[2].rstrip(",")) == value


@pytest.mark.parametrize(("rows", "words"), [(1, "1 row"), (2, "2 rows")])
def test_why_is_in_the_singular_and_plural(check, rows, words):
    page = check(write("whatsApp,birthday", *[f"861526666778{place},01/02/2020" for place in range(rows)]))

    assert f"in {words}; False" in " ".join(page.out.split())
    assert f"sends {words} without" in " ".join(page.out.split())


@pytest.mark.usefixtures("connected_crm")
def test_the_printed_task_runs_as_it_stands(check, tmp_path):
    page = check(write("whatsApp,full_name,notes", f"{GOOD},Xan,do not share", f"{GOOD},Xan,"))

    task = pasted(page.out)

    assert task.execute({"ti": FakeTaskInstance()})["rows"]["accepted"] == 1
    assert (task.retries, task.rejects_path, task.ledger) == (3, f"{tmp_path}/rejects/", None)
    assert f"    # ledger='{tmp_path}/ledgers/own',  # sends only what changed" in page.out


def test_a_column_that_no_field_has_the_name_of_is_a_question(check):
    page = check(write("whatsApp,full_name,notes,城市", f"{GOOD},Xan,do not share,x"))

    assert page.section("Left out") == [
        "  full_name, notes, 城市. Should the CRM have one of these? Send it with",
        "  columns={...}, or with extension_fields=[...] if the CRM has a field of that",
        "  name.",
    ]
    assert additions(page) == {"columns": {"full_name": "friendName"}}
    found = json.loads(check("own.csv", "--json").out)
    assert found["left_out"] == ["full_name", "notes", "城市"]
    assert [(each["argument"], each["is_choice"]) for each in found["add_to_task"]] == [("columns", True)]
    assert "notes" not in found["task"]


def test_a_chosen_guess_fills_its_field(check, connected_crm: Sandbox):
    page = check(write("手机号,姓名", f"{GOOD},Xan"), "--columns", "手机号=whatsApp")

    run_with_choices(page)

    assert connected_crm.customers()[0]["fields"]["friendName"] == "Xan"


@pytest.mark.parametrize(
    ("columns", "taken", "found"),
    [
        (["full_name"], (), {"full_name": "friendName"}),
        (["Full-Name"], (), {"Full-Name": "friendName"}),
        (["nickname", "Customer Name"], (), {"Customer Name": "friendName"}),
        (["owner", "Sales"], (), {"owner": "agentAccount"}),
        (["owner"], {"agentAccount"}, {}),
        (["MSISDN", "phone"], (), {"phone": "whatsApp"}),
        (["手机号", "姓名", "负责人"], (), {"手机号": "whatsApp", "姓名": "friendName", "负责人": "agentAccount"}),
        (["notes", "remarks", "备注", "comment", "message", "", "Unnamed: 3", "socialscrm_code"], (), {}),
    ],
)
def test_a_common_name_is_guessed_once_and_notes_never(columns, taken, found):
    assert guesses(columns, taken) == found


def test_each_common_name_means_one_field():
    names = [name.strip() for those in COMMON_NAMES.values() for name in those.split(",")]

    assert len(names) == len(set(names))
    assert all(guesses([name], ()) for name in names)


@pytest.mark.parametrize(
    ("file", "folder"),
    [
        ("/data/crm/a.csv", "/data/crm"),
        ("/data/crm/*.csv", "/data/crm"),
        ("/data/crm/*/a.csv", "/data"),
        ("/data/**/*.csv", ""),
        ("s3://bucket/a.csv", "s3://bucket"),
        ("s3://bucket/crm/a.csv", "s3://bucket/crm"),
        ("s3://bucket/crm/*/*.csv", "s3://bucket"),
        ("s3://bucket/**/*.csv", "s3://bucket"),
    ],
)
def test_rejects_are_beside_the_data_where_no_pattern_finds_them(file, folder):
    assert folder_beside(file) == folder


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("/data/crm/leads.csv", "leads"),
        ("/data/crm/leads.uk.csv", "leads.uk"),
        ("/data/crm/leads.jsonl.zst", "leads"),
        ("/data/crm/leads-*.csv", "leads"),
        ("/data/crm/leads-*-uk.csv", "leads-uk"),
        ("/data/crm/leads-2026-11-26.csv", "leads"),
        ("/data/crm/20261126T230000_leads.csv.gz", "leads"),
        ("/data/crm/leads[0-9].csv", "leads"),
        ("/data/crm/8615266667780.csv", "8615266667780"),
        ("/data/crm/2026-11-26/*.csv", "crm"),
        ("/data/crm/**/*.csv", "crm"),
        ("s3://bucket/crm/*/*.csv", "crm"),
        ("s3://bucket/leads.parquet", "leads"),
        ("s3://bucket/*.parquet", "customers"),
        ("/2026-11-26.csv", "customers"),
    ],
)
def test_a_ledger_has_the_name_of_its_data_in_every_run(file, name):
    assert name_of_data(file) == name


def test_customers_are_never_proposed_for_a_git_work_tree(check, tmp_path):
    (tmp_path / ".git").mkdir()
    page = check(write("whatsApp", GOOD, "12ab"))

    assert additions(page)["rejects_path"] == "/path/to/rejects/"
    assert "    # rejects_path='/path/to/rejects/',\n" in page.out
    assert "    # ledger='/path/to/ledgers/own',  # sends only what changed; a folder of yours" in page.out


@pytest.mark.parametrize(
    ("refused", "rows", "share"),
    [(1, 2, 0.5), (1, 3, 0.34), (5, 8, 0.63), (94, 2400, 0.04), (14, 2400, 0.0059), (199, 200, 1.0), (1, 10**7, 1e-07)],
)
def test_the_share_allows_as_many_rows_as_were_rejected(refused, rows, share):
    assert enough_for(refused, rows) == share
    assert allowed_number(share, rows) >= refused
