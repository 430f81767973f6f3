"""Compare the input with a ledger, bucket by bucket."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Final

import numpy as np

from airflow_provider_socialscrm.importer.changes.compaction import buckets_for
from airflow_provider_socialscrm.importer.changes.difference import SENT, Change, Difference
from airflow_provider_socialscrm.importer.changes.entries import Outcome
from airflow_provider_socialscrm.importer.changes.hashing import ABSENT, fingerprint, fractions
from airflow_provider_socialscrm.importer.changes.merge import apply, find, in_order
from airflow_provider_socialscrm.importer.changes.spool import FINE_BUCKETS
from airflow_provider_socialscrm.importer.changes.table import Table

if TYPE_CHECKING:
    from airflow_provider_socialscrm.importer.changes.arrays import Bytes, Column, Flags, Numbers, Places
    from airflow_provider_socialscrm.importer.changes.input_rows import InputRows
    from airflow_provider_socialscrm.importer.changes.options import Ledger
    from airflow_provider_socialscrm.importer.changes.store import LedgerStore, Snapshot

_LAST_SENT: Final = max(SENT)

_BY_OUTCOME: Final = {  # with another payload than the ledger has, and with the same
    0: (Change.NEW, Change.NEW),
    Outcome.ACCEPTED: (Change.CHANGED, Change.UNCHANGED),
    Outcome.REJECTED: (Change.CHANGED, Change.KNOWN_BAD),
    Outcome.BLOCKED: (Change.CHANGED, Change.RETRIED),
    Outcome.CLAIMED: (Change.RETRIED, Change.RETRIED),
}
_CHANGES: Final = np.array([change for pair in _BY_OUTCOME.values() for change in pair], np.uint8)


def compare(store: LedgerStore, snapshot: Snapshot, rows: InputRows, options: Ledger, moment: int) -> Difference:
    """Compare all rows of an input with a ledger.

    Rows that share a key are compared as one, and are sent all or none: the CRM has what all of them, in their order,
    made of it. So all go again when one changes, or while one of them is not accepted.

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
        for bucket, entries in store.bases(newest, codec, _wanted(snapshot, rows, options)):
            places = store.keyring.buckets(entries["key"]) // fine if split > 1 else None
            for part in range(bucket * split, (bucket + 1) * split):
                mine = entries if places is None else entries.take(np.flatnonzero(places == part))
                step = _Step(found, rows, options, range(part * fine, (part + 1) * fine))
                step.run(apply(mine, events.read(step.buckets.start, step.buckets.stop)))


def _wanted(snapshot: Snapshot, rows: InputRows, options: Ledger) -> list[str]:
    """Return the columns of the base that are needed: each takes some nanoseconds a row."""
    wanted = ["key", "payload", "outcome", "code", "was_accepted", "once", "taken", "gone"]
    if snapshot.logs or options.retry_seconds is not None or options.resend_after is not None:
        wanted.append("seen")
    if rows.layout.fields:
        wanted.append("fields")
    return wanted


