"""A connection of type ``socialscrm`` as frozen settings: its fields and extras, each checked and named in errors."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import quote, urlencode, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from airflow_provider_socialscrm.api.addresses import normal_form
from airflow_provider_socialscrm.api.certificates import check_authorities, check_certificate
from airflow_provider_socialscrm.api.errors import SettingError
from airflow_provider_socialscrm.api.proxies import check_proxies
from airflow_provider_socialscrm.api.settings import (
    DEFAULT_BASE_URL,
    DEFAULT_CALLS_PER_SECOND,
    DEFAULT_TIME_ZONE,
    DEFAULT_TIMEOUT,
    AuthScheme,
    Settings,
    Transport,
    positive_number,
)
from airflow_provider_socialscrm.api.signing import SIGNED_HEADERS
from airflow_provider_socialscrm.hooks.extras import extras_of, problems_with_names
from airflow_provider_socialscrm.runtime.task_failures import where_defined

if TYPE_CHECKING:
    from airflow.sdk import Connection

T = TypeVar("T")

REDIS_PORT: Final = 6379
"""Port if a redis connection names none; Redis's own default."""

_TENANT_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")  # documented as a number; private installations may differ
_HOST = re.compile(r"(?:[\w-]+\.)*[\w-]+\.?|[0-9a-f:.]*:[0-9a-f:.]*")  # names of non-empty labels, or IPv6
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2
_HEADER_VALUE = re.compile(r"[\x20-\x7e]*")


@dataclass
class _Reader:
    """Reads values, and collects what is wrong with them, each by its label in the form."""

    problems: list[str] = field(default_factory=list)

    def read(self, label: str, value: Any, parse: Callable[[Any], T], default: T) -> T:
        """Return a parsed value; the default where there is none, or where it is wrong."""
        try:
            return default if value is None or value == "" else parse(value)
        except ValueError as problem:
            self.problems.append(f"{label} {problem}")
            return default


def settings_of(connection: Connection) -> Settings:
    """Return a connection's settings; extras are read by name.

    :raises SettingError: naming every missing or wrong field.
    """
    reader, unless = _Reader(), Transport()
    read = reader.read
    extra = extras_of(connection)
    tenant_id = str(extra.get("tenant_id") or "").strip()
    settings = Settings(
        base_url=read("Base URL", connection, _base_url, DEFAULT_BASE_URL),
        tenant_id=read("Tenant ID", tenant_id, _tenant_id, tenant_id),
        api_key=(connection.password or "").strip(),
        user_name=(connection.login or "").strip(),
        auth_scheme=read("Auth scheme", extra.get("auth_scheme"), _auth_scheme, AuthScheme.BODY),
        time_zone=read("Time zone", extra.get("time_zone"), _time_zone, DEFAULT_TIME_ZONE),
        calls_per_second=read(
            "Calls per second", extra.get("calls_per_second"), positive_number, DEFAULT_CALLS_PER_SECOND
        ),
        timeout=read("Timeout", extra.get("timeout"), positive_number, DEFAULT_TIMEOUT),
        transport=Transport(
            proxies=read("Proxies", extra.get("proxies"), _proxies, unless.proxies),
            verify=read("Verify", extra.get("verify"), _verify, unless.verify),
            cert=read("Cert", extra.get("cert"), _cert, unless.cert),
            headers=read("Headers", extra.get("headers"), _headers, unless.headers),
        ),
        refusals_are_atomic=read("Refusals are atomic", extra.get("refusals_are_atomic"), _yes_or_no, False),
        ledger_secret=str(extra.get("ledger_secret") or "").strip(),
    )
    missing = [f"{label} is missing" for label in _missing(settings)]
    problems = [*missing, *problems_with_names(extra, is_incomplete=bool(missing)), *reader.problems]
    if problems:
        end = "" if problems[-1].endswith(("?", ".")) else "."
        raise SettingError(
            f"Connection {connection.conn_id!r}: {'; '.join(problems)}{end} Fix it under "
            f"{where_defined(connection.conn_id)}."
        )
    return settings


