"""An Airflow connection to a sandbox in each form in which people give one, to be pasted as it stands."""

from __future__ import annotations

from dataclasses import dataclass
from shlex import quote as in_shell
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlencode

import msgspec

if TYPE_CHECKING:
    from .settings import SandboxSettings

CONN_ID: Final = "socialscrm_default"
"""The connection that operators use unless they name another."""

VARIABLE: Final = f"AIRFLOW_CONN_{CONN_ID.upper()}"

CONN_TYPE: Final = "socialscrm"

PLACEHOLDER: Final = "YOUR-APIKEY"
"""In place of a key that is not shown. A URI has it unchanged."""


@dataclass(frozen=True, slots=True)
class SandboxConnection:
    """A connection to a sandbox.

    :param url: base URL, without a slash at its end
    :param login: the agent
    :param password: the ApiKey, or what is shown in its place
    :param extra: the extras, by their names in the connection
    """

    url: str
    login: str
    password: str
    extra: dict[str, str]

    def as_json(self) -> str:
        """Return it as JSON."""
        connection = {
            "conn_type": CONN_TYPE,
            "host": self.url,
            "login": self.login,
            "password": self.password,
            "extra": self.extra,
        }
        return msgspec.json.encode(connection).decode()

    def as_uri(self) -> str:
        """Return it as a URI."""
        login, password, host = (quote(part, safe="") for part in (self.login, self.password, self.url))
        return f"{CONN_TYPE}://{login}:{password}@{host}/?{urlencode(self.extra)}"

    def as_form(self) -> list[tuple[str, str]]:
        """Return the fields of Airflow's form, each with its label."""
        return [
            ("Connection ID", CONN_ID),
            ("Connection Type", "SocialsCRM"),
            ("Base URL", self.url),
            ("User name", self.login),
            ("ApiKey", self.password),
            ("Tenant ID", self.extra["tenant_id"]),
            ("Auth scheme", self.extra["auth_scheme"]),
            ("Time zone", self.extra["time_zone"]),
        ]

    def for_shell(self) -> list[tuple[str, str]]:
        """Return the lines to paste into a shell, each with its title."""
        return [
            ("As JSON, in the environment", f"export {VARIABLE}={in_shell(self.as_json())}"),
            ("As a URI, in the environment", f"export {VARIABLE}={in_shell(self.as_uri())}"),
            ("In Airflow's database", f"airflow connections add {CONN_ID} --conn-json {in_shell(self.as_json())}"),
        ]


def connection_to(
    settings: SandboxSettings,
    url: str,
    *,
    auth_scheme: str = "body",
    login: str | None = None,
    password: str | None = None,
) -> SandboxConnection:
    """Return a connection to a sandbox with these settings.

    :param login: the agent; default the first one
    :param password: default the ApiKey
    """
    return SandboxConnection(
        url,
        next(iter(settings.agents), "") if login is None else login,
        settings.api_key if password is None else password,
        {"tenant_id": settings.tenant_id, "auth_scheme": auth_scheme, "time_zone": settings.time_zone},
    )


def shown_connection(settings: SandboxSettings, url: str, *, show_key: bool) -> SandboxConnection:
    """Return the connection that people see, with its key unless that is a secret.

    :param show_key: whether to show also a key that somebody chose; the default one is in the source and not a secret
    """
    hidden = not show_key and settings.has_own_key
    return connection_to(settings, url, password=PLACEHOLDER if hidden else None)
