"""WhatsApp numbers however people write them, as the digits the vendor takes: the country code first, and no sign.

What a spreadsheet made of a number is mended where no digit is lost, and named where one is. Without a region, a number
must have its country code, and only its digits are counted. With one, the numbering plans of the world decide.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final
from unicodedata import decimal

import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_socialscrm.importer.causes import (
    BAD_NUMBER,
    LONGEST_NUMBER,
    NATIONAL_NUMBER,
    NO_NUMBER,
    NUMBER_NOT_IN_USE,
    ROUNDED_NUMBER,
    SHORTEST_NUMBER,
)
from airflow_provider_socialscrm.importer.checked import Checked, Finding
from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.importer.numbering import in_patterns, in_use

MOST_ZEROS: Final = 2
"""Zeros that may be put back where scientific notation left them out.

Programs that write a number as short as it goes leave out the zeros it ends in, and one number in a hundred ends in
two. A cell too narrow for its number shows 8.61527E+12, where seven zeros would stand for lost digits.
"""

LONGEST_COUNTRY_CODE: Final = 3
"""Digits of a country code, by E.164: a number that lacks its code may be so much shorter."""

_MISTAKEN: Final = {"UK": "GB", "EL": "GR"}
"""What the European Union calls two countries, by their letters of ISO 3166."""

_SENDABLE: Final = rf"^[1-9][0-9]{{{SHORTEST_NUMBER - 1},{LONGEST_NUMBER - 1}}}$"
_NATIONAL: Final = rf"^0[0-9]{{{SHORTEST_NUMBER - 1},{LONGEST_NUMBER - 1}}}$"
_DIALLABLE: Final = rf"^\+?[0-9]{{{SHORTEST_NUMBER - LONGEST_COUNTRY_CODE},{LONGEST_NUMBER}}}$"

_SCIENTIFIC: Final = r"^\+?[0-9]+(?:[.,][0-9]*)?[eE]\+?0*[0-9]{1,2}$"
_WHOLE_FLOAT: Final = rf"^(?:(\+?[0-9]{{{SHORTEST_NUMBER},}})[.,]0+|(\+?[0-9]+)[.,]0)$"
_FRACTION: Final = rf"^\+?[0-9]{{{SHORTEST_NUMBER},}}\.[0-9]+$"
"""Behind fewer digits a dot separates groups, as in 86152.66667780."""

_SEPARATORS: Final = r"[\s\pZ\p{Pd}\p{Ps}\p{Pe}./\x{2212}\x{30FC}]+"
"""Blanks, dashes, brackets, dots and slashes; the minus and the long vowel mark are typed as dashes, too."""

_TRUNK_ZERO: Final = r"\(\s*0\s*\)"
"""As in +44 (0)20: dialled within the country, and left out by who calls from abroad."""

_PLUS: Final = r"^(?:\++(?:00)?([0-9]+)|([0-9]+)\+)$"
"""Where text runs from right to left, a plus may come last."""

_SPOILT: Final = "?"
"""Stands for what must be taken for neither a digit nor a separator."""


def whatsapp_numbers(text: pa.Array, region: str | None = None) -> Checked:
    """Return a column of phone numbers as their digits, country code first; a bad one has one cause.

    With a region, a number with ``+`` or ``00`` is taken as it is, and any other is read as dialled within the region.
    But customers' tables often hold the country code without ``+``. So digits that are the region's country code and a
    mobile number are taken as such, and so are those that are no number of the region, but one of another country.
    Where fixed lines have almost any digits, as in Germany, a foreign number without ``+`` can still be one of them.

    :param text: strings, trimmed, without control characters; null where the row has no value.
    :param region: two letters of the country whose numbers may lack their country code, see :func:`check_region`.
    """
    numbers, missing = _plain(text, region), pc.is_null(text)
    if numbers.null_count == text.null_count:
        return Checked(numbers, ((NO_NUMBER, missing),))
    rest = pc.and_not(pc.is_null(numbers), missing)
    others = _mended(text.filter(rest), region)
    nowhere = pc.and_not(rest, True)
    problems = ((cause, pc.replace_with_mask(nowhere, rest, found)) for cause, found in others.problems)
    return Checked(pc.replace_with_mask(numbers, rest, others.text), ((NO_NUMBER, missing), *problems))


def check_region(region: Any) -> None:
    """Refuse what is no region with known numbers.

    :param region: two letters, by ISO 3166.
    :raises InputError: saying what to write instead.
    """
    from phonenumbers import SUPPORTED_REGIONS  # noqa: PLC0415 - heavy, and not needed without a region

    if isinstance(region, str) and region in SUPPORTED_REGIONS:
        return
    meant = str(region).strip().upper()
    meant = _MISTAKEN.get(meant, meant)
    instead = f"write {meant!r}" if meant in SUPPORTED_REGIONS else "write a country's two letters, as in 'CN' or 'DE'"
    raise InputError(f"default_region is {region!r}; {instead}.")


def _plain(text: pa.Array, region: str | None) -> pa.Array:
    """Return the numbers that are written in digits only, with or without a plus, and null for others."""
    return _sendable(pc.utf8_ltrim(text, "+") if region is None else in_patterns(text, region))


def _sendable(numbers: pa.Array) -> pa.Array:
    return pc.if_else(pc.match_substring_regex(numbers, _SENDABLE), numbers, pa.scalar(None, numbers.type))


def _mended(text: pa.Array, region: str | None) -> Checked:
    tidy = _tidied(text)
    numbers, (cause, applies) = _international(tidy) if region is None else _of_region(tidy, region)
    rounded = pc.match_substring_regex(tidy, _SCIENTIFIC)
    bad = pc.invert(pc.or_(pc.is_valid(numbers), pc.or_(rounded, applies)))
    return Checked(numbers, ((ROUNDED_NUMBER, rounded), (cause, applies), (BAD_NUMBER, bad)))


def _international(tidy: pa.Array) -> tuple[pa.Array, Finding]:
    digits = pc.replace_substring_regex(_written(tidy, ""), r"^(?:\+|00)", "")
    return _sendable(digits), (NATIONAL_NUMBER, pc.match_substring_regex(digits, _NATIONAL))


def _of_region(tidy: pa.Array, region: str) -> tuple[pa.Array, Finding]:
    written = _written(tidy, "0")  # its plan says whether it goes; in Italy it stays, even from abroad
    numbers = in_use(written, region)
    again = pc.and_(pc.is_null(numbers), pc.match_substring_regex(tidy, _TRUNK_ZERO))
    numbers = pc.replace_with_mask(numbers, again, in_use(_written(tidy.filter(again), ""), region))
    unused = pc.and_(pc.is_null(numbers), pc.match_substring_regex(written, _DIALLABLE))
    return _sendable(numbers), (NUMBER_NOT_IN_USE, unused)


def _tidied(text: pa.Array) -> pa.Array:
    """Return texts with ASCII digits, and without what a spreadsheet added to a number."""
    if not pc.all(pc.string_is_ascii(text)).as_py():
        text = pc.replace_substring_regex(text, r"\p{No}", _SPOILT)  # the ² of a footnote is no digit
        text = pc.utf8_normalize(text, form="NFKC")  # full-width digits and signs become ASCII
        text = pc.utf8_trim_whitespace(pc.replace_substring_regex(text, r"\p{Cf}", ""))
        text = _each(text, r"[^0-9\P{Nd}]", _ascii_digits)
    text = _each(text, _SCIENTIFIC, _positional)
    text = pc.replace_substring_regex(text, _WHOLE_FLOAT, r"\1\2")
    return pc.replace_substring_regex(text, _FRACTION, _SPOILT)


def _written(tidy: pa.Array, trunk_zero: str) -> pa.Array:
    """Return digits, with one plus before them where there is any; what is no number has other characters, too."""
    text = pc.replace_substring_regex(tidy, _TRUNK_ZERO, trunk_zero)
    return pc.replace_substring_regex(pc.replace_substring_regex(text, _SEPARATORS, ""), _PLUS, r"+\1\2")


def _each(text: pa.Array, pattern: str, rule: Callable[[str], str]) -> pa.Array:
    rows = pc.match_substring_regex(text, pattern)
    return pc.replace_with_mask(text, rows, pa.array(map(rule, text.filter(rows).to_pylist()), text.type))


def _ascii_digits(value: str) -> str:
    return "".join(str(decimal(character, character)) for character in value)


def _positional(value: str) -> str:
    """Return a number in scientific notation without its exponent, or as it is where digits are lost."""
    number = Decimal(value.replace(",", "."))
    if int(number.as_tuple().exponent) > MOST_ZEROS:
        return value
    return f"{number:+f}" if value.startswith("+") else f"{number:f}"
