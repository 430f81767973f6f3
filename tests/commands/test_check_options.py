"""Every option reaches its place in the importer, and the printed task does the same."""

from __future__ import annotations

import inspect
from argparse import ArgumentParser
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_socialscrm.__main__ import command_parser
from airflow_provider_socialscrm.api.settings import Settings
from airflow_provider_socialscrm.commands.check_options import ARGUMENTS, Request, add_check, request_of, task_of
from airflow_provider_socialscrm.importer.options import Options, Rules
from airflow_provider_socialscrm.operators.socialscrm import SocialSCRMImportOperator

TABLE = [
    (["--columns", "mobile=whatsApp"], "options.rules.columns", {"mobile": "whatsApp"}),
    (["--columns", "remarks="], "options.rules.columns", {"remarks": None}),
    (["--columns", "a=b=desc", "--columns", "c=email"], "options.rules.columns", {"a=b": "desc", "c": "email"}),
    (["--defaults", "stage=New Customer"], "options.rules.defaults", {"stage": "New Customer"}),
    (["--defaults", "desc=a=b", "--defaults", "sex="], "options.rules.defaults", {"desc": "a=b", "sex": ""}),
    (["--extension-fields", "Size"], "options.rules.extension_fields", ["Size"]),
    (["--extension-fields", "A", "--extension-fields", "B"], "options.rules.extension_fields", ["A", "B"]),
    (["--extension-fields", "all"], "options.rules.extension_fields", "all"),
    (["--values", "sex:M=male"], "options.rules.values", {"sex": {"M": "male"}}),
    (["--values", "sex:M="], "options.rules.values", {"sex": {"M": None}}),
    (
        ["--values", "sex:M=male", "--values", "sex:a:b=c=female", "--values", "stage:1=New"],
        "options.rules.values",
        {"sex": {"M": "male", "a:b=c": "female"}, "stage": {"1": "New"}},
    ),
    (["--date-fields", "A", "--date-fields", "B"], "options.rules.date_fields", ["A", "B"]),
    (["--null-values", "NULL", "--null-values", "n/a"], "options.rules.null_values", ["NULL", "n/a"]),
    (["--ambiguous-numbers", "national"], "options.rules.ambiguous_numbers", "national"),
    (["--ambiguous-numbers", "international"], "options.rules.ambiguous_numbers", "international"),
    (["--bad-values", "omit"], "options.rules.bad_values", "omit"),
    (["--default-region", "CN"], "options.rules.default_region", "CN"),
    (["--dayfirst"], "options.rules.dayfirst", True),
    (["--no-dayfirst"], "options.rules.dayfirst", False),
    (["--empty", "send"], "options.rules.empty", "send"),
    (["--empty", "send", "--empty", "omit"], "options.rules.empty", "omit"),
    (["--empty", "desc=send", "--empty", "a=b=omit"], "options.rules.empty", {"desc": "send", "a=b": "omit"}),
    (["--duplicates", "first"], "options.rules.duplicates", "first"),
    (["--duplicates", "send"], "options.rules.duplicates", "send"),
    (["--on-invalid", "fail"], "options.rules.on_invalid", "fail"),
    (["--encoding", "gb18030"], "arguments.encoding", "gb18030"),
    (["--delimiter", ";"], "arguments.delimiter", ";"),
    (["--delimiter", r"\t"], "arguments.delimiter", "\t"),
    (["--delimiter", "tab"], "arguments.delimiter", "\t"),
    (["--delimiter", "\t"], "arguments.delimiter", "\t"),
    (["--auth-scheme", "header"], "settings.auth_scheme", "header"),
    (["--rows-per-call", "7"], "options.rows_per_call", 7),
    (["--rows-per-call", "auto"], "options.rows_per_call", "auto"),
    (["--bytes-per-call", "4096"], "options.bytes_per_call", 4096),
    (["--calls-per-second", "2.5"], "settings.calls_per_second", 2.5),
    (["--rejects-path", "s3://crm/rejects.csv"], "arguments.rejects_path", "s3://crm/rejects.csv"),
    (["--max-rejected", "20"], "options.max_rejected", 20),
    (["--on-unknown", "resend"], "options.on_unknown", "resend"),
    (["--max-rejected", "0.02"], "options.max_rejected", 0.02),
    (["--max-rejected", "1"], "options.max_rejected", 1),
    (["--max-rejected", "1.0"], "options.max_rejected", 1.0),
    (["--max-rejected", "none"], "options.max_rejected", None),
    (["--max-rejected", "None"], "options.max_rejected", None),
]


EVERYTHING = [
    *(
        "--columns",
        "mobile=whatsApp",
        "--columns",
        'a "quoted" one=desc',
        "--columns",
        "back\\slash=",
        "--columns",
        "客=sex",
    ),
    *("--defaults", "stage=New\nCustomer", "--defaults", "welcome=Grüße 😀", "--extension-fields", "Size"),
    *("--default-region", "DE", "--no-dayfirst", "--empty", "desc=send", "--duplicates", "first"),
    *("--on-invalid", "fail", "--encoding", "gb18030", "--delimiter", "tab", "--rows-per-call", "7"),
    *("--values", "sex:M=male", "--values", "sex:=x=", "--values", 'stage:"=New', "--date-fields", "Size"),
    *("--null-values", "NULL", "--null-values", "\\N", "--ambiguous-numbers", "national", "--bad-values", "omit"),
    *(
        "--bytes-per-call",
        "4096",
        "--max-rejected",
        "0.02",
        "--on-unknown",
        "resend",
        "--rejects-path",
        "s3://crm/rejects.csv",
    ),
]


