"""Deletes the files of a ledger that no run reads any more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from airflow_provider_socialscrm.importer.changes import generation as generations
from airflow_provider_socialscrm.importer.changes.generation import BASE, Generation

if TYPE_CHECKING:
    from airflow_provider_socialscrm.importer.changes.store import LedgerStore

RETENTION_SECONDS: Final = 7 * 24 * 3600
"""Time for which files stay after no new generation has them: for runs that read them, and for people."""

UNFINISHED_SECONDS: Final = 60.0
"""Age at which a local file that is being written may be deleted at the earliest: many times what writing it takes."""


def delete_old(store: LedgerStore, *, older_than: float = RETENTION_SECONDS) -> None:
    """Delete what newer generations have replaced for some time, and what killed runs left.

    :param older_than: for how many seconds.
    :raises LedgerError: when the ledger cannot be read or written.
    """
    limit = store.now() - older_than
    kept = store.numbers()
    while len(kept) > 1:
        # Another run may delete at the same time, so that a generation is gone when it is read.
        old, newer = store.read_generation(kept[0]), store.read_generation(kept[1])
        if newer and newer.committed_at > limit:
            break
        for file in old.base if old and newer else ():
            if newer and file not in newer.base:
                store.storage.delete(file.name)
        store.storage.delete(generations.name_of(kept.pop(0)))
    newest = store.read_generation(kept[-1]) if kept else None
    for merged in newest.merged if newest else ():
        # A claim stays where all else is deleted: runs that know nothing of it look for its number.
        is_claim = generations.claim_number(merged.name) is not None
        if merged.at <= (min(limit, store.now() - RETENTION_SECONDS) if is_claim else limit):
            store.storage.delete(merged.name)
    if newest:
        _delete_abandoned(store, kept, newest, limit)


def _delete_abandoned(store: LedgerStore, kept: Sequence[int], newest: Generation, limit: float) -> None:
    """Delete what runs left that were killed: files of the base that no generation names, and unfinished ones."""
    unknown = [
        name
        for name in store.storage.names(BASE)
        # One that is written for a later generation may be named soon, whatever the clocks of its machine say.
        if name not in newest.named and written_at(name) <= limit and generations.built_for(name) <= newest.number
    ]
    if unknown:
        named = set[str]().union(*(each.named for number in kept if (each := store.read_generation(number))))
        for name in unknown:
            if name not in named:
                store.storage.delete(name)
    for name, changed_at in store.storage.unfinished(""):
        if changed_at <= min(limit, store.now() - UNFINISHED_SECONDS):
            store.storage.delete(name)


def written_at(name: str) -> int:
    """Return when a file of the base was written, in seconds since the epoch; 0 where its name does not say so."""
    moment = name.rpartition("/")[2].partition("-")[0]
    return int(moment) if moment.isascii() and moment.isdigit() else 0
