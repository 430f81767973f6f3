"""Read a table to its end before any call, and hold its rows until they are sent."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import count, islice
from typing import TYPE_CHECKING, Final

import numpy as np

from airflow_provider_socialscrm.api.redaction import is_personal
from airflow_provider_socialscrm.importer.errors import EmptyInputError, InputError
from airflow_provider_socialscrm.importer.fields.agent_check import FindUnknown, agent_check, refusing
from airflow_provider_socialscrm.importer.fields.checked_batch import CheckedBatch
from airflow_provider_socialscrm.importer.fields.compared import Comparer, Verdicts
from airflow_provider_socialscrm.importer.fields.doubts import Doubts
from airflow_provider_socialscrm.importer.fields.duplicates import NOBODY, KeyList, Keys, Positions, superseded
from airflow_provider_socialscrm.importer.fields.mapping import Field, Plan, column_label, column_labels, plan_fields
from airflow_provider_socialscrm.importer.fields.phones import check_reading
from airflow_provider_socialscrm.importer.fields.prepare import RowPreparer
from airflow_provider_socialscrm.importer.fields.spool import Spool
from airflow_provider_socialscrm.importer.fields.table_facts import TableFacts
from airflow_provider_socialscrm.importer.reasons import TWO_FORMS
from airflow_provider_socialscrm.importer.rows import OwnColumns, PreparedBatch
from airflow_provider_socialscrm.importer.sources.base import Batch, Source
from airflow_provider_socialscrm.wording import counted, first_of, with_article

if TYPE_CHECKING:
    from airflow_provider_socialscrm.api.client import Client
    from airflow_provider_socialscrm.importer.options import Options
    from airflow_provider_socialscrm.importer.reasons import Reason

log = logging.getLogger(__name__)

NAMED_LINES: Final = 10
"""Unreadable lines that the log names of each batch; the dead letter has them all."""

SHOWN_COLUMNS: Final = 20
"""Names of columns that an error shows: enough to see which file was read."""


class InputReader:
    """Reads a table once, and holds its rows ready to be sent, or with the reasons why they cannot be.

    :param source: the table.
    :param options: the limits of a call, and the rules by which the table is read.
    :param agent_in_row: header scheme: each row names its agent.
    :param envelope: bytes a call has around its rows, by the agent who signs.
    :param comparer: returns what compares rows with a ledger, given the plan; ``None`` without a ledger.
    :param find_unknown: looks up the agents that rows name; ``None`` takes their word.
    :raises InputError: when the columns cannot be what the rules say, or lack what each row needs.
    """

    def __init__(
        self,
        source: Source,
        options: Options,
        *,
        agent_in_row: bool,
        envelope: Callable[[str | None], int],
        comparer: Callable[[Plan], Comparer] | None = None,
        find_unknown: FindUnknown | None = None,
    ) -> None:
        rules = options.rules
        check_reading(rules.default_region, rules.ambiguous_numbers)
        self._source = source
        self._rules = rules
        self._may_be_empty = options.on_empty == "succeed"
        self._facts = TableFacts(options.clock.today())
        self.plan = _plan(source, options, agent_in_row=agent_in_row)
        self._preparer = RowPreparer(
            self.plan,
            rules,
            agent_in_row,
            options.bytes_per_call,
            envelope,
            self._facts,
            None if comparer is None else comparer(self.plan),
        )
        self._spool = Spool()
        self._doubts = Doubts(holds=not options.resend)
        self._find_unknown = find_unknown
        self._agents: set[str] = set()
        self._losers = self._winners = NOBODY
        self.rows = 0
        """Rows of the input, once it was read."""
        self._in_two_forms = 0
        self._remarks: Counter[Reason] = Counter()
        self._ambiguous_numbers: Counter[str] = Counter()
        self._countries: Counter[str] = Counter()

    @classmethod
    def for_client(
        cls, source: Source, client: Client, options: Options, comparer: Callable[[Plan], Comparer] | None = None
    ) -> InputReader:
        """Return the reader of what a client is to send; it looks up agents if the options ask for it."""
        return cls(
            source,
            options,
            agent_in_row=client.rows_name_agents,
            envelope=client.envelope_size,
            comparer=comparer,
            find_unknown=agent_check(client, options),
        )

    def read(self) -> None:
        """Read, check and encode the table to its end, so that whatever is wrong with it is found before any call.

        Safe to repeat.

        :raises EmptyInputError: when it has no rows and the options say to skip it.
        :raises InputError: when the table breaks off.
        :raises SocialSCRMError: when agents are to be looked up, and the CRM does not say whether it knows one.
        :raises OSError: when the temporary file does not fit on the disk.
        """
        _log_plan(self.plan, self._source.columns)
        self._begin()
        self._facts.begin()
        with closing(KeyList()) as keys:
            for batch in self._source.batches():
                _name_lines(batch.unreadable, batch.records.num_rows)
                keys.add(self._hold(batch).compared_keys)
            self.rows = keys.rows
            if not self.rows and not self._may_be_empty:
                raise EmptyInputError(f"data is {with_article(self._source.describe)} and has no rows.")
            if self._facts.conclude():
                self._check_again()
            if self._find_unknown and (unknown := self._find_unknown(self._agents)):
                self._refuse_agents(unknown)
            self._in_two_forms = keys.in_two_forms()
            if self._rules.duplicates != "send":
                self._choose(*keys.repeated())

    def close(self) -> None:
        """Give back the memory and the temporary file that hold the rows."""
        self._spool.close()

    def checked_batches(self) -> Iterator[tuple[CheckedBatch, Mapping[int, int | None]]]:
        """Yield the rows as they were checked, each batch with its superseded rows; repeated calls yield the same."""
        for checked in self._spool:
            yield checked, self._superseded_in(checked)

    def prepared_batches(
        self, verdicts: Callable[[CheckedBatch, Sequence[int]], Verdicts] | None = None
    ) -> Iterator[PreparedBatch]:
        """Yield the rows, each once; repeated calls yield the same rows.

        :param verdicts: returns what a ledger says of the rows of a batch, given those that can be sent.
        """
        places = count()
        self._remarks.clear()
        self._countries.clear()
        for checked, losers in self.checked_batches():
            found = None if verdicts is None else verdicts(checked, checked.left(losers))
            held = self._doubts.held(checked, losers, found)
            prepared = checked.prepared(losers, places, found, held)
            self._remarks.update(prepared.remarks)
            self._countries.update(prepared.countries)
            yield prepared

    @property
    def remarks(self) -> Mapping[Reason, int]:
        """Rows that are sent and have something noteworthy, by reason, as far as they were asked for."""
        forms = {TWO_FORMS: self._in_two_forms} if self._in_two_forms else {}
        return forms | self._remarks

    @property
    def ambiguous_numbers(self) -> Mapping[str, int]:
        """Rows whose number can be one of two countries, by the countries."""
        return self._ambiguous_numbers

    @property
    def countries(self) -> Mapping[str, int]:
        """Rows that are sent, by the country of their number, as far as they were asked for."""
        return self._countries

    @property
    def left_out(self) -> Sequence[str]:
        """Labels of the columns that are not sent."""
        return column_labels(self.plan.left_out, self._source.columns)

    def log_remarks(self) -> None:
        """Log what is noteworthy about rows that are sent."""
        for reason, rows in self.remarks.items():
            log.warning("%s: %s %s", counted(rows, "row"), reason.meaning, reason.hint)

    def fields_at_fault(self, own: OwnColumns, position: int) -> list[Field]:
        """Return the fields whose values are why a row cannot be sent, once the table was read.

        :param own: where the row is.
        :param position: its place in the input.
        """
        row = Batch(position, own.records.slice(position - own.start, 1), own.file)
        return self._preparer.fields_at_fault(row)

    def has_invalid_rows(self) -> bool:
        """Return whether some rows cannot be sent."""
        return any(prepared.invalid for prepared in self.prepared_batches())

    def _begin(self) -> None:
        self.close()
        self._spool = Spool()
        self._losers = self._winners = NOBODY
        self._ambiguous_numbers.clear()
        self._doubts.clear()
        self._agents.clear()

    def _hold(self, batch: Batch) -> CheckedBatch:
        checked = self._preparer.check(batch)
        self._ambiguous_numbers.update(checked.ambiguous_numbers)
        self._doubts.add(checked)
        if self._find_unknown:
            self._agents.update(filter(None, checked.agents or ()))
        self._spool.add(checked)
        return checked

    def _check_again(self) -> None:
        """Check the rows by what the whole table says, where that is not what each batch says alone."""
        with closing(self._spool) as before:
            self._spool = Spool()
            self._ambiguous_numbers.clear()
            self._doubts.clear()
            for checked in before:
                own = checked.own
                self._hold(Batch(own.start, own.records, own.file, own.unreadable))

    def _refuse_agents(self, unknown: Collection[str]) -> None:
        with closing(self._spool) as before:
            self._spool = Spool()
            for checked in before:
                self._spool.add(refusing(checked, unknown))

    def _choose(self, positions: Positions, keys: Keys) -> None:
        """Choose which of the rows with one number are sent, given the rows whose number another one has."""
        if not len(positions):
            return
        flags = [
            checked.sendable[positions[_part_of(checked, positions)] - checked.own.start] for checked in self._spool
        ]
        keep_last = self._rules.duplicates == "last"
        self._losers, self._winners = superseded(positions, keys, np.concatenate(flags), keep_last=keep_last)

    def _superseded_in(self, checked: CheckedBatch) -> Mapping[int, int | None]:
        if self._rules.duplicates == "send":
            return {}
        part = _part_of(checked, self._losers)
        losers = self._losers[part] - checked.own.start
        winners = dict(zip(losers.tolist(), self._winners[part].tolist(), strict=True))
        return winners | dict.fromkeys(checked.superseded_before.tolist())


def _part_of(checked: CheckedBatch, positions: Positions) -> slice:
    """Return which of some positions, in order, are in a batch."""
    start = checked.own.start
    return slice(*np.searchsorted(positions, [start, start + len(checked)]))


def _plan(source: Source, options: Options, *, agent_in_row: bool) -> Plan:
    if not source.columns and not any(batch.records.num_rows for batch in source.batches()):
        return Plan(())  # an empty list of records has no columns, and needs none
    try:
        return plan_fields(source.columns, options.rules, agent_in_row=agent_in_row)
    except InputError as wrong:
        raise InputError(f"{wrong} The input is {with_article(source.describe)}{_named(source.columns)}.") from None


def _named(columns: Sequence[str]) -> str:
    """Return the names of columns to end a sentence, unless the header may be a customer's row."""
    if any(map(is_personal, columns)):
        return ", whose names may be a customer's: make sure that the first line names the columns"
    return f": {first_of(column_labels(columns, columns), SHOWN_COLUMNS)}" if columns else ""


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
        more = counted(len(unreadable) - NAMED_LINES, "more line")
        log.warning("... and %s of these %s", more, counted(rows, "row"))
