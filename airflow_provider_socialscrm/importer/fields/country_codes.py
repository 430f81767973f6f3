"""Country codes and the possible lengths of their numbers, from the metadata of the ``phonenumbers`` library."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata

from airflow_provider_socialscrm.importer.reasons import LONGEST_NUMBER

if TYPE_CHECKING:
    import pyarrow as pa

LONGEST_COUNTRY_CODE: Final = 3
"""Digits of a country code, by E.164."""

_CODES: Final = frozenset(map(str, COUNTRY_CODE_TO_REGION_CODE))

Flags = np.ndarray[tuple[int], np.dtype[np.bool_]]
Integers = np.ndarray[tuple[int], np.dtype[np.int64]]

_SHARED: Final = {1: "US or CA", 7: "RU or KZ"}
"""Large countries that share a code. Of other codes the main country has nearly all customers."""

_NOT_A_COUNTRY: Final = "001"
"""The library's region of codes for services all over the world, such as +800."""

_POWERS: Final = 10 ** np.arange(LONGEST_NUMBER + 1, dtype=np.int64)


def country_code(digits: str) -> str | None:
    """Return the country code that digits begin with, or ``None``."""
    # No country code is the beginning of another.
    for length in range(1, LONGEST_COUNTRY_CODE + 1):
        if digits[:length] in _CODES:
            return digits[:length]
    return None


def metadata_of_code(code: int) -> Iterator[PhoneMetadata]:
    """Yield the numbering plans of all regions that share a country code, the main one first."""
    for region in COUNTRY_CODE_TO_REGION_CODE[code]:
        if metadata := PhoneMetadata.metadata_for_region_or_calling_code(code, region):
            yield metadata


def have_possible_lengths(numbers: pa.Array) -> Flags:
    """Return which numbers have a country code, no zero after it, and a length that is possible in that country.

    :param numbers: integers of 7 to 15 digits, without nulls.
    """
    # Only lengths: numbering plans grow faster than the library's metadata. A zero is a trunk prefix in most countries.
    digits = numbers.to_numpy(zero_copy_only=False)
    length = np.searchsorted(_POWERS, digits, side="right")
    leading = digits // _POWERS[length - LONGEST_COUNTRY_CODE]
    behind = digits // _POWERS[length - _code_sizes()[leading] - 1] % 10
    found: Flags = _possible_lengths()[leading, length] & (behind != 0)
    return found


def codes_of(numbers: Integers) -> Integers:
    """Return the country code that each number begins with, 0 where there is none.

    :param numbers: integers of 7 to 15 digits.
    """
    length = np.searchsorted(_POWERS, numbers, side="right")
    leading = numbers // _POWERS[length - LONGEST_COUNTRY_CODE]
    sizes = _code_sizes()
    codes: Integers = np.where(sizes[leading] > 0, leading // _POWERS[LONGEST_COUNTRY_CODE - sizes[leading]], 0)
    return codes


def count_countries(numbers: Integers) -> dict[str, int]:
    """Return how many numbers belong to each country, or to countries that share a code, such as ``US or CA``.

    :param numbers: integers of 7 to 15 digits.
    """
    rows = np.bincount(codes_of(numbers))
    return {_country_of(code): int(rows[code]) for code in np.flatnonzero(rows).tolist()}


def _country_of(code: int) -> str:
    main = COUNTRY_CODE_TO_REGION_CODE.get(code, (_NOT_A_COUNTRY,))[0]
    return _SHARED.get(code, f"+{code}" if main == _NOT_A_COUNTRY else main)


@cache
def _code_sizes() -> Integers:
    """Return, by the first three digits of a number, the length of its country code, 0 where there is none."""
    sizes = np.zeros(10**LONGEST_COUNTRY_CODE, np.int64)
    for code in COUNTRY_CODE_TO_REGION_CODE:
        sizes[_leading(code)] = len(str(code))
    return sizes


@cache
def _possible_lengths() -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    """Return, by the first three digits, the possible lengths of numbers."""
    possible = np.zeros((10**LONGEST_COUNTRY_CODE, LONGEST_NUMBER + 1), np.bool_)
    for code in COUNTRY_CODE_TO_REGION_CODE:
        size, plans = len(str(code)), (region.general_desc for region in metadata_of_code(code))
        for length in {size + length for plan in plans if plan for length in plan.possible_length if length > 0}:
            if length <= LONGEST_NUMBER:
                possible[_leading(code), length] = True
    possible[521, len("521") + 10] = True  # WhatsApp's form of mobiles in Mexico
    return possible


def _leading(code: int) -> slice:
    """Return which groups of three digits begin with a country code."""
    several: int = 10 ** (LONGEST_COUNTRY_CODE - len(str(code)))
    return slice(code * several, (code + 1) * several)
