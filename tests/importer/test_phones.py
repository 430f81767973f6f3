"""A phone number is sent as its digits however it is written, or refused with one cause; it is never guessed."""

from __future__ import annotations

import re
import sys

import phonenumbers
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phonenumbers import PhoneMetadata, PhoneNumberFormat, PhoneNumberType, phonenumberutil

from airflow_provider_socialscrm.importer.causes import (
    BAD_NUMBER,
    NATIONAL_NUMBER,
    NO_NUMBER,
    NUMBER_NOT_IN_USE,
    ROUNDED_NUMBER,
)
from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.importer.numbering import in_patterns, in_use
from airflow_provider_socialscrm.importer.phones import check_region, whatsapp_numbers

NUMBER = "8615266667780"
BAD, NATIONAL, NONE = BAD_NUMBER.code, NATIONAL_NUMBER.code, NO_NUMBER.code
NOT_IN_USE, ROUNDED = NUMBER_NOT_IN_USE.code, ROUNDED_NUMBER.code
CAUSES = {NO_NUMBER, BAD_NUMBER, NATIONAL_NUMBER, NUMBER_NOT_IN_USE, ROUNDED_NUMBER}

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
BUSY = ("CN", "IN", "ID", "BR", "MX", "AR", "US", "CA", "DE", "IT", "GB", "GG", "RU", "KZ", "JP", "KR", "XK", "VA")
"""Where many customers are, or a plan has something of its own: transforms, other codes inside, zeros that stay."""

TWO_LETTERS = "write a country's two letters, as in 'CN' or 'DE'"
BORROWED = {"AX", "EH", "IM", "SJ", "VA"}
"""Whose example numbers the library counts among those of the country that they share a country code with."""

TOO_SHORT = {("IR", "+989601")}
"""Examples of the library that no list of phone numbers holds: with its country code this one has six digits."""

digits = st.text("0123456789", max_size=18)
written_somehow = st.text("0123456789+-. ()/,eE\u0661\u200e²x", max_size=24)


def outcomes(values, region=None):
    """Return each row's number, or the code of what is wrong with it; no row has two causes."""
    column = values if isinstance(values, pa.Array) else pa.array(values, pa.string())
    checked = whatsapp_numbers(column, region)
    assert {cause for cause, _ in checked.problems} <= CAUSES
    assert checked.remarks == ()
    masks = [mask.to_pylist() for _, mask in checked.problems]
    found = checked.text.to_pylist()
    for row, wrong in enumerate(zip(*masks, strict=True)):
        assert sum(wrong) == (found[row] is None)
        if any(wrong):
            found[row] = checked.problems[wrong.index(True)][0].code
    return found


def outcome(value, region=None):
    [found] = outcomes([value], region)
    return found


def e164(number):
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def library(written, region):
    """Return what the library reads, if that is a number in use."""
    try:
        number = phonenumbers.parse(written, region)
    except phonenumbers.NumberParseException:
        return None
    return e164(number)[1:] if phonenumbers.is_valid_number(number) else None


def is_mobile(national, region):
    return phonenumberutil._is_number_matching_desc(national, metadata(region).mobile)


def expected(written, region):
    """Return what a number is by the library, and by the rules for one that lacks its plus."""
    code = str(metadata(region).country_code)
    if written.startswith(code) and is_mobile(written[len(code) :], region):
        return library(f"+{written}", region)
    if written.startswith("00"):
        return library(f"+{written[2:]}", region) or library(written, region)
    return library(written, region) or library(f"+{written}".replace("++", "+"), region)


def metadata(region):
    return PhoneMetadata.metadata_for_region(region)


def examples(region):
    """Return the library's examples of all kinds of numbers a region has."""
    numbers = [
        phonenumbers.example_number(region),
        *(phonenumbers.example_number_for_type(region, kind) for kind in PhoneNumberType.values()),
    ]
    return [number for number in numbers if number and (region, e164(number)) not in TOO_SHORT]