class _Step:
    """Compares some buckets: rows and entries in the order of their keys.

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

    def run(self, entries: Table) -> None:
        """Find the class of each row, given the entries of the buckets."""
        rows = self._rows.sendable.read(self.buckets.start, self.buckets.stop)
        keys, order = in_order(rows["key"])
        rows = self._grouped(rows, keys, order)
        at, known = find(entries["key"], keys)
        match = _Match(rows, order, entries, at, known)
        changes, once = self._changes(keys, match)
        _treat_repeated_alike(keys, order, changes, once)
        once[changes > _LAST_SENT] = 0
        counts = np.bincount(changes, minlength=len(Change)).tolist()
        self._found.counts.rows.update({change: counts[change] for change in Change if counts[change]})
        self._found.counts.ledger += len(entries)
        self._count_fields(match, changes, once)
        self._add_to_digest(keys, match, changes, once)
        self._find_gone(entries, at[known])
        if entries["gone"].any():
            back = np.flatnonzero((match.before("gone") != 0) & (changes > _LAST_SENT))
            self._found.add_back(entries.take(at[back]))
        if counts[Change.KNOWN_BAD]:
            bad = np.flatnonzero(changes == Change.KNOWN_BAD)
            once[bad] = self._code_places(match.before("code", bad))
        segments = self._rows.sendable.segments(self.buckets.start, self.buckets.stop)
        self._found.verdict_file.add(changes, once, order, segments)

    def _grouped(self, rows: Table, keys: Numbers, order: Places) -> Table:
        """Return the rows with the payload of its group for each that has one."""
        payloads = rows["payload"].take(order)
        compared = self._found.groups.add(keys, order, payloads)
        if compared is payloads:
            return rows
        at = np.flatnonzero(compared != payloads)
        names = [name for name in ("payload", "with_once") if name in rows.names]
        columns = {name: rows[name].copy() for name in names}
        for column in columns.values():
            column[order[at]] = compared[at]
        return rows.replaced(columns)

    def _changes(self, keys: Numbers, match: _Match) -> tuple[Bytes, Bytes]:
        """Return the class of each row, and the fields that go once and have to go now."""
        options, layout = self._options, self._rows.layout
        once_due = np.asarray(match.new("once") & ~match.before("once"), np.uint8) if layout.once else None
        changes: Bytes = _CHANGES.take(match.before("outcome") * 2 + match.is_same(once_due))
        once = np.zeros(len(keys), np.uint8)
        accepted = changes == Change.UNCHANGED
        if options.retry_seconds is not None:
            age = self._found.moment - match.before("seen").astype(np.int64)
            changes[(changes == Change.KNOWN_BAD) & (age >= options.retry_seconds)] = Change.RETRIED
        if options.resend_after is not None:
            seen = match.before("seen").astype(np.int64)
            # By the last answer as well: with periods of their own, those of many numbers would end on one day again.
            lots = self._rows.keyring.numbers(keys) + (seen << 20)
            due = options.resend_after.total_seconds() * (1 - fractions(lots) / 2)
            changes[accepted & (self._found.moment - seen >= due)] = Change.AGED
        if options.resend == "all":
            changes[accepted] = Change.AGED
            changes[changes == Change.KNOWN_BAD] = Change.RETRIED
        elif once_due is not None and (new := match.new("once")).any():
            once = once_due
            self._found.counts.in_doubt += int((new & match.before("once") & ~match.before("taken") != 0).sum())
            changes[accepted & (once != 0)] = Change.CHANGED
        return changes, once

    def _count_fields(self, match: _Match, changes: Bytes, once: Bytes) -> None:
        counts, layout = self._found.counts, self._rows.layout
        changed = np.flatnonzero((changes == Change.CHANGED) & match.known)
        if not len(changed):
            return
        for bit, name in enumerate(layout.once):
            if rows_with := int((once[changed] >> bit & 1).sum()):
                counts.by_field[name] += rows_with
        if layout.fields:
            old, new = match.before("fields", changed), match.new("fields", changed)
            has_old = (old != ABSENT).any(axis=1, keepdims=True)
            differ = ((old != new) & has_old).sum(axis=0)
            emptied = ((old != ABSENT) & (new == ABSENT)).sum(axis=0)
            for place, name in enumerate(layout.fields):
                if differ[place]:
                    counts.by_field[name] += int(differ[place])
                if emptied[place]:
                    counts.emptied[name] += int(emptied[place])

    def _add_to_digest(self, keys: Numbers, match: _Match, changes: Bytes, once: Bytes) -> None:
        sent = np.flatnonzero(changes <= _LAST_SENT)
        kinds = changes[sent].astype(np.uint64) << np.uint64(8) | once[sent]
        numbers = self._rows.keyring.numbers(keys[sent]).astype(np.uint64)
        self._found.add_sent(fingerprint(numbers, match.new("payload", sent), kinds))

    def _code_places(self, codes: np.ndarray[tuple[int], np.dtype[np.uint16]]) -> Bytes:
        places = {int(code): self._found.known_code(int(code)) for code in np.unique(codes)}
        return np.array([places[code] for code in codes.tolist()], np.uint8)

    def _find_gone(self, entries: Table, present_at: Places) -> None:
        if not self._rows.rows or self._rows.is_part:  # which says nothing about anybody else
            return
        present = entries["was_accepted"] == 0
        present[present_at] = True
        at, known = find(entries["key"], self._rows.others.read(self.buckets.start, self.buckets.stop)["key"])
        present[at[known]] = True
        gone = entries.take(np.flatnonzero(~present))
        self._found.add_gone(gone, fingerprint(self._rows.keyring.numbers(gone["key"]).astype(np.uint64)))


class _Match:
    """Rows in the order of their keys, each with the entry that the ledger has, if any.

    :param rows: in any order.
    :param order: their places in the order of their keys.
    :param entries: of the ledger.
    :param at: the place of the entry of each row, in order.
    :param known: whether there is one.
    """

    def __init__(self, rows: Table, order: Places, entries: Table, at: Places, known: Flags) -> None:
        self.known = known
        self._rows = rows
        self._order = order
        self._entries = entries
        self._at = at
        self._all_known = bool(known.all())

    def is_same(self, once_due: Bytes | None) -> Flags:
        """Return whether the payload of each row is that of its entry.

        :param once_due: the fields that go once and are due: a row that was refused with some is compared with them.
        """
        payloads = self.new("payload")
        if once_due is not None and once_due.any():
            is_refused = (self.before("outcome") == Outcome.REJECTED) & (once_due != 0)
            payloads = np.where(is_refused, self.new("with_once"), payloads)
        same: Flags = self.before("payload") == payloads
        return same

    def new(self, name: str, chosen: Places | None = None) -> Column:
        """Return a column of all rows, or of some."""
        return self._rows[name].take(self._order if chosen is None else self._order[chosen], axis=0)

    def before(self, name: str, chosen: Places | None = None) -> Column:
        """Return a column of the entries of all rows, or of some; it is 0 where there is none."""
        at, known = (self._at, self.known) if chosen is None else (self._at[chosen], self.known[chosen])
        column = self._entries[name]
        if not len(column):
            return np.zeros((len(at), *column.shape[1:]), column.dtype)
        found = column.take(at, axis=0)
        if not self._all_known:
            found[~known] = 0
        return found


def _treat_repeated_alike(keys: Numbers, order: Places, changes: Bytes, once: Bytes) -> None:
    """Send all rows of a key if one is sent, and what goes once with the first of them.

    All are in the order of the keys.

    :param order: the places of the rows in the input.
    """
    for key in np.unique(keys[1:][keys[1:] == keys[:-1]]).tolist():
        rows = np.arange(np.searchsorted(keys, key), np.searchsorted(keys, key, "right"))
        rows = rows[np.argsort(order[rows])]
        sent = rows[changes[rows] <= _LAST_SENT]
        if len(sent):
            changes[rows[changes[rows] == Change.UNCHANGED]] = Change.CHANGED
        claimed = 0
        for row in sent.tolist():
            once[row], claimed = int(once[row]) & ~claimed, claimed | int(once[row])
