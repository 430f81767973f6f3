"""A dry run: what an import would do with a table, found the way the import finds it, without one call."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from heapq import nsmallest
from math import ceil
from typing import TYPE_CHECKING, Any, Final

import msgspec

from airflow_provider_socialscrm.api.customers import AGENT
from airflow_provider_socialscrm.api.settings import AuthScheme, Settings
from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.importer.examples import Examples, own_text
from airflow_provider_socialscrm.importer.fields.reader import InputReader
from airflow_provider_socialscrm.importer.identity import CHECK
from airflow_provider_socialscrm.importer.masking import masked
from airflow_provider_socialscrm.importer.reasons import Bucket, Reason
from airflow_provider_socialscrm.importer.results.dead_letter import DeadLetter, has_parts
from airflow_provider_socialscrm.importer.results.recorder import record_unsent
from airflow_provider_socialscrm.importer.results.report import Report, observations
from airflow_provider_socialscrm.importer.results.threshold import check_refusals
from airflow_provider_socialscrm.importer.sending.call_size import limits_of
from airflow_provider_socialscrm.importer.sending.chunks import chunk_rows
from airflow_provider_socialscrm.importer.sending.welcome import WelcomeCount

if TYPE_CHECKING:
    from airflow_provider_socialscrm.importer.changes.ledger_import import LedgerImport
    from airflow_provider_socialscrm.importer.fields.mapping import Plan
    from airflow_provider_socialscrm.importer.options import Options
    from airflow_provider_socialscrm.importer.paths import OpenablePath
    from airflow_provider_socialscrm.importer.rows import Row
    from airflow_provider_socialscrm.importer.sources.base import Source

SAMPLE_ROWS: Final = 10
"""Rows shown before and after: enough to see the pattern, few enough to read."""


KEPT_BACK: Final = (
    Bucket.INVALID,
    Bucket.UNKNOWN,
    Bucket.DUPLICATE,
    Bucket.BLANK,
    Bucket.UNCHANGED,
    Bucket.KNOWN_BAD,
)
"""Buckets of rows that an import does not send."""


@dataclass(frozen=True, slots=True)
class SampleField:
    """One value of a sample row, masked.

    :param column: where it comes from; ``None`` for a constant.
    :param name: the API's field.
    :param before: as the column has it, as text.
    :param after: as it would be sent; empty where it would not.
    """

    column: str | None
    name: str
    before: str
    after: str


@dataclass(slots=True)
class Preview:
    """The effect that an import would have.

    :param report: where each row would be before the first call: invalid, a duplicate, or not sent yet.
    :param calls: how many would carry them if none is refused; fewer if the import finds that more rows fit in a call.
    :param seconds: how long the calls take at the pace of the connection, if the CRM answers fast enough.
    :param welcome: what to know about the rows that make the CRM send a message; empty without such rows.
    :param samples: the first rows that can be sent, by position.
    :param remarks: rows that can be sent and have something noteworthy, by reason.
    :param observations: the same for the manifest, with what else a person should know of rows and columns.
    :param examples: masked values: why rows are not sent, and what each column holds; ``None`` unless asked for.
    :param changes: how the input differs from the ledger, in numbers; ``None`` without a ledger.
    """

    report: Report = field(default_factory=Report)
    calls: int = 0
    seconds: int = 0
    welcome: str = ""
    samples: dict[int, list[SampleField]] = field(default_factory=dict)
    remarks: dict[Reason, int] = field(default_factory=dict)
    observations: dict[str, Any] = field(default_factory=dict)
    examples: Examples | None = None
    changes: dict[str, Any] | None = None

    @property
    def sendable(self) -> int:
        """Rows that would be sent."""
        return self.report.rows_in(Bucket.NOT_SENT)

    def check(self, options: Options) -> None:
        """Raise as the import would, had it these rows and were none refused by the CRM.

        :raises InputError: when rows cannot be sent and ``on_invalid`` is ``fail``.
        :raises RejectedRowsError: when they are more than ``max_rejected`` allows.
        """
        if options.rules.on_invalid == "fail" and self.report.rows_in(Bucket.INVALID):
            raise InputError(f"{self.report.summary()}; on_invalid is 'fail', so nothing would be sent.")
        check_refusals(self.report, options.max_rejected)

    def manifest(self) -> dict[str, Any]:
        """Return it in numbers, for XCom: like the manifest of an import, without a customer."""
        kept_back = {bucket.value: self.report.rows_in(bucket) for bucket in KEPT_BACK}
        return {
            "dry_run": True,
            "rows": {"total": self.report.rows, "sendable": self.sendable} | kept_back,
            "refusals": [refusal.as_dict() for refusal in self.report.refusals()],
            "calls": self.calls,
            "seconds": self.seconds,
            "broke_off": None,
            "changes": self.changes,
        } | self.observations


def preview_import(
    source: Source,
    options: Options,
    settings: Settings,
    envelope: Callable[[str | None], int],
    *,
    rejects_path: OpenablePath | None = None,
    ledger: LedgerImport | None = None,
    with_examples: bool = False,
) -> Preview:
    """Return the effect that an import of a table would have, without one call. Safe to repeat.

    :param source: the table.
    :param options: the limits of a call, and the rules by which the table is read.
    :param settings: scheme and pace.
    :param envelope: bytes a call has around its rows, by the agent who signs.
    :param rejects_path: the file for the rows that would not be sent, each with its reasons.
    :param ledger: what earlier imports had accepted; nothing is written to it. Close it afterwards.
    :param with_examples: whether to collect masked values for a person, which takes time in a large table.
    :raises InputError: if the columns do not fit the rules, the table breaks off, or a guard of the ledger would stop
        the import.
    """
    agent_in_row = settings.auth_scheme is AuthScheme.HEADER
    comparer, read = (ledger.comparer, ledger.reading(options)) if ledger else (None, options)
    reader = InputReader(source, read, agent_in_row=agent_in_row, envelope=envelope, comparer=comparer)
    if rejects_path is not None and has_parts(rejects_path):
        raise InputError(f"An import that saves its rows at {rejects_path} is not complete: give another path.")
    found, welcome = Preview(), WelcomeCount()
    together = options.resend or settings.refusals_are_atomic
    with closing(reader), _dead_letter(rejects_path, source) as dead_letter:
        reader.read()
        if ledger:
            ledger.preview(reader.checked_batches, reader.rows)
            found.changes = ledger.changes()
        start = ledger.rows_per_call if ledger else None
        limits = limits_of(options, settings, has_ledger=ledger is not None, start=start)
        found.examples = Examples(reader) if with_examples else None
        for prepared in reader.prepared_batches(ledger.verdicts() if ledger else None):
            record_unsent(prepared, found.report, dead_letter)
            if found.examples:
                found.examples.add(prepared)
            found.report.count(Bucket.NOT_SENT, [row.position for row in prepared.rows])
            for chunk in chunk_rows(prepared.rows, limits, envelope, together=together):
                found.calls += 1
                welcome.add(chunk)
            _add_samples(found.samples, prepared.rows, reader.plan)
    found.seconds = ceil(found.calls / settings.calls_per_second)
    if welcome.customers:
        found.welcome = welcome.sentence(settings.calls_per_second, together=together, once=ledger is not None)
    found.remarks = dict(reader.remarks)
    found.observations = observations(reader.remarks, reader.ambiguous_numbers, reader.countries, reader.left_out)
    return found


@contextmanager
def _dead_letter(path: OpenablePath | None, source: Source) -> Iterator[DeadLetter | None]:
    """Yield a dead letter whose parts are deleted however the dry run ends, since none resumes from them."""
    if path is None:
        yield None
        return
    dead_letter = DeadLetter(path, source.columns, lambda _: False, identity=CHECK)
    try:
        with dead_letter:
            yield dead_letter
    finally:
        dead_letter.delete_parts()


def _add_samples(samples: dict[int, list[SampleField]], rows: Sequence[Row], plan: Plan) -> None:
    for row in nsmallest(SAMPLE_ROWS - len(samples), rows, key=lambda row: row.position):
        samples[row.position] = list(_sample(row, plan))


def _sample(row: Row, plan: Plan) -> Iterator[SampleField]:
    sent: Mapping[str, str] = msgspec.json.decode(row.body)
    if row.agent is not None:
        sent = {AGENT: row.agent, **sent}
    for each in plan.fields:
        before = None if each.column is None else own_text(row.batch, row.position, each.column)
        after = sent.get(each.name)
        if before or after:
            yield SampleField(each.column, each.name, masked(before), masked(after))
