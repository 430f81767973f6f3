"""A phone number is sent as its digits however it is written, or refused with one cause; it is never guessed."""

from __future__ import annotations

import os
import random
import re

import phonenumbers
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from airflow_provider_socialscrm.importer.columns.null_words import NULL_WORDS
from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.importer.fields.phones import check_reading, check_region, whatsapp_numbers
from airflow_provider_socialscrm.importer.options import Rules
from airflow_provider_socialscrm.importer.reasons import (
    AMBIGUOUS_NUMBER,
    BAD_NUMBER,
    NATIONAL_NUMBER,
    NO_NUMBER,
    NO_PERSON,
    NUMBER_NOT_IN_USE,
    OTHER_COUNTRIES,
    ROUNDED_NUMBER,
    TWO_COUNTRIES,
    counted_as,
)

NUMBER = "8615266667780"
BAD, NATIONAL, NONE = BAD_NUMBER.code, NATIONAL_NUMBER.code, NO_NUMBER.code
NOT_IN_USE, ROUNDED = NUMBER_NOT_IN_USE.code, ROUNDED_NUMBER.code
AMBIGUOUS = AMBIGUOUS_NUMBER.code
CODES = {NONE, BAD, NATIONAL, NOT_IN_USE, ROUNDED, AMBIGUOUS, NO_PERSON.code}

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
EACH_REGION = [
    pytest.param(region, marks=() if place % 5 == 0 else pytest.mark.thorough) for place, region in enumerate(REGIONS)
]
"""All regions in the thorough run, and each fifth one otherwise: what decides on a number is the same for all."""
TWO_LETTERS = "write a country's two letters, as in 'CN' or 'DE'"
TOO_SHORT = {("IR", "+989601")}
"""Examples of the library that no list of phone numbers holds: with its country code this one has six digits."""

digits = st.text("0123456789", max_size=18)
written_somehow = st.text("0123456789+-. ()/,\u0661\u200e²x", max_size=24)


def outcomes(values, region=None, ambiguous="reject"):
    """Return each row's number, or the code of what is wrong with it; no row has two causes."""
    column = values if isinstance(values, pa.Array) else pa.array(values, pa.string())
    checked = whatsapp_numbers(column, region, ambiguous)
    assert {reason.code for reason, _ in checked.problems} <= CODES
    masks = [mask.to_pylist() for _, mask in checked.problems]
    found = checked.text.to_pylist()
    for row, wrong in enumerate(zip(*masks, strict=True)):
        assert sum(wrong) == (found[row] is None)
        if any(wrong):
            found[row] = checked.problems[wrong.index(True)][0].code
    return found


def outcome(value, region=None, ambiguous="reject"):
    [found] = outcomes([value], region, ambiguous)
    return found


def e164(number):
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


MOBILES = sorted(
    e164(number)[1:]
    for region in REGIONS
    if (number := phonenumbers.example_number_for_type(region, PhoneNumberType.MOBILE))
)


def library(written, region=None):
    """Return what the library reads, if that is a number in use."""
    try:
        number = phonenumbers.parse(written, region)
    except phonenumbers.NumberParseException:
        return None
    return e164(number)[1:] if phonenumbers.is_valid_number(number) else None


def examples(region):
    """Return the library's examples of all kinds of numbers a region has."""
    numbers = [
        phonenumbers.example_number(region),
        *(phonenumbers.example_number_for_type(region, kind) for kind in PhoneNumberType.values()),
    ]
    return [number for number in numbers if number and (region, e164(number)) not in TOO_SHORT]


