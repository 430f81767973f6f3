from __future__ import annotations

import csv
import re
import unicodedata
from collections import Counter
from datetime import date

import pytest

from tools.make_customers import COLUMNS, FAULTS, MISSING, OUTPUT, ROW_COUNT, main, make_customers
from tools.people import CUSTOMERS_OF

FAULTY = {fault.position for fault in FAULTS}
DIALS_OF = {
    agent: tuple({country.mobiles.split(" ")[0] for country in countries}) for agent, countries in CUSTOMERS_OF.items()
}
# What pandas takes for a missing value unless told otherwise (pandas.read_csv, na_values), without the empty text.
READ_AS_MISSING = {"#N/A", "#NA", "-NaN", "-nan", "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"}
SCRIPTS = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "ARABIC", "HEBREW", "CYRILLIC", "GREEK", "DEVANAGARI", "THAI")


@pytest.fixture(scope="module")
def rows():
    with OUTPUT.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


@pytest.fixture(scope="module")
def good_rows(rows):
    return [row for position, row in enumerate(rows) if position not in FAULTY]


def digits_of(number):
    digits = re.sub(r"\D", "", unicodedata.normalize("NFKC", number))
    return digits.removeprefix("00")


def values_of(rows, column):
    return [row[column] for row in rows if row[column]]


def test_the_committed_file_is_what_the_generator_writes(tmp_path):
    main([str(tmp_path / "customers.csv")])

    assert (tmp_path / "customers.csv").read_bytes() == OUTPUT.read_bytes()


def test_another_seed_gives_other_people_and_the_same_faults():
    first, second = make_customers(1), make_customers(2)

    assert sum(one == other for one, other in zip(first, second, strict=True)) == 0
    assert [second[fault.position][fault.column] for fault in FAULTS] == [fault.value for fault in FAULTS]


def test_the_file_is_small_utf8_with_unix_line_ends_and_without_a_mark():
    content = OUTPUT.read_bytes()

    assert len(content) < 600_000
    assert content.startswith(b"whatsApp,agentAccount,")
    assert b"\r" not in content
    assert content.endswith(b"\n")


def test_the_csv_reads_back_as_the_generated_rows(rows):
    assert len(rows) == ROW_COUNT == 2400
    assert tuple(rows[0]) == COLUMNS
    assert rows == make_customers()


def test_faults_come_in_the_promised_numbers():
    kinds = Counter((fault.column, fault.code) for fault in FAULTS)

    assert kinds == {
        ("whatsApp", None): 12,
        ("agentAccount", 531): 5,
        ("Last Order", 533): 4,
        ("Loyalty Level", 533): 2,
        ("birthday", None): 2,
    }
    assert Counter(fault.value for fault in FAULTS if len(digits_of(fault.value)) < 5 and fault.code is None) == {
        "": 7,
        "n/a": 2,
    }
    assert len(FAULTY) == len(FAULTS) == 25


def test_faults_stand_in_the_file_and_are_spread_through_it(rows):
    assert [rows[fault.position][fault.column] for fault in FAULTS] == [fault.value for fault in FAULTS]
    assert {position * 8 // ROW_COUNT for position in FAULTY} == set(range(8))


def test_each_fault_is_the_only_one_of_its_row(rows):
    repaired = [row | {fault.column: None} for fault in FAULTS for row in [rows[fault.position]]]

    assert [row for row in repaired if row["whatsApp"] is not None and len(digits_of(row["whatsApp"])) < 10] == []
    assert [row for row in repaired if row["agentAccount"] not in {None, *CUSTOMERS_OF}] == []
    assert [row for row in repaired if row["Loyalty Level"] not in {None, "", "Bronze", "Silver", "Gold"}] == []
    assert [row for row in repaired if not re.fullmatch(r"|\d{4}-\d\d-\d\d", row["Last Order"] or "")] == []
    assert [row for row in repaired if not re.fullmatch(r"|\d{4}([-/])\d\d\1\d\d", row["birthday"] or "")] == []


def test_numbers_are_distinct_and_of_international_length(rows, good_rows):
    numbers = [digits_of(row["whatsApp"]) for row in rows if row["whatsApp"] not in {"", "n/a"}]

    assert len(set(numbers)) == len(numbers) == ROW_COUNT - 9
    assert {len(digits_of(row["whatsApp"])) for row in good_rows} <= set(range(10, 16))


def test_numbers_begin_with_a_country_code_of_the_agents_countries(good_rows):
    unexpected_numbers = [
        row for row in good_rows if not digits_of(row["whatsApp"]).startswith(DIALS_OF[row["agentAccount"]])
    ]

    assert unexpected_numbers == []


@pytest.mark.parametrize(
    ("pattern", "at_least", "at_most"),
    [
        pytest.param(r"[0-9]{10,15}", 0.55, 0.70, id="plain digits"),
        pytest.param(r"\+[0-9]+( [0-9]+)+", 0.05, 0.20, id="plus and blanks"),
        pytest.param(r"\+[0-9]+(-[0-9]+)+", 0.03, 0.12, id="plus and hyphens"),
        pytest.param(r"00[1-9][0-9]+( [0-9]+)+", 0.03, 0.12, id="two noughts"),
        pytest.param(r"\([0-9]+\)( [0-9]+)+", 0.02, 0.10, id="brackets"),
        pytest.param(r"[０-９]{10,15}", 0.02, 0.10, id="full-width digits"),
        pytest.param("\\+[0-9]+(\N{NO-BREAK SPACE}[0-9]+)+", 0.02, 0.10, id="no-break spaces"),
    ],
)
def test_numbers_are_written_in_many_ways(good_rows, pattern, at_least, at_most):
    share = sum(bool(re.fullmatch(pattern, row["whatsApp"])) for row in good_rows) / len(good_rows)

    assert at_least <= share <= at_most


def test_each_agent_has_between_15_and_40_per_cent_of_the_customers(good_rows):
    counts = Counter(row["agentAccount"] for row in good_rows)

    assert set(counts) == {"agent_wang", "agent_silva", "agent_okafor", "agent_novak"}
    assert all(0.15 <= count / len(good_rows) <= 0.40 for count in counts.values())


@pytest.mark.parametrize("column", MISSING)
def test_optional_columns_are_empty_in_5_to_30_per_cent_of_the_rows(rows, column):
    assert 0.05 <= sum(not row[column] for row in rows) / len(rows) <= 0.30


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("sex", {"unknown", "male", "female"}),
        ("stage", {"New Customer", "Interested", "Negotiating", "Won"}),
        ("source", {"System", "Website", "Event", "Referral"}),
        ("Loyalty Level", {"Bronze", "Silver", "Gold"}),
    ],
)
def test_choices_are_the_documented_ones_and_all_used(good_rows, column, values):
    assert set(values_of(good_rows, column)) == values


