"""``check`` from end to end: exit codes, errors, files of all kinds, and what must not show."""

from __future__ import annotations

import csv
import logging
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from airflow.sdk.io.fs import _register_filesystems
from fsspec.implementations.memory import MemoryFileSystem
from pyarrow import parquet

from airflow_provider_socialscrm.__main__ import main
from airflow_provider_socialscrm.commands.check_options import AS_OPTIONS

COMMAND = [sys.executable, "-W", "error", "-m", "airflow_provider_socialscrm"]
PROGRAM = "python -m airflow_provider_socialscrm"
LIMITS = "give a whole number of rows, a share of them as a float from 0.0 to 1.0, or None for no limit"
NO_FILE_SYSTEM = (
    "No file system for none:// is installed. Install the Airflow provider that has it, or download the file in an "
    "upstream task and pass the path of the copy."
)

MAPPED = ("mistakes.csv", "--columns", "mobile=whatsApp", "--extension-fields", "all")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["fine.csv"], 0),
        (["fine.csv", "--on-invalid", "fail"], 0),
        (["header.csv"], 0),
        (["twice.csv"], 0),
        (["twice.csv", "--on-invalid", "fail"], 0),
        ([*MAPPED, "--max-rejected", "5"], 0),
        ([*MAPPED, "--max-rejected", "0.9"], 0),
        ([*MAPPED, "--max-rejected", "1.0"], 0),
        ([*MAPPED, "--max-rejected", "none"], 0),
        (["blank.csv"], 0),
        (MAPPED, 1),
        ([*MAPPED, "--max-rejected", "4"], 1),
        ([*MAPPED, "--max-rejected", "0.6"], 1),
        ([*MAPPED, "--max-rejected", "8", "--on-invalid", "fail"], 1),
        (["mistakes.csv"], 2),
        (["nowhere.csv"], 2),
        (["fine.csv", "--rows-per-call", "0"], 2),
        (["fine.csv", "--max-rejected", "1.5"], 2),
        (["fine.csv", "--duplicates", "none"], 2),
        ([], 2),
    ],
)
def test_exit_codes(check, arguments, code):
    Path("header.csv").write_text("whatsApp\n", encoding="utf-8")
    Path("twice.csv").write_text("whatsApp\n8615266667780\n8615266667780\n", encoding="utf-8")
    Path("blank.csv").write_text("whatsApp,city\n8615266667780,\n,\n", encoding="utf-8")

    done = check(*arguments)

    assert done.code == code
    assert (done.out == "", done.err == "") == ((code == 2), (code != 2))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["nowhere.csv"],
            "nowhere.csv does not exist: check the path in data, and that the worker can reach it.",
        ),
        (
            ["no*.csv"],
            "no*.csv matches no file: check the pattern in data, and that the worker can reach its files.",
        ),
        (
            ["fine.csv", "--columns", "town=desc"],
            (
                "columns maps 'town', which the data does not have. The file has the columns 'whatsApp', 'friendName', "
                "'city'."
            ),
        ),
        (
            ["fine.csv", "--values", "gender:M=male", "--extension-fields", "gender"],
            (
                "extension_fields names 'gender', which is neither a column nor a field. values names 'gender', which "
                "no column maps to. The file has the columns 'whatsApp', 'friendName', 'city'."
            ),
        ),
        (
            ["fine.csv", "--rejects-path", "./fine.csv"],
            "data and rejects_path are one file, fine.csv. Give rejects_path a path of its own.",
        ),
        (
            ["fine.csv", "--rejects-path", "rejects.txt"],
            "rejects_path rejects.txt has an unknown format: let its name end in .parquet, .csv, .jsonl.",
        ),
        (["fine.csv", "--rows-per-call", "0"], "rows_per_call is 0, not a whole number above 0 or 'auto'."),
        (["fine.csv", "--max-rejected", "-1"], f"max_rejected is -1: {LIMITS}."),
        (["fine.csv", "--max-rejected", "20.0"], f"max_rejected is 20.0: {LIMITS} (for 20 rows write 20)."),
        (["fine.csv", "--empty", "no"], "empty is 'no', not omit or send."),
        (
            ["fine.csv", "--extension-fields", "city", "--extension-fields", "all"],
            (
                "extension_fields names 'all', which is neither a column nor a field. The file has the columns "
                "'whatsApp', 'friendName', 'city'."
            ),
        ),
        (["none://bucket/x.csv"], NO_FILE_SYSTEM),
        (["fine.csv", "--rejects-path", "none://bucket/x.csv"], NO_FILE_SYSTEM),
    ],
)
def test_a_message_of_the_importer_is_printed_as_it_is_and_leads_to_the_options(check, arguments, sentence):
    assert check(*arguments) == (2, "", f"{sentence}\n{AS_OPTIONS}\n")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["a/1.csv", "a/2.csv", "a/3.csv"],
            (
                "argument FILE: give one path or one pattern, not 3 paths; if the shell expanded a pattern, put it in "
                "quotes, as in 'a/*.csv' (see --help)"
            ),
        ),
        (
            ["fine.csv", "--values", "sex:M=male", "--values", "sex:M=female"],
            "argument --values: 'M' is given twice (see --help)",
        ),
        (
            ["fine.csv", "--values", "sex=male"],
            (
                "argument --values: give FIELD:TEXT=VALUE, as in sex:M=male, or FIELD:TEXT= to make a text missing "
                "(see --help)"
            ),
        ),
        (
            ["fine.csv", "--empty", "send", "--empty", "city=send"],
            "argument --empty: give one value for all fields, or FIELD=VALUE for some, not both (see --help)",
        ),
        (
            ["fine.csv", "--columns", "city=desc", "--columns", "city="],
            "argument --columns: 'city' is given twice (see --help)",
        ),
        (
            ["fine.csv", "--columns", "city"],
            (
                "argument --columns: give COLUMN=FIELD, as in mobile=whatsApp, or COLUMN= to leave a column out (see "
                "--help)"
            ),
        ),
        (
            ["fine.csv", "--defaults", "stage"],
            "argument --defaults: give FIELD=VALUE, as in stage='New Customer' (see --help)",
        ),
        (
            ["fine.csv", "--max-rejected", "few"],
            (
                "argument --max-rejected: give a number of rows such as 5, a share such as 0.02, or none for no limit "
                "(see --help)"
            ),
        ),
        (
            ["fine.csv", "--calls-per-second", "0"],
            "argument --calls-per-second: is '0' (must be a number above 0) (see --help)",
        ),
        ([], "the following arguments are required: FILE (see --help)"),
    ],
)
def test_a_wrong_option_is_one_clear_sentence(check, arguments, sentence):
    assert check(*arguments) == (2, "", f"{sentence}\n")