def parsed(*arguments: str) -> Request:
    return parsed_file("customers.csv", *arguments)


def parsed_file(*arguments: str) -> Request:
    return request_of(command_parser().parse_args(["check", *arguments]))


@pytest.mark.parametrize(("arguments", "place", "value"), TABLE)
def test_an_option_reaches_its_place(arguments, place, value):
    request = parsed(*arguments)

    if place.startswith("arguments."):
        reached = request.arguments[place.removeprefix("arguments.")]
    else:
        reached = attrgetter(place)(request)
    assert (reached, type(reached) is type(value) or place == "settings.auth_scheme") == (value, True)


def options_of_check() -> dict[str, str]:
    """Return the options for the import, each with the name of its value in the parsed command line."""
    parser = add_check(ArgumentParser().add_subparsers())
    options = {option: action.dest for action in parser._actions for option in action.option_strings}
    return {option: name for option, name in options.items() if name not in {"help", "json"}}


def test_every_option_is_in_the_table():
    tested = {argument for arguments, _, _ in TABLE for argument in arguments if argument.startswith("--")}
    assert tested == options_of_check().keys()


def test_options_are_named_like_the_operators_arguments():
    of_connection = {"--auth-scheme": "auth_scheme", "--calls-per-second": "calls_per_second"}
    of_operator = {option: name for option, name in options_of_check().items() if option not in of_connection}

    assert of_operator.pop("--no-dayfirst") == "dayfirst"
    assert of_operator == {f"--{name.replace('_', '-')}": name for name in ARGUMENTS}
    assert set(ARGUMENTS) <= inspect.signature(SocialSCRMImportOperator.__init__).parameters.keys()


def test_without_options_all_is_as_in_the_operator():
    request = parsed()

    assert (request.file, request.arguments) == ("customers.csv", {})
    assert request.options.rules == Rules()
    for name in ("rows_per_call", "bytes_per_call", "max_rejected", "on_unknown"):
        assert getattr(request.options, name) == getattr(Options(), name)
    plain = Settings("", "", "")
    assert request.settings.auth_scheme is plain.auth_scheme
    assert request.settings.calls_per_second == plain.calls_per_second


@pytest.mark.parametrize(
    "arguments",
    [
        ["--empty", "send", "--empty", "desc=send"],
        ["--empty", "desc=send", "--empty", "send"],
        ["--empty", "desc=send", "--empty", "desc=omit"],
        ["--defaults", "sex=male", "--defaults", "sex=female"],
        ["--columns", "a=sex", "--columns", "a=email"],
        ["--columns", "a=", "--columns", "a="],
        ["--values", "sex:M=male", "--values", "sex:M=female"],
        ["another.csv"],
    ],
)
def test_contradictions_are_refused_in_one_line(capsys, arguments):
    with pytest.raises(SystemExit, match="2"):
        parsed(*arguments)

    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["customers.csv"],
        ["exports/*.parquet", *EVERYTHING],
        [
            "s3://crm/customers.csv",
            "--extension-fields",
            "all",
            "--dayfirst",
            "--empty",
            "send",
            "--max-rejected",
            "20",
        ],
        ["customers.csv", "--max-rejected", "none"],
        ["customers.csv", "--max-rejected", "1.0"],
        ["customers.csv", "--rejects-path", "rejects.csv", "--auth-scheme", "header", "--calls-per-second", "5"],
        ["customers.csv", "--rejects-path", "s3://crm/rejects/"],
    ],
)
def test_the_task_is_an_operator_with_the_same_arguments(arguments):
    request = parsed_file(*arguments)
    found: dict[str, Any] = {}

    exec(task_of(request).replace("SocialSCRMImportOperator(\n", "made = SocialSCRMImportOperator(\n"), found)  # noqa: S102

    made, options = found["made"], found["made"]._options()
    assert options.rules == request.options.rules
    for name in ("rows_per_call", "bytes_per_call", "max_rejected", "on_unknown", "concurrency"):
        assert getattr(options, name) == getattr(request.options, name)
    given = {"encoding": "utf-8", "delimiter": ",", "rejects_path": None} | request.arguments
    assert (made.encoding, made.delimiter) == (given["encoding"], given["delimiter"])
    assert made.data == absolute(request.file)
    assert made.rejects_path == folder_of(absolute(given["rejects_path"]))


def folder_of(path):
    """Return the folder in which each run of the task has a file of its own."""
    return path if path is None else path.rpartition("/")[0] + "/"


def absolute(path):
    return path if path is None or "://" in path else str(Path.cwd() / path)


def test_a_simple_task_is_short(tmp_path):
    assert task_of(parsed()).splitlines() == [
        "from airflow_provider_socialscrm.operators.socialscrm import SocialSCRMImportOperator",
        "",
        "SocialSCRMImportOperator(",
        "    task_id='import_customers',",
        f"    data='{tmp_path}/customers.csv',",
        ")",
    ]


def test_what_belongs_to_the_connection_is_a_comment():
    request = parsed("--auth-scheme", "header", "--calls-per-second", "5")

    assert task_of(request).splitlines()[2:4] == [
        "# In the connection: Auth scheme header, Calls per second 5",
        "SocialSCRMImportOperator(",
    ]
