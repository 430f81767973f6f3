"""A date is read however it is written, or refused; it is never guessed. A birthday lies between 1900 and today."""

from __future__ import annotations

import datetime as dt
from itertools import product

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_socialscrm.importer.fields.birthdays import birthdays, dates
from airflow_provider_socialscrm.importer.reasons import (
    AMBIGUOUS_BIRTHDAY,
    AMBIGUOUS_DATE,
    BAD_BIRTHDAY,
    BAD_DATE,
    BIRTHDAY_OUT_OF_RANGE,
)

AMBIGUOUS, BAD = AMBIGUOUS_DATE.code, BAD_DATE.code
FIRST, TODAY = dt.date(1900, 1, 1), dt.date(2026, 5, 17)
SEPARATORS = ("/", "-", ".", " ", ". ")
TIMES = ("", " 00:00", " 9:05", " 12:00:00", "T23:59:59.123+08:00", "T00:00:00Z", " 00:00:00 UTC", ", 12:00:00 AM")
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
FULL_WIDTH = {code: code + 0xFEE0 for code in range(0x21, 0x7F)} | {0x20: 0x3000}

orders = st.sampled_from([None, True, False])
readable = st.text(st.characters(exclude_categories=["Cs"]))
numbers = st.integers(0, 40).map(str) | st.integers(0, 12).map("{:02}".format)
years = st.integers(0, 9999).map("{:04}".format) | st.integers(0, 99).map(str)
nearly_dates = st.one_of(
    st.builds(
        lambda parts, separator, time: separator.join(parts) + time,
        st.tuples(numbers | years, numbers | st.sampled_from(MONTHS), numbers | years),
        st.sampled_from([*SEPARATORS, "", "//"]),
        st.sampled_from([*TIMES, " ", "T", " 25:00", "Z"]),
    ),
    st.text("0123456789-/. :T年月日", max_size=12),
)


def by_row(checked):
    """Return each row's text, or the code of what is wrong with it."""
    found = checked.text.to_pylist()
    for reason, mask in checked.problems:
        found = [reason.code if bad else kept for kept, bad in zip(found, mask.to_pylist(), strict=True)]
    return found


def outcomes(values, dayfirst=None):
    return by_row(dates(values if isinstance(values, pa.Array) else pa.array(values, pa.string()), dayfirst))


def outcome(value, dayfirst=None):
    [found] = outcomes([value], dayfirst)
    return found


def written(year, month, day):
    """Return the vendor's form of a day, or nothing where the calendar has no such day."""
    try:
        return dt.date(year, month, day).isoformat().replace("-", "/")
    except ValueError:
        return None


def certain_forms(year, month, day):
    """Return a day in the forms that have one reading."""
    name = MONTHS[month - 1]
    return [
        *(f"{year:04}{sep}{month:02}{sep}{day:02}{time}" for sep, time in product(SEPARATORS, TIMES)),
        *(f"{year:04}{sep}{month}{sep}{day}" for sep in SEPARATORS),
        f"{year:04}{month:02}{day:02}",
        f"{year:04}年{month}月{day}日",
        *(f"{day}{sep}{name[:3]}{sep}{year:04}{time}" for sep, time in product(SEPARATORS, TIMES)),
        f"{day:02} {name} {year:04}",
        f"{day}th {name.lower()}, {year:04}",
        f"{name} {day}, {year:04}",
        f"{name.upper()} {day}th {year:04}",
        f"{name[:3].upper()} {day:02} {year:04}",
        f"{name[:3]}. {day}, {year:04}",
    ]


@pytest.mark.parametrize(
    "birthday",
    [
        "1990/03/08", "1990/3/8", "1990-03-08", "1990-3-08", "1990.03.08", "1990 03 08", "1990-03/08", "19900308",
        "1990年3月8日", "1990年03月08日", "1990 年 3 月 8 日", "1990年3月8日 00:00",
        "1990-03-08T23:59:59.123+08:00", "1990-03-08T23:59:59,123456789Z", "1990-03-08t00:00z",
        "19900308.0", "19900308.00", "19900308,0", "１９９００３０８．０",
        "1990-03-08 12:00:00", "1990-03-08 12:00", "1990-03-08 00:00:00+00:00", "1990-03-08 00:00:00.000 -0800",
        "1990/03/08 00:00:00", "1990/3/8 0:00",
        "8 Mar 1990", "8-Mar-1990", "08-MAR-1990", "08 March 1990", "8/mar/1990", "8. March 1990", "8th March 1990",
        "March 8, 1990", "Mar 8 1990", "Mar. 8, 1990", "MARCH 8th, 1990", "Mar  8 1990 12:00AM",
        "１９９０／０３／０８", "１９９０－３－８", "１９９０年３月８日", "1990\u00a003\u300008",
    ],
)  # fmt: skip
@pytest.mark.parametrize("dayfirst", [None, True, False])
def test_a_birthday_with_one_reading_is_sent_in_the_vendors_form(birthday, dayfirst):
    assert outcome(birthday, dayfirst) == "1990/03/08"


