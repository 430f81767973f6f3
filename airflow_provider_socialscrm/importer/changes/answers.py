"""Takes the CRM's answers for the ledger, and claims the rows with fields that are sent once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from airflow_provider_socialscrm.importer.changes.entries import Outcome
from airflow_provider_socialscrm.importer.reasons import Bucket, Reason

if TYPE_CHECKING:
    from airflow_provider_socialscrm.importer.changes.recording import LedgerWriter
    from airflow_provider_socialscrm.importer.rows import LedgerRow, Row


class Answers:
    """Records rows in the ledger's log.

    A claim is written before the call. It stays where the outcome is unknown, so the fields are not sent again, and is
    released where the CRM definitely did not take the row, or no call with it started.

    :param writer: writes the log.
    """

    def __init__(self, writer: LedgerWriter) -> None:
        self._writer = writer
        self._claimed: dict[int, LedgerRow] = {}
        self._in_doubt: set[int] = set()
        self._accepted: Counter[int] = Counter()
        """Accepted rows by customer, of customers with several different rows."""

    def claim(self, rows: Sequence[Row]) -> list[Row]:
        """Write that fields which are sent once are about to be sent, and wait until it is written.

        Return the rows that another import has claimed since this one read the ledger: they must not be sent.

        :raises LedgerError: when it cannot be written: the calls must not be made.
        """
        new = [row for row in _with_once(rows) if row.key not in self._claimed]
        others = {row.key for row in self._writer.claim(new)}
        self._claimed.update((row.key, row) for row in new if row.key not in others)
        return [row for row in rows if row.ledger is not None and row.ledger.once and row.ledger.key in others]

    def announce(self, rows: Sequence[Row]) -> None:
        """Write which customers are about to get other values than they have, and wait until it is written.

        :raises LedgerError: when it cannot be written: the calls must not be made.
        """
        self._writer.announce(row.ledger for row in rows if row.ledger is not None)

    def start(self, rows: Sequence[Row]) -> None:
        """Note rows whose call is about to start."""
        self._in_doubt.update(row.key for row in _with_once(rows))

    def has_claimed(self, rows: Sequence[Row]) -> bool:
        """Return whether all of these rows are claimed."""
        return all(row.ledger is not None and row.ledger.once and row.ledger.key in self._claimed for row in rows)

    def resolve(self, rows: Sequence[Row]) -> None:
        """Note rows that the CRM definitely did not take."""
        self._in_doubt.difference_update(row.key for row in _with_once(rows))

    def record(self, bucket: Bucket, rows: Sequence[Row], reason: Reason | None) -> None:
        """Take the outcome of rows.

        :raises LedgerError: when many rows wait and cannot be written.
        """
        known = [row.ledger for row in rows if row.ledger is not None]
        if bucket is Bucket.ACCEPTED:
            self._writer.record(Outcome.ACCEPTED, list(map(self._with_group, known)))
        elif bucket is Bucket.REJECTED:
            outcome = Outcome.BLOCKED if reason and reason.is_passing else Outcome.REJECTED
            self._writer.record(outcome, known, str(reason.code) if reason else None)
        elif bucket is Bucket.NOT_SENT:
            self._release([row for row in known if row.key not in self._in_doubt])
        for row in _with_once(rows):
            self._claimed.pop(row.key, None)
            self._in_doubt.discard(row.key)

    def flush(self) -> None:
        """Write what waits, and return when it is written.

        :raises LedgerError: when it cannot be written.
        """
        self._writer.flush()

    def release_unsent(self) -> None:
        """Release the claims of rows that no call carried, or that the CRM did not take."""
        self._release([row for key, row in self._claimed.items() if key not in self._in_doubt])
        self._claimed.clear()

    def _with_group(self, row: LedgerRow) -> LedgerRow:
        """Return a row as it is saved: the last of its group saves that all of them were accepted.

        Until then the ledger has another payload than the group, so a later run sends all of them.
        """
        if row.group is None:
            return row
        self._accepted[row.key] += 1
        return row._replace(payload=row.group.payload) if self._accepted[row.key] == row.group.rows else row

    def _release(self, rows: Sequence[LedgerRow]) -> None:
        self._writer.release(row for row in rows if row.key in self._claimed)


def _with_once(rows: Sequence[Row]) -> list[LedgerRow]:
    return [row.ledger for row in rows if row.ledger is not None and row.ledger.once]
