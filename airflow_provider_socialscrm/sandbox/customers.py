"""The endpoints that import customers: their checks of each row, and the answer to the whole call (vendor API 3)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from .authentication import check_body_signed, check_body_tenant, check_header_signed
from .codes import OTHER, Answer, Rejected
from .crm import Endpoint
from .store import ImportRow

if TYPE_CHECKING:
    from .crm import ApiCall, Crm
    from .settings import SandboxSettings

IMPORT_PATH = "/wscrm-bus-api/customer/api/import"
BATCH_IMPORT_PATH = "/wscrm-bus-api/customer/api/batchImport"

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
"""The documented keys of a row (vendor API 3.2); any other key is an extension field (vendor API 3.3)."""

COLUMNS_OF_THEIR_OWN = frozenset({"whatsApp", "agentAccount"})
"""Row keys that a stored customer has outside its ``fields``."""

WHATSAPP = re.compile(r"[0-9]{7,15}")
"""A number with its country code, digits only (vendor API 3.4); 7 to 15 digits is our assumption, after E.164."""

NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
DATE_FORMAT = "%Y/%m/%d"

UNSENT_NUMBER = "10000000000"
"""A number nobody sends, which ``strangers="extra"`` adds to an answer."""


@dataclass(frozen=True, slots=True)
class CheckedRow(ImportRow):
    """A row, and whether it is good.

    :param rejected: why the row is rejected, or None when it is good
    """

    rejected: Rejected | None = None


def import_customers(crm: Crm, call: ApiCall) -> Answer:
    """Import the customers of one agent, who signs the call in its body.

    :raises Rejected: with the reason why the whole call is rejected
    """
    agent = check_body_signed(call.json_object, crm.settings, call.at)
    return _import_rows(crm, call, agent)


def import_batch(crm: Crm, call: ApiCall) -> Answer:
    """Import customers whose rows name their agents; the call is signed in its headers.

    :raises Rejected: with the reason why the whole call is rejected
    """
    check_header_signed(call.headers, crm.settings, call.at)
    check_body_tenant(call.json_object, crm.settings)
    return _import_rows(crm, call, None)


ENDPOINTS = (Endpoint("PUT", IMPORT_PATH, import_customers), Endpoint("POST", BATCH_IMPORT_PATH, import_batch))


def _import_rows(crm: Crm, call: ApiCall, agent: str | None) -> Answer:
    data = call.json_object.get("data")
    if not isinstance(data, list) or not data:
        raise Rejected(506)
    if len(data) > crm.settings.rows_per_call or len(call.raw) > crm.settings.bytes_per_call:  # our assumption
        raise Rejected(507)
    good, answer = answer_import([check_row(row, agent, crm.settings) for row in data], crm.settings)
    crm.store.commit(crm.settings.tenant_id, good, call.at)
    return answer


def answer_import(rows: Sequence[CheckedRow], settings: SandboxSettings) -> tuple[list[CheckedRow], Answer]:
    """Decide which rows an import stores and how it is answered.

    It is unknown whether one rejected row rejects the others, and whether an answer names rows (vendor API 6.2). The
    settings ``refusal``, ``failures`` and ``strangers`` choose one of our assumptions.

    :return: the rows to store, and the answer
    """
    good = [row for row in rows if row.rejected is None]
    first = next((row.rejected for row in rows if row.rejected is not None), None)
    if first is not None and settings.refusal == "atomic":
        return [], Answer.of(first)
    if settings.failures != "unnamed":
        return good, Answer(data=_named(rows, settings))
    return good, Answer() if first is None else Answer.of(first)


def _named(rows: Sequence[CheckedRow], settings: SandboxSettings) -> dict[str, Any]:
    stored = [row.whatsapp for row in rows if row.rejected is None]
    failed = [row.whatsapp for row in rows if row.rejected is not None]
    is_all_ok = not failed
    if settings.strangers == "extra":
        failed.append(UNSENT_NUMBER)
    elif settings.strangers == "missing":
        (failed or stored).pop()
    if settings.failures == "lists":
        return {"success": stored, "fail": failed}
    return {"isAllOk": is_all_ok, "total": len(rows), "successWhatsIds": stored, "failWhatsIds": failed}


def check_row(row: Any, agent: str | None, settings: SandboxSettings) -> CheckedRow:
    """Check one row.

    :param agent: the agent of the whole call, or None when each row names its ``agentAccount``
    """
    if not isinstance(row, dict):
        return CheckedRow("", agent or "", {}, Rejected(OTHER, "data format error"))
    owner = agent if agent is not None else str(row.get("agentAccount") or "")
    fields = {name: value for name, value in row.items() if name not in COLUMNS_OF_THEIR_OWN}
    return CheckedRow(str(row.get("whatsApp") or ""), owner, fields, _rejection(row, owner, settings))


def _rejection(row: dict[str, Any], agent: str, settings: SandboxSettings) -> Rejected | None:
    """Return the first reason to reject a row; codes 531 and 533 are documented, the others are our assumption."""
    whatsapp = row.get("whatsApp")
    if agent not in settings.agents:
        return Rejected(531)
    if not isinstance(whatsapp, str) or not WHATSAPP.fullmatch(whatsapp):
        return Rejected(OTHER, "whatsApp is error")
    for name, value in row.items():
        if name in BUILT_IN_FIELDS and not isinstance(value, str):
            return Rejected(OTHER, f"{name} format error")
    if not _is_date(row.get("birthday", "")):
        return Rejected(OTHER, "birthday format error")
    extensions = row.keys() - BUILT_IN_FIELDS
    return None if all(_fits(row[name], settings.extension_fields.get(name)) for name in extensions) else Rejected(533)


def _fits(value: object, extension_type: str | None) -> bool:
    """Return whether an extension field's value fits its type; an empty one always does (our assumption)."""
    if extension_type is None or not isinstance(value, str):
        return False
    if extension_type == "date":
        return _is_date(value)
    if extension_type == "number":
        return not value or NUMBER.fullmatch(value) is not None
    if extension_type.startswith("select:"):
        return not value or value in extension_type.removeprefix("select:").split("|")
    return True


@lru_cache(maxsize=2**16)  # more than the birthdays of people alive; parsing a date is most of the cost of a row
def _is_date(text: str) -> bool:
    """Return whether a text is ``yyyy/MM/dd``, or empty."""
    if not text:
        return True
    try:
        return f"{datetime.strptime(text, DATE_FORMAT):{DATE_FORMAT}}" == text  # noqa: DTZ007 - a birthday has no zone
    except ValueError:
        return False
