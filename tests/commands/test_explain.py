"""The runbook at a shell: by a code, the name of an error, or words of its sentence."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from airflow_provider_socialscrm.__main__ import main
from airflow_provider_socialscrm.commands import explain
from airflow_provider_socialscrm.commands.explain import IN_REPOSITORY, sections_about

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("words", "heading"),
    [
        ("522", "## A setting is wrong"),
        ("502", "## The clock"),
        ("533", "## The CRM does not know an extension field"),
        ("No call to SocialsCRM has succeeded for 146 s, so the rest was not sent.", "## The CRM is unavailable"),
        ("no row is at fault", "## Everything is refused alike"),
        ("NO ROW IS AT FAULT", "## Everything is refused alike"),
        ("checkpoint_path /data/x cannot be read (PermissionError)", "## The checkpoint cannot be read or saved"),
        ("Likely out of memory error (OOM)", "## The task was ended"),
        ("UnusableLedgerError", "## The ledger cannot be used"),
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
