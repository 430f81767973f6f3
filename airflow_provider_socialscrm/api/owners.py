"""Owners of customers: the call that leaves customers without one, so that they can go to another agent. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from airflow_provider_socialscrm.api.agents import items_of
from airflow_provider_socialscrm.api.errors import unknown_form
from airflow_provider_socialscrm.api.numbers import digits_of
from airflow_provider_socialscrm.api.request import Request

CLEAR_OWNERS_PATH: Final = "/wscrm-bus-api/open/customer/setPrincipalAsNull"
"""On either scheme: leave customers without an owner (vendor API 1.11)."""

MOST_NUMBERS: Final = 50
"""Numbers that a call may carry (vendor API 1.11)."""


@dataclass(frozen=True, slots=True)
class Cleared:
    """Name the customers who have no owner now, and the others.

    :param ok: numbers of those who have no owner now.
    :param failed: numbers of those whom the CRM names as failed, or does not name at all.
    """

    ok: tuple[str, ...] = field(repr=False)
    failed: tuple[str, ...] = field(repr=False)


def owners_clear(numbers: Sequence[str], admin: str | None = None) -> Request:
    """Return the call that clears owners. A customer without an owner has none after a repeat, so it does no harm.

    :param numbers: digits with the country code.
    :param admin: login of an administrator; ``None`` takes the connection's user.
    :raises ValueError: in one sentence, if the CRM takes no such call.
    """
    if not 0 < len(numbers) <= MOST_NUMBERS:
        raise ValueError(f"A call clears the owners of 1 to {MOST_NUMBERS} customers, and this one has {len(numbers)}.")
    return clearing(numbers, admin)


def clearing(numbers: Sequence[str], admin: str | None = None) -> Request:
    """Return the call without a check of how many numbers it has."""
    return Request(
        CLEAR_OWNERS_PATH,
        {"data": list(numbers)},
        scheme=None,
        repeatable=True,
        names_tenant=True,
        names_user=True,
        user_name=admin,
    )


def check_numbers(numbers: Any) -> list[str]:
    """Return numbers, each once, as their digits.

    :raises ValueError: in one sentence, without a number, if there is something else among them.
    """
    if isinstance(numbers, str) or not isinstance(numbers, Sequence):
        raise ValueError("numbers must be a list of texts.")  # noqa: TRY004 - as its siblings
    digits = [digits_of(number) for number in numbers]
    if None in digits:
        raise ValueError(f"numbers has something that is not a number at place {digits.index(None)}, counted from 0.")
    return list(dict.fromkeys(filter(None, digits)))


def parts_of(numbers: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield numbers in the parts that calls carry."""
    for start in range(0, len(numbers), MOST_NUMBERS):
        yield numbers[start : start + MOST_NUMBERS]


def cleared_of(data: Any, numbers: Sequence[str]) -> Cleared:
    """Return what became of customers by the ``data`` of :func:`owners_clear`.

    :param numbers: those of the call; one that the response does not name counts as failed.
    :raises ResponseFormError: if the data does not have the documented form.
    """
    if not isinstance(data, Mapping) or not {"isAllOk", "successWhatsIds", "failWhatsIds"} & data.keys():
        raise unknown_form(CLEAR_OWNERS_PATH)
    failed = {digits_of(each) for each in items_of(data.get("failWhatsIds"), CLEAR_OWNERS_PATH)}
    named = {digits_of(each) for each in items_of(data.get("successWhatsIds"), CLEAR_OWNERS_PATH)}
    names_all = "successWhatsIds" in data or not (data.get("isAllOk") is True or failed)
    ok = tuple(number for number in numbers if number not in failed and (number in named or not names_all))
    return Cleared(ok, tuple(number for number in numbers if number not in {*ok}))
