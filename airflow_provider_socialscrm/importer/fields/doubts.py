"""Rows of a dead letter that may have reached the customer: they are not sent twice by giving the file back as data."""

from __future__ import annotations

from collections.abc import Container
from typing import TYPE_CHECKING, Final

import numpy as np

from airflow_provider_socialscrm.importer.fields.duplicates import NO_NUMBER_KEY, NOBODY, Keys
from airflow_provider_socialscrm.importer.reasons import IN_DOUBT_BEFORE, Reason

if TYPE_CHECKING:
    from airflow_provider_socialscrm.importer.fields.checked_batch import CheckedBatch
    from airflow_provider_socialscrm.importer.fields.compared import Verdicts

Held = dict[int, tuple[Reason, ...]]
"""Rows by their place in the batch, each with why it is not sent."""

NO_ROWS: Final[Held] = {}


class Doubts:
    """Remember the numbers whose rows an earlier import left as unknown, and hold what must not reach them twice.

    A number counts, and not only its row: the same customer may be in several dead letters that are given together.

    :param holds: whether rows with side effects are held; without it they are sent, as ``on_unknown="resend"`` says.
    """

    def __init__(self, *, holds: bool) -> None:
        self._holds = holds
        self._keys: Keys = NOBODY

    def add(self, checked: CheckedBatch) -> None:
        """Take the rows in doubt of a batch."""
        if self._holds and len(checked.in_doubt):
            self._keys = np.union1d(self._keys, checked.keys[checked.in_doubt])

    def clear(self) -> None:
        """Forget all rows."""
        self._keys = NOBODY

    def held(self, checked: CheckedBatch, superseded: Container[int], verdicts: Verdicts | None) -> Held:
        """Return the rows of a batch that are held, also those that cannot be sent for another reason.

        So they stay unknown in the next dead letter, and nobody sends them by fixing the other reason.

        :param superseded: rows for which another one is sent.
        :param verdicts: what a ledger says: it knows by itself whom a field that is sent once may have reached.
        """
        if not len(self._keys):
            return NO_ROWS
        doubted = np.isin(checked.keys, self._keys) & (checked.keys != NO_NUMBER_KEY)
        doubted[checked.in_doubt] = True
        return {
            index: (*checked.reasons.get(index, ()), IN_DOUBT_BEFORE)
            for index in np.flatnonzero(doubted & checked.harmful(verdicts)).tolist()
            if index not in superseded and index not in checked.blank
        }
