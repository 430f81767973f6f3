"""The demo's customers: what the demo, the documentation and other tests expect of the file."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections import Counter
from datetime import date
from importlib.metadata import version

import phonenumbers
import pytest

from tools.make_customers import AWKWARD, COUNTRIES, INVALID, OUTPUT, REJECTED, main
from tools.matrix import ROOT

PINNED = re.search(r"^faker==(.+)$", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE)[1]
AGENTS = {agent for agent, _, _ in COUNTRIES.values()}
# The texts that pandas.read_csv reads as missing by default (na_values), without the empty text.
READ_AS_MISSING = {"#N/A", "#NA", "-NaN", "-nan", "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"}


@pytest.fixture(scope="module")
def rows():
    with OUTPUT.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


@pytest.fixture(scope="module")
def good_rows(rows):
    return [row for position, row in enumerate(rows) if position not in INVALID | REJECTED]


def values_of(rows, column):
    return [row[column] for row in rows if row[column]]


def digits_of(number):
    return re.sub(r"\D", "", unicodedata.normalize("NFKC", number)).removeprefix("00")


@pytest.mark.thorough
@pytest.mark.skipif(version("faker") != PINNED, reason="each version of Faker makes other people")
def test_the_committed_file_is_what_the_script_writes(tmp_path):
    main(tmp_path / "customers.csv")

    assert (tmp_path / "customers.csv").read_bytes() == OUTPUT.read_bytes()


@pytest.mark.thorough
def test_any_version_of_faker_writes_as_many_rows_with_the_same_faults(tmp_path):
    main(tmp_path / "customers.csv")

    with (tmp_path / "customers.csv").open(encoding="utf-8", newline="") as file:
        written = list(csv.DictReader(file, strict=True))
    faults = INVALID | REJECTED
    assert len(written) == 2400
    assert {position: (column, written[position][column]) for position, (column, _) in faults.items()} == faults


def test_faults_come_in_the_promised_numbers_and_are_spread_through_the_file(rows):
    faults = INVALID | REJECTED

    assert (len(rows), len(rows[0]), len(INVALID), len(REJECTED), len(faults)) == (2400, 16, 14, 11, 25)
    assert Counter(column for column, _ in INVALID.values()) == {"whatsApp": 12, "birthday": 2}
    assert Counter(column for column, _ in REJECTED.values()) == {
        "agentAccount": 5, "Last Order": 4, "Loyalty Level": 2,
    }  # fmt: skip
    assert {position: (column, rows[position][column]) for position, (column, _) in faults.items()} == faults
    assert {position * 8 // len(rows) for position in faults} == set(range(8))


def test_each_fault_is_the_only_one_of_its_row(rows):
    allowed = {
        "whatsApp": r"\D*(\d\D*){10,15}",
        "agentAccount": "|".join(AGENTS),
        "birthday": r"|\d{4}([-/])\d\d\1\d\d",
        "Last Order": r"|\d{4}-\d\d-\d\d",
        "Loyalty Level": "|Bronze|Silver|Gold",
    }

    wrong = {
        (position, column, row[column])
        for position, row in enumerate(rows)
        for column, pattern in allowed.items()
        if not re.fullmatch(pattern, row[column])
    }
    assert wrong == {(position, *fault) for position, fault in (INVALID | REJECTED).items()}


def test_numbers_are_distinct_valid_and_of_the_agents_countries(good_rows):
    patterns = {agent: [] for agent in AGENTS}
    for agent, _, numbers in COUNTRIES.values():
        patterns[agent].append(numbers.replace(" ", "").replace("#", r"\d").replace("%", "[1-9]"))

    numbers = [digits_of(row["whatsApp"]) for row in good_rows]
    assert len(set(numbers)) == len(numbers)
    assert [one for one in numbers if not phonenumbers.is_valid_number(phonenumbers.parse(f"+{one}"))] == []
    assert [
        row
        for row in good_rows
        if not re.fullmatch("|".join(patterns[row["agentAccount"]]), digits_of(row["whatsApp"]))
    ] == []


@pytest.mark.parametrize(
    ("pattern", "least", "most"),
    [
        pytest.param(r"[0-9]{10,15}", 0.55, 0.70, id="plain digits"),
        pytest.param(r"\+[0-9]+( [0-9]+)+", 0.05, 0.20, id="plus and blanks"),
        pytest.param(r"\+[0-9]+(-[0-9]+)+", 0.03, 0.12, id="plus and hyphens"),
        pytest.param(r"00[1-9][0-9]*( [0-9]+)+", 0.03, 0.12, id="two zeros"),
        pytest.param(r"\([0-9]+\)( [0-9]+)+", 0.02, 0.10, id="brackets"),
        pytest.param(r"[０-９]{10,15}", 0.02, 0.10, id="full-width digits"),
        pytest.param("\\+[0-9]+(\N{NO-BREAK SPACE}[0-9]+)+", 0.02, 0.10, id="no-break spaces"),
    ],
)
def test_numbers_are_written_in_many_ways(good_rows, pattern, least, most):
    assert least <= sum(bool(re.fullmatch(pattern, row["whatsApp"])) for row in good_rows) / len(good_rows) <= most


def test_each_agent_has_between_15_and_40_per_cent_of_the_customers(good_rows):
    counts = Counter(row["agentAccount"] for row in good_rows)

    assert set(counts) == {"agent_wang", "agent_silva", "agent_okafor", "agent_novak"}
    assert all(0.15 <= count / len(good_rows) <= 0.40 for count in counts.values())


def test_optional_columns_are_empty_in_5_to_30_per_cent_of_the_rows(rows):
    empty = {column: sum(not row[column] for row in rows) / len(rows) for column in list(rows[0])[2:]}

    assert {column: share for column, share in empty.items() if not 0.05 <= share <= 0.30} == {}


def test_birthdays_are_real_days_mostly_in_iso_form(good_rows):
    birthdays = values_of(good_rows, "birthday")
    days = [date.fromisoformat(text.replace("/", "-")) for text in birthdays]

    assert date(1946, 1, 1) <= min(days) <= max(days) <= date(2008, 10, 31)
    assert 0.9 < sum("-" in text for text in birthdays) / len(birthdays) < 1


def test_emails_are_at_domains_that_nobody_owns(good_rows):
    emails = values_of(good_rows, "email")

    assert [text for text in emails if not re.fullmatch(r"[a-z0-9._-]+@example\.(com|org|net)", text)] == []


@pytest.mark.parametrize("script", ["CJK", "HANGUL", "ARABIC", "HEBREW", "CYRILLIC", "GREEK", "DEVANAGARI", "THAI"])
def test_names_come_in_many_scripts(good_rows, script):
    names = values_of(good_rows, "friendName")

    assert sum(any(unicodedata.name(sign, "").startswith(script) for sign in name) for name in names) >= 5


def test_texts_are_untidy(good_rows):
    names = values_of(good_rows, "friendName")

    assert sum(name != name.strip() for name in names) > 100
    assert sum("🌸" in name for name in names) > 50
    assert sum("\n" in text for text in values_of(good_rows, "address")) >= 10
    assert set(AWKWARD) <= set(values_of(good_rows, "desc"))


def test_no_value_of_a_good_row_reads_as_missing(good_rows):
    assert [row for row in good_rows if READ_AS_MISSING & {value.strip() for value in row.values()}] == []
