"""Find out at once which of many numbers are valid mobiles or fixed lines, by the patterns of the numbering plans.

Arrow matches a million numbers in half a second. It says yes only where it is sure: the library knows more kinds of
numbers, and :mod:`.phone_readings` asks it about the few that are left.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata

from airflow_provider_socialscrm.importer.fields.country_codes import Flags, Integers, codes_of, metadata_of_code
from airflow_provider_socialscrm.importer.fields.phone_readings import CHINA, NORTH_AMERICA, OLD_FORMS

if TYPE_CHECKING:
    from phonenumbers.phonemetadata import PhoneNumberDesc

FEW: Final = 500
"""Numbers of a country that Python matches sooner: Arrow compiles a pattern in each call, in up to 3 ms."""

_NOTHING: Final = r"\b\B"
"""A pattern that matches nothing."""


def are_surely_valid(numbers: pa.Array) -> Flags:
    """Return which numbers are valid mobiles or fixed lines and can be nothing else, without asking the library.

    :param numbers: digits that begin with a country code, 7 to 15 of them, without nulls.
    """
    found = np.zeros(len(numbers), np.bool_)
    for code, rows in _by_code(numbers):
        own = numbers if len(rows) == len(numbers) else numbers.take(pa.array(rows))
        found[rows] = _are_valid(code, own)
        if code == NORTH_AMERICA:
            found[rows] &= ~_match(own, _chinese_mobiles())
    return found


def _are_valid(code: int, numbers: pa.Array) -> Flags:
    """Return which numbers of a country code are valid. Most are mobiles of its main region, so these come first."""
    valid = _match(numbers, _pattern(code, "mobile"))
    if code in OLD_FORMS and not valid.all():
        _match_others(valid, _todays(code, numbers), _pattern(code, "mobile"))
    # A few plans have patterns of fixed lines that their own general pattern excludes.
    general = _pattern(code, "general_desc", main=False)
    _match_others(valid, numbers, _pattern(code, "fixed_line"), general)
    if len(COUNTRY_CODE_TO_REGION_CODE[code]) > 1:
        _match_others(valid, numbers, _pattern(code, "mobile", "fixed_line", main=False), general)
    return valid


def _match_others(found: Flags, texts: pa.Array, *patterns: str) -> None:
    """Add to those found the others that match all patterns."""
    left = np.flatnonzero(~found)
    for pattern in patterns:
        if len(left):
            left = left[_match(texts.take(pa.array(left)), pattern)]
    found[left] = True


def count_fixed_lines(numbers: Integers) -> int:
    """Return how many numbers can only be fixed lines.

    :param numbers: with their country codes, as integers.
    """
    texts, count = pc.cast(pa.array(numbers), pa.string()), 0
    for code, rows in _by_code(texts):
        own = texts.take(pa.array(rows))
        mobile = _match(own, _pattern(code, "mobile"))
        if code in OLD_FORMS:
            _match_others(mobile, _todays(code, own), _pattern(code, "mobile"))
        fixed = mobile.copy()
        _match_others(mobile, own, _pattern(code, "mobile", main=False))
        _match_others(fixed, own, _pattern(code, "fixed_line", main=False))
        count += int((fixed & ~mobile).sum())
    return count


def _by_code(numbers: pa.Array) -> Iterable[tuple[int, Integers]]:
    """Yield each country code and the places of its numbers."""
    codes = codes_of(pc.cast(numbers, pa.int64()).to_numpy(zero_copy_only=False))
    for code in np.unique(codes).tolist():
        if code:
            yield code, np.flatnonzero(codes == code)


def _match(texts: pa.Array, pattern: str) -> Flags:
    if len(texts) < FEW:
        match = _compiled(pattern).match
        return np.fromiter((match(each) is not None for each in texts.to_pylist()), np.bool_, len(texts))
    flags: Flags = pc.match_substring_regex(texts, pattern).to_numpy(zero_copy_only=False).copy()
    return flags


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


@cache
def _pattern(code: int, *kinds: str, main: bool = True) -> str:
    """Return what numbers of some kinds match, in the main region of a country code or in all that share it."""
    plans = [*metadata_of_code(code)][: 1 if main else None]
    return _matching(str(code), (getattr(plan, kind) for plan in plans for kind in kinds))


@cache
def _chinese_mobiles() -> str:
    """Return what mobiles match as they are dialled in China."""
    plan = PhoneMetadata.metadata_for_region(CHINA)
    return _matching("", [plan.mobile if plan else None])


def _matching(code: str, kinds: Iterable[PhoneNumberDesc | None]) -> str:
    patterns = {kind.national_number_pattern for kind in kinds if kind and kind.national_number_pattern}
    return f"^{code}(?:{'|'.join(sorted(patterns)) or _NOTHING})$"


def _todays(code: int, numbers: pa.Array) -> pa.Array:
    """Return numbers with old forms that are still in use rewritten by today's numbering plan."""
    old, today = OLD_FORMS[code]
    return pc.replace_substring_regex(numbers, f"^{code}(?:{old})$", f"{code}{today}".replace(r"\g<1>", r"\1"))
