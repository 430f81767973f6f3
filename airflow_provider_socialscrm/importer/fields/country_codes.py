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
    possible, codes = _possible_lengths()
    behind = digits // _POWERS[length - codes[leading] - 1] % 10
    found: Flags = possible[leading, length] & (behind != 0)
    return found


@cache
def _possible_lengths() -> tuple[np.ndarray[tuple[int, int], np.dtype[np.bool_]], Integers]:
    """Return, by the first three digits, the possible lengths of numbers and the length of the country code."""
    possible = np.zeros((1_000, LONGEST_NUMBER + 1), np.bool_)
    codes = np.zeros(1_000, np.int64)
    for code in COUNTRY_CODE_TO_REGION_CODE:
        size = len(str(code))
        first, several = code * 10 ** (LONGEST_COUNTRY_CODE - size), 10 ** (LONGEST_COUNTRY_CODE - size)
        codes[first : first + several] = size
        plans = (region.general_desc for region in metadata_of_code(code))
        for length in {size + length for plan in plans if plan for length in plan.possible_length if length > 0}:
            if length <= LONGEST_NUMBER:
                possible[first : first + several, length] = True
    possible[521, len("521") + 10] = True  # WhatsApp's form of mobiles in Mexico
    return possible, codes
