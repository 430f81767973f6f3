"""Entries of a ledger: as records to compute with, and as Parquet to store."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from airflow_provider_socialscrm.importer.changes.keys import KeyKind, Keyring, Words

if TYPE_CHECKING:
    from airflow_provider_socialscrm.importer.changes.arrays import Records

MOST_ONCE: Final = 8
"""Fields that are sent once: a bit of a byte each."""

ONCE, TAKEN, FIELD = "once_", "taken_", "field_"
"""Beginnings of the columns for a field's name."""

_TIME: Final = pa.timestamp("ms", tz="UTC")  # Parquet has no whole seconds
_IN_A_SECOND: Final = 1000
_WRITER: Final = b"writer"
_WORDS: Final = ("agent", "outcome", "code")
_TIMES: Final = ("answered_at", "first_at", "gone_at")


class Outcome(IntEnum):
    """The last answer about a customer, or an event: the first three are answers."""

    ACCEPTED = 1  # the CRM answered 200
    REJECTED = 2  # refused because of the row
    BLOCKED = 3  # refused for a reason outside the row, such as a setting or a missing agent
    CLAIMED = 4  # a field that goes once is about to be sent
    RELEASED = 5  # it was not: the CRM definitely did not take the row
    GONE = 6  # the input has the number no more
    BACK = 7  # the input has it again


LAST_ANSWER: Final = Outcome.BLOCKED

_NAMES: Final = Words()
for _each in Outcome:  # from 1, like the places of words
    _NAMES.place(_each.name.lower())


@dataclass(frozen=True, slots=True)
class Layout:
    """Which columns entries have beside those that all have.

    :param fields: names of the fields that have a byte.
    :param once: names of the fields that are sent once.
    """

    fields: tuple[str, ...] = ()
    once: tuple[str, ...] = ()

    @property
    def dtype(self) -> np.dtype[np.void]:
        """The type of an entry.

        ``seen`` is the second of the answer or the event, ``first`` since when the outcome has been the same, ``gone``
        since when the input has not had it; 0 is never. ``once`` has a bit for each field that goes once and was
        claimed or accepted, ``taken`` for those that were accepted.
        """
        return np.dtype(
            [
                ("key", "<i8"), ("payload", "<u8"),
                ("seen", "<u4"), ("first", "<u4"), ("gone", "<u4"),
                ("agent", "<u2"), ("code", "<u2"),
                ("outcome", "u1"), ("was_accepted", "u1"), ("once", "u1"), ("taken", "u1"),
                ("fields", "u1", (len(self.fields),)),
            ]
        )  # fmt: skip

    def with_names(self, fields: Iterable[str], once: Iterable[str]) -> Layout:
        """Return the layout with more names, in order."""
        return Layout(tuple(sorted({*self.fields, *fields})), tuple(sorted({*self.once, *once})))


