"""The rows of an import: which are good, and what the whole call is answered (contract 2.3 to 2.9)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from .codes import OTHER, Refused

if TYPE_CHECKING:
    from .settings import SandboxSettings

BUILT_IN_FIELDS = frozenset(
    {
        "agentAccount",
        "whatsApp",
        "friendName",
        "sex",
        "birthday",
        "address",
        "email",
        "profession",
        "income",
        "desc",
        "tabName",
        "cancelTabName",
        "stage",
        "source",
        "languageTag",
        "welcome",
    }
)
"""The documented keys of a row (contract 2.3); any other key is an extension field (contract 2.4)."""

COLUMNS_OF_THEIR_OWN = frozenset({"whatsApp", "agentAccount"})
"""Row keys that a stored customer holds outside its ``fields``."""

WHATSAPP = re.compile(r"[0-9]{7,15}")
"""A number with its country code, digits only (contract 2.5); 7 to 15 digits is our assumption, after E.164."""

NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
DATE_FORMAT = "%Y/%m/%d"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a call, judged.

    :param whatsapp: the customer's number as sent, "" when there is none
    :param agent: the agent login the customer goes to
    :param fields: the row's other fields, exactly as sent
    :param refused: why the row is refused, or None when it is good
    """

    whatsapp: str
    agent: str
    fields: dict[str, str]
    refused: Refused | None = None


def check_size(data: object, size: int, settings: SandboxSettings) -> list[Any]:
    """Return the rows of ``data`` when there are some, and not too many.

    :param size: bytes of the call's whole body
    :raises Refused: 506 without rows, 507 above ``rows_per_call`` or ``bytes_per_call`` (our assumption)
    """
    if not isinstance(data, list) or not data:
        raise Refused(506)
    if len(data) > settings.rows_per_call or size > settings.bytes_per_call:
        raise Refused(507)
    return data


def judge(rows: Sequence[Any], agent: str | None, settings: SandboxSettings) -> list[Row]:
    """Judge every row on its own, in order.

    :param agent: the agent of the whole call, or None when each row names its ``agentAccount``
    """
    return [_judge_one(row, agent, settings) for row in rows]


def _judge_one(row: Any, agent: str | None, settings: SandboxSettings) -> Row:
    if not isinstance(row, dict):
        return Row("", agent or "", {}, Refused(OTHER, "data format error"))
    owner = agent if agent is not None else str(row.get("agentAccount") or "")
    fields = {name: value for name, value in row.items() if name not in COLUMNS_OF_THEIR_OWN}
    return Row(str(row.get("whatsApp") or ""), owner, fields, _refusal(row, owner, settings))


def _refusal(row: dict[str, Any], agent: str, settings: SandboxSettings) -> Refused | None:
    """Return the first complaint about a row; no code is documented but 531 and 533, the others are our assumption."""
    whatsapp = row.get("whatsApp")
    if agent not in settings.agents:
        return Refused(531)
    if not isinstance(whatsapp, str) or not WHATSAPP.fullmatch(whatsapp):
        return Refused(OTHER, "whatsApp is error")
    for name, value in row.items():
        if name in BUILT_IN_FIELDS and not isinstance(value, str):
            return Refused(OTHER, f"{name} format error")
    if not _is_date(row.get("birthday", "")):
        return Refused(OTHER, "birthday format error")
    extensions = row.keys() - BUILT_IN_FIELDS
    return None if all(_fits(row[name], settings.extension_fields.get(name)) for name in extensions) else Refused(533)


def _fits(value: object, extension_type: str | None) -> bool:
    """Tell whether an extension field's value fits its type; an empty one always does, which is our assumption."""
    if extension_type is None or not isinstance(value, str):
        return False
    if extension_type == "date":
        return _is_date(value)
    if extension_type == "number":
        return not value or NUMBER.fullmatch(value) is not None
    if extension_type.startswith("select:"):
        return not value or value in extension_type.removeprefix("select:").split("|")
    return True


@lru_cache(maxsize=2**16)  # more than the birthdays of people alive; reading a date is most of what a row costs
def _is_date(text: str) -> bool:
    """Tell whether a text is ``yyyy/MM/dd``, or empty."""
    if not text:
        return True
    try:
        return f"{datetime.strptime(text, DATE_FORMAT):{DATE_FORMAT}}" == text  # noqa: DTZ007 - a birthday has no zone
    except ValueError:
        return False
