"""The results of a task's orders, joined with its numbers."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import pyarrow as pa

from airflow_provider_socialscrm.api.errors import ResponseFormError, StopError
from airflow_provider_socialscrm.api.redaction import is_personal
from airflow_provider_socialscrm.api.screening import ScreeningResult, result_of
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


def fetch_results(orders: Sequence[str], data_of: Callable[[str], Any], output: Any) -> list[ScreeningResult]:
    """Return the results of finished orders.

    :param data_of: returns ``data`` of an order's result.
    :param output: path of the output, beside which results of an unknown form are written as they came.
    :raises ResponseFormError: if one has a form that is not known.
    """
    fetched = [(order, data_of(order)) for order in orders]
    try:
        return [result_of(order, data) for order, data in fetched]
    except ResponseFormError:
        place = output.parent / f"{output.name}{UNREAD}"
        lines = b"".join(msgspec.json.encode({"order": order, "data": data}) + b"\n" for order, data in fetched)
        write_whole(place, lambda file: file.write(lines))
        log.error(  # noqa: TRY400 - the error says all, and is raised
            "The results have a form that this version does not know. They are in %s as they came, with customers' "
            "numbers",
            place,
        )
        raise


def joined(numbers: TableNumbers, results: Sequence[ScreeningResult]) -> Verdicts:
    """Return the verdict of each number; two different ones about one number are none.

    :raises StopError: if there are results, and none is about any of the numbers.
    """
    found: dict[str, tuple[str, Any] | None] = {}
    for each in (verdict for result in results for verdict in result.verdicts):
        before = found.get(each.number, (each.verdict, each.raw))
        found[each.number] = (each.verdict, each.raw) if before and before[0] == each.verdict else None
    rows = [found.get(number) for number in numbers.distinct.to_pylist()]
    if found and not any(rows):
        orders = ", ".join(result.order for result in results)
        have = worded(len(results), f"order {orders} has", f"orders {orders} have")
        raise StopError(
            f"The {have} results, and none is about a number of data: "
            "check orders, and that data is the table that was ordered."
        )
    if strangers := len(found) - sum(number in found for number in numbers.distinct.to_pylist()):
        unknown = counted(
            strangers,
            "number that data does not have; it is ignored",
            "numbers that data does not have; they are ignored",
        )
        log.warning("The results have %s", unknown)
    texts = [row[0] or None if row else None for row in rows]
    raw = [msgspec.json.encode(row[1]).decode() if row else None for row in rows]
    verdicts = Verdicts(pa.array(texts, pa.string()), pa.array(raw, pa.string()), _counts(texts))
    if missing := verdicts.counts.get(NONE):
        log.warning("%s", out_of(missing, len(numbers), "number", "has no verdict", "have no verdict"))
    return verdicts


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


def _counts(texts: Sequence[str | None]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    named = {text for text, _ in Counter(filter(None, texts)).most_common(MOST_NAMED) if _may_show(text)}
    for text in texts:
        counts[NONE if text is None else text if text in named else OTHER] += 1
    return dict(counts.most_common())


def _may_show(verdict: str) -> bool:
    return len(verdict) <= LONGEST_NAMED and not is_personal(verdict)
