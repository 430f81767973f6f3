"""Ledgers that tests write and compare."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from airflow_provider_socialscrm.importer.changes.compare import compare
from airflow_provider_socialscrm.importer.changes.difference import Change, Counts, Difference
from airflow_provider_socialscrm.importer.changes.entries import Layout, Outcome
from airflow_provider_socialscrm.importer.changes.input_rows import InputRows
from airflow_provider_socialscrm.importer.changes.keys import Keyring
from airflow_provider_socialscrm.importer.changes.options import Ledger
from airflow_provider_socialscrm.importer.changes.recording import LedgerWriter
from airflow_provider_socialscrm.importer.changes.storage import LocalStorage, Storage
from airflow_provider_socialscrm.importer.changes.store import LedgerStore, Target
from airflow_provider_socialscrm.importer.rows import LedgerRow as Sent

TARGET = Target("https://crm.example", "1", "body")
LAYOUT = Layout(("friendName", "income"), ("welcome",))
START = 1_790_000_000
"""A second at which tests begin."""


class World:
    """A ledger, and a clock that the test sets. Each step opens the ledger again, as another process does."""

    def __init__(
        self, place: Path | Storage, layout: Layout = LAYOUT, *, target: Target = TARGET, **keyring: Any
    ) -> None:
        self.storage = LocalStorage(place) if isinstance(place, Path) else place
        self.layout = layout
        self.target = target
        self.now = START
        self._keyring = keyring
        self._runs = 0
        self.open: list[Difference] = []

    def store(self) -> LedgerStore:
        store = LedgerStore(self.storage, self.target, Keyring(**self._keyring), now=lambda: self.now)
        store.open()
        return store

    def writer(self, run: str = "", store: LedgerStore | None = None, part: str = "1-0") -> LedgerWriter:
        self._runs += 1
        writer = LedgerWriter(
            store or self.store(),
            self.layout,
            run or f"run {self._runs}",
            part,
            clock=lambda: self.now,
        )
        writer.open()
        return writer

    def record(self, *rows: Sent, outcome: Outcome = Outcome.ACCEPTED, code: str | None = None, **commit: Any) -> None:
        """Record rows in a run of their own, and commit it."""
        writer = self.writer()
        writer.record(outcome, rows, code)
        writer.commit(**commit)

    def difference(self, rows: Iterable[Sent], others: Sequence[int] = (), **options: Any) -> Difference:
        store = self.store()
        pairs = InputRows(store, self.layout)
        for row in rows:
            keys = store.keyring.keys(np.array([row.key]), [row.agent])
            fields = np.frombuffer(row.fields or bytes(len(self.layout.fields)), np.uint8)[None, :]
            pairs.add(keys, np.array([row.payload], np.uint64), np.array([row.once], np.uint8), fields)
        pairs.add_unsendable(store.keyring.keys(np.array(others, np.int64), [None] * len(others)))
        self.open.append(compare(store, store.snapshot(), pairs, Ledger("ledger", **options), self.now))
        return self.open[-1]

    def close(self) -> None:
        """Close what was compared."""
        while self.open:
            self.open.pop().close()

    def changes(self, rows: Sequence[Sent], others: Sequence[int] = (), **options: Any) -> list[Change]:
        """Return the class of each row."""
        difference = self.difference(rows, others, **options)
        keyring = self.store().keyring
        found, _ = difference.verdicts().of(keyring.keys(np.array([row.key for row in rows]), [r.agent for r in rows]))
        difference.close()
        return [Change(each) for each in found]

    def counts(self, rows: Iterable[Sent], others: Sequence[int] = (), **options: Any) -> Counts:
        difference = self.difference(rows, others, **options)
        difference.close()
        return difference.counts

    def gone(self, rows: Iterable[Sent], others: Sequence[int] = (), **options: Any) -> list[int]:
        difference = self.difference(rows, others, **options)
        gone = [int(key) for block in difference.gone() for key in block["key"]]
        difference.close()
        return gone

    def entries(self) -> dict[int, Any]:
        """Return all entries by their key."""
        return {int(entry["key"]): entry for entry in read(self.store(), self.layout)}


def read(store: LedgerStore, layout: Layout = LAYOUT) -> Any:
    """Return all entries of a ledger, one for each customer, as records."""
    from airflow_provider_socialscrm.importer.changes.merge import apply
    from airflow_provider_socialscrm.importer.changes.table import Table

    snapshot, codec = store.snapshot(), store.codec(layout)
    bases = [store.base(snapshot.generation, bucket, codec) for bucket in range(snapshot.generation.buckets)]
    base = Table.joined([codec.none(), *bases])
    events = store.events(snapshot.logs, codec)
    entries = apply(base.take(base["key"].argsort()), events.read(0, 256))
    events.close()
    records = np.zeros(len(entries), layout.dtype)
    for name in entries.names:
        records[name] = entries[name]
    return records
