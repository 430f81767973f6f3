"""What the ``data`` of an answered import says about single rows. Pure.

The vendor does not document it; its sibling endpoints name numbers in these shapes (contract 2.8)::

    {"isAllOk": false, "total": 3, "successWhatsIds": ["86..."], "failWhatsIds": ["86..."]}
    {"success": ["86..."], "fail": ["86..."]}

Anything else says nothing about single rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

_SHAPES: Final = (
    ("successWhatsIds", "failWhatsIds"),
    ("success", "fail"),
    ("successList", "failList"),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an answer says about the rows of its call, by their place in the call.

    :param failed: rows it names as failed.
    :param unclear: rows it leaves out, names both ways, or names by a number that several rows have.
    :param strangers: numbers it names that were not sent.
    """

    failed: frozenset[int] = frozenset()
    unclear: frozenset[int] = frozenset()
    strangers: int = 0


def named_outcome(data: Any, numbers: Sequence[str]) -> Outcome:
    """Return what an answer with code 200 says about the rows of its call; by default that all were taken.

    :param data: the envelope's ``data``.
    :param numbers: ``whatsApp`` of each row, in the order of the call.
    """
    lists = _lists(data)
    if lists is None:
        return Outcome()
    success, fail = lists
    named = {*(success or ()), *(fail or ())}
    strangers = len(named - set(numbers))
    if fail is not None and not fail and not success and data.get("isAllOk") is True:
        return Outcome(strangers=strangers)
    shared = {number for number, count in Counter(numbers).items() if count > 1}
    failed, unclear = set(), set()
    for place, number in enumerate(numbers):
        lost, taken = number in (fail or ()), success is None or number in success
        if lost and not (success and taken) and number not in shared:
            failed.add(place)
        elif lost or not taken:
            unclear.add(place)
    return Outcome(frozenset(failed), frozenset(unclear), strangers)


def _lists(data: Any) -> tuple[frozenset[str] | None, frozenset[str] | None] | None:
    if not isinstance(data, dict):
        return None
    for names in _SHAPES:
        success, fail = (data.get(name) for name in names)
        if isinstance(success, list) or isinstance(fail, list):
            return _texts(success), _texts(fail)
    return None


def _texts(values: Any) -> frozenset[str] | None:
    return frozenset(map(str, values)) if isinstance(values, list) else None
