"""Find the phone numbers that digits can be read as, by the numbering plans in the ``phonenumbers`` library.

Digits without a plus can be a number in the user's region as it is dialled there, or a number that begins with its own
country code. Only a reading that is a valid number counts. A reading that can be a mobile wins over one that can only
be a fixed line, because fixed lines rarely have WhatsApp. Two equal readings are ambiguous.
"""

from __future__ import annotations

import re
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

import phonenumbers
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata, PhoneNumber, PhoneNumberFormat, PhoneNumberType

from airflow_provider_socialscrm.importer.fields.country_codes import country_code, metadata_of_code

if TYPE_CHECKING:
    from phonenumbers.phonemetadata import PhoneNumberDesc

_MOBILE: Final = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)

_KINDS: Final = (
    "mobile", "fixed_line", "toll_free", "premium_rate", "shared_cost", "personal_number", "voip", "pager", "uan",
    "voicemail",
)  # fmt: skip
"""What a valid number can be, by the names in the library's metadata."""

_NOTHING: Final = r"(?!)"
"""A pattern that matches nothing."""

OLD_FORMS: Final = {
    52: ("1([0-9]{10})", r"\1"),  # Mexico dropped the 1 before mobiles in 2019; WhatsApp still has it
    55: ("([1-9]{2})([6-9][0-9]{7})", r"\g<1>9\2"),  # accounts older than Brazil's ninth digit lack it
}
"""By country code, old forms that WhatsApp still uses, and how to rewrite them by today's numbering plan."""

CHINA: Final = "CN"
"""A region whose mobiles, as they are dialled there, can be whole numbers of another country code.

China's mobiles have eleven digits and begin with 1, like all numbers in the USA. The CRM's vendor is Chinese, and its
customers keep such mobiles as they are dialled, so such digits can be either number, unless the region is one of the
two. Other countries' national numbers collide, too, such as those of Brazil's area 51 with Peru's, but their digits are
the vendor's own form of a number, which must stay sendable: the count of numbers by country shows them.
"""

NORTH_AMERICA: Final = 1
"""The country code that collides."""


class Read(NamedTuple):
    """The reading of a written number that counts.

    :param digits: with the country code; ``None`` if it is not a number, or none of two readings was chosen.
    :param countries: of two equally likely readings, in words.
    :param is_fixed_line: whether it is read as dialled in the region and can only be a fixed line there.
    """

    digits: str | None
    countries: str | None = None
    is_fixed_line: bool = False


class Reading(NamedTuple):
    """A valid number.

    :param digits: with its country code.
    :param country_code: the country code.
    :param is_mobile: whether it can be a mobile.
    """

    digits: str
    country_code: int
    is_mobile: bool


