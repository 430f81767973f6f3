"""Entries of a ledger: as records to compute with, and as Parquet to store."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from airflow_provider_socialscrm.importer.changes.keys import KeyKind, Keyring, Words
from airflow_provider_socialscrm.importer.changes.table import Columns, Table

if TYPE_CHECKING:
    from airflow_provider_socialscrm.importer.changes.arrays import Bytes, Column

MOST_ONCE: Final = 8
"""Fields that are sent once: a bit of a byte each."""

ONCE, TAKEN, FIELD = "once_", "taken_", "field_"
"""Beginnings of the columns for a field's name."""

_TIME: Final = pa.timestamp("ms", tz="UTC")  # Parquet has no whole seconds
_IN_A_SECOND: Final = 1000
_WRITER: Final = b"writer"
_WORDS: Final = ("agent", "outcome", "code")
_BITS: Final = {"once": ONCE, "taken": TAKEN}
_TIMES: Final = {"seen": "answered_at", "first": "first_at", "gone": "gone_at"}


class Outcome(IntEnum):
    """The last answer about a customer, or an event: the first three are answers."""

    ACCEPTED = 1  # the CRM answered 200
    REJECTED = 2  # refused because of the row
    BLOCKED = 3  # refused for a reason outside the row, such as a setting or a missing agent
    CLAIMED = 4  # a field that goes once is about to be sent
    RELEASED = 5  # it was not: the CRM definitely did not take the row
    GONE = 6  # the input has the number no more
    BACK = 7  # the input has it again
    SENDING = 8  # a change is about to be sent: until the answer nobody knows which values the CRM has


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

    def none(self) -> Table:
        """Return no entries."""
        return Table.none(self.layout.dtype)

    def encode(self, entries: Columns, writer: str = "") -> bytes:
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

    def decode(self, content: bytes, wanted: Collection[str] | None = None) -> Table:
        """Return the entries of a Parquet file, in its order.

        :param wanted: columns of the layout, with its key; all if it is ``None``. Each takes time.
        :raises pyarrow.ArrowException: when it is not one, or is damaged.
        :raises KeyError: when it is not a ledger's.
        """
        wanted = self.layout.dtype.names or () if wanted is None else wanted
        file = pq.ParquetFile(pa.BufferReader(content), read_dictionary=_WORDS, page_checksum_verification=True)
        stored = self._stored(wanted, set(file.schema_arrow.names))
        table = file.read(list(stored), use_threads=False)
        found = dict(zip(stored, table.columns, strict=True))
        entries = {name: self._column(name, found, table.num_rows) for name in wanted}
        if "agent" in found:
            entries["key"] = self.keyring.with_agents(entries["key"], self._places("agent", found["agent"]))
        return Table(entries)

    def _stored(self, wanted: Collection[str], names: Collection[str]) -> list[str]:
        """Return the columns of a file that the wanted ones are made of, those included that each file must have."""
        stored = []
        for name in wanted:
            if name == "key":
                stored += [self._number, "agent"] if self.keyring.by_agent else [self._number]
            elif name in _BITS:
                stored += [each for each in (_BITS[name] + field for field in self.layout.once) if each in names]
            elif name == "fields":
                stored += [each for each in (FIELD + field for field in self.layout.fields) if each in names]
            else:
                stored.append(_TIMES.get(name, name))
        return list(dict.fromkeys(stored))

    def _column(self, name: str, found: Mapping[str, pa.ChunkedArray], rows: int) -> Column:
        """Return a column of entries, given those of the file."""
        if name in _BITS:
            return self._bits(_BITS[name], found, rows)
        if name == "fields":
            return self._fields(found, rows)
        if name in _TIMES:
            return _seconds(found[_TIMES[name]])
        if name in _WORDS:
            return self._places(name, found[name])
        column: Column = found[self._number if name == "key" else name].to_numpy()
        return column.view(np.uint8) if name == "was_accepted" else column

    def _bits(self, beginning: str, found: Mapping[str, pa.ChunkedArray], rows: int) -> Bytes:
        bits = np.zeros(rows, np.uint8)
        for bit, name in enumerate(self.layout.once):
            if beginning + name in found:
                bits |= found[beginning + name].to_numpy().view(np.uint8) << bit
        return bits

    def _fields(self, found: Mapping[str, pa.ChunkedArray], rows: int) -> Bytes:
        fields = np.zeros((len(self.layout.fields), rows), np.uint8)
        for place, name in enumerate(self.layout.fields):
            if FIELD + name in found:
                fields[place] = found[FIELD + name].to_numpy()
        return fields.T

    def _places(self, name: str, column: pa.ChunkedArray) -> Column:
        """Return the words of a column by their places."""
        words, dtype = {
            "agent": (self.keyring.agents, np.uint16),
            "outcome": (_NAMES, np.uint8),
            "code": (self.codes, np.uint16),
        }[name]
        if column.null_count == len(column):
            return np.zeros(len(column), dtype)
        return words.places_in(_dictionary(column)).astype(dtype, copy=False)

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


def _seconds(column: pa.ChunkedArray) -> np.ndarray[tuple[int], np.dtype[np.uint32]]:
    if column.null_count == len(column):
        return np.zeros(len(column), np.uint32)
    moments: np.ndarray[tuple[int], np.dtype[np.int64]] = column.cast(pa.int64()).fill_null(0).to_numpy()
    return (moments // _IN_A_SECOND).astype(np.uint32)


def _dictionary(column: pa.ChunkedArray) -> pa.DictionaryArray:
    return column.unify_dictionaries().combine_chunks()
