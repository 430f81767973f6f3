"""The lines of a task's log about its import: the target, where the rows ended, and why."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_socialscrm._compat import has_retry_policies
from airflow_provider_socialscrm.wording import by_country, counted, worded

if TYPE_CHECKING:
    from airflow_provider_socialscrm.api.settings import Settings
    from airflow_provider_socialscrm.importer.dry_run import Preview, SampleField
    from airflow_provider_socialscrm.importer.sources.base import Source

log = logging.getLogger(__name__)

HARMLESS: Final = "duplicate"
"""The bucket of rows that were not sent and that nobody has to look at."""


TIMED_OUT: Final = "AirflowTaskTimeout"
"""The error by which Airflow ends a try that takes longer than ``execution_timeout``."""

THE_ROW: Final = "The row that was not accepted is in %s, with its reason"
THE_ROWS: Final = "Rows that were not accepted are in %s, each with its reason"


def log_start(source: Source, settings: Settings, *, dry_run: bool) -> None:
    """Log the input, the target, and the features that this Airflow version lacks."""
    action = "Dry run against" if dry_run else "Importing into"
    log.info("%s tenant %s at %s: %s", action, settings.tenant_id, settings.base_url, source.describe)
    if not has_retry_policies():
        log.info(
            "Airflow before 3.3 has no retry policies and no task state: retries wait for the task's retry_delay, "
            "an error that no retry fixes fails the task at once, and progress is in this log only"
        )


def log_outcome(manifest: Mapping[str, Any], ledger: object = None) -> None:
    """Log where the rows of an import ended.

    :param ledger: path of the ledger, if there is one.
    """
    at_least = "at least " if manifest["calls"]["unsaved_ends"] else ""
    calls = at_least + counted(manifest["calls"]["sent"], "call")
    log.info("Rows: %s; %s in %.1f s", _counts(manifest), calls, manifest["seconds"]["total"])
    _log_emptiness(manifest, ledger)
    _log_changes(manifest)
    if broke_off := manifest.get("broke_off"):
        log.warning("The task broke off while %s (%s)", broke_off["while"], broke_off["error"])
        if broke_off["error"] == TIMED_OUT:
            log.warning("execution_timeout ended this try; a retry resumes. If this repeats, raise execution_timeout")
    _log_refusals(manifest)
    _log_ambiguous_numbers(manifest)
    _log_countries(manifest)
    _log_where(manifest)


def _log_where(manifest: Mapping[str, Any]) -> None:
    path, rows = manifest["rejects_path"], sum(refusal["rows"] for refusal in manifest["refusals"])
    if not rows:
        return
    if path is None:
        is_harmless = all(refusal["bucket"] == HARMLESS for refusal in manifest["refusals"])
        log.log(
            logging.INFO if is_harmless else logging.WARNING,
            "Set rejects_path to write the rows that were not accepted to a file, each with its reason",
        )
    elif manifest.get("rejects_written", True):  # a run that breaks off early writes none
        log.info(worded(rows, THE_ROW, THE_ROWS), path)


def log_preview(preview: Preview, ledger: object = None) -> None:
    """Log what an import would send, with masked sample rows.

    :param ledger: path of the ledger, if there is one.
    """
    manifest = preview.manifest()
    log.info("Dry run: no call is made, and no dead letter is written. Rows: %s", _counts(manifest))
    log.info("An import needs %s and at least %s s", counted(preview.calls, "call"), f"{preview.seconds:,}")
    _log_emptiness(manifest, ledger)
    _log_changes(manifest)
    if preview.welcome:
        log.warning("%s", preview.welcome)
    _log_refusals(manifest)
    _log_ambiguous_numbers(manifest)
    _log_countries(manifest)
    for remark in manifest["remarks"]:
        rows = counted(remark["rows"], "row")
        log.warning("%s, code %s: %s %s", rows, remark["code"], remark["meaning"], remark["hint"])
    for position, fields in preview.samples.items():
        log.info("Row %s, masked: %s", position, _changes(fields))


def _counts(manifest: Mapping[str, Any]) -> str:
    return ", ".join(f"{count:,} {bucket}" for bucket, count in manifest["rows"].items() if count) or "none"


def _log_emptiness(manifest: Mapping[str, Any], ledger: object) -> None:
    if manifest["rows"]["total"] or manifest.get("broke_off"):  # a run that breaks off may have read no row yet
        return
    if known := (manifest["changes"] or {}).get("ledger"):
        log.warning(
            "The input is empty, and the ledger has %s: check the task that wrote the input. To fail the task then, "
            "set ledger=Ledger(%r, min_rows=1)",
            counted(known, "customer"),
            str(ledger),
        )
    else:
        log.warning("The input has no rows: check the task that wrote it")


def _log_changes(manifest: Mapping[str, Any]) -> None:
    if not (changes := manifest["changes"]):
        return
    found = [f"{changes[name]:,} {name}" for name in ("new", "changed", "aged", "retried") if changes[name]]
    if changes.get("adopted"):
        found.append(f"{changes['adopted']:,} taken for accepted without a call")
    fields = [f"{name} {rows:,}" for name, rows in changes["by_field"].items()]
    by_field = f"; by field: {', '.join(fields)}" if fields else ""
    log.info("Against the ledger: %s%s", ", ".join(found) or "no row differs", by_field)
    if changes["gone"]:
        gone, new = counted(changes["gone"], "number"), f"{changes['newly_gone']:,}"
        log.info("Not in the input: %s of the ledger, %s of them for the first time", gone, new)
    if changes["in_doubt"]:
        log.warning(
            "%s in doubt: an earlier call with a field that is sent once was cut short, so it is not known whether the "
            "CRM accepted the field, and the field is not sent again. The ledger's once_ and taken_ columns name the "
            "numbers: look them up in the CRM",
            counted(changes["in_doubt"], "row"),
        )
    for name, rows in changes["emptied"].items():
        log.warning("%s: no value any more in %s; the CRM keeps the old one", name, counted(rows, "row"))


def _log_refusals(manifest: Mapping[str, Any]) -> None:
    for refusal in manifest["refusals"]:
        log.log(
            logging.INFO if refusal["bucket"] == HARMLESS else logging.WARNING,
            "%s %s, code %s: %s %s%s",
            counted(refusal["rows"], "row"),
            *(refusal[key] for key in ("bucket", "code", "meaning", "hint")),
            f" First positions, counted from 0: {first}"
            if (first := refusal["first_positions"])
            else "",  # a stop names none
        )


def _log_ambiguous_numbers(manifest: Mapping[str, Any]) -> None:
    if pairs := manifest["ambiguous_numbers"]:
        counts = ", ".join(f"{rows:,} x {countries}" for countries, rows in pairs.items())
        log.warning("Numbers that are valid in two countries: %s", counts)


def _log_countries(manifest: Mapping[str, Any]) -> None:
    if countries := manifest["countries"]:
        log.info("Numbers by country: %s", by_country(countries))


def _changes(fields: Sequence[SampleField]) -> str:
    changed = [each for each in fields if each.before != each.after]
    texts = [f"{each.name} {each.before!r} -> {each.after!r}" for each in changed]
    unchanged = len(fields) - len(changed)
    return ", ".join([*texts, f"{counted(unchanged, 'field')} unchanged"] if unchanged else texts)
