"""Compare the input with a ledger, bucket by bucket: a class for each row, and the numbers that are gone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from enum import IntEnum
from hashlib import blake2b
from os import SEEK_END
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from airflow_provider_socialscrm.importer.changes.compaction import buckets_for
from airflow_provider_socialscrm.importer.changes.entries import Layout, Outcome
from airflow_provider_socialscrm.importer.changes.hashing import ABSENT, fingerprint, fractions
from airflow_provider_socialscrm.importer.changes.merge import apply, find
from airflow_provider_socialscrm.importer.changes.spool import FINE_BUCKETS, MEMORY_BYTES, BucketSpool
from airflow_provider_socialscrm.importer.results.report import LONGEST_NAME, MOST_NAMES, shortened

if TYPE_CHECKING:
    from airflow_provider_socialscrm.importer.changes.arrays import Bytes, Numbers, Payloads, Places, Records
    from airflow_provider_socialscrm.importer.changes.options import Ledger
    from airflow_provider_socialscrm.importer.changes.store import LedgerStore, Snapshot

MOST_CODES: Final = 255
"""Different codes of known bad rows; any further ones count as no code."""

AT_ONCE: Final = 2**16
"""Numbers that are gone which are yielded at a time."""


class Change(IntEnum):
    """Why a row is sent, or not."""

    NEW = 0  # the ledger does not have the number
    CHANGED = 1  # it was accepted, or refused, with another payload; or a field that goes once has its first value
    AGED = 2  # it did not change, and was accepted long ago; or all rows are to be sent
    RETRIED = 3  # it did not change, and was not accepted
    UNCHANGED = 4  # it was accepted as it is
    KNOWN_BAD = 5  # it was refused as it is


SENT: Final = (Change.NEW, Change.CHANGED, Change.AGED, Change.RETRIED)
"""The classes whose rows are sent."""

GUARDED: Final = (Change.NEW, Change.CHANGED, Change.RETRIED)
"""The classes that ``max_changes`` counts."""

_LAST_SENT: Final = Change.RETRIED
_GONE: Final = np.dtype([("key", "<i8"), ("gone", "<u4")])
_VERDICT: Final = np.dtype([("change", "u1"), ("detail", "u1")])


class InputRows:
    """The rows of an input that can be sent, as pairs by bucket, 16 bytes each.

    :param store: the ledger.
    :param layout: the fields that have a byte, and those that are sent once; without any a row has no further bytes.
    """

    def __init__(self, store: LedgerStore, layout: Layout | None = None, *, memory_bytes: int = MEMORY_BYTES) -> None:
        self.layout = layout or Layout()
        self.keyring = store.keyring
        pair = [("key", "<i8"), ("payload", "<u8")]
        once = [("once", "u1")] if self.layout.once else []
        fields = [("fields", "u1", (len(self.layout.fields),))] if self.layout.fields else []
        self.sendable = BucketSpool(np.dtype([*pair, *once, *fields]), self.keyring.buckets, memory_bytes=memory_bytes)
        self.others = BucketSpool(np.dtype([("key", "<i8")]), self.keyring.buckets, memory_bytes=memory_bytes)

    def add(self, keys: Numbers, payloads: Payloads, once: Bytes | None = None, fields: Bytes | None = None) -> None:
        """Take the next rows that can be sent, in the order of the input.

        :param keys: as :meth:`.keys.Keyring.keys` returns them.
        :param once: a bit for each field of the layout's ``once`` that the row has a value for.
        :param fields: the bytes of the layout's fields, a row each.
        :raises OSError: when the disk is full.
        """
        records = np.zeros(len(keys), self.sendable.dtype)
        records["key"], records["payload"] = keys, payloads
        if once is not None and self.layout.once:
            records["once"] = once
        if fields is not None and self.layout.fields:
            records["fields"] = fields
        self.sendable.add(records)

    def add_unsendable(self, keys: Numbers) -> None:
        """Take numbers of rows that cannot be sent, so that they do not count as gone."""
        records = np.zeros(len(keys), self.others.dtype)
        records["key"] = keys
        self.others.add(records)

    @property
    def rows(self) -> int:
        """Rows of the input that have a number."""
        return self.sendable.rows + self.others.rows

    def flush(self) -> None:
        """Write what waits: all rows were added."""
        self.sendable.flush()
        self.others.flush()

    def close(self) -> None:
        """Give the files back."""
        self.sendable.close()
        self.others.close()


@dataclass(slots=True)
class Counts:
    """A difference in numbers.

    :param rows: of the input, by class.
    :param gone: numbers that the CRM accepted and the input has not.
    :param newly_gone: those of them that an earlier run still had.
    :param by_field: rows that changed, by the field that did.
    :param emptied: rows that had a value of a field and have none, by the field: the CRM keeps the old value.
    :param ledger: numbers that the ledger has.
    """

    rows: Counter[Change] = field(default_factory=Counter)
    gone: int = 0
    newly_gone: int = 0
    by_field: Counter[str] = field(default_factory=Counter)
    emptied: Counter[str] = field(default_factory=Counter)
    ledger: int = 0

    @property
    def total(self) -> int:
        """Rows that were compared."""
        return self.rows.total()

    @property
    def to_send(self) -> int:
        """Rows that are sent."""
        return sum(self.rows[change] for change in SENT)

    def manifest(self) -> dict[str, Any]:
        """Return it for the manifest, by plain names."""
        shown = {change.name.lower(): self.rows[change] for change in SENT}
        fields = {"by_field": _most(self.by_field), "emptied": _most(self.emptied)}
        return shown | {"gone": self.gone, "newly_gone": self.newly_gone} | fields


def _most(rows: Counter[str]) -> dict[str, int]:
    return {shortened(name, LONGEST_NAME): count for name, count in rows.most_common(MOST_NAMES)}


class Difference:
    """The difference between an input and a ledger. It holds temporary files: close it.

    :param rows: of the input; they are closed with the difference.
    :param moment: at which rows count as aged, in seconds since the epoch.
    :param codes: texts of the ledger's codes, by their places.
    """

    def __init__(self, rows: InputRows, moment: int, codes: Sequence[str]) -> None:
        self.counts = Counts()
        self.moment = moment
        self._rows = rows
        self._codes = codes
        self._known_codes = [0]
        self._verdicts, self._gone, self._back = _file(), _file(), _file()
        self._sums = [0, 0]

    @property
    def digest(self) -> str:
        """The moment and a hash of all that would be sent, and of who is gone: equal for equal differences."""
        numbers = (*self._sums, *(self.counts.rows[change] for change in SENT), self.counts.gone)
        return f"{self.moment}-{blake2b(' '.join(map(str, numbers)).encode(), digest_size=16).hexdigest()}"

    def verdicts(self) -> Verdicts:
        """Return the classes of the rows, to be asked for in the order in which the rows were added."""
        return Verdicts(self._rows.sendable, self._verdicts, [self._codes[code] for code in self._known_codes])

    def gone(self) -> Iterator[Records]:
        """Yield the keys that are gone, some at a time, with the second since when; 0 if an earlier run had them."""
        return _blocks(self._gone, _GONE)

    def back(self) -> Iterator[Records]:
        """Yield the keys that were gone and are in the input again, unchanged."""
        return _blocks(self._back, _GONE)

    def add_sent(self, fingerprint: int) -> None:
        """Take a hash of some rows that are sent."""
        self._sums[0] = (self._sums[0] + fingerprint) % 2**64

    def add_gone(self, entries: Records, fingerprint: int) -> None:
        """Take entries that are gone, with a hash of them."""
        self._sums[1] = (self._sums[1] + fingerprint) % 2**64
        self.counts.gone += len(entries)
        self.counts.newly_gone += int((entries["gone"] == 0).sum())
        _append(self._gone, entries)

    def add_back(self, entries: Records) -> None:
        """Take entries that were gone and are in the input again."""
        _append(self._back, entries)

    def add_verdicts(self, verdicts: Records, segments: Iterable[tuple[int, int]]) -> None:
        """Take the classes of some rows.

        :param segments: where the rows are in their spool.
        """
        done = 0
        for start, end in segments:
            self._verdicts.seek(start * _VERDICT.itemsize)
            self._verdicts.write(verdicts[done : done + end - start].tobytes())
            done += end - start

    def known_code(self, code: int) -> int:
        """Return the detail of a known bad row, given its code's place."""
        if code not in self._known_codes:
            if len(self._known_codes) > MOST_CODES:
                return 0
            self._known_codes.append(code)
        return self._known_codes.index(code)

    def close(self) -> None:
        """Give the files back, those of the rows included."""
        for file in (self._rows, self._verdicts, self._gone, self._back):
            file.close()


