"""Every option reaches what it is for."""

from __future__ import annotations

from argparse import ArgumentParser
from operator import attrgetter

import pytest

from airflow_provider_socialscrm.api.settings import Settings
from airflow_provider_socialscrm.commands.check_arguments import Parser, add_to
from airflow_provider_socialscrm.commands.check_request import Request, request_of
from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.importer.options import Options, Rules

TABLE = [
    (["--column", "mobile=whatsApp"], "options.rules.columns", {"mobile": "whatsApp"}),
    (["--column", "remarks="], "options.rules.columns", {"remarks": None}),
    (["--column", "a=b=desc", "--column", "c=email"], "options.rules.columns", {"a=b": "desc", "c": "email"}),
    (["--default", "stage=New Customer"], "options.rules.defaults", {"stage": "New Customer"}),
    (["--default", "desc=a=b", "--default", "sex="], "options.rules.defaults", {"desc": "a=b", "sex": ""}),
    (["--extension-field", "Size"], "options.rules.extension_fields", ["Size"]),
    (["--extension-field", "A", "--extension-field", "B"], "options.rules.extension_fields", ["A", "B"]),
    (["--all-extension-fields"], "options.rules.extension_fields", "all"),
    (["--values", "sex:M=male"], "options.rules.values", {"sex": {"M": "male"}}),
    (["--values", "sex:M="], "options.rules.values", {"sex": {"M": None}}),
    (
        ["--values", "sex:M=male", "--values", "sex:a:b=c=female", "--values", "stage:1=New"],
        "options.rules.values",
        {"sex": {"M": "male", "a:b=c": "female"}, "stage": {"1": "New"}},
    ),
    (["--date-field", "A", "--date-field", "B"], "options.rules.date_fields", ["A", "B"]),
    (["--null-value", "NULL", "--null-value", "n/a"], "options.rules.null_values", ["NULL", "n/a"]),
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
    (["--encoding", "gb18030"], "encoding", "gb18030"),
    (["--delimiter", ";"], "delimiter", ";"),
    (["--delimiter", r"\t"], "delimiter", "\t"),
    (["--delimiter", "tab"], "delimiter", "\t"),
    (["--delimiter", "\t"], "delimiter", "\t"),
    (["--auth-scheme", "header"], "settings.auth_scheme", "header"),
    (["--rows-per-call", "7"], "options.rows_per_call", 7),
    (["--bytes-per-call", "4096"], "options.bytes_per_call", 4096),
    (["--calls-per-second", "2.5"], "settings.calls_per_second", 2.5),
    (["--rejects-path", "s3://crm/rejects.csv"], "rejects_path", "s3://crm/rejects.csv"),
    (["--max-rejected", "20"], "options.max_rejected", 20),
    (["--max-rejected", "0.02"], "options.max_rejected", 0.02),
    (["--max-rejected", "1"], "options.max_rejected", 1),
    (["--max-rejected", "1.0"], "options.max_rejected", 1.0),
    (["--max-rejected", "none"], "options.max_rejected", None),
]


def parsed(*arguments: str) -> Request:
    parser = Parser()
    add_to(parser)
    return request_of(parser.parse_args(["customers.csv", *arguments]))


@pytest.mark.parametrize(("arguments", "place", "value"), TABLE)
def test_an_option_reaches_its_place(arguments, place, value):
    reached = attrgetter(place)(parsed(*arguments))

    assert (reached, type(reached) is type(value) or place == "settings.auth_scheme") == (value, True)


def test_every_option_is_in_the_table():
    parser = ArgumentParser()
    add_to(parser)
    options = {option for action in parser._actions for option in action.option_strings} - {"-h", "--help"}

    assert {argument for arguments, _, _ in TABLE for argument in arguments if argument.startswith("--")} == options


def test_without_options_all_is_as_in_the_operator():
    request = parsed()

    assert request.options.rules == Rules()
    for name in ("rows_per_call", "bytes_per_call", "max_rejected", "on_unknown"):
        assert getattr(request.options, name) == getattr(Options(), name)
    assert (request.file, request.rejects_path, request.encoding, request.delimiter) == (
        "customers.csv", None, "utf-8", ",",
    )  # fmt: skip
    plain = Settings("", "", "")
    assert request.settings.auth_scheme is plain.auth_scheme
    assert request.settings.calls_per_second == plain.calls_per_second


@pytest.mark.parametrize(
    "arguments",
    [
        ["--empty", "send", "--empty", "desc=send"],
        ["--empty", "desc=send", "--empty", "desc=omit"],
        ["--default", "sex=male", "--default", "sex=female"],
        ["--column", "a=sex", "--column", "a=email"],
        ["--values", "sex:M=male", "--values", "sex:M=female"],
        ["another.csv"],
    ],
)
def test_what_contradicts_itself_is_refused(arguments):
    with pytest.raises(InputError):
        parsed(*arguments)


def test_extension_fields_are_some_or_all(capsys):
    with pytest.raises(SystemExit, match="2"):
        parsed("--extension-field", "A", "--all-extension-fields")

    assert capsys.readouterr().err.count("\n") == 1