def redis_url(connection: Connection) -> str:
    """Return the URL of a connection of type ``redis``, from the fields that Airflow's Redis hook reads."""
    extra = extras_of(connection)
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


def _tenant_id(value: str) -> str:
    if not _TENANT_ID.fullmatch(value):
        raise ValueError("has characters that a company ID cannot have (it is a number)")
    return value


def _base_url(connection: Connection) -> str:
    host = (connection.host or "").strip() or DEFAULT_BASE_URL
    address = host if "://" in host else f"{connection.schema or 'https'}://{host}"
    try:
        parts = urlsplit(address)
        port = parts.port
        named = _HOST.fullmatch(parts.hostname or "") is not None and port != 0
    except ValueError:
        named = False
    if not named or parts.scheme not in {"http", "https"}:
        raise ValueError(f"is not an address such as {DEFAULT_BASE_URL}")
    if parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("has more than scheme, host and port (the hook adds the API's paths)")
    if port and connection.port and port != connection.port:
        raise ValueError(f"names port {port}, and Port is {connection.port} (give it in one of them)")
    return normal_form(address, connection.port)


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


def _yes_or_no(value: Any) -> bool:
    text = str(value).strip().lower()  # a connection that is given as a URI holds text
    if text not in _BOOLEANS:
        raise ValueError(f"is {value!r} (must be true or false)")
    return _BOOLEANS[text]


def _proxies(value: Any) -> Mapping[str, str]:
    if isinstance(value, str) and not value.lstrip().startswith("{"):
        value = dict.fromkeys(("http", "https"), value.strip())
    proxies = _texts_by_name(
        value, 'the address of a proxy, or addresses by scheme as in {"https": "http://proxy:3128"}'
    )
    check_proxies(proxies)
    return proxies


def _verify(value: Any) -> bool | str:
    if isinstance(value, bool):
        return value
    text = str(value).strip()
    if text.lower() in _BOOLEANS:
        return _BOOLEANS[text.lower()]
    path = _existing(text, "true, false, or the path of a file or folder of certificate authorities")
    check_authorities(path)
    return path


def _cert(value: Any) -> str | tuple[str, str] | None:
    if isinstance(value, str) and value.lstrip().startswith("["):
        value = _json(value, _CERT)
    if isinstance(value, str):
        certificate = _existing(value.strip(), _CERT)
        check_certificate(certificate)
        return certificate
    if isinstance(value, list) and len(value) == 2:  # noqa: PLR2004 - certificate and key
        certificate, key = (_existing(str(each), _CERT) for each in value)
        check_certificate(certificate, key)
        return certificate, key
    raise ValueError(f"must be {_CERT}")


def _headers(value: Any) -> Mapping[str, str]:
    headers = _texts_by_name(value, 'names and values, as in {"X-Team": "crm"}')
    for name, text in headers.items():
        if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(text):
            raise ValueError("must have names and values that HTTP allows: ASCII, without line ends")
        if name.lower() in SIGNED_HEADERS:
            raise ValueError(f"must not have {name}, which the provider sets in each call")
    return headers


def _texts_by_name(value: Any, kind: str) -> dict[str, str]:
    found = _json(value, kind) if isinstance(value, str) else value
    if not isinstance(found, dict) or not all(isinstance(each, str) for each in found.values()):
        raise ValueError(f"must be {kind}")
    return found


def _json(text: str, kind: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise ValueError(f"must be {kind}") from None


def _existing(path: str, kind: str) -> str:
    if not Path(path).exists():
        raise ValueError(f"is {path!r}, which this machine does not have (must be {kind})")
    return path


_BOOLEANS: Final = {"true": True, "false": False}
_CERT: Final = "the path of a certificate with its key, or a list of the paths of both"