def compare(store: LedgerStore, snapshot: Snapshot, rows: InputRows, options: Ledger, moment: int) -> Difference:
    """Compare all rows of an input with a ledger.

    Rows that share a key are sent all, or none of them if all are as they were accepted: which of them came last is
    what the CRM has, so all go again when one changes.

    :param moment: at which rows count as aged, in seconds since the epoch.
    :raises LedgerError: when the ledger is damaged.
    :raises OSError: when the temporary files do not fit on the disk.
    """
    found = Difference(rows, moment, store.codes.texts)
    try:
        _compare_buckets(found, store, snapshot, rows, options)
    except BaseException:
        found.close()
        raise
    return found


def _compare_buckets(
    found: Difference, store: LedgerStore, snapshot: Snapshot, rows: InputRows, options: Ledger
) -> None:
    rows.flush()
    newest = snapshot.generation
    codec = store.codec(rows.layout)
    buckets = buckets_for(max(rows.sendable.rows, newest.base_rows, sum(f.rows for f in snapshot.logs)), newest.buckets)
    split, fine = buckets // newest.buckets, FINE_BUCKETS // buckets
    with closing(store.events(snapshot.logs, codec)) as events:
        for bucket, entries in store.bases(newest, codec):
            places = store.keyring.buckets(entries["key"]) // fine if split > 1 else None
            for part in range(bucket * split, (bucket + 1) * split):
                mine = entries if places is None else entries.take(np.flatnonzero(places == part))
                step = _Step(found, rows, options, range(part * fine, (part + 1) * fine))
                step.run(apply(mine, events.read(step.buckets.start, step.buckets.stop)))


