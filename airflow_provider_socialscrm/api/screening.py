"""Number screening, which the vendor charges for: order it, ask whether it is finished, read its result. Pure.

The vendor documents the three calls, and not what a result looks like. So each verdict keeps the CRM's own words, and
each result all of its data.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final
from urllib.parse import quote

import msgspec

from airflow_provider_socialscrm.api.errors import unknown_form
from airflow_provider_socialscrm.api.numbers import digits_of
from airflow_provider_socialscrm.api.request import Request
from airflow_provider_socialscrm.wording import first_of, out_of

ORDER_PATH: Final = "/wscrm-bus-api/open/scan/screenWhatsApp"
"""Header scheme: orders a screening, and costs money (vendor API 1.8)."""

PROGRESS_PATH: Final = "/wscrm-bus-api/open/scan/queryTaskStatus"
"""Header scheme: says whether the order behind its last slash is finished (vendor API 1.8)."""

RESULT_PATH: Final = "/wscrm-bus-api/open/scan/queryTaskDetails"
"""Header scheme: the result of the order behind its last slash (vendor API 1.8)."""

FEWEST_NUMBERS: Final = 500
"""Numbers that an order has at least (vendor API 1.8)."""

MOST_NUMBERS: Final = 20_000
"""Numbers that an order has at most (vendor API 1.8)."""

LONGEST_ORDER_ID: Final = 128
"""Characters of an order's id; our choice, several times what the vendor's other ids have."""

NAMED_POSITIONS: Final = 10
"""Positions that a sentence names."""

YES, NO = "yes", "no"
"""Verdicts in our words, where the CRM's own can only mean these."""


class Kind(StrEnum):
    """A question that a screening answers about each number."""

    IS_WHATSAPP = "is_whatsapp"
    ACTIVE = "active"
    GENDER = "gender"


class Activity(StrEnum):
    """How active a number must be, in the vendor's words; only for :attr:`Kind.ACTIVE`."""

    FREQUENT = "frequent"
    RECENT = "recent"
    RECENTLY = "recently"


_KIND_NUMBERS: Final = {Kind.IS_WHATSAPP: 0, Kind.ACTIVE: 1, Kind.GENDER: 2}
_ACTIVITY_NUMBERS: Final = {Activity.FREQUENT: 0, Activity.RECENT: 1, Activity.RECENTLY: 2}

_NUMBER_NAMES: Final = ("whatsApp", "whatsapp", "phone", "phoneNumber", "mobile", "number", "whatsId")
"""Names under which an item of a result may have its number; the vendor does not document it."""

_QUESTIONS: Final = (
    "isWhatsApp", "isWhatsapp", "isActive", "isExist", "isExists", "exist", "exists", "onWhatsApp", "active",
)  # fmt: skip
"""Names that ask a question, to which 1 can only mean yes."""

_VERDICT_NAMES: Final = (*_QUESTIONS, "gender", "sex", "status", "state", "result", "verdict", "value")
"""Names under which an item of a result may have its verdict."""

_DIGITS: Final = re.compile(r"[1-9][0-9]{6,14}")
"""A number as an order has it: E.164 allows 15 digits; the shortest in use have 7."""

_ANSWERS: Final = {"1": YES, "true": YES, "0": NO, "false": NO}
_FINISHED: Final = {"1": True, "0": False}


@dataclass(frozen=True, slots=True)
class Verdict:
    """A screening's answer about a number.

    :param number: its digits.
    :param verdict: ``yes`` or ``no`` where the response can only mean that, else the CRM's own text; empty if none.
    :param raw: the item of the response, as it came.
    """

    number: str = field(repr=False)
    verdict: str
    raw: Any = field(default=None, repr=False, hash=False)


@dataclass(frozen=True, slots=True)
class ScreeningResult:
    """The result of an order.

    :param order: its id.
    :param verdicts: in the order of the response.
    :param raw: ``data`` of the response, as it came.
    """

    order: str
    verdicts: tuple[Verdict, ...] = field(repr=False)
    raw: Any = field(default=None, repr=False, hash=False)


