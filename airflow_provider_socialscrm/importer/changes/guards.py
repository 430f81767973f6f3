"""Guards: conditions under which an import stops before its first call."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from airflow_provider_socialscrm.api.customers import API_FIELDS
from airflow_provider_socialscrm.importer.changes.difference import GUARDED, Counts
from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.importer.results.threshold import allowed_number
from airflow_provider_socialscrm.importer.spelling import did_you_mean
from airflow_provider_socialscrm.wording import counted

if TYPE_CHECKING:
    from airflow_provider_socialscrm.importer.changes.options import Ledger


def check_fields(options: Ledger, sent: Collection[str]) -> None:
    """Raise if ``once`` or ``ignore`` names a field that rows cannot have: a misspelt one would be sent each time.

    :param sent: names of the fields of this input.
    :raises InputError: naming each of them.
    """
    known = sorted({*API_FIELDS, *sent})
    wrong = [
        f"{argument} names '{name}', which is not a field of the API, and not sent by this task"
        f"{did_you_mean(name, known)}"
        for argument, names in (("once", options.once), ("ignore", options.ignore))
        for name in names
        if name not in known
    ]
    if wrong:
        raise InputError(f"ledger: {'; '.join(wrong)}.")


def check_guards(options: Ledger, counts: Counts, digest: str, *, input_rows: int | None, is_first: bool) -> None:
    """Raise if the import must not be sent.

    :param counts: the difference in numbers.
    :param digest: of the difference.
    :param input_rows: all rows of the input, also those that cannot be sent; ``None`` for a part of an input, which may
        be small.
    :param is_first: whether the ledger is empty: then each row is new.
    :raises InputError: saying which guard stopped the import, and what to do.
    """
    if options.min_rows is not None and input_rows is not None and input_rows < options.min_rows:
        rows = counted(input_rows, "row, and min_rows is", "rows, and min_rows is")
        raise InputError(
            f"The input has {rows} {options.min_rows:,}, so no call was made. "
            "Check the query or file that it comes from."
        )
    if options.expected_changes is not None and digest != options.expected_changes:
        raise InputError(
            "The difference between the input and the ledger is not the one in expected_changes, so no call was "
            "made: the input or the ledger has changed since. Run the dry run again, and approve what it finds."
        )
    if _is_above(options.max_gone, counts.newly_gone, counts):
        raise InputError(
            f"The input lacks {counted(counts.newly_gone, 'customer')} that the last import had, and max_gone is "
            f"{_limit(options.max_gone, counts)}, so no call was made. Check the query or file that it comes from; to "
            "import it anyway, raise max_gone for one run."
        )
    changes = sum(counts.rows[change] for change in GUARDED)
    if _is_above(options.max_changes, changes, counts) and not is_first and options.resend != "adopt":
        found = ", ".join(f"{counts.rows[change]:,} {change.name.lower()}" for change in GUARDED)
        raise InputError(
            f"The input has {counted(changes, 'change')} ({found}), and max_changes is "
            f"{_limit(options.max_changes, counts)}, so no call was made. Check the input; to send it anyway, "
            "raise max_changes for one run."
        )


def _is_above(most: float | None, found: int, counts: Counts) -> bool:
    allowed = allowed_number(most, counts.ledger)
    return allowed is not None and found > allowed


def _limit(most: float, counts: Counts) -> str:
    return str(most) if isinstance(most, int) else f"{most} of {counted(counts.ledger, 'customer')}"
