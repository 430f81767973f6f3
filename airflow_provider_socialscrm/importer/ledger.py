"""Where rows are settled: counted in the report and, unless accepted, written to the dead letter."""

from __future__ import annotations

from collections.abc import Sequence

from airflow_provider_socialscrm.importer.dead_letter import DeadLetter
from airflow_provider_socialscrm.importer.fields import InvalidRow, Row
from airflow_provider_socialscrm.importer.report import Bucket, Cause, Report


class Ledger:
    """Settles rows, each once.

    :param report: counts them.
    """

    def __init__(self, report: Report) -> None:
        self.report = report
        self.dead_letter: DeadLetter | None = None
        """Keeps the rows that do not go in, while it is open."""

    def settle(self, bucket: Bucket, rows: Sequence[Row], cause: Cause | None = None, attempts: int = 0) -> None:
        """Put rows into their bucket.

        :param cause: why, for all that were not accepted.
        :param attempts: calls that carried the rows in this chunk.
        """
        self.report.settle(bucket, [row.position for row in rows], cause)
        if cause and self.dead_letter:
            for row in rows:
                self.dead_letter.add(row.batch, row.position, bucket, cause, attempts)

    def settle_invalid(self, row: InvalidRow) -> None:
        """Put a row that cannot be sent into its bucket, with all that is wrong with it."""
        codes, meanings, hints = zip(*row.reasons, strict=True)
        cause = Cause(" + ".join(codes), " ".join(meanings), " ".join(hints))
        self.report.settle(Bucket.INVALID, [row.position], cause)
        if self.dead_letter:
            self.dead_letter.add(row.batch, row.position, Bucket.INVALID, cause, attempts=0)
