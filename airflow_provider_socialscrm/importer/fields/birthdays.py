"""Convert dates, as people write them, to the vendor's only form: ``yyyy/MM/dd`` (vendor API 3.2).

A date is read or refused, never guessed. One that can be read as two different days is ambiguous.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from unicodedata import normalize

import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_socialscrm.importer.columns.findings import RuleResult
from airflow_provider_socialscrm.importer.reasons import (
    AMBIGUOUS_BIRTHDAY,
    AMBIGUOUS_DATE,
    BAD_BIRTHDAY,
    BAD_DATE,
    BIRTHDAY_OUT_OF_RANGE,
    Reason,
)

FIRST_BIRTHDAY: Final = date(1900, 1, 1)
"""Earlier ones are slips or years of another calendar: nobody born before this day has a phone."""

_FOURTH: Final = r"(?:[13579][26]|[2468][048])"
"""Two digits that 4 divides, without 00, 04 and 08."""

_PLAIN: Final = (
    r"^(?:[1-9]\d{3}/(?:"
    r"(?:0[1-9]|1[0-2])/(?:0[1-9]|1\d|2[0-8])"
    r"|(?:0[13-9]|1[0-2])/(?:29|30)"
    r"|(?:0[13578]|1[02])/31)"
    rf"|(?:[1-9]\d(?:0[48]|{_FOURTH})|{_FOURTH}00)/02/29)$"
)
"""Days in the vendor's form, as nearly all rows have: those of every year, and 29 February of leap years.

Arrow's own parsers do not fit: strptime reads 30 February as 2 March, and a cast of a column fails for one bad row.
"""

_MONTHS: Final = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
"""Written out, because the standard library's names depend on the locale of the process."""

_MONTH_NUMBERS: Final[Mapping[str, int]] = {
    spelling: number for number, name in enumerate(_MONTHS, 1) for spelling in (name, name[:3])
} | {"sept": 9}

_YEAR: Final = r"(?P<year>\d{4})"
"""Four digits, because two leave the century open."""

_MONTH: Final = r"(?P<month>\d{1,2})"
_NAME: Final = r"(?P<month>[a-z]{3,9})"
_DAY: Final = r"(?P<day>\d{1,2})"
_NTH: Final = rf"{_DAY}(?:st|nd|rd|th)?"
_COMPACT: Final = r"(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)"
_BETWEEN_NUMBERS: Final = r"(?:[-/ ]|\. ?)"
_BESIDE_NAMES: Final = r"(?:[-/ ]|[.,] ?)"

_CLOCK: Final = r"(?:[01]?\d|2[0-4]):[0-5]\d(?::(?:[0-5]\d|60)(?:[.,]\d+)?)?(?: ?[ap]m)?"
_ZONE: Final = r"(?:z|utc|gmt|[+-]\d\d(?::?\d\d)?)"
_TIME: Final = rf"(?:(?:t|,? ){_CLOCK}(?: ?{_ZONE})?)?"
"""A time and zone that may follow the day. They are ignored: converting a birthday between zones would change it."""


def _form(*parts: str, between: str = _BETWEEN_NUMBERS) -> re.Pattern[str]:
    return re.compile(between.join(parts) + _TIME, re.ASCII | re.IGNORECASE)


_YEAR_FIRST: Final = _form(_YEAR, _MONTH, _DAY)
_DAY_FIRST: Final = _form(_DAY, _MONTH, _YEAR)
_MONTH_FIRST: Final = _form(_MONTH, _DAY, _YEAR)
_WRITTEN_OUT: Final = (
    _form(_COMPACT),
    re.compile(_COMPACT + r"[.,]0+", re.ASCII),  # integers with gaps, which became floats
    _form(f"{_YEAR} ?年 ?{_MONTH} ?月 ?{_DAY} ?日"),
    _form(_NTH, _NAME, _YEAR, between=_BESIDE_NAMES),
    _form(_NAME, _NTH, _YEAR, between=_BESIDE_NAMES),
)

_IN_KERNELS: Final[Mapping[bool | None, Sequence[re.Pattern[str]]]] = {
    None: (_YEAR_FIRST,),
    True: (_YEAR_FIRST, _DAY_FIRST),
    False: (_YEAR_FIRST, _MONTH_FIRST),
}
"""Forms that Arrow reads, by dayfirst: common in whole columns, and with one reading."""

_IN_PYTHON: Final[Mapping[bool | None, Sequence[re.Pattern[str]]]] = {
    None: (_YEAR_FIRST, _DAY_FIRST, _MONTH_FIRST, *_WRITTEN_OUT),
    True: (_YEAR_FIRST, _DAY_FIRST, *_WRITTEN_OUT),
    False: (_YEAR_FIRST, _MONTH_FIRST, *_WRITTEN_OUT),
}
"""All forms, by dayfirst. Each is tried on a value, which is ambiguous if they give different days."""