@pytest.mark.parametrize(
    "written",
    [
        NUMBER, "8615266667780.0", "8615266667780.00", "8615266667780,0", "+8615266667780", "++8615266667780",
        "+86 152-6666 7780", "+86 (152) 6666.7780", "86.152.6666.7780", "86152.66667780", "86/152/66667780",
        "008615266667780", "0086 152 6666 7780", "(0086) 152 6666 7780", "+0086 152 6666 7780", "(+86) 152 6666 7780",
        "+86 (0)152 6666 7780", "+86 ( 0 ) 152 6666 7780", "+86[152]66667780", "86{152}66667780",
        "＋８６ １５２ 6666 7780", "+86（152）66667780", "+86（０）15266667780",
        "００８６15266667780", "８６１５２６６６６７７８０．０",
        "86\u00a0152\u202f6666\u30007780", "86\u2003152\u16806666\u205f7780", "86\t1526666\n7780",
        "86\u2011152\u20106666\u20137780", "86\u2014152\u22126666\u30fc7780", "86－152﹣6666\u00ad7780",
        "\u200e+8615266667780\u200b", "\u202a+86 152 6666 7780\u202c", "\ufeff8615266667780", "\ufeff 8615266667780.0",
        "8615266667780+", "\u200f86 152 6666 7780+",
        "٨٦١٥٢٦٦٦٦٧٧٨٠", "+٨٦ ١٥٢ ٦٦٦٦ ٧٧٨٠", "۸۶۱۵۲۶۶۶۶۷۷۸۰", "८६१५२६६६६७७८०", "𝟖𝟔𝟏𝟓𝟐𝟔𝟔𝟔𝟔𝟕𝟕𝟖𝟎",
        "8.615266667780E+12", "8.61526666778000000e+12", "8615266667780E+0", "８,615266667780Ｅ+12",
        "+8.615266667780e12",
        "8.615266667780E+012",
        "'8615266667780", "'+8615266667780", "`8615266667780", "\u2019+86 152 6666 7780",
        '="8615266667780"', '"+8615266667780"',
        "p:+8615266667780", "tel:+8615266667780", "TEL:+86-152-6666-7780", "tel://+8615266667780",
        "phone: +86 15266667780",
        "whatsapp:+8615266667780", "whatsapp:8615266667780", "sms:+8615266667780", "mobile:+8615266667780",
        "https://wa.me/8615266667780", "wa.me/8615266667780", "http://www.wa.me/+8615266667780?text=Hi",
        "https://api.whatsapp.com/send?phone=8615266667780&text=Hi", "whatsapp://send?phone=+8615266667780",
        "https://web.whatsapp.com/send/?phone=%2B8615266667780",
        "8615266667780@s.whatsapp.net", "8615266667780@c.us", "8615266667780:12@s.whatsapp.net",
        "8615266667780.0:1@S.WHATSAPP.NET", "+8615266667780@c.us",
    ],
)  # fmt: skip
@pytest.mark.parametrize("region", [None, "CN", "US"])
def test_a_number_with_its_country_code_is_sent_as_digits_however_it_is_written(written, region):
    assert outcome(written, region) == NUMBER


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("+1.415.555.2671", "14155552671"),
        ("1.201.555.0123", "12015550123"),
        ("123456.0", BAD),
        ("6591234567.0", "6591234567"),
        ("6591234567.00", "6591234567"),
        ("6591234567.8", BAD),
        ("8615266667780.5", BAD),
        ("8615266667780,5", BAD),
        ("8615266667780.0000001", BAD),
        ("+8615266667780.25", BAD),
        ("8.615266667785E+11", BAD),
        ("8.61526666778E+10", BAD),
        ("8.61526666778E+12", ROUNDED),
        ("861526666778E+1", ROUNDED),
        ("8.6152666677E+12", ROUNDED),
        ("8.615266667E+12", ROUNDED),
        ("8.61527E+12", ROUNDED),
        ("8,61527E+12", ROUNDED),
        ("+8.6E+12", ROUNDED),
        ("9E12", ROUNDED),
        ("8.6E+99", ROUNDED),
        ("8.6E+3", ROUNDED),
        ("8.6E-12", BAD),
        ("8.6E+100", BAD),
        ("-8.61526666778E+12", BAD),
        ("8.615.26666778E+12", BAD),
        ("1E+1E+1", BAD),
    ],
)
def test_what_a_spreadsheet_made_of_a_number_is_read_only_where_no_digit_is_lost(written, found):
    assert outcome(written) == found


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("123456", BAD),
        ("1234567", NOT_IN_USE),
        ("123456789012345", NOT_IN_USE),
        ("1234567890123456", BAD),
        ("29022158", "29022158"),
        ("29023456", "29023456"),
        ("4912345678901", NOT_IN_USE),
        ("+4912345678901", "4912345678901"),
        ("004912345678901", "4912345678901"),
        ("https://wa.me/4912345678901", "4912345678901"),
        ("4912345678901@c.us", "4912345678901"),
        ("49 1234 567 8901", NOT_IN_USE),
        ("4912345678901.0", NOT_IN_USE),
        ("+2904567", "2904567"),
        ("13879542916", NOT_IN_USE),
        ("15112345678", NOT_IN_USE),
        ("151 1234 5678", NOT_IN_USE),
        ("1705123456", NOT_IN_USE),
        ("9161234567", NOT_IN_USE),
        ("612345678", NOT_IN_USE),
        ("7911123456", NOT_IN_USE),
        ("9876543210", NOT_IN_USE),
        ("+13879542916", "13879542916"),
        ("17717505051", AMBIGUOUS),
        ("1 771 750 5051", AMBIGUOUS),
        ("15123456789", AMBIGUOUS),
        ("+15123456789", "15123456789"),
        ("12125550123", "12125550123"),
        ("15266667780/15266667781", BAD),
        ("89161234567", NOT_IN_USE),
        ("+44 07911 123456", "447911123456"),
        ("4407911123456", "447911123456"),
        ("+39 06 1234 5678", "390612345678"),
        ("2250701234567", "2250701234567"),
        ("+49 0 1511234567", NOT_IN_USE),
        ("+44 (0)7911 123456", "447911123456"),
        ("+351 (0)912 345 678", "351912345678"),
        ("+39 (0)6 1234 5678", "390612345678"),
        ("+52 1 55 1234 5678", "5215512345678"),
        ("553188881234", "553188881234"),
        ("015266667780", NATIONAL),
        ("0152 6666-7780", NATIONAL),
        ("+0152 6666 7780", NATIONAL),
        ("00 0152 6666 7780", NATIONAL),
        ("０１５２66667780", NATIONAL),
        ("0123456", NATIONAL),
        ("012345", BAD),
        ("0123456789012345", BAD),
        ("(0)15266667780", NATIONAL),
        (None, NONE),
    ],
)
def test_without_a_region_a_plain_number_is_valid_and_one_with_a_mark_has_a_length_that_is_possible(written, found):
    assert outcome(written) == found


