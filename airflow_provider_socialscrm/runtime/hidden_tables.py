"""Tables and other data wrapped so that Airflow shows their shape and never their rows."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from numbers import Number
from operator import is_
from typing import Any, Final

from airflow_provider_socialscrm._compat import refers_to_tasks
from airflow_provider_socialscrm.importer.sources.shapes import is_rows
from airflow_provider_socialscrm.runtime.path_text import (
    MOST_CHARACTERS,
    GivenPath,
    as_text,
    has_template,
    is_path,
    is_path_object,
    is_path_template,
)
from airflow_provider_socialscrm.wording import counted

log = logging.getLogger(__name__)

ROWS_BY_PATH: Final = 50_000
"""Rows above which a path is better: a table in XCom is serialised, stored and loaded whole."""

PLAIN: Final = (Number, date, timedelta, type(None))
"""Types of values that neither are nor hold a table."""


class HiddenTable:
    """Hold a table, and show only its type and shape as text.

    Airflow renders, logs and stores template fields as text, and the text of a DataFrame is its first rows.

    :param table: what the upstream task returned.
    """

    __slots__ = ("is_used", "table")

    def __init__(self, table: Any) -> None:
        self.table = table
        self.is_used = False  # an iterator gives its rows once

    def warn_if_large(self) -> None:
        """Log the advice to pass a path instead, if the table is large for XCom."""
        if (rows := _rows(self.table)) > ROWS_BY_PATH:
            log.warning(
                "The input has %s rows. Above %s, have the upstream task write Parquet and pass the path: "
                "a file is streamed and does not pass through XCom",
                f"{rows:,}",
                f"{ROWS_BY_PATH:,}",
            )

    def __repr__(self) -> str:
        return f"<{shape_of(self.table)}, not shown>"


class HiddenTemplate(HiddenTable):
    """Hold what Airflow has to render, such as a dictionary with templates, and show only its type and size."""

    __slots__ = ()

    def resolve(self, context: Any) -> HiddenTable:
        """Return it rendered. Airflow calls this instead of looking for templates."""
        return HiddenTable(context["task"].render_template(self.table, context))


_HOLDERS: Final = frozenset({HiddenTable, HiddenTemplate, list, tuple, dict})


def wrap(value: Any, *, is_template: bool = False) -> Any:
    """Return a path as text, the output of another task or ``None`` unchanged, and anything else wrapped.

    :param value: the value, or a list of paths.
    :param is_template: whether Airflow will render it, so that text with a template in it may become a path.
    """
    if _is_literal(value):
        return hidden if isinstance(hidden := wrap(value.value), HiddenTable) else value
    if value is None or isinstance(value, HiddenTable) or _is_reference(value):
        return value
    if isinstance(value, str):
        return value if is_path(value) or (is_template and is_path_template(value)) else HiddenTable(value)
    if is_path_object(value):
        text = as_text(value)
        return HiddenTable(text) if isinstance(text, bytes) else text
    holds_references = refers_to_tasks(value)
    if isinstance(value, list | tuple) and (holds_references or not is_rows(value)):
        parts = [wrap(each, is_template=is_template) for each in value]
        if holds_references or _are_paths(parts):
            # Airflow knows a list by its identity, and renders none that another task returned.
            return value if isinstance(value, list) and all(map(is_, parts, value)) else parts
    return _beside_tasks(value) if holds_references else HiddenTable(value)


def _are_paths(parts: Sequence[Any]) -> bool:
    """Return whether the wrapped items of a list are paths, or lists of them, beside which some may be missing."""
    are_known = all(part is None or isinstance(part, str | GivenPath | list) for part in parts)
    return are_known and any(part is not None for part in parts)


def wrap_argument(value: Any, *, is_template: bool = False) -> Any:
    """Return a function's argument wrapped, unless it is plain to see that it neither is nor holds a table.

    :param value: the argument.
    :param is_template: whether Airflow will render it, so that templates and other tasks' output must be kept.
    """
    if _is_literal(value):
        return hidden if isinstance(hidden := wrap_argument(value.value), HiddenTable) else value
    if isinstance(value, (*PLAIN, HiddenTable)) or is_path_object(value):
        return value
    if isinstance(value, str) and not _looks_like_data(value):
        return value
    if is_template and refers_to_tasks(value):
        kind = type(value)
        is_list = kind in {list, tuple}
        return kind(wrap_argument(each, is_template=True) for each in value) if is_list else _beside_tasks(value)
    if not is_template or not _holds_template(value):
        return HiddenTable(value)
    return value if isinstance(value, str) else HiddenTemplate(value)


def unwrap(value: Any) -> Any:
    """Return a value with each wrapped table in it as it was."""
    if isinstance(value, HiddenTable):
        return unwrap(value.table)
    if not _holds_hidden(value):
        return value
    if isinstance(value, dict):
        return {name: unwrap(each) for name, each in value.items()}
    return type(value)(map(unwrap, value))


def shape_of(data: Any) -> str:
    """Return the kind and size of some data in words, without any of its values."""
    if isinstance(data, str):
        return f"text of {counted(len(data), 'character')}"
    if isinstance(data, bytes | bytearray):
        return f"{type(data).__name__} of {counted(len(data), 'byte')}"
    if isinstance(data, Sequence) and not isinstance(data, list | tuple):
        return type(data).__name__  # such as the outputs of a mapped task, which are counted by a call to Airflow
    return f"{type(data).__name__} of {_size(data)}"


def _size(data: Any) -> str:
    shape = getattr(data, "shape", None)
    if isinstance(shape, tuple) and len(shape) == len(("rows", "columns")):
        return f"{counted(shape[0], 'row')} x {counted(shape[1], 'column')}"
    if isinstance(data, list | tuple) and len(kinds := {type(each) for each in data}) == 1:
        kind = kinds.pop()
        return counted(len(data), "item" if issubclass(kind, Mapping) else "text" if kind is str else kind.__name__)
    return counted(len(data), "item") if hasattr(data, "__len__") else "unknown size"


def _rows(data: Any) -> int:
    if isinstance(data, list | tuple):
        return sum(1 if isinstance(each, Mapping) else _rows(each) for each in data)
    return len(data) if hasattr(data, "__len__") and not isinstance(data, Sequence) else 0


def _is_literal(value: Any) -> bool:
    """Return whether a value is one that Airflow's ``literal`` keeps from being rendered; its class is not public."""
    return type(value).__name__ == "LiteralValue" and hasattr(value, "resolve") and hasattr(value, "value")


