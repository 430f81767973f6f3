"""Rows that share a number: found in little memory, however many rows there are, and which of them goes."""

from __future__ import annotations

from collections.abc import Iterator
from tempfile import SpooledTemporaryFile
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_socialscrm.importer.columns.findings import FieldColumn

KEYS_AT_ONCE: Final = 2**20
"""Numbers that are compared with each other at a time, 8 MiB; with more of them the list is gone through again."""

NO_NUMBER_KEY: Final = -1
"""The key of a row that has no number, or none that can be sent."""

_NO_WINNER: Final = -1

NOBODY: Final = np.empty(0, np.int64)
"""No row."""

Keys = np.ndarray[tuple[int], np.dtype[np.int64]]
Flags = np.ndarray[tuple[int], np.dtype[np.bool_]]
Positions = np.ndarray[tuple[int], np.dtype[np.int64]]


def keys_of(numbers: FieldColumn) -> Keys:
    """Return each number as the integer that its digits are; :data:`NO_NUMBER_KEY` where there is none.

    A number has at most 15 digits, and the first of them is not 0.

    :param numbers: the column of numbers, checked.
    """
    digits = numbers.text
    for _, bad in numbers.problems:
        digits = pc.replace_with_mask(digits, pc.fill_null(bad, False), pa.scalar(None, pa.string()))
    keys: Keys = pc.fill_null(pc.cast(digits, pa.int64()), NO_NUMBER_KEY).to_numpy(zero_copy_only=False)
    return keys


class KeyList:
    """The keys of all rows, in order: in memory while they are few, else in a file without a name.

    :param keys_at_once: numbers that are compared with each other at a time.
    """

    def __init__(self, keys_at_once: int = KEYS_AT_ONCE) -> None:
        self._keys_at_once = keys_at_once
        self._file = SpooledTemporaryFile(max_size=keys_at_once * 8)  # noqa: SIM115 - closed by close()
        self._old_forms = False
        self.rows = 0

    def add(self, keys: Keys) -> None:
        """Take the keys of the next rows."""
        self._file.write(keys.tobytes())
        self.rows += len(keys)
        self._old_forms = self._old_forms or bool(todays_form(keys)[1].any())

    def close(self) -> None:
        """Give the file back."""
        self._file.close()

    def repeated(self) -> tuple[Positions, Keys]:
        """Return the rows whose key another row has, by position, each with its key."""
        shares = max(1, -(-self.rows // self._keys_at_once))
        found = [_repeated(*self._share(number, shares)) for number in range(shares)]
        positions = np.concatenate([positions for positions, _ in found])
        keys = np.concatenate([keys for _, keys in found])
        order = np.argsort(positions)
        return positions[order], keys[order]

    def in_two_forms(self) -> int:
        """Return how many rows have a number that other rows have in another form, as WhatsApp keeps old ones."""
        if not self._old_forms:
            return 0
        shares = max(1, -(-self.rows // self._keys_at_once))
        return sum(_in_two_forms(*self._forms(number, shares)) for number in range(shares))

    def _forms(self, number: int, shares: int) -> tuple[Keys, Keys]:
        old, new = [], []
        for _, block in self._blocks():
            keys, is_old = todays_form(block)
            chosen = keys % shares == number
            old.append(keys[chosen & is_old])
            new.append(keys[chosen & ~is_old])
        return np.concatenate(old or [NOBODY]), np.concatenate(new or [NOBODY])

    def _share(self, number: int, shares: int) -> tuple[Positions, Keys]:
        positions, keys = [], []
        for start, block in self._blocks():
            chosen = np.flatnonzero((block % shares == number) & (block != NO_NUMBER_KEY))
            positions.append(chosen + start)
            keys.append(block[chosen])
        return np.concatenate(positions or [NOBODY]), np.concatenate(keys or [NOBODY])

    def _blocks(self) -> Iterator[tuple[int, Keys]]:
        self._file.seek(0)
        start = 0
        while content := self._file.read(self._keys_at_once):
            yield start, np.frombuffer(content, np.int64)
            start += len(content) // 8


def todays_form(keys: Keys) -> tuple[Keys, Flags]:
    """Return numbers as they are dialled today, and which of them are in an older form.

    WhatsApp keeps the 1 that Mexico has dropped before mobiles, and accounts without the ninth digit of Brazil's.
    """
    mexican = keys // 10**10 == 521  # noqa: PLR2004 - country code and 1, before ten digits
    brazilian = (keys // 10**10 == 55) & (keys % 10**8 >= 6 * 10**7)  # noqa: PLR2004 - two digits of the area, eight more
    today = np.where(mexican, keys - (521 - 52) * 10**10, keys)
    today = np.where(brazilian, keys // 10**8 * 10**9 + 9 * 10**8 + keys % 10**8, today)
    return today, mexican | brazilian


def _in_two_forms(old: Keys, new: Keys) -> int:
    both = np.intersect1d(old, new)
    return int(np.isin(old, both).sum() + np.isin(new, both).sum())


def _repeated(positions: Positions, keys: Keys) -> tuple[Positions, Keys]:
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    same = ordered[1:] == ordered[:-1]
    chosen = order[np.append(same, [False]) | np.insert(same, 0, [False])] if len(keys) else order
    return positions[chosen], keys[chosen]


def superseded(positions: Positions, keys: Keys, sendable: Flags, *, keep_last: bool) -> tuple[Positions, Positions]:
    """Return the rows that are not sent because another one is, in order, and which one that is.

    Of the rows with one number the last (or first) that can be sent goes. Rows behind it (or before it) cannot be sent,
    and are not superseded: a person has to fix them.

    :param positions: rows whose number another one has.
    :param keys: their numbers.
    :param sendable: whether each of them can be sent.
    """
    order = np.lexsort((positions, keys))
    positions, keys, sendable = positions[order], keys[order], sendable[order]
    group = np.cumsum(np.insert(keys[1:] != keys[:-1], 0, [True])) - 1 if len(keys) else keys
    candidates = np.flatnonzero(sendable)[:: 1 if keep_last else -1]
    winners = np.full(len(keys), _NO_WINNER)
    winners[group[candidates]] = positions[candidates]  # of several for one group, the last to come stays
    winner = winners[group]
    loses = (winner != _NO_WINNER) & ((positions < winner) if keep_last else (positions > winner))
    losers, winner = positions[loses], winner[loses]
    order = np.argsort(losers)
    return losers[order], winner[order]
