"""One import from end to end: source, fields, chunks, engine, report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from airflow_provider_socialscrm.api.client import Client
from airflow_provider_socialscrm.api.settings import AuthScheme
from airflow_provider_socialscrm.importer.chunks import Chunk, Limits, chunk_rows
from airflow_provider_socialscrm.importer.dead_letter import DeadLetter
from airflow_provider_socialscrm.importer.engine import Engine
from airflow_provider_socialscrm.importer.errors import RejectedRowsError
from airflow_provider_socialscrm.importer.fields import TOO_LARGE, InvalidRow, Row, check_columns, encode
from airflow_provider_socialscrm.importer.ledger import Ledger
from airflow_provider_socialscrm.importer.options import Options
from airflow_provider_socialscrm.importer.pacing import Pace
from airflow_provider_socialscrm.importer.report import Report
from airflow_provider_socialscrm.importer.source import OpenablePath, Source


class Import:
    """One run: a table in, every row settled.

    :param source: the table.
    :param client: the tenant's API.
    :param options: how to go about it.
    :param rejects_path: the dead letter, which keeps the rows that do not go in; ``None`` keeps none.
    :raises InputError: when no row of the table could be sent for want of a column.
    """

    def __init__(
        self, source: Source, client: Client, options: Options, rejects_path: OpenablePath | None = None
    ) -> None:
        self._agent_in_row = client.settings.auth_scheme is AuthScheme.HEADER
        check_columns(source.columns, agent_in_row=self._agent_in_row)
        self.report = Report()
        self._ledger = Ledger(self.report)
        self._rejects_path = rejects_path
        self._source = source
        self._client = client
        self._options = options
        self._limits = Limits(options.rows_per_call, options.bytes_per_call)
        self._rows_read = 0

    def run(self) -> None:
        """Send every row that can be sent; :attr:`report` says where each one ended, also after an error.

        Safe to repeat: the import is an upsert, except for rows with side effects (contract 2.9).

        :raises SocialSCRMError: what stopped the run.
        :raises InputError: when the table breaks off.
        :raises RejectedRowsError: when more rows were refused than ``max_rejected`` allows.
        :raises AccountingError: when a row is in no bucket, or in two.
        """
        started = self._options.timing.now()
        with self._dead_letter(), ThreadPoolExecutor(self._options.concurrency, "socialscrm") as pool:
            failure = self._engine(pool).run(self._chunks())
        self.report.seconds.total = self._options.timing.now() - started
        self.report.check(self._rows_read)
        if failure:
            raise failure
        if self.report.refused > allowed_refusals(self._options.max_rejected, self._rows_read):
            raise RejectedRowsError(f"{self.report.summary()}; max_rejected allows {self._options.max_rejected:g}.")

    def manifest(self) -> dict[str, Any]:
        """Return the run in numbers: what the task gives to XCom."""
        where = None if self._rejects_path is None else str(self._rejects_path)
        return self.report.manifest() | {"rows_per_call": self._limits.rows, "rejects_path": where}

    @contextmanager
    def _dead_letter(self) -> Iterator[None]:
        if self._rejects_path is None:
            yield
        else:
            with DeadLetter(self._rejects_path, self._source.columns) as self._ledger.dead_letter:
                yield

    def _engine(self, pool: ThreadPoolExecutor) -> Engine:
        return Engine(
            lambda chunk: self._client.import_customers(chunk.bodies, agent=chunk.agent),
            self._ledger,
            pool,
            concurrency=self._options.concurrency,
            pace=Pace(self._client.settings.calls_per_second),
            clock=self._client.clock,
            effort=self._options.effort,
            timing=self._options.timing,
        )

    def _chunks(self) -> Iterator[Chunk]:
        for batch in self._source.batches():
            self._rows_read += batch.records.num_rows
            rows, invalid = encode(batch, agent_in_row=self._agent_in_row)
            for row in invalid:
                self._ledger.settle_invalid(row)
            yield from chunk_rows(self._fitting(rows), self._limits, self._client.envelope_size)

    def _fitting(self, rows: Iterable[Row]) -> Iterator[Row]:
        for row in rows:
            if self._client.envelope_size(row.agent) + len(row.body) <= self._options.bytes_per_call:
                yield row
            else:
                self._ledger.settle_invalid(InvalidRow(row.position, (TOO_LARGE,), row.batch))


def allowed_refusals(max_rejected: float, rows: int) -> int:
    """Return how many rows may be refused.

    :param max_rejected: a number of rows, or a fraction of the input as a float below 1.
    :param rows: rows of the input.
    """
    return int(max_rejected * rows) if isinstance(max_rejected, float) and max_rejected < 1 else int(max_rejected)
