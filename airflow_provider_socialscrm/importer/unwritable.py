"""Values that cannot be text: infinite numbers, those of thousands of digits, and bytes that are not UTF-8."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from math import isinf
from numbers import Rational, Real
from typing import Any, Final

MOST_DIGITS: Final = 4_300
"""Digits before or after the point of a decimal that is written; Python writes no longer integers (sys.int_info)."""

MOST_BITS: Final = 14_280
"""Bits of an integer that surely has no more digits."""


def is_too_long(value: Any) -> bool:
    """Return whether a value is a number of thousands of digits, in any of Python's types."""
    if isinstance(value, int):
        return value.bit_length() > MOST_BITS
    if isinstance(value, Decimal):
        exponent = value.as_tuple().exponent
        return isinstance(exponent, int) and max(value.adjusted(), -exponent, exponent) > MOST_DIGITS
    return isinstance(value, Fraction) and (is_too_long(value.numerator) or is_too_long(value.denominator))


def is_utf8(value: bytes | bytearray) -> bool:
    """Return whether bytes are text in UTF-8."""
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def is_unwritable(value: Any) -> bool:
    """Return whether one of Python's values, or one within it, cannot be text."""
    if isinstance(value, Mapping):
        return any(map(is_unwritable, value.values()))
    if isinstance(value, list | tuple | set | frozenset):
        return any(map(is_unwritable, value))
    if isinstance(value, bytes | bytearray):
        return not is_utf8(value)
    if isinstance(value, Decimal):
        return is_too_long(value) or (not value.is_nan() and isinf(value))
    if isinstance(value, Rational):
        return is_too_long(value)
    return isinstance(value, Real) and isinf(value)
