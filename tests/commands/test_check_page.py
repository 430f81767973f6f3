"""The page, block by block."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from rich.cells import cell_len

MAPPED = ("troubled.csv", "--column", "mobile=whatsApp")
SETTINGS = (
    *("--column", "remarks=", "--default", "stage=New", "--default", "sex=unknown"),
    *("--empty", "freindName=send"),
)


def test_counts(check):
    assert check(*MAPPED).lines[:6] == [
        "troubled.csv: 8 rows x 7 columns",
        "",
        "  2  can be sent, in 1 call: at least 1 s at 45 calls a second",
        "  5  invalid: cannot be sent as they are",
        "  1  duplicate: another row has the same number, and goes instead",
        "",
    ]


def test_reasons(check):
    assert check(*MAPPED).section("Why rows stay behind") == [
        "  Rows   Code                 What is wrong, and what to do           First rows",
        "  ──────────────────────────────────────────────────────────────────────────────",
        "     2   unreadable           The row cannot be read from its file.   5, 6",
        "                              Mend the lines that are named further",
        "                              down.",
        "",
        "     1   bad-number +         whatsApp is not 7 to 15 digits.         1",
        "         ambiguous-birthday   birthday could be read day first or",
        "                              month first.",
        "                              Write the number with its country",
        "                              code, as in 8615266667780. Give",
        "                              --dayfirst or --no-dayfirst, or write",
        "                              dates as 1990/03/08.",
        "",
        "     1   duplicate            Another row of the input has the same   0",
        "                              whatsApp number, and goes instead.",
        "                              The file at --rejects-path names that",
        "                              row; --duplicates 'first' or 'send'",
        "                              chooses otherwise.",
        "",
        "     1   national-number      whatsApp begins with 0, so it lacks     7",
        "                              its country code.",
        "                              Write the number with its country",
        "                              code, or set --default-region to the",
        "                              country that such numbers belong to.",
        "",
        "     1   no-number +          The row has no whatsApp number.         2",
        "         bad-birthday         birthday is no date of the form",
        "                              yyyy/MM/dd.",
        "                              Give the customer's number with its",
        "                              country code. Give a date column, or",
        "                              text such as 1990/03/08.",
        "  Rows are counted from 0: row 0 is the first customer.",
    ]


def test_columns(check):
    assert check(*MAPPED, *SETTINGS).section("Where the columns go") == [
        "  Column       Field        What it is",
        "  ──────────────────────────────────────────────────────────────",
        "  mobile       whatsApp     the API's own",
        "  nickname     nickname     extension field",
        "  birthday     birthday     the API's own",
        "  sex          sex          the API's own, if blank 'unknown'",
        "  freindName   freindName   extension field, blank ones are sent",
        "  Shoe [cm]    Shoe [cm]    extension field",
        "  remarks                   left out",
        "               stage        the API's own, always 'New'",
    ]


def test_samples(check):
    assert check(*MAPPED, *SETTINGS).section("2 rows, before and after") == [
        "  Row   Field      Before             After",
        "  ─────────────────────────────────────────────────",
        "    3   whatsApp   99 999 9999 9999   9999999999999",
        "        stage      nothing            Aaa",
        "    4   whatsApp   +99 999 9999999    999999999999",
        "        stage      nothing            Aaa",
        "  A, a and x stand for letters, 9 for digits. 6 other values of these rows stay",
        "  as they are.",
    ]


def test_samples_that_stay_as_they_are(check):
    assert check("fine.csv").section("2 rows, before and after") == ["  All 6 values stay as they are."]


def test_notes(check):
    assert check(*MAPPED, "--default", "welcome=Hello").section("Worth a look") == [
        "  - 1 row: sex is neither unknown, male nor female. It is sent as it is: see",
        "    whether the CRM knows the word.",
        "  - welcome makes the CRM write to the customers. Each row that has one takes a",
        "    call of its own.",
        "  - 'freindName' is sent as an extension field. If friendName is meant, give",
        "    --column freindName=friendName.",
        "  - troubled.csv, line 7: it has 2 values, and the header names 7",
        "  - troubled.csv, line 8: text follows a closing quote",
    ]


def test_many_notes_are_not_all_told(check):
    Path("torn.csv").write_text("whatsApp,city\n" + "x\n" * 12, encoding="utf-8")

    notes = check("torn.csv").section("Worth a look")

    assert len(notes) == 11  # ten lines, and how many more there are
    assert notes[-1] == "  - ... and 2 more lines of these 12 rows"


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        (("fine.csv",), ["  Every row can be sent."]),
        (
            ("twice.csv",),
            [
                "  Every row can be sent, but for the duplicates.",
                "  - --rejects-path rejects.csv writes the rows that stay behind to a file, with",
                "    the reasons.",
            ],
        ),
        (("header.csv",), ["  There are no rows, so an import would do nothing."]),
        (
            MAPPED,
            [
                "  5 rows cannot be sent, and --max-rejected allows none: an import would send",
                "  the others, and then fail.",
                "  - Mend them, or allow as many with --max-rejected 5.",
                "  - --rejects-path rejects.csv writes the rows that stay behind to a file, with",
                "    the reasons.",
            ],
        ),
        (
            ("local.csv", "--rejects-path", "r.jsonl"),
            [
                "  No row can be sent.",
                "  - Mend them, or give options by which they can be read.",
                "  - The rows that stay behind are in r.jsonl, with the reasons.",
            ],
        ),
        (
            (*MAPPED, "--max-rejected", "0.3", "--rejects-path", "r.jsonl"),
            [
                "  5 rows cannot be sent, and --max-rejected allows 2: an import would send the",
                "  others, and then fail.",
                "  - Mend them, or allow as many with --max-rejected 5.",
                "  - The rows that stay behind are in r.jsonl, with the reasons.",
            ],
        ),
        (
            (*MAPPED, "--max-rejected", "0.9", "--rejects-path", "r.jsonl"),
            [
                "  5 rows cannot be sent, which --max-rejected 0.9 allows: an import would send",
                "  the others.",
                "  - The rows that stay behind are in r.jsonl, with the reasons.",
            ],
        ),
        (
            (*MAPPED, "--on-invalid", "fail", "--rejects-path", "r.jsonl"),
            [
                "  5 rows cannot be sent, so with --on-invalid fail an import would send nothing.",
                "  - Mend them, or keep them back with --on-invalid reject.",
                "  - The rows that stay behind are in r.jsonl, with the reasons.",
            ],
        ),
    ],
)
def test_what_next(check, arguments, lines):
    Path("header.csv").write_text("whatsApp\n", encoding="utf-8")
    Path("local.csv").write_text("whatsApp\n0171 8024686\n", encoding="utf-8")
    Path("twice.csv").write_text("whatsApp\n8615266667780\n8615266667780\n", encoding="utf-8")

    assert check(*arguments).section("What next") == lines


def test_the_task_ends_the_page(check, tmp_path):
    done = check(*MAPPED, "--column", "remarks=")

    assert done.lines[done.lines.index("The same as a task of a DAG") :] == [
        "The same as a task of a DAG",
        "",
        "from airflow_provider_socialscrm.operators.socialscrm import SocialSCRMImportOperator",
        "",
        "SocialSCRMImportOperator(",
        '    task_id="import_customers",',
        f'    data="{tmp_path}/troubled.csv",',
        '    columns={"mobile": "whatsApp", "remarks": None},',
        ")",
    ]


def test_a_page_for_a_file_is_plain_and_narrow(command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")

    done = command("check", *MAPPED, *SETTINGS)

    page = done.out[: done.out.index("The same as a task")]
    assert "\x1b" not in done.out
    assert "\r" not in done.out
    assert max(map(cell_len, page.splitlines())) == 80
    assert [line for line in done.lines if line != line.rstrip()] == []


def test_nothing_is_cut_where_it_is_narrow(check):
    long = "q" * 150
    Path("long.csv").write_text(f"whatsApp,{long},客户来源\n +86 152 6666 7780,{'z' * 39},x\n", encoding="utf-8")

    done = check("long.csv", "--default", f"desc={'w' * 90}")

    assert done.out.count("q") == 2 * len(long)  # column and field
    assert done.out.count("客户来源") == 2
    assert "…" not in "".join(done.section("Where the columns go"))
    assert max(map(cell_len, done.out[: done.out.index("The same as")].splitlines())) <= 80


def test_names_are_no_markup_and_steer_no_terminal(check):
    names = ["[bold]x[/bold]", ":smile:", "a\x1b[31mred", "two\nlines", "gap\u202etxt"]
    Path("odd.csv").write_text("whatsApp," + ",".join(f'"{name}"' for name in names) + "\n", encoding="utf-8")

    done = check("odd.csv")

    assert done.code == 0
    table = "\n".join(done.section("Where the columns go"))
    for shown in ("[bold]x[/bold]", ":smile:", "a [31mred", "two lines", "gap txt"):
        assert table.count(shown) == 2
    assert "\x1b" not in done.out


def test_a_terminal_of_few_letters_gets_what_it_can_show(command, monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    Path("odd.csv").write_text("whatsApp,客户\n8615266667780,x\n", encoding="utf-8")

    done = command("check", "odd.csv")

    assert (done.code, done.err) == (0, "")
    assert done.out.isascii()
    assert r"\u5ba2\u6237" in done.out
    assert "  -----" in done.out


def test_a_file_whose_name_is_no_text(command):
    name = os.fsdecode(b"caf\xe9.csv")
    Path(name).write_text("whatsApp\n8615266667780\n", encoding="utf-8")

    done = command("check", name)

    assert (done.code, done.err) == (0, "")
    assert done.lines[0] == "caf .csv: 1 row x 1 column"
