"""Checked rows, in an unnamed temporary file until they are sent; in memory while they are few."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Final

import pyarrow as pa

from airflow_provider_socialscrm.importer.fields.checked_batch import CheckedBatch
from airflow_provider_socialscrm.importer.reasons import Reason
from airflow_provider_socialscrm.importer.sources.spool_file import (
    MEMORY_BYTES,
    Part,
    SpoolFile,
    records_from_bytes,
    records_to_bytes,
)

_IN_ARROW: Final = ("own", "bodies", "keys")
"""Fields of a checked batch that are stored as Arrow columns; the others are pickled."""


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class SpooledBatch:
    """The own columns of rows, read from the file each time they are asked for: few rows are rejected.

    :param start: position in the input of the first row.
    :param file: the file they are from, if any.
    :param unreadable: why, for each row that could not be read.
    """

    start: int
    file: str | None
    unreadable: Mapping[int, Reason]
    _spool: Spool
    _part: Part

    @property
    def records(self) -> pa.RecordBatch:
        """The rows."""
        return self._spool.records_of(self._part)


class Spool:
    """Holds checked batches in order; each is written once and can be read as often as needed.

    The file has no name, so that nobody else can open it and it is gone with the process, however that ends.

    :param memory_bytes: bytes to hold in memory before they are written to the file.
    """

    def __init__(self, memory_bytes: int = MEMORY_BYTES) -> None:
        self._file = SpoolFile(memory_bytes)
        self._batches: list[tuple[Part, Part, Part]] = []

    def add(self, checked: CheckedBatch) -> None:
        """Write a batch behind the others.

        :raises OSError: when the disk is full.
        """
        own = checked.own
        rows = pa.RecordBatch.from_arrays([checked.bodies, pa.array(checked.keys)], names=["bodies", "keys"])
        others = {each.name: getattr(checked, each.name) for each in fields(checked) if each.name not in _IN_ARROW}
        notes = pickle.dumps((own.start, own.file, own.unreadable, others), pickle.HIGHEST_PROTOCOL)
        self._batches.append(
            (
                self._file.write(notes),
                self._file.write(records_to_bytes(rows)),
                self._file.write(records_to_bytes(own.records)),
            )
        )

    def __iter__(self) -> Iterator[CheckedBatch]:
        for notes, rows, own in self._batches:
            start, file, unreadable, others = pickle.loads(self._file.read(notes))  # noqa: S301 - nobody else can write it
            columns = records_from_bytes(self._file.read(rows))
            yield CheckedBatch(
                own=SpooledBatch(start, file, unreadable, self, own),
                bodies=columns.column("bodies"),
                keys=columns.column("keys").to_numpy(),
                **others,
            )

    def records_of(self, part: Part) -> pa.RecordBatch:
        """Return rows as they came."""
        return records_from_bytes(self._file.read(part))

    def close(self) -> None:
        """Release the memory and the file."""
        self._file.close()
