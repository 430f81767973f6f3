"""Asset for a tenant's customers: ``socialscrm://host/tenant/customers``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import SplitResult, quote, urlsplit, urlunsplit

from airflow.sdk import Asset

from airflow_provider_socialscrm.api.settings import DEFAULT_BASE_URL

if TYPE_CHECKING:
    from airflow.providers.common.compat.openlineage.facet import Dataset

SCHEME: Final = "socialscrm"
"""Scheme of the asset's URI."""

WHAT: Final = "customers"
"""Last part of the asset's URI."""

DEFAULT_PORTS: Final = frozenset({80, 443})
"""Default ports of HTTP and HTTPS, which the normal form omits."""


def customers_asset(tenant_id: str, host: str = DEFAULT_BASE_URL, extra: dict[str, Any] | None = None) -> Asset:
    """Return the customers of a tenant as an asset, for ``outlets`` and for ``schedule``.

    :param tenant_id: the company's id, as in the connection.
    :param host: the connection's base URL, or its host. Default ``"https://www.socialscrm.com"``, the connection's own.
    :param extra: data to store with the asset. Default ``None``: nothing.
    :raises ValueError: if the host is malformed, or host or tenant is missing.
    """
    uri = customers_uri(host, tenant_id)
    return Asset(name=uri, uri=uri, extra=extra)


def customers_uri(host: str, tenant_id: str) -> str:
    """Return the normal form of the URI of a tenant's customers.

    :param host: a base URL, or a host with or without port.
    :raises ValueError: if the host is malformed, or host or tenant is missing.
    """
    netloc = urlsplit(host if "://" in host else f"//{host}").netloc
    path = f"/{quote(str(tenant_id), safe='')}/{WHAT}"
    return urlunsplit(sanitize_uri(SplitResult(SCHEME, netloc, path, "", "")))


def sanitize_uri(uri: SplitResult) -> SplitResult:
    """Return the normal form of a URI; Airflow calls this for each asset of the scheme.

    :raises ValueError: if it is not of the form ``socialscrm://host/tenant/customers``.
    """
    parts = uri.path.rstrip("/").split("/")
    _, tenant, what = parts if len(parts) == len(("", "tenant", WHAT)) else ("", "", "")
    if not (_host(uri) and tenant and what == WHAT) or uri.query or uri.fragment or "@" in uri.netloc:
        raise ValueError(
            "The URI of a SocialsCRM asset must be socialscrm://host/tenant/customers, without user, query or fragment."
        )
    return uri._replace(scheme=SCHEME, netloc=_host(uri), path=f"/{tenant}/{WHAT}")


def to_openlineage(asset: Asset, lineage_context: object) -> Dataset:  # noqa: ARG001 - Airflow passes it
    """Return the asset as a dataset of OpenLineage; Airflow calls this for each asset of the scheme."""
    from airflow.providers.common.compat.openlineage.facet import Dataset  # noqa: PLC0415 - may load OpenLineage

    uri = urlsplit(asset.uri)
    return Dataset(namespace=f"{SCHEME}://{uri.netloc}", name=uri.path.strip("/"))


def _host(uri: SplitResult) -> str:
    try:
        host, port = uri.hostname or "", uri.port
    except ValueError:  # the port is not a number
        return ""
    host = f"[{host}]" if ":" in host else host
    return host if not host or port is None or port in DEFAULT_PORTS else f"{host}:{port}"