def _beside_tasks(value: Any) -> Any:
    """Return what holds the output of other tasks with all else in it hidden, at any depth."""
    if value is None or isinstance(value, HiddenTable) or _is_reference(value):
        return value
    if not refers_to_tasks(value):
        return HiddenTemplate(value) if _holds_template(value) else HiddenTable(value)
    if isinstance(value, dict):
        return {name: _beside_tasks(each) for name, each in value.items()}
    return [_beside_tasks(each) for each in value]


def _holds_hidden(value: Any) -> bool:
    if type(value) is dict:  # a row, of many: looked into only if it may have something to find
        return not _HOLDERS.isdisjoint(map(type, value.values())) and any(map(_holds_hidden, value.values()))
    return isinstance(value, HiddenTable) or (type(value) in {list, tuple} and any(map(_holds_hidden, value)))


def _is_reference(value: Any) -> bool:
    return not isinstance(value, list | tuple | set | dict) and refers_to_tasks(value)


def _looks_like_data(text: str) -> bool:
    # One line may be a date or a path, and is shown; the text of a table has several, or begins like JSON.
    return len(text) > MOST_CHARACTERS or len(text.splitlines()) > 1 or text.lstrip().startswith(("{", "["))


def _holds_template(value: Any) -> bool:
    if isinstance(value, str):
        return has_template(value)
    if isinstance(value, dict):
        return any(map(_holds_template, value.values()))
    return isinstance(value, list | tuple | set) and any(map(_holds_template, value))