@pytest.mark.parametrize(
    "birthday",
    [
        "1990/02/30", "1990-02-29", "1900/02/29", "1990/04/31", "1990/13/01", "1990/00/10", "1990/03/00", "1990/03/32",
        "30/02/1990", "31.04.1990", "13/13/1990", "00/01/1990", "30 Feb 1990", "Feb 29, 1990", "19900230",
        "1990年2月30日", "1990-02-30 12:00", "1990/31/12",
        "0000-00-00", "0000-01-01", "0000/00/00", "0000-00-00 00:00:00", "00000101", "1 Jan 0000", "01/01/0000",
        "90/03/08", "08/03/90", "31.12.90", "8 Mar 90", "Mar 8, 90", "900308", "90年3月8日",
        "19900230.0", "19900308.5", "19900308.", "19900308.0.0", "19900308.0 12:00", "1990.0308",
        "900308.0", "1.9900308E7",
        "1990", "1990/03", "32940", "32940.0", "32940.5", "636854400", "636854400000", "19900308120000", "-1",
        "08031990", "31121990", "12-31-1990-", "+1990-03-08", "10000-01-01",
        "1990/03/08x", "x1990/03/08", "1990/ 3/ 8", "1990//03/08", "1990-067",
        "1990-03-08T", "1990-03-08T25:00", "1990-03-08 12:60", "1990-03-08 12",
        "1990-W10-4", "8 Mrz 1990", "8 Ma 1990", "8 Marchmonth 1990", "8th 3 1990",
        "١٩٩٠/٠٣/٠٨", "12:00", "true", "None", "unknown", "?", "-", "年月日",
    ],
)  # fmt: skip
@pytest.mark.parametrize("dayfirst", [None, True, False])
def test_what_is_no_day_in_an_accepted_form_is_bad(birthday, dayfirst):
    assert outcome(birthday, dayfirst) == BAD


@pytest.mark.parametrize(
    ("birthday", "unset", "day_first", "month_first"),
    [
        ("08/03/1990", AMBIGUOUS, "1990/03/08", "1990/08/03"),
        ("8/3/1990", AMBIGUOUS, "1990/03/08", "1990/08/03"),
        ("08-03-1990", AMBIGUOUS, "1990/03/08", "1990/08/03"),
        ("08.03.1990", AMBIGUOUS, "1990/03/08", "1990/08/03"),
        ("8. 3. 1990", AMBIGUOUS, "1990/03/08", "1990/08/03"),
        ("08 03 1990", AMBIGUOUS, "1990/03/08", "1990/08/03"),
        ("０８／０３／１９９０", AMBIGUOUS, "1990/03/08", "1990/08/03"),
        ("3/8/1990 12:00:00 AM", AMBIGUOUS, "1990/08/03", "1990/03/08"),
        ("31/12/1990", "1990/12/31", "1990/12/31", BAD),
        ("31.12.1990", "1990/12/31", "1990/12/31", BAD),
        ("31/12/1990 00:00", "1990/12/31", "1990/12/31", BAD),
        ("12/31/1990", "1990/12/31", BAD, "1990/12/31"),
        ("12-31-1990T08:00:00Z", "1990/12/31", BAD, "1990/12/31"),
        ("29/02/2000", "2000/02/29", "2000/02/29", BAD),
        ("05/05/1990", "1990/05/05", "1990/05/05", "1990/05/05"),
        ("5.5.1990 00:00", "1990/05/05", "1990/05/05", "1990/05/05"),
    ],
)
def test_a_date_before_its_year_is_read_in_the_stated_order_or_in_the_only_one(birthday, unset, day_first, month_first):
    assert [outcome(birthday, order) for order in (None, True, False)] == [unset, day_first, month_first]


