"""The import of customers: the vendor's names of the fields, the call, and its response's verdict on single rows.

Every value of a field is text (vendor API 3.2). Pure: the time is an argument.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from airflow_provider_socialscrm.api.numbers import digits_of
from airflow_provider_socialscrm.api.settings import AuthScheme, Settings, tenant_as_long
from airflow_provider_socialscrm.api.signing import Call, body_call, header_call

NUMBER: Final = "whatsApp"
AGENT: Final = "agentAccount"
SEX: Final = "sex"
BIRTHDAY: Final = "birthday"
TAGS: Final = ("tabName", "cancelTabName")

SIDE_EFFECT: Final = "welcome"
"""The field that makes the CRM write to the customer, so that sending a row again may do harm (vendor API 3.5)."""

API_FIELDS: Final = (
    AGENT, NUMBER, "friendName", SEX, BIRTHDAY, "address", "email", "profession", "income", "desc", *TAGS,
    "stage", "source", "languageTag", SIDE_EFFECT,
)  # fmt: skip
"""The row fields the vendor names (vendor API 3.2). Any other is an extension field (vendor API 3.3)."""

NEVER_EMPTY: Final = (NUMBER, AGENT)
"""Fields that a row needs, so that they cannot be sent empty."""

IMPORT_PATH: Final = "/wscrm-bus-api/customer/api/import"
"""Body scheme: ``PUT``, one agent per call (vendor API 1.2)."""

BATCH_IMPORT_PATH: Final = "/wscrm-bus-api/customer/api/batchImport"
"""Header scheme: ``POST``, an agent in each row (vendor API 1.2)."""

_SHAPES: Final = (
    ("successWhatsIds", "failWhatsIds"),
    ("success", "fail"),
    ("successList", "failList"),
)


_NUMBER_NAMES: Final = (NUMBER, "whatsId", "friendWhatsId", "friendWhatsApp")
"""Names that the vendor gives to a customer's number (vendor API 2.5)."""

_SHORTEST_NATIONAL: Final = 7
"""Digits from which a number may be one without its country code; shorter ones fit too many rows."""


def import_path(scheme: AuthScheme) -> str:
    """Return the path of the import in a scheme."""
    return BATCH_IMPORT_PATH if scheme is AuthScheme.HEADER else IMPORT_PATH


def import_call(settings: Settings, rows: Sequence[bytes], *, agent: str | None, now: float) -> Call:
    """Return the signed call that imports rows, by the scheme of the settings.

    :param settings: tenant, key and scheme.
    :param rows: one encoded JSON object for each customer.
    :param agent: body scheme: the ``userName`` that signs; ``None`` takes the connection's. Not used otherwise.
    :param now: seconds since the epoch at the moment of sending.
    """
    data = b"[" + b",".join(rows) + b"]"
    if settings.auth_scheme is AuthScheme.HEADER:
        fields = b'{"tenantId":%b,"data":%b}' % (msgspec.json.encode(tenant_as_long(settings.tenant_id)), data)
        return header_call(settings, BATCH_IMPORT_PATH, fields, now)
    return body_call(settings, IMPORT_PATH, agent or settings.user_name, data, now)


def encoded_customer(customer: Mapping[str, str], place: int) -> bytes:
    """Return a customer as an import call takes it.

    :param customer: the API's fields.
    :param place: of the customer in its list, for the error.
    :raises TypeError: when a name or a value is not text.
    """
    for name, value in customer.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise TypeError(
                f"Customer {place}: the value of {name!r} has the type {type(value).__name__}. Pass text, as the API "
                "documents all of its fields."
            )
    return msgspec.json.encode(dict(customer))


@dataclass(frozen=True, slots=True)
class Outcome:
    """A response's verdict on the rows of its call, by their place in the call.

    :param failed: rows it names as failed.
    :param unclear: rows it leaves out, names both ways, or names by a number that several rows have.
    :param unexpected_numbers: numbers it names that were not sent.
    """

    failed: frozenset[int] = frozenset()
    unclear: frozenset[int] = frozenset()
    unexpected_numbers: int = 0


def named_outcome(data: Any, numbers: Sequence[str]) -> Outcome:
    """Return the verdict of a response with code 200 on its rows; unless it says otherwise, all were accepted.

    The vendor does not document it; other endpoints name numbers in these shapes (vendor API 6.2)::

        {"isAllOk": false, "total": 3, "successWhatsIds": ["86..."], "failWhatsIds": ["86..."]}
        {"success": ["86..."], "fail": ["86..."]}

    Anything else says nothing about single rows. Numbers are compared by their digits, so ``+86 152-...`` is the row of
    ``86152...``. Where only failures are named, and one of them is not a number that was sent, the rows it may mean are
    unclear: those whose number ends like it, or all of them if it is not a number.

    :param data: the envelope's ``data``.
    :param numbers: ``whatsApp`` of each row, in the order of the call.
    """
    lists = _lists(data)
    if lists is None:
        return Outcome()
    success, fail = lists
    keys = [_key(number) for number in numbers]
    unexpected = {*(success or ()), *(fail or ())}.difference(keys)
    if fail is not None and not fail and not success and data.get("isAllOk") is True:
        return Outcome(unexpected_numbers=len(unexpected))
    shared = {key for key, count in Counter(keys).items() if count > 1}
    doubtful = _doubtful(keys, (fail or frozenset()) & unexpected) if success is None else frozenset()
    failed, unclear = set(), set()
    for place, key in enumerate(keys):
        lost, taken = key in (fail or ()), success is None or key in success
        if lost and not (success and taken) and key not in shared:
            failed.add(place)
        elif lost or not taken or place in doubtful:
            unclear.add(place)
    return Outcome(frozenset(failed), frozenset(unclear), len(unexpected))


def _doubtful(keys: Sequence[str], unexpected: Set[str]) -> frozenset[int]:
    """Return the places of rows that a failed number may mean: one without its country code, or something else."""
    if not all(map(str.isdigit, unexpected)):
        return frozenset(range(len(keys)))
    national = {number.lstrip("0") for number in unexpected if len(number) >= _SHORTEST_NATIONAL}
    lengths = {len(number) for number in national}
    return frozenset(
        place
        for place, key in enumerate(keys)
        if any(len(key) > length and key[len(key) - length :] in national for length in lengths)
    )


def _lists(data: Any) -> tuple[frozenset[str] | None, frozenset[str] | None] | None:
    if not isinstance(data, dict):
        return None
    for names in _SHAPES:
        success, fail = (data.get(name) for name in names)
        if isinstance(success, list) or isinstance(fail, list):
            return _keys(success), _keys(fail)
    return None


def _keys(values: Any) -> frozenset[str] | None:
    return frozenset(_key(value) for value in values if value not in (None, "")) if isinstance(values, list) else None


def _key(value: Any) -> str:
    """Return what a number is compared by: its digits, or else its text; of an object the number in it."""
    if isinstance(value, dict):
        value = next((value[name] for name in _NUMBER_NAMES if name in value), value)
    return digits_of(value) or str(value)
