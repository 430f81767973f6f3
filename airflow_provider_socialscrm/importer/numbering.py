"""Numbering plans: which digits are a phone number, read from a region.

The ``phonenumbers`` library knows the plans of all countries, but takes some 50 microseconds for a number. So patterns
made of its metadata read whole columns, and give way to the library wherever it could say anything else.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from phonenumbers import PhoneMetadata
    from phonenumbers.phonemetadata import PhoneNumberDesc

_DIALLED: Final = r"^\+?[0-9]+$"


def in_use(written: pa.Array, region: str) -> pa.Array:
    """Return numbers as their digits, country code first; null for what is no number in use.

    :param written: digits, with or without a plus before them.
    :param region: two letters of the country that numbers without country code belong to.
    """
    plan = _plan(region)
    written = plan.with_plus(written)
    numbers = plan.numbers(written)
    rest = pc.and_(pc.is_null(numbers), pc.match_substring_regex(written, _DIALLED))
    others = pc.if_else(rest, written, pa.scalar(None, written.type)).dictionary_encode()
    read = pa.array([_by_library(value, region) for value in others.dictionary.to_pylist()], written.type)
    return pc.coalesce(numbers, read.take(others.indices))


def in_patterns(written: pa.Array, region: str) -> pa.Array:
    """Return as :func:`in_use` the numbers that patterns can read, and null for all others."""
    plan = _plan(region)
    return plan.numbers(plan.with_plus(written))


def _by_library(written: str, region: str) -> str | None:
    """Return a number's digits as the library reads it, or ``None`` where it is none in use."""
    import phonenumbers  # noqa: PLC0415 - heavy, and not needed without a region

    for form in _forms(written):
        with suppress(phonenumbers.NumberParseException):
            number = phonenumbers.parse(form, region)
            if phonenumbers.is_valid_number(number):
                return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164).removeprefix("+")
    return None


def _forms(written: str) -> tuple[str, ...]:
    """Return what may be meant, the likeliest first."""
    if written.startswith("+"):
        return (written,)
    if written.startswith("00"):  # the way out of most countries; in some it begins a longer one, or a number
        return (f"+{written[2:]}", written)
    return (written, f"+{written}")


@dataclass(frozen=True, slots=True)
class _Plan:
    """A region's numbering plan as patterns.

    :param own: the library's metadata of the region.
    :param main: that of the region by which it reads all numbers with this country code.
    :param elsewhere: what numbers of other regions with this country code begin with, as patterns.
    """

    own: PhoneMetadata
    main: PhoneMetadata
    elsewhere: tuple[str, ...]

    @property
    def code(self) -> str:
        """The country code."""
        return str(self.own.country_code)

    def with_plus(self, written: pa.Array) -> pa.Array:
        """Return numbers with a plus before those that are the country code and a mobile number.

        The library reads 4915123456789 in Germany as the fixed line +49 4915123456789.
        """
        coded = pc.starts_with(written, self.code)
        digits = written.filter(coded)
        mobile = _fits(pc.utf8_slice_codeunits(digits, len(self.code)), self.own.mobile)
        signed = pc.binary_join_element_wise(pc.if_else(mobile, "+", ""), digits, "")
        return pc.replace_with_mask(written, coded, signed)

    def numbers(self, written: pa.Array) -> pa.Array:
        """Return numbers as the library reads them, or null where it may read them otherwise."""
        code = rf"^(?:\+|00){self.code}"
        dialled = pc.replace_substring_regex(written, code, "")
        national = pa.nulls(len(written), written.type)
        for rows, plan in ((pc.match_substring_regex(written, code), self.main), (self._within(written), self.own)):
            national = pc.replace_with_mask(national, rows, _without_prefix(dialled.filter(rows), plan))
        national = pc.if_else(self._in_use(national), national, pa.scalar(None, written.type))
        return pc.binary_join_element_wise(self.code, national, "")

    def _within(self, written: pa.Array) -> pa.Array:
        """Say what is dialled within the region: not abroad, and not with what the library takes for the code."""
        abroad = pc.match_substring_regex(written, rf"^(?:\+|00|{self.own.international_prefix})")
        coded = pc.starts_with(written, self.code)
        as_it_is = _fits(written.filter(coded), self.own.general_desc)
        return pc.invert(pc.or_(abroad, pc.replace_with_mask(coded, coded, pc.invert(as_it_is))))

    def _in_use(self, national: pa.Array) -> pa.Array:
        """Say which are numbers of the region, and by no sign of another with its country code."""
        fits = pc.or_(_fits(national, self.own.mobile), _fits(national, self.own.fixed_line))
        for plan in (self.own,) if self.main is self.own else (self.own, self.main):
            fits = pc.and_(fits, _fits(national, plan.general_desc))
        if self.own.leading_digits:
            fits = pc.and_(fits, pc.match_substring_regex(national, f"^(?:{self.own.leading_digits})"))
        if self.elsewhere:
            fits = pc.and_not(fits, pc.match_substring_regex(national, f"^(?:{'|'.join(self.elsewhere)})"))
        return fits


@cache
def _plan(region: str) -> _Plan:
    from phonenumbers import region_codes_for_country_code  # noqa: PLC0415 - heavy

    own = _metadata(region)
    plans = [_metadata(each) for each in region_codes_for_country_code(own.country_code or 0)]
    elsewhere = (plan.leading_digits for plan in plans if plan is not own)
    return _Plan(own, plans[0], tuple(filter(None, elsewhere)))


def _metadata(region: str) -> PhoneMetadata:
    from phonenumbers import PhoneMetadata  # noqa: PLC0415 - heavy

    if (metadata := PhoneMetadata.metadata_for_region(region)) is None:
        raise KeyError(region)
    return metadata


def _without_prefix(dialled: pa.Array, plan: PhoneMetadata) -> pa.Array:
    """Return national numbers without what is dialled before them, and with the area code that may be left out."""
    if not plan.national_prefix_for_parsing:
        return dialled
    prefix = f"^(?:{plan.national_prefix_for_parsing})"
    stripped = pc.replace_substring_regex(dialled, prefix, "")
    if not plan.national_prefix_transform_rule:
        return stripped
    # The library transforms where the pattern's last group takes part, which is where it leaves something behind.
    last_group = pc.replace_substring_regex(dialled, prefix, rf"\{re.compile(prefix).groups}")
    transformed = pc.replace_substring_regex(dialled, prefix, plan.national_prefix_transform_rule)
    return pc.if_else(pc.equal(last_group, stripped), stripped, transformed)


def _fits(national: pa.Array, kind: PhoneNumberDesc | None) -> pa.Array:
    if kind is None or not kind.national_number_pattern:
        return pc.and_not(pc.is_valid(national), True)
    length = pc.is_in(pc.binary_length(national), pa.array(kind.possible_length, pa.int32()))
    return pc.and_(length, pc.match_substring_regex(national, f"^(?:{kind.national_number_pattern})$"))
