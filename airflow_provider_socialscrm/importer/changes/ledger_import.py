"""The ledger of an import, from the first look to the commit."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from airflow_provider_socialscrm.api.customers import AGENT
from airflow_provider_socialscrm.api.settings import AuthScheme
from airflow_provider_socialscrm.importer.changes.answers import Answers
from airflow_provider_socialscrm.importer.changes.columns import ColumnComparer
from airflow_provider_socialscrm.importer.changes.compare import compare
from airflow_provider_socialscrm.importer.changes.difference import Change, Difference
from airflow_provider_socialscrm.importer.changes.entries import Layout
from airflow_provider_socialscrm.importer.changes.generation import Generation
from airflow_provider_socialscrm.importer.changes.gone import check_gone_path, write_gone
from airflow_provider_socialscrm.importer.changes.guards import check_fields, check_guards
from airflow_provider_socialscrm.importer.changes.input_rows import InputRows
from airflow_provider_socialscrm.importer.changes.keys import KeyKind, Keyring
from airflow_provider_socialscrm.importer.changes.located import located
from airflow_provider_socialscrm.importer.changes.recording import LedgerWriter
from airflow_provider_socialscrm.importer.changes.storage import open_storage
from airflow_provider_socialscrm.importer.changes.store import LedgerStore, Snapshot, Target
from airflow_provider_socialscrm.importer.errors import LedgerError
from airflow_provider_socialscrm.importer.fields.compared import Verdicts
from airflow_provider_socialscrm.importer.fields.duplicates import NO_NUMBER_KEY

if TYPE_CHECKING:
    from airflow_provider_socialscrm.api.settings import Settings
    from airflow_provider_socialscrm.importer.changes.arrays import Numbers
    from airflow_provider_socialscrm.importer.changes.options import Ledger
    from airflow_provider_socialscrm.importer.fields.checked_batch import CheckedBatch
    from airflow_provider_socialscrm.importer.fields.mapping import Plan
    from airflow_provider_socialscrm.importer.identity import ImportIdentity
    from airflow_provider_socialscrm.importer.options import Options

Checked = Iterable[tuple["CheckedBatch", Mapping[int, int | None]]]
"""Batches with their superseded rows, as :meth:`.InputReader.checked_batches` yields them."""

Batches = Callable[[], Checked]

Point = tuple[int, int]
"""A generation's number, and a second since the epoch."""


