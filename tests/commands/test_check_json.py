"""``check --json``: the form that scripts rely on."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands.conftest import COMMAND
from tests.commands.test_check_promise import pasted

MAPPED = ("mistakes.csv", "--columns", "mobile=whatsApp", "--extension-fields", "all", "--defaults", "welcome=Hi")
CHECK_PAGE = (Path(__file__).parents[2] / "docs" / "howto" / "check-a-file.md").read_text(encoding="utf-8")


def form_of(value):
    """Return the names in a JSON value, with those of its items."""
    if isinstance(value, dict):
        return {name: form_of(each) for name, each in value.items()}
    return [form_of(value[0])] if isinstance(value, list) and value else type(value).__name__


def test_its_names_are_those_that_scripts_rely_on(check):
    found = json.loads(check(*MAPPED, "--json").out)

    found["refusals"] = [each for each in found["refusals"] if each["code"] == "national-number"]
    found["add_to_task"] = [each for each in found["add_to_task"] if each["argument"] == "max_rejected"]
    found["remarks"] = found["remarks"][:1]
    assert form_of(found) == {
        "schema": "int",
        "exit_code": "int",
        "outcome": "str",
        "file": "str",
        "files": "int",
        "rows": {
            "total": "int",
            "sendable": "int",
            "invalid": "int",
            "unknown": "int",
            "duplicate": "int",
            "blank": "int",
        },
        "calls": "int",
        "seconds": "int",
        "columns": [{"column": "str", "field": "str", "sent": "bool", "what": "str", "examples": ["str"]}],
        "refusals": [
            {
                "bucket": "str",
                "code": "str",
                "meaning": "str",
                "hint": "str",
                "rows": "int",
                "first_positions": ["int"],
                "examples": [{"row": "int", "values": {"whatsApp": "str"}}],
            }
        ],
        "remarks": [{"code": "str", "meaning": "str", "hint": "str", "rows": "int"}],
        "ambiguous_numbers": {},
        "countries": {"CN": "int", "DE": "int"},
        "fixed_lines": "int",
        "warnings": ["str"],
        "left_out": "list",
        "add_to_task": [{"argument": "str", "value": "float", "why": "str", "is_choice": "bool"}],
        "task": "str",
    }


def test_its_counts_are_those_of_the_page(check):
    found, page = json.loads(check(*MAPPED, "--json").out), check(*MAPPED)

    assert (found["schema"], found["exit_code"]) == (1, page.code)
    assert found["rows"] == {"total": 8, "sendable": 2, "invalid": 5, "unknown": 0, "duplicate": 1, "blank": 0}
    assert found["outcome"] in " ".join(page.out.split())
    assert sum(each["rows"] for each in found["refusals"]) == 6
    assert [each["field"] for each in found["columns"]][-1] == "welcome"
    assert found["columns"][-1] == {
        "column": None,
        "field": "welcome",
        "sent": True,
        "what": "sent, always 'Hi'",
        "examples": [],
    }
    assert page.out.endswith(found["task"])


def test_no_customer_shows_in_it(check, values):
    assert [value for value in values if value in check(*MAPPED, "--json").out] == []


@pytest.mark.parametrize(
    ("arguments", "code", "outcome"),
    [
        (["nowhere.csv"], 2, "nowhere.csv does not exist: check the path in data, and that the worker can reach it."),
        (["fine.csv", "--rows-per-call", "0"], 2, "rows_per_call is 0, not a whole number above 0 or 'auto'."),
        (["fine.csv"], 0, "Every row can be sent."),
        (["bad.csv"], 1, "No row can be sent."),
        (["header.csv"], 0, "The file has no rows: an import would do nothing."),
    ],
)
def test_it_is_json_however_the_check_ends(check, arguments, code, outcome):
    Path("bad.csv").write_text("whatsApp\n12ab\n", encoding="utf-8")
    Path("header.csv").write_text("whatsApp\n", encoding="utf-8")

    done = check(*arguments, "--json")

    found = json.loads(done.out)
    assert (done.code, done.err) == (code, "")
    assert (found["schema"], found["exit_code"], found["outcome"]) == (1, code, outcome)


def test_the_task_in_it_can_be_run(check, connected_crm):
    found = json.loads(check("fine.csv", "--json").out)

    assert pasted(found["task"]).data.endswith("fine.csv")


@pytest.mark.thorough
def test_a_script_reads_it_from_a_pipe_in_any_locale(monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    Path("names.csv").write_text("whatsApp,客户\n8615266667780,x\n", encoding="utf-8")

    done = subprocess.run([*COMMAND, "check", "names.csv", "--json"], capture_output=True, timeout=60, check=True)

    assert json.loads(done.stdout)["columns"][1]["column"] == "客户"
    assert sys.executable in COMMAND


def test_its_page_describes_each_name():
    names = re.findall(r"^\| `([\w.]+)` ", CHECK_PAGE, re.MULTILINE)

    assert names == [
        "schema", "exit_code", "outcome", "file", "files", "rows", "calls", "seconds", "columns", "refusals", "remarks",
        "ambiguous_numbers", "countries", "fixed_lines", "warnings", "left_out", "add_to_task", "task", "next",
    ]  # fmt: skip
