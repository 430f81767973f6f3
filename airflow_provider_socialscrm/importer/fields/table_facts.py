"""What the whole table says, on which the verdict on a single value may depend."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from airflow_provider_socialscrm.importer.columns.precision import Precision


@dataclass(slots=True)
class TableFacts:
    """Facts that no batch has alone, so that a row's verdict does not depend on the rows that happen to be beside it.

    :param today: the last day on which somebody may be born.
    :param precision: how many digits of its numbers the table shows; ``None`` where each column is all there is.
    :param sex_letters: single letters of the column of sexes; ``None`` where each column is all there is.
    """

    today: date
    precision: Precision | None = None
    sex_letters: set[str] | None = None

    def observe(self) -> None:
        """Begin to read the table: what is found is noted, and no verdict depends on it yet."""
        self.precision, self.sex_letters = Precision(observing=True), set()

    def conclude(self) -> None:
        """End to read the table: verdicts depend on what was found."""
        if self.precision:
            self.precision.observing = False
