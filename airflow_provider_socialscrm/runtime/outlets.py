"""What a task's outlets are told of an import: the counts, or nothing after a dry run."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset

from airflow_provider_socialscrm.assets.socialscrm import SCHEME

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)


def tell_outlets(outlets: Iterable[Any], context: Context, manifest: Mapping[str, Any]) -> None:
    """Put the counts of an import into the events of the tenants' assets among a task's outlets."""
    for asset in filter(is_tenants, outlets):
        counts = {"rows": dict(manifest["rows"]), "calls": manifest["calls"]["sent"]}
        context["outlet_events"][asset].extra.update(counts)


def outlets_of_dry_run(outlets: Iterable[Any]) -> list[Any]:
    """Return the outlets without the tenants' assets, of which a dry run changes none.

    Airflow makes an event for each outlet that a task has when it ends.
    """
    every = list(outlets)
    left = [outlet for outlet in every if not is_tenants(outlet)]
    if len(left) < len(every):
        log.info("A dry run changes no customers, so that nothing waiting for this task's asset is started")
    return left


def is_tenants(outlet: Any) -> bool:
    """Say whether an outlet is the customers of a tenant."""
    return isinstance(outlet, Asset) and outlet.uri.startswith(f"{SCHEME}://")
