"""What a check found, as JSON for scripts. docs/howto/check-a-file.md describes it; changes only add names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_socialscrm.commands import OK, REJECTED
from airflow_provider_socialscrm.commands.check_page import label, outcome_of, shown, treatment_of, why_left_out
from airflow_provider_socialscrm.commands.check_suggestions import left_out, suggestions
from airflow_provider_socialscrm.commands.check_task import whole_task
from airflow_provider_socialscrm.importer.reasons import Bucket

if TYPE_CHECKING:
    from airflow_provider_socialscrm.commands.check_found import Found
    from airflow_provider_socialscrm.importer.results.report import Refusal

SCHEMA: Final = 1
"""Version of the form. It changes only if a script that reads it has to change, too."""

BUCKETS: Final = (Bucket.INVALID, Bucket.UNKNOWN, Bucket.DUPLICATE, Bucket.BLANK)


def json_of(found: Found) -> str:
    """Return the findings of a check as JSON."""
    preview = found.preview
    counts = {bucket.value: preview.report.rows_in(bucket) for bucket in BUCKETS}
    manifest = preview.manifest()
    content = {
        "schema": SCHEMA,
        "exit_code": OK if found.is_fine else REJECTED,
        "outcome": outcome_of(found),
        "file": found.request.file,
        "files": found.files,
        "rows": {"total": preview.report.rows, "sendable": preview.sendable} | counts,
        "calls": preview.calls,
        "seconds": preview.seconds,
        "columns": list(_columns(found)),
        "refusals": [_refusal(found, refusal) for refusal in preview.report.refusals()],
        "remarks": manifest["remarks"],
        "ambiguous_numbers": manifest["ambiguous_numbers"],
        "warnings": [*filter(None, [preview.welcome]), *found.warnings],
        "left_out": [label(column) for column in left_out(found)],
        "add_to_task": [
            {"argument": each.argument, "value": each.value, "why": each.why, "is_choice": each.is_choice}
            for each in suggestions(found)
        ],
        "task": whole_task(found),
    }
    return _written(content)


def error_json(sentence: str, exit_code: int, command: str = "") -> str:
    """Return as JSON why a file could not be checked.

    :param sentence: the same that people see.
    :param command: the command to run next, if it is known.
    """
    after = {"next": command} if command else {}
    return _written({"schema": SCHEMA, "exit_code": exit_code, "outcome": sentence} | after)


def _written(content: dict[str, Any]) -> str:
    return f"{json.dumps(content, indent=1)}\n"  # in ASCII, so that any terminal and any shell passes it on


def _columns(found: Found) -> Iterator[dict[str, Any]]:
    rules, examples = found.request.options.rules, found.preview.examples
    fields = {field.column: field for field in found.plan.fields}
    for column in found.columns:
        field = fields.get(column)
        yield {
            "column": label(column),
            "field": label(field.name) if field else None,
            "sent": field is not None,
            "what": ", ".join(treatment_of(field, rules)) if field else f"left out: {why_left_out(column, rules)}",
            "examples": examples.by_column.get(column, []) if examples else [],
        }
    for field in found.plan.fields:
        if field.column is None:
            what = ", ".join(treatment_of(field, rules))
            yield {"column": None, "field": label(field.name), "sent": True, "what": what, "examples": []}


def _refusal(found: Found, refusal: Refusal) -> dict[str, Any]:
    examples = found.preview.examples.of(refusal.bucket, refusal.reason.code) if found.preview.examples else []
    rows = [
        {"row": each.position, "values": {label(name): value for name, value in each.values.items()}}
        for each in examples
    ]
    meaning, hint = shown(refusal.reason.meaning), shown(refusal.reason.hint)
    return refusal.as_dict() | {"meaning": meaning, "hint": hint, "examples": rows}
