"""The one spelling of a CRM's address, by which ledgers, checkpoints and the shared pace know it."""

from __future__ import annotations

from urllib.parse import urlsplit

from airflow_provider_socialscrm.api.proxies import PORTS


def normal_form(address: str, port: int | None = None) -> str:
    """Return an address in lower case, without a slash at its end and without the port of its scheme.

    :param address: scheme and host, maybe with a port.
    :param port: of an address that has none. Default ``None``: the scheme's.
    :raises ValueError: if the address cannot be read.
    """
    parts = urlsplit(address)
    host, port = parts.hostname or "", parts.port or port
    netloc = f"[{host}]" if ":" in host else host
    suffix = f":{port}" if port and port != PORTS.get(parts.scheme) else ""
    return f"{parts.scheme}://{netloc.lower()}{suffix}{parts.path.rstrip('/')}"


def are_same(address: str, other: str) -> bool:
    """Return whether two addresses, of which an earlier version may have saved one, are of the same CRM."""
    try:
        forms = normal_form(address), normal_form(other)
    except ValueError:
        return address == other
    has_more = any(sign in f"{address}{other}" for sign in "@?#")  # which no connection may have
    return address == other if has_more else forms[0] == forms[1]