@dataclass(frozen=True, slots=True)
class _Rule:
    bad: Reason
    ambiguous: Reason
    first: date = date.min
    last: date = date.max


def birthdays(text: pa.Array, dayfirst: bool | None, today: date) -> RuleResult:
    """Return a column of birthdays as ``yyyy/MM/dd``, from 1900 to today, read like :func:`dates`.

    A value with two readings is out of range if both are. It is ambiguous even if only one is in range, because some
    programs store the next birthday, and such a row would be read differently from one import to the next.

    :param text: strings, trimmed; null where the row has no value.
    :param dayfirst: as for :func:`dates`.
    :param today: the last day that can be a birthday.
    """
    checked = _checked(text, dayfirst, _Rule(BAD_BIRTHDAY, AMBIGUOUS_BIRTHDAY, FIRST_BIRTHDAY, today))
    first, last = _vendors(FIRST_BIRTHDAY), _vendors(today)
    # In the vendor's form, texts sort like days.
    outside = pc.or_(pc.less(checked.text, first), pc.greater(checked.text, last))
    return RuleResult(checked.text, (*checked.problems, (BIRTHDAY_OUT_OF_RANGE, pc.fill_null(outside, False))))


def dates(text: pa.Array, dayfirst: bool | None) -> RuleResult:
    """Return a column of dates as ``yyyy/MM/dd``, without the time of day and its zone.

    The year has four digits and comes first or last; the month is a number or an English name.

    :param text: strings, trimmed; null where the row has no value.
    :param dayfirst: the order of day and month before the year. With ``True`` or ``False`` a date in the other order is
        a bad one; with ``None`` a date that is a different day in each order is ambiguous.
    """
    return _checked(text, dayfirst, _Rule(BAD_DATE, AMBIGUOUS_DATE))


def _checked(text: pa.Array, dayfirst: bool | None, rule: _Rule) -> RuleResult:
    written = _if_plain(pc.replace_substring(text, pattern="-", replacement="/"))
    if written.null_count == text.null_count:  # as in most tables
        nowhere = pa.repeat(pa.scalar(False), len(text))
        return RuleResult(written, ((rule.bad, nowhere), (rule.ambiguous, nowhere)))
    for form in _IN_KERNELS[dayfirst]:
        unread = _unread(written, text)
        written = pc.replace_with_mask(written, unread, _if_plain(_rewritten(text.filter(unread), form)))
    unread = _unread(written, text)
    others = text.filter(unread).dictionary_encode()
    read = _each(others.dictionary, _IN_PYTHON[dayfirst], rule).take(others.indices)
    problems = tuple((reason, pc.replace_with_mask(unread, unread, mask)) for reason, mask in read.problems)
    return RuleResult(pc.replace_with_mask(written, unread, read.text), problems)


def _unread(written: pa.Array, text: pa.Array) -> pa.Array:
    return pc.and_(pc.is_null(written), pc.is_valid(text))


def _if_plain(fresh: pa.Array) -> pa.Array:
    # The input is fresh from a kernel: before Arrow 24 if_else with a null corrupts a slice of strings.
    return pc.if_else(pc.match_substring_regex(fresh, pattern=_PLAIN), fresh, pa.scalar(None, fresh.type))


def _rewritten(text: pa.Array, form: re.Pattern[str]) -> pa.Array:
    parts = pc.extract_regex(text, pattern=f"(?i)^{form.pattern}$")
    year, month, day = (pc.struct_field(parts, name) for name in ("year", "month", "day"))
    return pc.binary_join_element_wise(year, *(pc.utf8_lpad(part, 2, "0") for part in (month, day)), "/")


def _each(values: pa.Array, forms: Sequence[re.Pattern[str]], rule: _Rule) -> RuleResult:
    readings = [_read(value, forms, rule) for value in values.to_pylist()]
    texts = [None if isinstance(reading, Reason) else reading for reading in readings]
    reasons = (rule.bad, rule.ambiguous)
    masks = [pa.array([reading is reason for reading in readings], pa.bool_()) for reason in reasons]
    return RuleResult(pa.array(texts, values.type), tuple(zip(reasons, masks, strict=True)))


def _read(value: str, forms: Sequence[re.Pattern[str]], rule: _Rule) -> str | Reason:
    tidy = " ".join(normalize("NFKC", value).split())  # full-width digits and signs become ASCII
    matches = (form.fullmatch(tidy) for form in forms)
    days = {day for match in matches if match and (day := _day(**match.groupdict()))}
    if not days:
        return rule.bad
    if len(days) > 1 and any(rule.first <= day <= rule.last for day in days):
        return rule.ambiguous
    return _vendors(min(days))  # if all are out of range, any of them is reported


def _vendors(day: date) -> str:
    return day.isoformat().replace("-", "/")


def _day(year: str, month: str, day: str) -> date | None:
    try:
        return date(int(year), _MONTH_NUMBERS.get(month.lower()) or int(month), int(day))
    except ValueError:  # no such day, or no such month
        return None
