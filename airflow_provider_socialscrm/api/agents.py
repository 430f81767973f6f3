"""Agents of the tenant: the users who talk to its customers."""

from __future__ import annotations

from typing import Final

import msgspec

from airflow_provider_socialscrm.api.settings import Settings
from airflow_provider_socialscrm.api.signing import Call, header_call

USER_QUERY_PATH: Final = "/se-api/user/query"
"""Header scheme: one agent by login; reads only (vendor API 1.4)."""


def user_query_call(settings: Settings, *, now: float) -> Call:
    """Return the signed call that looks up the connection's user."""
    return header_call(settings, USER_QUERY_PATH, msgspec.json.encode({"username": settings.user_name}), now)