class LedgerImport:
    """The ledger of one import.

    :param options: the user's, with a path to open.
    :param settings: of the connection: whose customers the ledger is about.
    :param identity: which import this is. A mapped task sees a part of the input, so it notes nobody as gone.
    :param by_agent: whether each agent has customers of their own.
    :param is_part: whether the input is a part of another one, as a dead letter is: nobody else is gone.
    :param now: seconds since the epoch.
    :raises InputError: if ``gone_path`` cannot be written.
    """

    def __init__(
        self,
        options: Ledger,
        settings: Settings,
        identity: ImportIdentity,
        *,
        by_agent: bool,
        is_part: bool = False,
        now: Callable[[], float] = time.time,
    ) -> None:
        kind = KeyKind.HMAC if settings.ledger_secret else KeyKind.NUMBER
        if options.gone_path is not None:
            check_gone_path(options.gone_path, kind)
        keyring = Keyring(kind, by_agent=by_agent, secret=settings.ledger_secret or None)
        target = Target(settings.base_url, settings.tenant_id, settings.auth_scheme.value)
        self._options = options
        self._store = LedgerStore(open_storage(options.path), target, keyring, now=now)
        self._agent_in_row = settings.auth_scheme is AuthScheme.HEADER
        self._identity = identity
        self._is_part = is_part
        self._now = now
        self._layout = Layout()
        self._snapshot = Snapshot(Generation())
        self._moment = 0
        self._is_resumed = False
        self._difference: Difference | None = None
        self._difference_now: Difference | None = None
        self._committed: int | None = None
        self._adopted = 0

    def comparer(self, plan: Plan) -> ColumnComparer:
        """Return what turns the columns of a batch into what is compared.

        :raises InputError: naming each field of ``once`` and ``ignore`` that rows cannot have.
        """
        sent = [each.name for each in plan.fields if self._agent_in_row or each.name != AGENT]
        check_fields(self._options, sent)
        once = sorted(name for name in self._options.once if name in sent)
        self._layout = Layout(tuple(sorted({*sent} - self._options.left_out)), tuple(once))
        return ColumnComparer(self._layout, self._options.left_out, with_agents=not self._agent_in_row)

    def open(self) -> None:
        """Check that the ledger can be used.

        :raises LedgerError: when it is another target's, has other keys, is damaged, or is newer than this provider.
        """
        self._store.open()

    def look(self, batches: Batches, since: Point | None = None, *, is_dry_run: bool = False) -> None:
        """Compare the whole input with the ledger, as it is now or as an earlier try of this import saw it.

        :param batches: returns the input, checked.
        :param since: what the earlier try saw; ``None`` for now, which is also used if that is deleted by now.
        :param is_dry_run: whether nothing may be written.
        :raises LedgerError: when the ledger is damaged, or cannot be written.
        :raises OSError: when the temporary files do not fit on the disk.
        """
        self.close()
        self._snapshot, moment = self._snapshot_of(since, is_dry_run=is_dry_run)
        self._moment = self._options.expected_moment or moment
        self._difference, self._difference_now = self._compared(batches(), self._snapshot), None
        if self.is_resumed:  # other runs, and the earlier try, have claimed and sent customers since
            self._difference_now = self._compared(batches(), self._store.snapshot())

    def preview(self, batches: Batches, input_rows: int) -> None:
        """Open the ledger, compare the input with it and apply the guards, without writing anything.

        :param batches: returns the input, checked.
        :param input_rows: all rows of the input, also those that cannot be sent.
        :raises InputError: if a guard would stop the import.
        :raises LedgerError: when the ledger cannot be used.
        """
        with located(self._options.path):
            self.open()
            self.look(batches, is_dry_run=True)
            self.check(input_rows)

    @property
    def rows_per_call(self) -> int | None:
        """How many rows a call may carry, as an earlier import found it; ``None`` if none has."""
        return self._snapshot.generation.rows_per_call or None

    @property
    def is_resumed(self) -> bool:
        """Whether an earlier try of this import saw the ledger as it is compared with."""
        return self._is_resumed

    @property
    def point(self) -> Point:
        """The generation that the input was compared with, and the second at which rows counted as aged."""
        return self._snapshot.generation.number, self._moment

    @property
    def difference(self) -> Difference:
        """The difference that :meth:`look` has found."""
        if self._difference is None:
            raise RuntimeError("The input was not compared with the ledger yet.")
        return self._difference

    def check(self, input_rows: int) -> None:
        """Raise if a guard stops the import.

        :param input_rows: all rows of the input, also those that cannot be sent.
        :raises InputError: saying which, and what to do.
        """
        found = self.difference
        is_first = not self._snapshot.generation.is_loaded or not found.counts.ledger
        check_guards(
            self._options,
            found.counts,
            found.digest,
            input_rows=None if self._is_part else input_rows,
            is_first=is_first,
        )

    def reading(self, options: Options) -> Options:
        """Return the options to read the input with: one without rows is stopped by ``min_rows``, and not skipped."""
        is_guarded = self._options.min_rows is not None and not self._is_part
        return replace(options, on_empty="succeed") if is_guarded else options

    def verdicts(self) -> Callable[[CheckedBatch, Sequence[int]], Verdicts]:
        """Return what gives the verdicts on the rows of each batch, given those that can be sent, in their order."""
        found = self.difference.verdicts()
        found_now = self._difference_now.verdicts() if self._difference_now else None

        def of(checked: CheckedBatch, left: Sequence[int]) -> Verdicts:
            at = np.asarray(left, np.int64)
            keys = self._keys(checked)
            changes, details = found.of(keys[at])
            is_sent, is_changed = np.zeros(len(checked), np.bool_), np.zeros(len(checked), np.bool_)
            once = np.zeros(len(checked), np.uint8)
            if self._adopts:
                return Verdicts(keys, is_sent, once, {})
            goes = changes <= Change.RETRIED
            is_sent[at], once[at], is_changed[at] = goes, np.where(goes, details, 0), changes == Change.CHANGED
            bad = np.flatnonzero(changes == Change.KNOWN_BAD)
            codes = {int(at[place]): found.codes[details[place]] for place in bad.tolist()}
            groups = {int(at[place]): group for place, group in self.difference.groups.of(keys[at]).items()}
            verdicts = Verdicts(keys, is_sent, once, codes, is_changed, groups=groups)
            if found_now is None:
                return verdicts
            changes_now, details_now = found_now.of(keys[at])
            still_due = np.where(changes_now <= Change.RETRIED, details_now, 0)
            claimed, accepted = np.zeros(len(checked), np.bool_), np.zeros(len(checked), np.bool_)
            claimed[at] = (once[at] & ~still_due) != 0
            accepted[at] = changes_now == Change.UNCHANGED
            return replace(verdicts, claimed=claimed, accepted=accepted)

        return of

    @contextmanager
    def recording(self, batches: Batches, rows_per_call: Callable[[], int | None]) -> Iterator[Answers]:
        """Yield what takes the CRM's answers, and commit them at the end, also after an error.

        :param batches: returns the input, for ``resend="adopt"``.
        :param rows_per_call: returns how many rows a call may carry, if the run has found it.
        :raises LedgerError: when the ledger cannot be written.
        """
        writer = LedgerWriter(self._store, self._layout, self._identity.owner)
        writer.open()
        answers = Answers(writer)
        try:
            if self._adopts:
                self._adopt(writer, batches())
            yield answers
            if self._identity.map_index is None and not self._is_part:
                writer.note_presence(self.difference)
        except BaseException:
            with suppress(LedgerError):  # must not hide the first error; what is written already is found by later runs
                self._commit(writer, answers, rows_per_call(), is_whole=False)
            raise
        self._commit(writer, answers, rows_per_call(), is_whole=True)

    def write_gone(self) -> None:
        """Write the numbers that are gone to ``gone_path``, if it is set and the input is whole and has rows.

        :raises OSError: when it cannot be written.
        """
        if self._options.gone_path is not None and self.difference.counts.total and not self._is_part:
            write_gone(self._options.gone_path, self.difference.gone(), self._store.keyring, self._moment)

    def changes(self) -> dict[str, Any] | None:
        """Return the difference in numbers, for the manifest; ``None`` before it was found."""
        if (found := self._difference) is None:
            return None
        generation = self._snapshot.generation.number if self._committed is None else self._committed
        more = {"adopted": self._adopted} if self._adopts else {}
        return found.counts.manifest() | more | {"generation": generation, "digest": found.digest}

    def close(self) -> None:
        """Give the temporary files back; the numbers of the difference stay."""
        for difference in (self._difference, self._difference_now):
            if difference:
                difference.close()

    @property
    def _adopts(self) -> bool:
        return self._options.resend == "adopt"

    def _snapshot_of(self, since: Point | None, *, is_dry_run: bool) -> tuple[Snapshot, int]:
        earlier = self._store.at(since[0]) if since else None
        self._is_resumed = earlier is not None
        if since and earlier is not None:
            return Snapshot(earlier), since[1]
        if not is_dry_run:  # name the logs of killed runs, so that a retry of this one sees the same
            self._store.commit(self._identity.owner, [], self._layout)
        return self._store.snapshot(), int(self._now())

    def _compared(self, batches: Checked, snapshot: Snapshot) -> Difference:
        rows = InputRows(self._store, self._layout, is_part=self._is_part)
        try:
            for checked, superseded in batches:
                self._add(rows, checked, checked.left(superseded))
            return compare(self._store, snapshot, rows, self._options, self._moment)
        except BaseException:
            rows.close()
            raise

    def _keys(self, checked: CheckedBatch) -> Numbers:
        return self._store.keyring.keys(checked.keys, checked.agents)

    def _add(self, rows: InputRows, checked: CheckedBatch, left: Sequence[int]) -> None:
        at, keys, compared = np.asarray(left, np.int64), self._keys(checked), checked.compared
        if compared is None:
            raise RuntimeError("The input was read without the ledger's comparer.")
        rows.add(keys[at], compared.payloads[at], compared.once[at], compared.fields[at], compared.once_payloads[at])
        is_other = checked.keys != NO_NUMBER_KEY
        is_other[at] = False
        rows.add_unsendable(keys[is_other])

    def _adopt(self, writer: LedgerWriter, batches: Checked) -> None:
        found = self.difference.verdicts()
        for checked, superseded in batches:
            at, keys, compared = np.asarray(checked.left(superseded), np.int64), self._keys(checked), checked.compared
            changes, _ = found.of(keys[at])
            at = at[changes != Change.UNCHANGED]
            if compared is None or not len(at):
                continue
            entries = np.zeros(len(at), self._layout.dtype)
            entries["key"], entries["payload"], entries["once"] = keys[at], compared.payloads[at], compared.once[at]
            for place, group in self.difference.groups.of(keys[at]).items():
                entries["payload"][place] = group.payload
            entries["fields"] = compared.fields[at]
            if checked.agents is not None:
                entries["agent"] = self._store.keyring.agents.places([checked.agents[index] for index in at.tolist()])
            writer.adopt(entries)
            self._adopted += len(at)

    def _commit(self, writer: LedgerWriter, answers: Answers, rows_per_call: int | None, *, is_whole: bool) -> None:
        answers.release_unsent()
        is_loaded = is_whole and not self._is_part
        self._committed = writer.commit(rows_per_call, compacting=is_whole, is_whole=is_loaded).number
