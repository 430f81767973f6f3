"""Forget customers: after it no file of the ledger has their numbers."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final

import numpy as np

from airflow_provider_socialscrm.importer.changes.compaction import compact
from airflow_provider_socialscrm.importer.changes.deletion import delete_old
from airflow_provider_socialscrm.importer.changes.entries import Layout, writer_of
from airflow_provider_socialscrm.importer.changes.entry_files import decoded, file_of
from airflow_provider_socialscrm.importer.changes.generation import CLAIMS, LOGS, Generation, claim_number
from airflow_provider_socialscrm.importer.changes.store import MOST_TRIES
from airflow_provider_socialscrm.importer.errors import LedgerError

if TYPE_CHECKING:
    from airflow_provider_socialscrm.importer.changes.arrays import Flags, Numbers
    from airflow_provider_socialscrm.importer.changes.entries import Codec
    from airflow_provider_socialscrm.importer.changes.store import LedgerStore
    from airflow_provider_socialscrm.importer.changes.table import Table

RUN: Final = "ledger forget"
"""Who commits, for people."""


class Forgotten:
    """Numbers to forget, and what was found of them.

    :param store: the ledger.
    :param numbers: digits, country code first.
    """

    def __init__(self, store: LedgerStore, numbers: Numbers) -> None:
        self.customers = 0
        """Entries that were left out."""
        self._store = store
        self._numbers = np.unique(numbers)
        self._by_agents = 0
        self._hidden = store.keyring.hidden(self._numbers)

    def keep(self, entries: Table) -> Table:
        """Return the entries that stay."""
        is_forgotten = self.are_among(entries)
        self.customers += int(is_forgotten.sum())
        return entries.take(np.flatnonzero(~is_forgotten))

    def are_among(self, entries: Table) -> Flags:
        """Return which entries are of numbers to forget."""
        agents = len(self._store.keyring.agents.texts)
        if agents > self._by_agents:  # entries that were read since may have other agents, with hashes of their own
            self._by_agents, self._hidden = agents, self._store.keyring.hidden(self._numbers)
        found: Flags = np.isin(self._store.keyring.numbers(entries["key"]), self._hidden)
        return found


def forget(store: LedgerStore, numbers: Numbers) -> int:
    """Leave numbers out of all files of a ledger, and return how many customers it had of them.

    Runs may go on meanwhile: what they save is kept. A run that is just comparing its input with the ledger stops
    before its first call, since the files it reads are deleted.

    :param numbers: digits, country code first.
    :raises LedgerError: when the ledger cannot be read or written, or other runs commit all the time.
    """
    customers = 0
    for _ in range(MOST_TRIES):
        forgotten = Forgotten(store, numbers)
        newest = store.newest()
        committed = store.commit(RUN, (), Layout(newest.fields, newest.once))  # so that each log has a generation
        after = compact(store, RUN, forgotten.keep)
        if after is None:
            continue
        customers = max(customers, forgotten.customers)
        delete_old(store, older_than=-inf)
        codec = store.codec(Layout(committed.fields, committed.once))
        _clear_claims(store, after, forgotten, codec)
        if not _are_in_logs(store, after, forgotten, codec):
            return customers
    raise LedgerError("Other imports commit to the ledger all the time: retry later.")


def _clear_claims(store: LedgerStore, after: Generation, forgotten: Forgotten, codec: Codec) -> None:
    """Write claims without the numbers: their files stay, since other runs look for them."""
    merged = {each.name for each in after.merged}
    for name in store.storage.names(CLAIMS):
        content = store.storage.read(name) if name in merged and claim_number(name) else None
        if content is not None:
            entries = decoded(file_of(name, content), content, codec)
            is_forgotten = forgotten.are_among(entries)
            if is_forgotten.any():
                left = entries.take(np.flatnonzero(~is_forgotten))
                store.storage.write(name, codec.encode(left, writer_of(content)))


def _are_in_logs(store: LedgerStore, after: Generation, forgotten: Forgotten, codec: Codec) -> bool:
    """Return whether a run has saved one of the numbers meanwhile."""
    merged = {each.name for each in after.merged}
    for name in store.storage.names(LOGS):
        content = store.storage.read(name) if name not in merged else None
        if content is not None and forgotten.are_among(decoded(file_of(name, content), content, codec)).any():
            return True
    return False
