"""The page, block by block."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from rich.cells import cell_len

MAPPED = ("troubled.csv", "--column", "mobile=whatsApp", "--all-extension-fields")
OWN = """\
,whatsApp,first name,8615266667780,Last Order,Seen,sex,socialscrm_code,,notes
1,15045554467,Quillon,x,2024-03-13,2024-03-14,M,530,,a
2,6591234567,Quillon,x,2024-03-13,NULL,F,530,,b
3,,,,,,,,,
"""
OWN_MAPPED = (
    *("own.csv", "--column", "notes=", "--extension-field", "Seen", "--extension-field", "Last Order"),
    *("--date-field", "Seen", "--values", "sex:M=male", "--values", "sex:F=female", "--default-region", "CN"),
)
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
    assert check(*MAPPED).section("Why rows are left out") == [
        "  Rows   Code                    What is wrong, and what to do        First rows",
        "  ──────────────────────────────────────────────────────────────────────────────",
        "     2   unreadable              The row cannot be read from its      5, 6",
        "                                 file.",
        "                                 Fix the lines that are named",
        "                                 further down.",
        "",
        "     1   bad-number +            whatsApp is not one phone number     1",
        "         ambiguous-birthday      of 7 to 15 digits. birthday could",
        "                                 be read day first or month first.",
        "                                 Write one number, without an",
        "                                 extension or a second one, with +",
        "                                 and its country code, as in",
        "                                 +8615266667780. Set dayfirst to",
        "                                 True or False, or write dates as",
        "                                 1990/03/08. Or set",
        "                                 bad_values='omit' to send rows",
        "                                 without them.",
        "",
        "     1   duplicate               Another row of the input has the     0",
        "                                 same whatsApp number, and is sent",
        "                                 instead.",
        "                                 The dead letter names that row;",
        "                                 duplicates='first' or 'send'",
        "                                 chooses another row.",
        "",
        "     1   national-number         whatsApp begins with 0, so it        7",
        "                                 lacks its country code.",
        "                                 Write the number with + and its",
        "                                 country code, or set",
        "                                 default_region to the country that",
        "                                 such numbers belong to.",
        "",
        "     1   no-number +             The row has no whatsApp number.      2",
        "         bad-birthday            birthday is not a date such as",
        "                                 1990/03/08.",
        "                                 Give the customer's number with +",
        "                                 and its country code. Give a date",
        "                                 column, or text such as",
        "                                 1990/03/08. A number such as 32940",
        "                                 is a spreadsheet's count of days:",
        "                                 format the column as a date before",
        "                                 you export it. Or set",
        "                                 bad_values='omit' to send the rows",
        "                                 without it.",
        "  Rows are counted from 0: row 0 is the first customer.",
    ]


def test_columns(check):
    assert check(*MAPPED, *SETTINGS).section("Where the columns go") == [
        "  Column       Field        What happens",
        "  ──────────────────────────────────────────────────────────────────────",
        "  mobile       whatsApp     sent",
        "  nickname     nickname     sent as an extension field",
        "  birthday     birthday     sent",
        "  sex          sex          sent, if blank 'unknown'",
        "  freindName   freindName   sent as an extension field, also where blank",
        "  Shoe [cm]    Shoe [cm]    sent as an extension field",
        "  remarks                   left out: by --column",
        "               stage        sent, always 'New'",
    ]


def test_samples(check):
    assert check(*MAPPED, *SETTINGS).section("2 rows, before and after") == [
        "  Row   Field      Before             After",
        "  ─────────────────────────────────────────────────",
        "    3   whatsApp   99 999 9999 9999   9999999999999",
        "        stage      nothing            Aaa",
        "    4   whatsApp   +99 999 9999999    999999999999",
        "        stage      nothing            Aaa",
        "  Masked: A, a and x are letters, 9 is a digit. Values that stay as they are: 6.",
    ]


def test_samples_that_stay_as_they_are(check):
    assert check("fine.csv").section("2 rows, before and after") == ["  All values stay as they are."]


def test_notes(check):
    assert check(*MAPPED, "--default", "welcome=Hello").section("Worth a look") == [
        "  - 1 row: sex is neither unknown, male nor female, nor a word that certainly",
        "    means one of them. It is sent as it is. Set values={'sex': {'1': 'male',",
        "    '2': 'female'}}, with the words of your data, to have them translated.",
        "  - welcome makes the CRM write to the customers. Each row that has one takes a",
        "    call of its own.",
        "  - 'freindName' is sent as an extension field. If friendName is meant, set",
        "    columns={'freindName': 'friendName'}.",
        "  - troubled.csv, line 7: it has 2 values, and the header names 7",
        "  - troubled.csv, line 8: text follows a closing quote",
    ]


def test_why_columns_are_left_out(check):
    Path("own.csv").write_text(OWN, encoding="utf-8")

    assert check(*OWN_MAPPED).section("Where the columns go") == [
        "  Column            Field        What happens",
        "  ────────────────────────────────────────────────────────────────────",
        "  Unnamed: 0                     left out: no name",
        "  whatsApp          whatsApp     sent",
        "  first name                     left out: not asked for",
        "  [hidden]                       left out: not asked for",
        "  Last Order        Last Order   sent as an extension field",
        "  Seen              Seen         sent as an extension field, as a date",
        "  sex               sex          sent, 2 values replaced",
        "  socialscrm_code                left out: not the customer's",
        "  Unnamed: 8                     left out: no name",
        "  notes                          left out: by --column",
        "  --extension-field NAME sends a column that was not asked for.",
    ]


@pytest.mark.parametrize(
    ("options", "lines"),
    [
        (
            [],
            [
                "  They are rejected. --ambiguous-numbers national or international says which",
                "  number is meant.",
            ],
        ),
        (
            ["--ambiguous-numbers", "national"],
            ["  The national one is sent, as --ambiguous-numbers national says."],
        ),
        (
            ["--ambiguous-numbers", "international"],
            ["  The international one is sent, as --ambiguous-numbers international says."],
        ),
    ],
)
def test_numbers_of_two_countries(check, options, lines):
    Path("own.csv").write_text(OWN, encoding="utf-8")

    done = check(*OWN_MAPPED, *options)

    assert done.section("Numbers that can be of two countries") == [
        "  Rows   Countries",
        "  ────────────────",
        "     1   CN or US",
        *lines,
    ]
    assert "whatsApp can be a number of" not in "".join(done.section("Worth a look"))


def test_blank_rows_are_counted_apart(check):
    Path("own.csv").write_text(OWN, encoding="utf-8")

    done = check(*OWN_MAPPED, "--ambiguous-numbers", "national")

    assert done.code == 0
    assert done.lines[2:5] == [
        "  2  can be sent, in 1 call: at least 1 s at 45 calls a second",
        "  1  blank: no value in any column, left out",
        "",
    ]


def test_what_several_fields_have_in_common_is_said_once(check):
    Path("nulls.csv").write_text(
        "whatsApp,friendName,stage\n8615266667780,NULL,NULL\n8615266667781,NULL,New\n", encoding="utf-8"
    )

    assert check("nulls.csv").section("Worth a look") == [
        "  - 2 rows (friendName), 1 row (stage): A value is a word that programs write",
        "    for a missing value, such as NULL or NaN. It is sent as it is. Set",
        "    null_values=['NULL'], with the words that occur in your data, to treat them",
        "    as missing.",
    ]
    done = check("nulls.csv", "--null-value", "NULL")
    assert "Worth a look" not in done.lines
    assert "Arguments above, as options" not in done.lines


def test_blanks_at_the_edge_show(check):
    Path("edge.csv").write_text('whatsApp,friendName\n8615266667780,"Xan "\n', encoding="utf-8")

    assert check("edge.csv").section("1 row, before and after") == [
        "  Row   Field        Before   After",
        "  ─────────────────────────────────",
        "    0   friendName   Aaa␣     Aaa",
        "  Masked: A, a and x are letters, 9 is a digit, ␣ is a blank at the edge. Values",
        "  that stay as they are: 1.",
    ]


def test_arguments_that_the_page_names_are_given_as_options(check):
    assert check(*MAPPED).section("Arguments above, as options") == [
        "  columns          --column COLUMN=FIELD, or --column COLUMN= to leave a column",
        "                   out",
        "  values           --values FIELD:TEXT=VALUE",
        "  duplicates       --duplicates first, last or send",
        "  default_region   --default-region CC",
        "  dayfirst         --dayfirst or --no-dayfirst",
        "  bad_values       --bad-values omit",
        "  dead letter      the file at --rejects-path",
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
                "  - --rejects-path rejects.csv writes the rows that are left out to a file, with",
                "    the reasons.",
            ],
        ),
        (("blank.csv",), ["  There are no rows to send, but the blank rows."]),
        (
            ("some.csv",),
            [
                "  Every row can be sent, but for the duplicates and the blank rows.",
                "  - --rejects-path rejects.csv writes the rows that are left out to a file, with",
                "    the reasons.",
            ],
        ),
        (
            (*MAPPED, "--max-rejected", "none", "--rejects-path", "r.jsonl"),
            [
                "  5 rows cannot be sent, which --max-rejected none allows: an import would send",
                "  the others.",
                "  - The rows that are left out are in r.jsonl, with the reasons.",
                "  - A check makes no call: the CRM may still reject rows, for an agent or an",
                "    extension field that it does not know.",
            ],
        ),
        (("header.csv",), ["  There are no rows, so an import would do nothing."]),
        (
            MAPPED,
            [
                "  5 rows cannot be sent, and --max-rejected allows 0: an import would send the",
                "  others, and then fail.",
                "  - Fix them, or allow as many with --max-rejected 5.",
                "  - --rejects-path rejects.csv writes the rows that are left out to a file, with",
                "    the reasons.",
                "  - A check makes no call: the CRM may still reject rows, for an agent or an",
                "    extension field that it does not know.",
            ],
        ),
        (
            ("local.csv", "--rejects-path", "r.jsonl"),
            [
                "  No row can be sent.",
                "  - Fix them, or give options by which they can be read.",
                "  - The rows that are left out are in r.jsonl, with the reasons.",
            ],
        ),
        (
            (*MAPPED, "--max-rejected", "0.3", "--rejects-path", "r.jsonl"),
            [
                "  5 rows cannot be sent, and --max-rejected allows 2: an import would send the",
                "  others, and then fail.",
                "  - Fix them, or allow as many with --max-rejected 5.",
                "  - The rows that are left out are in r.jsonl, with the reasons.",
                "  - A check makes no call: the CRM may still reject rows, for an agent or an",
                "    extension field that it does not know.",
            ],
        ),
        (
            (*MAPPED, "--max-rejected", "0.9", "--rejects-path", "r.jsonl"),
            [
                "  5 rows cannot be sent, which --max-rejected 0.9 allows: an import would send",
                "  the others.",
                "  - The rows that are left out are in r.jsonl, with the reasons.",
                "  - A check makes no call: the CRM may still reject rows, for an agent or an",
                "    extension field that it does not know.",
            ],
        ),
        (
            (*MAPPED, "--on-invalid", "fail", "--rejects-path", "r.jsonl"),
            [
                "  5 rows cannot be sent, so with --on-invalid fail an import would send nothing.",
                "  - Fix them, or leave them out with --on-invalid reject.",
                "  - The rows that are left out are in r.jsonl, with the reasons.",
                "  - A check makes no call: the CRM may still reject rows, for an agent or an",
                "    extension field that it does not know.",
            ],
        ),
    ],
)
def test_what_next(check, arguments, lines):
    Path("header.csv").write_text("whatsApp\n", encoding="utf-8")
    Path("blank.csv").write_text("whatsApp,city\n,\n", encoding="utf-8")
    Path("some.csv").write_text("whatsApp,city\n8615266667780,\n8615266667780,\n,\n", encoding="utf-8")
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
        '    extension_fields="all",',
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

    done = check("long.csv", "--all-extension-fields", "--default", f"desc={'w' * 90}")

    assert done.out.count("q") == 2 * len(long)  # column and field
    assert done.out.count("客户来源") == 2
    assert "…" not in "".join(done.section("Where the columns go"))
    assert max(map(cell_len, done.out[: done.out.index("The same as")].splitlines())) <= 80


def test_names_are_no_markup_and_steer_no_terminal(check):
    names = ["[bold]x[/bold]", ":smile:", "a\x1b[31mred", "two\nlines", "gap\u202etxt"]
    Path("odd.csv").write_text("whatsApp," + ",".join(f'"{name}"' for name in names) + "\n", encoding="utf-8")

    done = check("odd.csv", "--all-extension-fields")

    assert done.code == 0
    table = "\n".join(done.section("Where the columns go"))
    for shown in ("[bold]x[/bold]", ":smile:", "a[31mred", "two lines", "gap txt"):
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