class Plan:
    """A numbering plan from the library's metadata.

    :param regions: metadata of the region, or of all regions that share a country code, the main one first.
    """

    def __init__(self, *regions: PhoneMetadata) -> None:
        main = regions[0]
        self.code = main.country_code or 0
        old, self._today = OLD_FORMS.get(self.code, (_NOTHING, ""))
        self._viable = _pattern(main.general_desc)
        self._mobile = _pattern(main.mobile)
        self._fixed = _pattern(main.fixed_line)
        self._any_kind = _pattern(*(getattr(region, kind) for region in regions for kind in _KINDS))
        self._any_mobile = re.compile(f"{_pattern(*(region.mobile for region in regions)).pattern}|{old}")
        self._before = re.compile(main.national_prefix_for_parsing or _NOTHING)
        self._abroad = re.compile(main.international_prefix or _NOTHING)
        self._transforms = bool(main.national_prefix_transform_rule)
        self._old = re.compile(old)

    def read(self, national: str) -> Reading | None:
        """Return the number with these digits after its country code, or ``None`` if it is not valid."""
        # The library knows the type of any number but takes ten times as long as the patterns, which decide on most.
        if self._viable.fullmatch(national):
            is_mobile = self._mobile.fullmatch(national) is not None
            if is_mobile or self._fixed.fullmatch(national):
                return Reading(f"{self.code}{national}", self.code, is_mobile)
        return self._by_type(national) if self._any_kind.fullmatch(national) else self._in_old_form(national)

    def _by_type(self, national: str) -> Reading | None:
        zeros = len(national) - len(national.lstrip("0"))
        number = PhoneNumber(self.code, int(national or 0), None, zeros > 0 or None, zeros or None)
        kind = phonenumbers.number_type(number)
        if kind != PhoneNumberType.UNKNOWN:
            return Reading(f"{self.code}{national}", self.code, kind in _MOBILE)
        return self._in_old_form(national)

    def _in_old_form(self, national: str) -> Reading | None:
        if self._old.fullmatch(national):
            today = self.read(self._old.sub(self._today, national))
            return Reading(f"{self.code}{national}", self.code, is_mobile=True) if today and today.is_mobile else None
        return None

    def dialled(self, digits: str) -> str | None:
        """Return the national number that is dialled so, or ``None`` if only the library's own parser can say."""
        if self._abroad.match(digits):
            return None
        before = self._before.match(digits)
        if before is None or before.end() == 0:
            return None if digits.startswith("0") else digits
        if self._viable.fullmatch(digits) or (self._transforms and before.groups()[-1] is not None):
            return None
        return digits[before.end() :]

    def may_be_mobile(self, national: str) -> bool:
        """Return whether a number can be a mobile, as it is or without a trunk prefix, by patterns only."""
        dialled = self.dialled(national)
        if dialled is None or self._any_mobile.fullmatch(dialled):
            return True
        return dialled != national and self._any_mobile.fullmatch(national) is not None


def read_number(written: str, region: str | None, ambiguous: str = "reject") -> Read:
    """Return the number that is written so, and the countries of two equally likely readings.

    :param written: digits; after a plus, or two zeros, they begin with the country code.
    :param region: two letters of the country where numbers without a plus may be dialled; ``None`` if there is none.
    :param ambiguous: the reading to take of two: the ``national`` or the ``international`` one, or none (``reject``).
        Without a region ``international`` says that numbers without a plus begin with their country code, too.
    """
    if written.startswith("+") or (region is None and (written.startswith("00") or ambiguous == "international")):
        found = _each_once(international(written.removeprefix("+").removeprefix("00")))
    elif region is None:
        found = _or_chinese(_each_once(international(written)), written, region)
    elif written.startswith("00"):
        found = _each_once(international(written[2:])) or likely_readings(written, region)
    else:
        found = _or_chinese(likely_readings(written, region), written, region)
    if len(found) < len(("national", "international")):
        return Read(found[0].digits, None, _is_dialled_line(found[0], written, region)) if found else Read(None)
    number = {"national": found[0].digits, "international": found[1].digits}.get(ambiguous)
    if ambiguous == "national" and not _is_of(found[0].country_code, region):
        number = None
    return Read(number, " or ".join(sorted(map(_country_of, found))))


def is_between_others(countries: str, region: str | None) -> bool:
    """Return whether neither of two readings is in the region.

    :param countries: of the readings, in words, as :class:`Read` has them.
    """
    codes = map(phonenumbers.country_code_for_region, countries.split(" or "))
    return not any(_is_of(code, region) for code in codes)


def _is_of(code: int, region: str | None) -> bool:
    return region is not None and code == _plan_of_region(region).code


def _or_chinese(found: tuple[Reading, ...], digits: str, region: str | None) -> tuple[Reading, ...]:
    """Return the readings, after the Chinese mobile that the digits of a number in North America can be.

    :param region: where numbers may be dialled; in North America nobody dials a Chinese mobile without its code.
    """
    if [each.country_code for each in found] != [NORTH_AMERICA] or _is_of(NORTH_AMERICA, region):
        return found
    here = _plan_of_region(CHINA).read(digits)
    return _each_once(here if here and here.is_mobile else None, *found)


def _is_dialled_line(reading: Reading, written: str, region: str | None) -> bool:
    """Return whether a number is written as it is dialled in the region and can only be a fixed line there."""
    if region is None or reading.is_mobile or written.startswith("+"):
        return False
    return _is_of(reading.country_code, region) and international(written.removeprefix("00")) != reading


