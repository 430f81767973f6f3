"""The endpoint that leaves customers without an owner."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .authentication import check_administrator, check_body_signed, check_body_tenant, check_header_signed
from .codes import Answer, Rejected
from .crm import Endpoint

if TYPE_CHECKING:
    from .crm import ApiCall, Crm

CLEAR_OWNERS_PATH = "/wscrm-bus-api/open/customer/setPrincipalAsNull"

MOST_NUMBERS = 50
"""Numbers that a call may have (vendor API 1.11); 507 above it is our assumption."""

UNSENT_NUMBER = "10000000000"
"""A number nobody sends, which ``strangers="extra"`` adds to an answer."""


def clear_owners(crm: Crm, call: ApiCall) -> Answer:
    """Clear the owners of the customers of a call.

    :raises Rejected: with the reason why the call is rejected
    """
    _check_signed(crm, call)
    data = call.json_object.get("data")
    if not isinstance(data, list) or not data:
        raise Rejected(534)
    if len(data) > MOST_NUMBERS:
        raise Rejected(507)
    numbers = [str(number) for number in data]
    tenant_id = crm.settings.tenant_id
    if crm.settings.unknown_customers == "532" and len(crm.store.known(tenant_id, numbers)) < len(set(numbers)):
        raise Rejected(532)
    known = crm.store.clear_owners(tenant_id, numbers)
    cleared = [number for number in numbers if number in known]
    failed = [number for number in numbers if number not in known]
    is_all_ok = not failed
    if crm.settings.strangers == "extra":
        failed.append(UNSENT_NUMBER)
    elif crm.settings.strangers == "missing":
        (failed or cleared).pop()
    return Answer(
        data={"isAllOk": is_all_ok, "total": len(numbers), "successWhatsIds": cleared, "failWhatsIds": failed}
    )


ENDPOINTS = (Endpoint("POST", CLEAR_OWNERS_PATH, clear_owners),)


def _check_signed(crm: Crm, call: ApiCall) -> None:
    """Verify a call of either generation: it is signed in its body where that has a token."""
    body, settings = call.json_object, crm.settings
    if "token" in body or settings.owners_signing == "body":
        check_body_signed(body, settings, call.at, check_administrator)
        return
    check_header_signed(call.headers, settings, call.at)
    check_body_tenant(body, settings)
    user_name = body.get("userName")
    if not user_name:
        raise Rejected(524)
    check_administrator(str(user_name), settings)