@dataclass(frozen=True, slots=True)
class Codec:
    """Turns entries into Parquet and back.

    :param layout: their columns. What a file has beside them is not read, and what it lacks is 0.
    :param keyring: makes their keys.
    :param codes: codes of the answers, by their places in this process.
    """

    layout: Layout
    keyring: Keyring
    codes: Words

    def none(self) -> Records:
        """Return no entries."""
        return np.zeros(0, self.layout.dtype)

    def encode(self, entries: Records, writer: str = "") -> bytes:
        """Return entries, in their order, as a Parquet file.

        :param writer: who writes them, where it matters: see :func:`writer_of`.
        """
        columns: dict[str, Any] = {
            self._number: self.keyring.numbers(entries["key"]),
            "agent": self.keyring.agents.column(entries["agent"]),
            "payload": entries["payload"],
            "outcome": _NAMES.column(entries["outcome"].astype(np.uint16)),
            "code": self.codes.column(entries["code"]),
            "answered_at": _times(entries["seen"]),
            "first_at": _times(entries["first"]),
            "gone_at": _times(entries["gone"]),
            "was_accepted": entries["was_accepted"].astype(bool),
        }
        for bit, name in enumerate(self.layout.once):
            columns[ONCE + name] = (entries["once"] >> bit & 1).astype(bool)
            columns[TAKEN + name] = (entries["taken"] >> bit & 1).astype(bool)
        for place, name in enumerate(self.layout.fields):
            columns[FIELD + name] = np.ascontiguousarray(entries["fields"][:, place])
        sink = BytesIO()
        pq.write_table(
            pa.table(columns, metadata={_WRITER: writer} if writer else None),
            sink,
            row_group_size=max(1, len(entries)),
            use_dictionary=[name for name in columns if name not in {self._number, "payload"}],
            column_encoding={self._number: "DELTA_BINARY_PACKED", "payload": "PLAIN"},
            compression={name: "NONE" if name == "payload" else "ZSTD" for name in columns},
            write_statistics=[self._number],
            write_page_checksum=True,
        )
        return sink.getvalue()

    def decode(self, content: bytes) -> Records:
        """Return the entries of a Parquet file, in its order.

        :raises pyarrow.ArrowException: when it is not one, or is damaged.
        :raises KeyError: when it is not a ledger's.
        """
        file = pq.ParquetFile(pa.BufferReader(content), read_dictionary=_WORDS, page_checksum_verification=True)
        names = set(file.schema_arrow.names)
        fields = [(place, name) for place, name in enumerate(self.layout.fields) if FIELD + name in names]
        bits = [("once", bit, ONCE + name) for bit, name in enumerate(self.layout.once)]
        bits += [("taken", bit, TAKEN + name) for bit, name in enumerate(self.layout.once)]
        bits = [each for each in bits if each[2] in names]
        wanted = [self._number, *_WORDS, "payload", *_TIMES, "was_accepted"]
        wanted += [FIELD + name for _, name in fields] + [column for _, _, column in bits]
        table = file.read(wanted, use_threads=False)
        entries = np.zeros(table.num_rows, self.layout.dtype)
        for name, words in zip(_WORDS, (self.keyring.agents, _NAMES, self.codes), strict=True):
            if table.column(name).null_count < len(entries):
                entries[name] = words.places_in(_dictionary(table.column(name)))
        entries["key"] = self.keyring.with_agents(table.column(self._number).to_numpy(), entries["agent"])
        entries["payload"] = table.column("payload").to_numpy()
        entries["was_accepted"] = table.column("was_accepted").to_numpy()
        for name, column in zip(("seen", "first", "gone"), _TIMES, strict=True):
            if table.column(column).null_count < len(entries):
                entries[name] = table.column(column).cast(pa.int64()).fill_null(0).to_numpy() // _IN_A_SECOND
        for place, name in fields:
            entries["fields"][:, place] = table.column(FIELD + name).to_numpy()
        for name, bit, column in bits:
            entries[name] |= table.column(column).to_numpy().astype(np.uint8) << bit
        return entries

    @property
    def _number(self) -> str:
        return "number" if self.keyring.kind is KeyKind.NUMBER else "number_hash"


def writer_of(content: bytes) -> str:
    """Return who wrote a file, if it says so.

    :raises pyarrow.ArrowException: when it is not Parquet, or is damaged.
    """
    metadata = pq.read_schema(pa.BufferReader(content)).metadata or {}
    return str(metadata.get(_WRITER, b"").decode())


def names_in(content: bytes) -> tuple[list[str], list[str]]:
    """Return the names of the fields that a file has bytes of, and of those that are sent once."""
    names: Sequence[str] = pq.ParquetFile(pa.BufferReader(content)).schema_arrow.names
    return (
        [name.removeprefix(FIELD) for name in names if name.startswith(FIELD)],
        [name.removeprefix(ONCE) for name in names if name.startswith(ONCE)],
    )


def _times(seconds: np.ndarray[tuple[int], np.dtype[np.uint32]]) -> pa.Array:
    return pa.array(seconds.astype(np.int64) * _IN_A_SECOND, mask=seconds == 0).cast(_TIME)


def _dictionary(column: pa.ChunkedArray) -> pa.DictionaryArray:
    return column.unify_dictionaries().combine_chunks()
