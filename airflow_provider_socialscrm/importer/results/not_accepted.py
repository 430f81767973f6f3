"""The rows that are done and were not accepted, so that a retry knows which rows the dead letter must have."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from airflow_provider_socialscrm.importer.results.intervals import Intervals

MOST_INTERVALS: Final = 2_000
"""Intervals that a checkpoint lists, some 30 KB of JSON. Of more it has only the number of rows."""


class NotAccepted:
    """Places, in the order of sending, of the rows that are done and were not accepted.

    :param pairs: their intervals in a saved checkpoint; empty if they are not listed.
    :param rows: how many rows they are.
    """

    def __init__(self, pairs: Iterable[Iterable[int]] = (), rows: int = 0) -> None:
        self._places: Intervals | None = Intervals(pairs)
        self.rows = rows
        """How many rows they are."""
        if len(self._places) != rows:
            self._places = None

    @property
    def places(self) -> Intervals | None:
        """The places, or ``None`` if they are not listed."""
        return self._places

    def add_all(self, places: Iterable[int]) -> None:
        """Add rows that were not there yet."""
        new = list(places)
        self.rows += len(new)
        if self._places is not None:
            self._places.add_all(new)
            if self._places.count > MOST_INTERVALS:
                self._places = None

    def state(self) -> dict[str, Any]:
        """Return the fields of the saved checkpoint."""
        pairs = [] if self._places is None else self._places.pairs()
        return {"not_accepted": pairs, "not_accepted_rows": self.rows}
