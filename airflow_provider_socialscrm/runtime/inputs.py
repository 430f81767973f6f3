"""The value of the argument ``data`` as what the importer opens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from airflow_provider_socialscrm._compat import is_not_set
from airflow_provider_socialscrm.importer.errors import EmptyInputError, InputError
from airflow_provider_socialscrm.importer.sources.shapes import is_record, is_rows, is_stream, is_task
from airflow_provider_socialscrm.importer.sources.unusable import unusable
from airflow_provider_socialscrm.runtime.file_systems import check_file_systems
from airflow_provider_socialscrm.runtime.gaps import Gaps, streamed_without_gaps, without_gaps
from airflow_provider_socialscrm.runtime.hidden_tables import HiddenTable, shape_of, unwrap, wrap
from airflow_provider_socialscrm.runtime.path_text import paths_in
from airflow_provider_socialscrm.runtime.paths import openable
from airflow_provider_socialscrm.runtime.rendered import is_missing

ENDINGS = "a path that ends in .parquet, .csv or .jsonl, or a pattern"


def read_input(data: Any, gaps: Gaps) -> Any:
    """Return ``data`` without items that have no value, and with the paths that other tasks or a generator have for it.

    :param data: a rendered value. Tables that are given one by one become an iterator, not yet read.
    :param gaps: what to do about items without a value.
    :raises EmptyInputError: if no item has a value.
    :raises InputError: if an item has no value, and must have one.
    """
    _use(data)
    several = unwrap(data)
    if isinstance(several, list | tuple) and not is_record(several):
        given = [each for each in several if not is_not_set(each)]  # the output of a map, of which the gaps are known
        left: Any = without_gaps(several if len(given) == len(several) else given, gaps)
    elif is_stream(several):
        left = streamed_without_gaps(several, gaps)
    else:
        return data
    if isinstance(left, list | tuple) and any(isinstance(each, list | tuple) for each in left):
        left = paths_in(left) or left
    if left is several:
        return data
    read = wrap(left) if isinstance(left, list | tuple) else HiddenTable(left)
    if isinstance(read, HiddenTable):
        read.is_used = True  # what is left of an iterator, or of streams
    return read


def _use(data: Any) -> None:
    """Note that the rows of iterators are read.

    :raises InputError: if they were, in an earlier try of the same process: none would be left, as of an empty input.
    """
    if isinstance(data, list | tuple) and not is_rows(data):
        for each in data:
            _use(each)
    if not isinstance(data, HiddenTable):
        return
    if not _has_iterator(data.table):
        _use(data.table)
    elif data.is_used:
        raise InputError(
            "data is an iterator, and an earlier try has read it: return it from a function under "
            "@task.socialscrm_import, which each try calls, or give a list."
        )
    else:
        data.is_used = True


def _has_iterator(data: Any) -> bool:
    if isinstance(data, list | tuple):
        return not is_rows(data) and any(map(_has_iterator, data))
    return isinstance(data, Iterator)


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
    if not isinstance(data, list | tuple) or is_rows(data) or is_record(data):
        return
    for place, each in enumerate(data):
        if isinstance(each, str | bytes | bytearray) and not is_missing(each) and isinstance(wrap(each), HiddenTable):
            raise InputError(
                f"Item {place} of the list in data is {shape_of(each)}, not a path: pass the tables themselves, or for "
                f"each {ENDINGS}."
            )
    given = [each for each in data if not is_missing(each)]  # what a run finds missing is its own error
    others = [type(each).__name__ for each in given if not (isinstance(each, str) or paths_in(each))]
    if 0 < len(others) < len(given):
        raise InputError(f"The list in data mixes paths and a {others[0]}: give paths or tables, not both.")


def check_is_result(data: Any) -> None:
    """Check that data is neither a function nor a task, which are often given instead of what they return.

    :raises InputError: saying what to give.
    """
    if callable(data) or is_task(data):
        raise unusable(data)
