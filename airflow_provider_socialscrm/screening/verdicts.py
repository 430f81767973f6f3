"""The results of a task's orders, joined with its numbers."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_socialscrm.api.errors import ResponseFormError, StopError
from airflow_provider_socialscrm.api.redaction import is_personal
from airflow_provider_socialscrm.api.screening import Verdict, result_of
from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.importer.whole_files import write_whole
from airflow_provider_socialscrm.screening.numbers import TableNumbers
from airflow_provider_socialscrm.wording import counted, out_of, worded

log = logging.getLogger(__name__)

UNREAD: Final = ".results.jsonl"
"""How the name of a file with results in an unknown form ends, after that of the output."""

NONE: Final = "none"
"""What counts call numbers without a verdict."""

OTHER: Final = "other"
"""What counts call the verdicts that they do not name."""

MOST_NAMED: Final = 10
"""Verdicts that counts name."""

LONGEST_NAMED: Final = 20
"""Characters of a verdict that counts name; a longer one may be somebody's text."""


@dataclass(frozen=True, slots=True)
class Verdicts:
    """The CRM's answer about each number.

    :param texts: a verdict for each number, null where there is none.
    :param raw: the CRM's item for each number, as JSON.
    :param counts: how many numbers have each verdict.
    """

    texts: pa.Array = field(repr=False)
    raw: pa.Array = field(repr=False)
    counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class Results:
    """The items of the results of some orders, in their order.

    :param orders: ids of the orders.
    :param numbers: digits.
    :param verdicts: the CRM's answers, empty where there is none.
    :param raw: the items, as JSON.
    """

    orders: tuple[str, ...]
    numbers: pa.Array = field(repr=False)
    verdicts: pa.Array = field(repr=False)
    raw: pa.Array = field(repr=False)


def fetch_results(orders: Sequence[str], data_of: Callable[[str], Any], output: Any) -> Results:
    """Return the results of finished orders.

    :param data_of: returns ``data`` of an order's result.
    :param output: path of the output, beside which results of an unknown form are written as they came.
    :raises ResponseFormError: if one has a form that is not known.
    """
    lines, parts, unread = list[bytes](), [_as_arrays(())], None
    for order in orders:
        data = data_of(order)
        lines.append(msgspec.json.encode({"order": order, "data": data}) + b"\n")
        try:
            parts.append(_as_arrays(result_of(order, data).verdicts))  # as objects a million take a gigabyte
        except ResponseFormError as failure:
            unread = unread or failure
    if unread:
        place = output.parent / f"{output.name}{UNREAD}"
        write_whole(place, lambda file: file.writelines(lines))
        log.error(
            "The results have a form that this version does not know. They are in %s as they came, with customers' "
            "numbers",
            place,
        )
        raise unread
    return Results(tuple(orders), *map(pa.concat_arrays, zip(*parts, strict=True)))


STRANGER: Final = "number that data does not have; it is ignored"
STRANGERS: Final = "numbers that data does not have; they are ignored"


def joined(numbers: TableNumbers, results: Results) -> Verdicts:
    """Return the verdict of each number; two different ones about one number are none.

    :raises StopError: if there are results, and none is about any of the numbers.
    """
    places = pc.index_in(results.numbers, numbers.distinct)
    encoded = results.verdicts.dictionary_encode()
    known, items = _last_items(places, encoded.indices.to_numpy(zero_copy_only=False))
    if len(places) and not len(known):
        orders = ", ".join(results.orders)
        have = worded(len(results.orders), f"order {orders} has", f"orders {orders} have")
        raise StopError(
            f"The {have} results, and none is about a number of data: "
            "check orders, and that data is the table that was ordered."
        )
    if strangers := len(results.numbers.filter(pc.is_null(places)).unique()):
        log.warning("The results have %s", counted(strangers, STRANGER, STRANGERS))
    at = np.full(len(numbers), -1)
    at[known] = items
    chosen = pa.array(at, mask=at < 0)
    texts = results.verdicts.take(chosen)
    texts = pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)
    verdicts = Verdicts(texts, results.raw.take(chosen), _counts(texts))
    if missing := verdicts.counts.get(NONE):
        log.warning("%s", out_of(missing, len(numbers), "number", "has no verdict", "have no verdict"))
    return verdicts


def _as_arrays(verdicts: Sequence[Verdict]) -> tuple[pa.Array, pa.Array, pa.Array]:
    """Return the numbers, the verdicts and the items as JSON."""
    raw = [msgspec.json.encode(each.raw).decode() for each in verdicts]
    columns = ([each.number for each in verdicts], [each.verdict for each in verdicts], raw)
    numbers, texts, items = (pa.array(column, pa.string()) for column in columns)
    return numbers, texts, items


def _last_items(places: pa.Array, verdicts: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return the places of the numbers about which all items agree, each with its last item.

    :param places: of the number of each item, null if the table has no such number.
    :param verdicts: a small number for each item, equal for equal verdicts.
    """
    items = np.flatnonzero(places.is_valid().to_numpy(zero_copy_only=False))
    at = places.drop_null().to_numpy(zero_copy_only=False)
    order = np.argsort(at, kind="stable")
    at, items = at[order], items[order]
    if not len(at):
        return at, items
    starts = np.flatnonzero(np.append(True, at[1:] != at[:-1]))
    ends = np.append(starts[1:], len(at)) - 1
    found = verdicts[items]
    agree = np.minimum.reduceat(found, starts) == np.maximum.reduceat(found, starts)
    return at[starts][agree], items[ends][agree]


def check_only(only: Sequence[str], verdicts: Verdicts) -> None:
    """Check that some number has a verdict whose rows are wanted.

    :raises InputError: naming the verdicts that there are.
    """
    if only and not set(only) & set(verdicts.texts.unique().to_pylist()):
        found = ", ".join(f"{name!r} ({numbers:,})" for name, numbers in verdicts.counts.items())
        raise InputError(
            f"only is {list(only)!r}, and no number has such a verdict, so nothing was written. The verdicts are "
            f"{found}. Correct only and clear the task: nothing is ordered again."
        )


def _counts(texts: pa.Array) -> dict[str, int]:
    found = {each["values"]: each["counts"] for each in pc.value_counts(texts).to_pylist()}
    named = {text for text, _ in Counter({text: n for text, n in found.items() if text}).most_common(MOST_NAMED)}
    counts: Counter[str] = Counter()
    for text, numbers in found.items():
        counts[NONE if text is None else text if text in named and _may_show(text) else OTHER] += numbers
    return dict(counts.most_common())


def _may_show(verdict: str) -> bool:
    return len(verdict) <= LONGEST_NAMED and not is_personal(verdict)
