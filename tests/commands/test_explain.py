"""The runbook at a shell: by a code, the name of an error, or words of its sentence."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from airflow_provider_socialscrm.__main__ import main
from airflow_provider_socialscrm.commands import explain
from airflow_provider_socialscrm.commands.explain import IN_REPOSITORY, sections_about
from airflow_provider_socialscrm.importer import reasons
from airflow_provider_socialscrm.importer.reasons import Reason

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("words", "heading"),
    [
        ("522", "## A setting is wrong"),
        ("502", "## The clock"),
        ("SocialsCRM rejects the time of the signature (502). Its clock agrees with ours.", "## The clock"),
        ("SocialsCRM answered 502 (timestamp timeout): The time in the signature is too far", "## The clock"),
        ("533", "## The CRM does not know an extension field"),
        ("No call to SocialsCRM has succeeded for 146 s, so the rest was not sent.", "## The CRM is unavailable"),
        ("no row is at fault", "## Everything is refused alike"),
        ("NO ROW IS AT FAULT", "## Everything is refused alike"),
        ("checkpoint_path /data/x cannot be read (PermissionError)", "## The checkpoint cannot be read or saved"),
        ("Likely out of memory error (OOM)", "## The task was ended"),
        ("UnusableLedgerError", "## The ledger cannot be used"),
        ("must be true or false", "## A template renders to an unusable value"),
        ("dry_run is 'maybe' (must be true or false).", "## A template renders to an unusable value"),
        ("dry_run", "## A template renders to an unusable value"),
        ("Connection 'crm': refusals_are_atomic is 'yes' (must be true or false)", "## A setting is wrong"),
        ("ERROR - Task failed: a spreadsheet or a float cut the last digits of it", "## Too many rows refused"),
        ("import a dead letter", "## Import a dead letter"),
        ("the-clock", "## The clock"),
        ("a-new-path-for-a-ledger", "### A new path for a ledger"),
        ("rows", "# Rejected rows"),
    ],
)
def test_an_error_leads_to_its_section(capsys, words, heading):
    assert main(["explain", *words.split()]) == 0

    assert heading in capsys.readouterr().out.splitlines()


def test_a_code_comes_with_its_meaning_and_its_hint(capsys):
    main(["explain", "522"])

    assert capsys.readouterr().out.startswith(
        "522 (accessToken is error): The CRM does not accept the signature. Check"
    )


def test_a_code_of_who_signs_says_what_to_do_for_the_connection_and_for_rows(capsys):
    main(["explain", "530"])

    first = capsys.readouterr().out.splitlines()[0]
    assert "Correct User name in the connection" in first
    assert first.endswith(explain.FOR_ROWS)


@pytest.mark.parametrize("cause", [each for each in vars(reasons).values() if isinstance(each, Reason)])
def test_a_reason_of_our_own_is_in_the_runbook(capsys, cause):
    assert main(["explain", str(cause.code)]) == 0


@pytest.mark.parametrize(
    ("code", "first"),
    [
        ("rounded-number", "rounded-number: a spreadsheet or a float cut the last digits, which nobody can restore"),
        ("ambiguous-date", "ambiguous-date: 01/02/2020: set `dayfirst`"),
        ("777", "777: the code is not documented."),
    ],
)
def test_the_row_of_a_code_comes_first(capsys, code, first):
    main(["explain", code])

    assert capsys.readouterr().out.startswith(first)


@pytest.mark.parametrize("page", explain._PAGES)
def test_a_link_says_where_to_read_on_with_what_this_machine_has(page):
    (text,) = sections_about(page)
    commands = re.findall(r"\(explain ([^)]+)\)", text)

    assert "](" not in text
    assert [name for name in commands if not sections_about(name)[0].startswith("#")] == []


def test_a_link_to_another_folder_names_the_page_in_the_repository():
    (text,) = sections_about("import-a-dead-letter")

    assert "More about dead letters (docs/howto/dead-letters.md in the repository)" in text


def test_a_section_in_another_folder_is_named():
    assert sections_about("still parsing") == ["See the page docs/howto/other-calls.md, section group-links."]


@pytest.mark.parametrize("words", ["99999", "a sentence of somebody else"])
def test_words_that_the_runbook_does_not_have_say_what_to_give(capsys, words):
    assert main(["explain", words]) == 1

    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", explain.NOTHING)


def test_each_row_of_the_index_leads_to_a_section():
    index = (IN_REPOSITORY / "index.md").read_text(encoding="utf-8").split("## Where to look")[0]
    rows = [line for line in index.splitlines() if line.startswith("| `")]
    phrases = [re.findall(r"`([^`]+)`", row)[0] for row in rows]

    assert len(phrases) > 20
    assert [phrase for phrase in phrases if not sections_about(phrase.replace("...", "x"))] == []


def test_a_wheel_has_the_pages_where_the_command_looks_for_them():
    build = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]

    (target,) = build["targets"]["wheel"]["force-include"].values()
    assert ROOT / target == explain.PACKAGED
    assert all((IN_REPOSITORY / f"{page}.md").exists() for page in ("index", *explain._PAGES))
