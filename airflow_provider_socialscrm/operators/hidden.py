"""A table that Airflow may show: by its shape, never by its rows."""

from __future__ import annotations

import os
from typing import Any

from airflow.sdk import XComArg


class HiddenTable:
    """Holds a table behind its shape.

    Airflow renders, logs and stores template fields as text, and the text of a DataFrame is its first rows.

    :param table: whatever the upstream task returned.
    """

    __slots__ = ("table",)

    def __init__(self, table: Any) -> None:
        self.table = table

    def __repr__(self) -> str:
        return f"<{type(self.table).__name__} of {_shape(self.table)}, not shown>"


def hide(value: Any) -> Any:
    """Return a table hidden, and paths, references to other tasks and nothing as they are."""
    if value is None or isinstance(value, str | os.PathLike | HiddenTable) or _is_reference(value):
        return value
    return HiddenTable(value)


def _is_reference(value: Any) -> bool:
    # XComArgs, and the stand-ins of mapped and literal arguments, which Airflow resolves before the task runs.
    resolvable = hasattr(value, "resolve") and hasattr(value, "iter_references")
    return resolvable or any(True for _ in XComArg.iter_xcom_references(value))


def _shape(table: Any) -> str:
    shape = getattr(table, "shape", None)
    if isinstance(shape, tuple) and len(shape) == len(("rows", "columns")):
        return f"{shape[0]:,} rows x {shape[1]} columns"
    return f"{len(table):,} items" if hasattr(table, "__len__") else "unknown size"
