"""What Airflow must be told to reach a sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from .settings import SandboxSettings

CONNECTION_TYPE = "socialscrm"


def connection_json(
    settings: SandboxSettings, url: str, auth_scheme: str, *, login: str | None = None, password: str | None = None
) -> str:
    """Return an Airflow connection as JSON, which Airflow takes in an environment variable ``AIRFLOW_CONN_...``.

    :param url: base URL of the sandbox
    :param auth_scheme: ``body`` or ``header``
    :param login: the agent; default the first one
    :param password: default the ApiKey
    """
    connection = {
        "conn_type": CONNECTION_TYPE,
        "host": url,
        "login": next(iter(settings.agents), "") if login is None else login,
        "password": settings.api_key if password is None else password,
        "extra": {
            "tenant_id": settings.tenant_id,
            "auth_scheme": auth_scheme,
            "time_zone": settings.time_zone,
        },
    }
    return msgspec.json.encode(connection).decode()
