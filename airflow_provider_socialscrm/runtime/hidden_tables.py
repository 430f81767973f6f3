"""Tables wrapped so that Airflow shows their shape and never their rows."""

from __future__ import annotations

import logging
import os
from datetime import date, timedelta
from numbers import Number
from typing import Any, Final

from airflow_provider_socialscrm._compat import refers_to_tasks
from airflow_provider_socialscrm.runtime.wording import counted

log = logging.getLogger(__name__)

ROWS_BY_PATH: Final = 50_000
"""Rows above which a path is better: a table in XCom is serialised, stored and loaded whole."""

PLAIN: Final = (str, os.PathLike, Number, date, timedelta, type(None))
"""Types of values that neither are nor hold a table."""


class HiddenTable:
    """Hold a table, and show only its type and shape as text.

    Airflow renders, logs and stores template fields as text, and the text of a DataFrame is its first rows.

    :param table: what the upstream task returned.
    """

    __slots__ = ("table",)

    def __init__(self, table: Any) -> None:
        self.table = table

    def warn_if_large(self) -> None:
        """Log the advice to pass a path instead, if the table is large for XCom."""
        if hasattr(self.table, "__len__") and len(self.table) > ROWS_BY_PATH:
            log.warning(
                "The input has %s rows. Above %s, have the upstream task write Parquet and pass the path: "
                "a file is streamed and does not pass through XCom",
                f"{len(self.table):,}",
                f"{ROWS_BY_PATH:,}",
            )

    def __repr__(self) -> str:
        return f"<{type(self.table).__name__} of {_shape(self.table)}, not shown>"


def wrap(value: Any) -> Any:
    """Return a table wrapped, and a path, the output of another task or ``None`` unchanged."""
    if value is None or isinstance(value, str | os.PathLike | HiddenTable) or refers_to_tasks(value):
        return value
    return HiddenTable(value)


def wrap_argument(value: Any) -> Any:
    """Return a function's argument wrapped, unless its type shows that it neither is nor holds a table."""
    return value if isinstance(value, (*PLAIN, HiddenTable)) else HiddenTable(value)


def unwrap(value: Any) -> Any:
    """Return a wrapped table, and any other value unchanged."""
    return value.table if isinstance(value, HiddenTable) else value


def _shape(table: Any) -> str:
    shape = getattr(table, "shape", None)
    if isinstance(shape, tuple) and len(shape) == len(("rows", "columns")):
        return f"{counted(shape[0], 'row')} x {counted(shape[1], 'column')}"
    return counted(len(table), "item") if hasattr(table, "__len__") else "unknown size"
