"""The proxy on the way to an address: which one it is, who names it, and where it is, without its password."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Final
from urllib.parse import urlsplit

from airflow_provider_socialscrm.api.errors import SettingError

PORTS: Final = {"http": 80, "https": 443} | dict.fromkeys(("socks4", "socks4a", "socks5", "socks5h"), 1080)
"""Port of an address that names none, by the schemes that a proxy can have."""

CONNECTION: Final = "Proxies in the connection"
"""What names a proxy that the connection has."""

_KEY: Final = re.compile(r"(http|https|all)(://.+)?")
"""What ``requests`` looks a proxy up by: the scheme of the address that is called, and its host."""

_ADDRESS: Final = re.compile(
    r"(?P<scheme>[a-z0-9]+)://(?:[^\s/?#\\\[\]]*@)?(?:\[[0-9a-f:.]+\]|[^\s/?#\\@:\[\]]+)(?::(?P<port>[0-9]{1,5}))?/?",
    re.IGNORECASE,
)
"""An address in which no library can take a part of the password for the host."""

_LARGEST_PORT: Final = 65535

_LONGEST_LABEL: Final = 63
"""Characters between two dots of a host's name (RFC 1035, 2.3.4)."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy on the way to the server.

    :param address: as the HTTP client takes it; it may hold a password.
    :param source: what names it, in words: a field of the connection, or a variable of the environment.
    """

    address: str = field(repr=False)
    source: str

    @property
    def scheme(self) -> str:
        """How the proxy is spoken to."""
        return urlsplit(self.address).scheme

    @property
    def speaks_http(self) -> bool:
        """Whether the proxy reads calls to an address with ``http://``, and answers some of them itself."""
        return self.scheme in {"http", "https"}

    @property
    def place(self) -> str:
        """Its host and port, which may be shown."""
        return place_of(self.address)


def place_of(address: str) -> str:
    """Return host and port of an address, and nothing else of it."""
    parts = urlsplit(address)
    host = parts.hostname or ""
    return f"{f'[{host}]' if ':' in host else host}:{parts.port or PORTS.get(parts.scheme, '')}"


def check_proxies(proxies: Mapping[str, str]) -> None:
    """Check that each of some proxies is looked for and has an address that can be read in one way only.

    :raises ValueError: with a message that follows the setting's name and repeats no address.
    """
    for key in proxies:
        if not _KEY.fullmatch(key):
            shown = f"{key!r}, which" if key.isalpha() else "a key that"  # it may be an address with a password
            raise ValueError(f"has {shown} is not read: give proxies for http, https or all")
    for address in proxies.values():
        _check_address(address)


def find_proxy(base_url: str, given: Mapping[str, str]) -> Proxy | None:
    """Return the proxy for an address: one that is given, else the environment's, else none.

    Each is found as ``requests`` does, but for one thing: there a proxy for ``https`` in the environment wins over one
    that is given for ``all``.

    :param base_url: the address that is called.
    :param given: addresses of proxies by scheme, checked by :func:`check_proxies`.
    :raises SettingError: if the proxy cannot be used on this worker.
    """
    from requests.utils import get_environ_proxies, select_proxy  # noqa: PLC0415 - heavy

    address, source = select_proxy(base_url, {**given}), CONNECTION
    if not address:
        address = select_proxy(base_url, get_environ_proxies(base_url, no_proxy=None))
        source = _variable(urlsplit(base_url).scheme, address)
    if not address:
        return None
    address = address.strip() if "://" in address else f"http://{address.strip()}"  # as requests reads it
    try:
        _check_address(address)
    except ValueError as problem:
        raise SettingError(f"{source} {problem}. Nothing was sent.") from None
    proxy = Proxy(address, source)
    if not proxy.speaks_http and find_spec("socks") is None:
        raise SettingError(
            f"{source} leads to the SOCKS proxy {proxy.place}, which needs the package PySocks, so nothing was sent. "
            "Install PySocks on the workers, or give the address of an HTTP proxy."
        )
    return proxy


def _check_address(address: str) -> None:
    found = _ADDRESS.fullmatch(address.strip())
    port = int((found and found["port"]) or 1)
    if not found or not _has_host(address) or found["scheme"].lower() not in PORTS or not 0 < port <= _LARGEST_PORT:
        raise ValueError(
            "must have an address such as http://proxy.example.com:3128, which begins with http, https, socks5, "
            "socks5h, socks4 or socks4a (in a password write /, # and ? as %2F, %23 and %3F)"
        )


def _has_host(address: str) -> bool:
    try:
        host = urlsplit(address.strip()).hostname or ""
    except ValueError:  # the brackets do not have an address of IPv6
        return False
    return all(0 < len(label) <= _LONGEST_LABEL for label in host.rstrip(".").split("."))


def _variable(scheme: str, address: str | None) -> str:
    """Return what of the worker names a proxy: a variable of the environment, or else settings of the system."""
    names = (name for key in (scheme, "all") for name in (f"{key}_proxy", f"{key.upper()}_PROXY"))
    found = next((name for name in names if os.environ.get(name) == address), None)
    return f"{found} of the worker" if found else "the system's proxy settings of the worker"
