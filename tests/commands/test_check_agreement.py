"""The same file gives the same verdict row by row, by path or as the DataFrame that ``pandas.read_csv`` makes of it.

Some inputs are not here, because pandas has decided before the import sees them:

- Numbers in a column of integers: their leading zeros are lost, and so is a plus before them.
- Integers with a gap: they become floats. Where most of them end in zero, they may as well have been rounded.
- ``inf`` in a column of numbers: it becomes the float, which cannot be sent.
- Lines with too few values are filled up; with too many, the first one becomes the index. By path they are unreadable.
- A quote behind a blank, as in ``x, "a"``: it becomes a part of the text.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from airflow_provider_socialscrm.__main__ import command_parser
from airflow_provider_socialscrm.commands.check_options import request_of
from airflow_provider_socialscrm.importer.dry_run import Preview, preview_import
from airflow_provider_socialscrm.importer.reasons import Bucket
from airflow_provider_socialscrm.importer.sources.open_source import open_source

FILES = {
    "words for a missing number": "whatsApp,friendName\n8615266667780,a\nNULL,b\nn/a,c\nNA,d\n#N/A,e\nNone,f\n,g\n",
    "words for a missing value": (
        "whatsApp,friendName,sex,birthday,tabName,agentAccount\n"
        "+8615266667780,NULL,NULL,n/a,NULL,NULL\n+8615266667781,n/a,nan,NULL,n/a,agent_wang\n+8615266667782,,,,,\n"
    ),
    "words that pandas leaves": "whatsApp,friendName,sex\n-,x,-\n\\N,y,\\N\n+8615266667780,(blank),undefined\n",
    "some words among integers": "whatsApp,income\n8615266667781,NULL\nNULL,1\n8615266667783,2\n",
    "rows of commas": "whatsApp,friendName\n,\n8615266667780,x\n , \n,\n\n8615266667781,y\n",
    "empty texts": 'whatsApp,friendName\n"",x\n8615266667780,""\n" ",y\n',
    "floats": "whatsApp,income\n8615266667781.0,1.5\n8615266667782.0,\n,2\n",
    "scientific notation": "whatsApp\n8.61526666778e+12\n8.615266667781e+12\n8.615266667782e+12\n",
    "rounded numbers": "whatsApp\n8.61526666778e+12\n8.61526666779e+12\n8.61526666780e+12\n8.61526666781e+12\n",
    "integers": "whatsApp\n8615266667781\n12\n999999999999999999\n8615266667782\n",
    "numbers in all ways": (
        "whatsApp\n+86 152 6666 7780\n12ab\n0171 8024686\n+49 171 8024686\n00972 54 459 9891\n'+8615266667781\n"
        "120363025246125486@g.us\n+65 9123 4567/68\n+999 1234567\n"
    ),
    "dates": (
        "whatsApp,birthday\n+8615266667780,1990-03-08\n+8615266667781,01/02/2020\n+8615266667782,13/02/2001\n"
        "+8615266667783,2533/01/01\n+8615266667784,19900308\n+8615266667785,Whitsun\n+8615266667786,\n"
    ),
    "dates as integers": "whatsApp,birthday\n+8615266667780,19900308\n+8615266667781,32940\n+8615266667782,\n",
    "dates of a field of one's own": (
        "whatsApp,Last Order\n+8615266667780,2024-03-13\n+8615266667781,01/02/2020\n+8615266667782,n/a\n"
        "+8615266667783,soon\n"
    ),
    "duplicates": "whatsApp,friendName\n8615266667780,x\n+86 152 6666 7780,y\n8615266667780,\nNULL,z\n",
    "duplicates, the last one bad": "whatsApp,sex,birthday\n+8615266667780,male,\n8615266667780,male,Whitsun\n",
    "an index without a name": ",whatsApp,friendName\n0,8615266667780,x\n1,12ab,y\n2,,\n",
    "columns without a name at the end": "whatsApp,friendName,,\n+8615266667780,x,,\n,,,\n12ab,y,,\n",
    "blanks in the header": " whatsApp , sex,birthday \n+8615266667780, male,\n12ab, female, Whitsun\n , ,\n",
    "names in other letters": "WHATS_APP,BirthDay\n+8615266667780,Whitsun\nNULL,1990/03/08\n",
    "agents": "whatsApp,agentAccount\n8615266667780,agent_wang\n8615266667781,\n8615266667782,NULL\n",
    "agents as integers": "whatsApp,agentAccount\n8615266667780,1001\n8615266667781,\n8615266667782,1002\n",
    "tags": "whatsApp,tabName\n+8615266667780,\"VIP,New\"\n+8615266667781,\"['VIP', 'New']\"\n+8615266667782,[VIP\n",
    "words for sex": "whatsApp,sex\n+8615266667780,True\n+8615266667781,M\n+8615266667782,robotic\n+8615266667783,NA\n",
    "numbers for sex": "whatsApp,sex\n+8615266667780,1\n+8615266667781,2\n+8615266667782,\n",
    "numbers of two countries": "whatsApp,stage\n15045554467,\n+15045554467,\n15045554468,\nNULL,New\n13834522787x,\n",
    "a long column": "whatsApp,stage\n" + "8615266667780,n/a\nNULL,New\n,\n12ab,\n" * 600,
    "rows of words for missing values": "whatsApp,friendName\n+8615266667780,x\nNULL,n/a\nNULL,\n,NULL\n",
    "floats of too few digits": "whatsApp\n8.61526666778e+12\n8.61526666779e+12\n8.61526666780e+12\n8.6E+12\n",
}

OPTIONS = {
    "no options": [],
    "header scheme": ["--auth-scheme", "header", "--defaults", "agentAccount=agent_wang"],
    "null values": ["--null-values", "NULL", "--null-values", "n/a", "--null-values", "x"],
    "a region": ["--default-region", "CN"],
    "national numbers": ["--default-region", "CN", "--ambiguous-numbers", "national"],
    "international numbers": ["--default-region", "CN", "--ambiguous-numbers", "international"],
    "bad values omitted": ["--bad-values", "omit"],
    "dates of days first": ["--dayfirst", "--extension-fields", "all"],
    "empty ones sent": ["--empty", "send", "--duplicates", "first"],
    "all duplicates sent": ["--duplicates", "send", "--defaults", "stage=New"],
}

MIXED = ("words for a missing value", "numbers in all ways", "dates", "duplicates", "rows of commas")
"""Files of which each option reads some row in another way, or a row beside it; the thorough run has all of them."""

PAIRS = [
    pytest.param(
        text,
        options,
        id=f"{name}-{chosen}",
        marks=() if chosen == "no options" or name in MIXED else pytest.mark.thorough,
    )
    for name, text in FILES.items()
    for chosen, options in OPTIONS.items()
]

Verdict = tuple[dict[int, tuple[str, str]], dict[Bucket, int], list[int]]


@pytest.mark.one_in(2)
@pytest.mark.parametrize(("text", "options"), PAIRS)
def test_a_path_and_its_dataframe_have_one_verdict(text, options):
    Path("table.csv").write_text(text, encoding="utf-8")

    by_path = verdict(Path("table.csv"), *options)

    assert by_path == verdict(pd.read_csv("table.csv"), *options)
    assert sum(by_path[1].values()) > 0


def test_dates_of_an_extension_field_have_one_verdict():
    Path("table.csv").write_text(FILES["dates of a field of one's own"], encoding="utf-8")
    options = ["--extension-fields", "Last Order", "--date-fields", "Last Order"]

    by_path = verdict(Path("table.csv"), *options)

    assert by_path == verdict(pd.read_csv("table.csv"), *options)
    assert by_path[0] == {1: ("invalid", "ambiguous-date"), 3: ("invalid", "bad-date")}


def test_with_null_values_a_row_of_such_words_is_blank_as_it_is_to_pandas():
    Path("table.csv").write_text(FILES["rows of words for missing values"], encoding="utf-8")
    options = ["--null-values", "NULL", "--null-values", "n/a"]

    by_path = verdict(Path("table.csv"), *options)

    assert by_path == verdict(pd.read_csv("table.csv"), *options)
    assert by_path == ({}, {Bucket.NOT_SENT: 1, Bucket.BLANK: 3}, [0])


@pytest.mark.one_in(3)
@pytest.mark.parametrize("text", FILES.values(), ids=FILES)
def test_the_command_has_the_verdict_of_the_dataframe(check, text):
    Path("table.csv").write_text(text, encoding="utf-8")

    page = check("table.csv", "--rejects-path", "by_path.csv")

    reasons, counts, _ = verdict(pd.read_csv("table.csv"))
    assert written("by_path.csv") == reasons
    assert page.code == (1 if counts.get(Bucket.INVALID) else 0)
    shown = {line.split()[1].rstrip(":"): int(line.split()[0].replace(",", "")) for line in counted_lines(page.lines)}
    assert shown == {"can": 0} | {WORDS[bucket]: rows for bucket, rows in counts.items()}


WORDS = {Bucket.NOT_SENT: "can", Bucket.INVALID: "invalid", Bucket.DUPLICATE: "duplicate", Bucket.BLANK: "blank"}


def counted_lines(lines: list[str]) -> list[str]:
    return lines[2 : lines.index("", 2)]


def verdict(data: Any, *options: str) -> Verdict:
    """Return why rows are not sent, by position, how many rows are in each bucket, and which are the first to be sent.

    Other rows are blank.
    """
    request = request_of(command_parser().parse_args(["check", "table.csv", *options]))
    Path("rejects.csv").unlink(missing_ok=True)
    preview: Preview = preview_import(
        open_source(data), request.options, request.settings, lambda _: 200, rejects_path=Path("rejects.csv")
    )
    counts = {bucket: rows for bucket in Bucket if (rows := preview.report.rows_in(bucket))}
    return written("rejects.csv"), counts, sorted(preview.samples)


def written(path: str) -> dict[int, tuple[str, str]]:
    if not Path(path).exists():
        return {}
    with Path(path).open(encoding="utf-8", newline="") as file:
        return {
            int(row["socialscrm_position"]): (row["socialscrm_bucket"], row["socialscrm_code"])
            for row in csv.DictReader(file)
        }