@given(st.dates(), orders)
def test_each_day_is_the_same_text_in_each_form_with_one_reading(day, dayfirst):
    forms = certain_forms(day.year, day.month, day.day)
    assert set(outcomes(forms, dayfirst)) == {written(day.year, day.month, day.day)}


@given(st.dates(), st.sampled_from(SEPARATORS), st.sampled_from(TIMES))
def test_each_day_is_the_same_text_in_either_order_once_that_is_stated(day, separator, time):
    year, short, padded = f"{day.year:04}{time}", (f"{day.day}", f"{day.month}"), (f"{day:%d}", f"{day:%m}")
    day_first = [separator.join((*parts, year)) for parts in (short, padded)]
    month_first = [separator.join((*reversed(parts), year)) for parts in (short, padded)]
    expected = [written(day.year, day.month, day.day)] * 2
    assert outcomes(day_first, dayfirst=True) == expected
    assert outcomes(month_first, dayfirst=False) == expected


@pytest.mark.parametrize(
    ("number", "name"), [*enumerate(MONTHS, 1), *enumerate((m[:3] for m in MONTHS), 1), (9, "Sept")]
)
@pytest.mark.parametrize("cased", [str.lower, str.title, str.upper])
def test_each_month_is_known_by_its_english_name_and_abbreviation(number, name, cased):
    forms = [f"8 {cased(name)} 1990", f"{cased(name)} 8, 1990"]
    assert outcomes(forms) == [f"1990/{number:02}/08"] * 2


@given(
    st.integers(0, 32), st.integers(0, 32), st.integers(0, 9999), st.sampled_from(SEPARATORS), st.sampled_from(TIMES)
)
def test_a_date_is_ambiguous_exactly_when_both_readings_are_days_that_differ(first, second, year, separator, time):
    readings = {written(year, second, first), written(year, first, second)} - {None}
    expected = [BAD, *readings, AMBIGUOUS][len(readings) if len(readings) < 2 else -1]
    assert outcome(f"{first}{separator}{second}{separator}{year:04}{time}") == expected


@pytest.mark.parametrize("year", [1600, 1900, 1990, 1996, 2000, 2100])
def test_only_days_of_the_calendar_are_birthdays(year):
    days = list(product(range(14), range(33)))
    expected = [written(year, month, day) or BAD for month, day in days]
    assert outcomes([f"{year}-{month:02}-{day:02}" for month, day in days]) == expected
    assert outcomes([f"{year}/{month:02}/{day:02}" for month, day in days]) == expected
    assert outcomes([f"{year}{month:02}{day:02}" for month, day in days]) == expected
    assert outcomes([f"{day}.{month}.{year}" for month, day in days], dayfirst=True) == expected
    assert outcomes([f"{month}/{day}/{year}" for month, day in days], dayfirst=False) == expected


@given(nearly_dates, orders)
def test_a_date_in_full_width_signs_reads_as_it_does_in_ascii(value, dayfirst):
    # The first goes through Arrow's kernels where they know its form, the second never does.
    assert outcome(value, dayfirst) == outcome(value.translate(FULL_WIDTH), dayfirst)


@given(st.lists(st.none() | nearly_dates | st.dates().map(str)), orders)
def test_a_row_reads_alike_whatever_stands_beside_it(values, dayfirst):
    alone = [outcome(value, dayfirst) for value in values]
    assert outcomes(values, dayfirst) == alone
    assert outcomes(pa.array([*values, *values], pa.string()).slice(1), dayfirst) == (alone + alone)[1:]


@given(st.lists(st.none() | readable | nearly_dates), orders)
def test_any_text_is_a_day_or_has_one_reason_that_does_not_repeat_it(values, dayfirst):
    checked = dates(pa.array(values, pa.string()), dayfirst)
    reasons = [mask.to_pylist() for _, mask in checked.problems]

    assert [reason for reason, _ in checked.problems] == [BAD_DATE, AMBIGUOUS_DATE]
    for value, text, *bad in zip(values, checked.text.to_pylist(), *reasons, strict=True):
        assert sum(bad) + (text is not None) == (value is not None)
        assert text is None or text == written(*map(int, text.split("/")))


