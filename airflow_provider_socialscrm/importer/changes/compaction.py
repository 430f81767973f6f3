"""Compact a ledger: its logs become part of the base."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Final

import numpy as np

from airflow_provider_socialscrm.importer.changes.deletion import RETENTION_SECONDS, delete_old
from airflow_provider_socialscrm.importer.changes.entries import Layout
from airflow_provider_socialscrm.importer.changes.generation import File, Generation, Merged, base_name
from airflow_provider_socialscrm.importer.changes.merge import apply
from airflow_provider_socialscrm.importer.changes.spool import FINE_BUCKETS
from airflow_provider_socialscrm.importer.changes.store import Snapshot

if TYPE_CHECKING:
    from airflow_provider_socialscrm.importer.changes.entries import Codec
    from airflow_provider_socialscrm.importer.changes.store import LedgerStore
    from airflow_provider_socialscrm.importer.changes.table import Table

MOST_LOGS: Final = 64
"""Logs that a ledger has before it is compacted."""

SHARE: Final = 0.1
"""Entries in logs before a ledger is compacted, as a share of those in the base."""

ROWS_PER_BUCKET: Final = 2**19
"""Entries of a bucket that are held in memory at a time: some 30 MB."""


def is_due(generation: Generation) -> bool:
    """Return whether reading the logs takes long enough to compact the ledger."""
    return len(generation.logs) > MOST_LOGS or generation.log_rows > generation.base_rows * SHARE


def buckets_for(rows: int, at_least: int = 1) -> int:
    """Return how many buckets a base of this size has: a power of two, which never becomes smaller."""
    wanted = -(-rows // ROWS_PER_BUCKET)
    return min(FINE_BUCKETS, max(at_least, 1 << max(0, wanted - 1).bit_length()))


def compact(
    store: LedgerStore, run: str, keep: Callable[[Table], Table] = lambda entries: entries
) -> Generation | None:
    """Write a new base with all logs that the newest generation names, and return its generation.

    ``None`` if another run committed meanwhile, and this one's work is thrown away.

    :param run: who commits, for people.
    :param keep: returns the entries that stay.
    :raises LedgerError: when the ledger cannot be read or written.
    """
    now = int(store.now())
    delete_old(store)  # so that none of the logs that are named no longer is left
    newest = store.newest()
    codec = store.codec(Layout(newest.fields, newest.once))
    buckets = buckets_for(newest.base_rows + newest.log_rows, newest.buckets)
    base: list[File] = []
    for bucket, entries in merged_buckets(store, Snapshot(newest), codec, buckets):
        left = keep(entries)
        if len(left):
            name = base_name(bucket, now, newest.number + 1, secrets.token_hex(4))
            base.append(store.write(name, left, codec))
    merged = (*newest.merged, *(Merged(file.name, now) for file in newest.logs))
    merged = tuple(each for each in merged if each.at > now - RETENTION_SECONDS)
    after = store.replaced(newest, run, buckets=buckets, base=tuple(base), logs=(), merged=merged)
    if store.publish(after):
        return after
    for file in base:
        store.storage.delete(file.name)
    return None


def merged_buckets(store: LedgerStore, snapshot: Snapshot, codec: Codec, buckets: int) -> Iterator[tuple[int, Table]]:
    """Yield each bucket with its entries, one for each customer, sorted by key.

    :param buckets: how many: at least as many as the base has.
    :raises LedgerError: when something is damaged.
    """
    newest = snapshot.generation
    split, fine = buckets // newest.buckets, FINE_BUCKETS // buckets
    with closing(store.events(snapshot.logs, codec)) as events:
        for bucket, entries in store.bases(newest, codec):
            places = store.keyring.buckets(entries["key"]) // fine if split > 1 else None
            for part in range(bucket * split, (bucket + 1) * split):
                mine = entries if places is None else entries.take(np.flatnonzero(places == part))
                yield part, apply(mine, events.read(part * fine, (part + 1) * fine))
