"""Items of the data without a value, as of a task that returned nothing: found, and left out or refused."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import is_
from typing import Any, Final

from airflow_provider_socialscrm.importer.errors import EmptyInputError, InputError
from airflow_provider_socialscrm.importer.sources.shapes import closed_at_end, holds_tables, is_record, is_stream
from airflow_provider_socialscrm.importer.sources.unusable import place_of
from airflow_provider_socialscrm.runtime.path_text import is_given_path, paths_in
from airflow_provider_socialscrm.runtime.rendered import is_missing
from airflow_provider_socialscrm.wording import worded

log = logging.getLogger(__name__)

NOTHING: Final = object()
"""What is left of an item without a value, and of a list of such items."""

MOST_NAMED: Final = 5
"""Items that the log names one by one."""

Place = tuple[int, ...]
"""The place of an item in the data, from the outermost list inwards, each counted from 0."""


@dataclass(frozen=True, slots=True)
class Gaps:
    """The rules for items of the data that have no value.

    :param why: returns why one has none, to end a sentence, given its place and the number of items in the outermost
        list; the place ``None`` is all of them.
    :param instead: what to do about it, to end the same sentence where the item is an error.
    :param silent: returns the places of the outputs of tasks that returned nothing, given the number of items.
    :param leaves_out: whether the other items of a list are taken.
    :param leaves_out_streamed: whether the other items of the outputs of tasks, or of an iterator, are taken.
    """

    why: Callable[[Place | None, int], str]
    instead: str
    silent: Callable[[int], Collection[Place]]
    leaves_out: bool
    leaves_out_streamed: bool

    def check(self, places: Sequence[Place], items: int, *, leaves_out: bool) -> None:
        """Log that items have no value, or raise.

        :param places: of the items without a value; at least one.
        :param items: in the outermost list; 0 if the data is not a list.
        :param leaves_out: whether the others are taken.
        :raises InputError: if the others are not taken.
        """
        if not leaves_out:
            why = self.why(places[0], items) or ": give only tables, or only paths"
            raise InputError(f"{_named(places[0])} has no value{why}{self.instead}.")
        for place in places[:MOST_NAMED]:
            log.warning("%s has no value and is left out%s", _named(place), self.why(place, items))
        if len(places) > MOST_NAMED:
            log.warning("%s more items of data have no value and are left out", f"{len(places) - MOST_NAMED:,}")

    def all_missing(self, items: int) -> EmptyInputError:
        """Return an error that says that no item has a value.

        :param items: all of them; at least one.
        """
        said = worded(items, "The only item of data has no", f"None of the {items:,} items of data has a")
        return EmptyInputError(f"{said} value{self.why(None, items)}.")


def without_gaps(items: Sequence[Any], gaps: Gaps) -> Sequence[Any]:
    """Return a list without the items that have no value, at any depth; the same list if all have one.

    Streams in it become iterators, not yet read beyond their first value.

    :raises EmptyInputError: if no item has a value.
    :raises InputError: if an item has no value, and must have one.
    """
    search = _Search(gaps, len(items), gaps.silent(len(items)), [])
    left: Sequence[Any] = search.of_list(items)
    if not search.missing:
        return left
    if left is NOTHING:
        raise gaps.all_missing(len(search.missing))
    gaps.check(search.missing, len(items), leaves_out=gaps.leaves_out)
    return left


def streamed_without_gaps(items: Iterable[Any], gaps: Gaps) -> Sequence[Any] | Iterator[Any]:
    """Return an iterator over the items that have a value, or a list of paths.

    :raises EmptyInputError: if no item has a value. An item without a value is found when it is read.
    """
    search = _Search(gaps, 0, (), [])
    left: Sequence[Any] | Iterator[Any] = search.of_stream(items)
    if left is NOTHING:
        raise gaps.all_missing(len(search.missing))
    return left


@dataclass(frozen=True, slots=True)
class _Search:
    """The items without a value that were found.

    :param items: in the outermost list; 0 if the data is not a list.
    :param silent: the places of the outputs of tasks that returned nothing.
    :param missing: their places, as far as it is not known that a stream has a value.
    """

    gaps: Gaps
    items: int
    silent: Collection[Place]
    missing: list[Place]

    def of_list(self, items: Sequence[Any], at: Place = ()) -> Any:
        """Return a list without what is missing, the same one if nothing is, and ``NOTHING`` if all is."""
        left = [each for place, item in enumerate(items) if (each := self._of(item, (*at, place))) is not NOTHING]
        if len(left) == len(items) and all(map(is_, left, items)):
            return items
        return left or NOTHING

    def of_stream(self, items: Iterable[Any], at: Place = ()) -> Any:
        """Return an iterator over what is not missing, or a list if it has nothing or gives paths."""
        inner = _Search(self.gaps, self.items, self.silent, [])
        values = inner.present(items, at)
        held: list[Any] = []  # lists without anything in them, which may go before paths and before tables
        for first in values:
            held.append(first)
            if isinstance(first, str) or (paths := paths_in(first)):
                return [*held, *values]
            if paths is None:
                return _joined(held, values)
        if held:
            return held
        self.missing.extend(inner.missing)
        return NOTHING if inner.missing else []

    def present(self, items: Iterable[Any], at: Place) -> Iterator[Any]:
        """Yield what is not missing. Whether all is missing is not known before the end."""
        is_any, leaves_out = False, self.gaps.leaves_out_streamed
        with closed_at_end(items):
            for place, item in enumerate(items):
                left = self._of(item, (*at, place))
                is_any = is_any or left is not NOTHING
                if self.missing and is_any and not leaves_out:
                    break
                if left is not NOTHING:
                    yield left
        if self.missing and is_any:
            self.gaps.check(self.missing, self.items, leaves_out=leaves_out)

    def _of(self, item: Any, at: Place) -> Any:
        if isinstance(item, Mapping):  # a row, of many
            return item
        if is_missing(item) or at in self.silent:
            self.missing.append(at)
            return NOTHING
        if _is_list_of_inputs(item):
            return self.of_list(item, at)
        return self.of_stream(item, at) if is_stream(item) else item


def _joined(first: list[Any], rest: Iterator[Any]) -> Iterator[Any]:
    with closed_at_end(rest):
        while first:
            yield first.pop(0)  # not kept: it may be large
        yield from rest


def _is_list_of_inputs(item: Any) -> bool:
    """Return whether something is a list of tables, rows or paths, some of which may be missing, and not of values."""
    if not isinstance(item, list | tuple) or is_record(item):
        return False
    # A list of rows only has no others, and none of it is missing.
    others = [each for each in item if not isinstance(each, Mapping)]
    return bool(others) and (
        any(map(holds_tables, others))
        or all(is_missing(each) or is_given_path(each) or _is_list_of_inputs(each) for each in others)
    )


def _named(place: Place) -> str:
    return f"{place_of(place).capitalize()}, counted from 0,"