def is_grouped_so(written: str, region: str | None, last: int) -> bool:
    """Return whether a number is usually written with so many digits in its last group.

    :param written: digits, with or without a plus.
    """
    number = read_number(written, region, "international" if region is None else "national").digits
    if number is None:
        return False
    parsed = phonenumbers.parse(f"+{number}")
    forms = (PhoneNumberFormat.INTERNATIONAL, PhoneNumberFormat.NATIONAL)
    return last in {len(re.split(r"\D", phonenumbers.format_number(parsed, form))[-1]) for form in forms}


def international(digits: str) -> Reading | None:
    """Return the number that begins with its country code, without a trunk prefix after that, or ``None``.

    :param digits: without a plus.
    """
    code = country_code(digits)
    if code is None:
        return None
    plan, national = _plan_of_code(int(code)), digits[len(code) :]
    as_written = plan.read(national)
    if as_written:
        return as_written
    dialled = plan.dialled(national)
    if dialled is None:
        return _by_library(f"+{digits}", None)
    return plan.read(dialled) if dialled != national else None


def national(digits: str, region: str) -> Reading | None:
    """Return the number that is dialled so within a region, or ``None``.

    :param digits: without a plus.
    :param region: two letters.
    """
    plan = _plan_of_region(region)
    dialled = plan.dialled(digits)
    return _by_library(digits, region) if dialled is None else plan.read(dialled)


def likely_readings(digits: str, region: str) -> tuple[Reading, ...]:
    """Return the valid numbers that digits without a plus can be, without fixed lines if one can be a mobile.

    :param digits: digits that may begin with a country code or a trunk prefix.
    :param region: two letters.
    :returns: the number as dialled in the region, then the one with its country code; the same number only once.
    """
    code = country_code(digits)
    abroad_may = code is not None and _plan_of_code(int(code)).may_be_mobile(digits[len(code) :])
    here_may = _plan_of_region(region).may_be_mobile(digits)
    # Skip a reading that cannot be a mobile if the other one is a mobile: it would change nothing.
    here = national(digits, region) if here_may or not abroad_may else None
    if here and here.is_mobile and not abroad_may:
        return (here,)
    abroad = international(digits) if code is not None else None
    if here is None and not (abroad and abroad.is_mobile):
        here = national(digits, region)
    found = _each_once(here, abroad)
    return tuple(each for each in found if each.is_mobile) or found


def _each_once(*readings: Reading | None) -> tuple[Reading, ...]:
    return tuple({each.digits: each for each in readings if each}.values())


def _by_library(written: str, region: str | None) -> Reading | None:
    """Return a number as the library reads it, or ``None`` if it is not valid."""
    with suppress(phonenumbers.NumberParseException):
        number = phonenumbers.parse(written, region)
        kind = phonenumbers.number_type(number)
        if kind != PhoneNumberType.UNKNOWN:
            digits = phonenumbers.format_number(number, PhoneNumberFormat.E164).removeprefix("+")
            return Reading(digits, number.country_code or 0, kind in _MOBILE)
    return None


def _country_of(reading: Reading) -> str:
    regions = COUNTRY_CODE_TO_REGION_CODE[reading.country_code]
    if len(regions) == 1:
        return regions[0]
    national = int(reading.digits.removeprefix(str(reading.country_code)))
    region = phonenumbers.region_code_for_number(PhoneNumber(reading.country_code, national))
    return region or phonenumbers.region_code_for_country_code(reading.country_code)


def _pattern(*kinds: PhoneNumberDesc | None) -> re.Pattern[str]:
    patterns = {kind.national_number_pattern for kind in kinds if kind and kind.national_number_pattern}
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns) or _NOTHING)


@cache
def _plan_of_region(region: str) -> Plan:
    own = _metadata(region)
    others = (_metadata(each) for each in COUNTRY_CODE_TO_REGION_CODE[own.country_code or 0] if each != region)
    return Plan(own, *others)


@cache
def _plan_of_code(code: int) -> Plan:
    return Plan(*metadata_of_code(code))


def _metadata(region: str) -> PhoneMetadata:
    if (metadata := PhoneMetadata.metadata_for_region(region)) is None:
        raise KeyError(region)
    return metadata
