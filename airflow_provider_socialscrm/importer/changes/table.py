"""Tables of NumPy columns: entries and rows of the input are compared a column at a time, which takes a third."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, overload

import numpy as np

if TYPE_CHECKING:
    from airflow_provider_socialscrm.importer.changes.arrays import Column, Flags, Places, Records


class Columns(Protocol):
    """Columns by name: a table, or an array of records."""

    def __len__(self) -> int:
        """Return how many rows it has."""

    def __getitem__(self, name: str, /) -> Column:
        """Return a column."""


class Table:
    """Columns of one length, by name. What it returns is not written to by others.

    :param columns: by name, at least one.
    """

    def __init__(self, columns: Mapping[str, Column]) -> None:
        self._columns = dict(columns)

    @classmethod
    def none(cls, dtype: np.dtype[np.void]) -> Table:
        """Return a table without rows that has the columns of a type of records."""
        return cls.of(np.zeros(0, dtype))

    @classmethod
    def of(cls, records: Records) -> Table:
        """Return the columns of records."""
        return cls({name: records[name] for name in records.dtype.names or ()})

    @classmethod
    def joined(cls, tables: Sequence[Table]) -> Table:
        """Return the rows of some tables, at least one, which have the same columns."""
        return cls({name: np.concatenate([table[name] for table in tables]) for name in tables[0].names})

    @property
    def names(self) -> Iterable[str]:
        """The names of the columns."""
        return self._columns.keys()

    def __len__(self) -> int:
        """Return how many rows it has."""
        return len(next(iter(self._columns.values())))

    @overload
    def __getitem__(self, which: str) -> Column: ...

    @overload
    def __getitem__(self, which: Flags) -> Table: ...

    def __getitem__(self, which: str | Flags) -> Column | Table:
        """Return a column, given its name, or some rows, given a flag for each."""
        return self._columns[which] if isinstance(which, str) else self.take(np.flatnonzero(which))

    def take(self, places: Places) -> Table:
        """Return some rows, in the order of their places."""
        return Table({name: column.take(places, axis=0) for name, column in self._columns.items()})

    def replaced(self, columns: Mapping[str, Column]) -> Table:
        """Return the table with other columns for some."""
        return Table({**self._columns, **columns})
