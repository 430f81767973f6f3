"""Hook that turns a connection of type ``socialscrm`` into frozen settings and a client."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar
from urllib.parse import quote, urlencode, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from airflow.sdk import BaseHook
from airflow.sdk.log import mask_secret

from airflow_provider_socialscrm.api.errors import SettingError, SocialSCRMError
from airflow_provider_socialscrm.api.settings import (
    DEFAULT_BASE_URL,
    DEFAULT_CALLS_PER_SECOND,
    DEFAULT_TIME_ZONE,
    DEFAULT_TIMEOUT,
    AuthScheme,
    Settings,
    positive_number,
    yes_or_no,
)
from airflow_provider_socialscrm.hooks import form

if TYPE_CHECKING:
    from airflow.sdk import Connection

    from airflow_provider_socialscrm.api.client import Client

T = TypeVar("T")

REDIS_PORT = 6379
"""Port if a redis connection names none; Redis's own default."""

_TENANT_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")  # documented as a number; private installations may differ
_HOST = re.compile(r"(?:[\w-]+\.)*[\w-]+\.?|[0-9a-f:.]*:[0-9a-f:.]*")  # names of non-empty labels, or IPv6


class SocialSCRMHook(BaseHook):
    """Turns a connection into a client of the SocialsCRM API.

    :param socialscrm_conn_id: the connection's id. Default ``"socialscrm_default"``.
    """

    conn_name_attr: ClassVar[str] = "socialscrm_conn_id"
    default_conn_name: ClassVar[str] = "socialscrm_default"
    conn_type: ClassVar[str] = "socialscrm"
    hook_name: ClassVar[str] = "SocialsCRM"

    def __init__(self, socialscrm_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.socialscrm_conn_id = socialscrm_conn_id

    @staticmethod
    def get_ui_field_behaviour() -> dict[str, Any]:
        """Return the labels and placeholders of the form's standard fields; only Airflow 3.1 calls this."""
        return form.field_behaviour()

    @staticmethod
    def get_connection_form_widgets() -> dict[str, Any]:
        """Return the form's extra fields; only Airflow 3.1 calls this."""
        return form.widgets()

    def get_settings(self) -> Settings:
        """Return the connection as frozen settings.

        :raises SettingError: naming every missing or wrong field by its label in the form.
        """
        connection = self.get_connection(self.socialscrm_conn_id)
        if connection.password:
            mask_secret(connection.password)
        settings = settings_of(connection)
        pace_conn_id = _extras(connection).get("pace_conn_id")
        if not pace_conn_id:
            return settings
        pace_url = redis_url(self.get_connection(str(pace_conn_id)))
        mask_secret(pace_url)
        return replace(settings, pace_url=pace_url)

    def get_conn(self, connections: int = 1) -> Client:
        """Return a client for the connection.

        :param connections: HTTP connections to keep open, one for each concurrent caller. Default 1, enough for
            sequential calls.
        :raises SettingError: naming every missing or wrong field.
        """
        from airflow_provider_socialscrm.api.client import Client  # noqa: PLC0415 - loads requests

        return Client(self.get_settings(), connections=connections)

    def test_connection(self) -> tuple[bool, str]:
        """Return whether the connection works, with a message that names the wrong setting if it does not.

        Nothing changes on the server: the body scheme signs an import without rows; the header scheme looks up the
        user, or signs an import without rows if the connection names no user.
        """
        try:
            with closing(self.get_conn()) as client:
                return True, _probe(client)
        except SocialSCRMError as failure:
            # Airflow's Test button uses a temporary connection id, which means nothing to the user.
            return False, str(failure).replace(f"Connection {self.socialscrm_conn_id!r}", "The connection")


def settings_of(connection: Connection) -> Settings:
    """Return a connection's settings; extras are read by name.

    :raises SettingError: naming every missing or wrong field.
    """
    problems: list[str] = []
    extra = _extras(connection)
    tenant_id = str(extra.get("tenant_id") or "").strip()

    def read(label: str, value: Any, parse: Callable[[Any], T], default: T) -> T:
        try:
            return default if value in (None, "") else parse(value)
        except ValueError as problem:
            problems.append(f"{label} {problem}")
            return default

    settings = Settings(
        base_url=read("Base URL", _address(connection), _base_url, DEFAULT_BASE_URL),
        tenant_id=read("Tenant ID", tenant_id, _tenant_id, tenant_id),
        api_key=connection.password or "",
        user_name=(connection.login or "").strip(),
        auth_scheme=read("Auth scheme", extra.get("auth_scheme"), _auth_scheme, AuthScheme.BODY),
        time_zone=read("Time zone", extra.get("time_zone"), _time_zone, DEFAULT_TIME_ZONE),
        calls_per_second=read(
            "Calls per second", extra.get("calls_per_second"), positive_number, DEFAULT_CALLS_PER_SECOND
        ),
        timeout=read("Timeout", extra.get("timeout"), positive_number, DEFAULT_TIMEOUT),
        refusals_are_atomic=read("Refusals are atomic", extra.get("refusals_are_atomic"), yes_or_no, False),
    )
    if problems := [*(f"{label} is missing" for label in _missing(settings)), *problems]:
        raise SettingError(
            f"Connection {connection.conn_id!r}: {'; '.join(problems)}. Fix it under Admin > Connections."
        )
    return settings


def redis_url(connection: Connection) -> str:
    """Return the URL of a connection of type ``redis``, from the fields that Airflow's Redis hook reads."""
    extra = _extras(connection)
    user, password = (quote(part or "", safe="") for part in (connection.login, connection.password))
    who = f"{user}:{password}@" if user or password else ""
    where = f"{connection.host or 'localhost'}:{connection.port or REDIS_PORT}/{extra.get('db') or 0}"
    options = urlencode({name: value for name, value in extra.items() if name.startswith("ssl_")})
    return f"{'rediss' if extra.get('ssl') else 'redis'}://{who}{where}" + (f"?{options}" if options else "")


def _missing(settings: Settings) -> list[str]:
    needed = {"Tenant ID": settings.tenant_id, "ApiKey": settings.api_key}
    if settings.auth_scheme is AuthScheme.BODY:
        needed["User name"] = settings.user_name
    return [label for label, value in needed.items() if not value]


def _address(connection: Connection) -> str:
    host = (connection.host or "").strip()
    if host and "://" not in host:
        host = f"{connection.schema or 'https'}://{host}"
    return f"{host.rstrip('/')}:{connection.port}" if host and connection.port else host


def _extras(connection: Connection) -> dict[str, Any]:
    extra = connection.extra_dejson
    if isinstance(extra, dict):
        return extra
    raise SettingError(
        f"Connection {connection.conn_id!r}: Extra is not a JSON object. Fix it under Admin > Connections."
    )


def _tenant_id(value: str) -> str:
    if not _TENANT_ID.fullmatch(value):
        raise ValueError("has characters that a company ID cannot have (it is a number)")
    return value


def _base_url(address: str) -> str:
    try:
        parts = urlsplit(address)
        named = _HOST.fullmatch(parts.hostname or "") is not None and parts.port != 0
    except ValueError:
        named = False
    if not named or parts.scheme not in {"http", "https"}:
        raise ValueError(f"is not an address such as {DEFAULT_BASE_URL}")
    if parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("has more than scheme, host and port (the hook adds the API's paths)")
    return f"{parts.scheme}://{parts.netloc}"


def _auth_scheme(value: str) -> AuthScheme:
    try:
        return AuthScheme(value)
    except ValueError:
        raise ValueError(f"is {value!r} (must be body or header)") from None


def _time_zone(value: str) -> str:
    try:
        return ZoneInfo(value).key
    except (ZoneInfoNotFoundError, TypeError, ValueError, OSError):
        raise ValueError(f"is {value!r} (must be a name such as {DEFAULT_TIME_ZONE} or UTC)") from None


def _probe(client: Client) -> str:
    settings = client.settings
    try:
        if settings.auth_scheme is AuthScheme.HEADER and settings.user_name:
            client.query_user()
        else:
            client.import_customers([])
    except SocialSCRMError as failure:
        if failure.code is None or not failure.code.proves_signature:
            raise
    who = f"tenant {settings.tenant_id}" + (f", user {settings.user_name}" if settings.user_name else "")
    return f"{settings.base_url} accepts the signature of {who} ({settings.auth_scheme} scheme)."