def dialled(region, random, count=200):
    """Return numbers like those of a region, as they may be dialled there, well or badly."""
    plan = metadata(region)
    code = str(plan.country_code)
    nationals = [phonenumbers.national_significant_number(number) for number in examples(region)]
    prefixes = ["", "", "", plan.national_prefix or "", "0", "15"]
    ways = ["", "", code, f"+{code}", f"+{code}", f"00{code}", "+", "00", "0011", "011", "010", "810"]

    def one():
        national = random.choice(nationals)
        kept = random.randrange(len(national) + 1)
        number = national[:kept] + "".join(random.choices("0123456789", k=len(national) - kept))
        area = random.choice([0, 0, 0, 0, 1, 2, 3, 4])
        return random.choice(ways) + random.choice(prefixes) + number[area:]

    return [one() for _ in range(count)]


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
        "8.61526666778E+12", "8.61526666778e12", "8,61526666778E+12", "+8.61526666778E+12", "8.61526666778E+012",
        "8.615266667780E+12", "8.61526666778000000e+12", "861526666778E+1", "８.61526666778Ｅ+12",
    ],
)  # fmt: skip
@pytest.mark.parametrize("region", [None, "CN", "US"])
def test_a_number_with_its_country_code_is_sent_as_digits_however_it_is_written(written, region):
    assert outcome(written, region) == NUMBER


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("+1.415.555.2671", "14155552671"),
        ("1.800.555.0000", "18005550000"),
        ("123456.0", BAD),
        ("1234567.0", "1234567"),
        ("1234567.00", "1234567"),
        ("123456.78", "12345678"),
        ("1234567.8", BAD),
        ("8615266667780.5", BAD),
        ("8615266667780,5", BAD),
        ("8615266667780.0000001", BAD),
        ("+8615266667780.25", BAD),
        ("8.615266667785E+11", BAD),
        ("8.61526666778E+10", BAD),
        ("8.6152666677E+12", "8615266667700"),
        ("8.615266667E+12", ROUNDED),
        ("8.61527E+12", ROUNDED),
        ("8,61527E+12", ROUNDED),
        ("+8.6E+12", ROUNDED),
        ("9E12", ROUNDED),
        ("8.6E+99", ROUNDED),
        ("8.6E+3", BAD),
        ("8.6E-12", BAD),
        ("8.6E+100", BAD),
        ("-8.61526666778E+12", BAD),
        ("8.615.26666778E+12", BAD),
        ("1E+1E+1", BAD),
    ],
)
def test_what_a_spreadsheet_made_of_a_number_is_mended_only_where_no_digit_is_lost(written, found):
    assert outcome(written) == found


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("123456", BAD),
        ("1234567", "1234567"),
        ("123456789012345", "123456789012345"),
        ("1234567890123456", BAD),
        ("15266667780/15266667781", BAD),
        ("015266667780", NATIONAL),
        ("0152 6666-7780", NATIONAL),
        ("+0152 6666 7780", NATIONAL),
        ("00 0152 6666 7780", NATIONAL),
        ("０１５２66667780", NATIONAL),
        ("0123456", NATIONAL),
        ("012345", BAD),
        ("0123456789012345", BAD),
        ("(0)15266667780", "15266667780"),
        (None, NONE),
    ],
)
def test_without_a_region_a_number_has_seven_to_fifteen_digits_and_begins_with_its_country_code(written, found):
    assert outcome(written) == found


@pytest.mark.parametrize(
    "written",
    [
        "+", "00", "+00", "abc", "8615266667780x", "+1 415 555 2671 ext. 5", "+1 415 555 2671 x5", "1-800-FLOWERS",
        "-1", "true", "nan", "inf", "0x1F4A", "?", "8615266667780?", "8+615266667780", "86+15266667780+",
        "8615266667780²", "8615266667780①", "½8615266667780", "86_15266667780", "86,152,666,677,80", "#8615266667780",
        "15266667780;phone-context=+86", "8️⃣615266667780", "八六一五二六六六六七七八〇",
        "wa.me/8615266667780", "tel:+8615266667780",
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
        ("CN", "1.526666778E+10", NUMBER),
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
        ("DE", "8615266667780", "498615266667780"),
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
        ("FR", "298212345", "33298212345"),
        ("MX", "+52 1 55 1234 5678", NOT_IN_USE),
    ],
)
def test_with_a_region_a_number_is_what_it_is_when_dialled_there(region, written, found):
    assert outcome(written, region) == found


@pytest.mark.parametrize(("region", "number"), [("DE", "4915123456789"), ("ID", "62812794909"), ("XK", "38343201234")])
def test_a_mobile_number_with_its_country_code_is_no_fixed_line_that_begins_alike(region, number):
    fixed_line = phonenumbers.parse(number, region)
    assert phonenumbers.is_valid_number(fixed_line)
    assert e164(fixed_line)[1:] != number
    assert outcome(number, region) == number


@pytest.mark.parametrize("region", REGIONS)
def test_every_example_of_the_library_is_the_number_the_library_reads(region):
    numbers = [e164(number)[1:] for number in examples(region)]
    for form in (PhoneNumberFormat.INTERNATIONAL, PhoneNumberFormat.NATIONAL, PhoneNumberFormat.E164):
        written = [phonenumbers.format_number(number, form) for number in examples(region)]
        assert outcomes(written, region) == [library(one, region) for one in written] == numbers
        if form != PhoneNumberFormat.NATIONAL:
            assert outcomes(written) == numbers


@pytest.mark.parametrize(("region", "number"), TOO_SHORT)
@pytest.mark.parametrize("with_region", [True, False])
def test_a_number_that_is_in_use_but_has_too_few_digits_is_bad(region, number, with_region):
    assert library(number, region) == number[1:]
    assert outcome(number, region if with_region else None) == BAD