@pytest.mark.parametrize("arguments", [["memory://x.csv"], ["fine.csv", "--rejects-path", "memory://x.csv"]])
def test_a_storage_that_cannot_be_reached_is_one_clear_sentence(check, monkeypatch, arguments):
    def fail(_path):
        raise RuntimeError("no credentials for 8615266667780.")

    monkeypatch.setattr("airflow.sdk.ObjectStoragePath.exists", fail)
    monkeypatch.setitem(_register_filesystems(), "memory", lambda *_: MemoryFileSystem())

    assert check(*arguments) == (
        2, "", f"memory://x.csv cannot be reached: no credentials for [hidden].\n{AS_OPTIONS}\n",
    )  # fmt: skip


def test_a_wrong_choice_is_named(check):
    done = check("fine.csv", "--auth-scheme", "basic")

    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("argument --auth-scheme: invalid choice: 'basic' (choose from ")


def test_a_delimiter_is_found_out(check):
    Path("tabs.csv").write_text("whatsApp\tcity\n8615266667780\tKyzyl\n", encoding="utf-8")

    wrong = check("tabs.csv")

    assert wrong.err.splitlines() == [
        "tabs.csv has one column, but its values seem to be separated by '\\t': set delimiter='\\t'.",
        "",
        "Run next, if what it sets is right:",
        f"{PROGRAM} check tabs.csv --delimiter tab",
    ]
    assert check("tabs.csv", "--delimiter", r"\t").code == check("tabs.csv", "--delimiter", "tab").code == 0


