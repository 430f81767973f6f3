"""What a person reads in the task's log: what is imported, where the rows ended, and why."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_socialscrm.operators.versions import log_what_is_missing

if TYPE_CHECKING:
    from airflow_provider_socialscrm.api.settings import Settings
    from airflow_provider_socialscrm.importer.dry_run import Preview, SampleField
    from airflow_provider_socialscrm.importer.sources.base import Source

log = logging.getLogger(__name__)

NO_TROUBLE: Final = "duplicate"
"""The bucket of rows that nobody has to look at, though they did not go."""


def log_start(source: Source, settings: Settings, *, dry_run: bool) -> None:
    """Say what goes where, and what this Airflow lacks for it."""
    what = "Dry run as for" if dry_run else "Importing into"
    log.info("%s tenant %s at %s: %s", what, settings.tenant_id, settings.base_url, source.describe)
    log_what_is_missing()


def log_outcome(manifest: Mapping[str, Any]) -> None:
    """Say where the rows of an import ended."""
    seconds = manifest["seconds"]["total"]
    log.info("Rows: %s; %s calls in %.1f s", _counts(manifest), manifest["calls"]["sent"], seconds)
    _log_refusals(manifest)
    _log_two_readings(manifest)
    if (where := manifest["rejects_path"]) and manifest["refusals"]:
        log.info("Refused rows are in %s, each with its reason", where)
    elif manifest["refusals"]:
        log.warning("Set rejects_path to have refused rows written to a file, each with its reason")


def log_preview(preview: Preview) -> None:
    """Say what an import would send, with some rows by their form."""
    manifest = preview.manifest()
    log.info("Dry run, no call was made. Rows: %s", _counts(manifest))
    log.info("An import makes %s calls, which take at least %s s", f"{preview.calls:,}", f"{preview.seconds:,}")
    _log_refusals(manifest)
    _log_two_readings(manifest)
    for remark in manifest["remarks"]:
        log.warning("%(rows)s rows, code %(code)s: %(meaning)s %(hint)s", remark)
    for position, fields in preview.samples.items():
        log.info("Row %s, masked: %s", position, _changes(fields))


def _counts(manifest: Mapping[str, Any]) -> str:
    return ", ".join(f"{count:,} {bucket}" for bucket, count in manifest["rows"].items() if count) or "none"


def _log_refusals(manifest: Mapping[str, Any]) -> None:
    for refusal in manifest["refusals"]:
        log.log(
            logging.INFO if refusal["bucket"] == NO_TROUBLE else logging.WARNING,
            "%(rows)s rows %(bucket)s, code %(code)s: %(meaning)s %(hint)s First positions: %(first_positions)s",
            refusal,
        )


def _log_two_readings(manifest: Mapping[str, Any]) -> None:
    if pairs := manifest["ambiguous_numbers"]:
        counts = ", ".join(f"{rows:,} x {countries}" for countries, rows in pairs.items())
        log.warning("Numbers that are valid in two countries: %s", counts)


def _changes(fields: Sequence[SampleField]) -> str:
    changed = [each for each in fields if each.before != each.after]
    texts = [f"{each.name} {each.before!r} -> {each.after!r}" for each in changed]
    unchanged = len(fields) - len(changed)
    return ", ".join([*texts, f"{unchanged} fields as they are"] if unchanged else texts)
