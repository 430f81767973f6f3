"""Save what the CRM answers in the ledger's logs, while an import runs."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

import numpy as np

from airflow_provider_socialscrm.importer.changes.claims import Claims
from airflow_provider_socialscrm.importer.changes.compaction import compact, is_due
from airflow_provider_socialscrm.importer.changes.entries import Layout, Outcome
from airflow_provider_socialscrm.importer.changes.generation import LOGS
from airflow_provider_socialscrm.importer.rows import LedgerRow

if TYPE_CHECKING:
    from airflow_provider_socialscrm.importer.changes.arrays import Records
    from airflow_provider_socialscrm.importer.changes.difference import Difference
    from airflow_provider_socialscrm.importer.changes.generation import File, Generation
    from airflow_provider_socialscrm.importer.changes.store import LedgerStore

INTERVAL: Final = 1.0
"""Seconds between two logs while calls are answered, as between two saves of the checkpoint."""

ADOPTED: Final = "adopted"
"""The code of customers that were taken for accepted without a call."""

_AT_ONCE: Final = 2**18
"""Entries of a log that is written without waiting for the interval, 15 MB: as when an input is adopted."""


class LedgerWriter:
    """Writes logs: about once a second, and at once before a call that must not be repeated.

    :param store: the ledger.
    :param layout: the fields that have a byte, and those that are sent once.
    :param run: the DAG, the task and the run, in any characters.
    :param part: the try and, of a mapped task, its index, as in ``2-0``.
    :param clock: seconds of a clock that never goes back.
    :param interval: seconds between two logs.
    """

    def __init__(
        self,
        store: LedgerStore,
        layout: Layout,
        run: str,
        part: str = "1-0",
        *,
        clock: Callable[[], float] = time.monotonic,
        interval: float = INTERVAL,
    ) -> None:
        self._store = store
        self._codec = store.codec(layout)
        self._run = run
        self._prefix = f"{LOGS}/{_folder(run)}/{part}"
        self._token = secrets.token_hex(4)
        self._clock = clock
        self._interval = interval
        self._due = float("-inf")
        self._waiting: list[Records] = []
        self._waiting_rows = 0
        self._files: list[File] = []
        self._claims: Claims | None = None
        self._claimed: dict[int, int] = {}
        """The second of each claim that has no answer yet."""
        self._released: dict[int, int] = {}
        """The second of the last release of each row that was claimed and not taken."""

    def open(self) -> None:
        """Make the ledger if it is not there, so that a folder that cannot be written shows before the first call.

        :raises LedgerError: when it cannot be written.
        """
        self._store.make()

    def record(self, outcome: Outcome, rows: Sequence[LedgerRow], code: str | None = None) -> None:
        """Take the rows of an answer: accepted, rejected or blocked. They are written by the next :meth:`flush`.

        :param code: of the answer, or our name for what is wrong.
        :raises LedgerError: when many rows wait and cannot be written.
        """
        if rows:
            entries = self._unclaimed(outcome, rows, code)
            if outcome is Outcome.REJECTED:  # such a field may be what is wrong
                entries["payload"] = [row.with_once or row.payload if row.once else row.payload for row in rows]
            self._add(entries)

    def claim(self, rows: Iterable[LedgerRow]) -> list[LedgerRow]:
        """Write that the fields that go once are about to be sent with these rows, and wait until it is written.

        Rows without such a field need no claim. A claim that is neither accepted, rejected nor released counts as sent,
        since nobody knows. Rows that another run claimed since this one read the ledger are returned: they must not be
        sent. They are not claimed here, so leave them to a later run, which then knows what became of them.

        :raises LedgerError: when it cannot be written: the call must not be made.
        """
        with_once = [row for row in rows if row.once]
        if not with_once:
            return []
        if self._claims is None:
            known = self._store.first_snapshot or self._store.snapshot()
            self._claims = Claims(self._store, self._codec, self._token, known.claims)
        entries = self._entries(Outcome.CLAIMED, with_once, None)
        # Events of one second have no order between files, so a second claim is later than the release of the first.
        before = np.array([self._released.get(row.key, 0) for row in with_once], np.uint32)
        entries["seen"] = np.maximum(entries["seen"], before + np.uint32(1))
        is_free = self._claims.claim(entries)
        self._files += self._claims.files
        self._claims.files = []
        for row, free, second in zip(with_once, is_free.tolist(), entries["seen"].tolist(), strict=True):
            if free:
                self._claimed[row.key] = second
        return [row for row, free in zip(with_once, is_free.tolist(), strict=True) if not free]

    def announce(self, rows: Iterable[LedgerRow]) -> None:
        """Write which customers are about to get other values than they have, and wait until it is written.

        Where no answer follows, nobody knows which values the CRM has, so a later run sends whatever its input has.

        :raises LedgerError: when it cannot be written: the calls must not be made.
        """
        if changed := [row for row in rows if row.is_changed]:
            entries = self._entries(Outcome.SENDING, changed, None)
            entries["once"] = 0
            self._add(entries)
            self.flush()

    def release(self, rows: Iterable[LedgerRow]) -> None:
        """Take back claims: the CRM definitely did not take these rows."""
        with_once = [row for row in rows if row.once]
        if with_once:
            self._add(self._unclaimed(Outcome.RELEASED, with_once, None))

    def adopt(self, entries: Records) -> None:
        """Take customers for accepted without a call.

        :param entries: with their keys, payloads, agents, bits and bytes; the rest is filled in.
        :raises LedgerError: when they cannot be written.
        """
        moment = self._store.moment()
        entries = entries.copy()
        entries["outcome"], entries["was_accepted"], entries["code"] = (
            Outcome.ACCEPTED,
            True,
            self._store.codes.place(ADOPTED),
        )
        entries["seen"] = entries["first"] = moment
        self._add(entries)

    def note_presence(self, difference: Difference) -> None:
        """Note who is gone since the last run, and who is back.

        Only a run that sees the whole input may: a mapped task sees a part of it, and a dead letter is one.

        :raises LedgerError: when it cannot be written.
        """
        for block in difference.gone():
            self._add(self._presence(Outcome.GONE, block[block["gone"] == 0]))
        for block in difference.back():
            self._add(self._presence(Outcome.BACK, block))

    def flush_if_due(self) -> None:
        """Write what waits if the last log is old enough.

        :raises LedgerError: when it cannot be written.
        """
        if self._waiting and self._clock() >= self._due:
            self.flush()

    def flush(self) -> None:
        """Write what waits, and return when it is written.

        :raises LedgerError: when it cannot be written; a later call tries again.
        """
        if not self._waiting:
            return
        entries = np.concatenate(self._waiting)
        name = f"{self._prefix}-{len(self._files):06}-{self._token}.parquet"
        self._files.append(self._store.write(name, entries, self._codec))
        self._waiting, self._waiting_rows = [], 0
        self._due = self._clock() + self._interval

    def commit(
        self, rows_per_call: int | None = None, *, compacting: bool = True, is_whole: bool = False
    ) -> Generation:
        """Write what waits, and add all logs to the ledger. Safe to repeat, also after an error.

        :param rows_per_call: how many rows a call may carry, for the next import; ``None`` if it is not known.
        :param compacting: compact the ledger if that is due; leave it to a later run where time is short.
        :param is_whole: whether the run came to its end.
        :raises LedgerError: when the ledger cannot be read or written. Logs that are written are found by later runs.
        """
        self.flush()
        committed = self._store.commit(self._run, self._files, self._codec.layout, rows_per_call, is_whole=is_whole)
        if compacting and is_due(committed):
            return compact(self._store, self._run) or committed
        return committed

    def _entries(self, outcome: Outcome, rows: Sequence[LedgerRow], code: str | None) -> Records:
        entries = np.zeros(len(rows), self._codec.layout.dtype)
        keys, payloads, agents, once, fields, *_ = zip(*rows, strict=True)
        entries["key"], entries["payload"], entries["once"] = keys, payloads, once
        entries["agent"] = self._store.keyring.agents.places(agents)
        entries["code"] = self._store.codes.place(code)
        entries["outcome"], entries["was_accepted"] = outcome, outcome is Outcome.ACCEPTED
        entries["seen"] = entries["first"] = self._store.moment()
        width = len(self._codec.layout.fields)
        if width and any(fields):
            entries["fields"] = np.frombuffer(b"".join(each or bytes(width) for each in fields), np.uint8).reshape(
                -1, width
            )
        return entries

    def _unclaimed(self, outcome: Outcome, rows: Sequence[LedgerRow], code: str | None) -> Records:
        """Return entries that end claims, and are later than these if they take them back."""
        entries = self._entries(outcome, rows, code)
        if not self._claimed:
            return entries
        for place, row in enumerate(rows):
            second = self._claimed.pop(row.key, None)
            if second is not None and outcome is not Outcome.ACCEPTED:
                entries["seen"][place] = self._released[row.key] = max(int(entries["seen"][place]), second + 1)
        return entries

    def _presence(self, outcome: Outcome, keys: Records) -> Records:
        entries = np.zeros(len(keys), self._codec.layout.dtype)
        entries["key"], entries["outcome"] = keys["key"], outcome
        entries["agent"] = self._store.keyring.agent_places(keys["key"])
        entries["seen"] = entries["first"] = self._store.moment()
        return entries

    def _add(self, entries: Records) -> None:
        if not len(entries):
            return
        self._waiting.append(entries)
        self._waiting_rows += len(entries)
        if self._waiting_rows >= _AT_ONCE:
            self.flush()


def _folder(run: str) -> str:
    """Return a folder's name for a run: of plain characters, and different for different runs."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", run)[:80].strip("._") or "run"
    return f"{plain}-{blake2b(run.encode(), digest_size=4).hexdigest()}"