def part_sizes(numbers: int) -> list[int]:
    """Return the sizes of the fewest orders that screen so many numbers; they differ by one at most.

    :raises ValueError: in one sentence, if they are fewer than an order takes.
    """
    if numbers < FEWEST_NUMBERS:
        raise ValueError(
            f"An order of the CRM takes at least {FEWEST_NUMBERS} different numbers, and there are {numbers:,}: collect"
            " more numbers, or import them without a screening."
        )
    parts = -(-numbers // MOST_NUMBERS)
    size, larger = divmod(numbers, parts)
    return [size + 1] * larger + [size] * (parts - larger)


def parts_of(numbers: Sequence[str]) -> list[Sequence[str]]:
    """Return numbers in the parts of which each becomes an order.

    :raises ValueError: as :func:`part_sizes`.
    """
    parts, start = [], 0
    for size in part_sizes(len(numbers)):
        parts.append(numbers[start : start + size])
        start += size
    return parts


def check_screening(kind: str, country: str, activity: str | None = None) -> None:
    """Check what is asked of a screening.

    :raises ValueError: in one sentence, naming the argument that is wrong.
    """
    if kind not in {*Kind}:
        raise ValueError(f"kind must be one of {', '.join(Kind)}.")
    if not (isinstance(country, str) and len(country) == len("IN") and country.isascii() and country.isalpha()):
        raise ValueError("country must be the two letters of a country, as in 'IN'.")
    if activity is not None and activity not in {*Activity}:
        raise ValueError(f"activity must be one of {', '.join(Activity)}, or None.")
    if activity is not None and kind != Kind.ACTIVE:
        raise ValueError("activity needs kind='active'.")


def check_numbers(numbers: Sequence[Any]) -> None:
    """Check that each of some values is the digits of a number.

    :raises ValueError: in one sentence, with the positions of those that are not, and without any value.
    """
    wrong = [place for place, each in enumerate(numbers) if not isinstance(each, str) or not _DIGITS.fullmatch(each)]
    if wrong:
        named = first_of([f"{place:,}" for place in wrong], NAMED_POSITIONS)
        raise ValueError(
            f"{out_of(len(wrong), len(numbers), 'number', 'is', 'are')} not a text of 7 to 15 digits that begins with "
            f"the country code, so nothing was ordered: correct those at {named}, counted from 0."
        )


def screening_order(numbers: Sequence[str], kind: str, country: str, activity: str | None = None) -> Request:
    """Return the call that orders a screening. It costs money, so it is not repeated where it may have been taken.

    :param numbers: digits with the country code, different ones.
    :param kind: one of :class:`Kind`.
    :param country: two letters.
    :param activity: one of :class:`Activity`, for ``kind="active"``.
    :raises ValueError: in one sentence, if the CRM takes no such order.
    """
    check_screening(kind, country, activity)
    check_numbers(numbers)
    if not FEWEST_NUMBERS <= len(numbers) <= MOST_NUMBERS:
        raise ValueError(
            f"An order takes {FEWEST_NUMBERS} to {MOST_NUMBERS:,} numbers, and this one has {len(numbers):,}."
        )
    body: dict[str, Any] = {"data": list(numbers), "type": _KIND_NUMBERS[Kind(kind)], "country": country.upper()}
    if activity is not None:
        body["activeType"] = _ACTIVITY_NUMBERS[Activity(activity)]
    return Request(ORDER_PATH, body)


def progress_query(order: str) -> Request:
    """Return the call that asks whether an order is finished.

    :raises ValueError: in one sentence, if the id cannot be one.
    """
    return Request(_path(PROGRESS_PATH, order), repeatable=True, pace_path=PROGRESS_PATH)


def result_query(order: str, *, method: str = "POST") -> Request:
    """Return the call that reads the result of a finished order.

    :param method: ``POST`` as on the vendor's page, or ``GET`` as in its list of endpoints.
    :raises ValueError: in one sentence, if the id cannot be one.
    """
    return Request(_path(RESULT_PATH, order), method=method, repeatable=True, pace_path=RESULT_PATH)


def order_id_of(data: Any) -> str:
    """Return the order's id in the ``data`` of :func:`screening_order`.

    :raises ResponseFormError: if there is none.
    """
    if isinstance(data, Mapping):
        data = next((data[name] for name in ("orderId", "taskId", "id") if data.get(name)), None)
    text = str(data).strip() if isinstance(data, str | int) and not isinstance(data, bool) else ""
    if not _is_order_id(text):
        raise unknown_form(ORDER_PATH)
    return text


def is_finished(data: Any) -> bool:
    """Return whether the ``data`` of :func:`progress_query` says that the order is finished.

    :raises ResponseFormError: if it says neither yes nor no.
    """
    finished = _FINISHED.get(str(int(data) if isinstance(data, bool | float) else data).strip())
    if finished is None:
        raise unknown_form(PROGRESS_PATH)
    return finished


def result_of(order: str, data: Any) -> ScreeningResult:
    """Return the result of an order in the ``data`` of :func:`result_query`.

    Three forms are read: a list of objects with a number and a verdict, an object with a verdict for each number, and
    an object with a list of numbers for each verdict.

    :raises ResponseFormError: if it has another form.
    """
    return ScreeningResult(order, tuple(_verdicts(_decoded(data))), data)


def _path(path: str, order: str) -> str:
    if not _is_order_id(order):
        raise ValueError("The id of an order is a text without blanks and slashes, as the CRM returned it.")
    return f"{path}/{quote(order, safe='')}"


def _is_order_id(text: Any) -> bool:
    is_text = isinstance(text, str) and 0 < len(text) <= LONGEST_ORDER_ID
    return is_text and all("!" <= sign <= "~" and sign not in "/?#\\" for sign in text) and set(text) != {"."}


def _decoded(data: Any) -> Any:
    if not isinstance(data, str):
        return data
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, ValueError):  # the first is not among the second before msgspec 0.21
        raise unknown_form(RESULT_PATH) from None


