"""The asset events of an import: the counts for the tenants' assets, and no event after a dry run."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset

from airflow_provider_socialscrm.assets.socialscrm import SCHEME

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)


def add_outlet_events(outlets: Iterable[Any], context: Context, manifest: Mapping[str, Any]) -> None:
    """Add the counts of an import to the events of the tenants' assets among a task's outlets."""
    for asset in filter(is_tenant_asset, outlets):
        counts = {"rows": dict(manifest["rows"]), "calls": manifest["calls"]["sent"]}
        context["outlet_events"][asset].extra.update(counts)


def outlets_of_dry_run(outlets: Iterable[Any]) -> list[Any]:
    """Return the outlets without the tenants' assets.

    Airflow creates an event for each outlet of a task that succeeds, and a dry run changes no customer.
    """
    all_outlets = list(outlets)
    others = [outlet for outlet in all_outlets if not is_tenant_asset(outlet)]
    if len(others) < len(all_outlets):
        log.info("A dry run changes no customers, so no DAG that waits for this task's asset is started")
    return others


def is_tenant_asset(outlet: Any) -> bool:
    """Return whether an outlet is the asset of a tenant's customers."""
    return isinstance(outlet, Asset) and outlet.uri.startswith(f"{SCHEME}://")