@pytest.mark.parametrize(
    "written",
    [
        "+", "00", "+00", "abc", "8615266667780x", "+1 415 555 2671 ext. 5", "+1 415 555 2671 x5", "1-800-FLOWERS",
        ")", "(/)", "-1", "-8615266667780", "-86 15266667780", "true", "inf", "0x1F4A", "?",
        "8615266667780?", "8+615266667780", "86+15266667780+",
        "8615266667780²", "8615266667780①", "½8615266667780", "86_15266667780", "86,152,666,677,80", "#8615266667780",
        "15266667780;phone-context=+86", "8️⃣615266667780", "八六一五二六六六六七七八〇", "8615266667780@example.com",
        "https://wa.me/message/ABC123", "tel:", "whatsapp:", "'", '=""', "p:abc",
    ],
)  # fmt: skip
@pytest.mark.parametrize("region", [None, "CN", "US"])
def test_what_is_no_number_is_bad(written, region):
    assert outcome(written, region) == BAD


@pytest.mark.parametrize(
    ("region", "written", "found"),
    [
        ("CN", "15266667780", NUMBER),
        ("CN", "152 6666 7780", NUMBER),
        ("CN", "015266667780", NUMBER),
        ("CN", "15266667780.0", NUMBER),
        ("CN", "1.5266667780E+10", NUMBER),
        ("CN", "1.526666778E+10", ROUNDED),
        ("CN", "1.52667E+10", ROUNDED),
        ("CN", "15266667780.5", BAD),
        ("CN", "１５２６６６６７７８０", NUMBER),
        ("CN", "010 6552 9988", "861065529988"),
        ("CN", "8601065529988", "861065529988"),
        ("CN", "14155552671", "14155552671"),
        ("CN", "447911123456", "447911123456"),
        ("CN", "+44 7911 123456", "447911123456"),
        ("CN", "00447911123456", "447911123456"),
        ("CN", "+1526666778", NOT_IN_USE),
        ("CN", "+999 123456789", NOT_IN_USE),
        ("CN", "+86 152 6666 778", NOT_IN_USE),
        ("CN", "99999999999", NOT_IN_USE),
        ("CN", "12345", NOT_IN_USE),
        ("CN", "123", BAD),
        ("CN", "1234567890123456", BAD),
        ("CN", None, NONE),
        ("DE", "0151 23456789", "4915123456789"),
        ("DE", "(0)151 23456789", "4915123456789"),
        ("DE", "+49 (0)151 23456789", "4915123456789"),
        ("DE", "030 123456", "4930123456"),
        ("DE", "8615266667780", "8615266667780"),
        ("DE", "+8615266667780", "8615266667780"),
        ("DE", "+44 (0)20 7946 0958", "442079460958"),
        ("GB", "07911 123456", "447911123456"),
        ("GG", "07781 123456", "447781123456"),
        ("GG", "07911 123456", "447911123456"),
        ("US", "(415) 555-2671", "14155552671"),
        ("US", "1-415-555-2671", "14155552671"),
        ("US", "011 86 152 6666 7780", NUMBER),
        ("US", "0086 152 6666 7780", NUMBER),
        ("US", "604 555 1234", "16045551234"),
        ("AU", "0011 86 152 6666 7780", NUMBER),
        ("RU", "8 (912) 345-67-89", "79123456789"),
        ("KZ", "8 701 123 45 67", "77011234567"),
        ("PT", "+351 (0)912 345 678", "351912345678"),
        ("IT", "06 1234 5678", "390612345678"),
        ("IT", "+39 06 1234 5678", "390612345678"),
        ("IT", "+39 (0)6 1234 5678", "390612345678"),
        ("DE", "+39 (0)342 123456", "390342123456"),
        ("IT", "(0)342 123456", "390342123456"),
        ("IT", "391 234 5678", "393912345678"),
        ("IT", "393912345678", "393912345678"),
        ("AR", "011 15-2345-6789", "5491123456789"),
        ("AR", "+54 9 11 2345-6789", "5491123456789"),
        ("BR", "(11) 96123-4567", "5511961234567"),
        ("BR", "0 15 11 96123-4567", "5511961234567"),
        ("JP", "0077 7012", "8100777012"),
        ("JP", "090-1234-5678", "819012345678"),
        ("FR", "298212345", "298212345"),
        ("FR", "02 98 21 23 45", "33298212345"),
        ("MX", "+52 1 55 1234 5678", "5215512345678"),
        ("MX", "55 1234 5678", "525512345678"),
        ("MX", "553188881234", "553188881234"),
        ("BR", "(31) 8888-1234", "553188881234"),
        ("BR", "3133331234", "553133331234"),
        ("BR", "55 31 1888-1234", NOT_IN_USE),
        ("DE", "41791234567", "41791234567"),
        ("DE", "33698765432", "33698765432"),
        ("DE", "4366412345678", "4366412345678"),
        ("CN", "51912345678", "51912345678"),
        ("RU", "810 86 152 6666 7780", NUMBER),
    ],
)
def test_with_a_region_a_number_is_what_it_is_when_dialled_there(region, written, found):
    assert outcome(written, region) == found


