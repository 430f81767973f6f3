"""Find rounded numbers: all numbers of a table show whether zeros at the end of one replace digits that were cut."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

MOST_ZEROS: Final = 2
"""Zeros that may be restored where scientific notation left them out.

One number in a hundred ends in two zeros. A cell that is too narrow shows 8.61527E+12, where seven zeros would replace
lost digits.
"""

LEAST_ROUNDED: Final = 4
"""Number of different floats that must end in zero, and be most of a table's floats, before they count as rounded.

One number in ten ends in zero by chance, so four different ones among few others are not an accident.
"""


class Precision:
    """Distinguishes exact numbers from rounded ones by all numbers of a table.

    :param observing: whether the table is still being read, so that every number may be exact.
    """

    def __init__(self, *, observing: bool = False) -> None:
        self.observing = observing
        self._whole: Counter[int] = Counter()
        self._cut: Counter[int] = Counter()
        self._zeros: set[str] = set()
        self._ending_in_zero = self._others = 0

    def observe_scientific(self, numbers: Iterable[str]) -> None:
        """Count how many digits numbers in scientific notation show."""
        for number in map(_decimal, numbers):
            (self._cut if _lacking(number) > 0 else self._whole)[number.adjusted()] += 1

    def observe_floats(self, digits: pa.Array) -> None:
        """Count the last digits of whole numbers that were floats.

        :param digits: the numbers as text, without nulls.
        """
        zeros = digits.filter(pc.ends_with(digits, "0"))
        self._ending_in_zero += len(zeros)
        self._others += len(digits) - len(zeros)
        if len(self._zeros) < LEAST_ROUNDED:
            self._zeros.update(zeros.unique()[:LEAST_ROUNDED].to_pylist())

    def digits_of(self, scientific: str) -> str | None:
        """Return a number in scientific notation as digits, or ``None`` if some digits may have been cut."""
        # A number whose last digit is 0 may be written without it, but a program that writes 12 digits also cuts the
        # last one of 13. So a number that lacks a digit counts only if at least as many of its length show all digits.
        number = _decimal(scientific)
        lacking, length = _lacking(number), number.adjusted()
        shown = self.observing or self._whole[length] >= self._cut[length]
        if lacking <= 0 or (lacking <= MOST_ZEROS and shown):
            return f"{number:+f}" if scientific.startswith("+") else f"{number:f}"
        return None

    @property
    def finds_lost_digits(self) -> bool:
        """Whether some numbers of the table have lost digits that each of them alone would not show."""
        return self._floats_are_rounded or any(cut > self._whole[length] for length, cut in self._cut.items())

    @property
    def _floats_are_rounded(self) -> bool:
        return len(self._zeros) >= LEAST_ROUNDED and self._ending_in_zero > self._others

    def rounded(self, digits: pa.Array) -> pa.Array:
        """Return which of the whole numbers that were floats end in zero because they were rounded before."""
        # pandas reads 8.61526666778e+12 as the float 8615266667780.0, which does not show that digits were cut.
        ends_in_zero = pc.fill_null(pc.ends_with(digits, "0"), False)
        is_rounded = self._floats_are_rounded and not self.observing
        return ends_in_zero if is_rounded else pc.and_not(ends_in_zero, True)


def _decimal(scientific: str) -> Decimal:
    return Decimal(scientific.replace(",", "."))


def _lacking(number: Decimal) -> int:
    """Return how many digits before the decimal point a number does not show."""
    return int(number.as_tuple().exponent)
