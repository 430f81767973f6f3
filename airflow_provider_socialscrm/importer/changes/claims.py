"""Claims: of all writers of a ledger, one may send a customer a field that goes once.

Claims are files with numbers that follow each other. Who wants to claim rows creates the next number, which only one
writer can. The others read what it claimed, leave those rows alone, and try the number after it. So a writer has read
all earlier claims when its own is created, and no row is claimed twice, however many runs there are. A writer that is
alone creates one file for each claim and reads nothing.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from airflow_provider_socialscrm.importer.changes.entries import Outcome, writer_of
from airflow_provider_socialscrm.importer.changes.entry_files import decoded, file_of
from airflow_provider_socialscrm.importer.changes.generation import File, claim_of, damaged

if TYPE_CHECKING:
    from airflow_provider_socialscrm.importer.changes.arrays import Flags, Records
    from airflow_provider_socialscrm.importer.changes.entries import Codec
    from airflow_provider_socialscrm.importer.changes.store import LedgerStore


class Claims:
    """Claims of one writer, and what others claimed since it read the ledger.

    :param store: the ledger.
    :param codec: of the entries.
    :param writer: different for each writer.
    :param last: the number up to which the writer knows all claims.
    """

    def __init__(self, store: LedgerStore, codec: Codec, writer: str, last: int) -> None:
        self.files: list[File] = []
        """The writer's own claims that are not committed by it yet."""
        self._store = store
        self._codec = codec
        self._writer = writer
        self._last = last
        self._others: defaultdict[int, int] = defaultdict(int)

    def claim(self, entries: Records) -> Flags:
        """Write the claims of entries that nobody else claimed, and return which entries these are.

        :param entries: with a bit in ``once`` for each field.
        :raises LedgerError: when they cannot be written: nothing may be sent.
        """
        while True:
            is_free = self._are_free(entries)
            free = entries.take(np.flatnonzero(is_free))
            if not len(free):
                return is_free
            name, content = claim_of(self._last + 1), self._codec.encode(free, self._writer)
            is_created = self._store.storage.create(name, content)
            if is_created:
                self.files.append(File.of(name, content, len(free)))
            else:
                self._read(name)
            self._last += 1
            if is_created:
                return is_free

    def _are_free(self, entries: Records) -> Flags:
        pairs = zip(entries["key"].tolist(), entries["once"].tolist(), strict=True)
        return np.array([not self._others.get(key, 0) & bits for key, bits in pairs], bool)

    def _read(self, name: str) -> None:
        """Take what a claim has that was created before."""
        content = self._store.storage.read(name)
        if content is None:
            raise damaged(name)
        try:
            writer = writer_of(content)
        except (pa.ArrowException, OSError, ValueError):
            raise damaged(name) from None
        file = file_of(name, content)
        if writer == self._writer:  # the response to an earlier request of ours was lost
            self.files.append(file)
            return
        claimed = decoded(file, content, self._codec)
        claimed = claimed.take(np.flatnonzero(claimed["outcome"] == Outcome.CLAIMED))
        for key, bits in zip(claimed["key"].tolist(), claimed["once"].tolist(), strict=True):
            self._others[key] |= bits
