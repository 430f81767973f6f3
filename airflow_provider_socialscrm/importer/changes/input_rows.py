"""The rows of an input, held by bucket until they are compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from airflow_provider_socialscrm.importer.changes.entries import Layout
from airflow_provider_socialscrm.importer.changes.spool import MEMORY_BYTES, BucketSpool
from airflow_provider_socialscrm.importer.changes.table import Table

if TYPE_CHECKING:
    from airflow_provider_socialscrm.importer.changes.arrays import Bytes, Numbers, Payloads
    from airflow_provider_socialscrm.importer.changes.store import LedgerStore


class InputRows:
    """The rows of an input that can be sent, as pairs by bucket, 16 bytes each.

    :param store: the ledger.
    :param layout: the fields that have a byte, and those that are sent once; without any a row has no further bytes.
    :param is_part: whether they are a part of an input, so that nobody else is gone.
    """

    def __init__(
        self,
        store: LedgerStore,
        layout: Layout | None = None,
        *,
        is_part: bool = False,
        memory_bytes: int = MEMORY_BYTES,
    ) -> None:
        self.is_part = is_part
        self.layout = layout or Layout()
        self.keyring = store.keyring
        pair = [("key", "<i8"), ("payload", "<u8")]
        once = [("once", "u1"), ("with_once", "<u8")] if self.layout.once else []
        fields = [("fields", "u1", (len(self.layout.fields),))] if self.layout.fields else []
        self.sendable = BucketSpool(np.dtype([*pair, *once, *fields]), self.keyring.buckets, memory_bytes=memory_bytes)
        self.others = BucketSpool(np.dtype([("key", "<i8")]), self.keyring.buckets, memory_bytes=memory_bytes)

    def add(
        self,
        keys: Numbers,
        payloads: Payloads,
        once: Bytes | None = None,
        fields: Bytes | None = None,
        with_once: Payloads | None = None,
    ) -> None:
        """Take the next rows that can be sent, in the order of the input.

        :param keys: as :meth:`.keys.Keyring.keys` returns them.
        :param once: a bit for each field of the layout's ``once`` that the row has a value for.
        :param fields: the bytes of the layout's fields, a row each.
        :param with_once: payloads with the fields that go once; those without them if it is ``None``.
        :raises OSError: when the disk is full.
        """
        none = np.zeros((), np.uint8)
        once = np.broadcast_to(none, len(keys)) if once is None else once
        fields = np.broadcast_to(none, (len(keys), len(self.layout.fields))) if fields is None else fields
        with_once = payloads if with_once is None else with_once
        columns = {"key": keys, "payload": payloads, "once": once, "fields": fields, "with_once": with_once}
        self.sendable.add(Table(columns))

    def add_unsendable(self, keys: Numbers) -> None:
        """Take numbers of rows that cannot be sent, so that they do not count as gone."""
        self.others.add(Table({"key": keys}))

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
