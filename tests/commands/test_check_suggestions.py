"""What a check says to add to the task does what it says, to the letter."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest
from airflow.sdk import DAG

from airflow_provider_socialscrm.commands.check_suggestions import Suggestion
from airflow_provider_socialscrm.sandbox.server import Sandbox
from tests.support.airflow import FakeTaskInstance

GOOD = "8615266667780"


def write(*lines: str) -> str:
    Path("own.csv").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return "own.csv"


def additions(page) -> dict[str, object]:
    """Return the arguments that a page prints to add, read as a person reads them."""
    if "What to add to the task" not in page.lines:
        return {}
    code = [line[2:] for line in page.section("What to add to the task") if not line.startswith(" " * 6)]
    (call,) = ast.parse(f"f({''.join(code)})").body
    return {each.arg: ast.literal_eval(each.value) for each in call.value.keywords}


def pasted(page, added) -> FakeTaskInstance:
    """Run the printed task with more arguments, which replace its own."""
    tree = ast.parse(page.out[page.out.index("from airflow_provider_socialscrm") :])
    call = tree.body[-1].value
    call.keywords = [each for each in call.keywords if each.arg not in added]
    call.keywords += [ast.keyword(name, ast.parse(repr(value), mode="eval").body) for name, value in added.items()]
    found: dict[str, object] = {}
    with DAG("pasted", schedule=None) as dag:
        exec(compile(ast.fix_missing_locations(tree), "pasted", "exec"), found)  # noqa: S102
    return dag.tasks[0].execute({"ti": FakeTaskInstance()})


@pytest.fixture
def with_city(connected_crm: Sandbox) -> None:
    connected_crm.configure(extension_fields={"city": "text"})


@pytest.mark.parametrize(
    ("lines", "options", "added", "rows"),
    [
        ((f"{GOOD},Bonn", "8615266667781,"), [], {"extension_fields": ["city"]}, {"accepted": 2}),
        (
            (f"{GOOD},n/a", "8615266667781,NULL"),
            ["--columns", "city=desc"],
            {"null_values": ["NULL", "n/a"]},
            {"accepted": 2},
        ),
        (
            ("+8613800000001,x", "013800000002,y"),
            ["--extension-fields", "city"],
            {"default_region": "CN", "max_rejected": 1},
            {"accepted": 2},
        ),
        (
            (f"{GOOD},01/02/2020", "8615266667781,2020-01-02"),
            ["--columns", "city=birthday"],
            {"dayfirst": True, "bad_values": "omit", "max_rejected": 1},
            {"accepted": 2},
        ),
        (
            (f"{GOOD},Whitsun", "8615266667781,2020-01-02"),
            ["--columns", "city=birthday"],
            {"bad_values": "omit", "max_rejected": 1},
            {"accepted": 2},
        ),
        (
            (f"{GOOD},x", "12ab,x"),
            ["--extension-fields", "city", "--on-invalid", "fail"],
            {"on_invalid": "reject", "max_rejected": 1},
            {"accepted": 1, "invalid": 1},
        ),
        (
            ("13879542916,x", "+8615266667781,y"),
            ["--extension-fields", "city"],
            {"default_region": "CN", "max_rejected": 1},
            {"accepted": 2},
        ),
        (
            ("15045554467,x", "+8615266667781,x"),
            ["--extension-fields", "city", "--default-region", "CN"],
            {"ambiguous_numbers": "national", "max_rejected": 1},
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
    manifest = pasted(page, found)["rows"]
    assert {name: number for name, number in manifest.items() if number} == rows | {"total": 2}


def test_a_misspelt_extension_field_can_be_mapped(check, connected_crm: Sandbox):
    page = check(write("mobile,freindName", f"{GOOD},Xan"), "--columns", "mobile=whatsApp", "--extension-fields", "all")

    assert additions(page) == {"columns": {"mobile": "whatsApp", "freindName": "friendName"}}
    pasted(page, additions(page))
    assert connected_crm.customers()[0]["fields"]["friendName"] == "Xan"


def test_the_rows_left_out_are_saved_where_the_addition_says(check, connected_crm: Sandbox, tmp_path):
    page = check(write("whatsApp", GOOD, "12ab"))

    manifest = pasted(page, additions(page))

    assert manifest["rejects_path"].startswith(f"{tmp_path}/rejects/")
    assert Path(manifest["rejects_path"]).exists()


def test_a_file_without_a_finding_needs_nothing(check):
    page = check(write("whatsApp", GOOD))

    assert "What to add to the task" not in page.lines
    assert json.loads(check("own.csv", "--json").out)["add_to_task"] == []


def test_a_header_that_may_be_a_customer_is_never_suggested(check):
    page = check(write("whatsApp,8615266667780,city", f"{GOOD},x,y"))

    assert additions(page) == {}


def test_a_long_list_gets_a_line_for_each_item_and_is_valid_python():
    value = [f"column {place}" for place in range(20)]
    code = Suggestion("extension_fields", value, "x").code

    assert max(map(len, code.splitlines())) <= 80
    assert ast.literal_eval(code.partition("=")[2].rstrip(",")) == value


@pytest.mark.parametrize(("rows", "words"), [(1, "1 row"), (2, "2 rows")])
def test_why_is_in_the_singular_and_plural(check, rows, words):
    page = check(write("whatsApp,birthday", *[f"861526666778{place},01/02/2020" for place in range(rows)]))

    assert f"in {words}; False" in " ".join(page.out.split())
    assert f"sends {words} without" in " ".join(page.out.split())