def test_an_encoding_is_found_out(check):
    Path("old.csv").write_bytes("whatsApp,city\n8615266667780,重庆市渝中区\n".encode("gb18030"))

    wrong = check("old.csv")

    assert wrong.code == 2
    assert "'gb18030' (中 区 市 庆 渝 重)" in wrong.err
    assert check("old.csv", "--encoding", "gb18030").code == 0


def test_a_file_without_a_header_shows_no_customer(check):
    Path("bare.csv").write_text("8615266667780,Quillon\n8615266667781,Zyphora\n", encoding="utf-8")

    done = check("bare.csv")

    assert done.err == (
        "The data has no column whatsApp. Name the one with the numbers, as in columns={'mobile': 'whatsApp'}. "
        "A column name looks like a phone number or a mail address. Does the first line "
        f"hold the column names?\n{AS_OPTIONS}\n"
    )


def test_many_columns_are_not_all_named(check):
    Path("wide.csv").write_text(",".join(f"c{number}" for number in range(40)) + "\n", encoding="utf-8")

    assert "'c29' and 10 more." in check("wide.csv").err


def test_a_disk_that_fails_is_one_clear_sentence(check, monkeypatch):
    def fail(*_arguments, **_settings):
        raise OSError(28, "No space left on device", "8615266667780")

    monkeypatch.setattr("airflow_provider_socialscrm.commands.check.preview_import", fail)

    done = check("fine.csv")

    assert done == (2, "", "The check failed: [Errno 28] No space left on device: '[hidden]'.\n")


def test_ctrl_c_ends_it(check, monkeypatch):
    def interrupt(*_arguments, **_settings):
        raise KeyboardInterrupt

    monkeypatch.setattr("airflow_provider_socialscrm.commands.check.preview_import", interrupt)

    assert check("fine.csv") == (130, "", "\nStopped. Nothing was sent.\n")


def test_rejects_are_written_with_their_reasons(check):
    done = check(*MAPPED, "--rejects-path", "new/rejects.csv")

    with Path("new/rejects.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["socialscrm_position"]: row for row in csv.DictReader(file)}
    assert {at: row["socialscrm_code"] for at, row in rows.items()} == {
        "0": "duplicate",
        "1": "bad-number + ambiguous-birthday",
        "2": "no-number + bad-birthday",
        "5": "unreadable",
        "6": "unreadable",
        "7": "national-number",
    }
    assert rows["1"]["nickname"] == "Zyphora Underhill"
    assert "  - The rows left out are in new/rejects.csv, with the reasons." in done.lines
    assert list(Path("new").iterdir()) == [Path("new/rejects.csv")]


@pytest.mark.parametrize("ending", ["parquet", "jsonl"])
def test_other_kinds_of_files(check, ending):
    rows = [{"whatsApp": "8615266667780", "Tags": "a"}, {"whatsApp": None, "Tags": "b"}]
    if ending == "parquet":
        parquet.write_table(pa.Table.from_pylist(rows), "x.parquet")
    else:
        Path("x.jsonl").write_text('{"whatsApp": "8615266667780", "Tags": "a"}\n{"Tags": "b"}\n', encoding="utf-8")

    done = check(f"x.{ending}")

    assert done.code == 1
    assert done.lines[:4] == [
        f"x.{ending}: 2 rows x 2 columns",
        "",
        "  1  can be sent, in 1 call: at least 1 s at 45 calls a second",
        "  1  invalid: cannot be sent as it is",
    ]


def test_a_pattern_reads_all_files(check):
    Path("part-1.csv").write_text("whatsApp,city\n8615266667780,a\n", encoding="utf-8")
    Path("part-2.csv").write_text("whatsApp,desc\n8615266667781,b\n", encoding="utf-8")

    done = check("part-*.csv")

    assert done.lines[0] == "part-*.csv: 2 rows x 3 columns in 2 files"
    assert done.code == 0


def test_each_agent_has_calls_of_its_own_on_the_body_scheme_only(check):
    rows = "\n".join(f"86152666677{number},agent_{number % 3}" for number in range(10, 40))
    Path("agents.csv").write_text(f"whatsApp,agentAccount\n{rows}\n", encoding="utf-8")

    assert ", in 3 calls:" in check("agents.csv").lines[2]
    assert ", in 1 call:" in check("agents.csv", "--auth-scheme", "header").lines[2]
    assert (
        ", in 6 calls: at least 3 s at 2 calls a second"
        in (check("agents.csv", "--rows-per-call", "5", "--calls-per-second", "2").lines[2])
    )


def test_the_header_scheme_wants_an_agent(check):
    assert "no column agentAccount" in check("fine.csv", "--auth-scheme", "header").err
    assert check("fine.csv", "--auth-scheme", "header", "--defaults", "agentAccount=agent_wang").code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        MAPPED,
        pytest.param(("mistakes.csv",), marks=pytest.mark.thorough),
        pytest.param((*MAPPED, "--columns", "nickname=birthday", "--columns", "birthday="), marks=pytest.mark.thorough),
        ("broken.csv",),
    ],
)
def test_no_customer_shows(command, values, arguments):
    whole = Path("mistakes.csv").read_bytes()
    Path("broken.csv").write_bytes(whole + "Jörg".encode("latin-1"))

    done = command("check", *arguments)

    assert done.code in {1, 2}
    assert [value for value in values if value in done.out + done.err] == []


