"""Inspect a ledger: what it has, in numbers, and whether its files agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from airflow_provider_socialscrm.importer.changes.compaction import buckets_for, merged_buckets
from airflow_provider_socialscrm.importer.changes.entries import Layout, Outcome
from airflow_provider_socialscrm.importer.changes.entry_files import decoded, file_of
from airflow_provider_socialscrm.importer.changes.generation import (
    CLAIMS,
    FOLDER,
    LOGS,
    RESTORE,
    File,
    folder_of,
    number_of,
)
from airflow_provider_socialscrm.importer.changes.spool import FINE_BUCKETS
from airflow_provider_socialscrm.importer.errors import LedgerError
from airflow_provider_socialscrm.wording import counted

if TYPE_CHECKING:
    from airflow_provider_socialscrm.importer.changes.entries import Codec
    from airflow_provider_socialscrm.importer.changes.generation import Generation
    from airflow_provider_socialscrm.importer.changes.store import LedgerStore, Snapshot


@dataclass(slots=True)
class Summary:
    """A ledger in numbers.

    :param customers: that it has.
    :param outcomes: customers by their last answer.
    :param gone: customers that the input had no more.
    :param once: customers that a field was sent to, by the field.
    """

    customers: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    gone: int = 0
    once: Counter[str] = field(default_factory=Counter)


def summary_of(store: LedgerStore, snapshot: Snapshot) -> Summary:
    """Return the customers of a ledger in numbers.

    :raises LedgerError: when it is damaged.
    """
    newest, found = snapshot.generation, Summary()
    codec = store.codec(Layout(newest.fields, newest.once))
    rows = newest.base_rows + sum(file.rows for file in snapshot.logs)
    for _, entries in merged_buckets(store, snapshot, codec, buckets_for(rows, newest.buckets)):
        found.customers += len(entries)
        found.gone += int((entries["gone"] != 0).sum())
        for outcome, rows in enumerate(np.bincount(entries["outcome"]).tolist()):
            if rows:
                found.outcomes[Outcome(outcome).name.lower()] += rows
        for bit, name in enumerate(newest.once):
            found.once[name] += int((entries["once"] >> bit & 1).sum())
    return found


def disagreements(store: LedgerStore) -> Iterator[str]:
    """Yield a sentence for each disagreement between the files of a ledger, with what to do.

    :raises LedgerError: when its storage cannot be read.
    """
    yield from _generations(store)
    try:
        newest = store.newest()
    except LedgerError as damage:
        yield str(damage)
        return
    codec = store.codec(Layout(newest.fields, newest.once))
    yield from _base(store, newest, codec)
    for file in newest.logs:
        yield from _read(store, file, codec)
    yield from _unread(store, newest, codec)


def _generations(store: LedgerStore) -> Iterator[str]:
    kept = store.kept()
    for name in kept[:-1]:
        try:
            store.generation(name)
        except LedgerError:
            yield f"The ledger's file {name} is missing or damaged, and no run reads it: delete it."
    for name in store.storage.names(FOLDER):
        if number_of(name) is None:
            yield f"The file {name} is not a generation of the ledger, and no run reads it: move it elsewhere."
    for one, other in pairwise([number_of(name) or 0 for name in kept]):
        if other != one + 1:
            missing = f"generation {one + 1}" if other == one + 2 else f"generations {one + 1} to {other - 1}"
            yield f"The ledger has generations {one} and {other} without {missing} between them: {RESTORE}."


def _base(store: LedgerStore, newest: Generation, codec: Codec) -> Iterator[str]:
    folders = Counter(file.name.rpartition("/")[0] for file in newest.base)
    expected = {folder_of(bucket): bucket for bucket in range(newest.buckets)}
    for folder, files in sorted(folders.items()):
        if folder not in expected:
            yield f"{newest.name} names the bucket {folder}, and the ledger has {newest.buckets}: {RESTORE}."
        elif files > 1:
            yield f"{newest.name} names {files} files of the bucket {folder}, of which runs read one: {RESTORE}."
    for file in newest.base:
        bucket = expected.get(file.name.rpartition("/")[0])
        if bucket is not None:
            yield from _read(store, file, codec, (bucket, newest.buckets))


def _read(store: LedgerStore, file: File, codec: Codec, place: tuple[int, int] | None = None) -> Iterator[str]:
    """Yield what is wrong with a file.

    :param place: of a file of the base: its bucket, and how many there are.
    """
    content = store.storage.read(file.name)
    if content is None:
        yield f"The file {file.name} is missing: {RESTORE}."
        return
    if len(content) != file.size:
        yield f"The file {file.name} has {counted(len(content), 'byte')} instead of {file.size:,}: {RESTORE}."
        return
    if File.of(file.name, content, file.rows) != file:
        yield f"The content of the file {file.name} is not what was written: {RESTORE}."
        return
    try:
        keys = decoded(file, content, codec)["key"]
    except LedgerError:
        shape = counted(file.rows, "row")
        yield f"The file {file.name} is not the Parquet file of {shape} that it should be: {RESTORE}."
        return
    if place is not None:
        bucket, buckets = place
        ordered = np.sort(keys) if store.keyring.by_agent else keys
        if (ordered[1:] <= ordered[:-1]).any() or (np.diff(store.keyring.numbers(keys)) < 0).any():
            yield f"The file {file.name} is not in the order of its keys, or has one twice: {RESTORE}."
        if strangers := int((store.keyring.buckets(keys).astype(np.int64) * buckets // FINE_BUCKETS != bucket).sum()):
            yield f"The file {file.name} has {counted(strangers, 'row')} of other buckets: {RESTORE}."


def _unread(store: LedgerStore, newest: Generation, codec: Codec) -> Iterator[str]:
    """Yield what is wrong with logs that no generation names: the next run reads them."""
    for name in store.storage.names(LOGS):
        if name in newest.named:
            continue
        if not name.endswith(".parquet"):
            yield f"The file {name} is not a log of the ledger, and no run reads it: move it elsewhere."
            continue
        content = store.storage.read(name)
        try:
            if content is not None:
                decoded(file_of(name, content), content, codec)
        except LedgerError:
            what = "a claim" if name.startswith(CLAIMS) else "what the CRM answered"
            yield f"The log {name} is damaged and has {what}, so no run starts: restore it, or delete it if you cannot."


def sizes(files: Sequence[File]) -> dict[str, int]:
    """Return the number of files, with their rows and bytes."""
    return {
        "files": len(files),
        "rows": sum(file.rows for file in files),
        "bytes": sum(file.size for file in files),
    }
