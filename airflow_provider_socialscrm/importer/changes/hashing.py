"""Hash what is compared between runs: a row's payload, and a byte for each of its fields."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterable, Sequence
from hashlib import blake2b
from operator import itemgetter
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from airflow_provider_socialscrm.importer.columns.cleaning import json_objects

if TYPE_CHECKING:
    from airflow_provider_socialscrm.importer.changes.arrays import Bytes, Numbers, Payloads

PAYLOAD_BYTES: Final = 8
"""Bytes of a payload's hash. Two payloads of one number are compared, so 1 of 2**64 changes goes unseen."""

ABSENT: Final = 0
"""The byte of a field that a row does not have; those of values are 1 to 255."""

_FRACTION: Final = 2.0**-32
_MIX: Final = np.uint64(0x9E3779B97F4A7C15)
"""The golden ratio's digits: multiplying by them spreads numbers that follow each other (Knuth, 6.4)."""


def payload_texts(members: Iterable[tuple[str, pa.Array]], left_out: Collection[str] = ()) -> pa.Array:
    """Return the JSON that is hashed: as it is sent, with the fields in the order of their names.

    :param members: names with their texts, as :func:`.cleaning.json_objects` takes them.
    :param left_out: fields that never make a row change: those of ``once`` and ``ignore``.
    """
    chosen = ((name, texts) for name, texts in members if name not in left_out)
    return json_objects(sorted(chosen, key=itemgetter(0)))


def payloads(texts: pa.Array, agents: Sequence[str | None] | None = None) -> Payloads:
    """Return a hash of each row: 64 bits of BLAKE2b over the agent who signs and the JSON.

    :param texts: the JSON, as :func:`payload_texts` returns it.
    :param agents: logins that sign for the rows; a row without one is hashed as its JSON alone.
    """
    rows = texts.cast(pa.binary()).to_pylist()
    if agents is not None:
        rows = [
            row if agent is None else b"%b\0%b" % (agent.encode(), row) for agent, row in zip(agents, rows, strict=True)
        ]
    # A loop over bytes is the fastest: a view of Arrow's buffer for each row takes half as long again.
    return np.frombuffer(b"".join([blake2b(row, digest_size=PAYLOAD_BYTES).digest() for row in rows]), "<u8")


def field_bytes(texts: pa.Array) -> Bytes:
    """Return a byte for each text, from 1 to 255 by its CRC, and :data:`ABSENT` for null.

    They say which field made a row change, and nothing is decided by them: 1 of 255 changes of a value goes uncounted.

    :param texts: strings; a column that repeats its texts may be a dictionary.
    """
    if isinstance(texts, pa.DictionaryArray):
        values: Bytes = field_bytes(texts.dictionary)[texts.indices.to_numpy(zero_copy_only=False)]
        return values
    return np.fromiter(
        (ABSENT if text is None else zlib.crc32(text) % 255 + 1 for text in texts.cast(pa.binary()).to_pylist()),
        np.uint8,
        len(texts),
    )


def fine_buckets(numbers: Numbers) -> Bytes:
    """Return the finest hash bucket of each number, 0 to 255; a coarser one is its first bits."""
    return (_mixed(numbers) >> np.uint64(56)).astype(np.uint8)


def fractions(numbers: Numbers) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return a fraction for each number, from 0 to 1, evenly spread and always the same."""
    mixed = _mixed(numbers)
    mixed = (mixed ^ (mixed >> np.uint64(29))) * _MIX  # other bits than those of the buckets
    return (mixed >> np.uint64(32)).astype(np.float64) * _FRACTION


def fingerprint(*columns: np.ndarray[tuple[int], np.dtype[np.uint64]]) -> int:
    """Return a sum of 64 bits over rows that does not depend on their order."""
    mixed = np.zeros(len(columns[0]), np.uint64)
    for column in columns:
        mixed = (mixed ^ column) * _MIX
        mixed ^= mixed >> np.uint64(31)
    return int(mixed.sum(dtype=np.uint64))


def _mixed(numbers: Numbers) -> Payloads:
    return numbers.astype(np.uint64) * _MIX
