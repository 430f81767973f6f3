"""The endpoints about agents: the query for one login (vendor API 1.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .authentication import check_header_signed
from .codes import Answer, Rejected
from .crm import Endpoint

if TYPE_CHECKING:
    from .crm import ApiCall, Crm

USER_QUERY_PATH = "/se-api/user/query"

MAIN_USER_ID = 1
"""The ``mainUserId`` of every agent; any number would do."""
LONG_DIGITS = 18
"""Digits that always fit a Long, the type of ``tenantId``; a longer id, or one of letters, is returned as text."""


def query_user(crm: Crm, call: ApiCall) -> Answer:
    """Return one agent's ids; their values, and code 530 for an unknown login, are our assumption.

    :raises Rejected: with the reason why the call is rejected
    """
    settings = crm.settings
    check_header_signed(call.headers, settings, call.at)
    username = call.json_object.get("username")
    if username not in settings.agents:
        raise Rejected(530)
    user_id = MAIN_USER_ID + 1 + settings.agents.index(username)
    names = {"username": username, "nickname": username, "guid": f"sandbox-{user_id}"}
    return Answer(
        data={"mainUserId": MAIN_USER_ID, "tenantId": _as_long(settings.tenant_id), "userId": user_id, **names}
    )


def _as_long(text: str) -> int | str:
    """Return an id as the number that the vendor's sample has (vendor API 1.4)."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= LONG_DIGITS else text


ENDPOINTS = (Endpoint("POST", USER_QUERY_PATH, query_user),)