def _verdicts(data: Any) -> Iterator[Verdict]:
    if isinstance(data, list) and data and all(isinstance(each, Mapping) for each in data):
        yield from _of_objects(data)
        return
    if not isinstance(data, Mapping) or not data:
        raise unknown_form(RESULT_PATH)
    lists = [each for each in data.values() if isinstance(each, list)]
    if len(lists) == len(data) > 1 and all(
        not isinstance(each, Mapping | list) for several in lists for each in several
    ):
        for verdict, several in data.items():
            yield from (Verdict(_number(each), str(verdict), {str(verdict): each}) for each in several)
    elif len(lists) == 1:  # a page: one list beside counts
        yield from _verdicts(lists[0])
    elif not any(isinstance(each, Mapping | list) for each in data.values()):
        yield from (Verdict(_number(number), _text(value), {number: value}) for number, value in data.items())
    else:
        raise unknown_form(RESULT_PATH)


def _of_objects(items: Sequence[Mapping[str, Any]]) -> Iterator[Verdict]:
    name = _name_of_verdict(items)
    for item in items:
        number = next((digits for each in _NUMBER_NAMES if (digits := digits_of(item.get(each)))), None)
        text = _text(item.get(name))
        verdict = _ANSWERS.get(text.lower(), text) if name in _QUESTIONS else text
        yield Verdict(_number(number), verdict, dict(item))


def _name_of_verdict(items: Iterable[Mapping[str, Any]]) -> str:
    """Return the name of the field with the verdict: a known name, or the only one beside the number."""
    names = dict.fromkeys(name for item in items for name in item)
    others = [name for name in names if name not in _NUMBER_NAMES]
    found = next((name for name in _VERDICT_NAMES if name in names), others[0] if len(others) == 1 else None)
    if found is None:
        raise unknown_form(RESULT_PATH)
    return found


def _number(value: Any) -> str:
    digits = digits_of(value)
    if not digits:
        raise unknown_form(RESULT_PATH)
    return digits


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return YES if value else NO
    if isinstance(value, Mapping | list):
        return msgspec.json.encode(value).decode()
    return "" if value is None else str(value).strip()
