"""The task to paste into a DAG: what was checked, what a check adds to it, and as comments what a person may choose.

A line that is not a comment changes no row's outcome, so that the task ends as the check says. Each comment is a valid
argument without its ``#``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from airflow_provider_socialscrm.commands.check_folders import PLACEHOLDER, folder_beside, name_of_data
from airflow_provider_socialscrm.commands.check_options import task_of
from airflow_provider_socialscrm.commands.check_suggestions import suggestions

if TYPE_CHECKING:
    from airflow_provider_socialscrm.commands.check_found import Found

RETRIES: Final = 3
"""Retries of the printed task; with Airflow's default of none, an outage of the CRM fails it."""


def whole_task(found: Found) -> str:
    """Return the Python code of the task."""
    return task_of(found.request, [*_suggested(found), *_standing(found)])


def _suggested(found: Found) -> Iterator[str]:
    for each in suggestions(found):
        is_given = each.argument in found.request.arguments
        *lines, last = each.code.splitlines()
        yield from lines
        yield f"{last}  # instead of {each.argument} above" if is_given else last


def _standing(found: Found) -> Iterator[str]:
    folder = folder_beside(found.request.file)
    where = "a folder of yours" if folder == PLACEHOLDER else "the same folder"
    # A name for each input: one ledger for two of them would report each other's customers as gone.
    ledger = f"{folder}/ledgers/{name_of_data(found.request.file)}"
    yield f"# ledger={ledger!r},  # sends only what changed; {where} in every run"
    yield f"retries={RETRIES},  # each resumes where the try before stopped"
