"""The task that a check shows is an operator which does the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_provider_socialscrm.commands.check_arguments import Parser, add_to
from airflow_provider_socialscrm.commands.check_request import request_of
from airflow_provider_socialscrm.commands.check_task import task_of

EVERYTHING = [
    *(
        "--column",
        "mobile=whatsApp",
        "--column",
        'a "quoted" one=desc',
        "--column",
        "back\\slash=",
        "--column",
        "客=sex",
    ),
    *("--default", "stage=New\nCustomer", "--default", "welcome=Grüße 😀", "--extension-field", "Size"),
    *("--default-region", "DE", "--no-dayfirst", "--empty", "desc=send", "--duplicates", "first"),
    *("--on-invalid", "fail", "--encoding", "gb18030", "--delimiter", "tab", "--rows-per-call", "7"),
    *("--values", "sex:M=male", "--values", "sex:=x=", "--values", 'stage:"=New', "--date-field", "Size"),
    *("--null-value", "NULL", "--null-value", "\\N", "--ambiguous-numbers", "national", "--bad-values", "omit"),
    *("--bytes-per-call", "4096", "--max-rejected", "0.02", "--rejects-path", "s3://crm/rejects.csv"),
]


def requested(*arguments):
    parser = Parser()
    add_to(parser)
    return request_of(parser.parse_args(arguments))


@pytest.mark.parametrize(
    "arguments",
    [
        ["customers.csv"],
        ["exports/*.parquet", *EVERYTHING],
        ["s3://crm/customers.csv", "--all-extension-fields", "--dayfirst", "--empty", "send", "--max-rejected", "20"],
        ["customers.csv", "--max-rejected", "none"],
        ["customers.csv", "--max-rejected", "1.0"],
        ["customers.csv", "--rejects-path", "rejects.csv", "--auth-scheme", "header", "--calls-per-second", "5"],
    ],
)
def test_it_is_an_operator_with_the_same_arguments(arguments):
    request = requested(*arguments)
    found = {}

    exec(task_of(request).replace("SocialSCRMImportOperator(\n", "made = SocialSCRMImportOperator(\n"), found)  # noqa: S102

    made, options = found["made"], found["made"]._options()
    assert options.rules == request.options.rules
    for name in ("rows_per_call", "bytes_per_call", "max_rejected", "on_unknown", "concurrency"):
        assert getattr(options, name) == getattr(request.options, name)
    assert (made.encoding, made.delimiter) == (request.encoding, request.delimiter)
    assert made.data == absolute(request.file)
    assert made.rejects_path == absolute(request.rejects_path)


def absolute(path):
    return path if path is None or "://" in path else str(Path.cwd() / path)


def test_a_simple_one_is_short(tmp_path):
    assert task_of(requested("customers.csv")).splitlines() == [
        "from airflow_provider_socialscrm.operators.socialscrm import SocialSCRMImportOperator",
        "",
        "SocialSCRMImportOperator(",
        '    task_id="import_customers",',
        f'    data="{tmp_path}/customers.csv",',
        ")",
    ]


def test_what_belongs_to_the_connection_is_a_comment():
    request = requested("/data/customers.csv", "--auth-scheme", "header", "--calls-per-second", "5")

    assert task_of(request).splitlines()[2:4] == [
        "# The connection has Auth scheme header and Calls per second 5.",
        "SocialSCRMImportOperator(",
    ]


def test_long_arguments_are_broken_into_lines():
    columns = [f"a rather long name {number}" for number in range(4)]
    options = [option for name in columns for option in ("--extension-field", name)]

    assert task_of(requested("/data/customers.csv", "--column", f"{columns[0]}=desc", *options)).splitlines()[3:] == [
        '    task_id="import_customers",',
        '    data="/data/customers.csv",',
        '    columns={"a rather long name 0": "desc"},',
        "    extension_fields=[",
        '        "a rather long name 0",',
        '        "a rather long name 1",',
        '        "a rather long name 2",',
        '        "a rather long name 3",',
        "    ],",
        ")",
    ]