@pytest.mark.parametrize("region", EACH_REGION)
def test_every_example_of_the_library_is_the_number_the_library_reads(region):
    numbers = examples(region)
    forms = (PhoneNumberFormat.INTERNATIONAL, PhoneNumberFormat.E164)
    written = [phonenumbers.format_number(number, form) for form in forms for number in numbers]
    assert outcomes(written, region) == outcomes(written) == [e164(number)[1:] for number in numbers] * len(forms)


@pytest.mark.parametrize("region", EACH_REGION)
def test_a_number_as_it_is_dialled_in_its_region_is_never_read_as_a_fixed_line_elsewhere(region):
    numbers = examples(region)
    written = [phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL) for number in numbers]
    for number, text, found in zip(numbers, written, outcomes(written, region), strict=True):
        assert found in {e164(number)[1:], AMBIGUOUS} or is_mobile(found), text


def is_mobile(digits):
    kinds = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)
    return digits.isdecimal() and phonenumbers.number_type(phonenumbers.parse(f"+{digits}")) in kinds


@pytest.mark.parametrize(("region", "number"), TOO_SHORT)
@pytest.mark.parametrize("with_region", [True, False])
def test_a_number_that_is_in_use_but_has_too_few_digits_is_bad(region, number, with_region):
    assert library(number, region) == number[1:]
    assert outcome(number, region if with_region else None) in {BAD, NOT_IN_USE}


def test_no_country_code_begins_another_or_with_zero():
    codes = [str(code) for code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE]
    assert [(one, other) for one in codes for other in codes if one != other and other.startswith(one)] == []
    assert [code for code in codes if code.startswith("0")] == []


@given(st.lists(st.none() | digits | written_somehow), st.sampled_from([None, "CN", "US", "DE", "AR"]))
def test_each_row_is_read_alone_and_is_a_number_or_has_one_cause(values, region):
    alone = [outcome(value, region) for value in values]
    assert outcomes(values, region) == alone
    assert outcomes(pa.array(["x", *values], pa.string())[1:], region) == alone
    for value, found in zip(values, alone, strict=True):
        assert (found == NONE) == (value is None or value in NULL_WORDS)
        assert found in CODES or re.fullmatch("[1-9][0-9]{6,14}", found)


@given(st.sampled_from(MOBILES), st.data())
def test_separators_between_digits_change_nothing(number, data):
    separators = st.sampled_from(["", " ", "-", "[", "}", "\u00a0", "\u2013", "\u200b", " - "])
    # Not before the last digits, which could be an extension.
    written = "".join(character + data.draw(separators) for character in number[:-3]) + number[-3:]
    assert outcome(data.draw(st.sampled_from(["", "+", "00", "+ ", "(00"])) + written) == number


