"""The page, block by block."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from rich.cells import cell_len

from airflow_provider_socialscrm.commands.check_page import counted, label, shown

MAPPED = ("mistakes.csv", "--columns", "mobile=whatsApp", "--extension-fields", "all")
OWN = """\
,whatsApp,first name,8615266667780,Last Order,Seen,sex,socialscrm_code,,notes
1,15045554467,Quillon,x,2024-03-13,2024-03-14,M,530,,a
2,6591234567,Quillon,x,2024-03-13,NULL,F,530,,b
3,,,,,,,,,
"""
OWN_MAPPED = (
    *("own.csv", "--columns", "notes=", "--extension-fields", "Seen", "--extension-fields", "Last Order"),
    *("--date-fields", "Seen", "--values", "sex:M=male", "--values", "sex:F=female", "--default-region", "CN"),
)
SETTINGS = (
    *("--columns", "remarks=", "--defaults", "stage=New", "--defaults", "sex=unknown"),
    *("--empty", "freindName=send"),
)


def test_counts(check):
    assert check(*MAPPED).lines[:6] == [
        "mistakes.csv: 8 rows x 7 columns",
        "",
        "  2  can be sent, in 1 call: at least 1 s at 45 calls a second",
        "  5  invalid: cannot be sent as they are",
        "  1  duplicate: another row with the same number is sent instead",
        "",
    ]


def test_numbers_are_counted_by_country_and_fixed_lines_are_named(check):
    numbers = ["8615266667780", "8615266667781", "+4930123456", "12125550123"]
    Path("several.csv").write_text("\n".join(["whatsApp", *numbers, ""]), encoding="utf-8")
    assert check("several.csv").lines[3:6] == [
        "",
        "  Numbers by country: CN 2, DE 1, US or CA 1. Of them, 1 is a fixed line: fixed",
        "  lines rarely have WhatsApp.",
    ]


def test_chinese_mobiles_without_their_code_are_never_sent(check):
    Path("chinese.csv").write_text("whatsApp\n13879542916\n17717505051\n", encoding="utf-8")
    done = check("chinese.csv")
    assert (done.code, done.lines[2]) == (1, "  0  can be sent")
    assert {"  1  ambiguous-number", "  1  number-not-in-use"} <= set(done.lines)
    assert check("chinese.csv", "--ambiguous-numbers", "national").code == 2


def test_unknown_rows_of_a_dead_letter(check):
    header = "whatsApp,welcome,socialscrm_bucket,socialscrm_import"
    rows = ["12125550123,Hi,unknown,'dag", "6591234567,,unknown,'dag"]
    Path("left.csv").write_text("\n".join([header, *rows, ""]), encoding="utf-8")
    page = check("left.csv")

    assert page.lines[2:4] == [
        "  1  can be sent, in 1 call: at least 1 s at 45 calls a second",
        "  1  unknown: held, since the welcome may have reached the customer already",
    ]
    reasons = page.section("Why rows are left out")
    assert (reasons[0], "     - row 0: whatsApp 99999999999" in reasons) == ("  1  in-doubt", True)
    assert check("left.csv", "--on-unknown", "resend").lines[2].startswith("  2  can be sent")


def test_reasons(check):
    assert check(*MAPPED).section("Why rows are left out") == [
        "  2  unreadable",
        "     The row cannot be read from its file.",
        "     Fix the lines named under 'Worth a look'.",
        "     - row 5",
        "     - row 6",
        "",
        "  1  bad-number + ambiguous-birthday",
        "     whatsApp is not one phone number of 7 to 15 digits. birthday could be read",
        "     day first or month first.",
        "     Write one number, without an extension or a second one, with + and its",
        "     country code, as in +8615266667780. Set dayfirst to True or False, or write",
        "     dates as 1990/03/08. Or set bad_values='omit' to send rows without them.",
        "     - row 1: whatsApp 99aa, birthday 99/99/9999",
        "",
        "  1  duplicate",
        "     Another row of the input has the same whatsApp number and is sent instead.",
        "     See the dead letter for that row. Set duplicates='first' to send the first",
        "     row instead, or 'send' to send all.",
        "     - row 0: whatsApp +99 999 9999 9999",
        "",
        "  1  national-number",
        "     whatsApp begins with 0, so it lacks its country code.",
        "     Write the number with + and its country code, or set default_region to the",
        "     country that these numbers belong to.",
        "     - row 7: whatsApp 9999 9999999",
        "",
        "  1  no-number + bad-birthday",
        "     The row has no whatsApp number. birthday is not a date such as 1990/03/08.",
        "     Give the customer's number with + and its country code. Give a date column,",
        "     or text such as 1990/03/08. A number such as 32940 is a spreadsheet's count",
        "     of days: format the column as a date before you export it. Or set",
        "     bad_values='omit' to send the rows without it.",
        "     - row 2: whatsApp nothing, birthday Aaaaaaa",
        "",
        "  Rows are counted from 0: row 0 is the first customer. Masked: A, a and x are",
        "  letters, 9 is a digit.",
    ]


def test_columns(check):
    assert check(*MAPPED, *SETTINGS).section("Columns and fields") == [
        "  Column       Field        What happens",
        "  ──────────────────────────────────────────────────────────────────────────────",
        "  mobile       whatsApp     sent",
        "                            +99 999 9999 9999, 99aa, 99 999 9999 9999",
        "  nickname     nickname     sent as an extension field",
        "                            Aaaaaaa Aaaaaaa, Aaaaaaa Aaaaaaaaa, Aaaaaaaaa Aaaaaa",
        "  birthday     birthday     sent",
        "                            9999-99-99, 99/99/9999, Aaaaaaa",
        "  sex          sex          sent, if blank 'unknown'",
        "                            Aaaa, aaaaaa, aaaa",
        "  freindName   freindName   sent as an extension field, also if blank",
        "                            Aaaaaa",
        "  Shoe [cm]    Shoe [cm]    sent as an extension field",
        "                            999",
        "  remarks                   left out: by --columns",
        "                            aaaaaaa, aaaaaaaa",
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
        "  Masked: A, a and x are letters, 9 is a digit. Unchanged values: 6.",
    ]


def test_samples_that_stay_as_they_are(check):
    assert check("fine.csv").section("2 rows, before and after") == ["  No value changes."]


def test_notes(check):
    assert check(*MAPPED, "--defaults", "welcome=Hello").section("Worth a look") == [
        "  - 1 row: sex is not unknown, male or female, nor a word that clearly means one",
        "    of them. It is sent unchanged. Set values={'sex': {'1': 'male', '2':",
        "    'female'}}, with the words in your data, to translate them.",
        "  - welcome sends a message to 2 customers, each by a call of its own: 2 calls,",
        "    at least 1 s at 45 calls a second. No ledger says who has had it, so every",
        "    run sends it again. If your CRM takes none of the rows of a call that it",
        "    refuses, set Refusals are atomic in the connection: such rows then share",
        "    calls.",
        "  - 'freindName' is sent as an extension field. If friendName is meant, set",
        "    columns={'freindName': 'friendName'}.",
        "  - mistakes.csv, line 7: it has 2 values, but the header names 7",
        "  - mistakes.csv, line 8: text follows a closing quote",
    ]


def test_why_columns_are_left_out(check):
    Path("own.csv").write_text(OWN, encoding="utf-8")

    assert check(*OWN_MAPPED).section("Columns and fields") == [
        "  Column            Field        What happens",
        "  ────────────────────────────────────────────────────────────────────────────",
        "  Unnamed: 0                     left out: no name",
        "                                 9",
        "  whatsApp          whatsApp     sent",
        "                                 99999999999, 9999999999",
        "  first name                     left out: not a field of the API",
        "                                 Aaaaaaa",
        "  [hidden]                       left out: not a field of the API",
        "                                 a",
        "  Last Order        Last Order   sent as an extension field",
        "                                 9999-99-99",
        "  Seen              Seen         sent as an extension field, as a date",
        "                                 9999-99-99, AAAA",
        "  sex               sex          sent, 2 values replaced",
        "                                 A",
        "  socialscrm_code                left out: added by this provider or by pandas",
        "                                 999",
        "  Unnamed: 8                     left out: no name",
        "  notes                          left out: by --columns",
        "                                 a",
    ]


@pytest.mark.parametrize(
    ("options", "lines"),
    [
        (
            [],
            [
                "  They are rejected. To send them, choose --ambiguous-numbers national or",
                "  international.",
            ],
        ),
        (
            ["--ambiguous-numbers", "national"],
            ["  They are sent as national numbers, because of --ambiguous-numbers national."],
        ),
        (
            ["--ambiguous-numbers", "international"],
            ["  They are sent as international numbers, because of --ambiguous-numbers", "  international."],
        ),
    ],
)
def test_numbers_of_two_countries(check, options, lines):
    Path("own.csv").write_text(OWN, encoding="utf-8")

    done = check(*OWN_MAPPED, *options)

    assert done.section("Numbers that are valid in two countries") == [
        "  Rows   Countries",
        "  ────────────────",
        "     1   CN or US",
        *lines,
    ]
    assert "whatsApp can be a number of" not in "".join(done.section("Worth a look"))


def test_numbers_of_two_countries_that_are_not_the_region_are_left_to_a_person(check):
    Path("own.csv").write_text("whatsApp\n13105550123\n", encoding="utf-8")

    done = check("own.csv", "--default-region", "GB")

    assert done.section("Numbers that are valid in two countries") == [
        "  Rows   Countries",
        "  ────────────────",
        "     1   CN or US",
        "  Those of CN or US are rejected, because neither is GB: write them with + and",
        "  the country code, or choose --ambiguous-numbers international if all of them",
        "  are American.",
    ]
    assert "ambiguous_numbers='national'" not in "".join(done.lines)


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
        "    for a missing value, such as NULL or NaN. It is sent unchanged. Set",
        "    null_values=['NULL'], with the words in your data, to treat them as missing.",
    ]
    done = check("nulls.csv", "--null-values", "NULL")
    assert "Worth a look" not in done.lines


def test_blanks_at_the_start_and_end_show(check):
    Path("edge.csv").write_text('whatsApp,friendName\n8615266667780,"Xan "\n', encoding="utf-8")

    assert check("edge.csv").section("1 row, before and after") == [
        "  Row   Field        Before   After",
        "  ─────────────────────────────────",
        "    0   friendName   Aaa␣     Aaa",
        "  Masked: A, a and x are letters, 9 is a digit, ␣ is a blank at the start or",
        "  end. Unchanged values: 1.",
    ]


def test_a_page_that_names_arguments_says_how_to_set_them(check):
    names_arguments = "\n".join(check(*MAPPED).section("What next"))
    Path("nulls.csv").write_text("whatsApp,friendName\n8615266667780,NULL\n", encoding="utf-8")

    assert "bad_values='omit' is --bad-values omit" in names_arguments
    assert "bad_values='omit' is --bad-values omit" in "\n".join(check("nulls.csv").section("What next"))
    assert "--bad-values" not in check("fine.csv", "--defaults", "welcome=Hello").out


def test_many_notes_are_not_all_shown(check):
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
                "  Every row can be sent, except the duplicates.",
                "  - --rejects-path rejects.csv saves the rows left out, with the reasons.",
                "  - Messages name arguments of SocialSCRMImportOperator. Here they are options:",
                "    data is FILE, bad_values='omit' is --bad-values omit, and columns={'a': 'b',",
                "    'c': None} is --columns a=b --columns c=.",
            ],
        ),
        (("blank.csv",), ["  There is nothing to send besides the blank rows."]),
        (
            ("some.csv",),
            [
                "  Every row can be sent, except the duplicates and the blank rows.",
                "  - --rejects-path rejects.csv saves the rows left out, with the reasons.",
                "  - Messages name arguments of SocialSCRMImportOperator. Here they are options:",
                "    data is FILE, bad_values='omit' is --bad-values omit, and columns={'a': 'b',",
                "    'c': None} is --columns a=b --columns c=.",
            ],
        ),
        (
            (*MAPPED, "--max-rejected", "none", "--rejects-path", "r.jsonl"),
            [
                "  5 rows cannot be sent, which --max-rejected none allows: an import would send",
                "  the others.",
                "  - The rows left out are in r.jsonl, with the reasons.",
                "  - Messages name arguments of SocialSCRMImportOperator. Here they are options:",
                "    data is FILE, bad_values='omit' is --bad-values omit, and columns={'a': 'b',",
                "    'c': None} is --columns a=b --columns c=.",
                "  - A check makes no call: the CRM may still reject rows, for an agent or an",
                "    extension field that it does not know.",
            ],
        ),
        (("header.csv",), ["  The file has no rows: an import would do nothing."]),
        (
            MAPPED,
            [
                "  5 rows cannot be sent, and --max-rejected allows 0: an import would send the",
                "  others, and then fail.",
                "  - Fix them, or allow as many with --max-rejected 0.63.",
                "  - --rejects-path rejects.csv saves the rows left out, with the reasons.",
                "  - Messages name arguments of SocialSCRMImportOperator. Here they are options:",
                "    data is FILE, bad_values='omit' is --bad-values omit, and columns={'a': 'b',",
                "    'c': None} is --columns a=b --columns c=.",
                "  - A check makes no call: the CRM may still reject rows, for an agent or an",
                "    extension field that it does not know.",
            ],
        ),
        (
            ("local.csv", "--rejects-path", "r.jsonl"),
            [
                "  No row can be sent.",
                "  - Fix it as the reasons say.",
                "  - The row left out is in r.jsonl, with the reasons.",
                "  - Messages name arguments of SocialSCRMImportOperator. Here they are options:",
                "    data is FILE, bad_values='omit' is --bad-values omit, and columns={'a': 'b',",
                "    'c': None} is --columns a=b --columns c=.",
            ],
        ),
        (
            (*MAPPED, "--max-rejected", "0.3", "--rejects-path", "r.jsonl"),
            [
                "  5 rows cannot be sent, and --max-rejected allows 2: an import would send the",
                "  others, and then fail.",
                "  - Fix them, or allow as many with --max-rejected 0.63.",
                "  - The rows left out are in r.jsonl, with the reasons.",
                "  - Messages name arguments of SocialSCRMImportOperator. Here they are options:",
                "    data is FILE, bad_values='omit' is --bad-values omit, and columns={'a': 'b',",
                "    'c': None} is --columns a=b --columns c=.",
                "  - A check makes no call: the CRM may still reject rows, for an agent or an",
                "    extension field that it does not know.",
            ],
        ),
        (
            (*MAPPED, "--max-rejected", "0.9", "--rejects-path", "r.jsonl"),
            [
                "  5 rows cannot be sent, which --max-rejected 0.9 allows: an import would send",
                "  the others.",
                "  - The rows left out are in r.jsonl, with the reasons.",
                "  - Messages name arguments of SocialSCRMImportOperator. Here they are options:",
                "    data is FILE, bad_values='omit' is --bad-values omit, and columns={'a': 'b',",
                "    'c': None} is --columns a=b --columns c=.",
                "  - A check makes no call: the CRM may still reject rows, for an agent or an",
                "    extension field that it does not know.",
            ],
        ),
        (
            (*MAPPED, "--on-invalid", "fail", "--rejects-path", "r.jsonl"),
            [
                "  5 rows cannot be sent: with --on-invalid fail, an import would send nothing.",
                "  - Fix them, or leave them out with --on-invalid reject.",
                "  - The rows left out are in r.jsonl, with the reasons.",
                "  - Messages name arguments of SocialSCRMImportOperator. Here they are options:",
                "    data is FILE, bad_values='omit' is --bad-values omit, and columns={'a': 'b',",
                "    'c': None} is --columns a=b --columns c=.",
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
    done = check(*MAPPED, "--columns", "remarks=")

    assert done.lines[done.lines.index("The same as a task of a DAG") :] == [
        "The same as a task of a DAG",
        "",
        "from airflow_provider_socialscrm.operators.socialscrm import SocialSCRMImportOperator",
        "",
        "SocialSCRMImportOperator(",
        "    task_id='import_customers',",
        f"    data='{tmp_path}/mistakes.csv',",
        "    columns={'mobile': 'whatsApp', 'remarks': None},",
        "    extension_fields='all',",
        (
            "    # columns={'mobile': 'whatsApp', 'remarks': None, 'freindName': 'friendName'},"
            "  # instead of columns above"
        ),
        "    # default_region='CN',",
        "    # dayfirst=True,",
        "    # max_rejected=0.63,",
        f"    rejects_path='{tmp_path}/rejects/',",
        f"    # ledger='{tmp_path}/ledgers/mistakes',  # sends only what changed; the same folder in every run",
        "    retries=3,  # each resumes where the try before stopped",
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

    done = check("long.csv", "--extension-fields", "all", "--defaults", f"desc={'w' * 90}")

    assert done.out.count("q") == 2 * len(long)  # column and field
    assert done.out.count("客户来源") == 2
    assert "…" not in "".join(done.section("Columns and fields"))
    assert max(map(cell_len, done.out[: done.out.index("The same as")].splitlines())) <= 80


def test_names_are_no_markup_and_steer_no_terminal(check):
    names = ["[bold]x[/bold]", ":smile:", "a\x1b[31mred", "two\nlines", "gap\u202etxt"]
    Path("names.csv").write_text("whatsApp," + ",".join(f'"{name}"' for name in names) + "\n", encoding="utf-8")

    done = check("names.csv", "--extension-fields", "all")

    assert done.code == 0
    table = "\n".join(done.section("Columns and fields"))
    for name in ("[bold]x[/bold]", ":smile:", "a[31mred", "two lines", "gap txt"):
        assert table.count(name) == 2
    assert "\x1b" not in done.out


@pytest.mark.thorough
def test_a_terminal_of_few_letters_gets_what_it_can_show(command, monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    Path("names.csv").write_text("whatsApp,客户\n8615266667780,x\n", encoding="utf-8")

    done = command("check", "names.csv")

    assert (done.code, done.err) == (0, "")
    assert done.out.isascii()
    assert r"\u5ba2\u6237" in done.out
    assert "  -----" in done.out


@pytest.mark.thorough
def test_a_file_whose_name_is_not_text(command):
    name = os.fsdecode(b"caf\xe9.csv")
    Path(name).write_text("whatsApp\n8615266667780\n", encoding="utf-8")

    done = command("check", name)

    assert (done.code, done.err) == (0, "")
    assert done.lines[0] == "caf .csv: 1 row x 1 column"


def test_names_are_shown_without_a_customers_number_or_address():
    assert label(" city ") == "city"
    assert label("8615266667780") == label("a@b.example") == "[hidden]"
    assert label("") == "(no name)"


def test_names_are_shown_without_what_steers_a_terminal():
    assert shown("a\x1b[2Jb\tc\u202ed\udce9") == "a [2Jb c d "
    assert shown("客户 – «x»") == "客户 – «x»"


@pytest.mark.parametrize(("number", "text"), [(0, "0 rows"), (1, "1 row"), (2, "2 rows"), (2400, "2,400 rows")])
def test_numbers_with_their_things(number, text):
    assert counted(number, "row") == text
