"""What the whole table says about single values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from airflow_provider_socialscrm.importer.columns.rounded_numbers import Precision
from airflow_provider_socialscrm.importer.fields.sexes import letters_of, uncertain_letters

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(slots=True)
class TableFacts:
    """Facts about all rows of a table, so that what becomes of a row does not depend on the batch it is in.

    While the table is read, each number is taken for whole and each letter for certain. Once it is read to its end,
    the facts may say otherwise, and the rows have to be checked again.

    :param today: the last day on which somebody may be born.
    :param precision: how many digits of its numbers the table shows; ``None`` where each column is all there is.
    :param sex_letters: single letters in the column of sexes that count; ``None`` where each column is all there is.
    """

    today: date
    precision: Precision | None = None
    sex_letters: frozenset[str] | None = None
    _observed_letters: set[str] | None = None

    def begin(self) -> None:
        """Start to observe: the table is read from its start."""
        self.precision = Precision(observing=True)
        self.sex_letters, self._observed_letters = frozenset(), set()

    def observe_sexes(self, text: pa.Array) -> None:
        """Note the single letters of a column of sexes, if the table is still read."""
        if self._observed_letters is not None:
            self._observed_letters |= letters_of(text)

    def conclude(self) -> bool:
        """Stop observing, and return whether rows have to be checked again because the whole table says otherwise."""
        if self.precision is None or self._observed_letters is None:
            return False
        self.precision.observing = False
        self.sex_letters, self._observed_letters = frozenset(self._observed_letters), None
        return self.precision.finds_lost_digits or bool(uncertain_letters(self.sex_letters))