@pytest.mark.parametrize(
    ("region", "written"),
    [
        ("ID", "0813 456 789/8"), ("ID", "0813-4567-89 / 90"), ("ID", "0812 3456 7890 / 91"), ("ID", "0812 345 678 90"),
        ("IN", "98765 43210/11"), ("IN", "98765 43210-11"), ("IN", "98765 43210 / 98765 43211"),
        ("IN", "98765-43210 1"),
        ("SG", "9123 4567/68"), ("SG", "+65 9123 4567/68"), ("DE", "0151 23456789 (12)"),
        ("DE", "0151 23456789 / 0160 1"),
        ("GB", "07911 123456/7"), (None, "+65 9123 4567/68"), (None, "+852 9123 4567-8"), (None, "+852 9123 4567 8"),
        (None, "+1 415 555 2671 (12)"), (None, "+1 415 555 2671 [1]"), (None, "+86 152 6666 7780/7781"),
        ("DE", "0171/1234567-8"), ("DE", "0162/1234567 (8)"), ("DE", "0049 171/1234567 8"), ("AT", "0664/1234567-12"),
        ("AT", "0664 1234567-123"), (None, "+43 664 1234567-123"), ("ID", "0812/345678-90"), ("IS", "6281234 6281235"),
        ("IS", "6281234/6281235"), ("IS", "6281234\n6281235"), (None, "6281234-6281235"), (None, "+65 9123 4567-680"),
        (None, "9" * 60_000 + ")"), (None, "1 " * 30_000),
        (None, "+86 152 6666 7780\n7781"), (None, "+65 9123 4567\n68"), (None, "+65 9123 4567 +65 9123 4568"),
    ],
)  # fmt: skip
def test_a_cell_with_an_extension_or_a_second_number_is_no_number(region, written):
    assert outcome(written, region) == BAD


@pytest.mark.parametrize(
    ("region", "written", "number"),
    [
        ("FR", "06 12 34 56 78", "33612345678"), (None, "+33 6 12 34 56 78", "33612345678"),
        ("RU", "8 (916) 123-45-67", "79161234567"), (None, "+7 916 123-45-67", "79161234567"),
        ("DE", "0151/23456789", "4915123456789"), ("DE", "+49 (0)151/23456789", "4915123456789"),
        ("DE", "030/123456", "4930123456"), (None, "+49 33056/12345", "493305612345"),
        ("TR", "0532 123 45 67", "905321234567"),
        ("BE", "0470 12 34 56", "32470123456"), ("HU", "06 20 123 4567", "36201234567"),
        (None, "86/152/66667780", NUMBER),
        ("FI", "040 1234 567", "358401234567"), ("AT", "0664 123 45 67", "436641234567"),
        ("BR", "(11) 96123-4567", "5511961234567"), ("ID", "0812-3456-7890", "6281234567890"),
        ("US", "(415) 555-2671", "14155552671"), ("DK", "32-12-34-56", "4532123456"),
    ],
)  # fmt: skip
def test_groups_as_people_write_them_are_one_number(region, written, number):
    assert outcome(written, region) == number


@pytest.mark.parametrize(
    ("written", "code"),
    [("120363041234567890@g.us", "no-person"), ("8615266667780-1612345678@g.us", "no-person"),
     ("226333444555666@lid", "no-person"), ("status@broadcast", "no-person"), ("1203631@newsletter", "no-person")],
)  # fmt: skip
@pytest.mark.parametrize("region", [None, "CN"])
def test_the_id_of_a_group_or_of_a_hidden_account_is_refused_by_name(region, written, code):
    assert outcome(written, region) == code


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (["8.615266667783E+12", "8.61526666778E+12"], ["8615266667783", "8615266667780"]),
        (
            ["8.615266667783E12", "8.615266667791E12", "8.6152666677E12"],
            ["8615266667783", "8615266667791", "8615266667700"],
        ),
        (["8.615266667783E12", "8.615266667E12"], ["8615266667783", ROUNDED]),  # three zeros are no accident
        (["8.615266667783E12", "8.61526666778E12", "8.61526666779E12"], ["8615266667783", ROUNDED, ROUNDED]),
        (["6.591234567E9", "8.61526666778E12"], ["6591234567", ROUNDED]),  # ten digits shown say nothing of thirteen
        (["8.61526666778e+12", "8.6152666678e+12", "8.61526666781e+12"], [ROUNDED] * 3),
        (["8.61526666778E+12", NUMBER], [ROUNDED, NUMBER]),
    ],
)
def test_a_number_without_its_last_zero_is_read_where_the_column_shows_that_no_digit_was_cut(values, found):
    assert outcomes(values) == found
    assert outcomes(values[::-1]) == found[::-1]


