"""The counters and the timer of an import, sent to Airflow's metrics."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from airflow_provider_socialscrm._compat import airflow_stats

CHANGES: Final = ("new", "changed", "aged", "retried", "gone")
"""Counts of the difference from the ledger that are metrics."""

METRICS: Final[Mapping[str, tuple[str, str]]] = {
    "socialscrm.rows.<bucket>": (
        "counter",
        "rows by bucket; those found `invalid`, or left `not_sent` or `unknown` to the next try, count in each try",
    ),
    "socialscrm.refused.<code>": ("counter", "refused rows by the vendor's code, or our name for the reason"),
    "socialscrm.calls": ("counter", "calls sent"),
    "socialscrm.retries": (
        "counter",
        "calls sent again because the CRM was unavailable or the response was lost",
    ),
    "socialscrm.changes.<name>": (
        "counter",
        "with a ledger: rows that are `new`, `changed`, `aged` or `retried`, and numbers that left the input (`gone`)",
    ),
    "socialscrm.import.seconds": ("timer", "how long the import took; statsd shows it in milliseconds"),
}
"""Kind and meaning of each metric, by its name. The documentation lists them."""


def emit_metrics(manifest: Mapping[str, Any], before: Mapping[str, Any], tags: Mapping[str, str]) -> None:
    """Send what one try of a task did to Airflow's metrics.

    :param manifest: of the import, over all tries.
    :param before: the manifest when the try began.
    :param tags: DAG and task, for metrics backends that have tags.
    """
    stats = airflow_stats()
    if stats is None:
        return
    for name, count in counts_of_try(manifest, before).items():
        stats.incr(name, count, tags=dict(tags))
    seconds = manifest["seconds"]["total"] - before["seconds"]["total"]
    stats.timing("socialscrm.import.seconds", timedelta(seconds=seconds), tags=dict(tags))


def counts_of_try(manifest: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, int]:
    """Return by how much each counter grew since the try began, by the name of its metric, without zeros."""
    added = _totals(manifest)
    added.subtract(_totals(before))
    return {name: count for name, count in added.items() if count > 0}


def _totals(manifest: Mapping[str, Any]) -> Counter[str]:
    from airflow_provider_socialscrm.importer.reasons import TO_LOOK_AT  # noqa: PLC0415 - not for parsing a DAG file

    totals = Counter({f"socialscrm.rows.{name}": rows for name, rows in manifest["rows"].items() if name != "total"})
    for refusal in manifest["refusals"]:
        if refusal["bucket"] in TO_LOOK_AT:
            totals[f"socialscrm.refused.{_metric_name(refusal['code'])}"] += refusal["rows"]
    for name in CHANGES if manifest["changes"] else ():
        totals[f"socialscrm.changes.{name}"] = manifest["changes"][name]
    return totals + Counter(
        {"socialscrm.calls": manifest["calls"]["sent"], "socialscrm.retries": manifest["calls"]["retries"]}
    )


def _metric_name(code: int | str) -> str:
    # The code of a row with several reasons has blanks and pluses, which metric names do not allow.
    return re.sub(r"[^A-Za-z0-9-]+", "_", str(code))