@pytest.mark.parametrize("ordinal", ["1st", "2nd", "3rd", "21st", "22nd", "23rd", "31st", "11TH"])
def test_a_day_may_be_written_as_an_ordinal(ordinal):
    assert outcomes([f"{ordinal} May 1990", f"May {ordinal}, 1990"]) == [f"1990/05/{int(ordinal[:-2]):02}"] * 2


@pytest.mark.parametrize("values", [[], [None], [None, None], ["1990-03-08", None], [None, "x"]])
def test_a_missing_birthday_stays_missing_and_is_no_problem(values):
    expected = {None: None, "1990-03-08": "1990/03/08", "x": BAD}
    assert outcomes(values) == [expected[value] for value in values]


def test_the_values_of_a_dictionary_are_read_once_for_all_its_rows():
    values = birthdays(pa.array(["1990-03-08", "08/03/1990", "x", "2533-03-08"]), None, TODAY)
    taken = values.take(pa.array([2, 0, None, 1, 3]))
    assert taken.text.to_pylist()[:4] == [None, "1990/03/08", None, None]
    assert [(reason.code, mask.to_pylist()) for reason, mask in taken.problems] == [
        ("bad-birthday", [True, False, None, False, False]),
        ("ambiguous-birthday", [False, False, None, True, False]),
        ("birthday-out-of-range", [False, False, None, False, True]),
    ]


def birthday(value, dayfirst=None):
    [found] = by_row(birthdays(pa.array([value], pa.string()), dayfirst, TODAY))
    return found


@pytest.mark.parametrize(
    ("day", "in_range"),
    [
        (dt.date(1899, 12, 31), False), (FIRST, True), (dt.date(1990, 3, 8), True), (TODAY, True),
        (dt.date(2026, 5, 18), False), (dt.date(2999, 1, 1), False), (dt.date(2533, 3, 8), False),
        (dt.date(1368, 12, 17), False), (dt.date(9999, 12, 31), False), (dt.date(1, 1, 1), False),
    ],
)  # fmt: skip
def test_a_birthday_lies_between_1900_and_today_in_whichever_form(day, in_range):
    expected = written(day.year, day.month, day.day) if in_range else "birthday-out-of-range"
    for form in certain_forms(day.year, day.month, day.day):
        assert birthday(form) == expected


@pytest.mark.parametrize(
    ("value", "unset", "day_first", "month_first"),
    [
        ("08/03/1990", "ambiguous-birthday", "1990/03/08", "1990/08/03"),
        ("01/02/2030", "birthday-out-of-range", "birthday-out-of-range", "birthday-out-of-range"),
        ("08/03/2533", "birthday-out-of-range", "birthday-out-of-range", "birthday-out-of-range"),
        ("08/03/1899", "birthday-out-of-range", "birthday-out-of-range", "birthday-out-of-range"),
        ("01/02/1900", "ambiguous-birthday", "1900/02/01", "1900/01/02"),
        # Of 3 December and 12 March 2026 one is to come. Tomorrow's import must not read it differently.
        ("03/12/2026", "ambiguous-birthday", "birthday-out-of-range", "2026/03/12"),
        ("31/12/2026", "birthday-out-of-range", "birthday-out-of-range", "bad-birthday"),
        ("32940", "bad-birthday", "bad-birthday", "bad-birthday"),
        ("30/02/2533", "bad-birthday", "bad-birthday", "bad-birthday"),
    ],
)
def test_a_birthday_that_reads_as_two_days_is_ambiguous_unless_neither_can_be_one(value, unset, day_first, month_first):
    assert [birthday(value, order) for order in (None, True, False)] == [unset, day_first, month_first]


@given(st.lists(st.none() | readable | nearly_dates | st.dates().map(str)), orders, st.integers(0, 2))
def test_birthdays_are_dates_but_for_the_range_also_in_a_slice(values, dayfirst, start):
    column = pa.array(values, pa.string())[start:]
    code = {BAD: BAD_BIRTHDAY.code, AMBIGUOUS: AMBIGUOUS_BIRTHDAY.code}
    for value, found in zip(by_row(dates(column, dayfirst)), by_row(birthdays(column, dayfirst, TODAY)), strict=True):
        if value is None or value in code:
            assert found == code.get(value) or (value, found) == (AMBIGUOUS, BIRTHDAY_OUT_OF_RANGE.code)
        else:
            in_range = "1900/01/01" <= value <= "2026/05/17"
            assert found == (value if in_range else BIRTHDAY_OUT_OF_RANGE.code)
