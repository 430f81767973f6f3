"""Rows that share a customer and differ: compared as one, since what the CRM has is what all of them made of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from airflow_provider_socialscrm.importer.changes.hashing import ordered_hashes
from airflow_provider_socialscrm.importer.changes.merge import find
from airflow_provider_socialscrm.importer.rows import Group

if TYPE_CHECKING:
    from airflow_provider_socialscrm.importer.changes.arrays import Numbers, Payloads, Places


class Groups:
    """The groups of an input: for each customer with rows that differ the hash of all payloads, and how many they are.

    Equal rows make none: each has the payload of all.
    """

    def __init__(self) -> None:
        none = np.empty(0, np.int64)
        self._found: list[tuple[Numbers, Payloads, Places]] = [(none, none.astype(np.uint64), none)]

    def of(self, keys: Numbers) -> dict[int, Group]:
        """Return the groups that rows belong to, by the places of the rows."""
        known, payloads, sizes = self._in_order()
        at, is_known = find(known, keys)
        rows = np.flatnonzero(is_known)
        columns = (rows.tolist(), payloads[at[rows]].tolist(), sizes[at[rows]].tolist())
        return {row: Group(payload, size) for row, payload, size in zip(*columns, strict=True)}

    def add(self, keys: Numbers, order: Places, payloads: Payloads) -> Payloads:
        """Find the groups among the rows of some buckets, and return the payloads with those of groups instead.

        :param keys: in order.
        :param order: the place of each row in the input.
        :param payloads: of the rows, in the order of the keys.
        """
        same = keys[1:] == keys[:-1]
        if not same.any():
            return payloads
        rows = np.flatnonzero(np.append(same, False) | np.insert(same, 0, False))
        rows = rows[np.lexsort((order[rows], keys[rows]))]
        starts = np.flatnonzero(np.append(True, np.diff(keys[rows]) != 0))
        sizes = np.diff(np.append(starts, len(rows)))
        own = payloads[rows]
        differ = np.minimum.reduceat(own, starts) != np.maximum.reduceat(own, starts)
        hashes = ordered_hashes(own, starts, sizes)
        self._found.append((keys[rows[starts[differ]]], hashes[differ], sizes[differ]))
        compared = payloads.copy()
        compared[rows] = np.where(np.repeat(differ, sizes), np.repeat(hashes, sizes), own)
        return compared

    def _in_order(self) -> tuple[Numbers, Payloads, Places]:
        if len(self._found) > 1:  # steps come bucket by bucket, so their keys are not in order
            keys, payloads, sizes = map(np.concatenate, zip(*self._found, strict=True))
            order = keys.argsort()
            self._found = [(keys[order], payloads[order], sizes[order])]
        return self._found[0]