@pytest.mark.parametrize("region", sorted(set(REGIONS) - BORROWED))
def test_patterns_settle_the_common_numbers_of_every_region(region):
    for kind in (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE):
        number = phonenumbers.example_number_for_type(region, kind)
        if number:
            forms = [e164(number), e164(number).replace("+", "00"), phonenumbers.national_significant_number(number)]
            forms += [e164(number)[1:]] * (kind == PhoneNumberType.MOBILE)
            read = in_patterns(pa.array(forms), region).to_pylist()
            assert read == [e164(number)[1:]] * len(forms), kind


@settings(deadline=None, max_examples=250)
@given(st.sampled_from(REGIONS) | st.sampled_from(BUSY), st.randoms(use_true_random=True))
def test_patterns_read_a_number_as_the_library_does(region, random):
    values = dialled(region, random)
    numbers = [expected(value, region) for value in values]
    column = pa.array(values, pa.string())

    settled = in_patterns(column, region).to_pylist()
    assert [by_pattern or number for by_pattern, number in zip(settled, numbers, strict=True)] == numbers
    assert in_use(column, region).to_pylist() == numbers


def test_no_country_code_begins_another_or_with_zero():
    codes = [str(code) for code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE]
    assert [(one, other) for one in codes for other in codes if one != other and other.startswith(one)] == []
    assert [code for code in codes if code.startswith("0")] == []


@settings(deadline=None, max_examples=100)
@given(st.lists(st.none() | digits | written_somehow), st.sampled_from([None, "CN", "US", "DE", "AR"]))
def test_each_row_is_read_alone_and_is_a_number_or_has_one_cause(values, region):
    alone = [outcome(value, region) for value in values]
    assert outcomes(values, region) == alone
    assert outcomes(pa.array(["x", *values], pa.string())[1:], region) == alone
    for value, found in zip(values, alone, strict=True):
        assert (found == NONE) == (value is None)
        assert found in {NONE, BAD, NATIONAL, NOT_IN_USE, ROUNDED} or re.fullmatch("[1-9][0-9]{6,14}", found)


@settings(deadline=None)
@given(st.integers(10**6, 10**15 - 1).map(str), st.data())
def test_separators_anywhere_in_a_number_change_nothing(number, data):
    separators = st.sampled_from(["", " ", "-", "/", "[", "}", "\u00a0", "\u2013", "\u200b", " - "])
    written = "".join(character + data.draw(separators) for character in number).strip()
    assert outcome(data.draw(st.sampled_from(["", "+", "00", "+ ", "(00"])) + written) == number


@settings(deadline=None)
@given(st.integers(10**6, 10**15 - 1), st.sampled_from(["E+", "e", "E"]))
def test_scientific_notation_is_mended_or_said_to_be_rounded_but_never_another_number(number, sign):
    figures = str(number).rstrip("0")
    written = f"{figures[0]}.{figures[1:] or '0'}{sign}{len(str(number)) - 1}"
    lost = len(str(number)) - max(len(figures), 2)
    assert outcome(written) == (str(number) if lost <= 2 else ROUNDED)


@pytest.mark.parametrize("region", [None, "CN"])
@pytest.mark.parametrize("values", [[], [None], [None, None], [NUMBER, None], ["x", None, NUMBER], [NUMBER, NUMBER]])
def test_a_missing_number_is_said_to_be_missing(values, region):
    assert outcomes(values, region) == [{None: NONE, "x": BAD}.get(value, value) for value in values]


def test_the_values_of_a_dictionary_are_read_once_for_all_its_rows():
    taken = whatsapp_numbers(pa.array([f"+{NUMBER}.0", "x", None])).take(pa.array([2, 0, 1, 0]))
    assert taken.text.to_pylist() == [None, NUMBER, None, NUMBER]
    assert {cause.code: mask.to_pylist() for cause, mask in taken.problems if mask.true_count} == {
        NONE: [True, False, False, False],
        BAD: [False, False, True, False],
    }


@pytest.mark.parametrize("region", REGIONS)
def test_a_region_with_known_numbers_is_taken(region):
    check_region(region)


@pytest.mark.parametrize(
    ("region", "instead"),
    [
        ("cn", "write 'CN'"),
        (" De ", "write 'DE'"),
        ("UK", "write 'GB'"),
        *((wrong, TWO_LETTERS) for wrong in ("", "XX", "CHN", "86", "China", "001", 86, None, True, ["CN"])),
    ],
)
def test_no_region_is_refused_with_what_to_write_instead(region, instead):
    with pytest.raises(InputError) as caught:
        check_region(region)
    assert str(caught.value) == f"default_region is {region!r}; {instead}."


def test_without_a_region_the_library_is_not_loaded(monkeypatch):
    monkeypatch.setitem(sys.modules, "phonenumbers", None)
    assert outcomes([NUMBER, "+86 152 6666 7780", "x"]) == [NUMBER, NUMBER, BAD]