class _Step:
    """Compares some buckets.

    :param found: takes what is found.
    :param rows: of the whole input.
    :param options: what follows from the ledger.
    :param buckets: the fine buckets to compare.
    """

    def __init__(self, found: Difference, rows: InputRows, options: Ledger, buckets: range) -> None:
        self._found = found
        self._rows = rows
        self._options = options
        self.buckets = buckets

    def run(self, entries: Records) -> None:
        """Find the class of each row, given the entries of the buckets."""
        rows = self._rows.sendable.read(self.buckets.start, self.buckets.stop)
        keys = np.ascontiguousarray(rows["key"])
        order = keys.argsort()  # a stable one takes twice as long
        keys = keys.take(order)
        at, known = np.empty(len(rows), np.int64), np.empty(len(rows), bool)
        at[order], known[order] = find(entries["key"], keys)  # keys in order are found in a fifth of the time
        before = entries.take(at) if len(entries) else np.zeros(len(rows), entries.dtype)
        before[~known] = np.zeros(1, entries.dtype)
        changes, once = self._changes(rows, before)
        _treat_repeated_alike(keys, order, changes, once)
        once[changes > _LAST_SENT] = 0
        self._count(rows, before, changes, once)
        self._found.counts.ledger += len(entries)
        self._find_gone(entries, at[known])
        self._found.add_back(before.take(np.flatnonzero((before["gone"] != 0) & (changes > _LAST_SENT))))
        verdicts = np.empty(len(rows), _VERDICT)
        verdicts["change"], verdicts["detail"] = changes, once
        bad = np.flatnonzero(changes == Change.KNOWN_BAD)
        verdicts["detail"][bad] = self._code_places(before["code"][bad])
        self._found.add_verdicts(verdicts, self._rows.sendable.segments(self.buckets.start, self.buckets.stop))

    def _changes(self, rows: Records, before: Records) -> tuple[Bytes, Bytes]:
        """Return the class of each row, and the fields that go once and have to go now."""
        options, outcome = self._options, before["outcome"]
        answered = (outcome >= Outcome.ACCEPTED) & (outcome <= Outcome.BLOCKED)
        same = answered & (before["payload"] == rows["payload"])
        accepted = same & (outcome == Outcome.ACCEPTED)
        changes = np.full(len(rows), Change.NEW, np.uint8)
        changes[outcome != 0] = Change.RETRIED
        changes[answered & ~same] = Change.CHANGED
        changes[accepted] = Change.UNCHANGED
        changes[same & (outcome == Outcome.REJECTED)] = Change.KNOWN_BAD
        age = self._found.moment - before["seen"].astype(np.int64)
        if options.retry_seconds is not None:
            changes[(changes == Change.KNOWN_BAD) & (age >= options.retry_seconds)] = Change.RETRIED
        if options.resend_after is not None:
            # By the last answer as well: with periods of their own, those of many numbers would end on one day again.
            lots = self._rows.keyring.numbers(rows["key"]) + (before["seen"].astype(np.int64) << 20)
            due = options.resend_after.total_seconds() * (1 - fractions(lots) / 2)
            changes[accepted & (age >= due)] = Change.AGED
        once = np.zeros(len(rows), np.uint8)
        if options.resend == "all":
            changes[changes == Change.UNCHANGED] = Change.AGED
            changes[changes == Change.KNOWN_BAD] = Change.RETRIED
        elif self._rows.layout.once:
            once = rows["once"] & ~before["once"]
            changes[accepted & (once != 0)] = Change.CHANGED
        return changes, once

    def _count(self, rows: Records, before: Records, changes: Bytes, once: Bytes) -> None:
        counts = np.bincount(changes, minlength=len(Change)).tolist()
        self._found.counts.rows.update({change: counts[change] for change in Change if counts[change]})
        self._count_fields(rows, before, changes, once)
        self._add_to_digest(rows.take(sent := np.flatnonzero(changes <= _LAST_SENT)), changes[sent], once[sent])

    def _count_fields(self, rows: Records, before: Records, changes: Bytes, once: Bytes) -> None:
        counts, layout = self._found.counts, self._rows.layout
        changed = np.flatnonzero((changes == Change.CHANGED) & (before["outcome"] != 0))
        if not len(changed):
            return
        for bit, name in enumerate(layout.once):
            if rows_with := int((once[changed] >> bit & 1).sum()):
                counts.by_field[name] += rows_with
        if layout.fields:
            old, new = before.take(changed)["fields"], rows.take(changed)["fields"]
            has_old = (old != ABSENT).any(axis=1, keepdims=True)
            differ = ((old != new) & has_old).sum(axis=0)
            emptied = ((old != ABSENT) & (new == ABSENT)).sum(axis=0)
            for place, name in enumerate(layout.fields):
                if differ[place]:
                    counts.by_field[name] += int(differ[place])
                if emptied[place]:
                    counts.emptied[name] += int(emptied[place])

    def _add_to_digest(self, rows: Records, changes: Bytes, once: Bytes) -> None:
        kinds = changes.astype(np.uint64) << np.uint64(8) | once
        numbers = self._rows.keyring.numbers(rows["key"]).astype(np.uint64)
        self._found.add_sent(fingerprint(numbers, rows["payload"], kinds))

    def _code_places(self, codes: np.ndarray[tuple[int], np.dtype[np.uint16]]) -> Bytes:
        places = {int(code): self._found.known_code(int(code)) for code in np.unique(codes)}
        return np.array([places[code] for code in codes.tolist()], np.uint8)

    def _find_gone(self, entries: Records, present_at: Numbers) -> None:
        if not self._rows.rows:  # an empty input says nothing about anybody
            return
        present = entries["was_accepted"] == 0
        present[present_at] = True
        at, known = find(entries["key"], self._rows.others.read(self.buckets.start, self.buckets.stop)["key"])
        present[at[known]] = True
        gone = entries.take(np.flatnonzero(~present))
        self._found.add_gone(gone, fingerprint(self._rows.keyring.numbers(gone["key"]).astype(np.uint64)))


