"""The names of a connection's extras: which are read, and what another one was probably meant to be."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_socialscrm.api.errors import SettingError
from airflow_provider_socialscrm.get_provider_info import get_provider_info
from airflow_provider_socialscrm.runtime.task_failures import where_defined
from airflow_provider_socialscrm.wording import worded

if TYPE_CHECKING:
    from airflow.sdk import Connection

(_CONNECTION_TYPE,) = get_provider_info()["connection-types"]
EXTRAS: Final = tuple(_CONNECTION_TYPE["conn-fields"])
"""The extras that are read: those of the form."""

OLD_PREFIX: Final = "extra__socialscrm__"
"""What Airflow 1 and 2 wrote before the name of a form's field; connections moved from there still have it."""

FIELDS: Final = {
    **dict.fromkeys(("host", "hostname", "baseurl", "apiurl", "url", "endpoint", "endpointurl", "server"), "host"),
    **dict.fromkeys(("schema", "protocol"), "host"),
    **dict.fromkeys(("password", "apikey", "secret", "apisecret", "secretkey"), "password"),
    **dict.fromkeys(("login", "user", "username", "agent", "agentaccount"), "login"),
    "port": "port",
}
"""The field of a connection that an extra of such a name would be, by the letters of the name."""

_MEANINGS: Final = {
    "tenant_id": (
        "company company_id company_code org org_id organization organization_id organisation organisation_id "
        "enterprise enterprise_id corp corp_id corporation merchant merchant_id tenant_code"
    ),
    "auth_scheme": "auth auth_type auth_method auth_mode authentication signing_scheme signature_scheme signature_type",
    "time_zone": "tz tz_info tz_name zone_info",
    "calls_per_second": (
        "rate rates rate_limit rate_limits rate_per_second rps qps cps max_rps max_qps limit_per_second calls_per_sec "
        "max_calls_per_second requests_per_second requests_per_sec throttle"
    ),
    "timeout": (
        "read_timeout request_timeout response_timeout call_timeout http_timeout socket_timeout connect_timeout "
        "connection_timeout timeout_seconds timeout_secs timeout_sec timeout_s timeout_ms"
    ),
    "pace_conn_id": "pace_connection pace_conn redis redis_conn_id redis_conn redis_connection redis_url pace_redis",
    "proxies": (
        "http_proxy https_proxy all_proxy socks_proxy proxy_url proxy_address proxy_host proxy_server http_proxies "
        "https_proxies"
    ),
    "verify": (
        "ca cas ca_bundle ca_file ca_path ca_cert ca_certs ca_certificate ssl_ca ssl_ca_cert ssl_verify verify_ssl "
        "tls_verify verify_tls verify_cert verify_certificate ssl_verification cert_verify requests_ca_bundle insecure "
        "insecure_skip_verify ssl_no_verify disable_ssl_verification"
    ),
    "cert": (
        "certificate cert_file cert_path client_cert client_certificate ssl_cert tls_cert client_key ssl_key tls_key "
        "cert_key"
    ),
    "headers": "http_headers request_headers extra_headers custom_headers default_headers",
    "refusals_are_atomic": "atomic is_atomic atomic_refusals atomic_calls atomic_imports",
    "ledger_secret": "ledger_key ledger_salt ledger_hash_key hmac_key hmac_secret",
}
"""Common words for what an extra is; read by their letters, and only as a whole, since others have harmless names."""


def extras_of(connection: Connection) -> dict[str, Any]:
    """Return a connection's extras by name, without the prefix that forms once gave them.

    :raises SettingError: if Extra is not a JSON object, or has a name both with the prefix and without it.
    """
    # Not by extra_dejson, which takes text that is not JSON for an empty object.
    problem = "is not a JSON object"
    try:
        found = json.loads(connection.extra or "{}")
    except ValueError:
        found, problem = None, "is not JSON"
    if not isinstance(found, dict):
        raise SettingError(
            f"Connection {connection.conn_id!r}: Extra {problem}, as in "
            f'{{"tenant_id": "123456"}}. Fix it under {where_defined(connection.conn_id)}.'
        )
    old = {name.removeprefix(OLD_PREFIX): value for name, value in found.items() if name.startswith(OLD_PREFIX)}
    new = {name: value for name, value in found.items() if not name.startswith(OLD_PREFIX)}
    if twice := [name for name in old if name in new and old[name] != new[name]]:
        raise SettingError(
            f"Connection {connection.conn_id!r}: the extra {twice[0]} has two values, one of them as "
            f"{OLD_PREFIX}{twice[0]}. Remove one of them."
        )
    return old | new


def unknown_extras(connection: Connection) -> list[str]:
    """Return the names of the extras that are not read; :func:`problems_with_names` rejects those that mean ours."""
    return sorted(set(extras_of(connection)) - set(EXTRAS))


def problems_with_names(extra: Mapping[str, Any], *, is_incomplete: bool) -> list[str]:
    """Return what is wrong with extras that are not read, though their value should probably have an effect.

    Those are the names of other fields, names close to ours, and words for an extra that is not given. Other names are
    harmless, unless something is missing: then any of them may be what was meant.

    :param extra: the connection's extras.
    :param is_incomplete: whether a value is missing that a connection must have.
    """
    given = {name: value for name, value in extra.items() if value is not None and value != ""}
    labels = _CONNECTION_TYPE["ui-field-behaviour"]["relabeling"]
    problems, others = [], []
    for name in (name for name in extra if name not in EXTRAS):
        if field := _field(name):
            if name in given:
                label = labels.get(field, field.title())
                problems.append(f"the extra {name!r} is not read: it is the field {label} ({field!r} in JSON)")
        elif meant := _meant(name, given):
            caution = _CAUTIONS.get(_letters(name), "")
            problems.append(f"the extra {name!r} is not read: did you mean {meant!r}?{caution}")
        elif name in given:
            others.append(repr(name))
    if is_incomplete and others:
        these = worded(len(others), f"extra {others[0]} is", f"extras {', '.join(others)} are")
        fields = ", ".join(f"{field} ({label})" for field, label in labels.items())
        problems.append(f"the {these} not read: the extras are {', '.join(EXTRAS)}; and the fields are {fields}")
    return problems


def _field(name: str) -> str | None:
    close = get_close_matches(_letters(name), FIELDS, n=1, cutoff=0.85)
    return FIELDS[close[0]] if close else None


def _meant(name: str, given: Mapping[str, Any]) -> str | None:
    """Return the extra that a name is close to or a word for; a word for one that is given may be anybody's remark."""
    letters = _letters(name)
    plain: dict[str, str] = {_letters(each): each for each in EXTRAS} | {"proxy": "proxies"}
    if letters == "tenant":  # what is only close to it may be another thing, such as the tenant's key
        return "tenant_id"
    close = get_close_matches(letters, plain, n=1, cutoff=0.8)
    near, meant = plain[close[0]] if close else None, _BY_LETTERS.get(letters)
    if near and meant in {None, near}:  # the letters of ca_cert are close to cert, which it does not mean
        return near
    return meant if name in given and meant not in given else None


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


_OPPOSITE: Final = " It says the opposite."
_CAUTIONS: Final = {
    "timeoutms": " It is in seconds.",
    **dict.fromkeys(("insecure", "insecureskipverify", "sslnoverify", "disablesslverification"), _OPPOSITE),
}
"""What to know before the value of such an extra is given to the one that it means."""

_BY_LETTERS: Final = {_letters(word): meant for meant, words in _MEANINGS.items() for word in words.split()}
