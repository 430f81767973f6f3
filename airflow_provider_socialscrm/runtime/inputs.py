"""The value of the argument ``data`` as what the importer opens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

from airflow_provider_socialscrm.importer.errors import EmptyInputError, InputError
from airflow_provider_socialscrm.runtime.file_systems import check_file_systems
from airflow_provider_socialscrm.runtime.hidden_tables import HiddenTable, shape_of, unwrap, wrap
from airflow_provider_socialscrm.runtime.path_text import is_path_object
from airflow_provider_socialscrm.runtime.paths import openable
from airflow_provider_socialscrm.runtime.rendered import is_missing

_NONE_LEFT = object()

ENDINGS = "a path that ends in .parquet, .csv or .jsonl, or a pattern"


def read_paths(data: Any) -> Any:
    """Return ``data`` with the paths that other tasks or a generator have for it, which are then shown.

    :param data: a rendered value. The tables of a mapped task or a generator become an iterator, not yet read.
    """
    several: Any = data.table if isinstance(data, HiddenTable) else None
    is_lazy = isinstance(several, Sequence) and not isinstance(several, list | tuple | str | bytes | bytearray)
    if not is_lazy and not _is_iterator(several):
        return data
    values = iter(several)
    first = next(values, _NONE_LEFT)
    if first is _NONE_LEFT:
        return HiddenTable([])
    if isinstance(first, str) or is_path_object(first):
        return wrap([first, *values])
    return HiddenTable(chain([first], values))


def to_open(data: Any, nothing: str) -> Any:
    """Return a table to open, one path or several, as path objects.

    :param data: a rendered value.
    :param nothing: why data may be missing.
    :raises EmptyInputError: when there is none.
    :raises InputError: when it is text or bytes and not a path, or its file system is not installed.
    """
    if not isinstance(data, HiddenTable):
        if data is None:
            raise EmptyInputError(f"data is None{nothing}.")
        opened = openable(data, "data")
        check_file_systems(opened)
        return opened
    table = unwrap(data)
    if isinstance(table, str) and is_missing(table):
        raise EmptyInputError(f"data is the text {table.strip()!r}, as of a template that finds nothing{nothing}.")
    check_is_no_text(table)
    return table


def check_is_no_text(data: Any) -> None:
    """Check that data is not text or bytes, or a list of them; paths were found before.

    :raises InputError: naming its size, and what to give instead.
    """
    if isinstance(data, str | bytes | bytearray):
        raise InputError(
            f"data is {shape_of(data)}, not a path: pass the table itself with `task.output`, or {ENDINGS}."
        )
    if not isinstance(data, list | tuple) or not data or isinstance(data[0], dict):
        return
    for place, each in enumerate(data):
        if isinstance(each, str | bytes | bytearray) and isinstance(wrap(each), HiddenTable):
            raise InputError(
                f"Item {place} of the list in data is {shape_of(each)}, not a path: pass the tables themselves, or for "
                f"each {ENDINGS}."
            )
    others = [type(each).__name__ for each in data if not (isinstance(each, str) or is_path_object(each))]
    if 0 < len(others) < len(data):
        raise InputError(f"The list in data mixes paths and a {others[0]}: give paths or tables, not both.")


def _is_iterator(value: Any) -> bool:
    # An Arrow stream is a table, and an open file gives lines.
    return isinstance(value, Iterator) and not hasattr(value, "__arrow_c_stream__") and not hasattr(value, "read")
