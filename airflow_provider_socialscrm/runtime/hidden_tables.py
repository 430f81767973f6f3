"""A table that Airflow may show: by its shape, never by its rows."""

from __future__ import annotations

import logging
import os
from datetime import date, timedelta
from numbers import Number
from typing import Any, Final

from airflow.sdk import XComArg

log = logging.getLogger(__name__)

ROWS_BY_PATH: Final = 50_000
"""Rows from which a path serves better: a table in XCom is serialised, stored and loaded whole."""

PLAIN: Final = (str, os.PathLike, Number, date, timedelta, type(None))
"""Kinds of values that are no table, nor hold one."""


class HiddenTable:
    """Holds a table behind its shape.

    Airflow renders, logs and stores template fields as text, and the text of a DataFrame is its first rows.

    :param table: whatever the upstream task returned.
    """

    __slots__ = ("table",)

    def __init__(self, table: Any) -> None:
        self.table = table

    def warn_if_large(self) -> None:
        """Advise a path for a table that is large for XCom."""
        if hasattr(self.table, "__len__") and len(self.table) > ROWS_BY_PATH:
            log.warning(
                "%s rows came as a table. For more than %s let the task before write a Parquet file and give its path: "
                "that is streamed, and does not pass through XCom",
                f"{len(self.table):,}",
                f"{ROWS_BY_PATH:,}",
            )

    def __repr__(self) -> str:
        return f"<{type(self.table).__name__} of {_shape(self.table)}, not shown>"


def hide(value: Any) -> Any:
    """Return a table hidden, and paths, references to other tasks and nothing as they are."""
    if value is None or isinstance(value, str | os.PathLike | HiddenTable) or _is_reference(value):
        return value
    return HiddenTable(value)


def hide_argument(value: Any) -> Any:
    """Return a function's argument as it is where it is plain, and else hidden, as it may be or hold a table."""
    return value if isinstance(value, (*PLAIN, HiddenTable)) else HiddenTable(value)


def shown(value: Any) -> Any:
    """Return what is hidden, and anything else as it is."""
    return value.table if isinstance(value, HiddenTable) else value


def _is_reference(value: Any) -> bool:
    # XComArgs, and the stand-ins of mapped and literal arguments, which Airflow resolves before the task runs.
    resolvable = hasattr(value, "resolve") and hasattr(value, "iter_references")
    return resolvable or any(True for _ in XComArg.iter_xcom_references(value))


def _shape(table: Any) -> str:
    shape = getattr(table, "shape", None)
    if isinstance(shape, tuple) and len(shape) == len(("rows", "columns")):
        return f"{shape[0]:,} rows x {shape[1]} columns"
    return f"{len(table):,} items" if hasattr(table, "__len__") else "unknown size"
