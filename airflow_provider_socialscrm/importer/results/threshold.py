"""The threshold of refused rows above which an import fails."""

from __future__ import annotations

from fractions import Fraction

from airflow_provider_socialscrm.importer.errors import RejectedRowsError
from airflow_provider_socialscrm.importer.reasons import TO_LOOK_AT, Bucket
from airflow_provider_socialscrm.importer.results.report import Report
from airflow_provider_socialscrm.wording import counted, worded


def check_refusals(report: Report, max_rejected: float | None, rejects_path: object = None) -> None:
    """Raise if more rows were refused than allowed.

    :param max_rejected: an int is a number of rows, a float a share of the input, ``None`` allows all.
    :param rejects_path: the file with the rows, if there is one.
    :raises RejectedRowsError: with the number of rows by code.
    """
    allowed = allowed_number(max_rejected, report.rows)
    if allowed is not None and report.refused > allowed:
        advice = _what_to_do(rejects_path, report.refused) + _to_look_up(report.rows_in(Bucket.UNKNOWN))
        said = f"{report.summary()}; max_rejected allows {max_rejected}.{advice}"
        raise RejectedRowsError(said, most=_most(report))


def _most(report: Report) -> int | str | None:
    """Return the code of the largest group of refused rows, and the first of several that its rows have."""
    codes = (refusal.reason.code for refusal in report.refusals() if refusal.bucket in TO_LOOK_AT)
    code = next(codes, None)
    return code.partition("+")[0] if isinstance(code, str) else code


def _to_look_up(rows: int) -> str:
    """Return the sentence to append about rows whose message the customers may have got; empty if there are none."""
    if not rows:
        return ""
    unknown, them = counted(rows, "unknown row"), worded(rows, "it", "them")
    return f" Look up the {unknown} in the CRM before you import {them} or clear the task."


def _what_to_do(rejects_path: object, rows: int) -> str:
    if rejects_path is None:
        return " The log has their reasons and positions: fix the input, or raise max_rejected."
    return f"{written_to(rejects_path, rows)} Fix that file and import it, or raise max_rejected."


def written_to(rejects_path: object, rows: int) -> str:
    """Return the sentence to append that says where rows are; empty without a file or rows."""
    return f" {worded(rows, 'It is', 'They are')} in {rejects_path}." if rows and rejects_path is not None else ""


def allowed_number(most: float | None, total: int) -> int | None:
    """Return the number that a threshold allows; ``None`` allows all.

    :param most: an int is a number, a float a share of the total, ``None`` allows all.
    :param total: such as the rows of the input.
    """
    if isinstance(most, float):
        return int(Fraction(str(most)) * total)  # exact: 0.29 of 100 rows is 29
    return most
