"""The value of the argument ``data`` as what the importer opens."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from airflow_provider_socialscrm._compat import is_not_set
from airflow_provider_socialscrm.importer.errors import EmptyInputError, InputError
from airflow_provider_socialscrm.importer.sources.shapes import closed_at_end, is_rows, is_stream, is_task
from airflow_provider_socialscrm.importer.sources.unusable import unusable
from airflow_provider_socialscrm.runtime.file_systems import check_file_systems
from airflow_provider_socialscrm.runtime.hidden_tables import HiddenTable, shape_of, unwrap, wrap
from airflow_provider_socialscrm.runtime.path_text import is_path_object
from airflow_provider_socialscrm.runtime.paths import openable
from airflow_provider_socialscrm.runtime.rendered import is_missing
from airflow_provider_socialscrm.wording import worded

log = logging.getLogger(__name__)

_NONE_LEFT = object()

MOST_NAMED: Final = 5
"""Items that the log names one by one."""

ENDINGS = "a path that ends in .parquet, .csv or .jsonl, or a pattern"


@dataclass(frozen=True, slots=True)
class Gaps:
    """The rules for items of the data that have no value.

    :param why: returns why one has none, to end a sentence, given its place and the number of items; the place ``None``
        is all of them.
    :param instead: what to do about it, to end the same sentence where the item is an error.
    :param silent: returns the places of items whose tasks gave nothing, given the number of items.
    :param leaves_out: whether the other items of a list are taken.
    :param leaves_out_streamed: whether the other items of the outputs of tasks, or of an iterator, are taken.
    """

    why: Callable[[int | None, int], str]
    instead: str
    silent: Callable[[int], Collection[int]]
    leaves_out: bool
    leaves_out_streamed: bool

    def check(self, places: Sequence[int], items: int, *, leaves_out: bool) -> None:
        """Log that items have no value, or raise.

        :param places: of the items without a value, from 0; at least one.
        :param items: all of them, as far as they are known.
        :param leaves_out: whether the others are taken.
        :raises EmptyInputError: if no item has a value.
        :raises InputError: if the others are not taken.
        """
        if len(places) == items:
            said = worded(items, "The only item of data has no", f"None of the {items:,} items of data has a")
            raise EmptyInputError(f"{said} value{self.why(None, items)}.")
        if not leaves_out:
            why = self.why(places[0], items) or ": give only tables, or only paths"
            raise InputError(f"Item {places[0]:,} of data, counted from 0, has no value{why}{self.instead}.")
        for place in places[:MOST_NAMED]:
            log.warning(
                "Item %s of data, counted from 0, has no value and is left out%s", f"{place:,}", self.why(place, items)
            )
        if len(places) > MOST_NAMED:
            log.warning("%s more items of data have no value and are left out", f"{len(places) - MOST_NAMED:,}")


def read_input(data: Any, gaps: Gaps) -> Any:
    """Return ``data`` without items that have no value, and with the paths that other tasks or a generator have for it.

    :param data: a rendered value. Tables that are given one by one become an iterator, not yet read.
    :param gaps: what to do about items without a value.
    :raises EmptyInputError: if no item has a value.
    :raises InputError: if an item has no value, and must have one.
    """
    several = unwrap(data)
    if isinstance(several, list | tuple):
        return _without_gaps(data, several, gaps)
    if not is_stream(several):
        return data
    if isinstance(several, Iterator):
        _use(data)
    values = _present(several, gaps)
    first = next(values, _NONE_LEFT)
    if first is _NONE_LEFT:
        return HiddenTable([])
    if isinstance(first, str) or is_path_object(first):
        return wrap([first, *values])
    joined = HiddenTable(_joined(first, values))
    joined.is_used = True
    return joined


def _use(data: HiddenTable) -> None:
    """Note that the rows of an iterator are read.

    :raises InputError: if they were, in an earlier try of the same process: none would be left, as of an empty input.
    """
    if data.is_used:
        raise InputError(
            "data is an iterator, and an earlier try has read it: return it from a function under "
            "@task.socialscrm_import, which each try calls, or give a list."
        )
    data.is_used = True


def _without_gaps(data: Any, items: Sequence[Any], gaps: Gaps) -> Any:
    given = [each for each in items if not is_not_set(each)]
    if len(given) < len(items):  # the output of a map, of which the gaps are known
        data, items = wrap(given), given
    count = len(items)
    silent = gaps.silent(count)
    missing = [place for place, each in enumerate(items) if is_missing(each) or place in silent]
    if not missing:
        return data
    gaps.check(missing, count, leaves_out=gaps.leaves_out)
    absent = set(missing)
    return wrap([each for place, each in enumerate(items) if place not in absent])


def _present(items: Iterable[Any], gaps: Gaps) -> Iterator[Any]:
    """Yield the items that have a value. Whether none has one is not known before the end."""
    missing: list[int] = []
    read, leaves_out = 0, gaps.leaves_out_streamed
    with closed_at_end(items):
        for read, item in enumerate(items, 1):
            if is_missing(item):
                missing.append(read - 1)
            if missing and len(missing) < read and not leaves_out:
                break
            if not is_missing(item):
                yield item
    if missing:
        gaps.check(missing, read, leaves_out=leaves_out)


def _joined(first: Any, rest: Iterator[Any]) -> Iterator[Any]:
    with closed_at_end(rest):
        yield first
        del first  # it may be large
        yield from rest


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
    if not isinstance(data, list | tuple) or is_rows(data):
        return
    for place, each in enumerate(data):
        if isinstance(each, str | bytes | bytearray) and not is_missing(each) and isinstance(wrap(each), HiddenTable):
            raise InputError(
                f"Item {place} of the list in data is {shape_of(each)}, not a path: pass the tables themselves, or for "
                f"each {ENDINGS}."
            )
    given = [each for each in data if not is_missing(each)]  # what a run finds missing is its own error
    others = [type(each).__name__ for each in given if not (isinstance(each, str) or is_path_object(each))]
    if 0 < len(others) < len(given):
        raise InputError(f"The list in data mixes paths and a {others[0]}: give paths or tables, not both.")


def check_is_result(data: Any) -> None:
    """Check that data is neither a function nor a task, which are often given instead of what they return.

    :raises InputError: saying what to give.
    """
    if callable(data) or is_task(data):
        raise unusable(data)