def test_birthdays_are_real_days_mostly_in_iso_form(good_rows):
    birthdays = values_of(good_rows, "birthday")
    iso = [text for text in birthdays if "-" in text]

    days = [date.fromisoformat(text.replace("/", "-")) for text in birthdays]
    assert date(1946, 1, 1) <= min(days) <= max(days) <= date(2008, 10, 31)
    assert 0.9 < len(iso) / len(birthdays) < 1


def test_last_orders_are_days_in_iso_form(good_rows):
    orders = values_of(good_rows, "Last Order")

    assert [date.fromisoformat(text).isoformat() for text in orders] == orders


def test_emails_have_plain_local_parts_at_domains_that_nobody_owns(good_rows):
    emails = values_of(good_rows, "email")

    assert [text for text in emails if not re.fullmatch(r"[a-z]+\.[a-z]+\d+@example\.(com|org|net)", text)] == []


def test_tags_are_separated_by_commas_and_not_repeated(good_rows):
    tags = [text.split(",") for text in values_of(good_rows, "tabName")]

    assert {len(names) for names in tags} == {1, 2, 3}
    assert [names for names in tags if len(set(names)) < len(names) or names != [name.strip() for name in names]] == []


@pytest.mark.parametrize("script", SCRIPTS)
def test_names_come_in_many_scripts(good_rows, script):
    names = values_of(good_rows, "friendName")

    assert sum(any(unicodedata.name(sign, "").startswith(script) for sign in name) for name in names) >= 5


def test_most_language_tags_leave_the_choice_to_the_crm(good_rows):
    languages = Counter(values_of(good_rows, "languageTag"))

    assert 0.75 <= languages["Auto"] / languages.total() < 1


def test_some_names_have_blanks_around_them_and_some_an_emoji(good_rows):
    names = values_of(good_rows, "friendName")

    assert sum(name != name.strip() for name in names) > 100
    assert sum(any(unicodedata.category(sign) == "So" for sign in name) for name in names) > 50
    assert [name for name in names if not name.strip()] == []


@pytest.mark.parametrize("column", ["address", "desc"])
@pytest.mark.parametrize("sign", [",", '"', "\n"])
def test_free_texts_need_quoting_in_csv(good_rows, column, sign):
    assert sum(sign in row[column] for row in good_rows) >= 10


@pytest.mark.parametrize("text", ["{{ not a template }}", "=SUM(A1)", "<b>bold</b>"])
def test_texts_that_programs_might_act_upon_are_among_the_remarks(good_rows, text):
    assert text in values_of(good_rows, "desc")


def test_no_value_of_a_good_row_reads_as_missing(good_rows):
    assert [row for row in good_rows if READ_AS_MISSING & {value.strip() for value in row.values()}] == []


def test_the_words_of_each_country_are_complete():
    countries = [country for group in CUSTOMERS_OF.values() for country in group]
    pairs = [(country.female, country.families_female or country.families) for country in countries]

    assert len(countries) == 15
    assert [names for names in pairs if len(names[0].split(", ")) < 4 or len(names[1].split(", ")) < 4] == []
    assert [
        country.cities for country in countries if not all("=" in city for city in country.cities.split(", "))
    ] == []
