"""What comes in: the table read to its end before any call, then judged batch by batch."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count, islice
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from airflow_provider_socialscrm.api.customers import NUMBER, SEX
from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.importer.fields.duplicates import (
    NOBODY,
    KeyList,
    Positions,
    keys_of,
    superseded,
    superseded_before,
)
from airflow_provider_socialscrm.importer.fields.mapping import Plan, column_label, column_labels, plan_fields
from airflow_provider_socialscrm.importer.fields.phones import check_region
from airflow_provider_socialscrm.importer.fields.prepare import RowPreparer
from airflow_provider_socialscrm.importer.fields.table_facts import TableFacts
from airflow_provider_socialscrm.importer.reasons import BUCKET_COLUMN, TWO_FORMS
from airflow_provider_socialscrm.importer.rows import PreparedBatch
from airflow_provider_socialscrm.importer.sources.base import Batch, Source

if TYPE_CHECKING:
    from airflow_provider_socialscrm.importer.options import Options
    from airflow_provider_socialscrm.importer.reasons import Reason

log = logging.getLogger(__name__)

NAMED_LINES: Final = 10
"""Unreadable lines that the log names of each batch; the dead letter has them all."""


class InputReader:
    """The rows of a table as they are sent, or why not.

    :param source: the table.
    :param options: the limits of a call, and the rules by which the table is read.
    :param agent_in_row: header scheme: each row names its agent.
    :param envelope: bytes a call has around its rows, by the agent who signs.
    :raises InputError: when the columns cannot be what the rules say, or lack what each row needs.
    """

    def __init__(
        self, source: Source, options: Options, *, agent_in_row: bool, envelope: Callable[[str | None], int]
    ) -> None:
        rules = options.rules
        if rules.default_region is not None:
            check_region(rules.default_region)
        self._source = source
        self._rules = rules
        self._facts = TableFacts(options.clock.today())
        self.plan = _plan(source, options, agent_in_row=agent_in_row)
        self._judge = RowPreparer(self.plan, rules, agent_in_row, options.bytes_per_call, envelope, self._facts)
        self._losers = self._winners = NOBODY
        self.rows = 0
        """Rows of the input, once it was read."""
        self._in_two_forms = 0
        self._remarks: Counter[Reason] = Counter()
        self._ambiguous_numbers: Counter[str] = Counter()

    def prepare(self) -> None:
        """Read the table to its end, so that what breaks off is found before any call, and find repeated numbers.

        Safe to repeat.

        :raises InputError: when the table breaks off.
        """
        _log_plan(self.plan, self._source.columns)
        keys = KeyList()
        self._facts.observe()
        try:
            self.rows = sum(self._read(batch, keys) for batch in self._source.batches(self._needed()))
            self._facts.conclude()
            self._in_two_forms = keys.in_two_forms()
            if self._rules.duplicates != "send":
                self._decide(*keys.repeated())
        finally:
            keys.close()

    def prepared(self) -> Iterator[PreparedBatch]:
        """Yield the rows, each once.

        :raises InputError: when the table is not what it was when it was read before.
        """
        places, rows = count(), 0
        self._remarks.clear()
        self._ambiguous_numbers.clear()
        for batch in self._source.batches():
            prepared = self._judge.judge(batch, self._superseded_in(batch), places)
            self._remarks.update(prepared.remarks)
            self._ambiguous_numbers.update(prepared.ambiguous_numbers)
            rows += batch.records.num_rows
            yield prepared
        if rows != self.rows:
            raise InputError(
                f"The data had {self.rows:,} rows when it was read first and has {rows:,} now: let nothing write to it "
                "while it is imported."
            )

    @property
    def remarks(self) -> Mapping[Reason, int]:
        """Rows that are sent and have something noteworthy, by cause, as far as they were judged."""
        forms = {TWO_FORMS: self._in_two_forms} if self._in_two_forms else {}
        return forms | self._remarks

    @property
    def ambiguous_numbers(self) -> Mapping[str, int]:
        """Rows whose number can be one of two countries, by the countries, as far as they were read."""
        return self._ambiguous_numbers

    @property
    def left_out(self) -> Sequence[str]:
        """Labels of the columns that are not sent."""
        return column_labels(self.plan.left_out, self._source.columns)

    def say_remarks(self) -> None:
        """Log what is noteworthy about rows that are sent."""
        for reason, rows in self.remarks.items():
            log.warning("%s rows: %s %s", f"{rows:,}", reason.meaning, reason.hint)

    def invalid_rows(self) -> int:
        """Return how many rows cannot be sent, for which all of them are judged."""
        return sum(len(prepared.invalid) for prepared in self.prepared())

    def _needed(self) -> frozenset[str]:
        number = self.plan.field(NUMBER)
        if number is None or number.column is None:
            return frozenset()
        sex = self.plan.field(SEX)
        return frozenset([number.column, BUCKET_COLUMN, *([sex.column] if sex and sex.column else [])])

    def _read(self, batch: Batch, keys: KeyList) -> int:
        _name_lines(batch.unreadable, batch.records.num_rows)
        if self.plan.fields:
            keys.add(keys_of(self._judge.numbers(batch), superseded_before(batch)))
            self._judge.observe(batch)
        return int(batch.records.num_rows)

    def _decide(self, positions: Positions, keys: Positions) -> None:
        if len(positions):
            flags = np.fromiter(self._sendable(positions), np.bool_, len(positions))
            keep_last = self._rules.duplicates == "last"
            self._losers, self._winners = superseded(positions, keys, flags, keep_last=keep_last)

    def _sendable(self, positions: Positions) -> Iterator[bool]:
        for batch in self._source.batches():
            first, last = np.searchsorted(positions, [batch.start, batch.start + batch.records.num_rows])
            if first < last:
                yield from self._judge.is_sendable(_some_of(batch, positions[first:last] - batch.start)).tolist()

    def _superseded_in(self, batch: Batch) -> Mapping[int, int | None]:
        if self._rules.duplicates == "send":
            return {}
        first, last = np.searchsorted(self._losers, [batch.start, batch.start + batch.records.num_rows])
        winners = dict(zip(self._losers[first:last].tolist(), self._winners[first:last].tolist(), strict=True))
        return winners | dict.fromkeys((superseded_before(batch) + batch.start).tolist())


def _plan(source: Source, options: Options, *, agent_in_row: bool) -> Plan:
    if not source.columns and not any(batch.records.num_rows for batch in source.batches()):
        return Plan(())  # an empty list of records has no columns, and needs none
    return plan_fields(source.columns, options.rules, agent_in_row=agent_in_row)


def _some_of(batch: Batch, indices: Positions) -> Batch:
    return Batch(batch.start, batch.records.take(pa.array(indices)), batch.file)


def _log_plan(plan: Plan, columns: Sequence[str]) -> None:
    for column, name in plan.renamed.items():
        log.info("Column %s goes to the field %s", column_label(column), name)
    if plan.extensions:
        names = ", ".join(column_labels(plan.extensions, columns))
        log.info("Extension fields, sent under their own names: %s", names)
    if plan.left_out:
        names = ", ".join(column_labels(plan.left_out, columns))
        log.info("Columns that are not sent: %s. Name those to send in extension_fields", names)
    for doubt in plan.doubts:
        log.warning("%s", doubt)


def _name_lines(unreadable: Mapping[int, Reason], rows: int) -> None:
    for reason in islice(unreadable.values(), NAMED_LINES):
        log.warning("%s", reason.meaning)
    if len(unreadable) > NAMED_LINES:
        log.warning("... and %s more lines of these %s rows", f"{len(unreadable) - NAMED_LINES:,}", f"{rows:,}")
