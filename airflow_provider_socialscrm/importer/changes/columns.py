"""Turns the columns that are sent into what a ledger compares."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_socialscrm.importer.changes.hashing import field_bytes, payload_texts, payloads, payloads_with
from airflow_provider_socialscrm.importer.columns.cleaning import json_objects
from airflow_provider_socialscrm.importer.fields.compared import ComparedColumns

if TYPE_CHECKING:
    from airflow_provider_socialscrm.importer.changes.arrays import Bytes
    from airflow_provider_socialscrm.importer.changes.entries import Layout


@dataclass(frozen=True, slots=True)
class ColumnComparer:
    """Turns the columns of a batch into what is compared.

    :param layout: names of the fields that have a byte, and of those that are sent once.
    :param left_out: fields that never make a row change.
    :param with_agents: whether the agent belongs to the payload because it is not in the JSON.
    """

    layout: Layout
    left_out: Collection[str]
    with_agents: bool

    @property
    def once_names(self) -> Sequence[str]:
        """Names of the fields that are sent once."""
        return self.layout.once

    def compare(
        self, members: Mapping[str, pa.Array], agents: Sequence[str | None] | None, bodies: pa.Array
    ) -> ComparedColumns:
        """Return what is compared of the rows of a batch.

        :param members: texts by field, as :func:`.cleaning.json_objects` takes them.
        :param agents: of the rows; ``None`` where no row has one.
        :param bodies: the rows' JSON without the fields that are sent once.
        """
        rows, left_out = len(bodies), {*self.left_out} - {*self.layout.once}
        compared = np.empty((rows, len(self.layout.fields)), np.uint8)
        for place, name in enumerate(self.layout.fields):
            compared[:, place] = field_bytes(members[name])
        texts = payload_texts(members.items(), self.left_out) if left_out & members.keys() else bodies
        hashes = payloads(texts, agents if self.with_agents else None)
        once = self._once(members, rows)
        once_members = [_behind_a_comma(name, members[name]) for name in self.layout.once]
        with_once = payloads_with(hashes, np.flatnonzero(once), once_members)
        return ComparedColumns(hashes, with_once, compared, once, self.layout.once, once_members)

    def _once(self, texts: Mapping[str, pa.Array], rows: int) -> Bytes:
        """Return which fields each row has a value of: an empty one, which takes a value away, is none."""
        found: Bytes = np.zeros(rows, np.uint8)
        for bit, name in enumerate(self.layout.once):
            has_value = pc.fill_null(pc.not_equal(_whole(texts[name]), ""), False)
            found |= has_value.to_numpy(zero_copy_only=False).astype(np.uint8) << bit
        return found


def _whole(texts: pa.Array) -> pa.Array:
    return texts.dictionary.take(texts.indices) if isinstance(texts, pa.DictionaryArray) else texts


def _behind_a_comma(name: str, texts: pa.Array) -> pa.Array:
    """Return the members of rows' JSON as bytes, without the braces around them."""
    objects = json_objects([(name, _whole(texts))]).cast(pa.binary())
    return pc.binary_slice(objects, 1, -1)