def test_a_log_says_nothing_twice(check, caplog):
    logger = logging.getLogger("airflow_provider_socialscrm")
    before = (logger.propagate, list(logger.handlers))

    done = check(*MAPPED)

    assert (done.err, caplog.records) == ("", [])
    assert done.out.count("'freindName' is sent as an extension field") == 1
    assert (logger.propagate, list(logger.handlers)) == before


def test_it_runs_as_people_run_it(command):
    done = command("check", "fine.csv")

    assert (done.code, done.err) == (0, "")
    assert done.out.endswith("    retries=3,  # each resumes where the try before stopped\n)\n")


def test_a_reader_who_has_seen_enough_causes_no_error():
    script = f"{' '.join(COMMAND)} check fine.csv | true; echo ${{PIPESTATUS[0]}}"

    done = subprocess.run(["/bin/bash", "-c", script], capture_output=True, text=True, timeout=60, check=False)

    assert (done.stdout, done.stderr) == ("0\n", "")


def test_it_needs_no_airflow_and_makes_no_call():
    script = """
import socket, sys
sys.modules["airflow"] = sys.modules["requests"] = None
socket.socket = None
from airflow_provider_socialscrm.__main__ import main
from airflow_provider_socialscrm.commands.check_options import AS_OPTIONS
sys.exit(main(["check", "fine.csv"]))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)

    assert (done.returncode, done.stderr) == (0, "")


def test_help_loads_nothing_heavy():
    script = """
import sys
from airflow_provider_socialscrm.__main__ import main
from airflow_provider_socialscrm.commands.check_options import AS_OPTIONS
try:
    main(["check", "--help"])
finally:
    print([name for name in ("airflow", "pyarrow", "pandas", "rich", "requests") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)

    assert done.stdout.splitlines()[0] == "usage: python -m airflow_provider_socialscrm check [option ...] FILE"
    assert done.stdout.splitlines()[-1] == "[]"


def test_help_explains_both_commands(command):
    asked, unasked = command("--help"), command()

    assert (asked.code, asked.err, unasked.code, unasked.out) == (0, "", 2, "")
    assert asked.out == unasked.err
    assert "python -m airflow_provider_socialscrm check customers.csv" in asked.out
    assert "python -m airflow_provider_socialscrm.sandbox" in asked.out


def test_a_wrong_command_is_named(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["chek"])

    assert "invalid choice: 'chek'" in capsys.readouterr().err


def test_the_demo_file_is_fine_but_for_a_few_rows(check, monkeypatch):
    folder = Path(__file__).parents[2]
    monkeypatch.chdir(folder)

    done = check("dags/data/customers.csv", "--max-rejected", "0.02")

    assert (done.code, done.err) == (0, "")
    assert done.lines[:4] == [
        "dags/data/customers.csv: 2,400 rows x 16 columns",
        "",
        "  2,386  can be sent, in 27 calls: at least 1 s at 45 calls a second",
        "     14  invalid: cannot be sent as they are",
    ]
    with Path("dags/data/customers.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    personal = {row[name].strip() for row in rows for name in ("whatsApp", "friendName", "address", "email", "desc")}
    assert [value for value in personal if value and value in done.out] == []
