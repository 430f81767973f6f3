"""The asset events of an import: the counts for the tenants' assets, and no event after a dry run."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset
from airflow.sdk.definitions.asset import AssetNameRef, AssetUriRef
from airflow.sdk.exceptions import AirflowRuntimeError

from airflow_provider_socialscrm.assets.socialscrm import SCHEME

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)


def add_outlet_events(outlets: Iterable[Any], context: Context, manifest: Mapping[str, Any], own: str) -> None:
    """Add the counts of an import to the events of the tenants' assets among a task's outlets.

    :param own: the URI of the tenant's customers. The log names an asset of another host or tenant.
    """
    for outlet in outlets:
        uri = _uri_of(outlet, context)
        if not _is_of_a_tenant(uri) or (event := _event_of(outlet, context)) is None:
            continue
        counts = {"rows": dict(manifest["rows"]), "calls": manifest["calls"]["sent"], "changes": manifest["changes"]}
        event.extra.update(counts)
        if uri != own:
            log.warning("The outlet %s is not the asset of this connection's tenant, %s: correct one of them", uri, own)


def outlets_of_dry_run(outlets: Iterable[Any], context: Context) -> list[Any]:
    """Return the outlets without the tenants' assets.

    Airflow creates an event for each outlet of a task that succeeds, and a dry run changes no customer.
    """
    all_outlets = list(outlets)
    others = [outlet for outlet in all_outlets if not _is_of_a_tenant(_uri_of(outlet, context))]
    if len(others) < len(all_outlets):
        log.info(
            "A dry run changes no customers, so the assets %s:// get no event: no DAG that waits for them is started",
            SCHEME,
        )
    return others


def _is_of_a_tenant(uri: str) -> bool:
    return uri.startswith(f"{SCHEME}://")


def _uri_of(outlet: Any, context: Context) -> str:
    """Return the URI of an asset, or of the one that ``Asset.ref`` refers to; empty for anything else."""
    if isinstance(outlet, Asset):
        return outlet.uri
    if isinstance(outlet, AssetUriRef):  # as the user wrote it
        return _normal_form(outlet.uri)
    if not isinstance(outlet, AssetNameRef):
        return ""
    event = _event_of(outlet, context)
    return str(event.key.uri) if event else ""


def _event_of(outlet: Any, context: Context) -> Any:
    """Return the event of an outlet; ``None`` if Airflow has no asset of the name or URI that ``Asset.ref`` gives."""
    try:
        return context["outlet_events"][outlet]
    except AirflowRuntimeError as failure:  # the customers are imported, so the task must not fail for this
        given = outlet.uri if isinstance(outlet, AssetUriRef) else outlet.name
        log.warning(
            "Airflow does not find the outlet %r, so its event has no counts of this import (%s)", given, failure
        )
        return None


def _normal_form(uri: str) -> str:
    try:
        return Asset(uri).uri
    except ValueError:
        return ""
