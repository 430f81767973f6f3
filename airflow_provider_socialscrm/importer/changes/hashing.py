"""Hash what is compared between runs: a row's payload, and a byte for each of its fields."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from airflow_provider_socialscrm.api.customers import NUMBER
from airflow_provider_socialscrm.importer.columns.cleaning import json_objects

if TYPE_CHECKING:
    from airflow_provider_socialscrm.importer.changes.arrays import Bytes, Hashes, Numbers, Payloads, Places

PAYLOAD_BYTES: Final = 8
"""Bytes of a payload's hash. Two payloads of one number are compared, so 1 of 2**64 changes goes unseen."""

ABSENT: Final = 0
"""The byte of a field that a row does not have; those of values are 1 to 255."""

_FRACTION: Final = 2.0**-32
_MIX: Final = np.uint64(0x9E3779B97F4A7C15)
"""The golden ratio's digits: multiplying by them spreads numbers that follow each other (Knuth, 6.4)."""

_AT_ONCE: Final = 2**16
"""Bytes of texts that are hashed at a time, with their powers in the processor's caches."""

_BASE: Final = 0x01000193
"""The base of the polynomial: the prime of FNV-1a, which spreads a byte over 32 bits."""

_INVERSE: Final = pow(_BASE, -1, 2**32)
_TEXT_MIX: Final = np.uint32(0x846CA68B)  # of Hash Prospector's best mixers of 32 bits


def payload_texts(members: Iterable[tuple[str, pa.Array]], left_out: Collection[str] = ()) -> pa.Array:
    """Return the JSON that is hashed: as it is sent, the number first and the other fields in the order of their names.

    :param members: names with their texts, as :func:`.cleaning.json_objects` takes them.
    :param left_out: fields that never make a row change: those of ``once`` and ``ignore``.
    """
    chosen = ((name, texts) for name, texts in members if name not in left_out)
    return json_objects(sorted(chosen, key=lambda member: (member[0] != NUMBER, member[0])))


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


def payloads_with(found: Payloads, rows: Places, more: Sequence[pa.Array]) -> Payloads:
    """Return payloads, those of some rows with more members of their JSON.

    :param found: without these members.
    :param rows: the rows that have some.
    :param more: bytes of each member of all rows.
    """
    if not len(rows):
        return found
    columns = [member.take(pa.array(rows)).to_pylist() for member in more]
    hashes = [
        blake2b(b"\0".join([payload.tobytes(), *members]), digest_size=PAYLOAD_BYTES).digest()
        for payload, *members in zip(found[rows], *columns, strict=True)
    ]
    found = found.copy()
    found[rows] = np.frombuffer(b"".join(hashes), "<u8")
    return found


def field_bytes(texts: pa.Array) -> Bytes:
    """Return a byte for each text, from 1 to 255, and :data:`ABSENT` for null.

    They say which field made a row change, and nothing is decided by them: 1 of 255 changes of a value goes uncounted.

    :param texts: strings; a column that repeats its texts may be a dictionary.
    """
    if isinstance(texts, pa.DictionaryArray):
        values: Bytes = field_bytes(texts.dictionary)[texts.indices.to_numpy(zero_copy_only=False)]
        return values
    hashes = _text_hashes(texts)
    hashes = (hashes ^ hashes >> np.uint32(15)) * _TEXT_MIX  # the highest bits depend on all then
    found = ((hashes >> np.uint32(8)) % np.uint32(255) + np.uint32(1)).astype(np.uint8)
    if texts.null_count:
        found[texts.is_null().to_numpy(zero_copy_only=False)] = ABSENT
    return found


def _text_hashes(texts: pa.Array) -> Hashes:
    """Return a polynomial over the bytes of each text, modulo 2**32: a third of the time of a loop with a CRC."""
    hashes = np.zeros(len(texts), np.uint32)
    _, ends_buffer, content_buffer = texts.buffers()
    if not len(texts) or content_buffer is None:
        return hashes
    ends = np.frombuffer(ends_buffer, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    content = np.frombuffer(content_buffer, np.uint8)
    row = 0
    while row < len(texts):  # some texts at a time, or a single long one
        end = max(row + 1, int(np.searchsorted(ends, ends[row] + _AT_ONCE, "right")) - 1)
        starts, size = ends[row : end + 1] - ends[row], int(ends[end] - ends[row])
        terms = (content[ends[row] : ends[end]] + np.uint32(1)) * _powers(_BASE, max(size, _AT_ONCE))[:size]
        sums = np.append(np.uint32(0), np.cumsum(terms, dtype=np.uint32))
        # Divided by the power of its first byte, the sum over a text does not depend on what is before it.
        hashes[row:end] = (sums[starts[1:]] - sums[starts[:-1]]) * _powers(_INVERSE, _AT_ONCE)[starts[:-1]]
        row = end
    return hashes


@lru_cache(maxsize=4)
def _powers(base: int, count: int) -> Hashes:
    """Return the powers of a number from 0 to ``count``, modulo 2**32."""
    factors = np.full(count + 1, base, np.uint32)
    factors[0] = 1
    powers: Hashes = np.multiply.accumulate(factors, dtype=np.uint32)
    return powers


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


def ordered_hashes(payloads: Payloads, starts: Places, sizes: Places) -> Payloads:
    """Return a hash of each group of payloads, which depends on their order.

    :param payloads: those of a group follow each other.
    :param starts: where each group starts.
    :param sizes: how many each group has.
    """
    turns = np.arange(len(payloads)) - np.repeat(starts, sizes)
    mixed = (payloads ^ _mixed(turns + 1)) * _MIX
    mixed = (mixed ^ mixed >> np.uint64(31)) * _MIX
    hashes: Payloads = np.add.reduceat(mixed ^ mixed >> np.uint64(29), starts)
    return hashes


def _mixed(numbers: Numbers) -> Payloads:
    return numbers.astype(np.uint64) * _MIX
