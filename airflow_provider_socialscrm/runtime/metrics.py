"""The counters and the timer of an import, for whatever Airflow's metrics go to."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from importlib import import_module
from typing import Any, Final

log = logging.getLogger(__name__)

STATS: Final = ("airflow.sdk.observability.stats", "airflow.observability.stats", "airflow.stats")
"""Where Airflow has its metrics, the newest version's place first."""


def count_import(manifest: Mapping[str, Any], before: Mapping[str, Any], tags: Mapping[str, str]) -> None:
    """Give Airflow's metrics what one try of a task did.

    :param manifest: of the import, over all tries.
    :param before: the same as it was when the try began.
    :param tags: which DAG and task, for the metrics that have tags.
    """
    stats = airflows_stats()
    if stats is None:
        return
    for name, count in counters(manifest, before).items():
        stats.incr(name, count, tags=dict(tags))
    seconds = manifest["seconds"]["total"] - before["seconds"]["total"]
    stats.timing("socialscrm.import.seconds", timedelta(seconds=seconds), tags=dict(tags))


def counters(manifest: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, int]:
    """Return what was added to each count since then, by the name of its metric, without those of nothing."""
    added = _totals(manifest)
    added.subtract(_totals(before))
    return {name: count for name, count in added.items() if count > 0}


@cache
def airflows_stats() -> Any:
    """Return Airflow's metrics, or ``None`` where this version has them nowhere that we know."""
    for name in STATS:
        try:
            return import_module(name).Stats
        except (ImportError, AttributeError):
            continue
    log.info("This Airflow has its metrics elsewhere, so that the import's are not counted")
    return None


def _totals(manifest: Mapping[str, Any]) -> Counter[str]:
    from airflow_provider_socialscrm.importer.reasons import TO_LOOK_AT  # noqa: PLC0415 - not for parsing a DAG file

    totals = Counter({f"socialscrm.rows.{name}": rows for name, rows in manifest["rows"].items() if name != "total"})
    for refusal in manifest["refusals"]:
        if refusal["bucket"] in TO_LOOK_AT:
            totals[f"socialscrm.refused.{_name_of(refusal['code'])}"] += refusal["rows"]
    return totals + Counter(
        {"socialscrm.calls": manifest["calls"]["sent"], "socialscrm.retries": manifest["calls"]["retries"]}
    )


def _name_of(code: int | str) -> str:
    # Several reasons of one row are one code, with blanks and pluses that no metric's name may have.
    return re.sub(r"[^A-Za-z0-9-]+", "_", str(code))
