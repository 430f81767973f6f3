"""Rows of a response as a DataFrame; pandas loads when the first one is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


def frame_of(rows: Sequence[Sequence[Any]], columns: Sequence[str]) -> pd.DataFrame:
    """Return rows as a table, which has its columns even if there are no rows."""
    import pandas as pd  # noqa: PLC0415 - heavy

    return pd.DataFrame([list(row) for row in rows], columns=list(columns))


def frame_of_records(records: Sequence[Mapping[str, Any]], first: str) -> pd.DataFrame:
    """Return records as a table of all their fields, in the order in which they first appear.

    :param first: the column that the table has even if there are no records.
    """
    columns = list(dict.fromkeys([first, *(name for record in records for name in record)]))
    return frame_of([[record.get(name) for name in columns] for record in records], columns)
