"""A file that cannot be checked: one message names all that it needs, and ends with the command that works."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from airflow_provider_socialscrm.commands.check_options import AS_OPTIONS
from airflow_provider_socialscrm.commands.check_pairs import with_pairs

PROGRAM = "python -m airflow_provider_socialscrm "
NO_NUMBER = "The data has no column whatsApp. Name the one with the numbers, as in columns={'mobile': 'whatsApp'}."
GUESSED = "Run next, if what it sets is right:"
UNKNOWN = "Run next, with the column of the numbers in place of COLUMN:"

FILES = {
    "one of each": ("手机号;姓名\n8615266667780;重庆市渝中区\n", "gb18030"),
    "a region's spreadsheet": ("phone;friendName\n8615266667780;Größe Müller\n", "cp1252"),
    "no common name": ("Rufnummer;friendName\n8615266667780;x\n", "utf-8"),
    "quoted": ('"phone";"friendName"\n"8615266667780";"x"\n', "utf-8"),
    "tabs and UTF-16": ("mobile\tfriendName\n8615266667780\tx\n", "utf-16"),
    "misspelt": ("whatsApp,freindName,mobile\n8615266667780,x,y\n", "utf-8"),
    "a number's name is misspelt": ("whatsAp|mobile\n8615266667780|x\n", "utf-8"),
}


@pytest.mark.parametrize(
    ("name", "starts", "title", "options"),
    [
        (
            "one of each",
            ["own.csv, line 1: not UTF-8 text.", "own.csv has one column", NO_NUMBER],
            GUESSED,
            "--encoding gb18030 --delimiter ';' --columns '手机号=whatsApp'",
        ),
        (
            "a region's spreadsheet",
            ["own.csv has one column", NO_NUMBER, "own.csv, line 2: not UTF-8 text."],
            GUESSED,
            "--encoding cp1252 --delimiter ';' --columns phone=whatsApp",
        ),
        ("no common name", ["own.csv has one column", NO_NUMBER], UNKNOWN, "--delimiter ';' --columns COLUMN=whatsApp"),
        (
            "tabs and UTF-16",
            ["own.csv, line 1: not UTF-8 text.", "own.csv has one column", NO_NUMBER],
            GUESSED,
            "--encoding utf-16 --delimiter tab --columns mobile=whatsApp",
        ),
        (
            "quoted",
            ["own.csv seems to be separated by ';'", NO_NUMBER],
            GUESSED,
            "--delimiter ';' --columns phone=whatsApp",
        ),
        ("misspelt", ["The column 'freindName' is not sent"], GUESSED, "--columns freindName=friendName"),
        (
            "a number's name is misspelt",
            ["own.csv has one column", "The data has no column whatsApp. Is it 'whatsAp'?"],
            GUESSED,
            "--delimiter '|' --columns whatsAp=whatsApp",
        ),
    ],
)
def test_one_message_names_all_that_is_missing_and_its_command_works(check, name, starts, title, options):
    text, encoding = FILES[name]
    Path("own.csv").write_text(text, encoding=encoding)

    done = check("own.csv")

    *problems, blank, shown, command = done.err.splitlines()
    assert (done.code, done.out, blank, shown) == (2, "", "", title)
    assert [line[: len(start)] for line, start in zip(problems, starts, strict=True)] == starts
    assert command == f"{PROGRAM}check own.csv {options}"
    if title == GUESSED:
        assert check(*shlex.split(command.removeprefix(f"{PROGRAM}check "))).code == 0


def test_the_command_keeps_what_was_given(check):
    Path("own.csv").write_text("phone;remarks\n8615266667780;x\n", encoding="utf-8")

    done = check("own.csv", "--columns", "remarks=", "--defaults", "stage=New Customer", "--json")

    found = json.loads(done.out)
    assert found["next"] == (
        f"{PROGRAM}check own.csv --columns remarks= --defaults 'stage=New Customer' --json --delimiter ';' --columns "
        "phone=whatsApp"
    )
    again = check(*shlex.split(found["next"].removeprefix(f"{PROGRAM}check ")))
    assert (again.code, "next" in json.loads(again.out)) == (0, False)


def test_the_header_scheme_needs_an_agent(check):
    Path("own.csv").write_text("phone,owner\n8615266667780,agent_wang\n", encoding="utf-8")

    done = check("own.csv", "--auth-scheme", "header")

    assert done.err.splitlines()[-1].endswith("header --columns phone=whatsApp owner=agentAccount")


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("8615266667780;Quillon\n8615266667781;Zyphora\n", ["--delimiter", ";"]),  # no header
        ("whatsApp,city\n8615266667780,x\n", ["--columns", "town=desc"]),
        ("sep=;\na,b\n", []),
    ],
)
def test_where_no_option_helps_there_is_no_command(check, text, options):
    Path("own.csv").write_text(text, encoding="utf-8")

    done = check("own.csv", *options)

    assert (done.code, done.err.splitlines()[-1]) == (2, AS_OPTIONS)
    assert PROGRAM not in done.err
    assert "Quillon" not in done.err
    assert "8615266667780" not in done.err


def test_a_text_in_another_encoding_far_down_has_a_command_too(check, monkeypatch):
    monkeypatch.setattr("airflow_provider_socialscrm.commands.check_repairs.MOST_BATCHES", 0)
    Path("own.csv").write_bytes("whatsApp,friendName\n8615266667780,王伟老客户\n".encode("gb18030"))

    assert check("own.csv").err.splitlines()[-1] == f"{PROGRAM}check own.csv --encoding gb18030"


@pytest.mark.parametrize(
    ("given", "expanded"),
    [
        ("f.csv --columns a=b c=d", "f.csv --columns a=b --columns c=d"),
        ("--columns a=b c= f.csv", "--columns a=b --columns c= f.csv"),
        ("--columns a=b stage=New/1.csv", "--columns a=b stage=New/1.csv"),
        ("--columns a=b stage=*", "--columns a=b stage=*"),
        ("--columns=a=b c=d", "--columns=a=b --columns c=d"),
        (
            "f.csv --columns a=b f=g --defaults stage=x sex=y",
            "f.csv --columns a=b --columns f=g --defaults stage=x --defaults sex=y",
        ),
        ("f.csv --values sex:M=male sex:F=female", "f.csv --values sex:M=male --values sex:F=female"),
        ("--encoding utf-8 a=b.csv", "--encoding utf-8 a=b.csv"),
        ("--columns a=b f.csv c=d", "--columns a=b f.csv c=d"),
        ("ledger show x=y", "ledger show x=y"),
    ],
)
def test_several_pairs_follow_one_option(given, expanded):
    assert with_pairs(given.split()) == expanded.split()


def test_several_columns_are_mapped_at_once(check):
    Path("own.csv").write_text("phone,about\n8615266667780,x\n", encoding="utf-8")

    assert (
        "columns={'phone': 'whatsApp', 'about': 'desc'},"
        in check("own.csv", "--columns", "phone=whatsApp", "about=desc").out
    )


def test_what_is_left_over_says_to_repeat_the_option(check):
    assert check("fine.csv", "--null-values", "NULL", "n/a").err == (
        "unrecognized arguments: n/a; repeat an option for each of its values (see --help)\n"
    )