@pytest.mark.parametrize(
    ("last_digits", "rounded"),
    [("0000", True), ("00001", True), ("00012", False), ("000", False), ("0123456789", False), ("00001111", False)],
)
def test_whole_floats_that_mostly_end_in_zero_were_rounded(last_digits, rounded):
    values = [f"86152666{place:04d}{digit}.0" for place, digit in enumerate(last_digits)]
    exact = [value.removesuffix(".0") for value in values]
    assert outcomes(values) == [ROUNDED if rounded and each.endswith("0") else each for each in exact]


@pytest.mark.parametrize(
    ("region", "written", "countries", "national"),
    [
        ("MX", "15512345678", "MX or US", "5215512345678"),
        ("MX", "6591234567", "MX or SG", "526591234567"),
        ("CN", "15045554467", "CN or US", "8615045554467"),
        ("ID", "818012345678", "ID or JP", "62818012345678"),
        ("BR", "6591234567", "BR or SG", "556591234567"),
        ("DE", "15142345678", "CA or DE", "4915142345678"),
    ],
)
def test_a_number_with_two_likely_readings_is_refused_and_an_argument_decides(region, written, countries, national):
    found = whatsapp_numbers(pa.array([written]), region)
    [reason] = [reason for reason, mask in found.problems if mask[0].as_py()]
    assert (reason.code, reason.meaning) == (AMBIGUOUS, f"whatsApp could be a number in {countries}.")
    for way, number in (("national", national), ("international", written)):
        chosen = whatsapp_numbers(pa.array([written]), region, way)
        [(remark, mask)] = chosen.remarks
        assert chosen.text.to_pylist() == [number]
        assert (remark.code, remark.countries, mask.to_pylist()) == (AMBIGUOUS, countries, [True])
        assert outcome(f"+{written}", region, way) == written


COUNTRIES = [
    "AE", "AR", "AT", "AU", "BD", "BE", "BR", "CA", "CH", "CL", "CN", "CO", "CZ", "DE", "EG", "ES", "FR", "GB", "HK",
    "ID", "IN", "IT", "JP", "KE", "KR", "MX", "MY", "NG", "NL", "NO", "PE", "PH", "PK", "PL", "PT", "RO", "RU", "SA",
    "SE", "SG", "TH", "TR", "TZ", "UA", "US", "VN", "ZA",
]  # fmt: skip
HOMES = ["DE", "CN", "IN", "ID", "BR", "MX", "US", "GB", "FR", "IT", "TR", "AR"]
MOBILES_IN_ALL = int(os.environ.get("SOCIALSCRM_MOBILES", "6000"))


def random_mobile(country, chance):
    """Return a valid mobile of a country, whose last digits are made up."""
    example = phonenumbers.example_number_for_type(country, PhoneNumberType.MOBILE)
    national = phonenumbers.national_significant_number(example)
    while True:
        kept = chance.randrange(1, 4)
        digits = national[:kept] + "".join(chance.choices("0123456789", k=len(national) - kept))
        number = phonenumbers.parse(f"+{example.country_code}{digits}")
        if phonenumbers.national_significant_number(number) == digits and is_mobile(e164(number)[1:]):
            return number


def readings(written, home):
    """Return every valid number that a text can be, by the library's own parser."""
    digits = re.sub("[^0-9+]", "", written)
    forms = [(digits, home)] if digits.startswith("+") else [(digits, home), (f"+{digits}", None)]
    forms += [(f"+{digits[2:]}", None)] if digits.startswith("00") else []
    return {found for form, region in forms if (found := library(form, region))}


def spellings(number, home):
    """Return a number as people write it for those of a country."""
    digits, is_theirs = e164(number)[1:], phonenumbers.region_code_for_number(number) == home
    local = PhoneNumberFormat.NATIONAL if is_theirs else PhoneNumberFormat.INTERNATIONAL
    return [
        f"+{digits}",
        f"00{digits}",
        digits,
        f"+{digits[:4]} {digits[4:]}",
        phonenumbers.format_number(number, local),
    ]


