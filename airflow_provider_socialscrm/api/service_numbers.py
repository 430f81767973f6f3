"""Service numbers: the WhatsApp numbers that the tenant's agents work with, and their state. Pure.

The vendor documents the endpoint, not the fields of its response. So each number keeps all of them as they came.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from airflow_provider_socialscrm.api.agents import items_of
from airflow_provider_socialscrm.api.errors import unknown_form
from airflow_provider_socialscrm.api.numbers import digits_of
from airflow_provider_socialscrm.api.request import Request

NUMBERS_PATH: Final = "/group-dispatch-api/whatsapp/queryWhatsAppStatus"
"""Header scheme: ``GET``; all service numbers of the tenant (vendor API 1.6)."""

_NUMBER_NAMES: Final = ("whatsApp", "whatsId", "sendWhatsApp", "number")
"""Names under which the vendor has a service number elsewhere (vendor API 2.5), and a plain one."""


@dataclass(frozen=True, slots=True)
class ServiceNumber:
    """A service number as the CRM returns it.

    :param number: its digits; empty if no field has them under a name that the vendor uses.
    :param raw: all fields of the response, by the vendor's names.
    """

    number: str
    raw: Mapping[str, Any] = field(default_factory=dict, hash=False)


def numbers_query() -> Request:
    """Return the call that lists the service numbers with their state."""
    return Request(NUMBERS_PATH, method="GET", repeatable=True)


def numbers_of(data: Any) -> list[ServiceNumber]:
    """Return the service numbers in the ``data`` of :func:`numbers_query`.

    :raises ResponseFormError: if it is not a list of objects or of numbers.
    """
    found = []
    for each in items_of(data, NUMBERS_PATH):
        if isinstance(each, Mapping):
            number = next((digits for name in _NUMBER_NAMES if (digits := digits_of(each.get(name)))), "")
            found.append(ServiceNumber(number, dict(each)))
        elif digits := digits_of(each):
            found.append(ServiceNumber(digits))
        else:
            raise unknown_form(NUMBERS_PATH)
    return found
