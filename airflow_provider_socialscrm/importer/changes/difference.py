"""The difference between an input and a ledger: counts, a class for each row, and the numbers that are gone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from hashlib import blake2b
from os import SEEK_END
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from airflow_provider_socialscrm.importer.changes.groups import Groups
from airflow_provider_socialscrm.importer.changes.spool import MEMORY_BYTES
from airflow_provider_socialscrm.importer.changes.verdicts import VerdictFile, Verdicts
from airflow_provider_socialscrm.importer.results.report import LONGEST_NAME, MOST_NAMES, shortened

if TYPE_CHECKING:
    from airflow_provider_socialscrm.importer.changes.arrays import Records
    from airflow_provider_socialscrm.importer.changes.input_rows import InputRows
    from airflow_provider_socialscrm.importer.changes.table import Table

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

_GONE: Final = np.dtype([("key", "<i8"), ("gone", "<u4")])


@dataclass(slots=True)
class Counts:
    """A difference in numbers.

    :param rows: of the input, by class.
    :param gone: numbers that the CRM accepted and the input has not.
    :param newly_gone: those of them that an earlier run still had.
    :param by_field: rows that changed, by the field that did.
    :param emptied: rows that had a value of a field and have none, by the field: the CRM keeps the old value.
    :param ledger: numbers that the ledger has.
    :param in_doubt: rows with a field that is sent once, whose call was cut short: nobody knows whether it was taken.
    """

    rows: Counter[Change] = field(default_factory=Counter)
    gone: int = 0
    newly_gone: int = 0
    by_field: Counter[str] = field(default_factory=Counter)
    emptied: Counter[str] = field(default_factory=Counter)
    ledger: int = 0
    in_doubt: int = 0

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
        counts = {"in_doubt": self.in_doubt, "gone": self.gone, "newly_gone": self.newly_gone, "ledger": self.ledger}
        return shown | counts | fields


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
        self.verdict_file = VerdictFile()
        """The classes of the rows, by their places in the spool."""
        self.groups = Groups()
        """The rows that share a customer and differ."""
        self._gone, self._back = _file(), _file()
        self._sums = [0, 0]

    @property
    def digest(self) -> str:
        """The moment and a hash of all that would be sent, and of who is gone: equal for equal differences."""
        numbers = (*self._sums, *(self.counts.rows[change] for change in SENT), self.counts.gone)
        return f"{self.moment}-{blake2b(' '.join(map(str, numbers)).encode(), digest_size=16).hexdigest()}"

    def verdicts(self) -> Verdicts:
        """Return the classes of the rows, to be asked for in the order in which the rows were added."""
        return Verdicts(self._rows.sendable, self.verdict_file, [self._codes[code] for code in self._known_codes])

    def gone(self) -> Iterator[Records]:
        """Yield the keys that are gone, some at a time, with the second since when; 0 if an earlier run had them."""
        return _blocks(self._gone, _GONE)

    def back(self) -> Iterator[Records]:
        """Yield the keys that were gone and are in the input again, unchanged."""
        return _blocks(self._back, _GONE)

    def add_sent(self, fingerprint: int) -> None:
        """Take a hash of some rows that are sent."""
        self._sums[0] = (self._sums[0] + fingerprint) % 2**64

    def add_gone(self, entries: Table, fingerprint: int) -> None:
        """Take entries that are gone, with a hash of them."""
        self._sums[1] = (self._sums[1] + fingerprint) % 2**64
        self.counts.gone += len(entries)
        self.counts.newly_gone += int((entries["gone"] == 0).sum())
        _append(self._gone, entries)

    def add_back(self, entries: Table) -> None:
        """Take entries that were gone and are in the input again."""
        _append(self._back, entries)

    def known_code(self, code: int) -> int:
        """Return the detail of a known bad row, given its code's place."""
        if code not in self._known_codes:
            if len(self._known_codes) > MOST_CODES:
                return 0
            self._known_codes.append(code)
        return self._known_codes.index(code)

    def close(self) -> None:
        """Give the files back, those of the rows included."""
        for file in (self._rows, self.verdict_file, self._gone, self._back):
            file.close()


def _file() -> SpooledTemporaryFile[bytes]:
    return SpooledTemporaryFile(max_size=MEMORY_BYTES)


def _append(file: SpooledTemporaryFile[bytes], entries: Table) -> None:
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