@pytest.mark.one_in(3)
@pytest.mark.parametrize("home", HOMES)
def test_no_mobile_reaches_another_number_than_one_it_can_be_nor_a_fixed_line(home):
    chance = random.Random(home)  # noqa: S311 - the same numbers in each run
    numbers = [random_mobile(chance.choice(COUNTRIES), chance) for _ in range(MOBILES_IN_ALL // len(HOMES))]
    written = [text for number in numbers for text in spellings(number, home)]
    meant = [e164(number)[1:] for number in numbers for _ in range(5)]
    found = outcomes(written, home)
    assert [text for text, sent in zip(written, found, strict=True) if text.startswith("+") and sent in CODES] == []
    others = [(text, sent) for text, sent, number in zip(written, found, meant, strict=True) if sent != number]
    assert {sent for _, sent in others if sent in CODES} <= {AMBIGUOUS}
    for text, sent in others:
        if sent == AMBIGUOUS:
            continue
        possible = readings(text, home)
        assert sent in possible, (text, home, sent)
        assert is_mobile(sent) or not any(map(is_mobile, possible)), (text, home, sent)


WITHOUT_REGION = 50
"""Random mobiles of a country that are read without a region."""


@pytest.mark.parametrize("country", COUNTRIES)
def test_a_plain_mobile_with_its_country_code_is_sent_as_it_is_unless_it_can_be_chinese(country):
    chance = random.Random(country)  # noqa: S311 - the same numbers in each run
    written = [e164(random_mobile(country, chance))[1:] for _ in range(WITHOUT_REGION)]
    found = outcomes(written)
    assert outcomes(written * 12)[: len(written)] == found  # many numbers take another way than few
    for text, sent in zip(written, found, strict=True):
        chinese = library(text, "CN") if text.startswith("1") else None
        assert sent == (AMBIGUOUS if chinese and is_mobile(chinese) else text)
    assert outcomes(written, None, "international") == written


def test_a_chinese_mobile_without_its_country_code_is_never_sent():
    chance = random.Random("CN")  # noqa: S311 - the same numbers in each run
    written = [e164(random_mobile("CN", chance)).removeprefix("+86") for _ in range(500)]
    for text, found in zip(written, outcomes(written), strict=True):
        assert found == (AMBIGUOUS if library(f"+{text}") else NOT_IN_USE), text


@pytest.mark.parametrize("country", COUNTRIES)
def test_a_mobile_without_its_country_code_is_sent_only_to_a_number_that_is_valid(country):
    chance = random.Random(country)  # noqa: S311 - the same numbers in each run
    numbers = [random_mobile(country, chance) for _ in range(WITHOUT_REGION)]
    dialled = [phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL) for number in numbers]
    written = dialled + [phonenumbers.national_significant_number(number) for number in numbers]
    for text, found in zip(written, outcomes(written), strict=True):
        assert found in CODES or found == library(f"+{re.sub('[^0-9]', '', text)}"), text


@given(st.lists(st.text("0123456789", min_size=7, max_size=15)))
def test_digits_without_a_mark_are_sent_only_if_they_are_valid(values):
    for text, found in zip(values, outcomes(values), strict=True):
        assert found in CODES or is_in_use(found), text


def is_in_use(digits):
    """Return whether a number is valid, in today's form or in one that WhatsApp still uses."""
    todays = (re.sub("^521(?=[0-9]{10}$)", "52", digits), re.sub("^(55[1-9]{2})(?=[6-9][0-9]{7}$)", r"\g<1>9", digits))
    return any(library(f"+{each}") == each for each in (digits, *todays))


@pytest.mark.parametrize(
    ("region", "ambiguous", "found"),
    [
        (None, "reject", AMBIGUOUS),
        (None, "international", "13105550123"),
        ("US", "reject", "13105550123"),
        ("US", "national", "13105550123"),
        ("CN", "reject", AMBIGUOUS),
        ("CN", "national", "8613105550123"),
        ("CN", "international", "13105550123"),
        ("CA", "reject", "13105550123"),
        ("DE", "reject", AMBIGUOUS),  # a country that is neither decides nothing
        ("DE", "national", AMBIGUOUS),
        ("DE", "international", "13105550123"),
        ("GB", "reject", AMBIGUOUS),
        ("BR", "reject", AMBIGUOUS),
        ("JM", "reject", "13105550123"),
    ],
)
def test_a_number_of_china_or_north_america_is_sent_as_the_arguments_say(region, ambiguous, found):
    assert outcome("13105550123", region, ambiguous) == found


@pytest.mark.parametrize("written", ["+13105550123", "0013105550123", "wa.me/13105550123", "12125550123"])
@pytest.mark.parametrize("region", [None, "GB", "DE"])
def test_a_number_that_can_only_be_american_is_sent_whatever_the_region(written, region):
    assert outcome(written, region) in {"13105550123", "12125550123"}


@pytest.mark.parametrize("ambiguous", ["reject", "national"])
def test_a_number_of_two_other_countries_is_rejected_with_what_decides(ambiguous):
    checked = whatsapp_numbers(pa.array(["13105550123"]), "GB", ambiguous)
    [(reason, _)] = [each for each in checked.problems if each[1][0].as_py()]
    assert [*checked.remarks] == []
    assert (reason.meaning, counted_as(reason)) == ("whatsApp could be a number in CN or US.", OTHER_COUNTRIES)


def test_a_column_may_have_numbers_that_the_region_decides_on_and_others():
    written = pa.array(["13105550123", "15512345678"])
    checked = whatsapp_numbers(written, "MX", "national")
    assert checked.text.to_pylist() == [None, outcome("15512345678", "MX", "national")]
    assert [(reason.code, mask.to_pylist()) for reason, mask in checked.remarks] == [(AMBIGUOUS, [False, True])]


@pytest.mark.parametrize("way", ["reject", "national"])
def test_two_countries_without_a_region_are_named_with_the_arguments_that_decide(way):
    [(reason, _)] = [
        each for each in whatsapp_numbers(pa.array(["13105550123"]), None, way).problems if each[1][0].as_py()
    ]
    assert (reason.code, reason.meaning, reason.countries) == (
        AMBIGUOUS,
        "whatsApp could be a number in CN or US.",
        "CN or US",
    )
    assert "default_region='CN' and ambiguous_numbers='national'" in reason.hint
    assert counted_as(reason) == TWO_COUNTRIES


@pytest.mark.parametrize(
    ("region", "written", "is_line"),
    [
        ("CN", "07797 712345", True),  # a mobile in Jersey as it is dialled there
        ("CN", "090-1234-5678", True),  # one in Japan
        ("CN", "312 345 6789", True),  # one in Italy
        ("CN", "010 6552 9988", True),
        ("CN", "8601065529988", False),
        ("CN", "+86 10 6552 9988", False),
        ("CN", "008601065529988", False),
        ("CN", "152 6666 7780", False),
        ("CN", "442079460958", False),
        ("US", "(415) 555-2671", False),
        ("US", "011 44 20 7946 0958", False),
        ("DE", "030 123456", True),
        (None, "861065529988", False),
    ],
)
def test_a_fixed_line_without_its_country_code_is_sent_with_a_remark(region, written, is_line):
    checked = whatsapp_numbers(pa.array([written]), region)
    assert checked.text[0].is_valid
    codes = [(reason.code, reason.meaning) for reason, mask in checked.remarks if mask[0].as_py()]
    assert codes == ([("fixed-line", f"whatsApp is read as a fixed line in {region}.")] if is_line else [])


def test_national_readings_need_a_region():
    check_reading("CN", "national")
    check_reading(None, "international")
    with pytest.raises(
        InputError, match="ambiguous_numbers is 'national', but no country is given: set default_region"
    ):
        check_reading(None, "national")
    with pytest.raises(InputError, match="has no numbering plan"):
        check_reading("XX", "reject")


@pytest.mark.parametrize("region", [None, "CN"])
@pytest.mark.parametrize("values", [[], [None], [None, None], [NUMBER, None], ["x", None, NUMBER], [NUMBER, NUMBER]])
def test_a_missing_number_is_said_to_be_missing(values, region):
    assert outcomes(values, region) == [{None: NONE, "x": BAD}.get(value, value) for value in values]


def test_the_values_of_a_dictionary_are_read_once_for_all_its_rows():
    taken = whatsapp_numbers(pa.array([f"+{NUMBER}.0", "x", None])).take(pa.array([2, 0, 1, 0]))
    assert taken.text.to_pylist() == [None, NUMBER, None, NUMBER]
    assert {reason.code: mask.to_pylist() for reason, mask in taken.problems if mask.true_count} == {
        NONE: [True, False, False, False],
        BAD: [False, False, True, False],
    }


def test_every_region_with_known_numbers_is_taken():
    for region in REGIONS:
        check_region(region)
        Rules(default_region=region)


@pytest.mark.parametrize(
    ("region", "instead"),
    [
        ("cn", "write 'CN'"),
        (" De ", "write 'DE'"),
        ("UK", "write 'GB'"),
        *((wrong, TWO_LETTERS) for wrong in ("", "CHN", "86", "China", "001", 86, True, ["CN"])),
    ],
)
def test_no_region_is_refused_with_what_to_write_instead(region, instead):
    with pytest.raises(InputError) as caught:
        Rules(default_region=region)
    assert str(caught.value) == f"default_region is {region!r}: {instead}."


@pytest.mark.parametrize("region", ["XX", "AQ"])
def test_a_region_without_numbers_is_refused(region):
    with pytest.raises(InputError, match=f"default_region is '{region}', which has no numbering plan"):
        check_region(region)