def _treat_repeated_alike(keys: Numbers, order: Places, changes: Bytes, once: Bytes) -> None:
    """Send all rows of a key if one is sent, and what goes once with the first of them.

    :param keys: in order.
    :param order: the places of their rows.
    """
    for key in np.unique(keys[1:][keys[1:] == keys[:-1]]).tolist():
        places = np.sort(order[np.searchsorted(keys, key) : np.searchsorted(keys, key, "right")])
        sent = places[changes[places] <= _LAST_SENT]
        if len(sent):
            changes[places[changes[places] == Change.UNCHANGED]] = Change.CHANGED
        claimed = 0
        for place in sent.tolist():
            once[place], claimed = int(once[place]) & ~claimed, claimed | int(once[place])


class Verdicts:
    """The classes of rows, in the order in which the rows were added.

    :param spool: of the rows.
    :param file: their classes, in the order of the spool's file.
    :param codes: codes of known bad rows, by their detail.
    """

    def __init__(self, spool: BucketSpool, file: SpooledTemporaryFile[bytes], codes: Sequence[str]) -> None:
        self.codes = codes
        self._spool = spool
        self._file = file
        self._blocks = iter(spool.offsets)
        self._verdicts = np.empty(0, _VERDICT)
        self._next: Numbers = np.zeros(FINE_BUCKETS, np.int64)
        self._left = 0

    def of(self, keys: Numbers) -> tuple[Bytes, Bytes]:
        """Return the class of each of the next rows, with its detail.

        The detail of a row that is sent has a bit for each of the fields that go once and go now; that of a known bad
        row is the place of its code in :attr:`codes`.

        :param keys: of the rows, exactly those that were added, in the same order, in batches of any size.
        """
        parts = []
        start = 0
        while start < len(keys):
            if not self._left:
                self._load_block()
            part = keys[start : start + self._left]
            parts.append(self._take(part))
            start += len(part)
        verdicts = np.concatenate(parts) if parts else np.empty(0, _VERDICT)
        return verdicts["change"], verdicts["detail"]

    def _load_block(self) -> None:
        offsets = next(self._blocks)
        start, end = int(offsets[0]), int(offsets[-1])
        self._file.seek(start * _VERDICT.itemsize)
        self._verdicts = np.frombuffer(self._file.read((end - start) * _VERDICT.itemsize), _VERDICT)
        self._next, self._left = offsets[:-1] - start, end - start

    def _take(self, keys: Numbers) -> Records:
        buckets = self._spool.buckets_of(keys)
        order = np.argsort(buckets, kind="stable")
        counts = np.bincount(buckets, minlength=FINE_BUCKETS)
        starts = np.cumsum(counts) - counts
        places = np.empty(len(keys), np.int64)
        places[order] = np.arange(len(keys)) + (self._next - starts)[buckets[order]]
        self._next = self._next + counts
        self._left -= len(keys)
        return self._verdicts.take(places)


def _file() -> SpooledTemporaryFile[bytes]:
    return SpooledTemporaryFile(max_size=MEMORY_BYTES)


def _append(file: SpooledTemporaryFile[bytes], entries: Records) -> None:
    records = np.zeros(len(entries), _GONE)
    records["key"], records["gone"] = entries["key"], entries["gone"]
    file.seek(0, SEEK_END)
    file.write(records.tobytes())


def _blocks(file: SpooledTemporaryFile[bytes], dtype: np.dtype[np.void]) -> Iterator[Records]:
    start = 0
    while True:
        file.seek(start)
        content = file.read(AT_ONCE * dtype.itemsize)
        if not content:
            return
        start += len(content)
        yield np.frombuffer(content, dtype)
